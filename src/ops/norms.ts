/** @file Norms of vectors and matrices: norm, renorm, and those of the namespace `linalg`. (`norm.ts` has what normalizes batches.) */
import {
  ArgumentError,
  atLeast,
  BOOLEAN,
  choice,
  DTYPE,
  type DType,
  options as describe,
  isPlainObject,
  type Kind,
  NUMBER,
  normalizeDim,
  normalizeDims,
  nullable,
  type Options,
  oneOf,
  onesAt,
  optional,
  ShapeError,
  showArgument,
  showShape,
  signature,
  underName,
  within,
  withoutDims,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, DIMS, NamedArguments, TENSOR, type Tensor } from '../tensor/index.ts'
import { eq, gt } from './compare.ts'
import { cast } from './convert.ts'
import { autocasted, defineComposition, defineOp } from './define.ts'
import { abs, add, div, mul, pow, sign, where } from './elementwise.ts'
import { amax, amin } from './extremes.ts'
import { inPlace } from './inplace.ts'
import { checkFloat, lit, number } from './promote.ts'
import { type Dims, type ReduceOptions, type ReduceParams, reduceNode, spread, sum } from './reduce.ts'
import { reshapeTo } from './view.ts'

interface NormParams extends ReduceParams {
  /** (Σ |x|ᵖ)^(1/p); ±∞ for the largest and the smallest, 0 for how many are ≠ 0. */
  readonly ord: number
  /** The dtype that was asked for. */
  readonly dtype?: DType | undefined
}

function normNode(x: graph.Node, p: NormParams): graph.Node {
  const { ord } = p
  const size = graph.unary('abs', x)
  if (ord === Number.POSITIVE_INFINITY) return reduceNode('max', size, p)
  if (ord === Number.NEGATIVE_INFINITY) return reduceNode('min', size, p)
  if (ord === 0) return reduceNode('sum', graph.cast(graph.binary('ne', x, 0), x.dtype), p)
  if (ord === 1) return reduceNode('sum', size, p)
  if (ord === 2) return graph.unary('sqrt', reduceNode('sum', graph.binary('mul', x, x), p))
  const powers = graph.binary('pow', size, graph.scalar(ord, x.dtype)) // as data: another order is no other kernel
  return graph.binary('pow', reduceNode('sum', powers, p), graph.scalar(1 / ord, x.dtype))
}

/** a / b, and 0 where b is 0: also in the gradient of that. */
function quotientOrZero(a: Tensor, b: Tensor): Tensor {
  const isZero = eq(b, lit(0, b))
  return where(isZero, lit(0, a), div(a, where(isZero, lit(1, b), b)))
}

/** The gradient of a norm `y`, all in the shape of `x`; 0 where the norm has a corner at 0. */
function normGradient(g: Tensor, x: Tensor, y: Tensor, ties: (won: Tensor) => Tensor, ord: number): Tensor {
  if (ord === 0) return mul(g, lit(0, g))
  if (ord === 1) return mul(g, sign(x))
  if (ord === 2) return mul(x, quotientOrZero(g, y))
  const size = abs(x)
  if (Math.abs(ord) === Number.POSITIVE_INFINITY) {
    const won = cast(eq(size, y), g.dtype)
    return mul(mul(g, sign(x)), div(won, ties(won)))
  }
  const power = (of: Tensor, by: number): Tensor => pow(of, number(by, of.dtype))
  const isZero = eq(x, lit(0, x))
  // sign(x) |x|ᵖ⁻¹, in which a base of 0 is left out
  const slope = where(isZero, lit(0, x), mul(sign(x), power(where(isZero, lit(1, x), size), ord - 1)))
  return mul(slope, quotientOrZero(g, power(y, ord - 1)))
}

const normOver = defineOp('norm', {
  autocast: 'float32',
  asked: (p: NormParams) => p.dtype !== undefined,
  inputs: ['x'],
  forward: (x, p: NormParams) => normNode(x, p),
  saves: { x: ['x', 'y'] },
  vjp: {
    x: (g, { x, y, shape }, p) =>
      normGradient(spread(g, p, shape), x, spread(y, p, shape), (won) => sum(won, p.dims, { keepdim: true }), p.ord),
  },
})

// ── norm ──

/** Options of {@link norm}. */
export interface NormOptions extends ReduceOptions {
  /** The order: `fro`, 2, by default. ±Infinity for the largest and the smallest size, 0 for how many are ≠ 0. */
  readonly p?: number | 'fro' | null
  /** What the elements are converted to before: their own dtype by default. */
  readonly dtype?: DType
}

