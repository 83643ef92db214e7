/** @file The gamma function's logarithm and derivatives, the incomplete gamma functions, and Bessel functions. */
import { COUNT, signature, whole } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, TENSOR, Tensor } from '../tensor/index.ts'
import { lt } from './compare.ts'
import { cast } from './convert.ts'
import { defineComposition, defineOp } from './define.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { abs, add, div, log, mul, neg, sign, sub, where } from './elementwise.ts'
import { floatOf, lit } from './promote.ts'
import { sum } from './reduce.ts'
import { unsqueeze } from './view.ts'

/** log |Γ(x)|; ∞ at 0, −1, −2, … @see https://pytorch.org/docs/stable/generated/torch.lgamma.html */
export const lgamma: UnaryFunction = defineUnary('lgamma', {
  forward: (x) => graph.unary('lgamma', x),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, digamma(x)),
})

/** The derivative of log Γ(x); ∓∞ at ±0, NaN at −1, −2, … @see https://pytorch.org/docs/stable/special.html#torch.special.digamma */
export const digamma: UnaryFunction = defineUnary('digamma', {
  forward: (x) => graph.unary('digamma', x),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, derivative(x, 1)),
})

/** Hurwitz's zeta function Σ (b + k)⁻ᵃ over k ≥ 0: ∞ at its poles, NaN where a < 1. Its gradient is that in b. */
const zetaOf = defineBinary('zeta', {
  domain: 'float',
  forward: (a, b) => graph.binary('zeta', a, b),
  saves: { b: ['a', 'b'] },
  vjp: { a: 'none', b: (g, { a, b }) => mul(g, neg(mul(a, zeta(add(a, lit(1, a)), b)))) },
})
/** Hurwitz's zeta function Σ (b + k)⁻ᵃ over k ≥ 0: ∞ at its poles, NaN where a < 1. The gradient is that in b. @see https://pytorch.org/docs/stable/special.html#torch.special.zeta */
export const zeta: BinaryFunction = zetaOf

/** n! */
function factorial(n: number): number {
  let product = 1
  for (let i = 2; i <= n && product < Number.POSITIVE_INFINITY; i++) product *= i
  return product
}

/** The n-th derivative of ψ, n ≥ 1: (−1)ⁿ⁺¹ n! ζ(n + 1, x), DLMF 25.11.12. n is one of few, so it is compiled in. */
const derivative: (x: Tensor, n: number) => Tensor = defineOp('polygamma', {
  inputs: ['x'],
  forward: (x, n: number) => {
    const float = graph.cast(x, floatOf(x.dtype))
    const wide = float.dtype === 'float64' ? float : graph.cast(float, 'float32')
    const y = graph.binary('zeta', n + 1, wide)
    return graph.cast(graph.binary('mul', y, (n % 2 ? 1 : -1) * factorial(n)), float.dtype)
  },
  saves: { x: ['x'] },
  vjp: { x: (g, { x }, n) => mul(g, derivative(x, n + 1)) },
  half: 'keep',
})

const POLYGAMMA = signature('polygamma', { n: COUNT, x: TENSOR })
/**
 * The n-th derivative of {@link digamma}: `polygamma(n, x)`, and `x.polygamma(n)`.
 * @throws ArgumentError unless n is a whole number ≥ 0.
 * @see https://pytorch.org/docs/stable/special.html#torch.special.polygamma
 */
export function polygamma(n: number, x: Tensor): Tensor {
  POLYGAMMA.check(n, x)
  return n === 0 ? digamma(x) : derivative(x, n)
}

const MVLGAMMA = signature('mvlgamma', { x: TENSOR, p: whole(1) })
/**
 * The logarithm of the multivariate gamma function of dimension p: p (p − 1)/4 · log π + Σ log Γ(x − i/2), i from 0 to p − 1.
 * @throws ArgumentError unless p is a whole number ≥ 1.
 * @see https://pytorch.org/docs/stable/special.html#torch.special.multigammaln
 */
export const mvlgamma: (x: Tensor, p: number) => Tensor = defineComposition('mvlgamma', (x: Tensor, p: number) => {
  MVLGAMMA.check(x, p)
  const float = cast(x, floatOf(x.dtype))
  checkSize('mvlgamma', [...x.shape, p])
  const halves = mul(cast(new Tensor(graph.iota(p, x._node.placement)), float.dtype), lit(0.5, float))
  const total = sum(lgamma(sub(unsqueeze(float, -1), halves)), -1)
  return add(total, lit((p * (p - 1) * Math.log(Math.PI)) / 4, total))
})

