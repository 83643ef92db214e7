/** @file Quotients that are whole numbers, and powers of integers, in primitives. Of integers they are exact in the dtype in which both operands are what they are. */
import { type DType, isHalf, meetingType } from '../base/index.ts'
import * as graph from '../graph/index.ts'

const isUnsigned = (dtype: DType): boolean => dtype === 'uint8' || dtype === 'uint32' || dtype === 'bool'

/** Whether no integer dtype holds what both hold: uint32 beside negative numbers. */
export const areApart = (a: DType, b: DType): boolean => (a === 'uint32' && !isUnsigned(b)) || (b === 'uint32' && !isUnsigned(a))

/** a / b of integers of any two dtypes, rounded towards zero or down; a divisor of 0 is an error that names `op`. */
export function quotientOfIntegers(a: graph.Node, b: graph.Node, mode: 'trunc' | 'floor', op: string): graph.Node {
  const dtype = meetingType(a.dtype, b.dtype)
  const by = graph.divisor(b, op)
  if (areApart(a.dtype, b.dtype)) return quotientBySize(a, by, mode)
  const [x, y] = [graph.cast(a, dtype), graph.cast(by, dtype)]
  return mode === 'trunc' || isUnsigned(dtype) ? graph.binary('div', x, y) : floorOfIntegers(x, y)
}

/** ⌊a / b⌋: one less than what truncation gives where there is a remainder and the signs differ. */
function floorOfIntegers(a: graph.Node, b: graph.Node): graph.Node {
  const truncated = graph.binary('div', a, b)
  const rest = graph.binary('sub', a, graph.binary('mul', truncated, b))
  const apart = graph.binary('lt', graph.binary('xor', rest, b), 0)
  return graph.where(graph.binary('and', graph.binary('ne', rest, 0), apart), graph.binary('sub', truncated, 1), truncated)
}

/** … of uint32 and a signed dtype: of their sizes, with the sign of the signed one, as uint32. */
function quotientBySize(a: graph.Node, b: graph.Node, mode: 'trunc' | 'floor'): graph.Node {
  const size = (x: graph.Node): graph.Node => graph.cast(x.dtype === 'uint32' ? x : graph.unary('abs', graph.cast(x, 'int32')), 'uint32')
  const isNegative = graph.binary('lt', a.dtype === 'uint32' ? b : a, 0)
  const [x, y] = [size(a), size(b)]
  const truncated = graph.binary('div', x, y)
  const hasRest = graph.binary('ne', x, graph.binary('mul', truncated, y))
  const most = mode === 'floor' ? graph.where(hasRest, graph.binary('add', truncated, 1), truncated) : truncated
  return graph.where(isNegative, graph.binary('sub', 0, most), truncated)
}

/** aᵇ of integers of any two dtypes; to a negative power 0, or ±1 of ±1. */
export function wholePower(a: graph.Node, b: graph.Node): graph.Node {
  const dtype = meetingType(a.dtype, b.dtype)
  const power = graph.binary('pow', graph.cast(a, dtype), graph.cast(b, dtype))
  if (!areApart(a.dtype, b.dtype) || b.dtype === 'uint32') return power // (the base may wrap)
  return graph.where(graph.binary('lt', b, 0), graph.cast(graph.binary('eq', a, 1), dtype), power)
}

/** a / b without its fraction. Of halves in float32: rounded to a half, the quotient may be a whole number that it does not reach. */
export function truncatedOfFloats(a: graph.Node, b: graph.Node): graph.Node {
  const wide = isHalf(a.dtype) ? 'float32' : a.dtype
  const exact = graph.rounded(graph.binary('div', graph.cast(a, wide), graph.cast(b, wide)))
  return graph.cast(graph.unary('trunc', exact), a.dtype)
}

/** ⌊a / b⌋ by the remainder, which is exact: a / b may round up to a whole number. As Python and PyTorch: the quotient of ±∞ is NaN, that by 0 is a / b. */
export function floorOfFloats(a: graph.Node, b: graph.Node): graph.Node {
  const rest = graph.binary('mod', a, b)
  const apart = graph.binary('ne', graph.binary('lt', rest, 0), graph.binary('lt', b, 0))
  const truncated = graph.binary('div', graph.binary('sub', a, rest), b) // a whole number, or next to one
  const lower = graph.where(graph.binary('and', graph.binary('ne', rest, 0), apart), graph.binary('sub', truncated, 1), truncated)
  const down = graph.unary('floor', lower)
  const near = graph.where(graph.binary('lt', 0.5, graph.binary('sub', lower, down)), graph.binary('add', down, 1), down)
  const exact = graph.binary('div', a, b)
  const signed = graph.where(graph.binary('eq', lower, 0), graph.binary('mul', exact, 0), near) // ±0
  return graph.where(graph.binary('eq', b, 0), exact, signed)
}
