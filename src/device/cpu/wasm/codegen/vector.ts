/** @file Expressions of vectors: `add(mul(x, y), 1)` instead of instructions in reverse. */
import type { Code, Local, Opcode } from '../assembler/assembler.ts'

/** Pushes a vector: a local, the same float32 in four lanes, or what writes it. */
export type Term = Local | number | ((code: Code) => void)

export function push(code: Code, term: Term): void {
  if (typeof term === 'function') term(code)
  else if (typeof term === 'number') words(...wordsOf(new Float32Array([term, term, term, term])))(code)
  else code.get(term)
}

const words =
  (a: number, b: number, c: number, d: number): Term & ((code: Code) => void) =>
  (code) => {
    code.v128([a, b, c, d])
  }

function wordsOf(floats: Float32Array | Float64Array): [number, number, number, number] {
  const [a, b, c, d] = new Int32Array(floats.buffer)
  return [a as number, b as number, c as number, d as number]
}

/** The same whole number in four lanes. */
export const whole = (n: number): Term => words(n, n, n, n)
/** The same double in two lanes. */
export const double = (x: number): Term => words(...wordsOf(new Float64Array([x, x])))

/** An instruction as a function of its operands. */
export const op =
  (name: Opcode) =>
  (...operands: readonly Term[]): Term =>
  (code) => {
    for (const operand of operands) push(code, operand)
    code.op(name)
  }

/** A shift of each lane. */
export const shift =
  (name: 'i32x4.shl' | 'i32x4.shr_s' | 'i64x2.shl', x: Term, by: number): Term =>
  (code) => {
    push(code, x)
    code.i32(by).op(name)
  }

/** Bytes of two vectors, by words: 0 … 3 of the first, 4 … 7 of the second. */
export const pick =
  (a: Term, b: Term, lanes: readonly [number, number, number, number]): Term =>
  (code) => {
    push(code, a)
    push(code, b)
    code.shuffle(lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]))
  }

export const add = op('f32x4.add')
export const sub = op('f32x4.sub')
export const mul = op('f32x4.mul')
export const div = op('f32x4.div')
export const abs = op('f32x4.abs')
export const trunc = op('f32x4.trunc')
export const and = op('v128.and')
export const or = op('v128.or')
export const xor = op('v128.xor')
export const not = op('v128.not')
/** a where the mask is set, else b. */
export const choose = (mask: Term, a: Term, b: Term): Term => op('v128.bitselect')(a, b, mask)
export const lt = op('f32x4.lt')
export const gt = op('f32x4.gt')
export const eq = op('f32x4.eq')
export const ne = op('f32x4.ne')
/** min(x, high), and max(x, low); NaN where x is. */
export const atMost = op('f32x4.pmin')
export const atLeast = op('f32x4.pmax')

export const SIGN = whole(-(2 ** 31))
/** The magnitude of the first with the sign of the second. */
export const withSign = (y: Term, x: Term): Term => or(abs(y), and(x, SIGN))

type Times = (a: Term, b: Term) => Term

/** In pairs, (c₀ x + c₁) x² + (c₂ x + c₃), …: half as long a chain of operations, each of which waits for the one before. */
function paired(code: Code, x: Local, coefs: readonly Term[], times: Times, plus: Times): Term {
  const square = keeper(code)(times(x, x))
  const pairs: Term[] = coefs.length % 2 === 1 ? [coefs[0] as Term] : []
  for (let i = coefs.length % 2; i < coefs.length; i += 2) pairs.push(plus(times(x, coefs[i] as Term), coefs[i + 1] as Term))
  return pairs.reduce((sum, pair) => plus(times(sum, square), pair))
}

/** c₀ xⁿ + c₁ xⁿ⁻¹ + … */
export const polynomial = (code: Code, x: Local, coefs: readonly number[]): Term => paired(code, x, coefs, mul, add)

/** The same of doubles. */
export const polynomial64 = (code: Code, x: Local, coefs: readonly number[]): Term =>
  paired(code, x, coefs.map(double), op('f64x2.mul'), op('f64x2.add'))

/** Writes a term into a new local of a function, to be used more than once. */
export const keeper =
  (code: Code) =>
  (term: Term): Local => {
    const local = code.local('v128')
    push(code, term)
    code.set(local)
    return local
  }
