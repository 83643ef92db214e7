/** @file Distributions of single real numbers in closed form: normal, log-normal, uniform, exponential, Laplace. */
import { ArgumentError, optional, type Shape, sameShape, signature } from '../base/index.ts'
import * as ops from '../ops/index.ts'
import { Tensor } from '../tensor/index.ts'
import {
  checkSupport,
  DISTRIBUTION_OPTIONS,
  Distribution,
  type DistributionOptions,
  NON_NEGATIVE,
  PARAMETER,
  type Parameter,
  POSITIVE,
  parameters,
  REAL,
  valuesOf,
} from './distribution.ts'

const placed = (x: Tensor): ops.CreateOptions => ({ dtype: x.dtype, ...(x.device !== 'auto' && { device: x.device }) }) as ops.CreateOptions
const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI)

const NORMAL = signature('Normal', { loc: PARAMETER, scale: PARAMETER, options: optional(DISTRIBUTION_OPTIONS) })
/** Normal: mean `loc`, standard deviation `scale`. @see https://pytorch.org/docs/stable/distributions.html#normal */
export class Normal extends Distribution {
  /** The mean, [...batchShape]. */
  readonly loc: Tensor
  /** The standard deviation, [...batchShape]. */
  readonly scale: Tensor
  constructor(loc: Parameter, scale: Parameter, options?: DistributionOptions) {
    NORMAL.check(loc, scale, options)
    const [m, s] = parameters('Normal', { loc, scale }, { scale: POSITIVE }, options) as [Tensor, Tensor]
    super(m.shape, [], options)
    this.loc = m
    this.scale = s
  }
  get mean(): Tensor {
    return this.loc
  }
  get variance(): Tensor {
    return this.scale.square()
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Normal(this.loc.expand(shape), this.scale.expand(shape), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    return ops
      .randn(shape, { ...placed(this.loc), ...(generator && { generator }) })
      .mul(this.scale)
      .add(this.loc)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    return value.sub(this.loc).div(this.scale).square().mul(-0.5).sub(this.scale.log()).sub(HALF_LOG_2PI)
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, REAL)
  }
  /** @internal */
  protected override _cumulative(value: Tensor): Tensor {
    return value.sub(this.loc).div(this.scale.mul(-Math.SQRT2)).erfc().mul(0.5)
  }
  /** @internal */
  protected override _quantile(p: Tensor): Tensor {
    return ops.ndtri(p).mul(this.scale).add(this.loc)
  }
  override entropy(): Tensor {
    return this.scale.log().add(0.5 + HALF_LOG_2PI)
  }
}

const LOG_NORMAL = signature('LogNormal', { loc: PARAMETER, scale: PARAMETER, options: optional(DISTRIBUTION_OPTIONS) })
/** e to a normal number: `loc` and `scale` are those of the logarithm. @see https://pytorch.org/docs/stable/distributions.html#lognormal */
export class LogNormal extends Distribution {
  /** The distribution of the logarithm, with the same batch shape. */
  readonly base: Normal
  constructor(loc: Parameter, scale: Parameter, options?: DistributionOptions) {
    LOG_NORMAL.check(loc, scale, options)
    const [m, s] = parameters('LogNormal', { loc, scale }, { scale: POSITIVE }, options) as [Tensor, Tensor]
    super(m.shape, [], options)
    this.base = new Normal(m, s, options)
  }
  get mean(): Tensor {
    return this.base.loc.add(this.base.variance.mul(0.5)).exp()
  }
  get variance(): Tensor {
    const squared = this.base.variance
    return squared.expm1().mul(this.base.loc.mul(2).add(squared).exp())
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new LogNormal(this.base.loc.expand(shape), this.base.scale.expand(shape), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    return this.base.rsample(shape.slice(0, shape.length - this.batchShape.length), { ...(generator && { generator }) }).exp()
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const logarithm = value.log()
    return this.base.logProb(logarithm).sub(logarithm)
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, POSITIVE)
  }
  /** @internal */
  protected override _cumulative(value: Tensor): Tensor {
    return this.base.cdf(value.log())
  }
  /** @internal */
  protected override _quantile(p: Tensor): Tensor {
    return this.base.icdf(p).exp()
  }
  override entropy(): Tensor {
    return this.base.entropy().add(this.base.loc)
  }
}

