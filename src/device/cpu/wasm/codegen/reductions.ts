/** @file Reductions: where one begins, how a value joins it, and what several vectors come to in the end. */
import {
  dtypeOfValue,
  type Extreme,
  identityOf,
  positionOf,
  type ReduceOp,
  type Reduction,
  reduceOps,
  type ValueType,
} from '../../../../kernel/index.ts'
import type { Local } from '../assembler/assembler.ts'
import type { Accumulator } from './codegen-context.ts'
import { signOfType, writeOperator } from './operators.ts'
import type { Mode, Writer } from './writer.ts'

/** A vector of what has been reduced so far; where it stands, for those that give a position. */
export interface Partial {
  readonly local: Local
  readonly position: Local | undefined
}

/** Pushes what a reduction begins with. */
export function start(w: Writer, op: ReduceOp, type: ValueType, mode: Mode): void {
  w.constant({ kind: 'const', value: identityOf(op, dtypeOfValue[type]), type }, mode)
}

/** Joins the two on the stack. */
export const join = (w: Writer, op: ReduceOp, type: ValueType, mode: Mode): void =>
  writeOperator(w, reduceOps[op].joins, type, mode === 'vector')

/** The accumulator takes the value on the stack, and what `counter` pushes, where that is a more extreme one; NaN is the most extreme, and the first of equals stays. */
function takeExtreme(
  w: Writer,
  extreme: Extreme,
  type: ValueType,
  mode: Mode,
  { local: acc, position }: Partial,
  counter: () => void,
): void {
  const { code } = w
  const v = w.fresh(acc.type)
  const place = position as Local
  const [more, notMore] = extreme === 'max' ? (['gt', 'le'] as const) : (['lt', 'ge'] as const)
  code.set(v)
  code.get(v).get(acc)
  if (mode === 'vector') {
    const take = w.fresh('v128')
    // Not less or equal: more, or one is NaN; and the one that was there is not
    if (type !== 'float') code.op(`i32x4.${more}_${signOfType[type]}`)
    else code.op(`f32x4.${notMore}`).get(acc).get(acc).op('f32x4.ne').op('v128.or').op('v128.not')
    code.set(take)
    code.get(v).get(acc).get(take).op('v128.bitselect').set(acc)
    counter()
    code.get(place).get(take).op('v128.bitselect').set(place)
    return
  }
  if (type !== 'float') code.op(`i32.${more}_${signOfType[type]}`)
  else {
    const shape = acc.type as 'f32' | 'f64'
    code.op(`${shape}.${notMore}`).get(acc).get(acc)
    code.op(`${shape}.ne`).op('i32.or').op('i32.eqz')
  }
  code.if(() => {
    code.get(v).set(acc)
    counter()
    code.set(place)
  })
}

/** An accumulator takes the next value. @param counter pushes where that stands; @param mask the lanes that count, where not all do */
export function accumulate(
  w: Writer,
  { op, value }: Reduction,
  mode: Mode,
  { local, position }: Partial,
  counter: () => void,
  mask?: Local,
): void {
  const { code } = w
  const extreme = positionOf(op)
  if (!extreme) code.get(local)
  w.emit(value, mode)
  if (mask) {
    start(w, op, value.type, mode)
    code.get(mask).op('v128.bitselect')
  }
  if (extreme) takeExtreme(w, extreme, value.type, mode, { local, position }, counter)
  else {
    join(w, op, value.type, mode)
    code.set(local)
  }
}

/** The accumulator takes the other where that is more extreme, or as extreme and in front. */
function joinExtremes(w: Writer, extreme: Extreme, type: ValueType, acc: Required<Partial>, other: Required<Partial>): void {
  const { code } = w
  const [a, b, at, from] = [acc.local, other.local, acc.position as Local, other.position as Local]
  const [front, take] = [w.fresh('v128'), w.fresh('v128')]
  const more = extreme === 'max' ? 'gt' : 'lt'
  code.get(from).get(at).op('i32x4.lt_s').set(front)
  if (type === 'float') {
    code.get(b).get(a).op(`f32x4.${more}`)
    code.get(b).get(a).op('f32x4.eq').get(front).op('v128.and').op('v128.or')
    // b is NaN, and a is none or stands behind
    code.get(a).get(a).op('f32x4.eq').get(front).op('v128.or')
    code.get(b).get(b).op('f32x4.ne').op('v128.and').op('v128.or')
  } else {
    code.get(b).get(a).op(`i32x4.${more}_${signOfType[type]}`)
    code.get(b).get(a).op('i32x4.eq').get(front).op('v128.and').op('v128.or')
  }
  code.set(take)
  code.get(b).get(a).get(take).op('v128.bitselect').set(a)
  code.get(from).get(at).get(take).op('v128.bitselect').set(at)
}

/** What a lane of a vector holds. */
const NUMBER: Readonly<Record<ValueType, 'f32' | 'i32'>> = { float: 'f32', i32: 'i32', u32: 'i32', bool: 'i32' }

/** Vectors are joined lane by lane, k with k + half; the first has them all. */
export function joinVectors(w: Writer, op: ReduceOp, type: ValueType, mode: Mode, parts: readonly Local[]): void {
  const { code } = w
  for (let n = parts.length; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.ceil(n / 2)
    for (let k = 0; k + half < n; k++) {
      code.get(parts[k] as Local).get(parts[k + half] as Local)
      join(w, op, type, mode)
      code.set(parts[k] as Local)
    }
  }
}

/** The accumulator takes the first lanes of a vector of floats, one after the other. */
export function joinLanes(w: Writer, op: ReduceOp, acc: Local, vector: Local, lanes: number): void {
  const { code } = w
  for (let lane = 0; lane < lanes; lane++) {
    code.get(acc).get(vector).lane('f32x4.extract_lane', lane)
    join(w, op, 'float', 'scalar')
    code.set(acc)
  }
}

const HALVES = [
  [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15],
  [4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7],
]

/** What some vectors come to: neighbours are joined, then halves of the last, then its two lanes. The vectors are lost. */
export function joinAll(w: Writer, op: ReduceOp, type: ValueType, parts: readonly [Partial, ...Partial[]]): Accumulator {
  const { code } = w
  const extreme = positionOf(op)
  const both = (a: Partial, b: Partial): void => {
    if (extreme) {
      joinExtremes(w, extreme, type, a, b)
      return
    }
    code.get(a.local).get(b.local)
    join(w, op, type, 'vector')
    code.set(a.local)
  }
  for (let n = parts.length; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.ceil(n / 2)
    for (let k = 0; k + half < n; k++) both(parts[k] as Partial, parts[k + half] as Partial)
  }
  const [first] = parts
  for (const lanes of HALVES) {
    const other = { local: w.fresh('v128'), position: first.position && w.fresh('v128') }
    for (const key of ['local', 'position'] as const) {
      const [from, to] = [first[key], other[key]]
      if (from && to) code.get(from).get(from).shuffle(lanes).set(to)
    }
    both(first, other)
  }
  const number = NUMBER[type]
  const local = w.fresh(number)
  code.get(first.local).lane(`${number}x4.extract_lane`, 0)
  if (type === 'bool') code.i32(1).op('i32.and')
  code.set(local)
  const position = first.position && w.fresh('i32')
  if (position)
    code
      .get(first.position as Local)
      .lane('i32x4.extract_lane', 0)
      .set(position)
  return { local, vector: false, position }
}
