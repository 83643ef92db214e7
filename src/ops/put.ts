/** @file Elements by their row-major position: take, put; and by position along a dim where the others broadcast: takeAlongDim. */
import {
  BOOLEAN,
  broadcastShapes,
  DTypeError,
  IndexError,
  normalizeDim,
  optional,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import { DIM, TENSOR, type Tensor } from '../tensor/index.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add } from './elementwise.ts'
import { gatherAlong, scatterSum } from './gather.ts'
import { checkIndices, fromEnd, indexTensor, ownShape } from './indexing.ts'
import { checkedIndex, scatterInto, scatterLast } from './scatter.ts'
import { expandTo, reshapeTo } from './view.ts'

const TAKE = signature('take', { x: TENSOR, index: TENSOR })

/**
 * The elements at row-major positions `index`.
 * @param index integers, any shape; negative ones count from the end
 * @returns the shape of `index`
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.take.html
 */
export function take(x: Tensor, index: Tensor): Tensor {
  TAKE.check(x, index)
  return underName('take', () => {
    checkDevices('take', ['x', 'index'], [x, index])
    const [n, count] = [sizeOf(x.shape), index.numel()]
    if (n === 0 && count > 0) throw new IndexError('take', 'there is no index into a tensor without elements')
    const flat = reshapeTo(fromEnd('take', 'index', index, n), [count])
    const taken = reshapeTo(gatherAlong(reshapeTo(x, [n]), flat, { dim: 0, op: 'take' }), index.shape)
    taken._owned()
    return taken
  })
}

const PUT = signature('put', { x: TENSOR, index: TENSOR, source: TENSOR, accumulate: optional(BOOLEAN) })

/**
 * `x` with the elements of `source` at row-major positions `index`; `accumulate` adds them to what is there. Of several at one position the last one counts, or their sum.
 * @param index integers; negative ones count from the end
 * @param source as many elements as `index`, of the dtype of `x`
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.put_.html
 */
export const put: (x: Tensor, index: Tensor, source: Tensor, accumulate?: boolean) => Tensor = defineComposition(
  'put',
  (x: Tensor, index: Tensor, source: Tensor, accumulate = false) => {
    PUT.check(x, index, source, accumulate)
    checkDevices('put', ['x', 'index', 'source'], [x, index, source])
    const [n, count] = [sizeOf(x.shape), index.numel()]
    if (source.dtype !== x.dtype)
      throw new DTypeError('put', `source must have the dtype of x (${x.dtype}), got ${source.dtype}. Convert it: source.to('${x.dtype}')`)
    if (source.numel() !== count)
      throw new ShapeError('put', `source ${showShape(source.shape)} and index ${showShape(index.shape)} must have as many elements`, [
        source.shape,
        index.shape,
      ])
    const positions = checkedIndex('put', fromEnd('put', 'index', index, n), n)
    return putFlat('put', x, reshapeTo(positions, [count]), reshapeTo(source, [count]), accumulate)
  },
)

/** {@link put} of vectors, with positions that have been checked. */
export function putFlat(op: string, x: Tensor, index: Tensor, source: Tensor, accumulate: boolean): Tensor {
  const flat = reshapeTo(x, [sizeOf(x.shape)])
  const p = { dim: 0, shape: flat.shape, op }
  const y = accumulate ? add(flat, scatterSum(source, index, p)) : scatterInto(flat, source, index, scatterLast(index, p), p)
  return ownShape(y, x.shape)
}

const TAKE_ALONG_DIM = signature('takeAlongDim', { x: TENSOR, indices: TENSOR, dim: optional(DIM) })

/**
 * Elements by position along `dim`, where the other dims of both broadcast; without a dim, by row-major position.
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.take_along_dim.html
 */
export function takeAlongDim(x: Tensor, indices: Tensor, dim?: number): Tensor {
  TAKE_ALONG_DIM.check(x, indices, dim)
  return underName('takeAlongDim', () => {
    checkDevices('takeAlongDim', ['x', 'indices'], [x, indices])
    const along = (from: Tensor, index: Tensor, d: number): Tensor => {
      checkIndices('takeAlongDim', indices, from.shape[d] as number)
      if (from.shape[d] === 0 && indices.numel() > 0) throw new IndexError('takeAlongDim', 'there is no index into an axis of size 0')
      return gatherAlong(from, index, { dim: d, op: 'takeAlongDim' })
    }
    const i = indexTensor('takeAlongDim', 'indices', indices)
    if (dim === undefined) return along(reshapeTo(x, [sizeOf(x.shape)]), reshapeTo(i, [i.numel()]), 0)
    if (x.ndim !== indices.ndim)
      throw new ShapeError('takeAlongDim', `indices ${showShape(indices.shape)} must have the dims of x ${showShape(x.shape)}`, [
        x.shape,
        indices.shape,
      ])
    const d = normalizeDim('takeAlongDim', dim, x.ndim)
    if (x.ndim === 0) return ownShape(along(reshapeTo(x, [1]), reshapeTo(i, [1]), 0), [])
    const common = broadcastShapes('takeAlongDim', x.shape.with(d, 1), indices.shape.with(d, 1))
    return along(expandTo(x, common.with(d, x.shape[d] as number)), expandTo(i, common.with(d, i.shape[d] as number)), d)
  })
}
