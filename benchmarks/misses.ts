/**
 * @file `npm run bench -- misses`: what a graph costs whose structure was not seen before, where all of its kernels are known: a recurrent cell that is
 * given input at other steps, another tree, other layers, each with its gradient, of some 1,000 to 100,000 graph nodes. Losses and gradients are compared with
 * plain loops in double precision.
 */
import { recordedNodes } from '../src/graph/index.ts'
import { autograd, cat, init, synchronize, type Tensor, tensor } from '../src/index.ts'
import { deviceCounters } from '../src/runtime/index.ts'
import type { MissRow } from './results.ts'
import { fill, uniform } from './tasks.ts'
import type { Device } from './worker.ts'

const WIDTH = 8
const SIZES: readonly number[] = [1000, 3000, 10_000, 30_000, 100_000]
/** Nodes of a round: as many graphs as have so many, or one. */
const ROUND = 10_000
/** Graphs before anything counts, and their length: they bring the kernels, and the engine's compiler is warm. */
const WARM = 40
const PROBE = 100

/** Row vectors and what is done to them: on tensors, and in plain loops. */
interface Arithmetic<T> {
  matmul(x: T, w: T): T
  add(a: T, b: T): T
  mul(a: T, b: T): T
  tanh(x: T): T
  sigmoid(x: T): T
  /** [a, b] */
  cat(a: T, b: T): T
  /** Four pieces of one length. */
  chunk(x: T): readonly T[]
}

const ON_TENSORS: Arithmetic<Tensor> = {
  matmul: (x, w) => x.matmul(w),
  add: (a, b) => a.add(b),
  mul: (a, b) => a.mul(b),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  cat: (a, b) => cat([a, b], 1),
  chunk: (x) => x.chunk(4, 1),
}

const zip = (a: Float64Array, b: Float64Array, f: (x: number, y: number) => number): Float64Array => a.map((x, i) => f(x, b[i] as number))

const IN_LOOPS: Arithmetic<Float64Array> = {
  matmul(x, w) {
    const columns = w.length / x.length
    const product = new Float64Array(columns)
    for (const [k, by] of x.entries())
      for (let c = 0; c < columns; c++) product[c] = (product[c] as number) + by * (w[k * columns + c] as number)
    return product
  },
  add: (a, b) => zip(a, b, (x, y) => x + y),
  mul: (a, b) => zip(a, b, (x, y) => x * y),
  tanh: (x) => x.map(Math.tanh),
  sigmoid: (x) => x.map((v) => 1 / (1 + Math.exp(-v))),
  cat: (a, b) => Float64Array.of(...a, ...b),
  chunk: (x) => [0, 1, 2, 3].map((i) => x.subarray((i * x.length) / 4, ((i + 1) * x.length) / 4)),
}

interface MissProgram {
  readonly name: string
  /** Shapes of the weights. */
  readonly weights: readonly (readonly [rows: number, columns: number])[]
  /** A vector made of `x` in n units. What `next` draws makes the structure. */
  run<T>(n: number, next: () => number, x: T, weights: readonly T[], on: Arithmetic<T>): T
}

export const PROGRAMS: readonly MissProgram[] = [
  {
    name: 'LSTM cell, input at random steps',
    weights: [
      [WIDTH, 4 * WIDTH],
      [WIDTH, 4 * WIDTH],
    ],
    run(n, next, x, [input, state], on) {
      let [h, c] = [x, x]
      for (let t = 0; t < n; t++) {
        const gates = on.matmul(h, state as typeof x)
        const all = next() < 0.5 ? on.add(on.matmul(x, input as typeof x), gates) : gates
        const [i, f, g, o] = on.chunk(all) as readonly [typeof x, typeof x, typeof x, typeof x]
        c = on.add(on.mul(on.sigmoid(f), c), on.mul(on.sigmoid(i), on.tanh(g)))
        h = on.mul(on.sigmoid(o), on.tanh(c))
      }
      return h
    },
  },
  {
    name: 'random binary tree',
    weights: [[2 * WIDTH, WIDTH]],
    run(n, next, x, [w], on) {
      let nodes = Array.from({ length: n }, () => x)
      while (nodes.length > 1) {
        const joined: (typeof x)[] = []
        for (let i = 0; i < nodes.length; i++) {
          const [a, b] = [nodes[i] as typeof x, nodes[i + 1]]
          const isPair = b !== undefined && next() < 0.5
          joined.push(isPair ? on.tanh(on.add(on.matmul(on.cat(a, b), w as typeof x), x)) : a)
          if (isPair) i++
        }
        nodes = joined
      }
      return nodes[0] as typeof x
    },
  },
  {
    name: 'layers of two kinds at random',
    weights: [
      [WIDTH, WIDTH],
      [WIDTH, WIDTH],
    ],
    run(n, next, x, [v, w], on) {
      let y = x
      for (let i = 0; i < n; i++)
        y = next() < 0.5 ? on.tanh(on.add(on.matmul(y, v as typeof x), x)) : on.add(on.mul(y, on.sigmoid(on.matmul(y, w as typeof x))), x)
      return y
    },
  },
]

/** A program with its numbers. */
interface Setup {
  readonly program: MissProgram
  readonly x: Float32Array
  readonly weights: readonly Float32Array[]
  readonly on: { readonly x: Tensor; readonly weights: readonly Tensor[] }
}

