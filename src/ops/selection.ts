/**
 * @file Elements by their rank along a dim: topk, kthvalue, median, mode. Ranks come from the order of `sort`; what is chosen is gathered from `x` itself, so that
 * its gradient goes to where it stood.
 */
import {
  ArgumentError,
  BOOLEAN,
  COUNT,
  DTypeError,
  options as describe,
  isFloat,
  normalizeDim,
  nullable,
  type Options,
  onesAt,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  showShape,
  signature,
  sizeOf,
  underName,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, dimOr, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, isnan, logicalAnd, logicalOr } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { defineOp } from './define.ts'
import { div, sub, where } from './elementwise.ts'
import { alongOne, argmax, type DimOptions, positions, type ValuesIndices, valuesIndices } from './extremes.ts'
import { gatherAlong } from './gather.ts'
import { ownShape } from './indexing.ts'
import { leadingPositions } from './leading.ts'
import { lit } from './promote.ts'
import { sum } from './reduce.ts'
import { cummax } from './scan.ts'
import { narrowTo, padZeros } from './slice.ts'
import { positionsInOrder, sort, sortNodes } from './sort.ts'
import { expandTo, reshapeTo } from './view.ts'

const KEEP = { keepdim: true } as const

/** The elements at `index` along `dim`, and `index`; the dim leaves the shape unless it is kept. A 0-d tensor was taken as one of [1]. */
function chosen(op: string, x: Tensor, index: Tensor, dim: number, shape: Shape): ValuesIndices {
  return valuesIndices(ownShape(gatherAlong(x, index, { dim, op }), shape), ownShape(index, shape))
}

/** `x` with at least one dim, and the dim of it. */
function atLeastOne(op: string, x: Tensor, dim: number): { y: Tensor; d: number } {
  const d = normalizeDim(op, dim, x.ndim)
  return x.ndim === 0 ? { y: reshapeTo(x, [1]), d: 0 } : { y: x, d }
}

/** The shape that one element along `dim` leaves. */
const left = (x: Tensor, d: number, keepdim: boolean): Shape =>
  x.ndim === 0 ? [] : keepdim ? onesAt(x.shape, [d]) : x.shape.filter((_, i) => i !== d)

function checkOrdered(op: string, x: Tensor): void {
  if (x.dtype === 'bool') throw new DTypeError(op, `x is bool, which ${op} does not take. Convert with .int()`)
}

function checkSome(op: string, x: Tensor, d: number): void {
  if (x.shape[d] === 0) throw new ShapeError(op, `nothing to choose from: x is ${showShape(x.shape)}`, [x.shape])
}

// ── topk, kthvalue ──

/** Which elements {@link topk} gives. */
export interface TopkOptions {
  /** The dim along which: the last one by default. */
  readonly dim?: number
  /** Whether the largest are meant (default), or the smallest. */
  readonly largest?: boolean
  /** Whether they come in order: they do in any case. */
  readonly sorted?: boolean
}

const TOPK_OPTIONS: Options<TopkOptions> = describe<TopkOptions>({ dim: DIM, largest: BOOLEAN, sorted: BOOLEAN })
const TOPK = signature('topk', { x: TENSOR, k: COUNT, dim: optional(dimOr(DIM, TOPK_OPTIONS)), options: optional(TOPK_OPTIONS) })

/**
 * The `k` largest elements along `dim` (the last one by default), the largest first, and their int32 positions: an object that is also a tuple. Of equal ones the first
 * comes first; NaN counts as the largest.
 * @throws ArgumentError for more than there are, DTypeError for bools.
 * @see https://pytorch.org/docs/stable/generated/torch.topk.html
 * @example const { values, indices } = x.topk(2, { largest: false })
 */
export function topk(x: Tensor, k: number, dim?: number | TopkOptions, options?: TopkOptions): ValuesIndices {
  TOPK.check(x, k, dim, options)
  const named = optionsIn<TopkOptions>('topk', dim, options)
  const { y, d } = atLeastOne('topk', x, (typeof dim === 'number' ? dim : named?.dim) ?? -1)
  checkOrdered('topk', x)
  const size = y.shape[d] as number
  if (k > size) throw new ArgumentError('topk', `k must be at most ${size}, the size of dim ${d} of x ${showShape(x.shape)}, got ${k}`)
  return underName('topk', () => {
    const shape = x.ndim === 0 ? [] : x.shape.map((s, i) => (i === d ? k : s))
    // (PyTorch gives the only element also for k = 0)
    const index = leadingPositions(y, { dim: d, k: x.ndim === 0 ? 1 : k, descending: named?.largest ?? true })
    return chosen('topk', y, index, d, shape)
  })
}

