/** @file The digits network in a page, bundled with Vite: on WebGPU, with the adapter's limits and with the specification's default ones, and on device cpu. */
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { build, createLogger } from 'vite'
import { type Digits, loadDigits } from '../../examples/digits/data.ts'
import type { Images, Report } from './page.ts'
import { call, visit } from './serve.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EPOCHS = 4
const DEFAULT_BUFFERS = 8
/** What must not be in a page: imports that only Node can follow (those hidden behind a variable are never run there), Vite's stand-ins, Dawn. */
const FOREIGN = /(?:from|import)\s*\(?\s*["'`](?:node:|webgpu)|__vite-browser-external|dawn\.node/
export const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

/** @param folder an empty one */
export async function checkDigits(browser: Browser, folder: string): Promise<void> {
  await bundleDigits(folder)
  const { train, test } = loadDigits()
  const digits = { train: plain(train), test: plain(test) }
  const trainIn = (headers: Record<string, string>, query: string, device: 'webgpu' | 'cpu'): Promise<Report> =>
    trainDigits(browser, folder, headers, query, digits, device)
  await trainIn({}, '', 'webgpu')
  const { limits } = await trainIn({}, '?limits=default', 'webgpu')
  const buffers = limits.maxStorageBuffersPerShaderStage
  if (buffers !== DEFAULT_BUFFERS) throw new Error(`default limits were asked for, the device has ${buffers} storage buffers`)
  const alone = await trainIn({}, '', 'cpu')
  const threads = await trainIn(ISOLATED, '', 'cpu')
  if (!alone.adapter.includes('WebAssembly SIMD, 1 thread')) throw new Error(`a page of its own trains on ${alone.adapter}`)
  if (cpus().length > 1 && !/WebAssembly SIMD, \d+ threads/.test(threads.adapter))
    throw new Error(`an isolated page trains on ${threads.adapter}`)
  if (String(threads.losses) !== String(alone.losses)) throw new Error('the losses differ with the number of threads')
}

async function bundleDigits(outDir: string): Promise<void> {
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

async function trainDigits(
  browser: Browser,
  folder: string,
  headers: Record<string, string>,
  query: string,
  digits: { train: Images; test: Images },
  device: 'webgpu' | 'cpu',
): Promise<Report> {
  const started = performance.now()
  const { report, complaints } = await visit(browser, folder, headers, query, async (seen) => ({
    report: (await call(seen.page, 'train', digits, EPOCHS, device)) as Report,
    complaints: seen.complaints,
  }))
  const { adapter, limits, losses, accuracy, loaded, files } = report
  const seconds = (performance.now() - started) / 1000
  const [first, last] = [losses[0] as number, losses.at(-1) as number]
  const buffers = limits.maxStorageBuffersPerShaderStage
  console.log(
    `digits on ${adapter}${buffers === undefined ? '' : `, ${buffers} storage buffers`}: loss ${losses.map((loss) => loss.toFixed(3)).join(' ')}, accuracy ${(100 * accuracy).toFixed(1)}%, ${seconds.toFixed(1)} s`,
  )
  if (complaints.length > 0) throw new Error(`the page complains:\n${complaints.join('\n')}`)
  if (!(last < first / 2 && accuracy > 0.9)) throw new Error('the page did not learn')
  if (loaded !== accuracy) throw new Error(`the saved network is right in ${loaded}, not in ${accuracy}`)
  if (!files.includes('files need Node')) throw new Error(`saveState in a page: ${files}`)
  return report
}

function plain({ images, labels }: Digits): Images {
  return { images: [...images], labels: [...labels] }
}
