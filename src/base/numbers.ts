/**
 * @file Which numbers a dtype holds, and what becomes of a number that meets a tensor whose dtype does not hold it. One rule, for every function:
 *
 * - what makes values (`full`, `tensor`, `fill_`, `where`, `pad`, …) takes what the dtype holds, and throws for anything else ({@link held});
 * - sums, differences and products are exact modulo 2ⁿ, so a whole number of up to 32 bits wraps as a value of the tensor would; more throws ({@link operandOf});
 *   quotients and powers are not, so there a number is held ({@link memberOf});
 * - a comparison answers what the numbers say ({@link thresholdOf}), and a bound is a comparison ({@link boundOf}).
 *
 * Beside floats a number is rounded to the nearest value of the dtype, as if it had been written there: `x.eq(0.1)` holds for a float32 that was made of 0.1.
 */
import { type DType, dtypeInfo } from './dtype.ts'
import { ArgumentError } from './errors.ts'
import { halfFormats } from './half.ts'

/** The smallest and the largest finite number of each dtype. */
const RANGE: Readonly<Record<DType, readonly [least: number, most: number]>> = {
  float64: [-Number.MAX_VALUE, Number.MAX_VALUE],
  float32: [-(2 ** 128 - 2 ** 104), 2 ** 128 - 2 ** 104],
  float16: [-65504, 65504],
  bfloat16: [-(2 ** 128 - 2 ** 120), 2 ** 128 - 2 ** 120],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int8: [-128, 127],
  uint8: [0, 255],
  bool: [0, 1],
}
export const rangeOf = (dtype: DType): readonly [least: number, most: number] => RANGE[dtype]

/** From here on a number is rounded to ±∞. */
const OVERFLOW = { float64: Number.POSITIVE_INFINITY, float32: 2 ** 128 - 2 ** 103, float16: 65520, bfloat16: 2 ** 128 - 2 ** 119 } as const

/**
 * Whether `dtype` holds `value`: integers hold the whole numbers of their range; floats all but finite numbers that would become infinite (others are rounded);
 * bool, whose values are what is ≠ 0 and what is not, all.
 */
export function holds(dtype: DType, value: number): boolean {
  switch (dtype) {
    case 'float64':
    case 'float32':
    case 'float16':
    case 'bfloat16':
      return Math.abs(value) < OVERFLOW[dtype] || !Number.isFinite(value)
    case 'bool':
      return true
    case 'int32':
    case 'uint32':
    case 'int8':
    case 'uint8': {
      const [least, most] = RANGE[dtype]
      return value >= least && value <= most && Number.isInteger(value)
    }
  }
}

/** Why `dtype` does not hold `value`, behind a comma: `which uint8 cannot hold (0 to 255)`. */
export function unheld(value: number, dtype: DType): string {
  const [least, most] = RANGE[dtype]
  const cut = value >= least && value <= most ? ': it has a fraction' : ` (${least} to ${most})`
  return `which ${dtype} cannot hold${cut}`
}

/** A number that `dtype` holds, as it holds it. */
function rounded(value: number, dtype: DType): number {
  switch (dtype) {
    case 'float32':
      return Math.fround(value)
    case 'float16':
    case 'bfloat16': {
      const { toBits, fromBits } = halfFormats[dtype]
      return fromBits(toBits(value))
    }
    case 'bool':
      return value === 0 ? 0 : 1
    case 'float64':
    case 'int32':
    case 'uint32':
    case 'int8':
    case 'uint8':
      return value
  }
}

/** How a function takes a number that meets a tensor of `dtype`: the number of that dtype that it computes with. `role` is the argument. */
export type Taking = (op: string, role: string, value: number, dtype: DType) => number

/** A number that becomes a value of a tensor. @throws ArgumentError where `dtype` does not hold it. */
export const held: Taking = (op, role, value, dtype) => {
  if (holds(dtype, value)) return rounded(value, dtype)
  throw new ArgumentError(op, `${role} is ${value}, ${unheld(value, dtype)}`)
}

