/**
 * @file `npm run bench`: tapegrad, TensorFlow.js and jax-js on one WebGPU adapter, in one run.
 *
 * Each library lives in a process of its own; they work in turns, one at a time, a few steps each, round after round, so that what else the
 * machine does hits all alike. A time is reported only where the numbers are right: losses 1 and 10 against PyTorch's, products against float64.
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, platform } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  type Circumstances,
  COMPARISON_HEAD,
  type Comparison,
  fillPage,
  headOf,
  markdown,
  median,
  type Report,
  type Row,
  rowLine,
  spread,
} from './report.ts'
import { CHECKED_STEPS, MATMUL_SIZES, type Network } from './tasks.ts'
import type { Answer, Request } from './worker.ts'

const HELP = `Measures tapegrad against TensorFlow.js and jax-js on the same WebGPU adapter.

  npm run bench -- [flags]           MLP and CNN training steps, matmul 256, 512 and 1024
  npm run bench -- overhead [flags]  host microseconds per recorded op of a cached MLP step
  npm run bench -- --table FILE      prints a results file as markdown
  npm run bench -- --page            writes the tables of docs/performance.md from the results files that it names

  --device webgpu|cpu   cpu: tapegrad alone, on its CPU device (default webgpu)
  --rounds N            turns of each library (default 5)
  --only a,b,…          only these tasks (mlp, cnn, matmul256, matmul512, matmul1024) or libraries (tapegrad, tfjs, jax-js)
  --torch               PyTorch on the CPU too, for scale (Debian's python3-torch)
  --save                write the figures to benchmarks/results/
  --help                this text`

const LIBRARIES = ['tapegrad', 'tfjs', 'jax-js'] as const
type Library = (typeof LIBRARIES)[number] | 'torch'
const PYTHON = '/usr/bin/python3'
const ANSWER_SECONDS = 300
const LOSS_TOLERANCE = 1e-4
const PRODUCT_TOLERANCE = 1e-5
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

interface Task {
  readonly name: string
  /** Untimed: sets up, warms up, and says why the numbers are wrong, if they are. */
  readonly start: (worker: Worker) => Promise<{ wrong?: string; firstStepMs?: number; dispatches?: number }>
  readonly turn: Request
  readonly flop?: number
}

interface Flags {
  readonly device: 'webgpu' | 'cpu'
  readonly rounds: number
  readonly tasks: readonly Task[]
  readonly libraries: readonly Library[]
  readonly only: readonly string[]
  readonly save: boolean
  readonly overhead: boolean
  /** A results file to print, and whether to fill the page: nothing is measured then. */
  readonly table: string | undefined
  readonly page: boolean
}

/** A library in its own process. */
class Worker {
  readonly library: Library
  label: string
  adapter = ''
  adapterKey = ''
  /** Why the library is out of the run. */
  failure: string | undefined
  readonly #child: ChildProcess
  /** The end of what it wrote to stderr, for the case that it dies. */
  #lastWords = ''