function setUp(program: MissProgram): Setup {
  const next = uniform(7)
  const x = fill(WIDTH, next, -1, 1)
  const weights = program.weights.map(([rows, columns]) => fill(rows * columns, next, -0.3, 0.3))
  const leaf = (values: Float32Array, i: number): Tensor =>
    tensor(values, { shape: [...(program.weights[i] as readonly [number, number])], requiresGrad: true })
  return { program, x, weights, on: { x: tensor(x, { shape: [1, WIDTH] }), weights: weights.map(leaf) } }
}

/** Another seed is another structure. */
interface Structure {
  readonly n: number
  readonly seed: number
}

/** The mean square, in plain loops, of what the program makes with weights that are moved by `by` along a direction. */
function plainLoss({ program, x, weights }: Setup, { n, seed }: Structure, by: number): number {
  const moved = weights.map((w) => Float64Array.from(w, (v, i) => v + by * direction(i)))
  const y = program.run(n, uniform(seed), Float64Array.from(x), moved, IN_LOOPS)
  return y.reduce((sum, v) => sum + v * v, 0) / WIDTH
}
const direction = (i: number): number => ((i * 7) % 5) - 2
const MOVED = 1e-5

/** What the host does for graphs: milliseconds. */
interface Times {
  nodes: number
  recording: number
  computing: number
}

/** Milliseconds of the process over all of its threads, which other work on the machine changes least; where a driver computes in it, of the clock. */
const clockOf = (device: Device): (() => number) => {
  if (device === 'webgpu') return () => performance.now()
  return () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
}

/** Records and computes a graph. Computing is what the call does that asks for the loss; what the answer is waited for afterwards is the device's time. */
async function timesOf(setup: Setup, structure: Structure, clock: () => number, times: Times): Promise<void> {
  const { program, on } = setup
  await synchronize()
  const before = recordedNodes()
  const start = clock()
  const loss = program.run(structure.n, uniform(structure.seed), on.x, on.weights, ON_TENSORS).square().mean()
  const gradients = autograd.grad(loss, [...on.weights]) as readonly Tensor[]
  const recorded = clock()
  const answer = loss.item()
  const computed = clock()
  times.nodes += recordedNodes() - before
  times.recording += recorded - start
  times.computing += computed - recorded
  check(setup, structure, await answer, await Promise.all(gradients.map((g) => g.data())))
}

/** Throws where the loss, or the slope along the direction, is wrong. */
function check(setup: Setup, structure: Structure, loss: number, gradients: readonly ArrayLike<number>[]): void {
  const want = plainLoss(setup, structure, 0)
  const slope = (plainLoss(setup, structure, MOVED) - plainLoss(setup, structure, -MOVED)) / (2 * MOVED)
  let found = 0
  for (const g of gradients) for (let i = 0; i < g.length; i++) found += (g[i] as number) * direction(i)
  const name = `${setup.program.name}, n = ${structure.n}`
  if (!(Math.abs(loss - want) <= 1e-4 * want)) throw new Error(`${name}: the loss is ${loss}, expected ${want}`)
  if (!(Math.abs(found - slope) <= 1e-3 * Math.max(0.1, Math.abs(slope))))
    throw new Error(`${name}: the slope is ${found}, expected ${slope}`)
}

/** Measures every program; `found` is called with each row as it is there. */
export async function misses(
  device: Device,
  rounds: number,
  found: (row: MissRow) => void = () => {},
): Promise<{ adapter: string; rows: MissRow[] }> {
  const { adapter } = await init({ device })
  const clock = clockOf(device)
  const rows: MissRow[] = []
  let seed = 0
  for (const program of PROGRAMS) {
    const setup = setUp(program)
    const measure = async (structures: readonly Structure[]): Promise<Times> => {
      const times: Times = { nodes: 0, recording: 0, computing: 0 }
      for (const structure of structures) await timesOf(setup, structure, clock, times)
      return times
    }
    const unseen = (count: number, n: number): Structure[] => Array.from({ length: count }, () => ({ n, seed: ++seed }))
    const { nodes } = await measure(unseen(WARM, PROBE))
    const cases = SIZES.map((size) => ({
      count: Math.max(1, Math.floor(ROUND / size)),
      n: Math.round((size * PROBE * WARM) / nodes),
      row: { program: program.name, size, nodes: 0, kernels: 0, ...FOREVER },
    }))
    for (let round = 0; round < rounds; round++)
      for (const { count, n, row } of cases) {
        const structures = unseen(count, n)
        const before = deviceCounters(device).pipelines
        const first = await measure(structures)
        row.kernels += deviceCounters(device).pipelines - before
        row.nodes += first.nodes
        const again = await measure(structures)
        const least = (a: number, ms: number): number => Math.min(a, (1000 * ms) / first.nodes)
        row.recording = least(row.recording, first.recording)
        row.unseen = least(row.unseen, first.computing)
        row.again = least(row.again, again.computing)
      }
    for (const { row } of cases) found(row)
    rows.push(...cases.map(({ row }) => row))
  }
  return { adapter, rows }
}

const FOREVER = { recording: Number.POSITIVE_INFINITY, unseen: Number.POSITIVE_INFINITY, again: Number.POSITIVE_INFINITY } as const
