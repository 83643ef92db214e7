/**
 * @file How a contraction is computed by products of plain matrices: which axes lie inside a product and which are walked from one to the next, which operands are
 * read in place and which are packed first, where the result goes.
 */
import {
  type Axis,
  axesOf,
  type ContractAxes,
  coefOf,
  collapsedAxes,
  type Index,
  type Kernel,
  type Store,
  shapeOf,
} from '../../../../kernel/index.ts'
import { BLAS, PANELS } from '../cost.ts'
import { fitsPanels } from './blocks.ts'
import { plainStore, strideOf } from './strides.ts'

/** A matrix in memory: which of its dimensions has its elements side by side, and how far the lines of the other are apart. */
export interface MatrixLayout {
  readonly along: 'side' | 'sum'
  readonly ld: number
}

/** One dimension of the product as it is walked: in chunks, of which one is packed and stored at a time, and in pieces of these, each of them one product. */
export interface Walk {
  readonly axes: readonly Axis[]
  readonly size: number
  /** The axis along which chunks are cut, by its number: those in front stay still in a chunk. */
  readonly level: number
  readonly chunk: number
  readonly piece: number
}

export interface BlasPlan {
  readonly axes: ContractAxes
  readonly m: Walk
  readonly n: Walk
  readonly k: Walk
  /** Where operands are read in place; undefined for those that are packed. */
  readonly a: MatrixLayout | undefined
  readonly b: MatrixLayout | undefined
  /** The dimension along which a packed operand has its elements side by side. */
  readonly linesA: MatrixLayout['along']
  readonly linesB: MatrixLayout['along']
  /** Where sums are stored in place, without store stages: `side` is that of the columns. */
  readonly direct: { readonly store: Store; readonly layout: MatrixLayout } | undefined
  /** Nanoseconds, roughly. */
  readonly cost: number
}

/** Sizes of chunks. */
export interface Limits {
  /** Floats of a packed chunk, which then stay in the second cache. */
  readonly floats: number
  /** Rows, columns or terms that a chunk has at least, however long its lines are. */
  readonly least: number
  /** Columns of sums that wait for their store stages. */
  readonly columns: number
}
/**
 * OpenBLAS sums products of at most 10⁶ multiplications on some processors (AVX-512) without blocks, one term after the other: of long sums the last digits would be lost,
 * of 16,384 equal terms 8e-6 of the sum. Larger ones it cuts into blocks of some 300 terms itself.
 */
const SMALL_PRODUCT = 2 ** 20
const LONGEST_CHAIN = 256
const LIMITS: Limits = { floats: 2 ** 18, least: 256, columns: 2048 }

const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, axis) => n * axis.size, 1)

/** How BLAS reads an operand in place over some axes of its side and of the sum; undefined where it cannot. */
function layoutOf(side: readonly Axis[], sum: readonly Axis[], index: Index): MatrixLayout | undefined {
  const [s, t] = [strideOf(side, index), strideOf(sum, index)]
  const [m, k] = [sizeOf(side), sizeOf(sum)]
  if (s === undefined || t === undefined) return undefined
  if ((t === 1 || k === 1) && (m === 1 || s >= k)) return { along: 'sum', ld: m === 1 ? k : s }
  if ((s === 1 || m === 1) && (k === 1 || t >= m)) return { along: 'side', ld: k === 1 ? m : t }
  return undefined
}

/** The better dimension for the lines of a packed operand, and nanoseconds for one of its elements. */
function linesOf(side: readonly Axis[], sum: readonly Axis[], index: Index): readonly [MatrixLayout['along'], number] {
  const run = (axes: readonly Axis[]): number => {
    const last = collapsedAxes(axes, [index]).at(-1)
    return last && coefOf(index, last.axes.at(-1)) === 1 ? last.size : 1
  }
  const [along, length] = run(side) >= run(sum) ? (['side', run(side)] as const) : (['sum', run(sum)] as const)
  return [along, BLAS.pack + BLAS.scattered / length]
}

/** Cuts a dimension into chunks of at most `most` positions, all but the last equal, that hold whole pieces. */
function cut(axes: readonly Axis[], peeled: number, most: number): Walk {
  const size = sizeOf(axes)
  const piece = sizeOf(axes.slice(peeled))
  if (size <= most) return { axes, size, level: 0, chunk: size, piece: peeled > 0 ? piece : size }
  const deepest = peeled > 0 ? peeled - 1 : axes.length - 1
  for (let level = 0; ; level++) {
    const below = sizeOf(axes.slice(level + 1))
    if (level < deepest && below > most) continue
    const along = axes[level]?.size ?? 1
    const parts = Math.ceil(along / Math.max(1, Math.floor(most / below)))
    const chunk = Math.ceil(along / parts) * below
    return { axes, size, level, chunk, piece: peeled > 0 ? piece : chunk }
  }
}

