import * as graph from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { maximum, minimum } from './clamp.ts'
import { gt, lt } from './compare.ts'
import { to } from './convert.ts'
import { hostLeaf } from './create.ts'
import { defineOp } from './define.ts'
import { type Attempt, Draws, firstAccepted, log, minus, over, plus, sqrt, times } from './draws.ts'
import { abs, add, div, exp, expm1, log1p, mul, neg, sqrt as root, sub, where } from './elementwise.ts'
import { digamma } from './gamma.ts'
import type { Generator } from './generator.ts'
import { lit } from './promote.ts'
import { sum } from './reduce.ts'
import { unsqueeze } from './view.ts'

/** An attempt is accepted with a probability of more than 0.95, so all fail with one of less than 10⁻¹³. */
const ROUNDS = 10

/**
 * log z of z by Gamma(α, 1) for each α: G. Marsaglia and W. W. Tsang, A Simple Method for Generating Gamma Variables (2000); of α below 1 as
 * z(α + 1) · U^(1/α).
 */
function logSamples(alpha: graph.Node, generator: Generator | undefined): graph.Node {
  const { shape, placement } = alpha
  const dtype = alpha.dtype as 'float32' | 'float64'
  const small = graph.binary('lt', alpha, 1)
  const d = minus(graph.where(small, plus(alpha, 1), alpha), 1 / 3)
  const c = over(1, sqrt(times(d, 9)))
  const attempt = (draws: Draws): Attempt => {
    const x = draws.normal()
    const side = times(c, x)
    const third = graph.unary('log1p', graph.binary('max', side, -0.999999))
    const v = graph.unary('exp', times(third, 3))
    const bound = plus(times(times(x, x), 0.5), times(d, plus(minus(1, v), times(third, 3))))
    const below = graph.binary('lt', log(minus(1, draws.uniform())), bound)
    return { value: times(third, 3), accepted: graph.binary('and', below, graph.binary('lt', -0.999999, side)) }
  }
  const taken = firstAccepted(ROUNDS, { generator, dtype, placement }, shape, attempt, graph.constant(0, dtype))
  const time = new Draws(generator, shape, dtype, placement).exponential()
  return minus(plus(log(d), taken), graph.where(small, over(time, alpha), 0))
}

/** Nodes and weights of Gauss and Legendre on [0, 1], n of each: roots of Legendre's polynomial by Newton's iteration. */
function legendre(n: number): { nodes: Float64Array; weights: Float64Array } {
  const [nodes, weights] = [new Float64Array(n), new Float64Array(n)]
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5))
    let slope = 1
    for (let step = 0; step < 8; step++) {
      let [before, p] = [1, x]
      for (let k = 2; k <= n; k++) [before, p] = [p, ((2 * k - 1) * x * p - (k - 1) * before) / k]
      slope = (n * (x * p - before)) / (x * x - 1)
      x -= p / slope
    }
    nodes[i] = (1 + x) / 2
    weights[i] = 1 / ((1 - x * x) * slope * slope)
  }
  return { nodes, weights }
}

const { nodes: NODES, weights: WEIGHTS } = legendre(64)
/** From here on e⁻ˣ is nothing in float64. */
const CUT = 36

const quadrature = (values: Float64Array, like: Tensor): Tensor => {
  const { placement } = like._node
  const leaf = hostLeaf(
    like.dtype === 'float64' ? values : Float32Array.from(values),
    [values.length],
    like.dtype === 'float64' ? 'float64' : 'float32',
  )
  return placement === 'auto' ? leaf : to(leaf, { device: placement.name })
}

/**
 * d log z / dα of a sample z with the place in its distribution held: −(∂F/∂α) / (z f). With t = z e^±y the incomplete gamma integral beyond z, or below it where z is
 * less than α, becomes ∫ exp(−|z − α| y − z (e^±y − 1 ∓ y)) (log z ± y − ψ(α)) dy over y ≥ 0: smooth, and nothing beyond a known end.
 * @see M. Figurnov et al., Implicit Reparameterization Gradients (2018), for the principle
 */
function slope(logZ: Tensor, alpha: Tensor): Tensor {
  const z = exp(logZ)
  const beyond = gt(z, alpha)
  const sign = unsqueeze(where(beyond, lit(1, z), lit(-1, z)), -1)
  const farther = minimum(root(div(2 * CUT, z)), maximum(log1p(div(2 * CUT, z)), 1.26))
  const nearer = div(add(root(add(mul(alpha, 2 * CUT), CUT * CUT)), CUT), alpha)
  const end = unsqueeze(where(beyond, farther, nearer), -1)
  const y = mul(end, quadrature(NODES, z))
  const signed = mul(sign, y)
  const square = mul(signed, signed)
  const series = mul(square, add(mul(signed, add(mul(signed, add(mul(signed, add(mul(signed, 1 / 720), 1 / 120)), 1 / 24)), 1 / 6)), 0.5))
  const curve = where(lt(y, 0.1), series, sub(expm1(signed), signed))
  const away = unsqueeze(abs(sub(z, alpha)), -1)
  const height = exp(neg(add(mul(away, y), mul(unsqueeze(z, -1), curve))))
  const tilt = add(unsqueeze(sub(logZ, digamma(alpha)), -1), signed)
  return sum(mul(mul(mul(height, tilt), mul(sign, end)), quadrature(WEIGHTS, z)), -1)
}

/** log z of z by Gamma(α, 1), for each concentration α, with a gradient. */
export const logGammaSample: (concentration: Tensor, generator: Generator | undefined) => Tensor = defineOp('logGammaSample', {
  inputs: ['concentration'],
  forward: (alpha, generator: Generator | undefined) => logSamples(alpha, generator),
  saves: { concentration: ['concentration', 'y'] },
  vjp: { concentration: (g, { concentration, y }) => mul(g, slope(y, concentration)) },
  half: 'keep',
})
