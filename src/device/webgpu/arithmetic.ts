/** @file Operators, conversions and literals of the kernel IR as WGSL text. Every operand is named once in what is returned. */
import type { DType } from '../../base/index.ts'
import { type BinaryOp, type Expr, type UnaryOp, type ValueType, valueTypeOf } from '../../kernel/index.ts'

export const wgslType: Readonly<Record<ValueType, string>> = { float: 'f32', i32: 'i32', u32: 'u32', bool: 'bool' }

const BITS = new DataView(new ArrayBuffer(4))

/** A literal. Inf and NaN cannot be written in WGSL; `special` makes them from data. */
export function constantText(value: number, type: ValueType, special: (value: number) => string): string {
  switch (type) {
    case 'bool':
      return value ? 'true' : 'false'
    case 'i32':
      return `i32(${value | 0})`
    case 'u32':
      return `${value >>> 0}u`
    case 'float': {
      const single = Math.fround(value)
      if (!Number.isFinite(single) || Object.is(single, -0)) return special(single)
      const text = shortest(single)
      return single < 0 ? `(${text})` : text
    }
  }
}

/** The shortest decimal that reads back as the same float32. */
function shortest(single: number): string {
  BITS.setFloat32(0, single)
  for (let digits = 6; digits <= 9; digits++) {
    const text = Number(single.toPrecision(digits))
    if (Math.fround(text) === single) return literal(text)
  }
  return literal(single)
}
const literal = (value: number): string => {
  const text = `${value}`
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`
}

const FLOAT_UNARY: Partial<Record<UnaryOp, string>> = {
  abs: 'abs',
  sign: 'f_sign',
  floor: 'floor',
  ceil: 'ceil',
  round: 'round',
  trunc: 'trunc',
  exp: 'f_exp',
  expm1: 'f_expm1',
  log: 'f_log',
  log1p: 'f_log1p',
  sqrt: 'f_sqrt',
  rsqrt: 'f_rsqrt',
  sin: 'f_sin',
  cos: 'f_cos',
  tanh: 'f_tanh',
  erf: 'f_erf',
  erfc: 'f_erfc',
}

export function unaryText(op: UnaryOp, type: ValueType, x: string): string {
  if (op === 'not') return type === 'bool' ? `!${x}` : `~${x}`
  if (type === 'float') {
    if (op === 'neg') return `-${x}`
    if (op === 'recip') return `1.0f / ${x}`
    return `${FLOAT_UNARY[op]}(${x})`
  }
  switch (op) {
    case 'neg':
      return type === 'u32' ? `0u - ${x}` : `-${x}`
    case 'abs':
      return type === 'i32' ? `abs(${x})` : x
    case 'sign':
      return type === 'i32' ? `sign(${x})` : type === 'u32' ? `min(${x}, 1u)` : x
    case 'floor':
    case 'ceil':
    case 'round':
    case 'trunc':
      return x
    default:
      throw new Error(`unary ${op} of ${type}`)
  }
}

const INFIX: Partial<Record<BinaryOp, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  lt: '<',
  le: '<=',
  eq: '==',
  ne: '!=',
  and: '&',
  or: '|',
  xor: '^',
}
const BOOL: Partial<Record<BinaryOp, string>> = { and: '&', or: '|', xor: '!=', eq: '==', ne: '!=', max: '|', min: '&', mul: '&', add: '|' }
const FLOAT_COMPARE: ReadonlySet<BinaryOp> = new Set(['lt', 'le', 'eq', 'ne', 'max', 'min'])

const isFiniteLiteral = (e: Expr): boolean => e.kind === 'const' && Number.isFinite(Math.fround(e.value))

export function binaryText(op: BinaryOp, ea: Expr, eb: Expr, a: string, b: string): string {
  const type = ea.type
  if (type === 'bool') {
    if (op === 'lt') return `!${a} & ${b}`
    if (op === 'le') return `!${a} | ${b}`
    return `${a} ${BOOL[op]} ${b}`
  }
  if (type === 'float') {
    if (op === 'div') return `${a} / ${b}`
    if (op === 'mod') return `f_mod(${a}, ${b})`
    if (op === 'pow') return powText(eb, a, b)
    if (FLOAT_COMPARE.has(op)) {
      // one operand cannot be NaN: half the tests
      if (isFiniteLiteral(eb)) return `f_${op}_finite(${a}, ${b})`
      if (isFiniteLiteral(ea) && (op === 'max' || op === 'min' || op === 'eq' || op === 'ne')) return `f_${op}_finite(${b}, ${a})`
      if (isFiniteLiteral(ea)) return `f_${op === 'lt' ? 'gt' : 'ge'}_finite(${b}, ${a})`
      return `f_${op}(${a}, ${b})`
    }
    return `${a} ${INFIX[op]} ${b}`
  }
  const unsigned = type === 'u32'
  switch (op) {
    case 'max':
    case 'min':
      return `${op}(${a}, ${b})`
    case 'div':
    case 'mod':
    case 'pow':
      return `${unsigned ? 'u' : 'i'}_${op}(${a}, ${b})`
    case 'shl':
      return unsigned ? `${a} << (${b} & 31u)` : `${a} << (u32(${b}) & 31u)`
    case 'shr':
      return unsigned ? `${a} >> (${b} & 31u)` : `${a} >> (u32(${b}) & 31u)`
    default:
      return `${a} ${INFIX[op]} ${b}`
  }
}

function powText(exponent: Expr, a: string, b: string): string {
  if (exponent.kind !== 'const') return `f_pow(${a}, ${b})`
  switch (exponent.value) {
    case 0.5:
      return `f_sqrt(${a})`
    case -1:
      return `1.0f / ${a}`
    case 1:
    case 2:
    case 3:
    case 4:
      return `pow_whole(${a}, ${exponent.value}u)`
    default:
      return `f_pow(${a}, ${b})`
  }
}

/** A value of one type as another, without rounding to a narrower dtype. */
export function convertText(x: string, from: ValueType, to: ValueType): string {
  if (from === to) return x
  if (from === 'bool') return to === 'float' ? `select(0.0f, 1.0f, ${x})` : to === 'i32' ? `select(0i, 1i, ${x})` : `select(0u, 1u, ${x})`
  if (to === 'bool') return from === 'float' ? `float_to_bool(${x})` : from === 'i32' ? `${x} != 0i` : `${x} != 0u`
  if (from === 'float') return `float_to_${to}(${x})`
  return `${wgslType[to]}(${x})`
}

/** As PyTorch's `.to(dtype)`. */
export function castText(x: string, from: ValueType, to: DType): string {
  const y = convertText(x, from, valueTypeOf(to))
  if (from === 'bool') return y
  switch (to) {
    case 'float16':
      return `round_half(${y})`
    case 'int8':
      return `(${y} << 24u) >> 24u`
    case 'uint8':
      return `${y} & 255i`
    default:
      return y
  }
}

/** The value as it lies in a word: whole for 32-bit dtypes, in the low bits for narrower ones. */
export function storedText(x: string, from: ValueType, dtype: DType): string {
  const y = convertText(x, from, valueTypeOf(dtype))
  switch (dtype) {
    case 'float16':
      return `half_of(${y})`
    case 'bool':
      return `select(0u, 1u, ${y})`
    case 'int8':
    case 'uint8':
      return `u32(${y}) & 0xffu`
    default:
      return y
  }
}
