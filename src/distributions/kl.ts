/** @file Kullback and Leibler's divergence ∫ p log(p/q), in closed form for pairs of one family and some others. */
import { ArgumentError, instanceOf, ShapeError, showShape, signature, underName } from '../base/index.ts'
import * as ops from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { Independent } from './composed.ts'
import { Exponential, Laplace, LogNormal, Normal, Uniform } from './continuous.ts'
import { Bernoulli, Categorical, Geometric, OneHotCategorical, Poisson } from './discrete.ts'
import { Distribution, sumLast } from './distribution.ts'
import { Beta, Dirichlet, Gamma } from './gamma.ts'
import { logDiagonal, MultivariateNormal, solveLower } from './multivariate-normal.ts'

type Class<D> = abstract new (...args: never[]) => D
interface Pair {
  readonly p: Class<Distribution>
  readonly q: Class<Distribution>
  readonly divergence: (p: Distribution, q: Distribution) => Tensor
}
const pairs: Pair[] = []
const pair = <P extends Distribution, Q extends Distribution>(p: Class<P>, q: Class<Q>, divergence: (p: P, q: Q) => Tensor): void => {
  pairs.push({ p, q, divergence: divergence as Pair['divergence'] })
}

const normals = (p: Normal, q: Normal): Tensor => {
  const ratio = p.scale.div(q.scale).square()
  const away = p.loc.sub(q.loc).div(q.scale).square()
  return ratio.add(away).sub(1).sub(ratio.log()).mul(0.5)
}
pair(Normal, Normal, normals)
pair(LogNormal, LogNormal, (p, q) => normals(p.base, q.base))
/** Σ p (log p − log q), where p is 0 nothing. */
const shares = (p: Tensor, logP: Tensor, logQ: Tensor): Tensor => ops.where(p.eq(0), 0, p.mul(logP.sub(logQ)))
pair(Bernoulli, Bernoulli, (p, q) => {
  const failing = p.probs.neg().add(1)
  const successes = ops.where(p.probs.eq(0), 0, p.probs.mul(ops.softplus(q.logits.neg()).sub(ops.softplus(p.logits.neg()))))
  return successes.add(ops.where(failing.eq(0), 0, failing.mul(ops.softplus(q.logits).sub(ops.softplus(p.logits)))))
})
pair(Categorical, Categorical, (p, q) => shares(p.probs, p.logits, q.logits).sum(-1))
pair(OneHotCategorical, OneHotCategorical, (p, q) => shares(p.probs, p.logits, q.logits).sum(-1))
pair(Geometric, Geometric, (p, q) => p.entropy().neg().sub(q.probs.neg().log1p().div(p.probs)).sub(q.logits))
pair(Poisson, Poisson, (p, q) => p.rate.mul(p.rate.log().sub(q.rate.log())).sub(p.rate.sub(q.rate)))
pair(Exponential, Exponential, (p, q) => {
  const ratio = q.rate.div(p.rate)
  return ratio.sub(ratio.log()).sub(1)
})
pair(Laplace, Laplace, (p, q) => {
  const ratio = p.scale.div(q.scale)
  const away = p.loc.sub(q.loc).abs()
  return away
    .div(q.scale)
    .add(ratio.mul(away.neg().div(p.scale).exp()))
    .sub(ratio.log())
    .sub(1)
})
pair(Uniform, Uniform, (p, q) => {
  const inside = q.low.le(p.low).logicalAnd(q.high.ge(p.high))
  return ops.where(inside, q.high.sub(q.low).div(p.high.sub(p.low)).log(), Number.POSITIVE_INFINITY)
})
pair(Uniform, Normal, (p, q) => {
  const away = p.mean.sub(q.loc).square().add(p.variance).div(q.scale.square()).mul(0.5)
  return away
    .add(q.scale.log())
    .add(0.5 * Math.log(2 * Math.PI))
    .sub(p.high.sub(p.low).log())
})
pair(Gamma, Gamma, (p, q) => {
  const [a, b] = [p.concentration, q.concentration]
  const constants = b.mul(p.rate.div(q.rate).log()).add(b.lgamma()).sub(a.lgamma())
  return constants.add(a.sub(b).mul(a.digamma())).add(q.rate.sub(p.rate).mul(a.div(p.rate)))
})
pair(Exponential, Gamma, (p, q) => {
  const ratio = q.rate.div(p.rate)
  const c = q.concentration
  return c
    .mul(ratio.log())
    .neg()
    .add(ratio)
    .add(c.lgamma())
    .add(c.mul(EULER))
    .sub(1 + EULER)
})
pair(Gamma, Exponential, (p, q) => p.entropy().neg().sub(q.rate.log()).add(q.rate.mul(p.mean)))
/** −ψ(1). */
const EULER = 0.577_215_664_901_532_9
pair(Beta, Beta, (p, q) => {
  const [a, b, c, d] = [p.concentration1, p.concentration0, q.concentration1, q.concentration0]
  const constants = a.add(b).lgamma().add(c.lgamma()).add(d.lgamma()).sub(c.add(d).lgamma()).sub(a.lgamma()).sub(b.lgamma())
  return constants
    .add(a.sub(c).mul(a.digamma()))
    .add(b.sub(d).mul(b.digamma()))
    .add(c.add(d).sub(a.add(b)).mul(a.add(b).digamma()))
})
pair(Dirichlet, Dirichlet, (p, q) => {
  const [a, b] = [p.concentration, q.concentration]
  const total = a.sum(-1)
  const constants = total.lgamma().sub(b.sum(-1).lgamma()).sub(a.lgamma().sub(b.lgamma()).sum(-1))
  return constants.add(
    a
      .sub(b)
      .mul(a.digamma().sub(total.digamma().unsqueeze(-1)))
      .sum(-1),
  )
})
pair(MultivariateNormal, MultivariateNormal, (p, q) => {
  const n = p.eventShape[0] as number
  // the columns of q's inverse factor times p's
  const columns = Array.from({ length: n }, (_, j) => solveLower(q.scaleTril, p.scaleTril.select(-1, j)).square().sum(-1))
  const spread = columns.reduce((sum, each) => sum.add(each))
  const away = solveLower(q.scaleTril, q.loc.sub(p.loc)).square().sum(-1)
  return logDiagonal(q.scaleTril).sub(logDiagonal(p.scaleTril)).add(spread.add(away).sub(n).mul(0.5))
})
pair(Independent, Independent, (p, q) => {
  if (p.reinterpretedBatchNdims !== q.reinterpretedBatchNdims)
    throw new ArgumentError('klDivergence', `${p.reinterpretedBatchNdims} and ${q.reinterpretedBatchNdims} batch dims are those of events`)
  return sumLast(klDivergence(p.base, q.base), p.reinterpretedBatchNdims)
})

const DISTRIBUTION = instanceOf(Distribution, 'a Distribution')
const KL_DIVERGENCE = signature('klDivergence', { p: DISTRIBUTION, q: DISTRIBUTION })

/**
 * Kullback and Leibler's divergence of `q` from `p`, ∫ p log(p/q), for each element of the batch.
 * @throws ArgumentError for a pair of families of which no closed form is here; ShapeError where events differ in shape.
 * @see https://pytorch.org/docs/stable/distributions.html#torch.distributions.kl.kl_divergence
 */
export function klDivergence(p: Distribution, q: Distribution): Tensor {
  KL_DIVERGENCE.check(p, q)
  const known = pairs.find((each) => p instanceof each.p && q instanceof each.q)
  if (!known) throw new ArgumentError('klDivergence', `there is no closed form here of ${p.constructor.name} and ${q.constructor.name}`)
  if (p.eventShape.join() !== q.eventShape.join())
    throw new ShapeError('klDivergence', `events differ: p's are ${showShape(p.eventShape)}, q's ${showShape(q.eventShape)}`, [
      p.eventShape,
      q.eventShape,
    ])
  return underName('klDivergence', () => known.divergence(p, q))
}
