/** @file Comparisons and truth values: results are bool, and nothing here has a gradient. */
import { isFloat } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './families.ts'

const NONE = { a: 'none', b: 'none' } as const

function defineComparison(name: string, forward: (a: graph.Node, b: graph.Node) => graph.Node): BinaryFunction {
  return defineBinary(name, { forward, vjp: NONE })
}

/** a = b, element by element; NaN equals nothing. @see https://pytorch.org/docs/stable/generated/torch.eq.html */
export const eq: BinaryFunction = defineComparison('eq', (a, b) => graph.binary('eq', a, b))
/** a ≠ b. @see https://pytorch.org/docs/stable/generated/torch.ne.html */
export const ne: BinaryFunction = defineComparison('ne', (a, b) => graph.binary('ne', a, b))
/** a < b. @see https://pytorch.org/docs/stable/generated/torch.lt.html */
export const lt: BinaryFunction = defineComparison('lt', (a, b) => graph.binary('lt', a, b))
/** a ≤ b. @see https://pytorch.org/docs/stable/generated/torch.le.html */
export const le: BinaryFunction = defineComparison('le', (a, b) => graph.binary('le', a, b))
/** a > b. @see https://pytorch.org/docs/stable/generated/torch.gt.html */
export const gt: BinaryFunction = defineComparison('gt', (a, b) => graph.binary('lt', b, a))
/** a ≥ b. @see https://pytorch.org/docs/stable/generated/torch.ge.html */
export const ge: BinaryFunction = defineComparison('ge', (a, b) => graph.binary('le', b, a))

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

/** False everywhere, in the shape of `x`. */
const never = (x: graph.Node): graph.Node => graph.expand(graph.constant(0, 'bool', x.placement), x.shape)

/** Whether an element is NaN. @see https://pytorch.org/docs/stable/generated/torch.isnan.html */
export const isnan: UnaryFunction = defineUnary('isnan', {
  domain: 'any',
  bool: 'keep',
  forward: (x) => (isFloat(x.dtype) ? graph.binary('ne', x, x) : never(x)),
  vjp: 'none',
})

/** Whether an element is ∞ or −∞. @see https://pytorch.org/docs/stable/generated/torch.isinf.html */
export const isinf: UnaryFunction = defineUnary('isinf', {
  domain: 'any',
  bool: 'keep',
  forward: (x) => (isFloat(x.dtype) ? graph.binary('eq', graph.unary('abs', x), Number.POSITIVE_INFINITY) : never(x)),
  vjp: 'none',
})

/** Whether an element is neither infinite nor NaN. @see https://pytorch.org/docs/stable/generated/torch.isfinite.html */
export const isfinite: UnaryFunction = defineUnary('isfinite', {
  domain: 'any',
  bool: 'keep',
  forward: (x) => (isFloat(x.dtype) ? graph.binary('lt', graph.unary('abs', x), Number.POSITIVE_INFINITY) : graph.unary('not', never(x))),
  vjp: 'none',
})

/** Type of the predicates above, for callers that choose one. */
export type Predicate = (x: Tensor) => Tensor
