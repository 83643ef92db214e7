/** @file Whole numbers next to a number, and what is left of it. */
import {
  type DType,
  DTypeError,
  options as describe,
  isFloat,
  isHalf,
  type Options,
  optional,
  signature,
  underName,
  WHOLE,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'
import { defineUnary, type UnaryFunction } from './define-elementwise.ts'
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
