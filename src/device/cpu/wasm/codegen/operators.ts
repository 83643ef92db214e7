/** @file Functions, operators and conversions of the kernel IR as instructions. */
import type { DType, HalfDType } from '../../../../base/index.ts'
import {
  type BinaryOp,
  type BinaryTable,
  binaryForm,
  type Expr,
  type Extreme,
  type UnaryOp,
  type UnaryTable,
  unaryForm,
  unreachable,
  type ValueType,
} from '../../../../kernel/index.ts'
import type { Func, Local, Opcode } from '../assembler/assembler.ts'
import type { HelperName } from './helpers.ts'
import type { Name } from './math.ts'
import { LANES, type Mode, type Writer } from './writer.ts'

/** Calls a function of single numbers for each lane of the vectors on the stack. */
export function perLane(
  w: Writer,
  func: Func,
  count: 1 | 2,
  lanes: 'f32x4' | 'i32x4',
  through?: { readonly before: Opcode; readonly after: Opcode },
): void {
  const { code } = w
  const args = Array.from({ length: count }, () => w.fresh('v128'))
  for (let n = count - 1; n >= 0; n--) code.set(args[n] as Local)
  code.v128([0, 0, 0, 0])
  for (let lane = 0; lane < LANES; lane++) {
    for (const arg of args) {
      code.get(arg).lane(`${lanes}.extract_lane`, lane)
      if (through) code.op(through.before)
    }
    code.call(func)
    if (through) code.op(through.after)
    code.lane(`${lanes}.replace_lane`, lane)
  }
}

/** Writes an operator whose operands are on the stack. */
type Write = (w: Writer, vector: boolean) => unknown
/** Writes a function with its argument, which `x` pushes. */
type WriteUnary = (w: Writer, vector: boolean, x: () => void) => unknown

const floatShape = (w: Writer, vector: boolean): 'f32x4' | 'f32' | 'f64' => (vector ? 'f32x4' : w.wide ? 'f64' : 'f32')
const intShape = (vector: boolean): 'i32x4' | 'i32' => (vector ? 'i32x4' : 'i32')
const bitShape = (vector: boolean): 'v128' | 'i32' => (vector ? 'v128' : 'i32')

/** A function whose argument comes first. */
const of =
  (write: Write): WriteUnary =>
  (w, vector, x) => {
    x()
    write(w, vector)
  }
const same = of(() => {})
/** An instruction on floats. */
const floats = (name: 'neg' | 'abs' | 'floor' | 'ceil' | 'trunc' | 'nearest' | 'sqrt'): WriteUnary =>
  of((w, vector) => w.code.op(`${floatShape(w, vector)}.${name}`))
/** What leaves whole numbers as they are. */
const toWhole = (float: WriteUnary) => ({ float, i32: same, u32: same, bool: same })
/** A function of the library. */
const called = (name: Name): WriteUnary =>
  of((w, vector) => (vector ? w.library.inline(w.code, name) : w.code.call(w.library.call(`${name}${w.wide ? '64' : ''}`))))
/** 1 / x, or 1 / √x. */
const reciprocal =
  (root: boolean): WriteUnary =>
  (w, vector, x) => {
    w.constant({ kind: 'const', value: 1, type: 'float' }, vector ? 'vector' : 'scalar')
    x()
    const shape = floatShape(w, vector)
    if (root) w.code.op(`${shape}.sqrt`)
    w.code.op(`${shape}.div`)
  }

const negative = of(({ code }, vector) => (vector ? code.op('i32x4.neg') : code.i32(-1).op('i32.mul')))
const magnitude = of((w, vector) => {
  const { code } = w
  if (vector) return code.op('i32x4.abs')
  const x = w.fresh('i32')
  code.tee(x).i32(-1).op('i32.mul').get(x)
  return code.get(x).i32(0).op('i32.lt_s').op('select')
})
/** (x > 0) − (x < 0); of masks, −1 where true, the other way round. */
const signOf = (sign: 's' | 'u'): WriteUnary =>
  of((w, vector) => {
    const { code } = w
    const x = w.fresh(bitShape(vector))
    code.set(x)
    for (const order of vector ? (['lt', 'gt'] as const) : (['gt', 'lt'] as const)) {
      code.get(x)
      if (vector) code.v128([0, 0, 0, 0])
      else code.i32(0)
      code.op(`${intShape(vector)}.${order}_${sign}`)
    }
    code.op(`${intShape(vector)}.sub`)
  })
