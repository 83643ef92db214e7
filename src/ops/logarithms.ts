/** @file Powers of two, logarithms, and what is made of them. */
import { DTypeError, isFloat, NUMBER, nullable, signature, underName } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { OPERAND, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, le, logicalAnd, logicalOr, lt } from './compare.ts'
import { cast } from './convert.ts'
import { castTo, defineComposition, defineMultiOutputOp } from './define.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { add, div, log, log1p, mul, pow, sigmoid, sub, where } from './elementwise.ts'
import { floatOf, lit, meet, number, type Operand } from './promote.ts'

/** 2ˣ, exact where x is a whole number. @see https://pytorch.org/docs/stable/special.html#torch.special.exp2 */
export const exp2: UnaryFunction = defineUnary('exp2', {
  forward: (x) => graph.unary('exp2', x),
  saves: ['y'],
  vjp: (g, { y }) => mul(g, mul(y, lit(Math.LN2, y))),
})

const defineLogarithm = (name: 'log2' | 'log10', base: number): UnaryFunction =>
  defineUnary(name, {
    autocast: 'float32',
    forward: (x) => graph.unary(name, x),
    saves: ['x'],
    vjp: (g, { x }) => div(g, mul(x, lit(Math.log(base), x))),
  })
/** Logarithm to base 2, exact where x is a power of 2. @see https://pytorch.org/docs/stable/generated/torch.log2.html */
export const log2: UnaryFunction = defineLogarithm('log2', 2)
/** Logarithm to base 10, exact where x is a power of 10. @see https://pytorch.org/docs/stable/generated/torch.log10.html */
export const log10: UnaryFunction = defineLogarithm('log10', 10)

// ── sums of powers ──

/** The larger, and what the other adds to it; equal infinities add nothing. */
function logarithmOfSum(a: graph.Node, b: graph.Node, base: 2 | undefined): graph.Node {
  const most = graph.binary('max', a, b)
  const apart = graph.unary('neg', graph.unary('abs', graph.binary('sub', a, b)))
  const part = graph.unary('log1p', graph.unary(base === 2 ? 'exp2' : 'exp', apart))
  const sum = graph.binary('add', most, base === 2 ? graph.binary('mul', part, Math.LOG2E) : part)
  const infinite = graph.binary('eq', graph.unary('abs', most), Number.POSITIVE_INFINITY)
  return graph.where(graph.binary('and', infinite, graph.binary('eq', a, b)), most, sum)
}

/** log(eᵃ + eᵇ), where neither power has to be a number. @see https://pytorch.org/docs/stable/generated/torch.logaddexp.html */
export const logaddexp: BinaryFunction = defineBinary('logaddexp', {
  domain: 'float',
  forward: (a, b) => logarithmOfSum(a, b, undefined),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  // (the share of a in the sum)
  vjp: { a: (g, { a, b }) => mul(g, sigmoid(sub(a, b))), b: (g, { a, b }) => mul(g, sigmoid(sub(b, a))) },
})

const share2 = (a: Tensor, b: Tensor): Tensor => sigmoid(mul(sub(a, b), lit(Math.LN2, a)))
/** log₂(2ᵃ + 2ᵇ), where neither power has to be a number. @see https://pytorch.org/docs/stable/generated/torch.logaddexp2.html */
export const logaddexp2: BinaryFunction = defineBinary('logaddexp2', {
  domain: 'float',
  forward: (a, b) => logarithmOfSum(a, b, 2),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: { a: (g, { a, b }) => mul(g, share2(a, b)), b: (g, { a, b }) => mul(g, share2(b, a)) },
})

// ── products with logarithms ──

const isNan = (x: graph.Node): graph.Node => graph.binary('ne', x, x)
/** a · y, and 0 where a is 0 unless b is NaN. */
const product = (a: graph.Node, b: graph.Node, y: graph.Node): graph.Node =>
  graph.where(isNan(b), b, graph.where(graph.binary('eq', a, 0), 0, graph.binary('mul', a, y)))
const isNothing = (a: Tensor, b: Tensor, end: number): Tensor => logicalAnd(eq(a, lit(0, a)), le(b, lit(end, b)))

