/** @file Inverses of the error function, the normal distribution function, and its logarithm. */
import * as graph from '../graph/index.ts'
import { defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { add, exp, mul, neg, square } from './elementwise.ts'
import { lit } from './promote.ts'

const { unary, binary } = graph
type Node = graph.Node

/** Below it erf has the better relative accuracy, above it erfc. */
const MIDDLE = 0.75
/** The Taylor series of the inverse of erf, in odd powers of √π/2 · x: A. Strecok, Mathematics of Computation 22 (1968). */
const NEAR = [127 / 630, 7 / 30, 1 / 3] as const
const ROOT_PI = Math.sqrt(Math.PI)

/**
 * The y ≥ 0 with erf y = a and erfc y = q, where a + q = 1 and both are ≥ 0. A first guess, by the series or by S. Winitzki's formula (A handy approximation for
 * the error function and its inverse, 2008), to 1 %; then steps of Halley's method on erf y = a, or of Newton's on log erfc y = log q, which is nearly straight.
 */
function inverseErf(a: Node, q: Node): Node {
  const isNear = binary('lt', a, MIDDLE)
  const z = binary('mul', binary('mul', a, a), Math.PI / 4)
  const series = binary('add', binary('mul', binary('add', binary('mul', z, NEAR[0]), NEAR[1]), z), NEAR[2])
  const near = binary('mul', binary('mul', a, ROOT_PI / 2), binary('add', binary('mul', series, z), 1))
  const logQ = unary('log', q)
  const l = binary('add', logQ, unary('log1p', a))
  const t = binary('add', binary('mul', l, 0.5), 2 / (Math.PI * 0.147))
  const root = unary('sqrt', binary('sub', binary('mul', t, t), binary('mul', l, 1 / 0.147)))
  const far = unary('sqrt', binary('sub', root, t))
  let y = graph.where(isNear, near, far)
  for (let step = 0; step < (a.dtype === 'float64' ? 3 : 2); step++) {
    const slope = binary('mul', unary('exp', unary('neg', binary('mul', y, y))), 2 / ROOT_PI)
    const u = binary('div', binary('sub', unary('erf', y), a), slope)
    const halley = binary('div', u, binary('add', binary('mul', y, u), 1))
    const tail = unary('erfc', y)
    const newton = binary('div', binary('mul', binary('sub', logQ, unary('log', tail)), tail), slope)
    y = binary('sub', y, graph.where(isNear, halley, newton))
  }
  return graph.where(binary('eq', q, 0), Number.POSITIVE_INFINITY, y)
}

/** The y with erf y = x: ±∞ at ±1, NaN outside. @see https://pytorch.org/docs/stable/special.html#torch.special.erfinv */
export const erfinv: UnaryFunction = defineUnary('erfinv', {
  autocast: 'float32',
  forward: (x) => {
    const a = unary('abs', x)
    const y = inverseErf(a, binary('sub', 1, a))
    const within = graph.where(binary('le', a, 1), y, Number.NaN)
    return graph.where(binary('lt', 0, x), within, graph.where(binary('lt', x, 0), unary('neg', within), x))
  },
  saves: ['y'],
  vjp: (g, { y }) => mul(g, mul(exp(square(y)), lit(ROOT_PI / 2, y))),
})

/** The normal distribution function, ½ erfc(−x/√2). @see https://pytorch.org/docs/stable/special.html#torch.special.ndtr */
export const ndtr: UnaryFunction = defineUnary('ndtr', {
  forward: (x) => normal(x),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, mul(exp(mul(square(x), lit(-0.5, x))), lit(1 / Math.sqrt(2 * Math.PI), x))),
})

// ── its logarithm ──

/** From z on the tail of the normal distribution is a continued fraction, and how many levels of it leave nothing out. */
const TAIL = { float64: { from: 8, levels: 14 }, float32: { from: 5, levels: 8 } } as const
const tailOf = (x: Node): (typeof TAIL)['float64' | 'float32'] => TAIL[x.dtype === 'float64' ? 'float64' : 'float32']

/** φ(x) / Φ(x) where x ≤ −z: z + 1/(z + 2/(z + 3/(z + …))), P. S. Laplace's fraction; elsewhere that of −z. */
function tailHazard(x: Node): Node {
  const { from, levels } = tailOf(x)
  const z = binary('max', unary('neg', x), from)
  let fraction = z
  for (let i = levels; i >= 1; i--) fraction = binary('add', z, binary('div', i, fraction))
  return fraction
}
const isTail = (x: Node): Node => binary('lt', x, -tailOf(x).from)
/** ½ erfc(−x/√2) */
const normal = (x: Node): Node => binary('mul', unary('erfc', binary('mul', x, -Math.SQRT1_2)), 0.5)
/** log φ(x) */
const logDensity = (x: Node): Node => binary('sub', binary('mul', binary('mul', x, x), -0.5), Math.log(2 * Math.PI) / 2)

/** φ(x) / Φ(x), the slope of log Φ: a number wherever x is one, far out too. */
const normalHazard: UnaryFunction = defineUnary('normalHazard', {
  forward: (x) => {
    const near = binary('max', x, -tailOf(x).from)
    const middle = binary('div', unary('exp', logDensity(near)), normal(near))
    return graph.where(isTail(x), tailHazard(x), middle)
  },
  saves: ['x'],
  vjp: (g, { x }) => {
    const slope = normalHazard(x)
    return neg(mul(g, mul(slope, add(x, slope))))
  },
})

/** The logarithm of {@link ndtr}, accurate in both tails. @see https://pytorch.org/docs/stable/special.html#torch.special.log_ndtr */
export const logNdtr: UnaryFunction = defineUnary('logNdtr', {
  forward: (x) => {
    const tail = binary('sub', logDensity(x), unary('log', tailHazard(x)))
    const left = graph.where(isTail(x), tail, unary('log', normal(x)))
    const right = unary('log1p', unary('neg', normal(unary('neg', x))))
    return graph.where(binary('lt', x, -1), left, right)
  },
  saves: ['x'],
  vjp: (g, { x }) => mul(g, normalHazard(x)),
})

/** The inverse of {@link ndtr}: ∓∞ at 0 and 1, NaN outside. @see https://pytorch.org/docs/stable/special.html#torch.special.ndtri */
export const ndtri: UnaryFunction = defineUnary('ndtri', {
  forward: (x) => {
    const least = binary('min', x, binary('sub', 1, x))
    const q = binary('add', least, least)
    const y = binary('mul', inverseErf(binary('sub', 1, q), q), Math.SQRT2)
    const within = graph.where(binary('le', 0, least), y, Number.NaN)
    return graph.where(binary('lt', x, 0.5), unary('neg', within), within)
  },
  saves: ['x'], // (of y rounded to a half, the exponential would be far off)
  vjp: (g, { x }) => {
    const y = ndtri(x)
    return mul(g, mul(exp(mul(square(y), lit(0.5, y))), lit(Math.sqrt(2 * Math.PI), y)))
  },
})
