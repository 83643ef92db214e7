/** @file How close values are to others. */
import {
  atLeast,
  BOOLEAN,
  broadcastShapes,
  options as describe,
  isFloat,
  type Options,
  optional,
  signature,
  underName,
} from '../base/index.ts'
import { checkSize, TENSOR, type Tensor } from '../tensor/index.ts'
import { maximum, minimum } from './clamp.ts'
import { eq, isfinite, isnan, le, logicalAnd, logicalOr } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { checkDevices } from './define.ts'
import { abs, add, mul, sub } from './elementwise.ts'
import { promoteTypes } from './promote.ts'
import { areApart } from './quotients.ts'

/** How far apart values may be for {@link isclose} and `allclose`. */
export interface CloseOptions {
  /** … in proportion to |b|: 1e-5 by default. */
  readonly rtol?: number
  /** … in any case: 1e-8 by default. */
  readonly atol?: number
  /** Whether NaN is close to NaN: false by default. */
  readonly equalNan?: boolean
}
/** The kinds of {@link CloseOptions}. */
export const CLOSE: Options<CloseOptions> = describe<CloseOptions>({ rtol: atLeast(0), atol: atLeast(0), equalNan: BOOLEAN })

/** |a − b| of integers, as uint32, which holds it; undefined for others. */
function distanceOfIntegers(a: Tensor, b: Tensor): Tensor | undefined {
  const dtype = promoteTypes(a.dtype, b.dtype)
  if (isFloat(dtype) || areApart(a.dtype, b.dtype)) return undefined
  const wide = dtype === 'uint32' ? dtype : 'int32'
  const [x, y] = [cast(a, wide), cast(b, wide)]
  return cast(sub(maximum(x, y), minimum(x, y)), 'uint32')
}

const ISCLOSE = signature('isclose', { a: TENSOR, b: TENSOR, options: optional(CLOSE) })

/**
 * Where |a − b| ≤ atol + rtol · |b|, as bools; the two broadcast. Infinities are close to themselves only.
 * @see https://pytorch.org/docs/stable/generated/torch.isclose.html
 */
export function isclose(a: Tensor, b: Tensor, options?: CloseOptions): Tensor {
  ISCLOSE.check(a, b, options)
  return underName('isclose', () => closeness('isclose', a, b, options))
}

/** {@link isclose} in the name of `op`. */
export function closeness(op: string, a: Tensor, b: Tensor, options: CloseOptions | undefined): Tensor {
  checkDevices(op, ['a', 'b'], [a, b])
  checkSize(op, broadcastShapes(op, a.shape, b.shape))
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options ?? {}
  const wide = a.dtype === 'float64' || b.dtype === 'float64' ? 'float64' : 'float32'
  const [x, y] = [cast(stopGradient(a), wide), cast(stopGradient(b), wide)]
  const away = distanceOfIntegers(a, b) ?? abs(sub(x, y))
  const close = logicalOr(eq(a, b), logicalAnd(isfinite(away), le(away, add(mul(abs(y), rtol), atol))))
  return equalNan ? logicalOr(close, logicalAnd(isnan(x), isnan(y))) : close
}
