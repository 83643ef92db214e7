/** @file What `npm run bench` is asked for on the command line. */
import { parseArgs } from 'node:util'
import { TASKS, type Task } from './compare.ts'
import { LIBRARIES, type Library, variantsOf } from './library.ts'
import { CASES, OPS, type OpCase } from './ops-tasks.ts'
import type { Device } from './worker.ts'

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

/** What is measured in place of the comparison. */
const OWN_BENCHMARKS = ['overhead', 'growth', 'dynamic', 'misses', 'caches', 'lookups', 'checkpoint', 'custom', 'ops'] as const

export interface Flags {
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

/** Reads them; ends the process where they are wrong, or ask for help. */
export function readFlags(): Flags {
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