const complement = of(({ code }, vector) => (vector ? code.op('v128.not') : code.i32(-1).op('i32.xor')))

/**
 * A table of operators, and about how many instructions each is, of one point or of a vector. They are not the operators' `work`, which is for any device: here
 * one function of the library is as long as another, square roots and quotients are one instruction, and what has none for vectors calls a function for each
 * lane. benchmarks/tune/kernels.ts times kernels of each kind.
 */
type Counted<Table> = { readonly [Op in keyof Table]: Table[Op] & { readonly instructions: number } }
const FUNCTION = 16
/** Powers, and what is computed lane by lane. */
const POWER = 40
/** What JavaScript computes, lane by lane. */
const FOREIGN = 400

const UNARY: Counted<UnaryTable<WriteUnary>> = {
  neg: { instructions: 1, float: floats('neg'), i32: negative, u32: negative },
  abs: { instructions: 1, float: floats('abs'), i32: magnitude, u32: same, bool: same },
  sign: { instructions: 1, float: called('sign'), i32: signOf('s'), u32: signOf('u'), bool: same },
  floor: { instructions: 1, ...toWhole(floats('floor')) },
  ceil: { instructions: 1, ...toWhole(floats('ceil')) },
  round: { instructions: 1, ...toWhole(floats('nearest')) },
  trunc: { instructions: 1, ...toWhole(floats('trunc')) },
  exp: { instructions: FUNCTION, float: called('exp') },
  expm1: { instructions: FUNCTION, float: called('expm1') },
  log: { instructions: FUNCTION, float: called('log') },
  log1p: { instructions: FUNCTION, float: called('log1p') },
  sqrt: { instructions: 1, float: floats('sqrt') },
  rsqrt: { instructions: 1, float: reciprocal(true) },
  recip: { instructions: 1, float: reciprocal(false) },
  sin: { instructions: FUNCTION, float: called('sin') },
  cos: { instructions: FUNCTION, float: called('cos') },
  tanh: { instructions: FUNCTION, float: called('tanh') },
  erf: { instructions: FUNCTION, float: called('erf') },
  erfc: { instructions: FUNCTION, float: called('erfc') },
  exp2: { instructions: FUNCTION, float: called('exp2') },
  log2: { instructions: FUNCTION, float: called('log2') },
  log10: { instructions: FUNCTION, float: called('log10') },
  atan: { instructions: FUNCTION, float: called('atan') },
  lgamma: { instructions: FOREIGN, float: called('lgamma') },
  digamma: { instructions: FOREIGN, float: called('digamma') },
  i0e: { instructions: FOREIGN, float: called('i0e') },
  i1e: { instructions: FOREIGN, float: called('i1e') },
  not: { instructions: 1, i32: complement, u32: complement, bool: of(invert) },
}

export const writeUnary = (w: Writer, { op, x }: Extract<Expr, { kind: 'unary' }>, mode: Mode): unknown =>
  unaryForm(UNARY, op, x.type)(w, mode === 'vector', () => w.emit(x, mode))

/** The bool on the stack is turned round. */
function invert({ code }: Writer, vector: boolean): unknown {
  return vector ? code.op('v128.not') : code.op('i32.eqz')
}

const onFloats =
  (name: 'add' | 'sub' | 'mul' | 'div' | 'lt' | 'le' | 'eq' | 'ne'): Write =>
  (w, vector) =>
    w.code.op(`${floatShape(w, vector)}.${name}`)
