/**
 * @file `npm run bench`: tapegrad, TensorFlow.js and jax-js on one device, in one run.
 *
 * Each library lives in a process of its own; they work in turns, one at a time, a few steps each, round after round, so that what else the
 * machine does hits all alike. A time is reported only where the numbers are right: losses 1 and 10 against PyTorch's, products and the elementwise
 * chain against float64.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ensureAdapter } from '../test/support/adapter.ts'
import type { Loop } from './dynamic-tasks.ts'
import type { First } from './first-tasks.ts'
import { inTurn, LIBRARIES, type Library, type Variant, variantsOf, Worker } from './library.ts'
import { CASES, OPS, type OpCase } from './ops-tasks.ts'
import {
  CHECKPOINT_HEAD,
  type Circumstances,
  COMPARISON_HEAD,
  type Comparison,
  checkpointLine,
  conclusions,
  DYNAMIC_HEAD,
  dynamicGoals,
  dynamicLine,
  FIRST_STEP_HEAD,
  fillPage,
  firstLine,
  firstStepGoals,
  firstStepLine,
  GROWTH_HEAD,
  growthLine,
  headOf,
  LOOKUPS_HEAD,
  type LookupRow,
  lookupGrowth,
  lookupLine,
  MISSES_HEAD,
  markdown,
  median,
  missGoals,
  missLine,
  type Report,
  type Row,
  rowLine,
  spread,
} from './report.ts'
import { type Ops, opLine, opsConclusions, opsHead } from './report-ops.ts'
import { ATTENTION, CHAIN, CHECKED_STEPS, MATMUL_SIZES, type Network, type ProductShape } from './tasks.ts'
import { watched } from './watch.ts'
import type { Device, Request } from './worker.ts'

const HELP = `Measures tapegrad against TensorFlow.js and jax-js: on the same WebGPU adapter, or on the CPU, where both have WebAssembly.

  npm run bench -- [flags]           MLP and CNN training steps, matrix products; on the CPU also a batch of small ones, and an elementwise chain
  npm run bench -- overhead [flags]  host microseconds per recorded op of a cached MLP step
  npm run bench -- dynamic [flags]   training loops whose graph changes from step to step, and first steps; with --torch PyTorch beside them
  npm run bench -- lookups [flags]   rows by position, and their gradients; with --torch PyTorch beside them
  npm run bench -- growth [flags]    how the time of a program that is seen for the first time grows with its length
  npm run bench -- misses [flags]    what a graph costs that was not seen before, where its kernels are known; with --torch goals scaled by PyTorch's tree
  npm run bench -- caches [flags]    3,000 steps of 3,000 structures: what is cached, and memory
  npm run bench -- checkpoint [flags] peak memory against depth, with and without checkpointing; with --amp under autocast
  npm run bench -- custom [flags]    an op of one's own beside the same composed of the library's functions
  npm run bench -- ops [flags]       single ops and their gradients; with --torch PyTorch beside them
  npm run bench -- --table FILE      prints a results file as markdown
  npm run bench -- --page            writes the tables of docs/performance.md from the results files that it names

  --device webgpu|cpu   cpu: tapegrad on one thread, on all, and with a system BLAS where there is one (default webgpu)
  --rounds N            turns of each library (default 5)
  --only a,b,…          only these tasks (mlp, cnn, matmul256, matmul512, matmul1024, attention, elementwise) or libraries (tapegrad, tfjs, jax-js, copy);
                        for ops names of ops (sort, conv1d, …) instead of tasks
  --torch               PyTorch on the CPU too (Debian's python3-torch)
  --amp                 checkpoint: the forward under autocast
  --save                write the figures to benchmarks/results/
  --page                with --save: the tables of docs/performance.md too
  --help                this text`

const LOSS_TOLERANCE = 1e-4
const PRODUCT_TOLERANCE = 1e-5
/** Two roundings of numbers below 2. */
const CHAIN_TOLERANCE = 5e-7
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** What came of setting a task up. */
interface Start {
  /** Why the numbers are wrong, if they are. */
  readonly wrong?: string
  /** The library has no such task. */
  readonly cannot?: boolean
  readonly firstStepMs?: number
  readonly dispatches?: number
}

interface Task {
  readonly name: string
  /** Where it is measured. */
  readonly devices: readonly Device[]
  /** Untimed: sets up and warms up. */
  readonly start: (worker: Worker) => Promise<Start>
  readonly turn: Request
  readonly flop?: number
  readonly bytes?: number
}

