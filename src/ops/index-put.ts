/** @file `x[…] = value` of a mask or of lists of positions: indexPut. */
import {
  BOOLEAN,
  broadcastShapes,
  counted,
  DTypeError,
  options as describe,
  expandsTo,
  listOf,
  type Options,
  optional,
  type Shape,
  ShapeError,
  sameShape,
  showShape,
  signature,
  sizeOf,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { OPERAND, TENSOR, Tensor } from '../tensor/index.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, where } from './elementwise.ts'
import { fromEnd } from './indexing.ts'
import { valueFor } from './masked.ts'
import type { Operand } from './promote.ts'
import { putFlat } from './put.ts'
import { checkedIndex } from './scatter.ts'
import { expandTo, reshapeTo } from './view.ts'

/** Whether what is there counts. */
export interface IndexPutOptions {
  /** Whether values are added to what is there: false by default. */
  readonly accumulate?: boolean
}

export const INDEX_PUT_OPTIONS: Options<IndexPutOptions> = describe<IndexPutOptions>({ accumulate: BOOLEAN })
const INDEX_PUT = signature('indexPut', {
  x: TENSOR,
  indices: listOf(TENSOR, 1),
  value: OPERAND,
  options: optional(INDEX_PUT_OPTIONS),
})

/**
 * PyTorch's `x[indices] = value`: of one bool mask over the first dims, or of lists of positions in the first dims, which broadcast together. Negative positions count from
 * the end. Of several values for one position the last one counts, or, with `accumulate`, their sum.
 * @param value a number, or a tensor that broadcasts to what is chosen; for a mask to the shape of `x`
 * @throws DTypeError for a mask beside other indices; IndexError for a position out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html
 * @example x.indexPut([x.lt(0)], 0)
 */
export const indexPut: (x: Tensor, indices: readonly Tensor[], value: Operand, options?: IndexPutOptions) => Tensor = defineComposition(
  'indexPut',
  (x: Tensor, indices: readonly Tensor[], value: Operand, options?: IndexPutOptions) => {
    INDEX_PUT.check(x, indices, value, options)
    checkDevices('indexPut', 'indices', [x, ...indices])
    const accumulate = options?.accumulate ?? false
    const given = valueFor('indexPut', 'value', x, value)
    if (indices.some((i) => i.dtype === 'bool')) return maskPut(x, indices, given, accumulate)
    return listPut(x, indices, given, accumulate)
  },
  { autocast: 'widest' },
)

function maskPut(x: Tensor, indices: readonly Tensor[], value: Tensor, accumulate: boolean): Tensor {
  const mask = indices[0] as Tensor
  if (indices.length > 1)
    throw new DTypeError(
      'indexPut',
      'a mask stands alone: its positions are known to the device only. Use (await mask.nonzero()).unbind(1)',
    )
  if (!sameShape(mask.shape, x.shape.slice(0, mask.ndim)))
    throw new ShapeError('indexPut', `the mask ${showShape(mask.shape)} must have the first dims of x ${showShape(x.shape)}`, [
      mask.shape,
      x.shape,
    ])
  const rest = x.shape.slice(mask.ndim)
  // (a value with a dim for the chosen ones goes by their order, which only the host could tell)
  const spread = value.ndim === rest.length + 1 && value.shape[0] === 1 ? reshapeTo(value, value.shape.slice(1)) : value
  if (!expandsTo(spread.shape, rest))
    throw new ShapeError(
      'indexPut',
      `with a mask, value ${showShape(value.shape)} must broadcast to ${showShape(rest)}: the same for all that are chosen. Use maskedScatter`,
      [value.shape, x.shape],
    )
  const chosen = reshapeTo(mask, [...mask.shape, ...rest.map(() => 1)])
  return where(chosen, accumulate ? add(x, spread) : spread, x)
}

function listPut(x: Tensor, indices: readonly Tensor[], value: Tensor, accumulate: boolean): Tensor {
  if (indices.length > x.ndim)
    throw new ShapeError(
      'indexPut',
      `${counted(indices.length, 'index', 'indices')} for a tensor of ${counted(x.ndim, 'dim')}, ${showShape(x.shape)}`,
      [x.shape],
    )
  const common = indices.reduce<Shape>((s, i) => broadcastShapes('indexPut', s, i.shape), [])
  const rest = x.shape.slice(indices.length)
  const chosen = [...common, ...rest]
  if (!expandsTo(value.shape, chosen))
    throw new ShapeError('indexPut', `value ${showShape(value.shape)} does not broadcast to what is chosen, ${showShape(chosen)}`, [
      value.shape,
      x.shape,
    ])
  // row-major positions of the rows that are named
  let rows: graph.Node | undefined
  indices.forEach((index, d) => {
    const size = x.shape[d] as number
    const i = checkedIndex('indexPut', fromEnd('indexPut', 'indices', index, size), size)._node
    rows = rows === undefined ? i : graph.binary('add', graph.binary('mul', rows, graph.scalar(size, 'int32')), i)
  })
  const width = sizeOf(rest)
  const flat = [sizeOf(chosen)]
  const none = (): Tensor => new Tensor(graph.expand(graph.constant(0, 'int32', x._node.placement), flat))
  if (flat[0] === 0) return putFlat('indexPut', x, none(), reshapeTo(expandTo(value, chosen), flat), false)
  const first = graph.binary(
    'mul',
    graph.reshape(graph.expand(rows as graph.Node, common), [sizeOf(common), 1]),
    graph.scalar(width, 'int32'),
  )
  const positions = graph.reshape(graph.binary('add', first, graph.reshape(graph.iota(width), [1, width])), flat)
  return putFlat('indexPut', x, new Tensor(positions), reshapeTo(expandTo(value, chosen), flat), accumulate)
}