  constructor(library: Library) {
    this.library = library
    this.label = library
    // Without Mesa's cache on disk, so that a first step means the same in every run.
    const env = { ...process.env, MESA_SHADER_CACHE_DISABLE: 'true' }
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc'] as const
    if (library === 'torch') {
      // As many threads as cores, which do not spin while it is another's turn.
      const threads = String(availableParallelism())
      const torchEnv = { ...env, OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads, OMP_WAIT_POLICY: 'passive' }
      this.#child = spawn(PYTHON, [here('peers/pytorch.py')], { stdio: [...stdio], env: torchEnv })
    } else this.#child = fork(here('worker.ts'), [], { execArgv: ['--import', 'tsx'], stdio: [...stdio], env })
    this.#child.on('error', (error) => {
      this.#lastWords = String(error)
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-2000)
    })
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = this.#child
      const done = (settle: () => void): void => {
        clearTimeout(timer)
        child.removeAllListeners('message')
        child.removeAllListeners('exit')
        settle()
      }
      const timer = setTimeout(() => {
        child.kill('SIGKILL')
        done(() => reject(new Error(`no answer in ${ANSWER_SECONDS} s`)))
      }, ANSWER_SECONDS * 1000)
      child.once('exit', (code, signal) =>
        done(() => reject(new Error(`the process ended (${signal ?? `code ${code}`}) ${this.#cause()}`))),
      )
      child.once('message', (message: { value?: Answer; failure?: string }) =>
        done(() => (message.value ? resolve(message.value) : reject(new Error(message.failure)))),
      )
      if (child.connected) child.send(request)
      else done(() => reject(new Error(`the process is gone ${this.#cause()}`)))
    })
  }

  #cause(): string {
    return this.#lastWords.split('\n').find((line) => /error/i.test(line)) ?? ''
  }

  async load(device: 'webgpu' | 'cpu'): Promise<void> {
    const { label, adapter } = await this.ask({ kind: 'load', library: this.library, device })
    this.label = label ?? this.library
    this.adapter = adapter?.text ?? ''
    this.adapterKey = adapter ? `${adapter.vendor} ${adapter.architecture}` : ''
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }
}

const reference = JSON.parse(readFileSync(new URL('reference.json', import.meta.url), 'utf8')) as Record<Network, { float64: number[] }> & {
  torch: string
}

const trainingTask = (network: Network, warm: number, steps: number): Task => ({
  name: network,
  turn: { kind: 'train', network, steps },
  async start(worker) {
    const { losses = [], times = [], dispatches } = await worker.ask({ kind: 'train-start', network, steps: CHECKED_STEPS })
    for (const at of [0, CHECKED_STEPS - 1]) {
      const [loss, want] = [losses[at] ?? Number.NaN, reference[network].float64[at] as number]
      if (!(Math.abs(loss - want) <= LOSS_TOLERANCE * want)) return { wrong: `loss ${at + 1} is ${loss}, PyTorch has ${want}` }
    }
    await worker.ask({ kind: 'train', network, steps: warm })
    return { ...(times[0] !== undefined && { firstStepMs: times[0] }), ...(dispatches && { dispatches }) }
  },
})

const matmulTask = (n: number): Task => ({
  name: `matmul${n}`,
  turn: { kind: 'matmul', n, times: Math.max(3, Math.round(20 * (256 / n) ** 2)) },
  flop: 2 * n ** 3,
  async start(worker) {
    const { error = Number.NaN } = await worker.ask({ kind: 'matmul-start', n })
    if (!(error <= PRODUCT_TOLERANCE)) return { wrong: `the product is off by ${error} · sqrt(n)` }
    await worker.ask({ kind: 'matmul', n, times: 3 })
    return {}
  },
})

const TASKS: readonly Task[] = [trainingTask('mlp', 20, 30), trainingTask('cnn', 5, 8), ...MATMUL_SIZES.map(matmulTask)]