// ── incomplete gamma functions ──

/** bᵃ⁻¹ e⁻ᵇ / Γ(a), the slope of P(a, b) in b; DLMF 8.8.13. */
const gammapdf: BinaryFunction = defineBinary('gammapdf', {
  domain: 'float',
  forward: (a, b) => graph.binary('gammapdf', a, b),
  saves: { a: ['a', 'b', 'y'], b: ['a', 'b', 'y'] },
  vjp: {
    a: (g, { a, b, y }) => mul(g, mul(y, sub(log(b), digamma(a)))),
    b: (g, { a, b, y }) => mul(g, mul(y, sub(div(sub(a, lit(1, a)), b), lit(1, a)))),
  },
})

/** P(a, b) or Q(a, b). */
const incompleteGamma = (name: 'igamma' | 'igammac'): BinaryFunction =>
  defineBinary(name, {
    domain: 'float',
    forward: (a, b) => graph.binary(name, a, b),
    saves: { b: ['a', 'b'] },
    vjp: {
      a: 'none',
      b: (g, { a, b }) => mul(name === 'igamma' ? g : neg(g), gammapdf(a, b)),
    },
  })

/**
 * The regularised lower incomplete gamma function P(a, x), the integral of tᵃ⁻¹ e⁻ᵗ / Γ(a) from 0 to x (DLMF 8.2.4), for a ≥ 0 and x ≥ 0; NaN elsewhere, and where both
 * are 0 or both ∞. Shapes broadcast; integers are computed as float32. The gradient is that in x, which at the ends is its limit; a has none, as in PyTorch.
 * @throws ShapeError where the shapes do not broadcast.
 * @see https://pytorch.org/docs/stable/special.html#torch.special.gammainc
 */
export const igamma: BinaryFunction = incompleteGamma('igamma')

/**
 * The regularised upper incomplete gamma function Q(a, x) = 1 − P(a, x) of {@link igamma}, computed so that it keeps its digits where it is small (DLMF 8.2.4). Shapes
 * broadcast; integers are computed as float32. The gradient is that in x; a has none, as in PyTorch.
 * @throws ShapeError where the shapes do not broadcast.
 * @see https://pytorch.org/docs/stable/special.html#torch.special.gammaincc
 */
export const igammac: BinaryFunction = incompleteGamma('igammac')

// ── Bessel functions ──

/** e^−|x| I₀(x). @see https://pytorch.org/docs/stable/special.html#torch.special.i0e */
export const i0e: UnaryFunction = defineUnary('i0e', {
  forward: (x) => graph.unary('i0e', x),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, sub(i1e(x), mul(sign(x), i0e(x)))),
})
/** e^−|x| I₁(x). @see https://pytorch.org/docs/stable/special.html#torch.special.i1e */
export const i1e: UnaryFunction = defineUnary('i1e', {
  forward: (x) => graph.unary('i1e', x),
  saves: ['x'],
  vjp: (g, { x }) => {
    const y = i1e(x)
    return mul(g, sub(i0e(x), add(mul(y, sign(x)), perUnit(y, x))))
  },
})
/** I₁(x)/x, which is ½ at 0. */
function perUnit(y: Tensor, x: Tensor): Tensor {
  const tiny = lt(abs(x), lit(1e-30, x))
  return where(tiny, lit(0.5, x), div(y, where(tiny, lit(1, x), x)))
}

/** e^|x| in two factors: it may be infinite where what it is multiplied by makes a number of it. */
const grown = (x: graph.Node, scaled: 'i0e' | 'i1e'): graph.Node => {
  const root = graph.unary('exp', graph.binary('mul', graph.unary('abs', x), 0.5))
  return graph.binary('mul', graph.binary('mul', graph.unary(scaled, x), root), root)
}
/** The modified Bessel function of the first kind, I₀(x); NaN of ±∞. @see https://pytorch.org/docs/stable/special.html#torch.special.i0 */
export const i0: UnaryFunction = defineUnary('i0', {
  forward: (x) => grown(x, 'i0e'),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, i1(x)),
})
/** The modified Bessel function of the first kind, I₁(x); NaN of ±∞. @see https://pytorch.org/docs/stable/special.html#torch.special.i1 */
export const i1: UnaryFunction = defineUnary('i1', {
  forward: (x) => grown(x, 'i1e'),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, sub(i0(x), perUnit(i1(x), x))),
})