/**
 * A number that a tensor is added to or multiplied by. PyTorch takes whole numbers that its widest integer holds, and wraps them; the widest here have 32 bits.
 * @throws ArgumentError for a whole number of more than 32 bits beside integers.
 */
export const operandOf: Taking = (op, role, value, dtype) => {
  switch (dtype) {
    case 'float64':
      return value
    case 'float32':
    case 'float16': // computed in float32, and rounded with the result
    case 'bfloat16':
      return Math.fround(value)
    case 'bool':
      return rounded(value, dtype)
    case 'int32':
    case 'uint32':
    case 'int8':
    case 'uint8':
      if (value >= RANGE.int32[0] && value <= RANGE.uint32[1]) return wrapped(value, dtype)
      throw new ArgumentError(
        op,
        `${role} is ${value}, a whole number of more than 32 bits beside ${dtype} (taken are ${RANGE.int32[0]} to ${RANGE.uint32[1]}). Convert the tensor with .float() or .double() first`,
      )
  }
}

/** As {@link operandOf}, for what is not the same modulo 2ⁿ: a divisor, an exponent. @throws ArgumentError for a number beside integers that `dtype` does not hold. */
export const memberOf: Taking = (op, role, value, dtype) =>
  dtypeInfo[dtype].kind === 'int' ? held(op, role, value, dtype) : operandOf(op, role, value, dtype)

/** A whole number modulo 2ⁿ. */
function wrapped(value: number, dtype: 'int32' | 'uint32' | 'int8' | 'uint8'): number {
  switch (dtype) {
    case 'int32':
      return value | 0
    case 'uint32':
      return value >>> 0
    case 'int8':
      return (value << 24) >> 24
    case 'uint8':
      return value & 255
  }
}

/** The end of a dtype past which `value` lies. */
const endOf = (value: number, dtype: DType): number => RANGE[dtype][value < 0 ? 0 : 1]

/**
 * A bound as a number of `dtype`: one outside of it bounds nothing, or everything, which then lies at the end of the dtype. Where floats have ±∞ to say that
 * everything lies beyond, that is the end.
 */
const boundOf =
  (side: 'lower' | 'upper'): Taking =>
  (_op, _role, value, dtype) => {
    if (holds(dtype, value)) return rounded(value, dtype)
    const excludes = value > 0 === (side === 'lower')
    return dtypeInfo[dtype].kind === 'float' && excludes ? Math.sign(value) * Number.POSITIVE_INFINITY : endOf(value, dtype)
  }
/** A bound from below. */
export const lowerBound: Taking = boundOf('lower')
/** A bound from above. */
export const upperBound: Taking = boundOf('upper')

/** How x is compared with a number: x < c, … */
export type Relation = 'lt' | 'le' | 'gt' | 'ge' | 'eq' | 'ne'

/**
 * The number of `dtype` with which x is to be compared so that the answer is that of `value`, which `dtype` need not hold; or the answer, where it is the same
 * for every x of that dtype.
 */
export function thresholdOf(relation: Relation, value: number, dtype: DType): number | boolean {
  if (Number.isNaN(value)) return relation === 'ne'
  if (holds(dtype, value)) return rounded(value, dtype)
  if (relation === 'eq' || relation === 'ne') return relation === 'ne'
  // x < c and x ≥ c divide the values in front of the next one up, x ≤ c and x > c behind the next one down
  const up = relation === 'lt' || relation === 'ge'
  const [least, most] = RANGE[dtype]
  if (dtypeInfo[dtype].kind === 'float') {
    if (value > 0) return up ? Number.POSITIVE_INFINITY : most
    return up ? least : Number.NEGATIVE_INFINITY
  }
  const whole = up ? Math.ceil(value) : Math.floor(value)
  if (whole >= least && whole <= most) return whole === 0 ? 0 : whole // (no −0)
  return value > 0 === (relation === 'lt' || relation === 'le')
}
