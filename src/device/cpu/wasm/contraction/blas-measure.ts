/**
 * @file Whether the machine's BLAS is faster than the device's own panels: both compute a few contractions in turns, for some milliseconds, on one thread each. What several
 * threads gain is much the same for both, and could not be measured on a machine that does other work too.
 */
import { type Axis, type Index, type Kernel, orderOfContraction } from '../../../../kernel/index.ts'
import type { CompiledKernel } from '../../interpreter.ts'
import type { WasmEngine } from '../engine.ts'
import type { BlasUse } from './blas.ts'

/** An axis: its size, and how far its neighbours are apart in each operand. */
export type Dim = readonly [size: number, a: number, b: number]
/** The dims of a contraction. */
export interface Contraction {
  readonly batch: readonly Dim[]
  readonly m: readonly Dim[]
  readonly n: readonly Dim[]
  readonly k: readonly Dim[]
}
interface Probe extends Contraction {
  /** Runs that make one sample. */
  readonly runs: number
}

/** [m, k] times [k, n], or times the transpose of [n, k], as a linear layer has it. */
const product = (m: number, n: number, k: number, runs: number, transposed = false): Probe => ({
  batch: [],
  m: [[m, k, 0]],
  n: [[n, 0, transposed ? k : 1]],
  k: [[k, 1, transposed ? 1 : n]],
  runs,
})
/** Operands that the BLAS reads in place: small, of a layer, and large. */
const PRODUCTS: readonly Probe[] = [product(128, 128, 128, 4), product(64, 256, 784, 1, true), product(256, 256, 256, 1)]
/** A convolution of 3 × 3 over 16 padded images of 14 × 14, from 16 channels to 32: its windows are packed first. */
const WINDOWS: Probe = {
  batch: [[16, 0, 16 * 256]],
  m: [[32, 144, 0]],
  n: [[14, 0, 16], [14, 0, 1]], // biome-ignore format: one line
  k: [[16, 9, 256], [3, 3, 16], [3, 1, 1]], // biome-ignore format: one line
  runs: 1,
}

/** A least time counts when so many samples come near it: then it is neither that of code that is still being improved, nor made longer by other work. */
const SAMPLES = 3
const NEAR = 1.1
/** Milliseconds after which a contraction is left as it is. */
const MOST = 100
/** How much slower a single product may be than in panels, which is the noise of its measurement. */
const NOISE = 1.05

export interface BlasComparison {
  readonly use: BlasUse
  /** The BLAS's time to that of the panels, for each contraction that was measured. */
  readonly ratios: readonly number[]
}

/** Measures. Windows are left to the BLAS only where products are. */
export async function judge(engine: WasmEngine): Promise<BlasComparison> {
  const restore = engine.blas?.oneThread()
  try {
    const ratios: number[] = []
    for (const probe of PRODUCTS) ratios.push(await ratioOf(engine, probe))
    const mean = ratios.reduce((product, ratio) => product * ratio, 1) ** (1 / ratios.length)
    if (!(mean < 1 && Math.max(...ratios) < NOISE)) return { use: 'none', ratios }
    const windows = await ratioOf(engine, WINDOWS)
    return { use: windows < 1 ? 'all' : 'products', ratios: [...ratios, windows] }
  } finally {
    restore?.()
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

/**
 * Compares least times, as other work on the machine only ever adds to them.
 * @see Bryant and O'Hallaron, Computer Systems: A Programmer's Perspective, 2003, the K-best scheme
 */
async function ratioOf(engine: WasmEngine, probe: Probe): Promise<number> {
  const { kernel, lengths } = contractionOf(probe)
  const ways = engine.bothWays(kernel, lengths)
  if (!ways) return 1
  const data = lengths.map((length) => engine.heap.take('float32', length))
  try {
    for (const block of data) block.values.fill(0.5)
    const sample = (way: CompiledKernel): number => {
      const from = performance.now()
      for (let i = 0; i < probe.runs; i++) way({ data, scalars: [], fail: () => {} })
      return performance.now() - from
    }
    const times = ways.map((way) => [sample(way)])
    const confirmed = (): boolean => times.every((list) => list.filter((time) => time <= NEAR * Math.min(...list)).length >= SAMPLES)
    const begin = performance.now()
    while (!confirmed() && performance.now() - begin < MOST) {
      // The better code is compiled in the background
      await pause()
      ways.forEach((way, i) => {
        times[i]?.push(sample(way))
      })
    }
    const [panels, blas] = times.map((list) => Math.min(...list)) as [number, number]
    return blas / panels
  } finally {
    for (const block of data) engine.heap.give(block)
  }
}

let ids = 0

/** The kernel of a contraction of float32 numbers, and the elements of its buffers: two operands, and the row-major result. */
export function contractionOf(probe: Contraction): { readonly kernel: Kernel; readonly lengths: readonly number[] } {
  const make = (dims: readonly Dim[]): Axis[] => dims.map(([size]) => ({ id: ids++, size }))
  const axes = { batch: make(probe.batch), m: make(probe.m), n: make(probe.n), k: make(probe.k) }
  const dims = [...probe.batch, ...probe.m, ...probe.n, ...probe.k]
  const all = [...axes.batch, ...axes.m, ...axes.n, ...axes.k]
  const grid = all.slice(0, all.length - axes.k.length)
  const index = (coefs: readonly number[]): Index => ({
    offset: 0,
    terms: coefs.flatMap((coef, i) => (coef === 0 ? [] : [{ coef, atom: { kind: 'axis' as const, axis: all[i] as Axis } }])),
  })
  const load = (of: 1 | 2) => ({ kind: 'load' as const, buffer: of - 1, index: index(dims.map((dim) => dim[of])), type: 'float' as const })
  const [a, b] = [load(1), load(2)]
  const rowMajor = grid.map((_, i) => grid.slice(i + 1).reduce((count, { size }) => count * size, 1))
  const count = (list: readonly Axis[]): number => list.reduce((n, { size }) => n * size, 1)
  const sums = axes.k.map(({ size }) => size)
  const reach = (of: 1 | 2): number => dims.reduce((far, dim) => far + dim[of] * (dim[0] - 1), 1)
  const kernel: Kernel = {
    label: 'contract',
    grid,
    sites: [],
    buffers: (['read', 'read', 'write'] as const).map((access) => ({ dtype: 'float32', access })),
    contract: { ...axes, a, b },
    stages: [
      {
        kind: 'reduce',
        axes: axes.k,
        reductions: [{ op: 'sum', value: { kind: 'binary', op: 'mul', a, b, type: 'float' }, type: 'float' }],
        order: orderOfContraction(count(axes.m), count(axes.n), sums),
      },
      {
        kind: 'store',
        axes: [],
        stores: [{ buffer: 2, index: index(rowMajor), value: { kind: 'acc', stage: 0, slot: 0, type: 'float' } }],
      },
    ],
  }
  return { kernel, lengths: [reach(1), reach(2), count(grid)] }
}
