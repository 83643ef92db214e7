/** @file Scans along a dim: what the elements up to each one come to. Their gradients are scans as well, so those of any order cost as much as they do. */
import {
  ArgumentError,
  DTYPE,
  type DType,
  options as describe,
  normalizeDim,
  type Options,
  oneOf,
  optional,
  type Signature,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { ScanOp } from '../kernel/index.ts'
import { DIM, dimOr, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { defineMultiOutputOp, defineOp } from './define.ts'
import { exp, mul, sub, where } from './elementwise.ts'
import { positions, type ValuesIndices, valuesIndices } from './extremes.ts'
import { ownShape } from './indexing.ts'
import { inPlace } from './inplace.ts'
import { checkFloat, lit, number } from './promote.ts'
import { accumulated } from './reduce.ts'
import { narrowTo, padZeros } from './slice.ts'
import { reshape } from './view.ts'

interface ScanParams {
  readonly dim: number
  /** From the last element on. */
  readonly reverse: boolean
  /** The dtype that was asked for. */
  readonly dtype?: DType | undefined
}

const asked = ({ dtype }: ScanParams): boolean => dtype !== undefined

/** The nodes of a scan's outputs. */
const scanned = (op: ScanOp, inputs: readonly graph.Node[], { dim, reverse }: ScanParams): readonly [graph.Node, ...graph.Node[]] =>
  graph.routine({ kind: 'scan', op, dim, reverse }, inputs) as [graph.Node, ...graph.Node[]]

const valuesOf = (op: ScanOp, inputs: readonly [graph.Node, ...graph.Node[]], p: ScanParams): graph.Node =>
  sizeOf(inputs[0].shape) === 0 ? inputs[0] : scanned(op, inputs, p)[0]

/** `x` one position further along `dim` (by 1), or one back (by −1), with a zero where nothing comes from. */
function shifted(x: Tensor, dim: number, by: 1 | -1): Tensor {
  const rest = narrowTo(x, dim, by === 1 ? 0 : 1, (x.shape[dim] as number) - 1)
  return padZeros(rest, { before: x.shape.map((_, d) => (d === dim && by === 1 ? 1 : 0)), sizes: x.shape })
}

const backward = ({ dim, reverse }: ScanParams): ScanParams => ({ dim, reverse: !reverse })

const cumsumAlong: (x: Tensor, p: ScanParams) => Tensor = defineOp('cumsum', {
  autocast: 'float32',
  asked,
  inputs: ['x'],
  forward: (x, p: ScanParams) => valuesOf('sum', [x], p),
  vjp: { x: (g, _, p) => cumsumAlong(g, backward(p)) },
})

/** h ← a · h + b, from 0: what gradients of scans are made of. */
const recurrenceAlong = defineOp('linearRecurrence', {
  inputs: ['a', 'b'],
  forward: (a, b, p: ScanParams) => valuesOf('recurrence', [a, b], p),
  saves: { a: ['a', 'y'], b: ['a'] },
  vjp: {
    a: (g, { a, y }, p) => mul(carriedBack(g, a, p), shifted(y, p.dim, p.reverse ? -1 : 1)),
    b: (g, { a }, p) => carriedBack(g, a, p),
  },
})

/** What becomes of a gradient at h on its way back along a recurrence: λₖ = gₖ + aₖ₊₁ λₖ₊₁. */
const carriedBack = (g: Tensor, a: Tensor, p: ScanParams): Tensor => recurrenceAlong(shifted(a, p.dim, p.reverse ? 1 : -1), g, backward(p))

/** Of products `y` up to each element, those of all before it: 1 in front of the first. */
function before(y: Tensor, { dim, reverse }: ScanParams): Tensor {
  const along = new Tensor(positions(y.shape, dim))
  const first = eq(along, number(reverse ? (y.shape[dim] as number) - 1 : 0, 'int32'))
  return where(first, lit(1, y), shifted(y, dim, reverse ? -1 : 1))
}

/** For each element along `dim`, the product of the others: nothing is divided, so that zeros do no harm. */
export function productOfOthers(x: Tensor, dim: number): Tensor {
  const [up, down] = [false, true].map((reverse) => ({ dim, reverse })) as [ScanParams, ScanParams]
  return mul(before(cumprodAlong(x, up), up), before(cumprodAlong(x, down), down))
}

const cumprodAlong: (x: Tensor, p: ScanParams) => Tensor = defineOp('cumprod', {
  autocast: 'float32',
  asked,
  inputs: ['x'],
  forward: (x, p: ScanParams) => valuesOf('prod', [x], p),
  saves: { x: ['x', 'y'] },
  vjp: {
    // The product of all before xₖ, times what of g the products from there on carry back: nothing is divided by an x that may be 0
    x: (g, { x, y }, p) => {
      return mul(before(y, p), carriedBack(g, x, p))
    },
  },
})

/** a − b, and 0 where both are the same infinity. */
const gap = (a: Tensor, b: Tensor): Tensor => where(eq(a, b), lit(0, a), sub(a, b))

const logcumsumexpAlong = defineOp('logcumsumexp', {
  inputs: ['x'],
  forward: (x, p: ScanParams) => valuesOf('logaddexp', [x], p),
  saves: { x: ['x', 'y'] },
  vjp: {
    // Σ gⱼ e^(xₖ − yⱼ) over j ≥ k: e^(xₖ − yₖ) times what of g the shares e^(yⱼ − yⱼ₊₁) carry back. No exponent is above 0
    x: (g, { x, y }, p) => {
      const rest = (x.shape[p.dim] as number) - 1
      const shares = exp(gap(narrowTo(y, p.dim, 0, rest), narrowTo(y, p.dim, 1, rest)))
      const padded = padZeros(shares, { before: x.shape.map(() => 0), sizes: x.shape })
      return mul(exp(gap(x, y)), recurrenceAlong(padded, g, backward(p)))
    },
  },
})

const defineExtremes = (name: 'cummax' | 'cummin', op: 'max' | 'min') =>
  defineMultiOutputOp(name, {
    inputs: ['x'],
    outputs: ['values', 'indices'],
    forward: (x, p: ScanParams) => {
      if (sizeOf(x.shape) === 0) return [x, graph.expand(graph.constant(0, 'int32', x.placement), x.shape)]
      return scanned(op, [x], p) as [graph.Node, graph.Node]
    },
    saves: { x: ['indices'] },
    vjp: {
      // An element is the extreme from its own position on, if it ever is: it gets the sum of g over the run of its index
      x: ([gradient], { indices }, p) => {
        const g = gradient as Tensor
        const goesOn = cast(eq(indices, shifted(indices, p.dim, -1)), g.dtype)
        const begins = eq(indices, new Tensor(positions(indices.shape, p.dim)))
        return where(begins, recurrenceAlong(goesOn, g, backward(p)), lit(0, g))
      },
    },
  })
const cummaxAlong = defineExtremes('cummax', 'max')
const cumminAlong = defineExtremes('cummin', 'min')

/** The dim of a scan, by name. */
export interface ScanOptions {
  /** The dim, counted from the back where it is negative. */
  readonly dim: number
}
/** … and the dtype in which it is computed. */
export interface ScanDTypeOptions {
  /** The dim, where it does not go by position. */
  readonly dim?: number
  /** What the elements are converted to before: their own dtype by default. */
  readonly dtype?: DType
}

const ALONG: Options<ScanOptions> = describe<ScanOptions>({ dim: DIM })
const ALONG_IN: Options<ScanDTypeOptions> = describe<ScanDTypeOptions>({ dim: DIM, dtype: DTYPE })

function dimOf(op: string, x: Tensor, dim: number | undefined): number {
  if (dim === undefined) throw new ArgumentError(op, 'dim must be given: a number, or { dim }')
  return normalizeDim(op, dim, x.ndim)
}

/** Applies a scan; a 0-d tensor is scanned as one element. */
function along(x: Tensor, dim: number, apply: (x: Tensor, p: ScanParams) => Tensor, dtype?: DType): Tensor {
  return x.ndim === 0 ? ownShape(apply(reshape(x, [1]), { dim: 0, reverse: false, dtype }), []) : apply(x, { dim, reverse: false, dtype })
}

/** cumsum and cumprod: bool and small integers come to int32, as in `sum`. */
function accumulate(
  given: Signature,
  apply: (x: Tensor, p: ScanParams) => Tensor,
  x: Tensor,
  dim: number | ScanDTypeOptions,
  options: ScanDTypeOptions | undefined,
): Tensor {
  given.check(x, dim, options)
  return underName(given.name, () => {
    const named = optionsIn<ScanDTypeOptions>(given.name, dim, options)
    const d = dimOf(given.name, x, typeof dim === 'number' ? dim : named?.dim)
    return along(accumulated(x, named?.dtype), d, apply, named?.dtype)
  })
}

const IN_PLACE = { dim: dimOr(DIM, ALONG_IN), options: optional(ALONG_IN) } as const
const accumulation = (name: string): Signature => signature(name, { x: TENSOR, ...IN_PLACE })
const CUMSUM = accumulation('cumsum')
const CUMPROD = accumulation('cumprod')

/**
 * Sums of the elements up to each one along `dim`. bool and small integers sum to int32.
 * @returns the shape of `x`
 * @see https://pytorch.org/docs/stable/generated/torch.cumsum.html
 * @example await tensor([1, 2, 3]).cumsum(0).toArray() // [1, 3, 6]
 */
export function cumsum(x: Tensor, dim: number | ScanDTypeOptions, options?: ScanDTypeOptions): Tensor {
  return accumulate(CUMSUM, cumsumAlong, x, dim, options)
}

/**
 * Products of the elements up to each one along `dim`; as {@link cumsum}. Gradients are right where elements are 0.
 * @see https://pytorch.org/docs/stable/generated/torch.cumprod.html
 */
export function cumprod(x: Tensor, dim: number | ScanDTypeOptions, options?: ScanDTypeOptions): Tensor {
  return accumulate(CUMPROD, cumprodAlong, x, dim, options)
}

/** x ← cumsum x: see {@link cumsum}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.cumsum_.html */
export const cumsum_: (x: Tensor, dim: number | ScanDTypeOptions, options?: ScanDTypeOptions) => Tensor = inPlace(
  'cumsum_',
  IN_PLACE,
  cumsum,
)
/** x ← cumprod x: see {@link cumprod}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.cumprod_.html */
export const cumprod_: (x: Tensor, dim: number | ScanDTypeOptions, options?: ScanDTypeOptions) => Tensor = inPlace(
  'cumprod_',
  IN_PLACE,
  cumprod,
)

const extremum = (name: string): Signature => signature(name, { x: TENSOR, dim: oneOf(DIM, ALONG) })
const EXTREMA = { cummax: extremum('cummax'), cummin: extremum('cummin') } as const
const LOGCUMSUMEXP = extremum('logcumsumexp')

function extremes(name: 'cummax' | 'cummin', apply: typeof cummaxAlong, x: Tensor, dim: number | ScanOptions): ValuesIndices {
  EXTREMA[name].check(x, dim)
  return underName(name, () => {
    const d = dimOf(name, x, typeof dim === 'number' ? dim : dim.dim)
    if (x.ndim > 0) return valuesIndices(...apply(x, { dim: d, reverse: false }))
    const [values, indices] = apply(reshape(x, [1]), { dim: 0, reverse: false })
    return valuesIndices(ownShape(values, []), ownShape(indices, []))
  })
}

/**
 * The largest of the elements up to each one along `dim`, and its int32 position (the last of equals): `{ values, indices }`, which is also a tuple. NaN is the
 * largest from where there is one.
 * @see https://pytorch.org/docs/stable/generated/torch.cummax.html
 */
export const cummax = (x: Tensor, dim: number | ScanOptions): ValuesIndices => extremes('cummax', cummaxAlong, x, dim)
/** The smallest of the elements up to each one along `dim`; as {@link cummax}. @see https://pytorch.org/docs/stable/generated/torch.cummin.html */
export const cummin = (x: Tensor, dim: number | ScanOptions): ValuesIndices => extremes('cummin', cumminAlong, x, dim)

/**
 * ln Σ eˣ of the elements up to each one along `dim`.
 * @throws DTypeError for integers and bools.
 * @see https://pytorch.org/docs/stable/generated/torch.logcumsumexp.html
 */
export function logcumsumexp(x: Tensor, dim: number | ScanOptions): Tensor {
  LOGCUMSUMEXP.check(x, dim)
  return underName('logcumsumexp', () => {
    checkFloat('logcumsumexp', 'x', x)
    return along(x, dimOf('logcumsumexp', x, typeof dim === 'number' ? dim : dim.dim), logcumsumexpAlong)
  })
}