/** What is measured in place of the comparison. */
const OWN_BENCHMARKS = ['overhead', 'growth', 'dynamic', 'misses', 'caches', 'lookups', 'checkpoint', 'custom', 'ops'] as const

interface Flags {
  readonly device: Device
  readonly rounds: number
  readonly tasks: readonly Task[]
  /** Of the benchmark of single ops. */
  readonly cases: readonly OpCase[]
  readonly libraries: readonly Library[]
  readonly only: readonly string[]
  readonly amp: boolean
  readonly save: boolean
  /** What is measured in place of the comparison. */
  readonly own: (typeof OWN_BENCHMARKS)[number] | undefined
  /** A results file to print: nothing is measured then. */
  readonly table: string | undefined
  /** Whether to fill the page; without `save` nothing is measured. */
  readonly page: boolean
}

const reference = JSON.parse(readFileSync(new URL('reference.json', import.meta.url), 'utf8')) as Record<
  Network | Loop | First,
  { float64: number[] }
> & {
  torch: string
}

const ALL: readonly Device[] = ['webgpu', 'cpu']

const trainingTask = (task: Network, warm: number, times: number): Task => ({
  name: task,
  devices: ALL,
  turn: { kind: 'turn', task, times },
  async start(worker) {
    const { losses = [], times = [], dispatches, cannot } = await worker.ask({ kind: 'train-start', task, steps: CHECKED_STEPS })
    if (cannot) return { cannot }
    for (const at of [0, CHECKED_STEPS - 1]) {
      const [loss, want] = [losses[at] ?? Number.NaN, reference[task].float64[at] as number]
      if (!(Math.abs(loss - want) <= LOSS_TOLERANCE * want)) return { wrong: `loss ${at + 1} is ${loss}, PyTorch has ${want}` }
    }
    await worker.ask({ kind: 'turn', task, times: warm })
    return { ...(times[0] !== undefined && { firstStepMs: times[0] }), ...(dispatches && { dispatches }) }
  },
})

const productTask = (task: string, shape: ProductShape, devices: readonly Device[]): Task => ({
  name: task,
  devices,
  turn: { kind: 'turn', task, times: 12 },
  flop: 2 * shape.batch * shape.m * shape.k * shape.n,
  async start(worker) {
    const { error = Number.NaN, cannot } = await worker.ask({ kind: 'product-start', task, shape })
    if (cannot) return { cannot }
    if (!(error <= PRODUCT_TOLERANCE)) return { wrong: `the product is off by ${error} · sqrt(k)` }
    await worker.ask({ kind: 'turn', task, times: 12 })
    return {}
  },
})

const chainTask = (task: string): Task => ({
  name: task,
  devices: ['cpu'],
  turn: { kind: 'turn', task, times: 10 },
  bytes: 2 * CHAIN.length * Float32Array.BYTES_PER_ELEMENT,
  async start(worker) {
    const { error = Number.NaN, cannot } = await worker.ask({ kind: 'chain-start', task, chain: CHAIN })
    if (cannot) return { cannot }
    if (!(error <= CHAIN_TOLERANCE)) return { wrong: `an element is off by ${error}` }
    await worker.ask({ kind: 'turn', task, times: 5 })
    return {}
  },
})

const TASKS: readonly Task[] = [
  trainingTask('mlp', 20, 30),
  trainingTask('cnn', 5, 8),
  ...MATMUL_SIZES.map((n) => productTask(`matmul${n}`, { batch: 1, m: n, k: n, n }, ALL)),
  productTask('attention', ATTENTION, ['cpu']),
  chainTask('elementwise'),
]

