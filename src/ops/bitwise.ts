/** @file Bits of integers, and of bools as truth values: nothing here has a gradient. */
import { type DType, DTypeError, isFloat, rangeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './define-elementwise.ts'

const NONE = { a: 'none', b: 'none' } as const

function checkBits(op: string, dtype: DType): void {
  if (isFloat(dtype)) throw new DTypeError(op, `operands meet in ${dtype}, and ${op} takes integers or bools. Convert with .int()`)
}

/** As many bits as the dtype has, all of them set. */
const allBits = (dtype: DType): number => {
  const [least, most] = rangeOf(dtype)
  return least < 0 ? -1 : most
}

/** ~x: every bit turned; of bools `logicalNot`. @throws DTypeError for floats. @see https://pytorch.org/docs/stable/generated/torch.bitwise_not.html */
export const bitwiseNot: UnaryFunction = defineUnary('bitwiseNot', {
  domain: 'any',
  bool: 'keep',
  ofHalves: 'exact',
  forward: (x) => {
    checkBits('bitwiseNot', x.dtype)
    return x.dtype === 'bool' ? graph.unary('not', x) : graph.binary('xor', x, allBits(x.dtype))
  },
  vjp: 'none',
})

const defineBitwise = (name: string, op: 'and' | 'or' | 'xor'): BinaryFunction =>
  defineBinary(name, {
    ofHalves: 'exact',
    forward: (a, b, dtype) => {
      checkBits(name, dtype)
      return graph.binary(op, a, b)
    },
    vjp: NONE,
  })

/** a & b, of integers or bools. @throws DTypeError for floats. @see https://pytorch.org/docs/stable/generated/torch.bitwise_and.html */
export const bitwiseAnd: BinaryFunction = defineBitwise('bitwiseAnd', 'and')
/** a | b, of integers or bools. @throws DTypeError for floats. @see https://pytorch.org/docs/stable/generated/torch.bitwise_or.html */
export const bitwiseOr: BinaryFunction = defineBitwise('bitwiseOr', 'or')
/** a ^ b, of integers or bools. @throws DTypeError for floats. @see https://pytorch.org/docs/stable/generated/torch.bitwise_xor.html */
export const bitwiseXor: BinaryFunction = defineBitwise('bitwiseXor', 'xor')

/** A shift by as many bits as 32, or by less than none, leaves nothing but the sign. */
const shifted = (op: 'shl' | 'shr', a: graph.Node, by: graph.Node): graph.Node => {
  const within = graph.binary('lt', graph.cast(by, 'uint32'), 32)
  const sign = op === 'shr' && rangeOf(a.dtype)[0] < 0 ? graph.binary('shr', a, 31) : graph.constant(0, a.dtype, a.placement)
  return graph.where(within, graph.binary(op, a, by), sign)
}

const defineShift = (name: string, op: 'shl' | 'shr'): BinaryFunction =>
  defineBinary(name, {
    ofHalves: 'exact',
    bools: 'Convert with .int()',
    forward: (a, b, dtype) => {
      checkBits(name, dtype)
      return shifted(op, a, b)
    },
    vjp: NONE,
  })

/**
 * a · 2ᵇ, of integers, modulo their 2ⁿ. By as many bits as a has, more, or less than none, it is 0.
 * @throws DTypeError for floats and bools.
 * @see https://pytorch.org/docs/stable/generated/torch.bitwise_left_shift.html
 */
export const bitwiseLeftShift: BinaryFunction = defineShift('bitwiseLeftShift', 'shl')
/**
 * ⌊a / 2ᵇ⌋, of integers: the sign stays. By as many bits as a has, more, or less than none, it is 0, or −1 of a negative a.
 * @throws DTypeError for floats and bools.
 * @see https://pytorch.org/docs/stable/generated/torch.bitwise_right_shift.html
 */
export const bitwiseRightShift: BinaryFunction = defineShift('bitwiseRightShift', 'shr')
