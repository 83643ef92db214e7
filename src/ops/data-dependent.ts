/** @file What depends on values in its shape or its result: read first, hence promises. */
import {
  atLeast,
  BOOLEAN,
  broadcastShapes,
  DTypeError,
  options as describe,
  isFloat,
  optional,
  ShapeError,
  sameShape,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import { alias, checkSize, hostValues, type NodePlace, ownValue, TENSOR, type Tensor } from '../tensor/index.ts'
import { maximum, minimum } from './clamp.ts'
import { eq, isfinite, isnan, le, logicalAnd, logicalOr } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { tensor } from './create.ts'
import { checkDevices } from './define.ts'
import { abs, add, mul, sub } from './elementwise.ts'
import { all } from './extremes.ts'
import { indexSelect } from './indexing.ts'
import { promoteTypes } from './promote.ts'
import { areApart } from './quotients.ts'
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

/** How far apart values may be for {@link allclose}. */
export interface CloseOptions {
  /** … in proportion to |b|: 1e-5 by default. */
  readonly rtol?: number
  /** … in any case: 1e-8 by default. */
  readonly atol?: number
  /** Whether NaN is close to NaN: false by default. */
  readonly equalNan?: boolean
}

/** |a − b| of integers, as uint32, which holds it; undefined for others. */
function distanceOfIntegers(a: Tensor, b: Tensor): Tensor | undefined {
  const dtype = promoteTypes(a.dtype, b.dtype)
  if (isFloat(dtype) || areApart(a.dtype, b.dtype)) return undefined
  const wide = dtype === 'uint32' ? dtype : 'int32'
  const [x, y] = [cast(a, wide), cast(b, wide)]
  return cast(sub(maximum(x, y), minimum(x, y)), 'uint32')
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

const ALLCLOSE = signature('allclose', {
  a: TENSOR,
  b: TENSOR,
  options: optional(describe<CloseOptions>({ rtol: atLeast(0), atol: atLeast(0), equalNan: BOOLEAN })),
})

/**
 * Whether |a − b| ≤ atol + rtol · |b| everywhere; the two broadcast.
 * @see https://pytorch.org/docs/stable/generated/torch.allclose.html
 */
export async function allclose(a: Tensor, b: Tensor, options?: CloseOptions): Promise<boolean> {
  ALLCLOSE.check(a, b, options)
  checkDevices('allclose', ['a', 'b'], [a, b])
  checkSize('allclose', broadcastShapes('allclose', a.shape, b.shape))
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options ?? {}
  const wide = a.dtype === 'float64' || b.dtype === 'float64' ? 'float64' : 'float32'
  const [x, y] = [cast(stopGradient(a), wide), cast(stopGradient(b), wide)]
  const away = underName('allclose', () => distanceOfIntegers(a, b) ?? abs(sub(x, y)))
  // infinities are close to themselves only
  let close = logicalOr(eq(a, b), logicalAnd(isfinite(away), le(away, add(mul(abs(y), rtol), atol))))
  if (equalNan) close = logicalOr(close, logicalAnd(isnan(x), isnan(y)))
  return (await all(close).item()) === 1
}