function readFlags(): Flags {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        device: text,
        rounds: text,
        only: text,
        table: text,
        torch: flag,
        amp: flag,
        page: flag,
        save: flag,
        help: { ...flag, short: 'h' },
      },
    })
    if (values.help) {
      console.log(HELP)
      process.exit(0)
    }
    const device = values.device ?? 'webgpu'
    if (device !== 'webgpu' && device !== 'cpu') throw new Error(`--device is webgpu or cpu, not '${device}'`)
    const rounds = Number(values.rounds ?? 5)
    if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error(`--rounds takes a whole number from 1 up, not '${values.rounds}'`)
    const only = (values.only ?? '').split(',').filter(Boolean)
    const tasks = TASKS.filter((t) => t.devices.includes(device))
    const libraries = LIBRARIES.filter((library) => variantsOf(library, device).length > 0)
    const [name] = positionals
    const own = OWN_BENCHMARKS.find((known) => known === name)
    if (own !== name) throw new Error(`'${name}' is no benchmark; the names are ${OWN_BENCHMARKS.join(', ')}`)
    const known: readonly string[] = [...libraries, ...(own === 'ops' ? OPS : tasks.map((t) => t.name))]
    for (const name of only) if (!known.includes(name)) throw new Error(`--only knows ${known.join(', ')} on ${device}, not '${name}'`)
    const chosen = <T>(all: readonly T[], name: (item: T) => string): readonly T[] => {
      const some = all.filter((item) => only.includes(name(item)))
      return some.length > 0 ? some : all
    }
    const wanted: readonly Library[] = chosen(libraries, (l) => l)
    return {
      device,
      rounds,
      only,
      libraries: values.torch ? [...wanted, 'torch'] : wanted,
      tasks: chosen(tasks, (t) => t.name),
      cases: chosen(CASES, (c) => c.op),
      amp: values.amp ?? false,
      save: values.save ?? false,
      own,
      table: values.table,
      page: values.page ?? false,
    }
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

function installPeers(): void {
  const { dependencies } = JSON.parse(readFileSync(here('package.json'), 'utf8')) as { dependencies: Record<string, string> }
  if (Object.keys(dependencies).every((name) => existsSync(here(`node_modules/${name}`)))) return
  console.log('installing the libraries to compare with (benchmarks/package.json) …')
  execFileSync('npm', ['install', '--prefix', here('.'), '--no-package-lock', '--no-audit', '--no-fund', '--silent'], { stdio: 'inherit' })
}

/** One task by all libraries in turns: a row per library. */
async function measure(task: Task, workers: readonly Worker[], rounds: number): Promise<Row[]> {
  const medians = new Map<Worker, number[]>()
  const facts = new Map<Worker, Pick<Row, 'firstStepMs' | 'dispatches'>>()
  const remarks = new Map<Worker, string>()
  const strangers = new Set<Worker>()
  for (const worker of workers) {
    if (worker.failure) continue
    try {
      const { wrong, cannot, ...more } = await task.start(worker)
      if (cannot) strangers.add(worker)
      else if (wrong) remarks.set(worker, `no time: ${wrong}`)
      else {
        medians.set(worker, [])
        facts.set(worker, more)
      }
    } catch (error) {
      remarks.set(worker, `failed: ${firstLine(error)}`)
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const worker of inTurn([...medians.keys()], round)) {
      try {
        const { times = [] } = await worker.ask(task.turn)
        medians.get(worker)?.push(median(times))
      } catch (error) {
        medians.delete(worker)
        remarks.set(worker, `failed in round ${round + 1}: ${firstLine(error)}`)
      }
    }
  }
  const shown = workers.filter((worker) => !strangers.has(worker))
  return shown.map((worker) => {
    const times = medians.get(worker)
    const remark = worker.failure ?? remarks.get(worker)
    return {
      task: task.name,
      library: worker.label,
      ...(times && { ms: spread(times), ...facts.get(worker) }),
      ...(task.flop && { flop: task.flop }),
      ...(task.bytes && { bytes: task.bytes }),
      ...(remark && { remark }),
    }
  })
}

/** The libraries in all their set-ups, without those that mean nothing here. */
async function open(
  { libraries, device }: Flags,
  wanted: (variant: Variant, all: readonly Variant[]) => boolean = () => true,
): Promise<Worker[]> {
  const workers: Worker[] = []
  const all = libraries.flatMap((library) => variantsOf(library, device))
  for (const variant of all.filter((one) => wanted(one, all))) {
    const worker = new Worker(variant)
    const here = await worker.load(device).catch((error: unknown) => {
      worker.failure = `failed: ${firstLine(error)}`
      return true
    })
    if (here) workers.push(worker)
    else worker.close()
  }
  return workers
}