const KTHVALUE = signature('kthvalue', {
  x: TENSOR,
  k: whole(1),
  dim: optional(dimOr(DIM, describe<DimOptions>({ dim: nullable(DIM), keepdim: BOOLEAN }))),
  options: optional(describe<DimOptions>({ dim: nullable(DIM), keepdim: BOOLEAN })),
})

/**
 * The `k`-th smallest element along `dim` (the last one by default), counted from 1, and its int32 position: an object that is also a tuple. NaN counts as the largest.
 * @throws ArgumentError for a k larger than the dim, DTypeError for bools.
 * @see https://pytorch.org/docs/stable/generated/torch.kthvalue.html
 */
export function kthvalue(x: Tensor, k: number, dim?: number | DimOptions, options?: DimOptions): ValuesIndices {
  KTHVALUE.check(x, k, dim, options)
  const named = optionsIn<DimOptions>('kthvalue', dim, options)
  const { y, d } = atLeastOne('kthvalue', x, (typeof dim === 'number' ? dim : named?.dim) ?? -1)
  checkOrdered('kthvalue', x)
  const size = y.shape[d] as number
  if (k > size) throw new ArgumentError('kthvalue', `k must be at most ${size}, the size of dim ${d} of x ${showShape(x.shape)}, got ${k}`)
  return underName('kthvalue', () => {
    const index = narrowTo(positionsInOrder(y, { dim: d, descending: false }), d, k - 1, 1)
    return chosen('kthvalue', y, index, d, left(x, d, named?.keepdim ?? false))
  })
}

// ── median ──

/**
 * The rank of the median along `dim`, which stays as 1: of two in the middle that of the lower. NaN stand at the end of the order; unless they are left out, the first
 * of them is the median.
 */
function medianRank(x: graph.Node, dim: number, leftOut: boolean): graph.Node {
  const n = x.shape[dim] as number
  const nans = graph.reshape(graph.reduce('sum', graph.cast(graph.binary('ne', x, x), 'int32'), [dim]), onesAt(x.shape, [dim]))
  const last = graph.binary('sub', graph.scalar(n - 1, 'int32'), nans)
  if (leftOut) return graph.binary('shr', graph.binary('max', last, 0), 1)
  return graph.where(graph.binary('lt', 0, nans), graph.binary('add', last, 1), graph.scalar((n - 1) >> 1, 'int32'))
}

interface MedianParams {
  readonly leftOut: boolean
}

/** The median of all; equal ones share the gradient. */
const defineMedian = (name: string) =>
  defineOp(name, {
    inputs: ['x'],
    forward: (x, { leftOut }: MedianParams) => {
      const n = sizeOf(x.shape)
      if (n === 0) return graph.constant(Number.NaN, x.dtype, x.placement)
      const flat = graph.reshape(x, [n])
      const [values, indices] = sortNodes(flat, { dim: 0, descending: false })
      graph.forget(indices)
      return graph.reshape(graph.gather(values, 0, medianRank(flat, 0, leftOut), name), [])
    },
    saves: { x: ['x', 'y'] },
    vjp: {
      x: (g, { x, y }) => {
        const won = logicalOr(eq(x, y), logicalAnd(isnan(x), isnan(y)))
        return where(won, div(g, cast(sum(won), g.dtype)), lit(0, g))
      },
    },
    half: 'keep',
  })
const MEDIANS = {
  median: { given: alongOne('median'), ofAll: defineMedian('median'), leftOut: false },
  nanmedian: { given: alongOne('nanmedian'), ofAll: defineMedian('nanmedian'), leftOut: true },
} as const satisfies Readonly<Record<string, { given: Signature; ofAll: (x: Tensor, p: MedianParams) => Tensor; leftOut: boolean }>>

