/** @file What is there, and how often: unique, uniqueConsecutive, bincount. Shapes follow from values, hence promises. */
import {
  ArgumentError,
  BOOLEAN,
  COUNT,
  DTypeError,
  options as describe,
  isInteger,
  normalizeDim,
  nullable,
  type Options,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { alias, checkSize, DIM, TENSOR, Tensor } from '../tensor/index.ts'
import { logicalOr, ne } from './compare.ts'
import { cast, detach, stopGradient } from './convert.ts'
import { checkDevices } from './define.ts'
import { amax, amin, any } from './extremes.ts'
import { column, countsOf, gatherAlong, joinedRows, scattered } from './gather.ts'
import { indexSelect, indexTensor } from './indexing.ts'
import { cat } from './join.ts'
import { cumsum } from './scan.ts'
import { scatter } from './scatter.ts'
import { narrowTo, padZeros, sliceBy } from './slice.ts'
import { argsort, sort } from './sort.ts'
import { reshapeTo, transpose } from './view.ts'

/** Options of {@link uniqueConsecutive}. */
export interface UniqueConsecutiveOptions {
  /** Whether it is also said which of the results each element is: false by default. */
  readonly returnInverse?: boolean
  /** Whether it is also said how often each is there: false by default. */
  readonly returnCounts?: boolean
  /** The dim whose parts are compared as wholes: by default elements are, in row-major order. */
  readonly dim?: number | null
}
/** Options of {@link unique}. */
export interface UniqueOptions extends UniqueConsecutiveOptions {
  /** Whether results are in ascending order: they are in any case. */
  readonly sorted?: boolean
}

/** The forms of {@link unique}. */
export interface UniqueFunction<O extends UniqueConsecutiveOptions> {
  /** With what was asked for besides. */
  (
    x: Tensor,
    options: O & { readonly returnInverse: true; readonly returnCounts: true },
  ): Promise<readonly [output: Tensor, inverse: Tensor, counts: Tensor]>
  (
    x: Tensor,
    options: O & { readonly returnInverse: true; readonly returnCounts?: false },
  ): Promise<readonly [output: Tensor, inverse: Tensor]>
  (
    x: Tensor,
    options: O & { readonly returnInverse?: false; readonly returnCounts: true },
  ): Promise<readonly [output: Tensor, counts: Tensor]>
  /** The results alone. */
  (x: Tensor, options?: O & { readonly returnInverse?: false; readonly returnCounts?: false }): Promise<Tensor>
}

const KINDS = { returnInverse: BOOLEAN, returnCounts: BOOLEAN } as const
const UNIQUE = signature('unique', {
  x: TENSOR,
  options: optional(describe<UniqueOptions>({ ...KINDS, sorted: BOOLEAN, dim: nullable(DIM) })),
})
const CONSECUTIVE = signature('uniqueConsecutive', {
  x: TENSOR,
  options: optional(describe<UniqueConsecutiveOptions>({ ...KINDS, dim: nullable(DIM) })),
})

/** Runs of equal neighbours: the number of the run of each, int32 [n]; and how many runs there are. */
async function runsOf(op: string, differing: () => Tensor): Promise<{ ids: Tensor; count: number }> {
  const { ids, last } = underName(op, () => {
    const differ = differing()
    const found = detach(cumsum(padZeros(cast(differ, 'int32'), { before: [1], sizes: [differ.numel() + 1] }), 0))
    return { ids: found, last: amax(found) }
  })
  return { ids, count: Number(await last.item()) + 1 }
}

/** Where each of the runs begins, and how long it is, int32 [count]. */
function extentsOf(ids: Tensor, count: number): { first: Tensor; counts: Tensor } {
  const n = ids.numel()
  const [first, counts] = scattered('min', count, ids._node, column(graph.iota(n, ids._node.placement)))
  return { first: new Tensor(graph.reshape(first, [count])), counts: new Tensor(counts) }
}

type Found = { readonly output: Tensor; readonly inverse: Tensor; readonly counts: Tensor }

const asked = ({ output, inverse, counts }: Found, options: UniqueConsecutiveOptions | undefined): unknown => {
  const more = [...(options?.returnInverse ? [inverse] : []), ...(options?.returnCounts ? [counts] : [])]
  return more.length === 0 ? output : [output, ...more]
}

/** What there is of nothing. */
const nothing = (x: Tensor, output: Tensor, shape: Shape): Found => {
  const none = (of: Shape): Tensor => new Tensor(graph.expand(graph.constant(0, 'int32', x._node.placement), of))
  return { output, inverse: none(shape), counts: none([0]) }
}

/** … along a dim. @throws ShapeError where there are parts, and nothing in them. */
function nothingAlong(op: string, x: Tensor, d: number): Found {
  if ((x.shape[d] as number) > 0)
    throw new ShapeError(op, `the parts along dim ${d} of x ${showShape(x.shape)} have no elements`, [x.shape])
  return underName(op, () => nothing(x, alias(x), [0]))
}

/** The dim that was named, if there is one. */
const dimIn = (op: string, x: Tensor, dim: number | null | undefined): number | undefined =>
  dim === undefined || dim === null || x.ndim === 0 ? undefined : normalizeDim(op, dim, x.ndim)

async function uniqueOf(x: Tensor): Promise<Found> {
  const n = x.numel()
  const flat = reshapeTo(stopGradient(x), [n])
  if (n === 0) return underName('unique', () => nothing(x, alias(flat), x.shape))
  const order = underName('unique', () => sort(flat, 0))
  const [values, indices] = [detach(order.values), detach(order.indices)]
  const { ids, count } = await runsOf('unique', () => ne(narrowTo(values, 0, 1, n - 1), narrowTo(values, 0, 0, n - 1)))
  return underName('unique', () => {
    const { first, counts } = extentsOf(ids, count)
    const inverse = graph.reshape(joinedRows('max', n, indices._node, column(ids._node)), x.shape)
    return { output: indexSelect(values, 0, first), inverse: new Tensor(inverse), counts }
  })
}

// ── parts along a dim ──

const differing = (x: Tensor): Tensor => ne(narrowTo(x, 0, 1, (x.shape[0] as number) - 1), narrowTo(x, 0, 0, (x.shape[0] as number) - 1))

/** From whether neighbours in the order differ, [n − 1, m], to the number of each element among the distinct ones of its column, int32 [n, m]. */
function ranksIn(order: Tensor, differ: Tensor): Tensor {
  const [n, m] = order.shape as readonly [number, number]
  const ids = cumsum(padZeros(cast(differ, 'int32'), { before: [1, 0], sizes: [n, m] }), 0)
  return scatter(ids, 0, order, ids)
}

/** Of each element, how many distinct ones of its column come before it, int32 [n, m]. Each NaN is one by itself. */
function ranksOf(x: Tensor): Tensor {
  const { values, indices } = sort(x.dtype === 'bool' ? cast(x, 'int32') : x, 0)
  return ranksIn(indices, differing(values))
}

/** Ranks of pairs of ranks: sorted by the second, then by the first, which keeps the order of equals. */
function ranksOfPairs(first: Tensor, second: Tensor): Tensor {
  const along = (x: Tensor, index: Tensor): Tensor => gatherAlong(x, index, { dim: 0, op: 'unique' })
  const bySecond = argsort(second, 0)
  const order = along(bySecond, argsort(along(first, bySecond), 0))
  return ranksIn(order, logicalOr(differing(along(first, order)), differing(along(second, order))))
}

/**
 * The number of each row among the distinct ones in their order, int32 [n]: by ranks of columns, of pairs of columns, of pairs of these, as suffixes are ordered by doubling.
 * @see U. Manber and G. Myers, Suffix arrays: a new method for on-line string searches (1993)
 */
function rowRanks(rows: Tensor): Tensor {
  let ranks = ranksOf(rows)
  for (let m = rows.shape[1] as number; m > 1; m = ranks.shape[1] as number) {
    const half = m >> 1
    const every = (start: number): Tensor => sliceBy(ranks, { start: [0, start], step: [1, 2], sizes: [ranks.shape[0] as number, half] })
    const pairs = ranksOfPairs(every(0), every(1))
    ranks = m % 2 === 0 ? pairs : cat([pairs, narrowTo(ranks, 1, m - 1, 1)], 1)
  }
  return reshapeTo(ranks, [rows.shape[0] as number])
}

async function uniqueAlong(x: Tensor, d: number): Promise<Found> {
  const y = stopGradient(x)
  const n = y.shape[d] as number
  if (sizeOf(y.shape) === 0) return nothingAlong('unique', y, d)
  const { ids, last } = underName('unique', () => {
    const found = detach(rowRanks(reshapeTo(transpose(y, d, 0), [n, sizeOf(y.shape) / n])))
    return { ids: found, last: amax(found) }
  })
  const count = Number(await last.item()) + 1
  return underName('unique', () => {
    const { first, counts } = extentsOf(ids, count)
    return { output: indexSelect(y, d, first), inverse: alias(ids), counts }
  })
}

/**
 * The distinct elements of `x` in ascending order, [n]; on request, also which of them each element is, in the shape of `x`, and how often each is there, [n], both int32.
 * With `dim`, the distinct parts along it, ordered by their first elements that differ; which of them each is, and how often, are [n] then. Each NaN is one by itself. There
 * is no gradient.
 * @returns a promise: how many there are depends on the values
 * @see https://pytorch.org/docs/stable/generated/torch.unique.html
 * @example const [output, counts] = await unique(x, { returnCounts: true })
 */
export const unique: UniqueFunction<UniqueOptions> = (async (x: Tensor, options?: UniqueOptions) => {
  UNIQUE.check(x, options)
  const d = dimIn('unique', x, options?.dim)
  return asked(await (d === undefined ? uniqueOf(x) : uniqueAlong(x, d)), options)
}) as UniqueFunction<UniqueOptions>

async function consecutiveOf(x: Tensor, dim: number | undefined): Promise<Found> {
  const y = dim === undefined ? reshapeTo(stopGradient(x), [x.numel()]) : stopGradient(x)
  const d = dim ?? 0
  const n = y.shape[d] as number
  const inverseShape = dim === undefined ? x.shape : [n]
  if (sizeOf(y.shape) === 0) {
    if (dim !== undefined) return nothingAlong('uniqueConsecutive', y, d)
    return underName('uniqueConsecutive', () => nothing(x, y, inverseShape))
  }
  const others = y.shape.flatMap((_, i) => (i === d ? [] : [i]))
  const { ids, count } = await runsOf('uniqueConsecutive', () => {
    const differ = ne(narrowTo(y, d, 1, n - 1), narrowTo(y, d, 0, n - 1))
    return others.length === 0 ? differ : any(differ, others)
  })
  return underName('uniqueConsecutive', () => {
    const { first, counts } = extentsOf(ids, count)
    return { output: indexSelect(y, d, first), inverse: reshapeTo(alias(ids), inverseShape), counts }
  })
}

/**
 * `x` without elements that equal the one before, [n]; with `dim`, without parts along it that do. On request, also which of them each element is, and how many in a row
 * each was, int32. There is no gradient.
 * @returns a promise: how many there are depends on the values
 * @see https://pytorch.org/docs/stable/generated/torch.unique_consecutive.html
 */
export const uniqueConsecutive: UniqueFunction<UniqueConsecutiveOptions> = (async (x: Tensor, options?: UniqueConsecutiveOptions) => {
  CONSECUTIVE.check(x, options)
  return asked(await consecutiveOf(x, dimIn('uniqueConsecutive', x, options?.dim)), options)
}) as UniqueFunction<UniqueConsecutiveOptions>

/** Options of {@link bincount}. */
export interface BincountOptions {
  /** What each element adds, as `x` in shape: 1 by default. */
  readonly weights?: Tensor | null
  /** How many bins there are at least: 0 by default. */
  readonly minlength?: number
}

const BINCOUNT_OPTIONS: Options<BincountOptions> = describe<BincountOptions>({ weights: nullable(TENSOR), minlength: COUNT })
const BINCOUNT = signature('bincount', {
  x: TENSOR,
  weights: nullable(oneOf(TENSOR, BINCOUNT_OPTIONS)),
  options: optional(BINCOUNT_OPTIONS),
})

/**
 * How often each whole number from 0 to the largest is there, int32; with `weights` the sum of theirs, in their dtype (float32 for integers). There is no gradient.
 * @param x integers ≥ 0, [n]
 * @returns a promise: how many bins there are depends on the values
 * @throws ArgumentError for a negative number.
 * @see https://pytorch.org/docs/stable/generated/torch.bincount.html
 */
export async function bincount(x: Tensor, weights?: Tensor | null | BincountOptions, options?: BincountOptions): Promise<Tensor> {
  BINCOUNT.check(x, weights, options)
  const isTensor = weights instanceof Tensor || weights === null || weights === undefined
  if (!isTensor && options !== undefined) throw new ArgumentError('bincount', 'the options come last')
  const named = isTensor ? options : (weights as BincountOptions)
  const w = (isTensor ? (weights as Tensor | null | undefined) : undefined) ?? named?.weights ?? undefined
  if (!isInteger(x.dtype)) throw new DTypeError('bincount', `x must be integers, got ${x.dtype}. Convert with .int()`)
  if (x.ndim !== 1 || (w && w.shape.join() !== x.shape.join()))
    throw new ShapeError('bincount', `x ${showShape(x.shape)} must be [n]${w ? `, and weights ${showShape(w.shape)} as x` : ''}`, [x.shape])
  checkDevices('bincount', ['x', 'weights'], [x, w])
  const index = detach(indexTensor('bincount', 'x', x))
  const values =
    w && detach(cast(stopGradient(w), w.dtype === 'float64' || w.dtype === 'float16' || w.dtype === 'bfloat16' ? w.dtype : 'float32'))
  const found = x.numel() === 0 ? 0 : Number(await amax(index).item()) + 1
  if (x.numel() > 0) {
    const least = Number(await amin(index).item())
    if (least < 0) throw new ArgumentError('bincount', `x must be whole numbers ≥ 0, got ${least}`)
  }
  const bins = Math.max(found, named?.minlength ?? 0)
  checkSize('bincount', [bins])
  return underName('bincount', () => countsOf(index, values, bins))
}