async function changing(flags: Flags): Promise<void> {
  if (flags.libraries.includes('tfjs')) installPeers()
  const { dynamic } = await import('./dynamic.ts')
  const { firstSteps } = await import('./first.ts')
  const workers = await open({ ...flags, libraries: flags.libraries.filter((l) => l === 'tapegrad' || l === 'tfjs' || l === 'torch') })
  try {
    for (const line of DYNAMIC_HEAD) console.log(line)
    const rows = await dynamic(workers, flags.rounds, reference, (found) => {
      for (const row of found) console.log(dynamicLine(row, found))
    })
    const adapter = workers.find((w) => w.variant.library === 'tapegrad')?.adapter ?? 'none'
    for (const line of [...dynamicGoals(rows, flags.device), '', ...FIRST_STEP_HEAD]) console.log(line)
    // Nothing else runs meanwhile
    for (const worker of workers) worker.close()
    const first = await firstSteps(flags.device, flags.rounds, flags.libraries.includes('torch'), reference, (row) =>
      console.log(firstStepLine(row)),
    )
    const report: Report = {
      kind: 'dynamic',
      device: flags.device,
      ...circumstances(adapter, flags.rounds),
      torch: reference.torch,
      rows,
      first,
    }
    for (const line of [...firstStepGoals(first, rows), '', ...headOf(report)]) console.log(line)
    if (flags.save) save(report, ['dynamic', ...flags.only])
  } finally {
    for (const worker of workers) worker.close()
  }
}

/** Milliseconds of a node of PyTorch's tree, by which goals in units of time are scaled. */
async function pytorchTree(flags: Flags): Promise<number | undefined> {
  const { dynamic } = await import('./dynamic.ts')
  const workers = await open({ ...flags, libraries: ['torch'] })
  try {
    const rows = await dynamic(workers, flags.rounds, reference, () => {}, [['trees']])
    return Math.min(...rows.flatMap(({ ms }) => ms?.median ?? []))
  } finally {
    for (const worker of workers) worker.close()
  }
}

async function missing(flags: Flags): Promise<void> {
  const { misses } = await import('./misses.ts')
  const tree = flags.libraries.includes('torch') ? await pytorchTree(flags) : undefined
  for (const line of MISSES_HEAD) console.log(line)
  const { adapter, rows } = await misses(flags.device, flags.rounds, (row) => console.log(missLine(row)))
  const report: Report = {
    kind: 'misses',
    device: flags.device,
    ...circumstances(adapter, flags.rounds),
    rows,
    ...(tree !== undefined && { tree }),
  }
  for (const line of [...missGoals(report), '', ...headOf(report)]) console.log(line)
  if (flags.save) save(report, ['misses'])
}

/** The one adapter on which all of them run. */
function adapterOf(workers: readonly Worker[]): string {
  const adapters = new Set(workers.map((w) => w.adapterKey).filter(Boolean))
  if (adapters.size > 1)
    throw new Error(`the libraries run on different adapters: ${workers.map((w) => `${w.label} on ${w.adapter}`).join('; ')}`)
  const own = workers.filter((w) => w.variant.library === 'tapegrad')
  if (own.length > 0 && own.every((w) => w.failure)) throw new Error(`tapegrad itself ${own[0]?.failure}`)
  const facts = own.map((w) => w.adapter).filter(Boolean)
  return [...new Set(facts)].join('; ') || (workers.find((w) => w.adapter)?.adapter ?? 'none')
}

async function singly(flags: Flags): Promise<void> {
  if (flags.libraries.some((l) => l === 'tfjs' || l === 'jax-js')) installPeers()
  const { ops, usesAll } = await import('./ops.ts')
  const workers = await open({ ...flags, libraries: flags.libraries.filter((l) => l !== 'copy') }, usesAll)
  try {
    const adapter = adapterOf(workers)
    for (const line of opsHead(workers.map((w) => w.label))) console.log(line)
    const rows = await ops(flags.cases, workers, flags.rounds, (row) => console.log(opLine(row)))
    const report: Ops = { kind: 'ops', device: flags.device, ...circumstances(adapter, flags.rounds), torch: reference.torch, rows }
    for (const line of [...opsConclusions(rows), '', ...headOf(report)]) console.log(line)
    if (flags.save) save(report, ['ops', ...flags.only])
  } finally {
    for (const worker of workers) worker.close()
  }
}

async function compare(flags: Flags): Promise<void> {
  if (flags.libraries.some((l) => l === 'tfjs' || l === 'jax-js')) installPeers()
  const workers = await open(flags)
  try {
    const rows: Row[] = []
    const report: Comparison = {
      kind: 'comparison',
      device: flags.device,
      ...circumstances(adapterOf(workers), flags.rounds),
      torch: reference.torch,
      steps: CHECKED_STEPS,
      tolerance: LOSS_TOLERANCE,
      rows,
    }
    for (const line of [...headOf(report), '', ...COMPARISON_HEAD]) console.log(line)
    for (const task of flags.tasks) {
      const found = await measure(task, workers, flags.rounds)
      for (const row of found) console.log(rowLine(row, found))
      rows.push(...found)
    }
    for (const line of ['', ...conclusions(report)]) console.log(line)
    if (flags.save) save(report, flags.only)
  } finally {
    for (const worker of workers) worker.close()
  }
}

