/** @file Reductions: the named dims leave the shape, or stay as 1 with `keepdim`. */
import {
  BOOLEAN,
  COUNT,
  DTYPE,
  type DType,
  options as describe,
  type Kind,
  normalizeDims,
  nullable,
  type Options,
  oneOf,
  onesAt,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  signature,
  sizeOf,
  underName,
  withoutDims,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, DIMS, dimOr, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { maximum, minimum } from './clamp.ts'
import { eq, isnan, logicalOr } from './compare.ts'
import { cast } from './convert.ts'
import { defineComposition, defineMultiOutputOp, defineOp } from './define.ts'
import { div, mul, sub, where } from './elementwise.ts'
import { checkFloat, lit } from './promote.ts'
import { expandTo, reshape, reshapeTo } from './view.ts'

/** One dim or several. */
export type Dims = number | readonly number[]

/** How a reduction leaves the shape. */
export interface ReduceOptions {
  /** The dims that are reduced: all by default. */
  readonly dim?: Dims | null
  /** Whether they stay, with size 1: false by default. */
  readonly keepdim?: boolean
}
/** … and in which dtype it sums. */
export interface SumOptions extends ReduceOptions {
  /** What the elements are converted to before: their own dtype by default. */
  readonly dtype?: DType
}
/** … and what is taken off the count: 1 for the estimate of a sample, 0 for a population. */
export interface VarOptions extends ReduceOptions {
  /** 1 by default. */
  readonly correction?: number
}

/** What the op gets: ascending dims, and the shape that they leave with `keepdim`. */
export interface ReduceParams {
  readonly dims: readonly number[]
  /** The shape with 1 in place of each reduced dim. */
  readonly kept: Shape
  readonly keepdim: boolean
}

const REDUCE = { dim: nullable(DIMS), keepdim: BOOLEAN } as const

/** Describes a function of `(x, dim, options)`, whose options may stand in the place of `dim`. */
export function reduction<O>(name: string, options: Options<O>, dim: Kind = DIMS): Signature {
  return signature(name, { x: TENSOR, dim: nullable(dimOr(dim, options)), options: optional(options) })
}
/** As `reduction`, with `dim` and `keepdim` alone. */
export const plainReduction = (name: string): Signature => reduction(name, describe<ReduceOptions>(REDUCE))

/** The dims that `(dim, options)`, `(options)` or nothing names, checked, and the options. */
export function reduceParams<O extends ReduceOptions = ReduceOptions>(
  given: Signature,
  x: Tensor,
  dim: Dims | O | null | undefined,
  options: O | undefined,
): ReduceParams & { readonly options: O | undefined } {
  given.check(x, dim, options)
  const named = optionsIn<O>(given.name, dim, options)
  const { shape } = x._node
  const dims = normalizeDims(given.name, named === options ? (dim as Dims | null | undefined) : named?.dim, shape.length)
  return { dims, kept: onesAt(shape, dims), keepdim: named?.keepdim ?? false, options: named }
}

/** What a reduction of `x` over `dims` gets. */
function paramsOf(op: string, x: Tensor, dim: Dims | null | undefined, keepdim = false): ReduceParams {
  const { shape } = x._node
  const dims = normalizeDims(op, dim, shape.length)
  return { dims, kept: onesAt(shape, dims), keepdim }
}

/** Records the reduction; one over nothing is `empty` everywhere. */
function reduceNode(op: 'sum' | 'max' | 'min' | 'argmax' | 'argmin', x: graph.Node, p: ReduceParams, empty = 0): graph.Node {
  if (sizeOf(x.shape) === 0) {
    const out = p.keepdim ? p.kept : withoutDims(x.shape, p.dims)
    return graph.expand(graph.constant(empty, op === 'argmax' || op === 'argmin' ? 'int32' : x.dtype, x.placement), out)
  }
  const y = graph.reduce(op, x, p.dims)
  return p.keepdim ? graph.reshape(y, p.kept) : y
}

/** Undoes a reduction's shape: the reduced dims come back with their sizes. */
export const spread = (y: Tensor, p: ReduceParams, shape: Shape): Tensor => expandTo(reshapeTo(y, p.kept), shape)

const count = (shape: Shape, p: ReduceParams): number => p.dims.reduce((n, d) => n * (shape[d] as number), 1)

const sumOver = defineOp('sum', {
  inputs: ['x'],
  forward: (x, p: ReduceParams) => reduceNode('sum', x, p),
  vjp: { x: (g, { shape }, p) => spread(g, p, shape) },
})

const SUM_OPTIONS: Options<SumOptions> = describe<SumOptions>({ ...REDUCE, dtype: DTYPE })
const SUM = reduction('sum', SUM_OPTIONS)

/**
 * Sum over `dim` (all dims by default). bool and small integers sum to int32.
 * @returns the shape without `dim`, or with 1 there under `keepdim`.
 * @see https://pytorch.org/docs/stable/generated/torch.sum.html
 * @example x.sum(1, { keepdim: true }).shape // [2, 1] for x of [2, 3]
 */
export function sum(x: Tensor, dim?: Dims | SumOptions | null, options?: SumOptions): Tensor {
  const p = reduceParams(SUM, x, dim, options)
  const dtype = p.options?.dtype
  const small = x.dtype === 'bool' || x.dtype === 'int8' || x.dtype === 'uint8'
  return sumOver(dtype ? cast(x, dtype) : small ? cast(x, 'int32') : x, p)
}

const meanOver = defineOp('mean', {
  inputs: ['x'],
  forward: (x, p: ReduceParams) => {
    const n = count(x.shape, p)
    if (sizeOf(x.shape) === 0) return reduceNode('sum', x, p, Number.NaN)
    return graph.binary('div', reduceNode('sum', x, p), graph.scalar(n, x.dtype)) // n as data: another batch size is no other kernel
  },
  vjp: { x: (g, { shape }, p) => spread(div(g, count(shape, p)), p, shape) },
})

const MEAN = reduction('mean', SUM_OPTIONS)

/**
 * Mean over `dim` (all dims by default); NaN over nothing.
 * @throws DTypeError for integers and bools.
 * @see https://pytorch.org/docs/stable/generated/torch.mean.html
 */
export function mean(x: Tensor, dim?: Dims | SumOptions | null, options?: SumOptions): Tensor {
  const p = reduceParams(MEAN, x, dim, options)
  const dtype = p.options?.dtype
  const y = dtype ? cast(x, dtype) : x
  checkFloat('mean', 'x', y)
  return meanOver(y, p)
}

/** n − correction, as PyTorch counts: never below 0. */
const freedom = (shape: Shape, p: ReduceParams & { readonly correction: number }): number => Math.max(0, count(shape, p) - p.correction)

interface VarParams extends ReduceParams {
  readonly correction: number
}

function varNode(x: graph.Node, p: VarParams): graph.Node {
  if (sizeOf(x.shape) === 0) return reduceNode('sum', x, p, Number.NaN)
  const total = graph.reshape(graph.reduce('sum', x, p.dims), p.kept)
  const away = graph.binary('sub', x, graph.binary('div', total, graph.scalar(count(x.shape, p), x.dtype)))
  return graph.binary('div', reduceNode('sum', graph.binary('mul', away, away), p), graph.scalar(freedom(x.shape, p), x.dtype))
}

/** 2 (x − mean) / (n − correction): the derivative of the variance. */
function varSlope(x: Tensor, p: VarParams): Tensor {
  return mul(sub(x, mean(x, p.dims, { keepdim: true })), 2 / freedom(x.shape, p))
}

const varOver = defineOp('var', {
  inputs: ['x'],
  forward: (x, p: VarParams) => varNode(x, p),
  saves: { x: ['x'] },
  vjp: { x: (g, { x }, p) => mul(spread(g, p, x.shape), varSlope(x, p)) },
})

const stdOver = defineOp('std', {
  inputs: ['x'],
  forward: (x, p: VarParams) => graph.unary('sqrt', varNode(x, p)),
  saves: { x: ['x', 'y'] },
  // where the deviation is 0, so is its gradient
  vjp: { x: (g, { x, y }, p) => mul(spread(where(eq(y, lit(0, y)), lit(0, g), div(g, mul(y, lit(2, y)))), p, x.shape), varSlope(x, p)) },
})

const VAR_OPTIONS: Options<VarOptions> = describe<VarOptions>({ ...REDUCE, correction: COUNT })
const VAR = reduction('var', VAR_OPTIONS)
const STD = reduction('std', VAR_OPTIONS)

function varParams(given: Signature, x: Tensor, dim: Dims | VarOptions | null | undefined, options: VarOptions | undefined): VarParams {
  const p = reduceParams(given, x, dim, options)
  checkFloat(given.name, 'x', x)
  return { ...p, correction: p.options?.correction ?? 1 }
}

/**
 * Variance over `dim`, divided by n − `correction` (1 by default). The method is `x.var()`.
 * @see https://pytorch.org/docs/stable/generated/torch.var.html
 */
export function variance(x: Tensor, dim?: Dims | VarOptions | null, options?: VarOptions): Tensor {
  return varOver(x, varParams(VAR, x, dim, options))
}

/** Standard deviation: the root of {@link variance}. @see https://pytorch.org/docs/stable/generated/torch.std.html */
export function std(x: Tensor, dim?: Dims | VarOptions | null, options?: VarOptions): Tensor {
  return stdOver(x, varParams(STD, x, dim, options))
}

// ── extremes ──

/** Ties share the gradient evenly. */
function tieGradient(g: Tensor, x: Tensor, y: Tensor, p: ReduceParams): Tensor {
  // NaN is the extreme where there is one, and equals nothing
  const won = logicalOr(eq(x, reshape(y, p.kept)), isnan(x))
  const ties = cast(sum(won, p.dims, { keepdim: true }), g.dtype)
  return where(won, div(reshapeTo(g, p.kept), ties), lit(0, g))
}

const defineExtreme = (name: 'amax' | 'amin', op: 'max' | 'min') =>
  defineOp(name, {
    inputs: ['x'],
    forward: (x, p: ReduceParams) =>
      x.dtype === 'bool' ? graph.cast(reduceNode(op, graph.cast(x, 'int32'), p), 'bool') : reduceNode(op, x, p),
    saves: { x: ['x', 'y'] },
    vjp: { x: (g, { x, y }, p) => tieGradient(g, x, y, p) },
  })
const amaxOver = defineExtreme('amax', 'max')
const aminOver = defineExtreme('amin', 'min')

const definePosition = (name: 'argmax' | 'argmin') =>
  defineOp(name, {
    inputs: ['x'],
    forward: (x, p: ReduceParams) => reduceNode(name, x.dtype === 'bool' ? graph.cast(x, 'int32') : x, p),
    vjp: { x: 'none' },
  })
/** @internal */
export const argmaxOver = definePosition('argmax')
const argminOver = definePosition('argmin')

const defineAlong = (name: 'maxDim' | 'minDim', op: 'max' | 'min') =>
  defineMultiOutputOp(name, {
    inputs: ['x'],
    outputs: ['values', 'indices'],
    forward: (x, p: ReduceParams) => {
      const [dim] = p.dims
      if (dim === undefined || sizeOf(x.shape) === 0) return [reduceNode(op, x, p), reduceNode(op === 'max' ? 'argmax' : 'argmin', x, p)]
      const numbers = x.dtype === 'bool' ? graph.cast(x, 'int32') : x
      const [values, indices] = graph.routine({ kind: 'reduceWithIndex', op, dim }, [numbers]) as [graph.Node, graph.Node]
      const out = p.keepdim ? p.kept : values.shape
      return [graph.cast(graph.reshape(values, out), x.dtype), graph.reshape(indices, out)]
    },
    saves: { x: ['indices'] },
    vjp: {
      x: ([g], { indices, shape }, p) => {
        const along = new Tensor(positions(shape, p.dims[0] ?? 0))
        return where(eq(along, reshapeTo(indices, p.kept)), reshapeTo(g as Tensor, p.kept), lit(0, g as Tensor))
      },
    },
  })
const maxAlong = defineAlong('maxDim', 'max')
const minAlong = defineAlong('minDim', 'min')

/** 0, 1, 2, … along `dim`, with 1 in every other place of the shape; 0-d for a 0-d shape. */
export function positions(shape: Shape, dim: number): graph.Node {
  if (shape.length === 0) return graph.constant(0, 'int32')
  return graph.reshape(
    graph.iota(shape[dim] as number),
    shape.map((s, i) => (i === dim ? s : 1)),
  )
}

function checkNotEmpty(op: string, x: Tensor, p: ReduceParams): void {
  if (count(x.shape, p) === 0) throw new ShapeError(op, `nothing to choose from: x is [${x.shape.join(', ')}]`, [x.shape])
}

const AMAX = plainReduction('amax')
const AMIN = plainReduction('amin')

/** The largest over `dim` (all by default); ties share the gradient. @see https://pytorch.org/docs/stable/generated/torch.amax.html */
export function amax(x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions): Tensor {
  const p = reduceParams(AMAX, x, dim, options)
  checkNotEmpty('amax', x, p)
  return amaxOver(x, p)
}
/** The smallest over `dim` (all by default); ties share the gradient. @see https://pytorch.org/docs/stable/generated/torch.amin.html */
export function amin(x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions): Tensor {
  const p = reduceParams(AMIN, x, dim, options)
  checkNotEmpty('amin', x, p)
  return aminOver(x, p)
}

/** Values and their positions: an object that is also a tuple. */
export type ValuesIndices = readonly [values: Tensor, indices: Tensor] & {
  /** The elements. */
  readonly values: Tensor
  /** Where they were, int32. */
  readonly indices: Tensor
}
/** Makes the object that is also a tuple. */
export const valuesIndices = (values: Tensor, indices: Tensor): ValuesIndices =>
  Object.assign([values, indices] as const, { values, indices })

/** One dim, where it may also go by position. */
export interface DimOptions {
  /** The dim that is reduced: all together by default. */
  readonly dim?: number | null
  /** Whether it stays, with size 1: false by default. */
  readonly keepdim?: boolean
}

const ONE_DIM: Options<DimOptions> = describe<DimOptions>({ dim: nullable(DIM), keepdim: BOOLEAN })
/** Describes a function of `(x, dim, options)` that takes one dim. */
export const alongOne = (name: string): Signature => reduction(name, ONE_DIM, DIM)

const EXTREME = { max: extremeOf('max'), min: extremeOf('min') } as const

function extremeOf(name: string): Signature {
  return signature(name, { x: TENSOR, dim: oneOf(nullable(dimOr(DIM, ONE_DIM)), TENSOR), options: optional(ONE_DIM) })
}

function extreme(
  op: 'max' | 'min',
  x: Tensor,
  second: number | DimOptions | Tensor | null | undefined,
  options: DimOptions | undefined,
): Tensor | ValuesIndices {
  EXTREME[op].check(x, second, options)
  if (second instanceof Tensor) return (op === 'max' ? maximum : minimum)(x, second)
  const named = optionsIn<DimOptions>(op, second, options)
  const dim = (typeof second === 'number' ? second : named?.dim) ?? null
  const p = paramsOf(op, x, dim, named?.keepdim)
  checkNotEmpty(op, x, p)
  if (dim === null) return op === 'max' ? amaxOver(x, p) : aminOver(x, p)
  return valuesIndices(...(op === 'max' ? maxAlong : minAlong)(x, p))
}

/** The forms of {@link max} and {@link min}. */
export interface ExtremumFunction {
  /** The extreme of all elements, 0-d; ties share the gradient. */
  (x: Tensor, dim?: null, options?: DimOptions): Tensor
  /** Element by element, as `maximum` and `minimum`. */
  (x: Tensor, other: Tensor): Tensor
  /** Values and int32 positions (the first of equals) along a dim; the gradient goes to that position. */
  (x: Tensor, dim: number | DimOptions, options?: DimOptions): ValuesIndices
}

/**
 * The largest element; along a dim, `{ values, indices }`, which is also a tuple.
 * @throws ShapeError over nothing.
 * @see https://pytorch.org/docs/stable/generated/torch.max.html
 * @example const { values, indices } = x.max(1) // both [2] for x of [2, 3]
 */
export const max: ExtremumFunction = ((x: Tensor, second?: number | DimOptions | Tensor, options?: DimOptions) =>
  underName('max', () => extreme('max', x, second, options))) as ExtremumFunction
/** The smallest element; as {@link max}. @see https://pytorch.org/docs/stable/generated/torch.min.html */
export const min: ExtremumFunction = ((x: Tensor, second?: number | DimOptions | Tensor, options?: DimOptions) =>
  underName('min', () => extreme('min', x, second, options))) as ExtremumFunction

const POSITION = { argmax: alongOne('argmax'), argmin: alongOne('argmin') } as const

function position(
  op: 'argmax' | 'argmin',
  x: Tensor,
  second: number | DimOptions | null | undefined,
  options: DimOptions | undefined,
): Tensor {
  POSITION[op].check(x, second, options)
  const named = optionsIn<DimOptions>(op, second, options)
  const p = paramsOf(op, x, typeof second === 'number' ? second : named?.dim, named?.keepdim)
  checkNotEmpty(op, x, p)
  return op === 'argmax' ? argmaxOver(x, p) : argminOver(x, p)
}

/**
 * The int32 position of the first largest element: along `dim`, or among all elements in row-major order.
 * @see https://pytorch.org/docs/stable/generated/torch.argmax.html
 */
export function argmax(x: Tensor, dim?: number | DimOptions | null, options?: DimOptions): Tensor {
  return position('argmax', x, dim, options)
}
/** The int32 position of the first smallest element; as {@link argmax}. @see https://pytorch.org/docs/stable/generated/torch.argmin.html */
export function argmin(x: Tensor, dim?: number | DimOptions | null, options?: DimOptions): Tensor {
  return position('argmin', x, dim, options)
}

const ALL = plainReduction('all')
const ANY = plainReduction('any')

/** Whether all elements are ≠ 0, over `dim` (all by default). @see https://pytorch.org/docs/stable/generated/torch.all.html */
export const all: (x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions) => Tensor = defineComposition(
  'all',
  (x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions) => {
    const p = reduceParams(ALL, x, dim, options)
    if (sizeOf(x.shape) === 0) return new Tensor(reduceNode('sum', graph.cast(x._node, 'bool'), p, 1))
    return aminOver(cast(x, 'bool'), p)
  },
)
/** Whether any element is ≠ 0, over `dim` (all by default). @see https://pytorch.org/docs/stable/generated/torch.any.html */
export const any: (x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions) => Tensor = defineComposition(
  'any',
  (x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions) => {
    const p = reduceParams(ANY, x, dim, options)
    return amaxOver(cast(x, 'bool'), p)
  },
)

/** Sums what broadcasting spread: from the shape of `g` back to `shape`. The driver's own. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  const from = g._node.shape
  const extra = from.length - shape.length
  const dims: number[] = []
  for (let i = 0; i < from.length; i++) if (i < extra || (shape[i - extra] === 1 && from[i] !== 1)) dims.push(i)
  if (extra < 0) throw new ShapeError('backward', `a gradient of shape [${from.join(', ')}] does not fit [${shape.join(', ')}]`)
  const y = dims.length === 0 ? g : sumOver(g, paramsOf('sum', g, dims))
  return reshapeTo(y, shape)
}