/** The plan in which so many leading axes of each dimension are walked from product to product. */
function planOf(kernel: Kernel, axes: ContractAxes, peeled: { m: number; n: number; k: number }, limits: Limits): BlasPlan {
  const { floats, least } = limits
  const { a, b, rows, columns, sum } = axes
  const [m, n, k] = [sizeOf(rows), sizeOf(columns), sizeOf(sum)]
  const inside = { m: rows.slice(peeled.m), n: columns.slice(peeled.n), k: sum.slice(peeled.k) }
  const [inA, inB] = [layoutOf(inside.m, inside.k, a.index), layoutOf(inside.n, inside.k, b.index)]
  const store = plainStore(kernel)
  // Rows in the part of the sum, columns in that of the side
  const layout = store && layoutOf(inside.n, inside.m, store.index)
  const direct = store && layout ? { store, layout } : undefined
  const [packA, packB] = [inA === undefined, inB === undefined]
  const widest = Math.max(packA ? Math.min(m, least) : 1, packB ? Math.min(n, least) : 1)
  const chain = m * n * k <= SMALL_PRODUCT ? LONGEST_CHAIN : k
  const walkK = cut(sum, peeled.k, Math.min(chain, packA || packB ? Math.floor(floats / widest) : k))
  const most = Math.max(least, Math.floor(floats / walkK.chunk))
  const walkN = cut(columns, peeled.n, Math.min(packB ? most : n, direct ? n : limits.columns))
  const walkM = cut(rows, peeled.m, Math.min(packA ? most : m, direct ? m : Math.max(least / 4, Math.floor(floats / walkN.chunk))))
  const [linesA, costA] = linesOf(rows, sum, a.index)
  const [linesB, costB] = linesOf(columns, sum, b.index)
  const batches = sizeOf(axes.batch)
  const calls = [walkM, walkN, walkK].reduce((count, { size, piece }) => count * Math.ceil(size / piece), 1)
  const [pm, pn, pk] = [walkM.piece, walkN.piece, walkK.piece]
  // Narrow products fill the tiles of BLAS badly
  const filled = (Math.ceil(pm / 16) * 16 * Math.ceil(pn / 4) * 4) / (pm * pn)
  const again = Math.ceil(m / walkM.chunk)
  const cost =
    batches *
    (calls * (BLAS.call + BLAS.element * (pm * pk + pk * pn + pm * pn)) +
      BLAS.product * m * n * k * Math.min(filled, 4) +
      (packA ? costA * m * k : 0) +
      (packB ? costB * k * n * (Math.ceil(n / walkN.chunk) * Math.ceil(k / walkK.chunk) > 1 ? again : 1) : 0) +
      (direct ? 0 : BLAS.sum * m * n))
  return { axes, m: walkM, n: walkN, k: walkK, a: inA, b: inB, linesA, linesB, direct, cost }
}

/** Whether BLAS can compute a kernel: it has no products of halves. */
const fitsBlas = (kernel: Kernel): boolean =>
  fitsPanels(kernel) && [kernel.contract?.a, kernel.contract?.b].every((x) => x && kernel.buffers[x.buffer]?.dtype === 'float32')

/** All plans for a contraction. */
export function plansFor(kernel: Kernel, limits = LIMITS): BlasPlan[] {
  if (!fitsBlas(kernel)) return []
  const axes = axesOf(kernel)
  const counts = (of: readonly Axis[]): number[] => Array.from({ length: Math.max(1, of.length) }, (_, i) => i)
  return counts(axes.rows).flatMap((m) =>
    counts(axes.columns).flatMap((n) => counts(axes.sum).map((k) => planOf(kernel, axes, { m, n, k }, limits))),
  )
}

/** The plan by which BLAS computes a contraction sooner than WebAssembly would. */
export function choosePlan(kernel: Kernel): BlasPlan | undefined {
  if (!fitsBlas(kernel)) return undefined
  const { batches, m, n, k } = shapeOf(kernel)
  // Products of vectors are as fast as memory either way
  if (m < 3 || n < 3 || k < 3) return undefined
  const panels = batches * (PANELS.product * m * n * k + PANELS.pack * (m * k + k * n))
  const [cheapest] = plansFor(kernel).sort((x, y) => x.cost - y.cost)
  return cheapest && cheapest.cost < panels ? cheapest : undefined
}