function readFlags(): Flags {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { device: text, rounds: text, only: text, table: text, torch: flag, page: flag, save: flag, help: { ...flag, short: 'h' } },
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
    const known: readonly string[] = [...LIBRARIES, ...TASKS.map((t) => t.name)]
    for (const name of only) if (!known.includes(name)) throw new Error(`--only knows ${known.join(', ')}, not '${name}'`)
    for (const word of positionals) if (word !== 'overhead') throw new Error(`'${word}' is no benchmark; the only name is overhead`)
    const chosen = <T>(all: readonly T[], name: (item: T) => string): readonly T[] => {
      const some = all.filter((item) => only.includes(name(item)))
      return some.length > 0 ? some : all
    }
    const libraries: readonly Library[] = device === 'cpu' ? ['tapegrad'] : chosen(LIBRARIES, (l) => l)
    return {
      device,
      rounds,
      only,
      libraries: values.torch ? [...libraries, 'torch'] : libraries,
      tasks: chosen(TASKS, (t) => t.name),
      save: values.save ?? false,
      overhead: positionals.length > 0,
      table: values.table,
      page: values.page ?? false,
    }
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

function installPeers(): void {
  if (['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu', '@jax-js/jax'].every((name) => existsSync(here(`node_modules/${name}`))))
    return
  console.log('installing the libraries to compare with (benchmarks/package.json) …')
  execFileSync('npm', ['install', '--prefix', here('.'), '--no-package-lock', '--no-audit', '--no-fund', '--silent'], { stdio: 'inherit' })
}

/** One task by all libraries in turns: a row per library. */
async function measure(task: Task, workers: readonly Worker[], rounds: number): Promise<Row[]> {
  const medians = new Map<Worker, number[]>()
  const facts = new Map<Worker, Pick<Row, 'firstStepMs' | 'dispatches'>>()
  const remarks = new Map<Worker, string>()
  for (const worker of workers) {
    if (worker.failure) continue
    try {
      const { wrong, ...more } = await task.start(worker)
      if (wrong) remarks.set(worker, `no time: ${wrong}`)
      else {
        medians.set(worker, [])
        facts.set(worker, more)
      }
    } catch (error) {
      remarks.set(worker, `failed: ${firstLine(error)}`)
    }
  }
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another library, so that none is always the one after the slowest.
    const order = [...medians.keys()]
    for (const worker of [...order.slice(round % order.length), ...order.slice(0, round % order.length)]) {
      try {
        const { times = [] } = await worker.ask(task.turn)
        medians.get(worker)?.push(median(times))
      } catch (error) {
        medians.delete(worker)
        remarks.set(worker, `failed in round ${round + 1}: ${firstLine(error)}`)
      }
    }
  }
  return workers.map((worker) => {
    const times = medians.get(worker)
    const remark = worker.failure ?? remarks.get(worker)
    return {
      task: task.name,
      library: worker.label,
      ...(times && { ms: spread(times), ...facts.get(worker) }),
      ...(task.flop && { flop: task.flop }),
      ...(remark && { remark }),
    }
  })
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''

async function compare(flags: Flags): Promise<void> {
  if (flags.libraries.some((l) => l === 'tfjs' || l === 'jax-js')) installPeers()
  const workers = flags.libraries.map((library) => new Worker(library))
  try {
    for (const worker of workers) {
      await worker.load(flags.device).catch((error: unknown) => {
        worker.failure = `failed: ${firstLine(error)}`
      })
    }
    const adapters = new Set(workers.map((w) => w.adapterKey).filter(Boolean))
    if (adapters.size > 1)
      throw new Error(`the libraries run on different adapters: ${workers.map((w) => `${w.label} on ${w.adapter}`).join('; ')}`)
    const rows: Row[] = []
    const report: Comparison = {
      kind: 'comparison',
      ...circumstances(workers.find((w) => w.adapter)?.adapter ?? 'none', flags.rounds),
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
    if (flags.save) save(report, flags.only)
    if (workers.every((w) => w.failure)) process.exitCode = 1
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

/** One file per adapter, and per choice of what ran; its date is inside, older figures are in the history. */
function save(report: Report, only: readonly string[]): void {
  mkdirSync(here('results'), { recursive: true })
  const name = [report.adapter, ...only]
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
if (flags.table) console.log(markdown(JSON.parse(readFileSync(flags.table, 'utf8')) as Report))
else if (flags.page) writeFileSync(here('../docs/performance.md'), fillPage(read('docs/performance.md'), read))
else if (flags.overhead) {
  const { overhead } = await import('./overhead.ts')
  const found = await overhead(flags.device, flags.rounds)
  const report: Report = { kind: 'overhead', ...circumstances(found.adapter, flags.rounds), ops: found.ops, readings: found.readings }
  console.log(markdown(report))
  if (flags.save) save(report, ['overhead'])
} else await compare(flags)
