/** @file The tasks of the comparison: how they are set up and checked, and measured by all libraries in turns. */
import { readFileSync } from 'node:fs'
import type { Loop } from './dynamic-tasks.ts'
import type { First } from './first-tasks.ts'
import { inTurn, type Worker } from './library.ts'
import { firstLine, median, spread } from './report.ts'
import type { Row } from './results.ts'
import { ATTENTION, CHAIN, CHECKED_STEPS, MATMUL_SIZES, type Network, type ProductShape } from './tasks.ts'
import type { Device, Request } from './worker.ts'

export const LOSS_TOLERANCE = 1e-4
const PRODUCT_TOLERANCE = 1e-5
/** Two roundings of numbers below 2. */
const CHAIN_TOLERANCE = 5e-7

/** What came of setting a task up. */
interface Start {
  /** Why the numbers are wrong, if they are. */
  readonly wrong?: string
  /** The library has no such task. */
  readonly cannot?: boolean
  readonly firstStepMs?: number
  readonly dispatches?: number
}

export interface Task {
  readonly name: string
  /** Where it is measured. */
  readonly devices: readonly Device[]
  /** Untimed: sets up and warms up. */
  readonly start: (worker: Worker) => Promise<Start>
  readonly turn: Request
  readonly flop?: number
  readonly bytes?: number
}

export const reference = JSON.parse(readFileSync(new URL('reference.json', import.meta.url), 'utf8')) as Record<
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

export const TASKS: readonly Task[] = [
  trainingTask('mlp', 20, 30),
  trainingTask('cnn', 5, 8),
  ...MATMUL_SIZES.map((n) => productTask(`matmul${n}`, { batch: 1, m: n, k: n, n }, ALL)),
  productTask('attention', ATTENTION, ['cpu']),
  chainTask('elementwise'),
]

/** One task by all libraries in turns: a row per library. */
export async function measure(task: Task, workers: readonly Worker[], rounds: number): Promise<Row[]> {
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
