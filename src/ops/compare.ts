/** @file Comparisons and truth values: results are bool, and nothing here has a gradient. */
import { broadcastShapes, isFloat, type Relation, signature, thresholdOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, OPERAND, Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { compared, type Order } from './order.ts'
import { checkNumber, checkPair, number } from './promote.ts'

const NONE = { a: 'none', b: 'none' } as const

/** The relation in primitives, `<`, `≤`, `=` and `≠`, and whether operands change places. */
const ORDER = {
  lt: { order: 'lt', exchanged: false, mirrored: 'gt' },
  le: { order: 'le', exchanged: false, mirrored: 'ge' },
  gt: { order: 'lt', exchanged: true, mirrored: 'lt' },
  ge: { order: 'le', exchanged: true, mirrored: 'le' },
  eq: { order: 'eq', exchanged: false, mirrored: 'eq' },
  ne: { order: 'ne', exchanged: false, mirrored: 'ne' },
} as const satisfies Readonly<Record<Relation, { order: Order; exchanged: boolean; mirrored: Relation }>>

/**
 * A comparison answers what the numbers say, whatever their dtypes: also where the dtype in which sums of the two would be computed does not hold them, as that
 * of an int32 beside a uint32, and where a number is none of the tensor's dtype.
 */
function defineComparison(relation: Relation): BinaryFunction {
  const { order, exchanged, mirrored } = ORDER[relation]
  const apply = defineOp<readonly ['a', 'b'], undefined>(relation, {
    inputs: ['a', 'b'],
    forward: (a, b, _: undefined) => {
      checkSize(relation, broadcastShapes(relation, a.shape, b.shape))
      return exchanged ? compared(order, b, a) : compared(order, a, b)
    },
    vjp: NONE,
    half: 'keep',
  })
  signature(relation, { a: OPERAND, b: OPERAND })
  return (a, b) => {
    if (a instanceof Tensor && b instanceof Tensor) return apply(a, b, undefined)
    const isFirst = a instanceof Tensor
    const x = isFirst ? a : checkPair(relation, a, b)
    const value = Number(isFirst ? checkNumber(relation, 'b', b) : a)
    const dtype = x._node.dtype === 'bool' ? 'int32' : x._node.dtype
    const threshold = thresholdOf(isFirst ? relation : mirrored, value, dtype)
    if (typeof threshold === 'boolean') return new Tensor(always(threshold, x._node))
    const c = number(threshold, dtype)
    return isFirst ? apply(x, c, undefined) : apply(c, x, undefined)
  }
}

/** a = b, element by element; NaN equals nothing. @see https://pytorch.org/docs/stable/generated/torch.eq.html */
export const eq: BinaryFunction = defineComparison('eq')
/** a ≠ b. @see https://pytorch.org/docs/stable/generated/torch.ne.html */
export const ne: BinaryFunction = defineComparison('ne')
/** a < b. @see https://pytorch.org/docs/stable/generated/torch.lt.html */
export const lt: BinaryFunction = defineComparison('lt')
/** a ≤ b. @see https://pytorch.org/docs/stable/generated/torch.le.html */
export const le: BinaryFunction = defineComparison('le')
/** a > b. @see https://pytorch.org/docs/stable/generated/torch.gt.html */
export const gt: BinaryFunction = defineComparison('gt')
/** a ≥ b. @see https://pytorch.org/docs/stable/generated/torch.ge.html */
export const ge: BinaryFunction = defineComparison('ge')

function defineLogical(name: string, op: 'and' | 'or' | 'xor'): BinaryFunction {
  return defineBinary(name, { domain: 'bool', forward: (a, b) => graph.binary(op, a, b), vjp: NONE })
}

/** Both are ≠ 0. @see https://pytorch.org/docs/stable/generated/torch.logical_and.html */
export const logicalAnd: BinaryFunction = defineLogical('logicalAnd', 'and')
/** One of them is ≠ 0. @see https://pytorch.org/docs/stable/generated/torch.logical_or.html */
export const logicalOr: BinaryFunction = defineLogical('logicalOr', 'or')
/** Exactly one is ≠ 0. @see https://pytorch.org/docs/stable/generated/torch.logical_xor.html */
export const logicalXor: BinaryFunction = defineLogical('logicalXor', 'xor')

/** x = 0. @see https://pytorch.org/docs/stable/generated/torch.logical_not.html */
export const logicalNot: UnaryFunction = defineUnary('logicalNot', {
  domain: 'any',
  bool: 'keep',
  forward: (x) => graph.unary('not', graph.cast(x, 'bool')),
  vjp: 'none',
})

/** One answer everywhere, in the shape of `x`. */
const always = (answer: boolean, x: graph.Node): graph.Node => graph.expand(graph.constant(Number(answer), 'bool', x.placement), x.shape)

/** Whether an element is NaN. @see https://pytorch.org/docs/stable/generated/torch.isnan.html */
export const isnan: UnaryFunction = defineUnary('isnan', {
  domain: 'any',
  bool: 'keep',
  forward: (x) => (isFloat(x.dtype) ? graph.binary('ne', x, x) : always(false, x)),
  vjp: 'none',
})

/** Whether an element is ∞ or −∞. @see https://pytorch.org/docs/stable/generated/torch.isinf.html */
export const isinf: UnaryFunction = defineUnary('isinf', {
  domain: 'any',
  bool: 'keep',
  forward: (x) => (isFloat(x.dtype) ? graph.binary('eq', graph.unary('abs', x), Number.POSITIVE_INFINITY) : always(false, x)),
  vjp: 'none',
})

/** Whether an element is neither infinite nor NaN. @see https://pytorch.org/docs/stable/generated/torch.isfinite.html */
export const isfinite: UnaryFunction = defineUnary('isfinite', {
  domain: 'any',
  bool: 'keep',
  forward: (x) => (isFloat(x.dtype) ? graph.binary('lt', graph.unary('abs', x), Number.POSITIVE_INFINITY) : always(true, x)),
  vjp: 'none',
})

const isInfinity = (name: string, infinity: number): UnaryFunction =>
  defineUnary(name, {
    domain: 'any',
    bool: 'keep',
    ofHalves: 'exact',
    forward: (x) => (isFloat(x.dtype) ? graph.binary('eq', x, infinity) : always(false, x)),
    vjp: 'none',
  })

/** Whether an element is ∞. @see https://pytorch.org/docs/stable/generated/torch.isposinf.html */
export const isposinf: UnaryFunction = isInfinity('isposinf', Number.POSITIVE_INFINITY)
/** Whether an element is −∞. @see https://pytorch.org/docs/stable/generated/torch.isneginf.html */
export const isneginf: UnaryFunction = isInfinity('isneginf', Number.NEGATIVE_INFINITY)

/** Whether an element is real: all are, there are no complex numbers. @see https://pytorch.org/docs/stable/generated/torch.isreal.html */
export const isreal: UnaryFunction = defineUnary('isreal', {
  domain: 'any',
  bool: 'keep',
  ofHalves: 'exact',
  forward: (x) => always(true, x),
  vjp: 'none',
})

/** Type of the predicates above, for callers that choose one. */
export type Predicate = (x: Tensor) => Tensor
