/** @file Operators, conversions and literals of the kernel IR as WGSL text. Every operand is named once in what is returned. */
import type { DType } from '../../base/index.ts'
import {
  type BinaryOp,
  type BinaryTable,
  binaryForm,
  type Expr,
  type UnaryOp,
  type UnaryTable,
  unaryForm,
  type ValueType,
  valueTypeOf,
} from '../../kernel/index.ts'

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

/** What a literal of WGSL may be at most: one that would have to be rounded down to it is refused. */
const MOST = (2 - 2 ** -23) * 2 ** 127

/** The shortest decimal that reads back as the same float32. */
function shortest(single: number): string {
  BITS.setFloat32(0, single)
  for (let digits = 6; digits <= 9; digits++) {
    const text = Number(single.toPrecision(digits))
    if (Math.fround(text) === single && Math.abs(text) <= MOST) return literal(text)
  }
  return literal(single)
}
const literal = (value: number): string => {
  const text = `${value}`
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`
}

type Write = (x: string) => string
const call =
  (name: string): Write =>
  (x) =>
    `${name}(${x})`
const same: Write = (x) => x
/** What leaves whole numbers as they are. */
const toWhole = (float: Write) => ({ float, i32: same, u32: same, bool: same })

const UNARY: UnaryTable<Write> = {
  neg: { float: (x) => `-${x}`, i32: (x) => `-${x}`, u32: (x) => `0u - ${x}` },
  abs: { float: call('abs'), i32: call('abs'), u32: same, bool: same },
  sign: { float: call('f_sign'), i32: call('sign'), u32: (x) => `min(${x}, 1u)`, bool: same },
  floor: toWhole(call('floor')),
  ceil: toWhole(call('ceil')),
  round: toWhole(call('round')),
  trunc: toWhole(call('trunc')),
  exp: { float: call('f_exp') },
  expm1: { float: call('f_expm1') },
  log: { float: call('f_log') },
  log1p: { float: call('f_log1p') },
  sqrt: { float: call('f_sqrt') },
  rsqrt: { float: call('f_rsqrt') },
  recip: { float: (x) => `1.0f / ${x}` },
  sin: { float: call('f_sin') },
  cos: { float: call('f_cos') },
  tanh: { float: call('f_tanh') },
  erf: { float: call('f_erf') },
  erfc: { float: call('f_erfc') },
  exp2: { float: call('f_exp2') },
  log2: { float: call('f_log2') },
  log10: { float: call('f_log10') },
  atan: { float: call('f_atan') },
  lgamma: { float: call('f_lgamma') },
  digamma: { float: call('f_digamma') },
  i0e: { float: call('f_i0e') },
  i1e: { float: call('f_i1e') },
  not: { i32: (x) => `~${x}`, u32: (x) => `~${x}`, bool: (x) => `!${x}` },
}

export const unaryText = (op: UnaryOp, type: ValueType, x: string): string => unaryForm(UNARY, op, type)(x)

/** An operator as text; where an operand is a literal, `literals` has it. */
type Join = (a: string, b: string, literals?: Literals) => string
interface Literals {
  readonly a: Expr
  readonly b: Expr
}

const infix =
  (sign: string): Join =>
  (a, b) =>
    `${a} ${sign} ${b}`
const calls =
  (name: string): Join =>
  (a, b) =>
    `${name}(${a}, ${b})`
const first: Join = (a) => a
/** Of integers and bools; those of bools are as of the numbers 0 and 1, where a / 0 is a, and a mod 0 is 0. */
const ofInts = (join: Join, bool: Join) => ({ i32: join, u32: join, bool })
/** Of integers, by a function of the library. */
const called = (name: string, bool: Join) => ({ i32: calls(`i_${name}`), u32: calls(`u_${name}`), bool })
const shifts = (sign: string, bool: Join) => ({
  i32: (a: string, b: string) => `${a} ${sign} (u32(${b}) & 31u)`,
  u32: (a: string, b: string) => `${a} ${sign} (${b} & 31u)`,
  bool,
})

const isFiniteLiteral = (e: Expr | undefined): boolean => e?.kind === 'const' && Number.isFinite(Math.fround(e.value))
/** Of floats, where NaN counts. That one operand cannot be NaN saves half the tests; `turned` is the operator with its operands exchanged. */
const tested =
  (name: string, turned: string): Join =>
  (a, b, literals) => {
    if (isFiniteLiteral(literals?.b)) return `f_${name}_finite(${a}, ${b})`
    if (isFiniteLiteral(literals?.a)) return `f_${turned}_finite(${b}, ${a})`
    return `f_${name}(${a}, ${b})`
  }

const BINARY: BinaryTable<Join> = {
  add: { float: infix('+'), ...ofInts(infix('+'), infix('|')) },
  sub: { float: infix('-'), ...ofInts(infix('-'), infix('!=')) },
  mul: { float: infix('*'), ...ofInts(infix('*'), infix('&')) },
  div: { float: infix('/'), ...called('div', first) },
  mod: { float: calls('f_mod'), ...called('mod', () => 'false') },
  pow: { float: powText, ...called('pow', (a, b) => `!${b} | ${a}`) },
  max: { float: tested('max', 'max'), ...ofInts(calls('max'), infix('|')) },
  min: { float: tested('min', 'min'), ...ofInts(calls('min'), infix('&')) },
  lt: { float: tested('lt', 'gt'), ...ofInts(infix('<'), (a, b) => `!${a} & ${b}`) },
  le: { float: tested('le', 'ge'), ...ofInts(infix('<='), (a, b) => `!${a} | ${b}`) },
  eq: { float: tested('eq', 'eq'), ...ofInts(infix('=='), infix('==')) },
  ne: { float: tested('ne', 'ne'), ...ofInts(infix('!='), infix('!=')) },
  and: ofInts(infix('&'), infix('&')),
  or: ofInts(infix('|'), infix('|')),
  xor: ofInts(infix('^'), infix('!=')),
  shl: shifts('<<', first),
  shr: shifts('>>', (a, b) => `${a} & !${b}`),
  gcd: { i32: (a, b) => `i32(u_gcd(u32(abs(${a})), u32(abs(${b}))))`, u32: calls('u_gcd') },
  atan2: { float: calls('f_atan2') },
  zeta: { float: calls('f_zeta') },
  igamma: { float: calls('f_igamma') },
  igammac: { float: calls('f_igammac') },
  gammapdf: { float: calls('f_gammapdf') },
}

/** @param literals the operands, of which literals allow for shorter texts */
export const binaryText = (op: BinaryOp, type: ValueType, a: string, b: string, literals?: Literals): string =>
  binaryForm(BINARY, op, type)(a, b, literals)

function powText(a: string, b: string, literals?: Literals): string {
  const exponent = literals?.b.kind === 'const' ? literals.b.value : undefined
  if (exponent === 0.5) return `f_sqrt(${a})`
  if (exponent === -1) return `1.0f / ${a}`
  if (exponent === 1 || exponent === 2 || exponent === 3 || exponent === 4) return `pow_whole(${a}, ${exponent}u)`
  return `f_pow(${a}, ${b})`
}

/** A value of each type as one of each other, without rounding to a narrower dtype. */
const CONVERT: Readonly<Record<ValueType, Readonly<Record<ValueType, Write>>>> = {
  float: { float: same, i32: call('float_to_i32'), u32: call('float_to_u32'), bool: call('float_to_bool') },
  i32: { float: call('f32'), i32: same, u32: call('u32'), bool: (x) => `${x} != 0i` },
  u32: { float: call('f32'), i32: call('i32'), u32: same, bool: (x) => `${x} != 0u` },
  bool: {
    float: (x) => `select(0.0f, 1.0f, ${x})`,
    i32: (x) => `select(0i, 1i, ${x})`,
    u32: (x) => `select(0u, 1u, ${x})`,
    bool: same,
  },
}
export const convertText = (x: string, from: ValueType, to: ValueType): string => CONVERT[from][to](x)

/** Rounds a value of its type to what a dtype holds. */
const ROUND: Readonly<Record<DType, Write>> = {
  float32: same,
  float16: call('round_half'),
  bfloat16: call('round_bfloat'),
  float64: same,
  int32: same,
  uint32: same,
  int8: (x) => `(${x} << 24u) >> 24u`,
  uint8: (x) => `${x} & 255i`,
  bool: same,
}

/** As PyTorch's `.to(dtype)`. */
export function castText(x: string, from: ValueType, to: DType): string {
  const y = convertText(x, from, valueTypeOf(to))
  return from === 'bool' ? y : ROUND[to](y)
}

export interface Word {
  /** The declared type of the buffer's elements. */
  readonly type: string
  /** How many elements share a word. */
  readonly elements: 1 | 2 | 4
  /** An element as a value: `b` is the buffer, `at` an index that may stand in an operation. */
  readonly load: (b: string, at: string) => string
  /** A value as it lies in a word: in the low bits where elements are narrower. */
  readonly store: Write
}

const whole = (type: string): Word => ({ type, elements: 1, load: (b, at) => `${b}[${at}]`, store: same })
const byte = (b: string, at: string): string => `(${b}[${at} >> 2u] >> ((${at} & 3u) << 3u)) & 0xffu`

/** How the elements of each dtype lie in the words of a buffer. */
export type Words = Readonly<Record<DType, Word>>

/** On any adapter. */
export const WORDS: Words = {
  float32: whole('f32'),
  float64: whole('f32'),
  int32: whole('i32'),
  uint32: whole('u32'),
  float16: {
    type: 'u32',
    elements: 2,
    load: (b, at) => `half_to_float((${b}[${at} >> 1u] >> ((${at} & 1u) << 4u)) & 0xffffu)`,
    store: call('half_of'),
  },
  bfloat16: {
    type: 'u32',
    elements: 2,
    load: (b, at) => `bfloat_to_float(${b}[${at} >> 1u] >> ((${at} & 1u) << 4u))`,
    store: call('bfloat_of'),
  },
  int8: {
    type: 'u32',
    elements: 4,
    load: (b, at) => `i32(${b}[${at} >> 2u] << ((3u - (${at} & 3u)) << 3u)) >> 24u`,
    store: (x) => `u32(${x}) & 0xffu`,
  },
  uint8: { type: 'u32', elements: 4, load: (b, at) => `i32(${byte(b, at)})`, store: (x) => `u32(${x}) & 0xffu` },
  bool: { type: 'u32', elements: 4, load: (b, at) => `(${byte(b, at)}) != 0u`, store: (x) => `select(0u, 1u, ${x})` },
}

/** Where halves are elements of their own (`shader-f16`). They are rounded as elsewhere: how WGSL rounds them is left to the driver. */
const NATIVE: Words = { ...WORDS, float16: { type: 'f16', elements: 1, load: (b, at) => `f32(${b}[${at}])`, store: call('native_half') } }

export const wordsOf = (features: readonly string[]): Words => (features.includes('shader-f16') ? NATIVE : WORDS)

/** The value as it lies in a word: whole where an element is one, in the low bits where several share it. */
export const storedText = (x: string, from: ValueType, dtype: DType, words: Words): string =>
  words[dtype].store(convertText(x, from, valueTypeOf(dtype)))
