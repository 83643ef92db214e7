/** @file Values at positions along a dim: indexCopy, indexFill, indexReduce. */
import {
  choice,
  DTypeError,
  type Kind,
  normalizeDim,
  optional,
  type Shape,
  ShapeError,
  sameShape,
  showShape,
  signature,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, OPERAND, TENSOR, Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { where } from './elementwise.ts'
import { valueFor } from './masked.ts'
import type { Operand } from './promote.ts'
import { checkedIndex, SCATTER_REDUCE_OPTIONS, type ScatterReduceOptions, scatter, scatterReduce } from './scatter.ts'
import { expandTo, reshapeTo } from './view.ts'

/** `index`, [n], checked, as an index of every element along dim `d` of a source of this shape (whose size there is n). */
function indexAlong(op: string, index: Tensor, x: Tensor, d: number, shape: Shape): Tensor {
  const sizes = shape.map((s, k) => (k === d ? s : 1))
  return expandTo(reshapeTo(checkedIndex(op, index, x.shape[d] ?? 1), sizes), shape)
}

/** The dim, and the shape that `source` has, checked. */
function alongDim(op: string, x: Tensor, dim: number, index: Tensor, source: Tensor): { d: number; wanted: Shape } {
  const d = normalizeDim(op, dim, x.ndim)
  const n = index.numel()
  const wanted = x.ndim === 0 ? x.shape : x.shape.with(d, n)
  if (index.ndim > 1 || (x.ndim === 0 && n !== 1) || !sameShape(source.shape, wanted))
    throw new ShapeError(
      op,
      `source ${showShape(source.shape)} must be ${showShape(wanted)} for x ${showShape(x.shape)} and index ${showShape(index.shape)}, which has one dim`,
      [x.shape, index.shape, source.shape],
    )
  checkDevices(op, ['x', 'index', 'source'], [x, index, source])
  if (source.dtype !== x.dtype)
    throw new DTypeError(op, `source must have the dtype of x (${x.dtype}), got ${source.dtype}. Convert it: source.to('${x.dtype}')`)
  return { d, wanted }
}

const INDEX_COPY = signature('indexCopy', { x: TENSOR, dim: DIM, index: TENSOR, source: TENSOR })

/**
 * `x` with what is at each position of `source` along `dim` at its index; where several have one index, the last one counts.
 * @param index integers, [n]
 * @param source the shape of `x` with n along `dim`, and its dtype
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_copy.html
 */
export const indexCopy: (x: Tensor, dim: number, index: Tensor, source: Tensor) => Tensor = defineComposition(
  'indexCopy',
  (x: Tensor, dim: number, index: Tensor, source: Tensor) => {
    INDEX_COPY.check(x, dim, index, source)
    const { d, wanted } = alongDim('indexCopy', x, dim, index, source)
    return scatter(x, d, indexAlong('indexCopy', index, x, d, wanted), source)
  },
  { half: 'keep' },
)

const INDEX_FILL = signature('indexFill', { x: TENSOR, dim: DIM, index: TENSOR, value: OPERAND })

/**
 * `x` with `value` at the positions `index` of dim `dim`.
 * @param index integers, [n]
 * @param value a number that the dtype of `x` holds, or a 0-d tensor
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_fill.html
 */
export function indexFill(x: Tensor, dim: number, index: Tensor, value: Operand): Tensor {
  INDEX_FILL.check(x, dim, index, value)
  return underName('indexFill', () => {
    const d = normalizeDim('indexFill', dim, x.ndim)
    if (index.ndim > 1) throw new ShapeError('indexFill', `index must have one dim, got ${showShape(index.shape)}`, [index.shape])
    if (value instanceof Tensor && value.ndim > 0)
      throw new ShapeError('indexFill', `value must be a number or a 0-d tensor, got ${showShape(value.shape)}`, [value.shape])
    checkDevices('indexFill', ['x', 'index'], [x, index])
    const size = x.shape[d] ?? 1
    const found = reshapeTo(checkedIndex('indexFill', index, size), [index.numel()])
    // which positions are named: a mask along the dim
    const none = new Tensor(graph.expand(graph.constant(0, 'int32', found._node.placement), [size]))
    const named = new Tensor(graph.expand(graph.constant(1, 'int32', found._node.placement), [index.numel()]))
    const hit = cast(scatter(none, 0, found, named), 'bool')
    const mask =
      x.ndim === 0
        ? reshapeTo(hit, [])
        : reshapeTo(
            hit,
            x.shape.map((s, k) => (k === d ? s : 1)),
          )
    return where(mask, valueFor('indexFill', 'value', x, value), x)
  })
}

/** How {@link indexReduce} joins what goes to one place. */
export type IndexReduction = 'prod' | 'mean' | 'amax' | 'amin'
export const INDEX_REDUCTION: Kind = choice(['prod', 'mean', 'amax', 'amin'] satisfies IndexReduction[])

const INDEX_REDUCE = signature('indexReduce', {
  x: TENSOR,
  dim: DIM,
  index: TENSOR,
  source: TENSOR,
  reduce: INDEX_REDUCTION,
  options: optional(SCATTER_REDUCE_OPTIONS),
})

/**
 * `x`, and what is at each position of `source` along `dim` joined with what is at its index. The mean of integers is rounded down.
 * @param index integers, [n]
 * @param source the shape of `x` with n along `dim`, and its dtype
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_reduce_.html
 */
export const indexReduce: (
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  reduce: IndexReduction,
  options?: ScatterReduceOptions,
) => Tensor = defineComposition(
  'indexReduce',
  (x: Tensor, dim: number, index: Tensor, source: Tensor, reduce: IndexReduction, options?: ScatterReduceOptions) => {
    INDEX_REDUCE.check(x, dim, index, source, reduce, options)
    const { d, wanted } = alongDim('indexReduce', x, dim, index, source)
    return scatterReduce(x, d, indexAlong('indexReduce', index, x, d, wanted), source, reduce, options)
  },
)
