/** @file What divisions leave: remainders of either sign, and quotients that are whole numbers. */
import { type DType, DTypeError, isFloat, isInteger, memberOf, underName } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { type BinaryFunction, defineBinary } from './define-elementwise.ts'
import { div, mul, neg, refuseZero } from './elementwise.ts'
import { meet, type Operand } from './promote.ts'
import { quotientOfIntegers } from './quotients.ts'

/** A remainder is not the same modulo 2ⁿ, so a number beside integers has to be one of theirs. */
const NUMBERS = { a: memberOf, b: memberOf } as const

/** Of floats: `mod` has the sign of the dividend; where the divisor has the other, the remainder of the quotient rounded down is one divisor more. */
function restOfFloats(a: graph.Node, b: graph.Node, mode: 'trunc' | 'floor'): graph.Node {
  const rest = graph.binary('mod', a, b)
  if (mode === 'trunc') return rest
  const apart = graph.binary('ne', graph.binary('lt', rest, 0), graph.binary('lt', b, 0))
  return graph.where(graph.binary('and', graph.binary('ne', rest, 0), apart), graph.binary('add', rest, b), rest)
}

function defineRemainder(name: string, mode: 'trunc' | 'floor'): BinaryFunction {
  const apply: BinaryFunction = defineBinary(name, {
    numbers: NUMBERS,
    convert: (x) => x,
    forward: (a, b, dtype) => {
      if (isFloat(dtype)) return restOfFloats(graph.cast(a, dtype), graph.cast(b, dtype), mode)
      // a − b ⌊a / b⌋, exact modulo 2ⁿ
      const quotient = graph.cast(quotientOfIntegers(a, b, mode, name), dtype)
      return graph.binary('sub', graph.cast(a, dtype), graph.binary('mul', quotient, graph.cast(b, dtype)))
    },
    saves: { b: ['a', 'b'] },
    vjp: { a: (g) => g, b: (g, { a, b }) => neg(mul(g, div(a, b, { roundingMode: mode }))) },
  })
  return (a: Operand, b: Operand) => {
    const { b: divisor, dtype } = meet(name, a, b, 'any', NUMBERS)
    if (dtype === 'bool') throw new DTypeError(name, 'both operands are bool, which have no remainder. Convert with .int()')
    refuseZero(name, b, divisor, dtype)
    return apply(a, b)
  }
}

/**
 * a − b ⌊a / b⌋, as Python's %: it has the sign of b. Of integers it is exact.
 * @throws ZeroDivisionError where integers are divided by 0: at the call where the host knows the divisor, else at the next await.
 * @see https://pytorch.org/docs/stable/generated/torch.remainder.html
 */
export const remainder: BinaryFunction = defineRemainder('remainder', 'floor')
/**
 * a − b · trunc(a / b), as C's fmod: it has the sign of a. Of integers it is exact.
 * @throws ZeroDivisionError where integers are divided by 0: at the call where the host knows the divisor, else at the next await.
 * @see https://pytorch.org/docs/stable/generated/torch.fmod.html
 */
export const fmod: BinaryFunction = defineRemainder('fmod', 'trunc')

function checkIntegers(op: string, dtype: DType): void {
  if (!isInteger(dtype)) throw new DTypeError(op, `operands meet in ${dtype}, and ${op} takes integers. Convert with .int()`)
}
const NONE = { a: 'none', b: 'none' } as const

/** The greatest common divisor of integers, ≥ 0; of 0 and 0 it is 0. @throws DTypeError for floats and bools. @see https://pytorch.org/docs/stable/generated/torch.gcd.html */
export const gcd: BinaryFunction = defineBinary('gcd', {
  numbers: NUMBERS,
  bools: 'Convert with .int()',
  ofHalves: 'exact',
  forward: (a, b, dtype) => {
    checkIntegers('gcd', dtype)
    return graph.binary('gcd', a, b)
  },
  vjp: NONE,
})
/** The least common multiple of integers, ≥ 0, modulo 2ⁿ; 0 where one of them is. @throws DTypeError for floats and bools. @see https://pytorch.org/docs/stable/generated/torch.lcm.html */
export const lcm: BinaryFunction = defineBinary('lcm', {
  numbers: NUMBERS,
  bools: 'Convert with .int()',
  ofHalves: 'exact',
  forward: (a, b, dtype) => {
    checkIntegers('lcm', dtype)
    const divisor = graph.binary('gcd', a, b)
    // (where it is 0, both are)
    const by = graph.binary('max', divisor, 1)
    return graph.unary('abs', graph.binary('mul', graph.binary('div', a, by), b))
  },
  vjp: NONE,
})

/**
 * ⌊a / b⌋, as Python's //: {@link div} with `roundingMode: 'floor'`.
 * @throws ZeroDivisionError where integers are divided by 0: at the call where the host knows the divisor, else at the next await.
 * @see https://pytorch.org/docs/stable/generated/torch.floor_divide.html
 */
export const floorDivide: BinaryFunction = (a: Operand, b: Operand) => underName('floorDivide', () => div(a, b, { roundingMode: 'floor' }))