const load = loadavg()[0] as number

const circumstances = (adapter: string, rounds: number): Circumstances => ({
  date: new Date().toISOString().slice(0, 10),
  adapter,
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${platform()} ${arch()}, Node ${process.version}`,
  load,
  rounds,
})

/** One file per adapter, or for the CPU, and per choice of what ran; its date is inside, older figures are in the history. */
function save(report: Report, only: readonly string[]): void {
  mkdirSync(here('results'), { recursive: true })
  const name = [report.device === 'cpu' ? 'cpu' : report.adapter, ...only]
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  const short = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
  writeFileSync(here(`results/${name}.json`), `${JSON.stringify(report, short, 2)}\n`)
  console.log(`\nwritten to benchmarks/results/${name}.json`)
}

const flags = readFlags()
const read = (path: string): string => readFileSync(here(`../${path}`), 'utf8')
const fill = (): void => writeFileSync(here('../docs/performance.md'), fillPage(read('docs/performance.md'), read))
async function run(): Promise<void> {
  if (flags.table) console.log(markdown(JSON.parse(readFileSync(flags.table, 'utf8')) as Report))
  else if (flags.page && !flags.save) fill()
  else {
    if (flags.own === 'overhead') {
      const { overhead } = await import('./overhead.ts')
      const { adapter, ...found } = await overhead(flags.device, flags.rounds)
      const report: Report = { kind: 'overhead', ...circumstances(adapter, flags.rounds), ...found }
      console.log(markdown(report))
      if (flags.save) save(report, ['overhead'])
    } else if (flags.own === 'growth') {
      const { growth } = await import('./growth.ts')
      for (const line of GROWTH_HEAD) console.log(line)
      const { adapter, rows } = await growth(flags.device, flags.rounds, (row) => console.log(growthLine(row)))
      const report: Report = { kind: 'growth', device: flags.device, ...circumstances(adapter, flags.rounds), rows }
      for (const line of headOf(report)) console.log(`- ${line}`)
      if (flags.save) save(report, ['growth'])
    } else if (flags.own === 'custom') {
      const { custom } = await import('./custom.ts')
      const { adapter, rows } = await custom(flags.device, flags.rounds)
      const report: Report = { kind: 'custom', device: flags.device, ...circumstances(adapter, flags.rounds), rows }
      console.log(markdown(report))
      if (flags.save) save(report, ['custom'])
    } else if (flags.own === 'checkpoint') {
      const { checkpoints } = await import('./checkpoint.ts')
      for (const line of CHECKPOINT_HEAD) console.log(line)
      const { adapter, rows } = await checkpoints(flags.device, flags.amp, (row) => console.log(checkpointLine(row)))
      const report: Report = { kind: 'checkpoint', device: flags.device, ...circumstances(adapter, 1), amp: flags.amp, rows }
      for (const line of headOf(report)) console.log(`- ${line}`)
      if (flags.save) save(report, ['checkpoint', ...(flags.amp ? ['amp'] : [])])
    } else if (flags.own === 'lookups') {
      const { lookups } = await import('./lookups.ts')
      for (const line of LOOKUPS_HEAD) console.log(line)
      const print = (row: LookupRow): void => console.log(lookupLine(row, flags.device))
      const { adapter, ...found } = await lookups(flags.device, flags.rounds, flags.libraries.includes('torch'), print)
      const report: Report = { kind: 'lookups', device: flags.device, ...circumstances(adapter, flags.rounds), ...found }
      for (const line of [lookupGrowth(found.rows), '', ...headOf(report)]) console.log(line)
      if (flags.save) save(report, ['lookups'])
    } else if (flags.own === 'dynamic') await changing(flags)
    else if (flags.own === 'ops') await singly(flags)
    else if (flags.own === 'misses') await missing(flags)
    else if (flags.own === 'caches') await (await import('./caches.ts')).caches(flags.device, (line) => console.log(line))
    else await compare(flags)
    if (flags.page) fill()
  }
}

await watched(run, async () => {
  if (flags.device === 'webgpu') await ensureAdapter()
})
