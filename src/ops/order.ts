/** @file The order of two values of any dtypes, in primitives: none is changed on the way to the result. */
import { type DType, isFloat, meetingType, rangeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { areApart } from './quotients.ts'

/** a < b, a ≤ b, a = b, a ≠ b; NaN is unequal to all, and stands in no order. */
export type Order = 'lt' | 'le' | 'eq' | 'ne'

/** Whether `order` holds between `a` and `b`, of dtypes that may differ. */
export function compared(order: Order, a: graph.Node, b: graph.Node): graph.Node {
  const floats = Number(isFloat(a.dtype)) + Number(isFloat(b.dtype))
  if (floats === 1) return isFloat(a.dtype) ? floatBeside(order, a, b, true) : floatBeside(order, b, a, false)
  if (floats === 0 && areApart(a.dtype, b.dtype))
    return a.dtype === 'uint32' ? unsignedBeside(order, a, b, true) : unsignedBeside(order, b, a, false)
  return same(order, a, b, commonOrder(a.dtype, b.dtype) as DType)
}

/** The dtype that holds all values of both, in their order: undefined where there is none but for single values. */
export function commonOrder(a: DType, b: DType): DType | undefined {
  if (isFloat(a) !== isFloat(b) || areApart(a, b)) return undefined
  // The wider of two floats holds both, as does the dtype in which two other integers meet
  const dtype = meetingType(a, b)
  return dtype === 'bool' ? 'int32' : dtype
}

const same = (order: Order, a: graph.Node, b: graph.Node, dtype: DType): graph.Node =>
  graph.binary(order, graph.cast(a, dtype), graph.cast(b, dtype))
const and = (a: graph.Node, b: graph.Node): graph.Node => graph.binary('and', a, b)
const or = (a: graph.Node, b: graph.Node): graph.Node => graph.binary('or', a, b)

/** uint32 `u` and signed `s`, where `first` says that `u` is the first operand: a negative `s` is less than every `u`, others compare as uint32. */
function unsignedBeside(order: Order, u: graph.Node, s: graph.Node, first: boolean): graph.Node {
  const isNegative = graph.binary('lt', s, 0)
  const wide = graph.cast(s, 'uint32')
  const others = first ? graph.binary(order, u, wide) : graph.binary(order, wide, u)
  const whenNegative = order === 'ne' || (order !== 'eq' && !first)
  return whenNegative ? or(isNegative, others) : and(graph.unary('not', isNegative), others)
}

/** A float `f` and an integer `i`, where `first` says that `f` is the first operand. */
function floatBeside(order: Order, f: graph.Node, i: graph.Node, first: boolean): graph.Node {
  if (f.dtype === 'float64' || (i.dtype !== 'int32' && i.dtype !== 'uint32')) {
    const dtype = f.dtype === 'float64' ? 'float64' : 'float32' // both hold every i
    return first ? same(order, f, i, dtype) : same(order, i, f, dtype)
  }
  const x = graph.cast(f, 'float32')
  const [least, most] = rangeOf(i.dtype)
  const notBelow = graph.binary('le', least, x)
  const notAbove = graph.binary('lt', x, most + 1)
  /** As an integer: right where x is within the range, and nothing else depends on it. */
  const whole = (rounding: 'floor' | 'ceil'): graph.Node => graph.cast(graph.unary(rounding, x), i.dtype)
  switch (order) {
    case 'eq':
    case 'ne': {
      const isWhole = graph.binary('eq', graph.unary('floor', x), x)
      const isSame = and(and(notBelow, notAbove), and(isWhole, graph.binary('eq', whole('floor'), i)))
      return order === 'eq' ? isSame : graph.unary('not', isSame)
    }
    case 'lt':
      // x < i where ⌊x⌋ < i, or below the range; i < x where i < ⌈x⌉, or above it. (NaN is neither below nor above nor within.)
      return first
        ? or(graph.binary('lt', x, least), and(notAbove, graph.binary('lt', whole('floor'), i)))
        : or(graph.binary('le', most + 1, x), and(notBelow, graph.binary('lt', i, whole('ceil'))))
    case 'le':
      return first
        ? or(graph.binary('lt', x, least), and(notAbove, graph.binary('le', whole('ceil'), i)))
        : or(graph.binary('le', most + 1, x), and(notBelow, graph.binary('le', i, whole('floor'))))
  }
}
