/** @file The operators of the kernel IR on JavaScript numbers. `float` is a double, `i32` and `u32` wrap modulo 2³², `bool` is 0 or 1. */
import { type DType, dtypeInfo, fromHalf, toHalf } from '../../base/index.ts'
import { type BinaryOp, dtypeOfValue, identityOf, type ReduceOp, type UnaryOp, type ValueType } from '../../kernel/index.ts'
import { erf, erfc, power, roundEven, wholePower } from './special.ts'

export type Unary = (x: number) => number
export type Binary = (a: number, b: number) => number

/** A number brought into the range of a value type. */
export const wrap: Readonly<Record<ValueType, Unary>> = {
  float: (x) => x,
  i32: (x) => x | 0,
  u32: (x) => x >>> 0,
  bool: (x) => (x !== 0 ? 1 : 0),
}

const FLOAT_UNARY: Readonly<Record<Exclude<UnaryOp, 'not'>, Unary>> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0), // NaN has none, as in PyTorch
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundEven,
  trunc: Math.trunc,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  recip: (x) => 1 / x,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  erfc,
}

export function unary(op: UnaryOp, type: ValueType): Unary {
  if (op === 'not') return type === 'bool' ? (x) => 1 - x : type === 'u32' ? (x) => ~x >>> 0 : (x) => ~x
  const f = FLOAT_UNARY[op]
  if (type === 'float') return f
  const narrow = wrap[type]
  return (x) => narrow(f(x))
}

const COMPARE: Partial<Record<BinaryOp, Binary>> = {
  lt: (a, b) => (a < b ? 1 : 0),
  le: (a, b) => (a <= b ? 1 : 0),
  eq: (a, b) => (a === b ? 1 : 0),
  ne: (a, b) => (a !== b ? 1 : 0),
}

const FLOAT: Partial<Record<BinaryOp, Binary>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  mod: (a, b) => a % b,
  pow: power,
  max: (a, b) => Math.max(a, b), // NaN when one is
  min: (a, b) => Math.min(a, b),
}

/** Results before they are wrapped. Division by zero, which PyTorch refuses, is as in WGSL: a / 0 = a, a mod 0 = 0. */
const WHOLE: Partial<Record<BinaryOp, Binary>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  div: (a, b) => (b === 0 ? a : Math.trunc(a / b)),
  mod: (a, b) => (b === 0 ? 0 : a % b),
  pow: wholePower,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr: (a, b) => a >> b,
}

/** `op` on two values of `type`. */
export function binary(op: BinaryOp, type: ValueType): Binary {
  const compare = COMPARE[op]
  if (compare) return compare
  const f = type === 'float' ? FLOAT[op] : WHOLE[op]
  if (!f) throw new Error(`cpu: ${op} of ${type}`)
  if (type === 'float') return f
  if (type === 'u32' && op === 'shr') return (a, b) => a >>> b
  const narrow = wrap[type]
  return (a, b) => narrow(f(a, b))
}

const JOIN: Readonly<Record<ReduceOp, BinaryOp>> = { sum: 'add', prod: 'mul', max: 'max', argmax: 'max', min: 'min', argmin: 'min' }

/** How a reduction begins, and how a value joins it. For `argmax`/`argmin` these are of the extreme itself. */
export const reduction = (op: ReduceOp, type: ValueType): { readonly start: number; readonly join: Binary } => ({
  start: identityOf(op, dtypeOfValue[type]),
  join: binary(JOIN[op], type),
})

/** Truncation to a whole number; what is out of range saturates, NaN gives 0. */
const truncate = (x: number, low: number, high: number): number => (Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), low), high))

/** A value of a dtype as one of another dtype (PyTorch's `.to`). */
export function cast(from: DType, to: DType): Unary {
  if (to === 'float64') return (x) => x
  if (to === 'float32') return Math.fround
  if (to === 'float16') return (x) => fromHalf(toHalf(x))
  if (to === 'bool') return wrap.bool
  const whole: Unary =
    dtypeInfo[from].kind !== 'float'
      ? (x) => x
      : to === 'uint32'
        ? (x) => truncate(x, 0, 2 ** 32 - 1)
        : (x) => truncate(x, -(2 ** 31), 2 ** 31 - 1)
  switch (to) {
    case 'int32':
      return (x) => whole(x) | 0
    case 'uint32':
      return (x) => whole(x) >>> 0
    case 'int8':
      return (x) => (whole(x) << 24) >> 24
    case 'uint8':
      return (x) => whole(x) & 255
  }
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
  sign: FLOAT_UNARY.sign,
  pow: power,
} as const
