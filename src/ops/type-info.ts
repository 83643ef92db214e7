/** @file What is true of a dtype, and of two: ranges, precision, promotion and casts. */
import { DTYPE, type DType, DTypeError, dtypeInfo, isFloat, kindRank, rangeOf, signature } from '../base/index.ts'
import { OPERAND, Tensor } from '../tensor/index.ts'
import { meet, type Operand } from './promote.ts'

/** What {@link finfo} says of a float dtype. */
export interface FloatInfo {
  /** Whose limits they are. */
  readonly dtype: DType
  /** Bits of an element. */
  readonly bits: number
  /** The distance from 1 to the next larger number. */
  readonly eps: number
  /** The largest finite number. */
  readonly max: number
  /** The smallest finite number, `-max`. */
  readonly min: number
  /** The smallest positive number of full precision. */
  readonly tiny: number
  /** Another name of `tiny`. */
  readonly smallestNormal: number
  /** 10⁻ᵈ, where d is how many decimal digits every number of the dtype keeps. */
  readonly resolution: number
}

/** What {@link iinfo} says of an integer dtype. */
export interface IntegerInfo {
  /** Whose limits they are. */
  readonly dtype: DType
  /** Bits of an element. */
  readonly bits: number
  /** The largest number. */
  readonly max: number
  /** The smallest number. */
  readonly min: number
}

/** Bits behind the point, and the exponent of the smallest normal number. */
const FLOATS = {
  float64: { fraction: 52, least: -1022, digits: 15 },
  float32: { fraction: 23, least: -126, digits: 6 },
  float16: { fraction: 10, least: -14, digits: 3 },
  bfloat16: { fraction: 7, least: -126, digits: 2 },
} as const

const FINFO = signature('finfo', { dtype: DTYPE })
const IINFO = signature('iinfo', { dtype: DTYPE })
const CAN_CAST = signature('canCast', { from: DTYPE, to: DTYPE })
const RESULT_TYPE = signature('resultType', { a: OPERAND, b: OPERAND })

/**
 * The limits of a float dtype.
 * @throws DTypeError for an integer dtype, which has `iinfo`.
 * @see https://pytorch.org/docs/stable/type_info.html
 * @example finfo('float16').max // 65504
 */
export function finfo(dtype: DType = 'float32'): FloatInfo {
  FINFO.check(dtype)
  if (!isFloat(dtype))
    throw new DTypeError('finfo', `${dtype} is no float dtype. ${dtype === 'bool' ? 'It has no limits' : 'iinfo has its limits'}`)
  const { fraction, least, digits } = FLOATS[dtype as keyof typeof FLOATS]
  const [min, max] = rangeOf(dtype)
  const tiny = 2 ** least
  return {
    dtype,
    bits: 8 * dtypeInfo[dtype].bytes,
    eps: 2 ** -fraction,
    max,
    min,
    tiny,
    smallestNormal: tiny,
    resolution: Number(`1e-${digits}`),
  }
}

/**
 * The limits of an integer dtype.
 * @throws DTypeError for another dtype.
 * @see https://pytorch.org/docs/stable/type_info.html
 */
export function iinfo(dtype: DType): IntegerInfo {
  IINFO.check(dtype)
  if (kindRank(dtype) !== kindRank('int32'))
    throw new DTypeError('iinfo', `${dtype} is no integer dtype. ${dtype === 'bool' ? 'It has no limits' : 'finfo has its limits'}`)
  const [min, max] = rangeOf(dtype)
  return { dtype, bits: 8 * dtypeInfo[dtype].bytes, max, min }
}

/**
 * Whether PyTorch lets a value of `from` become one of `to` by itself: floats do not become integers, and nothing else becomes bool.
 * @see https://pytorch.org/docs/stable/generated/torch.can_cast.html
 */
export function canCast(from: DType, to: DType): boolean {
  CAN_CAST.check(from, to)
  return kindRank(from) <= kindRank(to)
}

/**
 * The dtype of a result of both operands: a 0-d tensor or a number does not widen a tensor with dims of its own kind. Two numbers make float32, int32 or bool.
 * @see https://pytorch.org/docs/stable/generated/torch.result_type.html
 * @example resultType(tensor([1, 2], { dtype: 'int32' }), 1.5) // 'float32'
 */
export function resultType(a: Operand, b: Operand): DType {
  RESULT_TYPE.check(a, b)
  if (a instanceof Tensor || b instanceof Tensor) return meet('resultType', a, b).dtype
  if (typeof a === 'boolean' && typeof b === 'boolean') return 'bool'
  return Number.isInteger(Number(a)) && Number.isInteger(Number(b)) ? 'int32' : 'float32'
}
