/** @file Extremes over dims: the largest and the smallest, where they stand, and whether all or any are true. */
import {
  BOOLEAN,
  options as describe,
  nullable,
  type Options,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, dimOr, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { maximum, minimum } from './clamp.ts'
import { eq, isnan, logicalOr } from './compare.ts'
import { cast } from './convert.ts'
import { defineComposition, defineMultiOutputOp, defineOp } from './define.ts'
import { div, where } from './elementwise.ts'
import { lit } from './promote.ts'
import {
  type Dims,
  paramsOf,
  plainReduction,
  type ReduceOptions,
  type ReduceParams,
  reduceNode,
  reduceParams,
  reduction,
  sum,
} from './reduce.ts'
import { reshape, reshapeTo } from './view.ts'

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
  if (p.dims.some((d) => x.shape[d] === 0)) throw new ShapeError(op, `nothing to choose from: x is [${x.shape.join(', ')}]`, [x.shape])
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

/** The smallest and the largest: an object that is also a tuple. */
export type MinMax = readonly [min: Tensor, max: Tensor] & {
  /** The smallest. */
  readonly min: Tensor
  /** The largest. */
  readonly max: Tensor
}

const AMINMAX = signature('aminmax', { x: TENSOR, options: optional(ONE_DIM) })

/**
 * The smallest and the largest of all elements, or along `dim`: `{ min, max }`, which is also a tuple. Ties share the gradient.
 * @throws ShapeError over nothing.
 * @see https://pytorch.org/docs/stable/generated/torch.aminmax.html
 */
export function aminmax(x: Tensor, options?: DimOptions): MinMax {
  AMINMAX.check(x, options)
  const p = paramsOf('aminmax', x, options?.dim, options?.keepdim)
  checkNotEmpty('aminmax', x, p)
  return underName('aminmax', () => {
    const [least, most] = [aminOver(x, p), amaxOver(x, p)]
    return Object.assign([least, most] as const, { min: least, max: most })
  })
}