const ORDERS = {
  nuc: 'That takes singular values, which are not there yet',
  inf: 'Give the number Infinity',
  '-inf': 'Give the number -Infinity',
} as const
const ORDER: Kind = oneOf(NUMBER, choice(['fro'], ORDERS))
const NORM_OPTIONS: Options<NormOptions> = describe<NormOptions>({
  p: nullable(ORDER),
  dim: nullable(DIMS),
  keepdim: BOOLEAN,
  dtype: DTYPE,
})
const NORM = signature('norm', {
  x: TENSOR,
  p: nullable(oneOf(ORDER, NORM_OPTIONS)),
  dim: nullable(oneOf(DIMS, NORM_OPTIONS)),
  options: optional(NORM_OPTIONS),
})

/** The options among arguments in whose places they may stand, of which there may be one only. */
function onlyOptions<O>(op: string, args: readonly unknown[]): O | undefined {
  const given = args.filter(isPlainObject)
  if (given.length > 1) throw new ArgumentError(op, `options are given twice: ${given.map((o) => showArgument(o)).join(' and ')}`)
  return given[0] as O | undefined
}

/** Whether a call says its dtype, so that autocast leaves it alone. */
const saysDType = (args: readonly unknown[]): boolean => args.some((arg) => isPlainObject(arg) && arg.dtype !== undefined)

/** A norm of order `ord` over `dims`. */
function normOf(op: string, x: Tensor, ord: number, dims: readonly number[], keepdim: boolean, dtype?: DType): Tensor {
  if (Number.isNaN(ord)) throw new ArgumentError(op, 'the order must be a number other than NaN')
  checkFloat(op, 'x', dtype === undefined ? x : cast(x, dtype))
  return normOver(dtype === undefined ? x : cast(x, dtype), { ord, dims, kept: onesAt(x.shape, dims), keepdim, dtype })
}

/**
 * (Σ |x|ᵖ)^(1/p) over `dim` (all by default): the norm of vectors, and for p = 2 (`fro`) that of Frobenius. p = ∞ is the largest size, −∞ the smallest, 0 the number
 * of elements ≠ 0. The gradient where a norm is 0 is 0; equal sizes share that of ±∞.
 * @throws DTypeError for integers and bools, unless `dtype` says what they become.
 * @see https://pytorch.org/docs/stable/generated/torch.norm.html
 * @example x.norm(); x.norm(1, 0); x.norm({ p: Infinity, dim: [0, 1], keepdim: true })
 */
export function norm(x: Tensor, p?: number | 'fro' | null | NormOptions, dim?: Dims | null | NormOptions, options?: NormOptions): Tensor {
  NORM.check(x, p, dim, options)
  const named = onlyOptions<NormOptions>('norm', [p, dim, options])
  const order = (isPlainObject(p) ? undefined : (p as number | 'fro' | null | undefined)) ?? named?.p ?? 'fro'
  const over = (isPlainObject(dim) ? undefined : (dim as Dims | null | undefined)) ?? named?.dim
  const dims = normalizeDims('norm', over, x.ndim)
  return underName('norm', () => normOf('norm', x, order === 'fro' ? 2 : order, dims, named?.keepdim ?? false, named?.dtype))
}

/** Options of {@link frobeniusNorm}. */
export interface FrobeniusNormOptions {
  /** One dim or two; all where it is left out or empty. */
  readonly dim?: Dims
  /** Whether reduced dims stay, with size 1: false by default. */
  readonly keepdim?: boolean
}
/** (dim, keepdim), the last ones by name where that is wanted. */
export type FrobeniusNormArguments =
  | [dim?: Dims, keepdim?: boolean | Pick<FrobeniusNormOptions, 'keepdim'>]
  | [options: FrobeniusNormOptions]

const FROBENIUS_NORM = new NamedArguments<FrobeniusNormOptions>('frobeniusNorm', { x: TENSOR }, { dim: DIMS, keepdim: BOOLEAN })

/**
 * The square root of the sum of squares, over all dims, one or two: as {@link norm} without an order.
 * @throws DTypeError for integers and bools; ShapeError for more than 2 dims.
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html
 */
