/** @file Reductions: the named dims leave the shape, or stay as 1 with `keepdim`. */
import { ArgumentError, checkOptions, type DType, normalizeDim, normalizeDims, type Shape, ShapeError, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { Tensor } from '../tensor/index.ts'
import { eq, isnan, logicalOr } from './compare.ts'
import { cast } from './convert.ts'
import { checkTensor, defineComposition, defineOp } from './define.ts'
import { div, maximum, minimum, mul, sub, where } from './elementwise.ts'
import { checkFloat, lit } from './promote.ts'
import { expand, reshape } from './view.ts'

/** One dim or several. */
export type Dims = number | readonly number[]

/** How a reduction leaves the shape. */
export interface ReduceOptions {
  readonly dim?: Dims | null
  readonly keepdim?: boolean
}
/** … and in which dtype it sums. */
export interface SumOptions extends ReduceOptions {
  readonly dtype?: DType
}
/** … and what is taken off the count: 1 for the estimate of a sample, 0 for a population. */
export interface VarOptions extends ReduceOptions {
  readonly correction?: number
}

/** What the op gets: ascending dims, and the shape that they leave with `keepdim`. */
export interface ReduceParams {
  readonly dims: readonly number[]
  /** The shape with 1 in place of each reduced dim. */
  readonly kept: Shape
  readonly keepdim: boolean
}

const REDUCE = ['dim', 'keepdim']
const SUM = [...REDUCE, 'dtype']
const VAR = [...REDUCE, 'correction']

/** Reads `(dim, options)`, `(options)` or nothing. */
export function reduceParams(
  op: string,
  x: Tensor,
  dim: Dims | ReduceOptions | null | undefined,
  options: ReduceOptions | undefined,
  known: readonly string[] = REDUCE,
): ReduceParams {
  checkTensor(op, 'x', x)
  const named = typeof dim === 'object' && dim !== null && !Array.isArray(dim) ? (dim as ReduceOptions) : undefined
  if (named || options !== undefined) checkOptions(op, named ?? options, known)
  if (typeof dim === 'boolean' || typeof dim === 'string') throw new ArgumentError(op, `dim is a number or a list of them, got ${dim}`)
  const shape = x._node.shape
  const dims = normalizeDims(op, named ? named.dim : (dim as Dims | null | undefined), shape.length)
  const kept = shape.slice()
  for (const d of dims) if (d < kept.length) kept[d] = 1
  return { dims, kept, keepdim: (named ?? options)?.keepdim ?? false }
}

const optionsOf = <O extends ReduceOptions>(dim: Dims | O | null | undefined, options: O | undefined): O | undefined =>
  typeof dim === 'object' && dim !== null && !Array.isArray(dim) ? (dim as O) : options

/** Records the reduction; one over nothing is `empty` everywhere. */
function reduceNode(op: 'sum' | 'max' | 'min' | 'argmax' | 'argmin', x: graph.Node, p: ReduceParams, empty = 0): graph.Node {
  const out = p.keepdim ? p.kept : x.shape.filter((_, i) => !p.dims.includes(i))
  if (sizeOf(x.shape) === 0)
    return graph.expand(graph.constant(empty, op === 'argmax' || op === 'argmin' ? 'int32' : x.dtype, x.placement), out)
  return graph.reshape(graph.reduce(op, x, p.dims), out)
}

/** Undoes a reduction's shape: the reduced dims come back with their sizes. */
export const spread = (y: Tensor, p: ReduceParams, shape: Shape): Tensor => expand(reshape(y, p.kept), shape)

const count = (shape: Shape, p: ReduceParams): number => p.dims.reduce((n, d) => n * (shape[d] as number), 1)

const sumOver = defineOp('sum', {
  doc: 'Σ x over dims',
  inputs: ['x'],
  forward: (x, p: ReduceParams) => reduceNode('sum', x, p),
  vjp: { x: (g, { shape }, p) => spread(g, p, shape) },
})

/**
 * Sum over `dim` (all dims by default). bool and small integers sum to int32.
 * @returns the shape without `dim`, or with 1 there under `keepdim`.
 * @see https://pytorch.org/docs/stable/generated/torch.sum.html
 * @example x.sum(1, { keepdim: true }).shape // [2, 1] for x of [2, 3]
 */
export function sum(x: Tensor, dim?: Dims | SumOptions | null, options?: SumOptions): Tensor {
  const p = reduceParams('sum', x, dim, options, SUM)
  const dtype = optionsOf(dim, options)?.dtype
  const small = x.dtype === 'bool' || x.dtype === 'int8' || x.dtype === 'uint8'
  return sumOver(dtype ? cast(x, dtype) : small ? cast(x, 'int32') : x, p)
}

const meanOver = defineOp('mean', {
  doc: 'Σ x / n over dims',
  inputs: ['x'],
  forward: (x, p: ReduceParams) => {
    const n = count(x.shape, p)
    if (sizeOf(x.shape) === 0) return reduceNode('sum', x, p, Number.NaN)
    return graph.binary('div', reduceNode('sum', x, p), graph.scalar(n, x.dtype)) // n as data: another batch size is no other kernel
  },
  vjp: { x: (g, { shape }, p) => spread(div(g, count(shape, p)), p, shape) },
})

/**
 * Mean over `dim` (all dims by default); NaN over nothing.
 * @throws DTypeError for integers and bools.
 * @see https://pytorch.org/docs/stable/generated/torch.mean.html
 */
export function mean(x: Tensor, dim?: Dims | SumOptions | null, options?: SumOptions): Tensor {
  const p = reduceParams('mean', x, dim, options, SUM)
  const dtype = optionsOf(dim, options)?.dtype
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
  doc: 'Σ (x − mean)² / (n − correction) over dims',
  inputs: ['x'],
  forward: (x, p: VarParams) => varNode(x, p),
  saves: { x: ['x'] },
  vjp: { x: (g, { x }, p) => mul(spread(g, p, x.shape), varSlope(x, p)) },
})

