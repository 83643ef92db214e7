/** @file Softmax and its logarithm: the largest of each row is taken off first, so that nothing overflows. */
import {
  DTYPE,
  type DType,
  options as describe,
  normalizeDim,
  nullable,
  type Options,
  onesAt,
  optional,
  signature,
  sizeOf,
  withoutDims,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, dimOr, optionsIn, TENSOR, type Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { defineOp } from './define.ts'
import { exp, mul, sub } from './elementwise.ts'
import { checkFloat, floatOf } from './promote.ts'
import { type Dims, plainReduction, type ReduceOptions, type ReduceParams, reduceParams, spread, sum } from './reduce.ts'

/** Σ over `dims`, which stay as 1. */
const along = (op: 'sum' | 'max', x: graph.Node, dims: readonly number[]): graph.Node =>
  graph.reshape(graph.reduce(op, x, dims), onesAt(x.shape, dims))

interface RowParams {
  readonly dims: readonly number[]
  /** The dtype that was asked for. */
  readonly dtype: DType | undefined
}

const asked = ({ dtype }: RowParams): boolean => dtype !== undefined

const softmaxAlong = defineOp('softmax', {
  autocast: 'float32',
  asked,
  inputs: ['x'],
  forward: (x, { dims }: RowParams) => {
    if (sizeOf(x.shape) === 0) return x
    const e = graph.unary('exp', graph.binary('sub', x, along('max', x, dims)))
    return graph.binary('div', e, along('sum', e, dims))
  },
  saves: { x: ['y'] },
  // y (g − Σ g y)
  vjp: { x: (g, { y }, { dims }) => mul(y, sub(g, sum(mul(g, y), dims, KEEP))) },
})

const KEEP = { keepdim: true } as const

const logSoftmaxAlong = defineOp('logSoftmax', {
  autocast: 'float32',
  asked,
  inputs: ['x'],
  forward: (x, { dims }: RowParams) => {
    if (sizeOf(x.shape) === 0) return x
    const shifted = graph.binary('sub', x, along('max', x, dims))
    return graph.binary('sub', shifted, graph.unary('log', along('sum', graph.unary('exp', shifted), dims)))
  },
  saves: { x: ['y'] },
  // g − eʸ Σ g
  vjp: { x: (g, { y }, { dims }) => sub(g, mul(exp(y), sum(g, dims, KEEP))) },
})

/** The dtype to compute in, as PyTorch's `dtype`; integers are computed in float32. */
export interface SoftmaxOptions {
  /** The dim: the last by default. */
  readonly dim?: number | null
  /** What `x` is converted to before: its own dtype by default, float32 for integers. */
  readonly dtype?: DType
}

/** The kinds of {@link SoftmaxOptions}. */
export const SOFTMAX: Options<SoftmaxOptions> = describe<SoftmaxOptions>({ dim: nullable(DIM), dtype: DTYPE })

function rowOp(
  name: string,
  apply: (x: Tensor, p: RowParams) => Tensor,
): (x: Tensor, dim?: number | SoftmaxOptions | null, options?: SoftmaxOptions) => Tensor {
  const given = signature(name, { x: TENSOR, dim: nullable(dimOr(DIM, SOFTMAX)), options: optional(SOFTMAX) })
  return (x, dim, options) => {
    given.check(x, dim, options)
    const named = optionsIn<SoftmaxOptions>(name, dim, options)
    const d = normalizeDim(name, (typeof dim === 'number' ? dim : named?.dim) ?? -1, x.ndim)
    return apply(cast(x, named?.dtype ?? floatOf(x.dtype)), { dims: x.ndim === 0 ? [] : [d], dtype: named?.dtype })
  }
}

/**
 * eˣ / Σ eˣ along `dim` (the last by default). A row of −∞ gives NaN, as in PyTorch.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html
 */
export const softmax: (x: Tensor, dim?: number | SoftmaxOptions | null, options?: SoftmaxOptions) => Tensor = rowOp('softmax', softmaxAlong)

/**
 * ln softmax along `dim` (the last by default), exact also where softmax underflows.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html
 */
export const logSoftmax: (x: Tensor, dim?: number | SoftmaxOptions | null, options?: SoftmaxOptions) => Tensor = rowOp(
  'logSoftmax',
  logSoftmaxAlong,
)

const logsumexpOver = defineOp('logsumexp', {
  autocast: 'float32',
  inputs: ['x'],
  forward: (x, p: ReduceParams) => {
    const out = p.keepdim ? p.kept : withoutDims(x.shape, p.dims)
    if (sizeOf(x.shape) === 0) return graph.expand(graph.constant(Number.NEGATIVE_INFINITY, x.dtype, x.placement), out)
    const largest = along('max', x, p.dims)
    // an infinite largest is not taken off: ∞ − ∞ would be NaN where the result is ±∞
    const shift = graph.where(graph.binary('eq', graph.unary('abs', largest), Number.POSITIVE_INFINITY), 0, largest)
    const total = along('sum', graph.unary('exp', graph.binary('sub', x, shift)), p.dims)
    return graph.reshape(graph.binary('add', graph.unary('log', total), shift), out)
  },
  saves: { x: ['x', 'y'] },
  vjp: { x: (g, { x, y }, p) => mul(spread(g, p, x.shape), exp(sub(x, spread(y, p, x.shape)))) },
})

const LOGSUMEXP = plainReduction('logsumexp')

/** ln Σ eˣ over `dim`. @see https://pytorch.org/docs/stable/generated/torch.logsumexp.html */
export function logsumexp(x: Tensor, dim?: Dims | ReduceOptions | null, options?: ReduceOptions): Tensor {
  const p = reduceParams(LOGSUMEXP, x, dim, options)
  checkFloat('logsumexp', 'x', x)
  return logsumexpOver(x, p)
}
