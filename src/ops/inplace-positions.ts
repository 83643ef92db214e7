/** @file In-place forms of functions that write at positions: `x.scatter_(0, index, src)`. */
import { BOOLEAN, type Kind, listOf, NUMBER, oneOf, optional } from '../base/index.ts'
import { DIM, OPERAND, TENSOR } from '../tensor/index.ts'
import { INDEX_REDUCTION, indexCopy, indexFill, indexReduce } from './index-copy.ts'
import { INDEX_PUT_OPTIONS, indexPut } from './index-put.ts'
import { inPlace } from './inplace.ts'
import { maskedFill, maskedScatter } from './masked.ts'
import { put } from './put.ts'
import { INDEX_ADD_OPTIONS, indexAdd, SCATTER_REDUCE_OPTIONS, SCATTER_REDUCTION, scatter, scatterAdd, scatterReduce } from './scatter.ts'

const AT = { dim: DIM, index: TENSOR } as const
const FROM: Readonly<Record<string, Kind>> = { ...AT, source: TENSOR }

/** As {@link scatter}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html */
export const scatter_: typeof scatter = inPlace('scatter_', { ...AT, src: oneOf(TENSOR, NUMBER) }, scatter)
/** As {@link scatterAdd}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_add_.html */
export const scatterAdd_: typeof scatterAdd = inPlace('scatterAdd_', { ...AT, src: TENSOR }, scatterAdd)
/** As {@link scatterReduce}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html */
export const scatterReduce_: typeof scatterReduce = inPlace(
  'scatterReduce_',
  { ...AT, src: TENSOR, reduce: SCATTER_REDUCTION, options: optional(SCATTER_REDUCE_OPTIONS) },
  scatterReduce,
)
/** As {@link indexAdd}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_add_.html */
export const indexAdd_: typeof indexAdd = inPlace('indexAdd_', { ...FROM, options: optional(INDEX_ADD_OPTIONS) }, indexAdd)
/** As {@link indexCopy}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_copy_.html */
export const indexCopy_: typeof indexCopy = inPlace('indexCopy_', FROM, indexCopy)
/** As {@link indexFill}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_fill_.html */
export const indexFill_: typeof indexFill = inPlace('indexFill_', { ...AT, value: OPERAND }, indexFill)
/** As {@link indexReduce}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_reduce_.html */
export const indexReduce_: typeof indexReduce = inPlace(
  'indexReduce_',
  { ...FROM, reduce: INDEX_REDUCTION, options: optional(SCATTER_REDUCE_OPTIONS) },
  indexReduce,
)
/** As {@link maskedFill}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.masked_fill_.html */
export const maskedFill_: typeof maskedFill = inPlace('maskedFill_', { mask: TENSOR, value: OPERAND }, maskedFill)
/** As {@link maskedScatter}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.masked_scatter_.html */
export const maskedScatter_: typeof maskedScatter = inPlace('maskedScatter_', { mask: TENSOR, source: TENSOR }, maskedScatter)
/** As {@link put}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.put_.html */
export const put_: typeof put = inPlace('put_', { index: TENSOR, source: TENSOR, accumulate: optional(BOOLEAN) }, put)
/** As {@link indexPut}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html */
export const indexPut_: typeof indexPut = inPlace(
  'indexPut_',
  { indices: listOf(TENSOR, 1), value: OPERAND, options: optional(INDEX_PUT_OPTIONS) },
  indexPut,
)