const onInts =
  (name: 'add' | 'sub' | 'mul' | 'eq' | 'ne' | 'lt_s' | 'lt_u' | 'le_s' | 'le_u'): Write =>
  ({ code }, vector) =>
    code.op(`${intShape(vector)}.${name}`)
const onBits =
  (name: 'and' | 'or' | 'xor'): Write =>
  ({ code }, vector) =>
    code.op(`${bitShape(vector)}.${name}`)
/** The same instruction for signed and unsigned integers. */
const ints = (write: Write) => ({ i32: write, u32: write })

/** A function of the library. */
const calledOnBoth =
  (name: 'pow' | 'atan2' | 'zeta' | 'igamma' | 'igammac' | 'gammapdf'): Write =>
  (w, vector) =>
    vector ? w.library.inline(w.code, name) : w.code.call(w.library.call(`${name}${w.wide ? '64' : ''}`))

const floatRemainder: Write = (w, vector) => {
  const { code } = w
  const fmod = w.helpers.get('fmod')
  if (vector) return perLane(w, fmod, 2, 'f32x4', { before: 'f64.promote_f32', after: 'f32.demote_f64' })
  if (w.wide) return code.call(fmod)
  const [a, b] = [w.fresh('f32'), w.fresh('f32')]
  return code.set(b).set(a).get(a).op('f64.promote_f32').get(b).op('f64.promote_f32').call(fmod).op('f32.demote_f64')
}

/** Integers, by a function of single numbers. */
const helped =
  (name: `${'div' | 'mod' | 'pow' | 'gcd'}_${'s' | 'u'}`): Write =>
  (w, vector) =>
    vector ? perLane(w, w.helpers.get(name), 2, 'i32x4') : w.code.call(w.helpers.get(name))
const helpedBoth = (name: 'div' | 'mod' | 'pow' | 'gcd') => ({ i32: helped(`${name}_s`), u32: helped(`${name}_u`) })

/** Vectors are shifted by one number for all lanes only. */
const shift =
  (name: 'shl' | 'shr_s' | 'shr_u'): Write =>
  (w, vector) =>
    vector ? perLane(w, w.helpers.get(name), 2, 'i32x4') : w.code.op(`i32.${name}`)

/** max or min of the two on the stack. Of doubles as vectors: engines compile that of single numbers with branches, which are slow where they are not foreseen. */
function floatExtreme(w: Writer, op: Extreme, vector: boolean): void {
  const { code } = w
  if (vector || !w.wide) {
    code.op(`${vector ? 'f32x4' : 'f32'}.${op}`)
    return
  }
  const b = w.fresh('f64')
  code.set(b).op('f64x2.splat').get(b).op('f64x2.splat')
  code.op(`f64x2.${op}`).lane('f64x2.extract_lane', 0)
}

const intExtreme =
  (op: Extreme, sign: 's' | 'u'): Write =>
  (w, vector) => {
    const { code } = w
    if (vector) return code.op(`i32x4.${op}_${sign}`)
    const [x, y] = [w.fresh('i32'), w.fresh('i32')]
    code.set(y).tee(x).get(y)
    code.get(x).get(y)
    return code.op(`i32.${op === 'max' ? 'gt' : 'lt'}_${sign}`).op('select')
  }
const extremes = (op: Extreme, bool: Write) => ({
  float: (w: Writer, vector: boolean) => floatExtreme(w, op, vector),
  i32: intExtreme(op, 's'),
  u32: intExtreme(op, 'u'),
  bool,
})

/** The first operand, or with the second inverted. */
const first: Write = ({ code }) => code.op('drop')
const inverted =
  (name: 'and' | 'or'): Write =>
  (w, vector) => {
    invert(w, vector)
    w.code.op(`${bitShape(vector)}.${name}`)
  }
const never: Write = ({ code }, vector) => {
  code.op('drop').op('drop')
  return vector ? code.v128([0, 0, 0, 0]) : code.i32(0)
}

/**
 * Bools are 0 and 1, or masks: as unsigned numbers they compare alike. Their operators are as of the whole numbers 0 and 1, where a / 0 is a, and a mod 0 is 0; a
 * result is false where it is 0.
 */
