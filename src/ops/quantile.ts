/** @file Quantiles: values between those at two ranks. */
import {
  ArgumentError,
  BOOLEAN,
  choice,
  DTypeError,
  options as describe,
  normalizeDim,
  nullable,
  type Options,
  oneOf,
  onesAt,
  optional,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  within,
} from '../base/index.ts'
import * as runtime from '../runtime/index.ts'
import { DIM, dimOr, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { maximum } from './clamp.ts'
import { isnan, lt } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, mul, sub, where } from './elementwise.ts'
import { any } from './extremes.ts'
import { gatherAlong } from './gather.ts'
import { ownShape } from './indexing.ts'
import { checkFloat, lit, number } from './promote.ts'
import { sum } from './reduce.ts'
import { ceil, floor, round } from './rounding.ts'
import { positionsInOrder } from './sort.ts'
import { expandTo, movedim, reshapeTo } from './view.ts'

/** What a quantile is where it lies between two elements: in proportion, the lower or the higher one, the middle, or the nearer one (ties: of even rank). */
export type Interpolation = 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest'

/** Options of {@link quantile}. */
export interface QuantileOptions {
  /** The dim that is reduced: all together by default. */
  readonly dim?: number | null
  /** Whether it stays, with size 1: false by default. */
  readonly keepdim?: boolean
  /** What lies between two elements: `linear` by default. */
  readonly interpolation?: Interpolation
}

const OPTIONS: Options<QuantileOptions> = describe<QuantileOptions>({
  dim: nullable(DIM),
  keepdim: BOOLEAN,
  interpolation: choice(['linear', 'lower', 'higher', 'midpoint', 'nearest']),
})
const signatureOf = (name: string) =>
  signature(name, { x: TENSOR, q: oneOf(within(0, 1), TENSOR), dim: nullable(dimOr(DIM, OPTIONS)), options: optional(OPTIONS) })

const KEEP = { keepdim: true } as const

/** a + w (b − a), from the nearer end: an end that is infinite does no harm at the other. */
function between(a: Tensor, b: Tensor, w: Tensor): Tensor {
  const gap = sub(b, a)
  return where(lt(w, number(0.5, w.dtype)), add(a, mul(w, gap)), sub(b, mul(gap, sub(lit(1, w), w))))
}

function checkShares(op: string, x: Tensor, q: Tensor): void {
  checkDevices(op, ['x', 'q'], [x, q])
  if (q.ndim > 1) throw new ShapeError(op, `q must be a number or have at most one dim, got ${showShape(q.shape)}`, [q.shape])
  if (q.dtype !== x.dtype) throw new DTypeError(op, `q is ${q.dtype} and must be as x, ${x.dtype}`)
  const values = runtime.hostValues(q._node)
  if (q.dtype === 'float32' || q.dtype === 'float64')
    for (const v of values ?? [])
      if (!(Number(v) >= 0 && Number(v) <= 1)) throw new ArgumentError(op, `q must be numbers from 0 to 1, got ${v}`)
}

/** Ranks in rows of `n` elements, [..., Q], counted from 0; fractions lie between two. */
function ranksOf(rows: Tensor, q: Tensor | number, leftOut: boolean): Tensor {
  const n = rows.shape.at(-1) as number
  const share = q instanceof Tensor ? reshapeTo(q, [q.numel()]) : undefined
  const dtype = rows.dtype
  if (leftOut) {
    const most = sub(number(n - 1, 'int32'), sum(cast(isnan(rows), 'int32'), -1, KEEP))
    return mul(cast(maximum(most, 0), dtype), share ?? number(q as number, dtype))
  }
  const rank = share === undefined ? number((n - 1) * (q as number), dtype) : mul(share, number(n - 1, dtype))
  return where(any(isnan(rows), -1, KEEP), number(n - 1, dtype), rank)
}

const ROUNDED = { lower: floor, higher: ceil, nearest: round } as const

interface Params {
  readonly dim: number | null
  readonly keepdim: boolean
  readonly interpolation: Interpolation
  readonly leftOut: boolean
}

/** Of each row the quantiles, [..., Q]. */
function ofRows(op: string, rows: Tensor, q: Tensor | number, { interpolation, leftOut }: Params): Tensor {
  const shape = [...rows.shape.slice(0, -1), q instanceof Tensor ? q.numel() : 1]
  const last = rows.ndim - 1
  const order = positionsInOrder(rows, { dim: last, descending: false })
  const at = (rank: Tensor): Tensor => {
    const index = gatherAlong(order, expandTo(cast(stopGradient(rank), 'int32'), shape), { dim: last, op })
    return gatherAlong(rows, index, { dim: last, op })
  }
  const ranks = ranksOf(rows, q, leftOut)
  if (interpolation !== 'linear' && interpolation !== 'midpoint') return at(ROUNDED[interpolation](ranks))
  const below = floor(ranks)
  const weight = interpolation === 'midpoint' ? number(0.5, rows.dtype) : sub(ranks, below)
  return between(at(below), at(ceil(ranks)), weight)
}

function define(name: 'quantile' | 'nanquantile') {
  const given = signatureOf(name)
  const apply = defineComposition(name, (x: Tensor, q: Tensor | number, p: Params) => {
    const { dim, keepdim } = p
    const rows = dim === null || x.ndim === 0 ? reshapeTo(x, [x.numel()]) : movedim(x, dim, -1)
    const found = ofRows(name, rows, q, p)
    const kept = dim === null ? x.shape.map(() => 1) : onesAt(x.shape, [dim])
    const rest = keepdim ? kept : rows.shape.slice(0, -1)
    if (!(q instanceof Tensor) || q.ndim === 0) return ownShape(found, rest)
    return ownShape(movedim(found, -1, 0), [q.numel(), ...rest])
  })
  return (x: Tensor, q: Tensor | number, dim?: number | QuantileOptions | null, options?: QuantileOptions): Tensor => {
    given.check(x, q, dim, options)
    const named = optionsIn<QuantileOptions>(name, dim, options)
    checkFloat(name, 'x', x)
    if (q instanceof Tensor) checkShares(name, x, q)
    if (sizeOf(x.shape) === 0) throw new ShapeError(name, `nothing to choose from: x is ${showShape(x.shape)}`, [x.shape])
    const along = (typeof dim === 'number' ? dim : named?.dim) ?? null
    return apply(x, q, {
      dim: along === null ? null : normalizeDim(name, along, x.ndim),
      keepdim: named?.keepdim ?? false,
      interpolation: named?.interpolation ?? 'linear',
      leftOut: name === 'nanquantile',
    })
  }
}

/**
 * The values below which the share `q` of the elements lies, of all or along `dim`: `q` (n − 1) is a rank, and between two elements is what `interpolation` says. NaN where
 * there is one.
 * @param q a number from 0 to 1, or a tensor of such, 0-d or [Q], in the dtype of `x`
 * @returns for one number the reduced shape, for [Q] the same with Q in front
 * @throws ShapeError over nothing, DTypeError for integers and bools.
 * @see https://pytorch.org/docs/stable/generated/torch.quantile.html
 */
export const quantile: (x: Tensor, q: Tensor | number, dim?: number | QuantileOptions | null, options?: QuantileOptions) => Tensor =
  define('quantile')
/** As {@link quantile}, of the elements that are no NaN. @see https://pytorch.org/docs/stable/generated/torch.nanquantile.html */
export const nanquantile: (x: Tensor, q: Tensor | number, dim?: number | QuantileOptions | null, options?: QuantileOptions) => Tensor =
  define('nanquantile')