const stdOver = defineOp('std', {
  doc: '√(Σ (x − mean)² / (n − correction)) over dims',
  inputs: ['x'],
  forward: (x, p: VarParams) => graph.unary('sqrt', varNode(x, p)),
  saves: { x: ['x', 'y'] },
  // where the deviation is 0, so is its gradient
  vjp: { x: (g, { x, y }, p) => mul(spread(where(eq(y, lit(0, y)), lit(0, g), div(g, mul(y, lit(2, y)))), p, x.shape), varSlope(x, p)) },
})

function varParams(op: string, x: Tensor, dim: Dims | VarOptions | null | undefined, options: VarOptions | undefined): VarParams {
  const p = reduceParams(op, x, dim, options, VAR)
  checkFloat(op, 'x', x)
  return { ...p, correction: optionsOf(dim, options)?.correction ?? 1 }
}

/**
 * Variance over `dim`, divided by n − `correction` (1 by default). The method is `x.var()`.
 * @see https://pytorch.org/docs/stable/generated/torch.var.html
 */
export function variance(x: Tensor, dim?: Dims | VarOptions | null, options?: VarOptions): Tensor {
  return varOver(x, varParams('var', x, dim, options))
}

/** Standard deviation: the root of {@link variance}. @see https://pytorch.org/docs/stable/generated/torch.std.html */
export function std(x: Tensor, dim?: Dims | VarOptions | null, options?: VarOptions): Tensor {
  return stdOver(x, varParams('std', x, dim, options))
}

// ── extremes ──

/** Ties share the gradient evenly. */
function tieGradient(g: Tensor, x: Tensor, y: Tensor, p: ReduceParams): Tensor {
  // NaN is the extreme where there is one, and equals nothing
  const won = logicalOr(eq(x, reshape(y, p.kept)), isnan(x))
  const ties = cast(sum(won, p.dims, { keepdim: true }), g.dtype)
  return where(won, div(reshape(g, p.kept), ties), lit(0, g))
}

const defineExtreme = (name: 'amax' | 'amin', doc: string, op: 'max' | 'min') =>
  defineOp(name, {
    doc,
    inputs: ['x'],
    forward: (x, p: ReduceParams) =>
      x.dtype === 'bool' ? graph.cast(reduceNode(op, graph.cast(x, 'int32'), p), 'bool') : reduceNode(op, x, p),
    saves: { x: ['x', 'y'] },
    vjp: { x: (g, { x, y }, p) => tieGradient(g, x, y, p) },
  })
const amaxOver = defineExtreme('amax', 'the largest x over dims; ties share the gradient', 'max')
const aminOver = defineExtreme('amin', 'the smallest x over dims; ties share the gradient', 'min')

const definePosition = (name: 'argmax' | 'argmin') =>
  defineOp(name, {
    doc: `the position of the first ${name === 'argmax' ? 'largest' : 'smallest'} x over dims`,
    inputs: ['x'],
    forward: (x, p: ReduceParams) => reduceNode(name, x.dtype === 'bool' ? graph.cast(x, 'int32') : x, p),
    vjp: { x: 'none' },
  })
/** @internal */
export const argmaxOver = definePosition('argmax')
const argminOver = definePosition('argmin')