export const frobeniusNorm: (x: Tensor, ...over: FrobeniusNormArguments) => Tensor = autocasted(
  'frobeniusNorm',
  'float32',
  (x: Tensor, ...over: FrobeniusNormArguments): Tensor => {
    const { dim, keepdim = false } = FROBENIUS_NORM.read(x, ...over)
    return underName('frobeniusNorm', () => {
      const dims = normalizeDims('frobeniusNorm', Array.isArray(dim) && dim.length === 0 ? undefined : dim, x.ndim)
      if (Array.isArray(dim) && dim.length > 2)
        throw new ShapeError('frobeniusNorm', `at most 2 dims are reduced, got ${showShape(dim)}. Use norm`, [x.shape])
      return normOf('frobeniusNorm', x, 2, dims, keepdim)
    })
  },
)

// ── linalg ──

/** How a norm is taken. */
export interface VectorNormOptions extends ReduceOptions {
  /** The order: 2 by default. */
  readonly ord?: number
  /** What the elements are converted to before: their own dtype by default. */
  readonly dtype?: DType
}

const VECTOR_NORM_OPTIONS: Options<VectorNormOptions> = describe<VectorNormOptions>({
  ord: NUMBER,
  dim: nullable(DIMS),
  keepdim: BOOLEAN,
  dtype: DTYPE,
})
const VECTOR_NORM = signature('vectorNorm', {
  x: TENSOR,
  ord: optional(oneOf(NUMBER, VECTOR_NORM_OPTIONS)),
  options: optional(VECTOR_NORM_OPTIONS),
})

/** Throws where the largest or the smallest of nothing is asked for. */
function checkExtreme(op: string, x: Tensor, ord: number, dims: readonly number[]): void {
  if ((ord < 0 || ord === Number.POSITIVE_INFINITY) && dims.some((d) => x.shape[d] === 0))
    throw new ShapeError(op, `order ${ord} of nothing: x is ${showShape(x.shape)}`, [x.shape])
}

/**
 * The norm of vectors, (Σ |x|ᵖ)^(1/p) over `dim` (all by default), with p = `ord`; as {@link norm}.
 * @throws ShapeError for the norm of order ∞, or of a negative one, over nothing.
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html
 */
export const vectorNorm: (x: Tensor, ord?: number | VectorNormOptions, options?: VectorNormOptions) => Tensor = autocasted(
  'vectorNorm',
  'float32',
  (x: Tensor, ord?: number | VectorNormOptions, options?: VectorNormOptions): Tensor => {
    VECTOR_NORM.check(x, ord, options)
    const named = onlyOptions<VectorNormOptions>('vectorNorm', [ord, options])
    const order = (typeof ord === 'number' ? ord : named?.ord) ?? 2
    const dims = normalizeDims('vectorNorm', named?.dim, x.ndim)
    checkExtreme('vectorNorm', x, order, dims)
    return underName('vectorNorm', () => normOf('vectorNorm', x, order, dims, named?.keepdim ?? false, named?.dtype))
  },
  saysDType,
)

/** How the norm of a matrix is taken. */
export interface MatrixNormOptions {
  /** `fro` (default) is the root of the sum of squares; 1 and −1 the largest and smallest sum of sizes of a column, ±Infinity of a row. */
  readonly ord?: 'fro' | number
  /** The dims of rows and columns: the last two by default. */
  readonly dim?: readonly number[]
  /** Whether they stay, with size 1: false by default. */
  readonly keepdim?: boolean
  /** What the elements are converted to before: their own dtype by default. */
  readonly dtype?: DType
}

const MATRIX_ORDER: Kind = {
  ...oneOf(choice(['fro'], ORDERS), NUMBER),
  fits: "'fro', 1, -1, Infinity or -Infinity",
  accepts: (x) => x === 'fro' || (typeof x === 'number' && (Math.abs(x) === 1 || Math.abs(x) === Number.POSITIVE_INFINITY)),
  hint: (x) => (x === 2 || x === -2 ? 'That takes singular values, which are not there yet' : ORDERS[x as keyof typeof ORDERS]),
}
const PAIR_OF_DIMS: Kind = {
  ...DIMS,
  fits: 'an array of two whole numbers',
  accepts: (x) => Array.isArray(x) && x.length === 2 && DIMS.accepts(x),
}
const MATRIX_NORM_OPTIONS: Options<MatrixNormOptions> = describe<MatrixNormOptions>({
  ord: MATRIX_ORDER,
  dim: PAIR_OF_DIMS,
  keepdim: BOOLEAN,
  dtype: DTYPE,
})
const MATRIX_NORM = signature('matrixNorm', {
  x: TENSOR,
  ord: optional(oneOf(MATRIX_ORDER, MATRIX_NORM_OPTIONS)),
  options: optional(MATRIX_NORM_OPTIONS),
})

interface MatrixParams {
  readonly rows: number
  readonly columns: number
  readonly ord: number
  readonly keepdim: boolean
}

