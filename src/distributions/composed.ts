/** @file Distributions made of others: events of independent elements, and mixtures. */
import { counted, instanceOf, optional, type Shape, ShapeError, showShape, signature, whole } from '../base/index.ts'
import type * as ops from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { Categorical } from './discrete.ts'
import { DISTRIBUTION_OPTIONS, Distribution, type DistributionOptions, sumLast } from './distribution.ts'

const DISTRIBUTION = instanceOf(Distribution, 'a Distribution')
const INDEPENDENT = signature('Independent', {
  base: DISTRIBUTION,
  reinterpretedBatchNdims: whole(0),
  options: optional(DISTRIBUTION_OPTIONS),
})

/** The last dims of a batch as dims of the event: their log probabilities are added. @see https://pytorch.org/docs/stable/distributions.html#independent */
export class Independent extends Distribution {
  /** The distribution of the elements; its batch shape is [...batchShape, and the reinterpreted dims]. */
  readonly base: Distribution
  /** How many of the last dims of the base's batch are dims of the event. */
  readonly reinterpretedBatchNdims: number
  constructor(base: Distribution, reinterpretedBatchNdims: number, options?: DistributionOptions) {
    INDEPENDENT.check(base, reinterpretedBatchNdims, options)
    const own = base.batchShape.length - reinterpretedBatchNdims
    if (own < 0)
      throw new ShapeError(
        'Independent',
        `the batch ${showShape(base.batchShape)} has fewer than ${counted(reinterpretedBatchNdims, 'dim')}`,
        [base.batchShape],
      )
    super(base.batchShape.slice(0, own), [...base.batchShape.slice(own), ...base.eventShape], options)
    this.base = base
    this.reinterpretedBatchNdims = reinterpretedBatchNdims
  }
  override get hasRsample(): boolean {
    return this.base.hasRsample
  }
  get mean(): Tensor {
    return this.base.mean
  }
  get variance(): Tensor {
    return this.base.variance
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    const dims = this.base.batchShape.slice(this.batchShape.length)
    return new Independent(this.base.expand([...shape, ...dims]), this.reinterpretedBatchNdims, this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const samples = shape.slice(0, shape.length - this.batchShape.length - this.eventShape.length)
    const options = { ...(generator && { generator }) }
    return this.hasRsample ? this.base.rsample(samples, options) : this.base.sample(samples, options)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    return sumLast(this.base.logProb(value), this.reinterpretedBatchNdims)
  }
  /** @internal The base checks it. */
  protected _checkValue(): void {}
  override entropy(): Tensor {
    return sumLast(this.base.entropy(), this.reinterpretedBatchNdims)
  }
}

const MIXTURE = signature('MixtureSameFamily', {
  mixtureDistribution: instanceOf(Categorical, 'a Categorical'),
  componentDistribution: DISTRIBUTION,
  options: optional(DISTRIBUTION_OPTIONS),
})

/** One of the distributions along the last batch dim of the components, chosen by the mixture's categories. @see https://pytorch.org/docs/stable/distributions.html#mixturesamefamily */
export class MixtureSameFamily extends Distribution {
  /** Which component a sample is of: probabilities [...batchShape, k], or [k] for all of the batch. */
  readonly mixtureDistribution: Categorical
  /** The components: a batch [...batchShape, k]. */
  readonly componentDistribution: Distribution
  constructor(mixtureDistribution: Categorical, componentDistribution: Distribution, options?: DistributionOptions) {
    MIXTURE.check(mixtureDistribution, componentDistribution, options)
    const [choices, batch] = [mixtureDistribution.probs.shape, componentDistribution.batchShape]
    const lead = choices.slice(0, -1)
    if (batch.at(-1) !== choices.at(-1) || (lead.length > 0 && lead.join() !== batch.slice(0, -1).join()))
      throw new ShapeError('MixtureSameFamily', `categories ${showShape(choices)} do not fit the components' batch ${showShape(batch)}`, [
        choices,
        batch,
      ])
    super(batch.slice(0, -1), componentDistribution.eventShape, options)
    this.mixtureDistribution = mixtureDistribution
    this.componentDistribution = componentDistribution
  }
  override get hasRsample(): boolean {
    return false
  }
  /** Something of the components, weighted by the categories and added up. */
  #weighted(x: Tensor): Tensor {
    const dims = this.eventShape.length
    const { probs } = this.mixtureDistribution
    return probs
      .reshape([...probs.shape, ...this.eventShape.map(() => 1)])
      .mul(x)
      .sum(-1 - dims)
  }
  get mean(): Tensor {
    return this.#weighted(this.componentDistribution.mean)
  }
  get variance(): Tensor {
    const away = this.componentDistribution.mean.sub(this.mean.unsqueeze(-1 - this.eventShape.length)).square()
    return this.#weighted(this.componentDistribution.variance.add(away))
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    const { componentDistribution: components, mixtureDistribution: mixture } = this
    const choices = mixture.batchShape.length === 0 ? mixture : mixture.expand(shape)
    return new MixtureSameFamily(choices, components.expand([...shape, components.batchShape.at(-1) as number]), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const events = this.eventShape.length
    const samples = shape.slice(0, shape.length - this.batchShape.length - events)
    const options = { ...(generator && { generator }) }
    const dim = samples.length + this.batchShape.length
    const all = this.componentDistribution.sample(samples, options)
    const lead = [...samples, ...this.batchShape]
    const own = this.mixtureDistribution.batchShape.length === 0 ? lead : samples
    const chosen = this.mixtureDistribution.sample(own, options)
    const index = chosen.reshape([...lead, 1, ...this.eventShape.map(() => 1)]).expand([...lead, 1, ...this.eventShape])
    return all.gather(dim, index).squeeze(dim)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const each = this.componentDistribution.logProb(value.unsqueeze(-1 - this.eventShape.length))
    return each.add(this.mixtureDistribution.logits).logsumexp(-1)
  }
  /** @internal */
  protected override _cumulative(value: Tensor): Tensor {
    return this.componentDistribution.cdf(value.unsqueeze(-1)).mul(this.mixtureDistribution.probs).sum(-1)
  }
  /** @internal The components check it. */
  protected _checkValue(): void {}
}