const defineAlong = (name: 'maxDim' | 'minDim', op: 'max' | 'min') =>
  defineOp(name, {
    doc: `the ${op === 'max' ? 'largest' : 'smallest'} x along one dim; the gradient goes to the position that was answered`,
    inputs: ['x', 'index'],
    forward: (x, _index, p: ReduceParams) =>
      x.dtype === 'bool' ? graph.cast(reduceNode(op, graph.cast(x, 'int32'), p), 'bool') : reduceNode(op, x, p),
    saves: { x: ['index'] },
    vjp: {
      x: (g, { index, shape }, p) => {
        const along = new Tensor(positions(shape, p.dims[0] ?? 0))
        return where(eq(along, reshape(index, p.kept)), reshape(g, p.kept), lit(0, g))
      },
      index: 'none',
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

/** The largest over `dim` (all by default); ties share the gradient. @see https://pytorch.org/docs/stable/generated/torch.amax.html */
export function amax(x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions): Tensor {
  const p = reduceParams('amax', x, dim, options)
  checkNotEmpty('amax', x, p)
  return amaxOver(x, p)
}
/** The smallest over `dim` (all by default); ties share the gradient. @see https://pytorch.org/docs/stable/generated/torch.amin.html */
export function amin(x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions): Tensor {
  const p = reduceParams('amin', x, dim, options)
  checkNotEmpty('amin', x, p)
  return aminOver(x, p)
}

/** Values and their positions: an object that is also a tuple. */
export type ValuesIndices = readonly [values: Tensor, indices: Tensor] & { readonly values: Tensor; readonly indices: Tensor }
/** Makes the object that is also a tuple. */
export const valuesIndices = (values: Tensor, indices: Tensor): ValuesIndices =>
  Object.assign([values, indices] as const, { values, indices })

/** One dim for {@link max} and {@link min}. */
export interface DimOptions {
  readonly dim?: number
  readonly keepdim?: boolean
}

function extreme(
  op: 'max' | 'min',
  x: Tensor,
  second: number | DimOptions | Tensor | undefined,
  options: DimOptions | undefined,
): Tensor | ValuesIndices {
  checkTensor(op, 'x', x)
  if (second instanceof Tensor) return op === 'max' ? maximum(x, second) : minimum(x, second)
  checkOptions(op, typeof second === 'number' ? options : second, REDUCE)
  const dim = typeof second === 'number' ? second : second?.dim
  if (dim === undefined) {
    const p = reduceParams(op, x, undefined, undefined)
    checkNotEmpty(op, x, p)
    return op === 'max' ? amaxOver(x, p) : aminOver(x, p)
  }
  const keepdim = (typeof second === 'object' ? second.keepdim : options?.keepdim) ?? false
  normalizeDim(op, dim, x.ndim)
  const p = reduceParams(op, x, dim, { keepdim })
  checkNotEmpty(op, x, p)
  const indices = op === 'max' ? argmaxOver(x, p) : argminOver(x, p)
  return valuesIndices(op === 'max' ? maxAlong(x, indices, p) : minAlong(x, indices, p), indices)
}

/** The forms of {@link max} and {@link min}. */
export interface Extreme {
  /** The extreme of all elements, 0-d; ties share the gradient. */
  (x: Tensor): Tensor
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
export const max: Extreme = ((x: Tensor, second?: number | DimOptions | Tensor, options?: DimOptions) =>
  extreme('max', x, second, options)) as Extreme
/** The smallest element; as {@link max}. @see https://pytorch.org/docs/stable/generated/torch.min.html */
export const min: Extreme = ((x: Tensor, second?: number | DimOptions | Tensor, options?: DimOptions) =>
  extreme('min', x, second, options)) as Extreme

function position(
  op: 'argmax' | 'argmin',
  x: Tensor,
  second: number | DimOptions | null | undefined,
  options: DimOptions | undefined,
): Tensor {
  checkTensor(op, 'x', x)
  checkOptions(op, typeof second === 'object' && second !== null && !Array.isArray(second) ? second : options, REDUCE)
  const dim = typeof second === 'object' && second !== null ? second.dim : second
  const keepdim = (typeof second === 'object' && second !== null ? second.keepdim : options?.keepdim) ?? false
  if (Array.isArray(dim)) throw new ArgumentError(op, 'takes one dim, or none for the position among all elements')
  const p = reduceParams(op, x, dim, { keepdim })
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

/** Whether all elements are ≠ 0, over `dim` (all by default). @see https://pytorch.org/docs/stable/generated/torch.all.html */
export const all: (x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions) => Tensor = defineComposition(
  'all',
  'every x ≠ 0',
  (x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions) => {
    const p = reduceParams('all', x, dim, options)
    if (sizeOf(x.shape) === 0) return new Tensor(reduceNode('sum', graph.cast(x._node, 'bool'), p, 1))
    return aminOver(cast(x, 'bool'), p)
  },
)
/** Whether any element is ≠ 0, over `dim` (all by default). @see https://pytorch.org/docs/stable/generated/torch.any.html */
export const any: (x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions) => Tensor = defineComposition(
  'any',
  'some x ≠ 0',
  (x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions) => {
    const p = reduceParams('any', x, dim, options)
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
  const y = dims.length === 0 ? g : sum(g, dims)
  return reshape(y, shape)
}
