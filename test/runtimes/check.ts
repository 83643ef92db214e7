/**
 * @file `npm run test:runtimes`: the package as npm would publish it, installed in a folder of its own, trains in other runtimes, on cpu and on WebGPU, and computes what
 * Node computes. They are npm packages, installed for this alone; what one of them does not have here is printed as NOT TESTED.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adapterVariables } from '../support/adapter.ts'
import { pack, project, runIn } from '../support/packed.ts'
import { installRuntime } from '../support/runtimes.ts'

type DeviceName = 'cpu' | 'webgpu'

interface Runtime {
  readonly title: string
  /** The npm package that brings it. */
  readonly from: string
  /** What goes in front of the script. */
  readonly options: readonly string[]
  readonly devices: readonly DeviceName[]
  /** Whether it may neither read its environment nor write files. */
  readonly confined?: boolean
}

/** What one program printed. */
interface Outcome {
  readonly adapter: string
  readonly losses: readonly number[]
  readonly accuracy: number
  readonly values: Readonly<Record<string, readonly number[]>>
}

const BOTH = ['cpu', 'webgpu'] as const
const DENO = 'deno@2.9.6'
const RUNTIMES: readonly Runtime[] = [
  { title: 'Node 22', from: 'node@22', options: [], devices: BOTH },
  { title: 'Node 24', from: 'node@24', options: [], devices: BOTH },
  { title: 'Deno 2.9', from: DENO, options: ['run', '--allow-all', '--unstable-webgpu'], devices: BOTH },
  { title: 'Deno 2.9 without any permission', from: DENO, options: ['run', '--no-prompt'], devices: ['cpu'], confined: true },
  {
    title: 'Deno 2.9 with native code alone',
    from: DENO,
    options: ['run', '--no-prompt', '--allow-ffi', '--allow-read'],
    devices: ['cpu'],
    confined: true,
  },
  { title: 'Bun 1.3.0, the least', from: 'bun@1.3.0', options: [], devices: BOTH },
  { title: 'Bun 1.4', from: 'bun@1.4.5', options: [], devices: BOTH },
]

/** Training carries rounding on from step to step. */
const LOSS = 2e-3
const VALUE = 1e-4

const work = mkdtempSync(join(tmpdir(), 'tapegrad-runtimes-'))
process.env.TAPEGRAD_CACHE = join(work, 'cache')
const app = join(work, 'app')
mkdirSync(app)
try {
  project(app, { tapegrad: `file:${join(work, pack(work).filename)}` })
  cpSync(fileURLToPath(new URL('program.js', import.meta.url)), join(app, 'program.js'))
  const variables = await adapterVariables()
  const expected = Object.fromEntries(BOTH.map((device) => [device, run(process.execPath, [], device, variables, true)]))
  for (const device of BOTH) describe(`Node ${process.versions.node}`, device, expected[device] as Outcome)
  for (const runtime of RUNTIMES) tryOut(runtime, expected as Record<DeviceName, Outcome>, variables)
} finally {
  rmSync(work, { recursive: true, force: true })
}

function tryOut(
  { title, from, options, devices, confined = false }: Runtime,
  expected: Readonly<Record<DeviceName, Outcome>>,
  variables: Readonly<Record<string, string>>,
): void {
  let program: string
  try {
    program = installRuntime(work, from)
  } catch (e) {
    console.log(`NOT TESTED: ${title} (${firstLine(e)})`)
    return
  }
  for (const device of devices) {
    let outcome: Outcome
    try {
      outcome = run(program, options, device, variables, !confined)
    } catch (e) {
      const none = device === 'webgpu' && /navigator\.gpu gives no adapter|no WebGPU adapter answers/.exec(String(e))
      if (!none) throw e
      console.log(`NOT TESTED: WebGPU in ${title} (${none[0]})`)
      continue
    }
    compare(title, device, outcome, expected[device])
    describe(title, device, outcome)
  }
}

function run(
  program: string,
  options: readonly string[],
  device: DeviceName,
  variables: Readonly<Record<string, string>>,
  files: boolean,
): Outcome {
  const args = [...options, 'program.js', device, ...(files ? ['state.safetensors'] : [])]
  return JSON.parse(runIn(app, program, args, variables).split('\n').at(-1) as string) as Outcome
}

/** @throws Error where it did not learn, or values differ from Node's */
function compare(title: string, device: DeviceName, { losses, accuracy, values }: Outcome, node: Outcome): void {
  const [first, last] = [losses[0] as number, losses.at(-1) as number]
  if (!(last < first / 10 && accuracy > 0.9))
    throw new Error(`${title}, ${device}: no learning: loss ${first} to ${last}, accuracy ${accuracy}`)
  near(`${title}, ${device}: losses`, losses, node.losses, LOSS)
  const names = Object.keys(node.values)
  if (String(Object.keys(values)) !== String(names)) throw new Error(`${title}, ${device}: values of ${Object.keys(values)}, not ${names}`)
  for (const name of names) near(`${title}, ${device}: ${name}`, values[name] as number[], node.values[name] as number[], VALUE)
}

/** @throws Error where a value differs by more than this part of 1 + its size */
function near(what: string, values: readonly number[], expected: readonly number[], tolerance: number): void {
  const at = expected.findIndex((x, i) => !(Math.abs((values[i] as number) - x) <= tolerance * (1 + Math.abs(x))))
  if (at >= 0 || values.length !== expected.length) throw new Error(`${what}: ${values}, in Node ${expected}`)
}

function describe(title: string, device: DeviceName, { adapter, losses }: Outcome): void {
  const [first, last] = [losses[0] as number, losses.at(-1) as number]
  console.log(`${title}, ${device}, ${adapter}: loss ${first.toFixed(3)} to ${last.toExponential(1)}`)
}

const firstLine = (e: unknown): string => (e instanceof Error ? e.message : String(e)).split('\n')[0] as string