const UNIFORM = signature('Uniform', { low: PARAMETER, high: PARAMETER, options: optional(DISTRIBUTION_OPTIONS) })
/** Uniform in [low, high). @see https://pytorch.org/docs/stable/distributions.html#uniform */
export class Uniform extends Distribution {
  /** The least sample, [...batchShape]. */
  readonly low: Tensor
  /** What samples stay below, [...batchShape]. */
  readonly high: Tensor
  constructor(low: Parameter, high: Parameter, options?: DistributionOptions) {
    UNIFORM.check(low, high, options)
    const [a, b] = parameters('Uniform', { low, high }, {}, options) as [Tensor, Tensor]
    super(a.shape, [], options)
    this.low = a
    this.high = b
    const [lows, highs] = [Array.from(valuesOf(low) ?? []), Array.from(valuesOf(high) ?? [])]
    if (!this._validates || (low instanceof Tensor && high instanceof Tensor && !sameShape(low.shape, high.shape))) return
    for (let i = 0; i < Math.max(lows.length, highs.length); i++) {
      const [least, most] = [lows[lows.length === 1 ? 0 : i], highs[highs.length === 1 ? 0 : i]]
      if (least !== undefined && most !== undefined && !(least < most))
        throw new ArgumentError('Uniform', `low must be below high, got ${least} and ${most}`)
    }
  }
  get mean(): Tensor {
    return this.low.add(this.high).mul(0.5)
  }
  get variance(): Tensor {
    return this.high.sub(this.low).square().div(12)
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Uniform(this.low.expand(shape), this.high.expand(shape), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const u = ops.rand(shape, { ...placed(this.low), ...(generator && { generator }) })
    return u.mul(this.high.sub(this.low)).add(this.low)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const inside = this.low.le(value).logicalAnd(this.high.gt(value))
    return ops.where(inside, this.high.sub(this.low).log().neg(), Number.NEGATIVE_INFINITY)
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, REAL)
  }
  /** @internal */
  protected override _cumulative(value: Tensor): Tensor {
    return value.sub(this.low).div(this.high.sub(this.low)).clamp(0, 1)
  }
  /** @internal */
  protected override _quantile(p: Tensor): Tensor {
    return p.mul(this.high.sub(this.low)).add(this.low)
  }
  override entropy(): Tensor {
    return this.high.sub(this.low).log()
  }
}

const EXPONENTIAL = signature('Exponential', { rate: PARAMETER, options: optional(DISTRIBUTION_OPTIONS) })
/** Exponential: density rate · e^(−rate · x). @see https://pytorch.org/docs/stable/distributions.html#exponential */
export class Exponential extends Distribution {
  /** One over the mean, [...batchShape]. */
  readonly rate: Tensor
  constructor(rate: Parameter, options?: DistributionOptions) {
    EXPONENTIAL.check(rate, options)
    const [r] = parameters('Exponential', { rate }, { rate: POSITIVE }, options) as [Tensor]
    super(r.shape, [], options)
    this.rate = r
  }
  get mean(): Tensor {
    return this.rate.reciprocal()
  }
  get variance(): Tensor {
    return this.rate.square().reciprocal()
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Exponential(this.rate.expand(shape), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    return ops.exponential_(ops.empty(shape, placed(this.rate)), 1, { ...(generator && { generator }) }).div(this.rate)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    return this.rate.log().sub(this.rate.mul(value))
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, NON_NEGATIVE)
  }
  /** @internal */
  protected override _cumulative(value: Tensor): Tensor {
    return this.rate.mul(value).neg().expm1().neg()
  }
  /** @internal */
  protected override _quantile(p: Tensor): Tensor {
    return p.neg().log1p().div(this.rate).neg()
  }
  override entropy(): Tensor {
    return this.rate.log().neg().add(1)
  }
}

const LAPLACE = signature('Laplace', { loc: PARAMETER, scale: PARAMETER, options: optional(DISTRIBUTION_OPTIONS) })
/** Laplace's: density e^(−|x − loc| / scale) / (2 scale). @see https://pytorch.org/docs/stable/distributions.html#laplace */
export class Laplace extends Distribution {
  /** The mean, [...batchShape]. */
  readonly loc: Tensor
  /** The mean distance from `loc`, [...batchShape]. */
  readonly scale: Tensor
  constructor(loc: Parameter, scale: Parameter, options?: DistributionOptions) {
    LAPLACE.check(loc, scale, options)
    const [m, s] = parameters('Laplace', { loc, scale }, { scale: POSITIVE }, options) as [Tensor, Tensor]
    super(m.shape, [], options)
    this.loc = m
    this.scale = s
  }
  get mean(): Tensor {
    return this.loc
  }
  get variance(): Tensor {
    return this.scale.square().mul(2)
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Laplace(this.loc.expand(shape), this.scale.expand(shape), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const given = { ...(generator && { generator }) }
    const size = ops.exponential_(ops.empty(shape, placed(this.loc)), 1, given)
    const upper = ops.bernoulli_(ops.empty(shape, placed(this.loc)), 0.5, given)
    return size.mul(upper.mul(2).sub(1)).mul(this.scale).add(this.loc)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    return value.sub(this.loc).abs().div(this.scale).neg().sub(this.scale.mul(2).log())
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, REAL)
  }
  /** @internal */
  protected override _cumulative(value: Tensor): Tensor {
    const away = value.sub(this.loc)
    return away.sign().mul(away.abs().neg().div(this.scale).expm1()).mul(-0.5).add(0.5)
  }
  /** @internal */
  protected override _quantile(p: Tensor): Tensor {
    return this.loc.sub(this.scale.mul(p.sub(0.5).sign()).mul(p.sub(0.5).abs().mul(-2).log1p()))
  }
  override entropy(): Tensor {
    return this.scale.mul(2).log().add(1)
  }
}
