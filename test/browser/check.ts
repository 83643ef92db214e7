/**
 * @file `npm run test:browser`: a page with the built package, bundled with Vite, trains the digits network in Chromium: on SwiftShader, with the adapter's limits and
 * with the specification's default ones, and on device cpu, in a page of its own (one thread) and in one that is cross-origin isolated (threads).
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { build, createLogger, preview } from 'vite'
import { type Digits, loadDigits } from '../../examples/digits/data.ts'
import type { Images, Report, Train } from './page.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => path && existsSync(path))
const FLAGS = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--disable-quic', '--no-first-run']
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync']
const EPOCHS = 4
const DEFAULT_BUFFERS = 8
/** What must not be in a page: imports that only Node can follow (those hidden behind a variable are never run there), Vite's stand-ins, Dawn. */
const FOREIGN = /(?:from|import)\s*\(?\s*["'`](?:node:|webgpu)|__vite-browser-external|dawn\.node/

if (!CHROMIUM) {
  console.log('NOT TESTED: the browser. Chromium is not there (Debian: apt-get install chromium; or its path in CHROMIUM).')
  process.exit()
}
if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('the package is not built: npm run build')

const outDir = mkdtempSync(join(tmpdir(), 'tapegrad-browser-'))
try {
  await bundle()
  await visit({}, ['', '?limits=default'], 'webgpu')
  const alone = await visit({}, [''], 'cpu')
  const isolated = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
  const threads = await visit(isolated, [''], 'cpu')
  if (!alone[0]?.adapter.includes('WebAssembly SIMD, 1 thread')) throw new Error(`a page of its own trains on ${alone[0]?.adapter}`)
  if (cpus().length > 1 && !/WebAssembly SIMD, \d+ threads/.test(threads[0]?.adapter ?? ''))
    throw new Error(`an isolated page trains on ${threads[0]?.adapter}`)
  if (String(threads[0]?.losses) !== String(alone[0]?.losses)) throw new Error('the losses differ with the number of threads')
} finally {
  rmSync(outDir, { recursive: true, force: true })
}

async function bundle(): Promise<void> {
  const logger = createLogger('warn')
  const warnings: string[] = []
  logger.warn = (text) => warnings.push(text)
  logger.warnOnce = logger.warn
  await build({
    configFile: false,
    root: join(ROOT, 'test/browser'),
    base: './',
    customLogger: logger,
    logLevel: 'warn',
    resolve: { alias: [{ find: /^tapegrad$/, replacement: join(ROOT, 'dist/index.js') }] },
    build: { outDir, emptyOutDir: true, target: 'es2022' },
  })
  if (warnings.length > 0) throw new Error(`the bundler warns:\n${warnings.join('\n')}`)
  let bytes = 0
  for (const name of readdirSync(join(outDir, 'assets'))) {
    const text = readFileSync(join(outDir, 'assets', name), 'utf8')
    bytes += text.length
    const foreign = FOREIGN.exec(text)
    if (foreign) throw new Error(`${name} holds ${foreign[0]}: …${text.slice(Math.max(0, foreign.index - 80), foreign.index + 80)}…`)
  }
  console.log(`bundled: ${(bytes / 1024).toFixed(0)} KB`)
}

async function visit(headers: Record<string, string>, queries: readonly string[], device: 'webgpu' | 'cpu'): Promise<Report[]> {
  const server = await preview({
    configFile: false,
    root: ROOT,
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0, headers },
    logLevel: 'warn',
  })
  const address = server.resolvedUrls?.local[0]
  const browser = await chromium.launch({ executablePath: CHROMIUM as string, args: [...FLAGS, ...QUIET] })
  try {
    console.log(
      `Chromium ${browser.version()}, device ${device}${queries.length > 1 ? '' : Object.keys(headers).length > 0 ? ', cross-origin isolated' : ''}`,
    )
    const reports: Report[] = []
    for (const query of queries) {
      const page = await browser.newPage()
      const complaints: string[] = []
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
      await page.goto(`${address}${query}`)
      const { train, test } = loadDigits()
      const digits = { train: plain(train), test: plain(test) }
      const started = performance.now()
      type Work = [images: typeof digits, epochs: number, on: typeof device]
      const work = async ([images, epochs, on]: Work) => (globalThis as unknown as { train: Train }).train(images, epochs, on)
      const report = await page.evaluate(work, [digits, EPOCHS, device] as Work)
      const { adapter, limits, losses, accuracy, loaded, files } = report
      reports.push(report)
      const seconds = (performance.now() - started) / 1000
      const [first, last] = [losses[0] as number, losses.at(-1) as number]
      const buffers = limits.maxStorageBuffersPerShaderStage
      console.log(
        `${adapter}${buffers === undefined ? '' : `, ${buffers} storage buffers`}: loss ${losses.map((loss) => loss.toFixed(3)).join(' ')}, accuracy ${(100 * accuracy).toFixed(1)}%, ${seconds.toFixed(1)} s`,
      )
      if (complaints.length > 0) throw new Error(`the page complains:\n${complaints.join('\n')}`)
      if (!(last < first / 2 && accuracy > 0.9)) throw new Error('the page did not learn')
      if (loaded !== accuracy) throw new Error(`the saved network is right in ${loaded}, not in ${accuracy}`)
      if (!files.includes('files need Node')) throw new Error(`saveState in a page: ${files}`)
      if (query && buffers !== DEFAULT_BUFFERS) throw new Error(`default limits were asked for, the device has ${buffers} storage buffers`)
      await page.close()
    }
    return reports
  } finally {
    await browser.close()
    await server.close()
  }
}

function plain({ images, labels }: Digits): Images {
  return { images: [...images], labels: [...labels] }
}
