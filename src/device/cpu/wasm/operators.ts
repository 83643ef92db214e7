/** @file Functions, operators and conversions of the kernel IR as instructions. */
import type { Expr } from '../../../kernel/index.ts'
import type { Op } from './assembler.ts'
import { type Mode, Unsupported, type Writer } from './writer.ts'

export function writeUnary(w: Writer, e: Extract<Expr, { kind: 'unary' }>, mode: Mode): void {
  const code = w.code
  const vector = mode === 'vector'
  const { op, x } = e
  const shape = vector ? 'f32x4' : w.wide ? 'f64' : 'f32'
  if (op === 'not') {
    w.emit(x, mode)
    if (vector) code.op('v128.not')
    else if (x.type === 'bool') code.op('i32.eqz')
    else code.i32(-1).op('i32.xor')
    return
  }
  if (x.type !== 'float') {
    if (op === 'neg') {
      if (vector) {
        w.emit(x, mode)
        code.op('i32x4.neg')
      } else {
        code.i32(0)
        w.emit(x, mode)
        code.op('i32.sub')
      }
      return
    }
    if (op === 'abs' && x.type === 'i32' && vector) {
      w.emit(x, mode)
      code.op('i32x4.abs')
      return
    }
    throw new Unsupported(`${op} of ${x.type}`)
  }
  switch (op) {
    case 'neg':
    case 'abs':
    case 'floor':
    case 'ceil':
    case 'trunc':
    case 'sqrt':
      w.emit(x, mode)
      code.op(`${shape}.${op}` as Op)
      return
    case 'round':
      w.emit(x, mode)
      code.op(`${shape}.nearest` as Op)
      return
    case 'recip':
    case 'rsqrt':
      w.constant({ kind: 'const', value: 1, type: 'float' }, mode)
      w.emit(x, mode)
      if (op === 'rsqrt') code.op(`${shape}.sqrt` as Op)
      code.op(`${shape}.div` as Op)
      return
    default: {
      w.emit(x, mode)
      const f = w.library.call(`${op}${vector ? '4' : w.wide ? '64' : ''}`)
      code.call(f)
    }
  }
}

export function writeBinary(w: Writer, e: Extract<Expr, { kind: 'binary' }>, mode: Mode): void {
  const code = w.code
  const vector = mode === 'vector'
  const { op, a, b } = e
  const type = a.type
  w.emit(a, mode)
  w.emit(b, mode)
  const float = vector ? 'f32x4' : w.wide ? 'f64' : 'f32'
  const int = vector ? 'i32x4' : 'i32'
  // bools are 0 and 1, or masks: as unsigned numbers they compare alike
  const sign = type === 'i32' ? '_s' : '_u'
  switch (op) {
    case 'lt':
    case 'le':
      code.op((type === 'float' ? `${float}.${op}` : `${int}.${op}${sign}`) as Op)
      return
    case 'eq':
    case 'ne':
      code.op((type === 'float' ? `${float}.${op}` : `${int}.${op}`) as Op)
      return
    case 'and':
    case 'or':
    case 'xor':
      code.op(`${vector ? 'v128' : 'i32'}.${op}` as Op)
      return
    case 'add':
    case 'sub':
    case 'mul':
      code.op((type === 'float' ? `${float}.${op}` : `${int}.${op}`) as Op)
      return
    case 'div':
      if (type === 'float') code.op(`${float}.div` as Op)
      else throw new Unsupported('div of whole numbers')
      return
    case 'max':
    case 'min':
      if (type === 'float') code.op(`${float}.${op}` as Op)
      else if (type === 'bool') code.op(`${vector ? 'v128' : 'i32'}.${op === 'max' ? 'or' : 'and'}` as Op)
      else if (vector) code.op(`i32x4.${op}${sign}` as Op)
      else {
        const [x, y] = [w.fresh('i32'), w.fresh('i32')]
        code.set(y).tee(x).get(y)
        code
          .get(x)
          .get(y)
          .op(`i32.${op === 'max' ? 'gt' : 'lt'}${sign}` as Op)
          .op('select')
      }
      return
    case 'shl':
    case 'shr':
      if (vector) throw new Unsupported(op)
      code.op((op === 'shl' ? 'i32.shl' : `i32.shr${sign}`) as Op)
      return
    case 'pow':
      if (type === 'float') code.call(w.library.call(`pow${w.wide ? '64' : ''}`))
      else throw new Unsupported(op)
      return
    default:
      throw new Unsupported(op)
  }
}

export function writeCast(w: Writer, { x, from, to, type }: Extract<Expr, { kind: 'cast' }>, mode: Mode): void {
  const code = w.code
  const vector = mode === 'vector'
  w.emit(x, mode)
  if (to === 'float16' || from === 'float16') throw new Unsupported('float16')
  if (type === 'float') {
    if (x.type === 'float') {
      if (to === 'float32' && w.wide) code.op('f32.demote_f64').op('f64.promote_f32')
      return
    }
    if (x.type === 'bool' && vector) code.v128([1, 1, 1, 1]).op('v128.and')
    const sign = x.type === 'u32' ? 'u' : 's'
    code.op((vector ? `f32x4.convert_i32x4_${sign}` : `${w.wide ? 'f64' : 'f32'}.convert_i32_${sign}`) as Op)
    return
  }
  if (type === 'bool') {
    if (x.type === 'bool') return
    if (x.type === 'float') {
      w.constant({ kind: 'const', value: 0, type: 'float' }, mode)
      code.op((vector ? 'f32x4.ne' : `${w.wide ? 'f64' : 'f32'}.ne`) as Op)
    } else if (vector) code.v128([0, 0, 0, 0]).op('i32x4.ne')
    else code.i32(0).op('i32.ne')
    return
  }
  if (x.type === 'bool') {
    if (vector) code.v128([1, 1, 1, 1]).op('v128.and')
  } else if (x.type === 'float') throw new Unsupported('float to int')
  if (to === 'uint8') vector ? code.v128([255, 255, 255, 255]).op('v128.and') : code.i32(255).op('i32.and')
  if (to === 'int8') vector ? code.i32(24).op('i32x4.shl').i32(24).op('i32x4.shr_s') : code.op('i32.extend8_s')
}
