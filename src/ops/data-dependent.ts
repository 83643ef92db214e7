/** @file What depends on values in its shape or its result: read first, hence promises. */
import { broadcastShapes, DTypeError, optional, ShapeError, sameShape, showShape, signature, sizeOf, underName } from '../base/index.ts'
import { alias, hostValues, type NodePlace, ownValue, TENSOR, type Tensor } from '../tensor/index.ts'
import { CLOSE, type CloseOptions, closeness } from './close.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { tensor } from './create.ts'
import { checkDevices } from './define.ts'
import { all } from './extremes.ts'
import { indexSelect } from './indexing.ts'
import { expand, reshape } from './view.ts'

/** A leaf of positions at a place. */
function indicesAt(placement: NodePlace, values: Int32Array, shape: readonly number[]): Tensor {
  return tensor(values, { shape, ...(placement === 'auto' ? {} : { device: placement.name }) })
}

/** Row-major positions of the elements that are ≠ 0. */
async function positionsOf(x: Tensor): Promise<Int32Array> {
  const values = await cast(x, 'bool').data()
  const found: number[] = []
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) found.push(i)
  return Int32Array.from(found)
}

/** The value of `x` as it is at the call, whatever becomes of `x`. */
function snapshot(x: Tensor): Tensor {
  const now = hostValues(x) ? alias(x) : ownValue(x)
  now._edge = x._edge
  return now
}

const MASKED_SELECT = signature('maskedSelect', { x: TENSOR, mask: TENSOR })

/**
 * The elements of `x` where `mask` holds, [n], in row-major order; the two broadcast. The gradient reaches the chosen elements. The mask is read by
 * the host, hence the promise.
 * @throws DTypeError when `mask` is not bool.
 * @see https://pytorch.org/docs/stable/generated/torch.masked_select.html
 * @example await maskedSelect(x, x.gt(0))
 */
export async function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor> {
  MASKED_SELECT.check(x, mask)
  checkDevices('maskedSelect', ['x', 'mask'], [x, mask])
  if (mask.dtype !== 'bool') throw new DTypeError('maskedSelect', `mask must be bool, got ${mask.dtype}. Compare first: x.ne(0)`)
  const shape = broadcastShapes('maskedSelect', x.shape, mask.shape)
  const now = snapshot(x)
  const found = await positionsOf(expand(mask, shape))
  return underName('maskedSelect', () =>
    indexSelect(reshape(expand(now, shape), [sizeOf(shape)]), 0, indicesAt(now._node.placement, found, [found.length])),
  )
}

const NONZERO = signature('nonzero', { x: TENSOR })

/**
 * The positions of the elements that are ≠ 0, one a row, int32 [n, dims]. The values are read by the host, hence the promise.
 * @see https://pytorch.org/docs/stable/generated/torch.nonzero.html
 */
export async function nonzero(x: Tensor): Promise<Tensor> {
  NONZERO.check(x)
  const { shape, ndim, _node } = x
  const found = await positionsOf(x)
  const rows = new Int32Array(found.length * ndim)
  found.forEach((position, row) => {
    let rest = position
    for (let d = ndim - 1; d >= 0; d--) {
      const size = shape[d] as number
      rows[row * ndim + d] = rest % size
      rest = Math.floor(rest / size)
    }
  })
  return indicesAt(_node.placement, rows, [found.length, ndim])
}

const EQUAL = signature('equal', { a: TENSOR, b: TENSOR })

/** Whether shapes and all values are the same; NaN equals nothing. @see https://pytorch.org/docs/stable/generated/torch.equal.html */
export async function equal(a: Tensor, b: Tensor): Promise<boolean> {
  EQUAL.check(a, b)
  checkDevices('equal', ['a', 'b'], [a, b])
  return sameShape(a.shape, b.shape) && (await all(eq(a, b)).item()) === 1
}

const IS_NONZERO = signature('isNonzero', { x: TENSOR })

/**
 * Whether the only element is ≠ 0. The value is read by the host, hence the promise.
 * @throws ShapeError where there is none, or more than one.
 * @see https://pytorch.org/docs/stable/generated/torch.is_nonzero.html
 */
export async function isNonzero(x: Tensor): Promise<boolean> {
  IS_NONZERO.check(x)
  if (x.numel() !== 1)
    throw new ShapeError('isNonzero', `x must have one element, got ${showShape(x.shape)}. Ask for all or any: x.all(), x.any()`)
  return (await cast(x, 'bool').data())[0] === 1
}

const ALLCLOSE = signature('allclose', { a: TENSOR, b: TENSOR, options: optional(CLOSE) })

/**
 * Whether |a − b| ≤ atol + rtol · |b| everywhere; the two broadcast.
 * @see https://pytorch.org/docs/stable/generated/torch.allclose.html
 */
export async function allclose(a: Tensor, b: Tensor, options?: CloseOptions): Promise<boolean> {
  ALLCLOSE.check(a, b, options)
  const close = underName('allclose', () => closeness('allclose', a, b, options))
  return (await all(close).item()) === 1
}