/** a · log b, and 0 where a is 0, unless b is NaN. @see https://pytorch.org/docs/stable/special.html#torch.special.xlogy */
export const xlogy: BinaryFunction = defineBinary('xlogy', {
  domain: 'float',
  forward: (a, b) => product(a, b, graph.unary('log', b)),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: { a: (g, { a, b }) => mul(g, where(isNothing(a, b, 0), lit(0, g), log(b))), b: (g, { a, b }) => mul(g, div(a, b)) },
})
/** a · log(1 + b), and 0 where a is 0, unless b is NaN. @see https://pytorch.org/docs/stable/special.html#torch.special.xlog1py */
export const xlog1py: BinaryFunction = defineBinary('xlog1py', {
  domain: 'float',
  forward: (a, b) => product(a, b, graph.unary('log1p', b)),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: {
    a: (g, { a, b }) => mul(g, where(isNothing(a, b, -1), lit(0, g), log1p(b))),
    b: (g, { a, b }) => mul(g, div(a, add(b, lit(1, b)))),
  },
})

/** −x log x, 0 at 0 and −∞ below. @see https://pytorch.org/docs/stable/special.html#torch.special.entr */
export const entr: UnaryFunction = defineUnary('entr', {
  forward: (x) => {
    const y = graph.unary('neg', graph.binary('mul', x, graph.unary('log', x)))
    return graph.where(graph.binary('eq', x, 0), 0, graph.where(graph.binary('lt', x, 0), Number.NEGATIVE_INFINITY, y))
  },
  saves: ['x'],
  vjp: (g, { x }) => mul(g, sub(lit(-1, x), log(x))),
})

// ── the inverse of sigmoid ──

/** log(x / (1 − x)); next to ½, where the quotient is next to 1, by what it is more than 1. */
const logOdds: UnaryFunction = defineUnary('logOdds', {
  forward: (x) => {
    const rest = graph.binary('sub', 1, x)
    const near = graph.unary('log1p', graph.binary('div', graph.binary('sub', graph.binary('add', x, x), 1), rest))
    const middle = graph.binary('lt', graph.unary('abs', graph.binary('sub', x, 0.5)), 0.2)
    return graph.where(middle, near, graph.unary('log', graph.binary('div', x, rest)))
  },
  saves: ['x'],
  // NaN outside of [0, 1], where the function is
  vjp: (g, { x }) => {
    const rest = sub(lit(1, x), x)
    return div(g, where(logicalOr(lt(x, lit(0, x)), lt(rest, lit(0, x))), lit(Number.NaN, x), mul(x, rest)))
  },
})

/** x, or eps below it, or 1 − eps above that: in this order. */
function keptWithin(x: Tensor, eps: number): Tensor {
  const [least, most] = [number(eps, x.dtype), number(1 - eps, x.dtype)]
  return where(lt(x, least), least, where(lt(most, x), most, x))
}

/** The kind of the bound of {@link logit}. */
export const LOGIT_EPS: ReturnType<typeof nullable> = nullable(NUMBER)
const LOGIT = signature('logit', { x: TENSOR, eps: LOGIT_EPS })
/**
 * log(x / (1 − x)), the inverse of sigmoid; NaN outside of [0, 1]. With `eps`, x is first kept within [eps, 1 − eps], and outside of it the gradient is 0. (One of NaN keeps
 * nothing; one above ½ makes 1 − eps of what is above it, and eps of the rest.)
 * @see https://pytorch.org/docs/stable/special.html#torch.special.logit
 */
export const logit: (x: Tensor, eps?: number | null) => Tensor = defineComposition('logit', (x: Tensor, eps?: number | null) => {
  LOGIT.check(x, eps)
  const float = cast(x, floatOf(x.dtype))
  return logOdds(eps === undefined || eps === null ? float : keptWithin(float, eps))
})

// ── powers ──

signature('floatPower', { a: OPERAND, b: OPERAND })
/**
 * aᵇ in floats, also of integers: in float32, and in float64 where an operand is (PyTorch takes float64 for all).
 * @see https://pytorch.org/docs/stable/generated/torch.float_power.html
 */