/** The forms of {@link median} and {@link nanmedian}. */
export interface MedianFunction {
  /** Of all elements, 0-d; equal ones share the gradient. */
  (x: Tensor, dim?: null, options?: DimOptions): Tensor
  /** Values and int32 positions along a dim. */
  (x: Tensor, dim: number | DimOptions, options?: DimOptions): ValuesIndices
}

function medianOf(
  op: keyof typeof MEDIANS,
  x: Tensor,
  second: number | DimOptions | null | undefined,
  options: DimOptions | undefined,
): Tensor | ValuesIndices {
  const { given, ofAll, leftOut } = MEDIANS[op]
  given.check(x, second, options)
  const named = optionsIn<DimOptions>(op, second, options)
  const dim = (typeof second === 'number' ? second : named?.dim) ?? null
  checkOrdered(op, x)
  if (dim === null) {
    if (sizeOf(x.shape) === 0 && !isFloat(x.dtype))
      throw new ShapeError(op, `nothing to choose from: x is ${showShape(x.shape)}`, [x.shape])
    return ofAll(x, { leftOut })
  }
  const { y, d } = atLeastOne(op, x, dim)
  checkSome(op, y, d)
  return underName(op, () => {
    const shape = left(x, d, named?.keepdim ?? false)
    const order = positionsInOrder(y, { dim: d, descending: false })
    const rank = sizeOf(y.shape) === 0 ? narrowTo(order, d, 0, 1) : new Tensor(medianRank(y._node, d, leftOut))
    return chosen(op, y, gatherAlong(order, rank, { dim: d, op }), d, shape)
  })
}

/**
 * The median of all elements; along a dim, `{ values, indices }`, which is also a tuple. Of two in the middle the lower one counts; NaN where there is one.
 * @throws ShapeError along an empty dim, DTypeError for bools.
 * @see https://pytorch.org/docs/stable/generated/torch.median.html
 */
export const median: MedianFunction = ((x: Tensor, dim?: number | DimOptions | null, options?: DimOptions) =>
  medianOf('median', x, dim, options)) as MedianFunction
/** The median of what is no NaN; as {@link median}. @see https://pytorch.org/docs/stable/generated/torch.nanmedian.html */
export const nanmedian: MedianFunction = ((x: Tensor, dim?: number | DimOptions | null, options?: DimOptions) =>
  medianOf('nanmedian', x, dim, options)) as MedianFunction

// ── mode ──

const MODE = alongOne('mode')

/** Whether neighbours along `d` are equal, one fewer than there are. */
function neighboursEqual(x: Tensor, d: number): Tensor {
  const rest = (x.shape[d] as number) - 1
  return eq(narrowTo(x, d, 0, rest), narrowTo(x, d, 1, rest))
}

/**
 * The value that is there most often along `dim` (the last one by default), and the int32 position of its last: an object that is also a tuple. Of several that are
 * there as often the smallest counts; NaN equals nothing.
 * @throws ShapeError along an empty dim.
 * @see https://pytorch.org/docs/stable/generated/torch.mode.html
 */
export function mode(x: Tensor, dim?: number | DimOptions | null, options?: DimOptions): ValuesIndices {
  MODE.check(x, dim, options)
  const named = optionsIn<DimOptions>('mode', dim, options)
  const { y, d } = atLeastOne('mode', x, (typeof dim === 'number' ? dim : named?.dim) ?? -1)
  checkSome('mode', y, d)
  return underName('mode', () => {
    const { values, indices } = sort(stopGradient(y), d)
    const same = neighboursEqual(values, d)
    const besides = (before: 0 | 1): Tensor => padZeros(same, { before: y.shape.map((_, i) => (i === d ? before : 0)), sizes: y.shape })
    // Of runs of equals: where each begins, and at its last how long it is
    const at = expandTo(new Tensor(positions(y.shape, d)), y.shape)
    const begin = cummax(where(besides(1), lit(0, at), at), d).values
    const length = where(besides(0), lit(-1, at), sub(at, begin))
    const last = sizeOf(y.shape) === 0 ? narrowTo(indices, d, 0, 1) : argmax(length, d, KEEP)
    return chosen('mode', y, gatherAlong(indices, last, { dim: d, op: 'mode' }), d, left(x, d, named?.keepdim ?? false))
  })
}
