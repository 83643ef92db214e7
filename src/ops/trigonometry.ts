/** @file Angles and hyperbolic functions. Formulas keep their relative accuracy where the function is small, and do not overflow where it does not. */
import * as graph from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { lt } from './compare.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { abs, add, cos, div, mul, neg, rsqrt, square, sub, where } from './elementwise.ts'
import { lit } from './promote.ts'

const { unary, binary } = graph
type Node = graph.Node

/** The magnitude of `y` with the sign of `x`, −0 included. */
const withSignOf = (x: Node, y: Node): Node => graph.where(binary('lt', 0, x), y, graph.where(binary('lt', x, 0), unary('neg', y), x))
const one = (x: Tensor): Tensor => lit(1, x)

const inDegrees = (name: string, factor: number): UnaryFunction =>
  defineUnary(name, { forward: (x) => binary('mul', x, factor), vjp: (g) => mul(g, lit(factor, g)) })
/** Degrees as radians: x · π/180. @see https://pytorch.org/docs/stable/generated/torch.deg2rad.html */
export const deg2rad: UnaryFunction = inDegrees('deg2rad', Math.PI / 180)
/** Radians as degrees: x · 180/π. @see https://pytorch.org/docs/stable/generated/torch.rad2deg.html */
export const rad2deg: UnaryFunction = inDegrees('rad2deg', 180 / Math.PI)

/** Tangent of x in radians. @see https://pytorch.org/docs/stable/generated/torch.tan.html */
export const tan: UnaryFunction = defineUnary('tan', {
  autocast: 'float32',
  forward: (x) => binary('div', unary('sin', x), unary('cos', x)),
  saves: ['y'],
  vjp: (g, { y }) => mul(g, add(one(y), mul(y, y))), // 1 + tan²
})

/** (1 − x)(1 + x), in which nothing cancels. */
const rest = (x: Node): Node => binary('mul', binary('sub', 1, x), binary('add', 1, x))
const restOf = (x: Tensor): Tensor => mul(sub(one(x), x), add(one(x), x))

/** The angle from −π/2 to π/2 whose sine is x; NaN outside of [−1, 1]. @see https://pytorch.org/docs/stable/generated/torch.asin.html */
export const asin: UnaryFunction = defineUnary('asin', {
  autocast: 'float32',
  forward: (x) => binary('atan2', x, unary('sqrt', rest(x))),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, rsqrt(restOf(x))),
})
/** The angle from 0 to π whose cosine is x; NaN outside of [−1, 1]. @see https://pytorch.org/docs/stable/generated/torch.acos.html */
export const acos: UnaryFunction = defineUnary('acos', {
  autocast: 'float32',
  forward: (x) => binary('atan2', unary('sqrt', rest(x)), x),
  saves: ['x'],
  vjp: (g, { x }) => neg(mul(g, rsqrt(restOf(x)))),
})
/** The angle from −π/2 to π/2 whose tangent is x. @see https://pytorch.org/docs/stable/generated/torch.atan.html */
export const atan: UnaryFunction = defineUnary('atan', {
  forward: (x) => unary('atan', x),
  saves: ['x'],
  vjp: (g, { x }) => div(g, add(one(x), mul(x, x))),
})
/** The angle of the point (b, a), from −π to π: `atan2(y, x)`. @see https://pytorch.org/docs/stable/generated/torch.atan2.html */
export const atan2: BinaryFunction = defineBinary('atan2', {
  domain: 'float',
  autocast: 'widest',
  forward: (a, b) => binary('atan2', a, b),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: {
    a: (g, { a, b }) => mul(g, div(b, squares(a, b))),
    b: (g, { a, b }) => mul(g, div(neg(a), squares(a, b))),
  },
})
const squares = (a: Tensor, b: Tensor): Tensor => add(mul(a, a), mul(b, b))

/** (eˣ − e⁻ˣ)/2. @see https://pytorch.org/docs/stable/generated/torch.sinh.html */
export const sinh: UnaryFunction = defineUnary('sinh', {
  autocast: 'float32',
  forward: (x) => {
    const a = unary('abs', x)
    const e = unary('expm1', a)
    // (e + e/(e + 1))/2, and e^(a/2) e^(a/2)/2 where eᵃ may be infinite
    const near = binary('mul', binary('add', e, binary('div', e, binary('add', e, 1))), 0.5)
    return withSignOf(x, graph.where(binary('lt', a, 40), near, halfPower(a)))
  },
  saves: ['x'],
  vjp: (g, { x }) => mul(g, cosh(x)),
})
/** (eˣ + e⁻ˣ)/2. @see https://pytorch.org/docs/stable/generated/torch.cosh.html */
export const cosh: UnaryFunction = defineUnary('cosh', {
  autocast: 'float32',
  forward: (x) => {
    const a = unary('abs', x)
    const e = unary('exp', a)
    const near = binary('mul', binary('add', e, unary('recip', e)), 0.5)
    return graph.where(binary('lt', a, 40), near, halfPower(a))
  },
  saves: ['x'],
  vjp: (g, { x }) => mul(g, sinh(x)),
})
/** eᵃ/2 */
function halfPower(a: Node): Node {
  const root = unary('exp', binary('mul', a, 0.5))
  return binary('mul', binary('mul', root, 0.5), root)
}

