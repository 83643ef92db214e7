/** @file Functions, operators and conversions of the kernel IR as instructions. */
import type { DType } from '../../../base/index.ts'
import type { Expr, ValueType } from '../../../kernel/index.ts'
import type { Func, Local, Op } from './assembler.ts'
import { LANES, type Mode, type Writer } from './writer.ts'

/** Calls a function of single numbers for each lane of the vectors on the stack. */
export function perLane(
  w: Writer,
  func: Func,
  count: 1 | 2,
  lanes: 'f32x4' | 'i32x4',
  through?: { readonly before: Op; readonly after: Op },
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

export function writeUnary(w: Writer, e: Extract<Expr, { kind: 'unary' }>, mode: Mode): void {
  const code = w.code
  const vector = mode === 'vector'
  const { op, x } = e
  if (op === 'recip' || op === 'rsqrt') w.constant({ kind: 'const', value: 1, type: 'float' }, mode)
  w.emit(x, mode)
  if (op === 'not') {
    if (vector) code.op('v128.not')
    else if (x.type === 'bool') code.op('i32.eqz')
    else code.i32(-1).op('i32.xor')
    return
  }
  if (x.type !== 'float') {
    wholeUnary(w, op, x.type, vector)
    return
  }
  const shape = vector ? 'f32x4' : w.wide ? 'f64' : 'f32'
  switch (op) {
    case 'neg':
    case 'abs':
    case 'floor':
    case 'ceil':
    case 'trunc':
    case 'sqrt':
      code.op(`${shape}.${op}`)
      return
    case 'round':
      code.op(`${shape}.nearest`)
      return
    case 'recip':
      code.op(`${shape}.div`)
      return
    case 'rsqrt':
      code.op(`${shape}.sqrt`).op(`${shape}.div`)
      return
    default:
      if (vector) w.library.inline(code, op)
      else code.call(w.library.call(`${op}${w.wide ? '64' : ''}`))
  }
}

/** The operand is on the stack. */
function wholeUnary(w: Writer, op: string, type: ValueType, vector: boolean): void {
  const { code } = w
  switch (op) {
    case 'neg':
      if (type === 'bool') return
      if (vector) code.op('i32x4.neg')
      else code.i32(-1).op('i32.mul')
      return
    case 'abs':
      if (type !== 'i32') return
      if (vector) code.op('i32x4.abs')
      else {
        const x = w.fresh('i32')
        code.tee(x).i32(-1).op('i32.mul').get(x)
        code.get(x).i32(0).op('i32.lt_s').op('select')
      }
      return
    case 'sign': {
      if (type === 'bool') return
      const x = w.fresh(vector ? 'v128' : 'i32')
      code.set(x)
      // (x > 0) − (x < 0); of masks, −1 where true, the other way round
      const zero = (): unknown => (vector ? code.v128([0, 0, 0, 0]) : code.i32(0))
      const [first, second]: readonly ['gt' | 'lt', 'gt' | 'lt'] = vector ? ['lt', 'gt'] : ['gt', 'lt']
      for (const order of [first, second]) {
        code.get(x)
        zero()
        code.op(`${vector ? 'i32x4' : 'i32'}.${order}${type === 'u32' ? '_u' : '_s'}`)
      }
      code.op(vector ? 'i32x4.sub' : 'i32.sub')
      return
    }
    case 'floor':
    case 'ceil':
    case 'round':
    case 'trunc':
      return
    default:
      throw new Error(`cpu: ${op} of ${type}`)
  }
}

export function writeBinary(w: Writer, e: Extract<Expr, { kind: 'binary' }>, mode: Mode): void {
  const code = w.code
  const vector = mode === 'vector'
  const { op, a, b } = e
  w.emit(a, mode)
  if ((op === 'shl' || op === 'shr') && vector && b.kind === 'const') {
    code.i32(b.value).op(op === 'shl' ? 'i32x4.shl' : a.type === 'u32' ? 'i32x4.shr_u' : 'i32x4.shr_s')
    return
  }
  w.emit(b, mode)
  if (a.type === 'float') floatBinary(w, op, vector)
  else if (a.type === 'bool') boolBinary(w, op, vector)
  else wholeBinary(w, op, a.type === 'u32' ? 'u' : 's', vector)
}

type Operator = Extract<Expr, { kind: 'binary' }>['op']

function floatBinary(w: Writer, op: Operator, vector: boolean): void {
  const { code } = w
  switch (op) {
    case 'pow': {
      if (vector) w.library.inline(code, 'pow')
      else code.call(w.library.call(`pow${w.wide ? '64' : ''}`))
      return
    }
    case 'mod': {
      const fmod = w.helpers.get('fmod')
      if (vector) perLane(w, fmod, 2, 'f32x4', { before: 'f64.promote_f32', after: 'f32.demote_f64' })
      else if (w.wide) code.call(fmod)
      else {
        const [a, b] = [w.fresh('f32'), w.fresh('f32')]
        code.set(b).set(a).get(a).op('f64.promote_f32').get(b).op('f64.promote_f32').call(fmod).op('f32.demote_f64')
      }
      return
    }
    case 'and':
    case 'or':
    case 'xor':
    case 'shl':
    case 'shr':
      throw new Error(`cpu: ${op} of float`)
    case 'max':
    case 'min':
      extremeOfTwo(w, op, vector)
      return
    default:
      code.op(`${vector ? 'f32x4' : w.wide ? 'f64' : 'f32'}.${op}`)
  }
}

/** max or min of the two on the stack. Of doubles as vectors: engines compile that of single numbers with branches, which are slow where they are not foreseen. */
export function extremeOfTwo(w: Writer, op: 'max' | 'min', vector: boolean): void {
  const { code } = w
  if (vector || !w.wide) {
    code.op(`${vector ? 'f32x4' : 'f32'}.${op}`)
    return
  }
  const b = w.fresh('f64')
  code.set(b).op('f64x2.splat').get(b).op('f64x2.splat')
  code.op(`f64x2.${op}`).lane('f64x2.extract_lane', 0)
}

/** 0 and 1, or masks: as unsigned numbers they compare alike. A result is false where it is 0. */
function boolBinary(w: Writer, op: Operator, vector: boolean): void {
  const { code } = w
  const all = vector ? 'v128' : 'i32'
  switch (op) {
    case 'lt':
    case 'le':
      code.op(`${vector ? 'i32x4' : 'i32'}.${op}_u`)
      return
    case 'eq':
    case 'ne':
      code.op(`${vector ? 'i32x4' : 'i32'}.${op}`)
      return
    case 'and':
    case 'or':
    case 'xor':
      code.op(`${all}.${op}`)
      return
    case 'add':
    case 'max':
      code.op(`${all}.or`)
      return
    case 'mul':
    case 'min':
      code.op(`${all}.and`)
      return
    case 'sub':
      code.op(`${all}.xor`)
      return
    // As of the whole numbers 0 and 1, where a / 0 is a, and a mod 0 is 0
    case 'pow':
      negate(w, vector)
      code.op(`${all}.or`)
      return
    case 'shr':
      negate(w, vector)
      code.op(`${all}.and`)
      return
    case 'div':
    case 'shl':
      code.op('drop')
      return
    case 'mod':
      code.op('drop').op('drop')
      if (vector) code.v128([0, 0, 0, 0])
      else code.i32(0)
  }
}

/** The bool on the stack is turned round. */
const negate = ({ code }: Writer, vector: boolean): unknown => (vector ? code.op('v128.not') : code.op('i32.eqz'))

function wholeBinary(w: Writer, op: Operator, sign: 's' | 'u', vector: boolean): void {
  const { code } = w
  const int = vector ? 'i32x4' : 'i32'
  switch (op) {
    case 'lt':
    case 'le':
      code.op(`${int}.${op}_${sign}`)
      return
    case 'eq':
    case 'ne':
    case 'add':
    case 'sub':
    case 'mul':
      code.op(`${int}.${op}`)
      return
    case 'and':
    case 'or':
    case 'xor':
      code.op(`${vector ? 'v128' : 'i32'}.${op}`)
      return
    case 'max':
    case 'min':
      if (vector) code.op(`i32x4.${op}_${sign}`)
      else {
        const [x, y] = [w.fresh('i32'), w.fresh('i32')]
        code.set(y).tee(x).get(y)
        code.get(x).get(y)
        code.op(`i32.${op === 'max' ? 'gt' : 'lt'}_${sign}`).op('select')
      }
      return
    case 'div':
    case 'mod':
    case 'pow': {
      const func = w.helpers.get(`${op}_${sign}`)
      if (vector) perLane(w, func, 2, 'i32x4')
      else code.call(func)
      return
    }
    case 'shl':
    case 'shr': {
      if (vector) perLane(w, w.helpers.get(op === 'shl' ? 'shl' : `shr_${sign}`), 2, 'i32x4')
      else code.op(op === 'shl' ? 'i32.shl' : `i32.shr_${sign}`)
    }
  }
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
    case 'float32':
    case 'float16':
      toFloat(w, from, vector)
      if (to === 'float32' && w.wide) code.op('f32.demote_f64').op('f64.promote_f32')
      if (to === 'float16') {
        halfBits(w, vector)
        w.helpers.apply(code, vector ? 'fromHalf4' : 'fromHalf')
        if (w.wide) code.op('f64.promote_f32')
      }
      return
    case 'bool':
      if (from === 'bool') return
      if (from === 'float') {
        w.constant({ kind: 'const', value: 0, type: 'float' }, mode)
        code.op(`${vector ? 'f32x4' : w.wide ? 'f64' : 'f32'}.ne`)
      } else if (vector) code.v128([0, 0, 0, 0]).op('i32x4.ne')
      else code.i32(0).op('i32.ne')
      return
    default:
  }
  if (from === 'float') {
    const sign = to === 'uint32' ? 'u' : 's'
    code.op(vector ? `i32x4.trunc_sat_f32x4_${sign}` : `i32.trunc_sat_${w.wide ? 'f64' : 'f32'}_${sign}`)
  } else if (from === 'bool' && vector) code.v128([1, 1, 1, 1]).op('v128.and')
  if (to === 'uint8') vector ? code.v128([255, 255, 255, 255]).op('v128.and') : code.i32(255).op('i32.and')
  if (to === 'int8') vector ? code.i32(24).op('i32x4.shl').i32(24).op('i32x4.shr_s') : code.op('i32.extend8_s')
}

function toFloat(w: Writer, from: ValueType, vector: boolean): void {
  const { code } = w
  if (from === 'float') return
  if (from === 'bool' && vector) code.v128([1, 1, 1, 1]).op('v128.and')
  const sign = from === 'u32' ? 'u' : 's'
  code.op(vector ? `f32x4.convert_i32x4_${sign}` : `${w.wide ? 'f64' : 'f32'}.convert_i32_${sign}`)
}

/** A float on the stack as the bits of a half. */
export function halfBits(w: Writer, vector: boolean): void {
  const { code } = w
  if (w.wide) code.call(w.helpers.get('oddFloat'))
  w.helpers.apply(code, vector ? 'toHalf4' : 'toHalf')
}
