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
import type { ReduceOp } from '../kernel/index.ts'
import { DIMS, dimOr, optionsIn, TENSOR, type Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { defineOp } from './define.ts'
import { div, mul, sub, where } from './elementwise.ts'
import { checkFloat, lit } from './promote.ts'
import { expandTo, reshapeTo } from './view.ts'

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

/** The kinds of {@link ReduceOptions}. */
export const REDUCE = { dim: nullable(DIMS), keepdim: BOOLEAN } as const

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
export function paramsOf(op: string, x: Tensor, dim: Dims | null | undefined, keepdim = false): ReduceParams {
  const { shape } = x._node
  const dims = normalizeDims(op, dim, shape.length)
  return { dims, kept: onesAt(shape, dims), keepdim }
}

/** Records the reduction; one over nothing is `empty` everywhere. */
export function reduceNode(op: ReduceOp, x: graph.Node, p: ReduceParams, empty = 0): graph.Node {
  if (sizeOf(x.shape) === 0) {
    const out = p.keepdim ? p.kept : withoutDims(x.shape, p.dims)
    return graph.expand(graph.constant(empty, op === 'argmax' || op === 'argmin' ? 'int32' : x.dtype, x.placement), out)
  }
  const y = graph.reduce(op, x, p.dims)
  return p.keepdim ? graph.reshape(y, p.kept) : y
}

/** Undoes a reduction's shape: the reduced dims come back with their sizes. */
export const spread = (y: Tensor, p: ReduceParams, shape: Shape): Tensor => expandTo(reshapeTo(y, p.kept), shape)

/** How many elements are reduced to one. */
export const count = (shape: Shape, p: ReduceParams): number => p.dims.reduce((n, d) => n * (shape[d] as number), 1)

/** `x` in the dtype in which it is summed: the one that was asked for, int32 of bools and small integers, or its own. */
export function accumulated(x: Tensor, dtype: DType | undefined): Tensor {
  if (dtype !== undefined) return cast(x, dtype)
  return x.dtype === 'bool' || x.dtype === 'int8' || x.dtype === 'uint8' ? cast(x, 'int32') : x
}

interface SumParams extends ReduceParams {
  readonly options?: SumOptions | undefined
}

const sumOver = defineOp('sum', {
  autocast: 'float32',
  asked: (p: SumParams) => p.options?.dtype !== undefined,
  inputs: ['x'],
  forward: (x, p: SumParams) => reduceNode('sum', x, p),
  vjp: { x: (g, { shape }, p) => spread(g, p, shape) },
})

/** The kinds of {@link SumOptions}. */
export const SUM_OPTIONS: Options<SumOptions> = describe<SumOptions>({ ...REDUCE, dtype: DTYPE })
const SUM = reduction('sum', SUM_OPTIONS)

/**
 * Sum over `dim` (all dims by default). bool and small integers sum to int32.
 * @returns the shape without `dim`, or with 1 there under `keepdim`.
 * @see https://pytorch.org/docs/stable/generated/torch.sum.html
 * @example x.sum(1, { keepdim: true }).shape // [2, 1] for x of [2, 3]
 */
export function sum(x: Tensor, dim?: Dims | SumOptions | null, options?: SumOptions): Tensor {
  const p = reduceParams(SUM, x, dim, options)
  return sumOver(accumulated(x, p.options?.dtype), p)
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
const VAR_MEAN = reduction('varMean', VAR_OPTIONS)
const STD_MEAN = reduction('stdMean', VAR_OPTIONS)

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

/** {@link variance} and {@link mean}: a tuple. @see https://pytorch.org/docs/stable/generated/torch.var_mean.html */
export function varMean(x: Tensor, dim?: Dims | VarOptions | null, options?: VarOptions): readonly [variance: Tensor, mean: Tensor] {
  const p = varParams(VAR_MEAN, x, dim, options)
  return underName('varMean', () => [varOver(x, p), meanOver(x, p)])
}

/** {@link std} and {@link mean}: a tuple. @see https://pytorch.org/docs/stable/generated/torch.std_mean.html */
export function stdMean(x: Tensor, dim?: Dims | VarOptions | null, options?: VarOptions): readonly [std: Tensor, mean: Tensor] {
  const p = varParams(STD_MEAN, x, dim, options)
  return underName('stdMean', () => [stdOver(x, p), meanOver(x, p)])
}

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
