/** @file The operators of the kernel IR on JavaScript numbers. `float` is a double, `i32` and `u32` wrap modulo 2³², `bool` is 0 or 1. */
import { type DType, dtypeInfo, fromBfloat, fromHalf, toBfloat, toHalf } from '../../base/index.ts'
import {
  type BinaryOp,
  type BinaryTable,
  binaryForm,
  dtypeOfValue,
  identityOf,
  type ReduceOp,
  reduceOps,
  type UnaryOp,
  type UnaryTable,
  unaryForm,
  type ValueType,
} from '../../kernel/index.ts'
import { digamma, i0e, i1e, lgamma, zeta } from './gamma.ts'
import { gammapdf, igamma, igammac } from './incomplete-gamma.ts'
import { commonDivisor, erf, erfc, power, roundEven, wholePower } from './special.ts'

export type Unary = (x: number) => number
export type Binary = (a: number, b: number) => number

/** A number brought into the range of a value type. */
export const wrap: Readonly<Record<ValueType, Unary>> = {
  float: (x) => x,
  i32: (x) => x | 0,
  u32: (x) => x >>> 0,
  bool: (x) => (x !== 0 ? 1 : 0),
}

/** A function on floats, and on whole numbers: what it gives is brought into their range. */
const onAll = (f: Unary) => ({
  float: f,
  i32: (x: number) => f(x) | 0,
  u32: (x: number) => f(x) >>> 0,
  bool: (x: number) => wrap.bool(f(x)),
})

const powerOfTwo: Unary = (x) => 2 ** x

const UNARY: UnaryTable<Unary> = {
  neg: onAll((x) => -x),
  abs: onAll(Math.abs),
  sign: onAll((x) => (x > 0 ? 1 : x < 0 ? -1 : 0)), // NaN has none, as in PyTorch
  floor: onAll(Math.floor),
  ceil: onAll(Math.ceil),
  round: onAll(roundEven),
  trunc: onAll(Math.trunc),
  exp: { float: Math.exp },
  expm1: { float: Math.expm1 },
  log: { float: Math.log },
  log1p: { float: Math.log1p },
  sqrt: { float: Math.sqrt },
  rsqrt: { float: (x) => 1 / Math.sqrt(x) },
  recip: { float: (x) => 1 / x },
  sin: { float: Math.sin },
  cos: { float: Math.cos },
  tanh: { float: Math.tanh },
  erf: { float: erf },
  erfc: { float: erfc },
  exp2: { float: powerOfTwo },
  log2: { float: Math.log2 },
  log10: { float: Math.log10 },
  atan: { float: Math.atan },
  lgamma: { float: lgamma },
  digamma: { float: digamma },
  i0e: { float: i0e },
  i1e: { float: i1e },
  not: { i32: (x) => ~x, u32: (x) => ~x >>> 0, bool: (x) => 1 - x },
}

export const unary = (op: UnaryOp, type: ValueType): Unary => unaryForm(UNARY, op, type)

/** On whole numbers: what it gives is brought into their range. */
const onWhole = (f: Binary) => ({
  i32: (a: number, b: number) => f(a, b) | 0,
  u32: (a: number, b: number) => f(a, b) >>> 0,
  bool: (a: number, b: number) => wrap.bool(f(a, b)),
})
const compares = (f: (a: number, b: number) => boolean) => {
  const number: Binary = (a, b) => (f(a, b) ? 1 : 0)
  return { float: number, i32: number, u32: number, bool: number }
}
const larger: Binary = (a, b) => Math.max(a, b) // NaN when one is
const smaller: Binary = (a, b) => Math.min(a, b)