const BINARY: Counted<BinaryTable<Write>> = {
  add: { instructions: 1, float: onFloats('add'), ...ints(onInts('add')), bool: onBits('or') },
  sub: { instructions: 1, float: onFloats('sub'), ...ints(onInts('sub')), bool: onBits('xor') },
  mul: { instructions: 1, float: onFloats('mul'), ...ints(onInts('mul')), bool: onBits('and') },
  div: { instructions: 1, float: onFloats('div'), ...helpedBoth('div'), bool: first },
  mod: { instructions: POWER, float: floatRemainder, ...helpedBoth('mod'), bool: never },
  pow: { instructions: POWER, float: calledOnBoth('pow'), ...helpedBoth('pow'), bool: inverted('or') },
  max: { instructions: 1, ...extremes('max', onBits('or')) },
  min: { instructions: 1, ...extremes('min', onBits('and')) },
  lt: { instructions: 1, float: onFloats('lt'), i32: onInts('lt_s'), u32: onInts('lt_u'), bool: onInts('lt_u') },
  le: { instructions: 1, float: onFloats('le'), i32: onInts('le_s'), u32: onInts('le_u'), bool: onInts('le_u') },
  eq: { instructions: 1, float: onFloats('eq'), ...ints(onInts('eq')), bool: onInts('eq') },
  ne: { instructions: 1, float: onFloats('ne'), ...ints(onInts('ne')), bool: onInts('ne') },
  and: { instructions: 1, ...ints(onBits('and')), bool: onBits('and') },
  or: { instructions: 1, ...ints(onBits('or')), bool: onBits('or') },
  xor: { instructions: 1, ...ints(onBits('xor')), bool: onBits('xor') },
  shl: { instructions: 1, ...ints(shift('shl')), bool: first },
  shr: { instructions: 1, i32: shift('shr_s'), u32: shift('shr_u'), bool: inverted('and') },
  gcd: { instructions: FOREIGN, ...helpedBoth('gcd') },
  atan2: { instructions: POWER, float: calledOnBoth('atan2') },
  zeta: { instructions: FOREIGN, float: calledOnBoth('zeta') },
  igamma: { instructions: FOREIGN, float: calledOnBoth('igamma') },
  igammac: { instructions: FOREIGN, float: calledOnBoth('igammac') },
  gammapdf: { instructions: FOREIGN, float: calledOnBoth('gammapdf') },
}

/** Instructions of an operator, roughly. */
export const instructionsOf = {
  unary: (op: UnaryOp): number => UNARY[op].instructions,
  binary: (op: BinaryOp): number => BINARY[op].instructions,
} as const

/** How instructions compare numbers that are no floats: with a sign, or without. */
export const signOfType: Readonly<Record<Exclude<ValueType, 'float'>, 's' | 'u'>> = { i32: 's', u32: 'u', bool: 'u' }

/** An operator whose operands are on the stack. */
export function writeOperator(w: Writer, op: BinaryOp, type: ValueType, vector: boolean): void {
  binaryForm(BINARY, op, type)(w, vector)
}

export function writeBinary(w: Writer, { op, a, b }: Extract<Expr, { kind: 'binary' }>, mode: Mode): void {
  const vector = mode === 'vector'
  w.emit(a, mode)
  if ((op === 'shl' || op === 'shr') && a.type !== 'bool' && vector && b.kind === 'const') {
    w.code.i32(b.value).op(op === 'shl' ? 'i32x4.shl' : a.type === 'u32' ? 'i32x4.shr_u' : 'i32x4.shr_s')
    return
  }
  w.emit(b, mode)
  writeOperator(w, op, a.type, vector)
}

export function writeCast(w: Writer, { x, to }: Extract<Expr, { kind: 'cast' }>, mode: Mode): void {
  w.emit(x, mode)
  convert(w, x.type, to, mode)
}

