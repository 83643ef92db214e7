/** @file Whole numbers next to a number, and what is left of it. */
import {
  type DType,
  DTypeError,
  options as describe,
  isFloat,
  isHalf,
  type Options,
  optional,
  rangeOf,
  signature,
  underName,
  WHOLE,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { mul } from './elementwise.ts'
import { lit } from './promote.ts'

const defineRounding = (name: string, primitive: 'floor' | 'ceil' | 'round' | 'trunc'): UnaryFunction =>
  defineUnary(name, {
    domain: 'any',
    ofHalves: 'exact',
    forward: (x) => (isFloat(x.dtype) ? graph.unary(primitive, x) : x),
    vjp: (g) => mul(g, lit(0, g)),
  })

/** The largest whole number ≤ x. @see https://pytorch.org/docs/stable/generated/torch.floor.html */
export const floor: UnaryFunction = defineRounding('floor', 'floor')
/** The smallest whole number ≥ x. @see https://pytorch.org/docs/stable/generated/torch.ceil.html */
export const ceil: UnaryFunction = defineRounding('ceil', 'ceil')
/** x without its fraction. @see https://pytorch.org/docs/stable/generated/torch.trunc.html */
export const trunc: UnaryFunction = defineRounding('trunc', 'trunc')

/** x − trunc x, with the sign of x. @throws DTypeError for integers. @see https://pytorch.org/docs/stable/generated/torch.frac.html */
export const frac: UnaryFunction = defineUnary('frac', {
  domain: 'any',
  forward: (x) => {
    if (!isFloat(x.dtype)) throw new DTypeError('frac', `x must be of a float dtype, got ${x.dtype}. Convert with .float()`)
    return graph.binary('sub', x, graph.unary('trunc', x))
  },
  vjp: (g) => g,
})

/** Options of {@link round}. */
export interface RoundOptions {
  /** Digits behind the decimal point that stay; negative: so many in front of it become 0. 0 by default. */
  readonly decimals?: number
}
/** The kinds of {@link RoundOptions}. */
export const ROUND: Options<RoundOptions> = describe<RoundOptions>({ decimals: WHOLE })
const ROUND_ARGUMENTS = signature('round', { x: TENSOR, options: optional(ROUND) })

const roundWhole = defineRounding('round', 'round')

/** x · 10ⁿ rounded and divided again: by a whole power of ten, which floats hold where it is small, in either direction. */
const roundDecimals = defineOp('roundDecimals', {
  inputs: ['x'],
  forward: (x, decimals: number) => {
    const wide: DType = isHalf(x.dtype) ? 'float32' : x.dtype
    const power = graph.scalar(10 ** Math.abs(decimals), wide)
    const [there, back] = decimals > 0 ? (['mul', 'div'] as const) : (['div', 'mul'] as const)
    const y = graph.unary('round', graph.rounded(graph.binary(there, graph.cast(x, wide), power)))
    return graph.cast(graph.binary(back, y, power), x.dtype)
  },
  vjp: { x: (g) => mul(g, lit(0, g)) },
  half: 'keep',
})

/**
 * The nearest whole number, ties to even; with `decimals`, the nearest of so many digits behind the point (of a number that is off by its rounding as any).
 * @throws DTypeError for integers with `decimals` other than 0.
 * @see https://pytorch.org/docs/stable/generated/torch.round.html
 */
export function round(x: Tensor, options?: RoundOptions): Tensor {
  ROUND_ARGUMENTS.check(x, options)
  const decimals = options?.decimals ?? 0
  if (decimals === 0) return roundWhole(x)
  if (!isFloat(x.dtype)) throw new DTypeError('round', `x must be of a float dtype for decimals, got ${x.dtype}. Convert with .float()`)
  return underName('round', () => roundDecimals(x, decimals))
}

// ── the next number ──

/** Of each float dtype: bits of precision, the exponent of the smallest number, and the type in which the next one is computed. */
const FLOATS = {
  float64: { bits: 53, least: -1074, wide: 'float64' },
  float32: { bits: 24, least: -149, wide: 'float32' },
  float16: { bits: 11, least: -24, wide: 'float32' },
  bfloat16: { bits: 8, least: -133, wide: 'float32' },
} as const

/**
 * The next number above or below a finite one: x ± φ|x|, with a φ just above half the distance of numbers, rounds to it in any type that is at least as wide. Small
 * ones are scaled up, so that the distance is no subnormal number on the way.
 * @see S. M. Rump, P. Zimmermann, S. Boldo, G. Melquiond, Computing predecessor and successor in rounding to nearest (2009)
 */
function nextNumber(x: graph.Node, isUp: graph.Node, dtype: keyof typeof FLOATS): graph.Node {
  const { bits, least } = FLOATS[dtype]
  const up = 2 ** (2 * bits)
  const small = graph.binary('lt', graph.unary('abs', x), 2 ** (least + 3 * bits))
  const scaled = graph.where(small, graph.binary('mul', x, up), x)
  const distance = graph.binary('mul', graph.unary('abs', scaled), 2 ** -bits * (1 + 2 ** (1 - bits)))
  const step = graph.where(small, graph.binary('max', distance, 2 ** (least + 2 * bits)), distance)
  const moved = graph.binary('add', scaled, graph.where(isUp, step, graph.unary('neg', step)))
  return graph.cast(graph.where(small, graph.binary('mul', moved, 1 / up), moved), dtype)
}

/**
 * The number next to a in the direction of b, in the dtype in which they meet: exact for each float dtype, subnormal numbers included (where the device has them). b itself where
 * both are equal; NaN where one is. There is no gradient.
 * @throws DTypeError unless one of the two is of a float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.nextafter.html
 */
export const nextafter: BinaryFunction = (a, b) => {
  for (const x of [a, b])
    if (x instanceof Tensor && !isFloat(x.dtype))
      throw new DTypeError('nextafter', `a and b must be of float dtypes, got ${x.dtype}. Convert with .float()`)
  return next(a, b)
}

const next = defineBinary('nextafter', {
  domain: 'float',
  ofHalves: 'exact',
  forward: (a, b, dtype) => {
    const float = dtype as keyof typeof FLOATS
    const { wide } = FLOATS[float]
    const [x, y] = [graph.cast(a, wide), graph.cast(b, wide)]
    const most = rangeOf(dtype)[1]
    const isInfinite = graph.binary('eq', graph.unary('abs', x), Number.POSITIVE_INFINITY)
    const inward = graph.where(graph.binary('lt', x, 0), -most, graph.binary('min', x, most))
    const other = graph.where(isInfinite, graph.cast(inward, dtype), nextNumber(x, graph.binary('lt', x, y), float))
    const isNone = graph.binary('or', graph.binary('ne', x, x), graph.binary('ne', y, y))
    return graph.where(isNone, Number.NaN, graph.where(graph.binary('eq', x, y), b, other))
  },
  vjp: { a: 'none', b: 'none' },
})
