/** @file What numbers and dtypes say to each other, in plain arithmetic: JavaScript's doubles hold every value here, so its own operators compare them exactly. */
import type { DType } from '../../src/index.ts'
import { nearestHalf } from './halves.ts'

export type Integer = 'int32' | 'uint32' | 'int8' | 'uint8'
export const INTEGERS: readonly Integer[] = ['int32', 'uint32', 'int8', 'uint8']

/** The ends of the dtypes. */
export const ENDS: Readonly<Record<DType, readonly [number, number]>> = {
  float64: [-Number.MAX_VALUE, Number.MAX_VALUE],
  float32: [-3.4028234663852886e38, 3.4028234663852886e38],
  float16: [-65504, 65504],
  bfloat16: [-3.3895313892515355e38, 3.3895313892515355e38],
  int32: [-2147483648, 2147483647],
  uint32: [0, 4294967295],
  int8: [-128, 127],
  uint8: [0, 255],
  bool: [0, 1],
}
export const isInteger = (dtype: DType): dtype is Integer => (INTEGERS as readonly DType[]).includes(dtype)
export const isFloat = (dtype: DType): boolean => dtype !== 'bool' && !isInteger(dtype)

/** Numbers at which something may change: 0, ±1, the ends of each dtype and what lies next to them, powers of two, fractions, ±∞, NaN. */
export const NUMBERS: readonly number[] = (() => {
  const whole = [
    0,
    1,
    2,
    3,
    100,
    127,
    128,
    255,
    256,
    300,
    16777217,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 31 + 1,
    3e9,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 40,
  ]
  const others = [
    0.1,
    0.5,
    1.5,
    127.5,
    254.5,
    255.5,
    2 ** 31 - 0.5,
    2 ** 32 - 0.5,
    65504,
    65519,
    65520,
    1e6,
    ENDS.float32[1],
    1e39,
    Number.POSITIVE_INFINITY,
  ]
  const all = [...whole, 129, ...others]
  return [...new Set([...all, ...all.map((x) => 0 - x)]), Number.NaN]
})()

/** The nearest value of a float dtype. */
export function nearest(x: number, dtype: DType): number {
  if (dtype === 'float16' || dtype === 'bfloat16') return nearestHalf(x, dtype)
  return dtype === 'float32' ? Math.fround(x) : x
}

/** Whether a dtype holds a number; floats, one near it. */
export function fits(x: number, dtype: DType): boolean {
  if (dtype === 'bool') return true
  if (isInteger(dtype)) return Number.isInteger(x) && x >= ENDS[dtype][0] && x <= ENDS[dtype][1]
  return !Number.isFinite(x) || Number.isFinite(nearest(x, dtype))
}

/** Values of a dtype, its ends among them. */
export function valuesOf(dtype: DType): number[] {
  if (dtype === 'bool') return [0, 1]
  const [least, most] = ENDS[dtype]
  const further = isInteger(dtype)
    ? [least + 1, most - 1]
    : [0.1, 0.5, -0.5, 1.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
  const all = [
    0,
    1,
    2,
    3,
    -1,
    -2,
    100,
    127,
    128,
    255,
    256,
    16777216,
    16777217,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    -(2 ** 31),
    least,
    most,
  ]
  const own = [...all, ...further].filter((x) => fits(x, dtype)).map((x) => nearest(x, dtype))
  return [...new Set(own)]
}

export type Relation = 'lt' | 'le' | 'gt' | 'ge' | 'eq' | 'ne'
export const RELATIONS: Readonly<Record<Relation, (a: number, b: number) => boolean>> = {
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
}

/** Bits of a value. */
export const BITS: Readonly<Record<Integer, number>> = { int32: 32, uint32: 32, int8: 8, uint8: 8 }
/** A whole number modulo 2ⁿ. */
export const wrap = (x: bigint, dtype: Integer): number =>
  Number(dtype.startsWith('u') ? BigInt.asUintN(BITS[dtype], x) : BigInt.asIntN(BITS[dtype], x))

export const floored = (a: bigint, b: bigint): bigint => a / b - (a % b !== 0n && a < 0n !== b < 0n ? 1n : 0n)
export const truncated = (a: bigint, b: bigint): bigint => a / b

/** aᵉ modulo 2⁶⁴; to a negative power 0, or ±1 of ±1. */
export function power(a: bigint, e: bigint): bigint {
  if (e < 0n) return a === 1n ? 1n : a === -1n ? (e % 2n === 0n ? 1n : -1n) : 0n
  let result = 1n
  let square = a
  for (let rest = e; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = BigInt.asUintN(64, result * square)
    square = BigInt.asUintN(64, square * square)
  }
  return result
}

/** The value of `dtype` nearest to x among those ≥ c (`lower`) or ≤ c; where there is none, the end of the dtype next to c. */
export function bounded(x: number, c: number, dtype: DType, side: 'lower' | 'upper'): number {
  if (Number.isNaN(x) || Number.isNaN(c)) return Number.NaN
  const own = isFloat(dtype) && fits(c, dtype) ? nearest(c, dtype) : c
  if (side === 'lower' ? x >= own : x <= own) return x
  const [least, most] = ENDS[dtype]
  if (fits(own, dtype)) return own
  if (!isFloat(dtype)) return Math.min(Math.max(own, least), most)
  if (side === 'lower') return own > most ? Number.POSITIVE_INFINITY : least
  return own < least ? Number.NEGATIVE_INFINITY : most
}