/** The value on the stack, of type `from`, as one of the dtype `to`. */
export function convert(w: Writer, from: ValueType, to: DType, mode: Mode): void {
  const code = w.code
  const vector = mode === 'vector'
  switch (to) {
    case 'float64':
      toFloat(w, from, vector)
      break
    case 'float32':
      toFloat(w, from, vector)
      if (w.wide) code.op('f32.demote_f64').op('f64.promote_f32')
      break
    case 'float16':
    case 'bfloat16':
      toFloat(w, from, vector)
      if (w.wide) code.call(w.helpers.get('oddFloat'))
      w.helpers.apply(code, HALF_HELPERS[to].round[vector ? 1 : 0])
      if (w.wide) code.op('f64.promote_f32')
      break
    case 'int32':
      toInt(w, from, 's', vector)
      break
    case 'uint32':
      toInt(w, from, 'u', vector)
      break
    case 'int8':
      toInt(w, from, 's', vector)
      vector ? code.i32(24).op('i32x4.shl').i32(24).op('i32x4.shr_s') : code.op('i32.extend8_s')
      break
    case 'uint8':
      toInt(w, from, 's', vector)
      vector ? code.v128([255, 255, 255, 255]).op('v128.and') : code.i32(255).op('i32.and')
      break
    case 'bool':
      toBool(w, from, mode)
      break
    default:
      unreachable(to)
  }
}

/** The bool on the stack as 0 or 1, where it is a mask. */
const toBit = ({ code }: Writer, vector: boolean): unknown => vector && code.v128([1, 1, 1, 1]).op('v128.and')

function toFloat(w: Writer, from: ValueType, vector: boolean): void {
  const converted = (sign: 's' | 'u'): unknown =>
    w.code.op(vector ? `f32x4.convert_i32x4_${sign}` : `${w.wide ? 'f64' : 'f32'}.convert_i32_${sign}`)
  switch (from) {
    case 'float':
      break
    case 'i32':
      converted('s')
      break
    case 'u32':
      converted('u')
      break
    case 'bool':
      toBit(w, vector)
      converted('s')
      break
    default:
      unreachable(from)
  }
}

/** Floats are truncated, into the range of 32-bit integers with or without a sign. */
function toInt(w: Writer, from: ValueType, sign: 's' | 'u', vector: boolean): void {
  switch (from) {
    case 'float':
      w.code.op(vector ? `i32x4.trunc_sat_f32x4_${sign}` : `i32.trunc_sat_${w.wide ? 'f64' : 'f32'}_${sign}`)
      break
    case 'bool':
      toBit(w, vector)
      break
    case 'i32':
    case 'u32':
      break
    default:
      unreachable(from)
  }
}

function toBool(w: Writer, from: ValueType, mode: Mode): void {
  const vector = mode === 'vector'
  switch (from) {
    case 'float':
    case 'i32':
    case 'u32':
      w.constant({ kind: 'const', value: 0, type: from }, mode)
      writeOperator(w, 'ne', from, vector)
      break
    case 'bool':
      break
    default:
      unreachable(from)
  }
}

/** Functions of the 16-bit floats, of one number and of four: from bits to float32, to bits, and to the nearest as a float32. */
export const HALF_HELPERS = {
  float16: { from: ['fromHalf', 'fromHalf4'], to: ['toHalf', 'toHalf4'], round: ['roundHalf', 'roundHalf4'] },
  bfloat16: { from: ['fromBfloat', 'fromBfloat4'], to: ['toBfloat', 'toBfloat4'], round: ['roundBfloat', 'roundBfloat4'] },
} as const satisfies Readonly<Record<HalfDType, Readonly<Record<'from' | 'to' | 'round', readonly [one: HelperName, four: HelperName]>>>>

/** A float on the stack as the bits of a 16-bit one. */
export function halfBits(w: Writer, dtype: HalfDType, vector: boolean): void {
  const { code } = w
  if (w.wide) code.call(w.helpers.get('oddFloat'))
  w.helpers.apply(code, HALF_HELPERS[dtype].to[vector ? 1 : 0])
}
