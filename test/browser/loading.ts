/** @file How the package comes into a page: through each bundler, or as it is; what the page loads of it then; and what a content policy changes. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { BUNDLERS, bundle } from '../support/bundlers.ts'
import { pack, project } from '../support/packed.ts'
import { ISOLATED } from './digits.ts'
import { call, type Visit, visit } from './serve.ts'

type DeviceName = 'webgpu' | 'cpu'

/** What test/bundlers/program.js gives. */
interface Trained {
  readonly adapter: string
  readonly losses: readonly number[]
  readonly one: boolean
}

const HTML = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>'
const BUNDLED = fileURLToPath(new URL('../bundlers', import.meta.url))
/** Text that only the code of one thing has, however it is minified. */
const MARKS: Readonly<Record<DeviceName | 'ndarray', string>> = {
  webgpu: 'createComputePipeline',
  cpu: 'WebAssembly SIMD, ',
  ndarray: 'CTOR_LIST',
}
const policy = (text: string): Record<string, string> => ({ 'Content-Security-Policy': text })

/** @param folder an empty one */
export async function checkLoading(browser: Browser, folder: string): Promise<void> {
  const app = join(folder, 'app')
  mkdirSync(app)
  project(app, { tapegrad: `file:${join(folder, pack(folder).filename)}` })
  const losses = new Set<string>()
  for (const bundler of BUNDLERS) {
    const out = join(folder, bundler)
    for (const name of ['program.js', 'page.js']) cpSync(join(BUNDLED, name), join(app, name))
    await bundle(bundler, 'browser', join(app, 'page.js'), out)
    writeFileSync(join(out, 'index.html'), HTML)
    for (const device of ['webgpu', 'cpu'] as const)
      await visit(browser, out, {}, '', async (seen) => {
        const trained = await trainIn(seen, device)
        losses.add(`${device}: ${trained.losses}`)
        checkLoaded(seen, device)
        const stride = await call(seen.page, 'ndarray')
        if (String(stride) !== '1' || !holds(seen, 'ndarray')) throw new Error(`${bundler}: toNdarray() gives the strides ${stride}`)
        quiet(seen)
        console.log(`${bundler}, ${device}, ${trained.adapter}: ${seen.scripts.size} scripts`)
      })
  }
  if (losses.size !== 2) throw new Error(`bundles compute different losses:\n${[...losses].join('\n')}`)
  for (const [text, pattern] of [
    [
      "script-src 'self' 'wasm-unsafe-eval'",
      /toNdarray: the package ndarray cannot be used here \(.*unsafe-eval.*\)\. data\(\) and shape/s,
    ],
    ["script-src 'self' 'unsafe-eval'", /^\[1\]$/],
  ] as const)
    await visit(browser, join(folder, 'esbuild'), policy(text), '', async ({ page }) =>
      expectSaid(await call(page, 'ndarray').then(JSON.stringify, (error: Error) => error.message), pattern),
    )
  await checkPolicies(browser, plainPage(folder, join(app, 'node_modules/tapegrad')))
}

/** A page without a bundler: the same program, which names the files of dist/. */
function plainPage(folder: string, installed: string): string {
  const out = join(folder, 'plain')
  cpSync(join(installed, 'dist'), join(out, 'tapegrad'), { recursive: true })
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { exports: Record<string, { default: string }> }
  for (const [from, to] of [
    ['program.js', 'program.js'],
    ['page.js', 'main.js'],
  ] as const) {
    const text = readFileSync(join(BUNDLED, from), 'utf8').replace(
      /'tapegrad(\/[a-z/]+)?'/g,
      (_, entry = '') => `'${exports[`.${entry}`]?.default.replace('./dist', './tapegrad')}'`,
    )
    writeFileSync(join(out, to), text)
  }
  writeFileSync(join(out, 'index.html'), HTML)
  return out
}

async function checkPolicies(browser: Browser, folder: string): Promise<void> {
  const self = "script-src 'self'"
  const wasm = `${self} 'wasm-unsafe-eval'`
  const most = cpus().length === 1 ? '1 thread' : `${cpus().length} threads`
  const cases = [
    { text: wasm, headers: {}, threads: '1 thread' },
    { text: wasm, headers: ISOLATED, threads: '1 thread' },
    { text: `${wasm}; worker-src blob:`, headers: ISOLATED, threads: most },
  ]
  const losses = new Set<string>()
  for (const { text, headers, threads } of cases)
    await visit(browser, folder, { ...policy(text), ...headers }, '', async (seen) => {
      const trained = await trainIn(seen, 'cpu')
      losses.add(String(trained.losses))
      const title = `plain page, ${headers === ISOLATED ? 'isolated, ' : ''}${text}`
      if (trained.adapter !== `WebAssembly SIMD, ${threads}`) throw new Error(`${title}: it trains on ${trained.adapter}`)
      console.log(`${title}: ${trained.adapter}`)
    })
  if (losses.size !== 1) throw new Error(`losses differ with the content policy: ${[...losses].join('; ')}`)
  await visit(browser, folder, policy(self), '', async (seen) => {
    const trained = await trainIn(seen, 'webgpu')
    checkLoaded(seen, 'webgpu')
    quiet(seen)
    console.log(`plain page, ${self}: ${trained.adapter}, ${seen.scripts.size} scripts`)
    expectSaid(await failure(call(seen.page, 'ndarray')), /toNdarray: the package ndarray cannot be used here \(.*\)\. data\(\) and shape/)
    expectSaid(await failure(call(seen.page, 'train', 'cpu')), /DeviceError: cpu: WebAssembly may not be compiled here.*'wasm-unsafe-eval'/)
  })
}

async function trainIn({ page }: Visit, device: DeviceName): Promise<Trained> {
  const trained = (await call(page, 'train', device)) as Trained
  const [first, last] = [trained.losses[0] as number, trained.losses.at(-1) as number]
  if (!(last < first && trained.one)) throw new Error(`a page on ${device}: loss ${first} to ${last}, one library: ${trained.one}`)
  return trained
}

const holds = ({ scripts }: Visit, what: keyof typeof MARKS): boolean => [...scripts.values()].some((text) => text.includes(MARKS[what]))

/** A page loads the device that it computes on and no other, and nothing that it has not asked for; `npm run size` counts the same files. */
function checkLoaded(seen: Visit, device: DeviceName): void {
  for (const what of ['webgpu', 'cpu', 'ndarray'] as const)
    if (holds(seen, what) !== (what === device))
      throw new Error(
        `a page on ${device} ${holds(seen, what) ? 'loads' : 'has not loaded'} ${what}: ${[...seen.scripts.keys()].join(', ')}`,
      )
}

function quiet({ complaints }: Visit): void {
  if (complaints.length > 0) throw new Error(`the page complains:\n${complaints.join('\n')}`)
}

const failure = (call: Promise<unknown>): Promise<string> =>
  call.then(
    (result) => `no error, but ${JSON.stringify(result)}`,
    (error: Error) => error.message,
  )

function expectSaid(said: string, pattern: RegExp): void {
  if (!pattern.test(said)) throw new Error(`a page with a content policy: ${said}, not ${pattern}`)
  console.log(`  ${pattern.exec(said)?.[0]}`)
}