export const floatPower: BinaryFunction = (a: Operand, b: Operand) => {
  const { a: x, b: y, dtype } = meet('floatPower', a, b, 'float')
  const wide = dtype === 'float64' ? dtype : 'float32'
  return underName('floatPower', () => pow(cast(x, wide), typeof b === 'number' ? b : cast(y, wide)))
}

const scaled = defineBinary('ldexp', {
  domain: 'float',
  forward: (a, b) => graph.binary('mul', a, graph.unary('exp2', b)),
  saves: { a: ['b'], b: ['y'] },
  vjp: { a: (g, { b }) => mul(g, exp2(b)), b: (g, { y }) => mul(g, mul(y, lit(Math.LN2, y))) },
})
/**
 * a · 2ᵇ, as a float. A tensor b of integers counts as one of float32, so beside halves the result is float32.
 * @see https://pytorch.org/docs/stable/generated/torch.ldexp.html
 */
export const ldexp: BinaryFunction = (a: Operand, b: Operand) =>
  scaled(a, b instanceof Tensor && !isFloat(b.dtype) ? underName('ldexp', () => castTo(b, 'float32')) : b)

/** What {@link frexp} gives: `mantissa` and `exponent`, also a tuple. */
export type MantissaExponent = readonly [mantissa: Tensor, exponent: Tensor] & {
  /** ½ ≤ |mantissa| < 1; 0, ±∞ and NaN are their own. */
  readonly mantissa: Tensor
  /** int32. */
  readonly exponent: Tensor
}

const parts = defineMultiOutputOp('frexp', {
  inputs: ['x'],
  outputs: ['mantissa', 'exponent'],
  forward: (x, _: undefined) => {
    const wide = x.dtype === 'float64' ? x : graph.cast(x, 'float32')
    const size = graph.unary('abs', wide)
    const other = graph.binary('or', graph.binary('eq', size, 0), graph.unary('not', graph.binary('lt', size, Number.POSITIVE_INFINITY)))
    const safe = graph.where(other, 1, size)
    // log₂ may be rounded up to the next whole number, or down from it
    const guess = graph.unary('floor', graph.unary('log2', safe))
    const timesPower = (e: graph.Node): graph.Node => {
      const half = graph.unary('trunc', graph.binary('mul', e, 0.5))
      const factor = (k: graph.Node): graph.Node => graph.unary('exp2', graph.unary('neg', k))
      return graph.rounded(graph.binary('mul', graph.binary('mul', safe, factor(half)), factor(graph.binary('sub', e, half))))
    }
    const m = timesPower(guess) // about 1 to 2
    const up = graph.cast(graph.binary('le', 2, m), m.dtype)
    const down = graph.cast(graph.binary('lt', m, 1), m.dtype)
    const e = graph.binary('add', graph.binary('sub', graph.binary('add', guess, up), down), 1)
    const sign = graph.where(graph.binary('lt', wide, 0), -1, graph.constant(1, wide.dtype, wide.placement))
    const mantissa = graph.where(other, wide, graph.binary('mul', timesPower(e), sign))
    return [graph.cast(mantissa, x.dtype), graph.cast(graph.where(other, 0, e), 'int32')]
  },
  saves: { x: ['exponent'] },
  vjp: { x: ([g], { exponent }) => ldexp(g as Tensor, mul(exponent, lit(-1, exponent))) },
  half: 'keep',
})
const FREXP = signature('frexp', { x: TENSOR })
/**
 * x as mantissa · 2^exponent, ½ ≤ |mantissa| < 1, exactly.
 * @throws DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.frexp.html
 */
export function frexp(x: Tensor): MantissaExponent {
  FREXP.check(x)
  if (!isFloat(x.dtype)) throw new DTypeError('frexp', `x must be of a float dtype, got ${x.dtype}. Convert with .float()`)
  const [mantissa, exponent] = parts(x, undefined)
  return Object.assign([mantissa, exponent] as const, { mantissa, exponent })
}
