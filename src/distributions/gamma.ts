/** @file Distributions around the gamma function: gamma, beta, Dirichlet. Samples come by their logarithm, so that small concentrations do not make 0/0. */
import { optional, type Shape, ShapeError, signature } from '../base/index.ts'
import * as ops from '../ops/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import {
  checkSupport,
  DISTRIBUTION_OPTIONS,
  Distribution,
  type DistributionOptions,
  PARAMETER,
  type Parameter,
  POSITIVE,
  parameters,
  UNIT,
} from './distribution.ts'

/** log z of z by Gamma(concentration, 1), in the dtype of the concentration. */
function logGamma(concentration: Tensor, shape: Shape, generator: ops.Generator | undefined): Tensor {
  const wide = concentration.dtype === 'float64' ? concentration : concentration.to('float32')
  return ops.logGammaSample(wide.expand(shape), generator)
}

const GAMMA = signature('Gamma', { concentration: PARAMETER, rate: PARAMETER, options: optional(DISTRIBUTION_OPTIONS) })
/** Gamma: density rate^c x^(c − 1) e^(−rate · x) / Γ(c), c the concentration. @see https://pytorch.org/docs/stable/distributions.html#gamma */
export class Gamma extends Distribution {
  /** The shape parameter c, [...batchShape]. */
  readonly concentration: Tensor
  /** One over the scale, [...batchShape]. */
  readonly rate: Tensor
  constructor(concentration: Parameter, rate: Parameter, options?: DistributionOptions) {
    GAMMA.check(concentration, rate, options)
    const [c, r] = parameters('Gamma', { concentration, rate }, { concentration: POSITIVE, rate: POSITIVE }, options) as [Tensor, Tensor]
    super(c.shape, [], options)
    this.concentration = c
    this.rate = r
  }
  get mean(): Tensor {
    return this.concentration.div(this.rate)
  }
  get variance(): Tensor {
    return this.concentration.div(this.rate.square())
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Gamma(this.concentration.expand(shape), this.rate.expand(shape), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const least = this.rate.dtype === 'float64' ? -708 : -87
    return logGamma(this.concentration, shape, generator).clamp(least).exp().to(this.rate.dtype).div(this.rate)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const { concentration: c, rate } = this
    return c.xlogy(rate).add(c.sub(1).xlogy(value)).sub(rate.mul(value)).sub(c.lgamma())
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, { fits: 'numbers ≥ 0', has: (v) => v >= 0 })
  }
  override entropy(): Tensor {
    const c = this.concentration
    return c.sub(this.rate.log()).add(c.lgamma()).add(c.neg().add(1).mul(c.digamma()))
  }
}

const BETA = signature('Beta', { concentration1: PARAMETER, concentration0: PARAMETER, options: optional(DISTRIBUTION_OPTIONS) })
/** Beta: density x^(a − 1) (1 − x)^(b − 1) / B(a, b), a and b the concentrations 1 and 0. @see https://pytorch.org/docs/stable/distributions.html#beta */
export class Beta extends Distribution {
  /** The exponent of x plus 1, [...batchShape]. */
  readonly concentration1: Tensor
  /** The exponent of 1 − x plus 1, [...batchShape]. */
  readonly concentration0: Tensor
  constructor(concentration1: Parameter, concentration0: Parameter, options?: DistributionOptions) {
    BETA.check(concentration1, concentration0, options)
    const [a, b] = parameters(
      'Beta',
      { concentration1, concentration0 },
      { concentration1: POSITIVE, concentration0: POSITIVE },
      options,
    ) as [Tensor, Tensor]
    super(a.shape, [], options)
    this.concentration1 = a
    this.concentration0 = b
  }
  get mean(): Tensor {
    return this.concentration1.div(this.concentration1.add(this.concentration0))
  }
  get variance(): Tensor {
    const total = this.concentration1.add(this.concentration0)
    return this.concentration1.mul(this.concentration0).div(total.square().mul(total.add(1)))
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Beta(this.concentration1.expand(shape), this.concentration0.expand(shape), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const successes = logGamma(this.concentration1, shape, generator)
    return successes
      .sub(logGamma(this.concentration0, shape, generator))
      .sigmoid()
      .to(this.concentration1.dtype)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const { concentration1: a, concentration0: b } = this
    return a
      .sub(1)
      .xlogy(value)
      .add(b.sub(1).xlogy(value.neg().add(1)))
      .add(a.add(b).lgamma())
      .sub(a.lgamma())
      .sub(b.lgamma())
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, UNIT)
  }
  override entropy(): Tensor {
    const { concentration1: a, concentration0: b } = this
    const total = a.add(b)
    const constant = a.lgamma().add(b.lgamma()).sub(total.lgamma())
    return constant.sub(a.sub(1).mul(a.digamma())).sub(b.sub(1).mul(b.digamma())).add(total.sub(2).mul(total.digamma()))
  }
}

const DIRICHLET = signature('Dirichlet', { concentration: TENSOR, options: optional(DISTRIBUTION_OPTIONS) })
/** Dirichlet's, of shares that add up to 1, along the last dim of the concentration. @see https://pytorch.org/docs/stable/distributions.html#dirichlet */
export class Dirichlet extends Distribution {
  /** The exponents of the shares plus 1, [...batchShape, n]. */
  readonly concentration: Tensor
  constructor(concentration: Tensor, options?: DistributionOptions) {
    DIRICHLET.check(concentration, options)
    const [c] = parameters('Dirichlet', { concentration }, { concentration: POSITIVE }, options) as [Tensor]
    if (c.ndim < 1) throw new ShapeError('Dirichlet', 'concentration must have at least one dim, got a 0-d tensor', [c.shape])
    super(c.shape.slice(0, -1), c.shape.slice(-1), options)
    this.concentration = c
  }
  get mean(): Tensor {
    return this.concentration.div(this.concentration.sum(-1, { keepdim: true }))
  }
  get variance(): Tensor {
    const total = this.concentration.sum(-1, { keepdim: true })
    return this.concentration.mul(total.sub(this.concentration)).div(total.square().mul(total.add(1)))
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Dirichlet(this.concentration.expand([...shape, ...this.eventShape]), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    return logGamma(this.concentration, shape, generator).softmax(-1).to(this.concentration.dtype)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const c = this.concentration
    return c.sub(1).xlogy(value).sum(-1).add(c.sum(-1).lgamma()).sub(c.lgamma().sum(-1))
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, UNIT)
  }
  override entropy(): Tensor {
    const c = this.concentration
    const total = c.sum(-1)
    const k = c.shape.at(-1) as number
    const constant = c.lgamma().sum(-1).sub(total.lgamma())
    return constant.sub(total.neg().add(k).mul(total.digamma())).sub(c.sub(1).mul(c.digamma()).sum(-1))
  }
}