/** The largest or smallest sum of sizes of a row or a column. */
const largestSum = defineComposition('matrixNorm', (x: Tensor, { rows, columns, ord, keepdim }: MatrixParams) => {
  const [summed, chosen] = Math.abs(ord) === 1 ? [rows, columns] : [columns, rows]
  const extreme = (ord > 0 ? amax : amin)(normOf('matrixNorm', x, 1, [summed], true), chosen, { keepdim: true })
  return keepdim ? extreme : reshapeTo(extreme, withoutDims(x.shape, [rows, columns]))
})

/**
 * The norm of matrices in the last two dims, or in `dim`.
 * @param ord `fro` (default), 1, −1, Infinity or −Infinity: the orders that take no singular values
 * @throws ShapeError for less than two dims.
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html
 */
export const matrixNorm: (x: Tensor, ord?: 'fro' | number | MatrixNormOptions, options?: MatrixNormOptions) => Tensor = autocasted(
  'matrixNorm',
  'float32',
  (x: Tensor, ord?: 'fro' | number | MatrixNormOptions, options?: MatrixNormOptions): Tensor => {
    MATRIX_NORM.check(x, ord, options)
    const named = onlyOptions<MatrixNormOptions>('matrixNorm', [ord, options])
    const order = (isPlainObject(ord) ? undefined : (ord as 'fro' | number | undefined)) ?? named?.ord ?? 'fro'
    if (x.ndim < 2) throw new ShapeError('matrixNorm', `x must have at least two dims, got ${showShape(x.shape)}`, [x.shape])
    const [rows, columns] = (named?.dim ?? [-2, -1]).map((d) => normalizeDim('matrixNorm', d, x.ndim)) as [number, number]
    if (rows === columns) throw new ArgumentError('matrixNorm', `dim names one dim twice: ${showArgument(named?.dim)}`)
    const y = named?.dtype === undefined ? x : cast(x, named.dtype)
    checkFloat('matrixNorm', 'x', y)
    const keepdim = named?.keepdim ?? false
    if (order === 'fro')
      return underName('matrixNorm', () => normOf('matrixNorm', y, 2, normalizeDims('matrixNorm', [rows, columns], x.ndim), keepdim))
    checkExtreme('matrixNorm', x, Number.POSITIVE_INFINITY, [Math.abs(order) === 1 ? columns : rows])
    return largestSum(y, { rows, columns, ord: order, keepdim })
  },
  saysDType,
)

// ── renorm ──

const PARTS = {
  p: { ...within(0, Number.POSITIVE_INFINITY), fits: 'a number > 0' },
  dim: DIM,
  maxnorm: atLeast(0),
} as const
const RENORM = signature('renorm', { x: TENSOR, ...PARTS })

/** Against division by 0, as PyTorch has it. */
const RENORM_EPS = 1e-7

/** What brings each part of `x` whose norm over `dims` is larger than `maxnorm` down to that; 1 for the others. */
export function renormFactor(op: string, x: Tensor, p: number, dims: readonly number[], maxnorm: number): Tensor {
  const size = normOf(op, x, p, dims, true)
  const limit = number(maxnorm, size.dtype)
  return where(gt(size, limit), div(limit, add(size, number(RENORM_EPS, size.dtype))), lit(1, size))
}

/**
 * Each part of `x` along `dim` whose norm of order `p` is larger than `maxnorm` scaled down to that norm; the others as they are.
 * @throws ShapeError for less than two dims.
 * @see https://pytorch.org/docs/stable/generated/torch.renorm.html
 */
export const renorm: (x: Tensor, p: number, dim: number, maxnorm: number) => Tensor = defineComposition(
  'renorm',
  (x: Tensor, p: number, dim: number, maxnorm: number) => {
    RENORM.check(x, p, dim, maxnorm)
    if (x.ndim < 2) throw new ShapeError('renorm', `x must have at least two dims, got ${showShape(x.shape)}`, [x.shape])
    if (p === 0) throw new ArgumentError('renorm', 'p must be a number > 0, got 0')
    const d = normalizeDim('renorm', dim, x.ndim)
    const others = x.shape.flatMap((_, i) => (i === d ? [] : [i]))
    return mul(x, renormFactor('renorm', x, p, others, maxnorm))
  },
  { autocast: 'float32' },
)

/** x ← renorm x: see {@link renorm}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.renorm_.html */
export const renorm_: (x: Tensor, p: number, dim: number, maxnorm: number) => Tensor = inPlace('renorm_', PARTS, renorm)