/** From here on 1 + x² is x². */
const HUGE = 2 ** 28
/** log 2x of a large x. */
const logOfDouble = (x: Node): Node => binary('add', unary('log', x), Math.LN2)

/** The number whose hyperbolic sine is x. @see https://pytorch.org/docs/stable/generated/torch.asinh.html */
export const asinh: UnaryFunction = defineUnary('asinh', {
  forward: (x) => {
    const a = unary('abs', x)
    const square = binary('mul', a, a)
    // log(a + √(1 + a²)), by what its argument is more than 1
    const more = binary('add', a, binary('div', square, binary('add', 1, unary('sqrt', binary('add', 1, square)))))
    return withSignOf(x, graph.where(binary('lt', a, HUGE), unary('log1p', more), logOfDouble(a)))
  },
  saves: ['x'],
  vjp: (g, { x }) => div(g, hypot(x, one(x))),
})
/** The number ≥ 0 whose hyperbolic cosine is x; NaN below 1. @see https://pytorch.org/docs/stable/generated/torch.acosh.html */
export const acosh: UnaryFunction = defineUnary('acosh', {
  forward: (x) => {
    const t = binary('sub', x, 1)
    const more = binary('add', t, unary('sqrt', binary('mul', t, binary('add', x, 1))))
    return graph.where(binary('lt', unary('abs', x), HUGE), unary('log1p', more), logOfDouble(x))
  },
  saves: ['x'],
  // 1/√(x² − 1), of two roots: the square may be infinite
  vjp: (g, { x }) => mul(g, mul(rsqrt(sub(x, one(x))), rsqrt(add(x, one(x))))),
})
/** The number whose hyperbolic tangent is x; ±∞ at ±1, NaN outside. @see https://pytorch.org/docs/stable/generated/torch.atanh.html */
export const atanh: UnaryFunction = defineUnary('atanh', {
  forward: (x) => {
    const a = unary('abs', x)
    const more = binary('div', binary('add', a, a), binary('sub', 1, a))
    const y = binary('mul', unary('log1p', more), 0.5)
    // (past 1 the logarithm is of something below 0 too, but for ∞)
    return withSignOf(x, graph.where(binary('lt', 1, a), Number.NaN, y))
  },
  saves: ['x'],
  vjp: (g, { x }) => div(g, restOf(x)),
})

/** √(a² + b²), where neither square has to be a number; ∞ where a or b is. @see https://pytorch.org/docs/stable/generated/torch.hypot.html */
export const hypot: BinaryFunction = defineBinary('hypot', {
  domain: 'float',
  forward: (a, b) => {
    const [x, y] = [unary('abs', a), unary('abs', b)]
    const [most, least] = [binary('max', x, y), binary('min', x, y)]
    const ratio = binary('div', least, most)
    const length = binary('mul', most, unary('sqrt', binary('add', 1, binary('mul', ratio, ratio))))
    const isInfinite = (n: Node): Node => binary('eq', n, Number.POSITIVE_INFINITY)
    const plain = graph.where(binary('eq', most, 0), most, length)
    return graph.where(binary('or', isInfinite(x), isInfinite(y)), Number.POSITIVE_INFINITY, plain)
  },
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: { a: (g, { a, b }) => mul(g, div(a, hypot(a, b))), b: (g, { a, b }) => mul(g, div(b, hypot(a, b))) },
})

/** sin πx / πx, 1 at 0: exactly 0 at other whole numbers. @see https://pytorch.org/docs/stable/special.html#torch.special.sinc */
export const sinc: UnaryFunction = defineUnary('sinc', {
  forward: (x) => {
    // x less the whole number next to it is exact; the sign changes from one to the next
    const n = unary('round', x)
    const s = unary('sin', binary('mul', binary('sub', x, n), Math.PI))
    const half = binary('mul', n, 0.5)
    const turned = graph.where(binary('eq', unary('floor', half), half), s, unary('neg', s))
    const y = binary('div', turned, binary('mul', x, Math.PI))
    const atEnds = graph.where(binary('eq', unary('abs', x), Number.POSITIVE_INFINITY), Number.NaN, y)
    return graph.where(binary('eq', x, 0), 1, atEnds)
  },
  saves: ['x'],
  vjp: (g, { x }) => mul(g, sincSlope(x)),
})

/** The Taylor series of sinc in u = (πx)², its derivative in u: Σ (−1)ᵏ k uᵏ⁻¹ / (2k + 1)!, k from 1. */
const SLOPE: readonly number[] = Array.from({ length: 11 }, (_, i) => {
  let factorial = 1
  for (let n = 2; n <= 2 * i + 3; n++) factorial *= n
  return ((i % 2 ? 1 : -1) * (i + 1)) / factorial
})

/** (cos πx − sinc x)/x, and by the series below ½, where the two cancel. */
function sincSlope(x: Tensor): Tensor {
  const u = square(mul(x, lit(Math.PI, x)))
  const series = SLOPE.slice(0, -1).reduceRight((sum: Tensor, c) => add(mul(sum, u), lit(c, u)), lit(SLOPE.at(-1) as number, u))
  const near = lt(abs(x), lit(0.5, x))
  const safe = where(near, one(x), x)
  const far = div(sub(cos(mul(safe, lit(Math.PI, x))), sinc(safe)), safe)
  return where(near, mul(series, mul(x, lit(2 * Math.PI ** 2, x))), far)
}