/** Division of whole numbers by zero, which PyTorch refuses, is as in WGSL: a / 0 = a, a mod 0 = 0. */
const BINARY: BinaryTable<Binary> = {
  add: { float: (a, b) => a + b, ...onWhole((a, b) => a + b) },
  sub: { float: (a, b) => a - b, ...onWhole((a, b) => a - b) },
  mul: { float: (a, b) => a * b, ...onWhole(Math.imul) },
  div: { float: (a, b) => a / b, ...onWhole((a, b) => (b === 0 ? a : Math.trunc(a / b))) },
  mod: { float: (a, b) => a % b, ...onWhole((a, b) => (b === 0 ? 0 : a % b)) },
  pow: { float: power, ...onWhole(wholePower) },
  max: { float: larger, ...onWhole(larger) },
  min: { float: smaller, ...onWhole(smaller) },
  lt: compares((a, b) => a < b),
  le: compares((a, b) => a <= b),
  eq: compares((a, b) => a === b),
  ne: compares((a, b) => a !== b),
  and: onWhole((a, b) => a & b),
  or: onWhole((a, b) => a | b),
  xor: onWhole((a, b) => a ^ b),
  shl: onWhole((a, b) => a << b),
  shr: { ...onWhole((a, b) => a >> b), u32: (a, b) => a >>> b },
  gcd: { i32: (a, b) => commonDivisor(a, b) | 0, u32: commonDivisor },
  atan2: { float: Math.atan2 },
  zeta: { float: zeta },
  igamma: { float: igamma },
  igammac: { float: igammac },
  gammapdf: { float: gammapdf },
}

/** `op` on two values of `type`. */
export const binary = (op: BinaryOp, type: ValueType): Binary => binaryForm(BINARY, op, type)

/** How a reduction begins, and how a value joins it. Where a position is reduced to, these are of the extreme itself. */
export const reduction = (op: ReduceOp, type: ValueType): { readonly start: number; readonly join: Binary } => ({
  start: identityOf(op, dtypeOfValue[type]),
  join: binary(reduceOps[op].joins, type),
})

/** Truncation to a whole number; what is out of range saturates, NaN gives 0. */
const truncate = (x: number, low: number, high: number): number => (Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), low), high))

/** A value of a dtype as one of another dtype (PyTorch's `.to`). */
export function cast(from: DType, to: DType): Unary {
  const whole: Unary = dtypeInfo[from].kind === 'float' ? (x) => truncate(x, -(2 ** 31), 2 ** 31 - 1) : (x) => x
  switch (to) {
    case 'float64':
      return (x) => x
    case 'float32':
      return Math.fround
    case 'float16':
      return (x) => fromHalf(toHalf(x))
    case 'bfloat16':
      return (x) => fromBfloat(toBfloat(x))
    case 'int32':
      return (x) => whole(x) | 0
    case 'uint32':
      return dtypeInfo[from].kind === 'float' ? (x) => truncate(x, 0, 2 ** 32 - 1) : (x) => x >>> 0
    case 'int8':
      return (x) => (whole(x) << 24) >> 24
    case 'uint8':
      return (x) => whole(x) & 255
    case 'bool':
      return wrap.bool
  }
}

/** An element of a typed array as a value; undefined where it is one already. */
export const loaded: Readonly<Record<DType, Unary | undefined>> = {
  float64: undefined,
  float32: undefined,
  float16: fromHalf,
  bfloat16: fromBfloat,
  int32: undefined,
  uint32: undefined,
  int8: undefined,
  uint8: undefined,
  bool: wrap.bool,
}

/** A value as an element of a typed array; undefined where the array rounds or wraps by itself. */
export const stored: Readonly<Record<DType, Unary | undefined>> = {
  float64: undefined,
  float32: undefined,
  float16: toHalf,
  bfloat16: toBfloat,
  int32: undefined,
  uint32: undefined,
  int8: undefined,
  uint8: undefined,
  bool: undefined,
}

/** Functions of floats that are more than an instruction, by name. */
export const floatFunctions = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  erfc,
  sign: UNARY.sign.float,
  exp2: powerOfTwo,
  log2: Math.log2,
  log10: Math.log10,
  atan: Math.atan,
  lgamma,
  digamma,
  i0e,
  i1e,
  pow: power,
  atan2: Math.atan2,
  zeta,
  igamma,
  igammac,
  gammapdf,
} as const
