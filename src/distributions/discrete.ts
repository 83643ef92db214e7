/** @file Distributions of whole numbers: Bernoulli, categories (as a number and one-hot), geometric, Poisson. */
import {
  ArgumentError,
  options as describe,
  isPlainObject,
  type Options,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  signature,
} from '../base/index.ts'
import * as ops from '../ops/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import {
  BINARY,
  COUNTS,
  checkSupport,
  DISTRIBUTION_OPTIONS,
  Distribution,
  type DistributionOptions,
  NON_NEGATIVE,
  PARAMETER,
  type Parameter,
  parameters,
  REAL,
  type Support,
  UNIT,
} from './distribution.ts'

/** Probabilities by name, or their logits instead. */
export interface ProbabilityOptions<P = Parameter> extends DistributionOptions {
  /** The probabilities. */
  readonly probs?: P
  /** Their log odds (of categories: logarithms that need not be normalized), in place of the probabilities. */
  readonly logits?: P
}
const SINGLE: Options<ProbabilityOptions> = describe<ProbabilityOptions>({
  probs: PARAMETER,
  logits: PARAMETER,
  ...{ validateArgs: DISTRIBUTION_OPTIONS.kinds.get('validateArgs') as never },
})
const ROWS: Options<ProbabilityOptions<Tensor>> = describe<ProbabilityOptions<Tensor>>({
  probs: TENSOR,
  logits: TENSOR,
  ...{ validateArgs: DISTRIBUTION_OPTIONS.kinds.get('validateArgs') as never },
})

/** What was given: exactly one of probabilities and logits. */
function given<P extends Parameter>(
  sign: Signature,
  probs: P | ProbabilityOptions<P>,
  options: DistributionOptions | undefined,
): { probs?: P; logits?: P; options: DistributionOptions | undefined } {
  sign.check(probs, options)
  if (!isPlainObject(probs)) return { probs: probs as P, options }
  const named = probs as ProbabilityOptions<P>
  if (options !== undefined) throw new ArgumentError(sign.name, 'options are given twice')
  if ((named.probs === undefined) === (named.logits === undefined))
    throw new ArgumentError(sign.name, 'exactly one of probs and logits must be given')
  return { ...(named.probs !== undefined ? { probs: named.probs } : { logits: named.logits as P }), options: named }
}

/** The tensor that was given, and whether it holds probabilities, which `support` has. */
function readable(sign: Signature, found: ReturnType<typeof given>, support: Support): { x: Tensor; isProbs: boolean } {
  const { probs, logits, options } = found
  const isProbs = probs !== undefined
  const role = isProbs ? 'probs' : 'logits'
  const [x] = parameters(sign.name, { [role]: probs ?? (logits as Parameter) }, { [role]: isProbs ? support : REAL }, options) as [Tensor]
  return { x, isProbs }
}

/** Probabilities as PyTorch takes the logarithm of: kept from 0 and 1 by the dtype's spacing at 1. */
function kept(probs: Tensor): Tensor {
  const { eps } = ops.finfo(probs.dtype)
  return probs.clamp(eps, 1 - eps)
}

const BERNOULLI = signature('Bernoulli', { probs: oneOf(PARAMETER, SINGLE), options: optional(DISTRIBUTION_OPTIONS) })
const GEOMETRIC = signature('Geometric', { probs: oneOf(PARAMETER, SINGLE), options: optional(DISTRIBUTION_OPTIONS) })

/** A distribution by a probability, or its log odds. */
abstract class ByProbability extends Distribution {
  /** The probability of success, [...batchShape]. */
  readonly probs: Tensor
  /** log p/(1 − p), [...batchShape]. */
  readonly logits: Tensor
  readonly #isProbs: boolean
  /** @internal Made by the distributions below. */
  constructor(sign: Signature, probs: Parameter | ProbabilityOptions, last: DistributionOptions | undefined) {
    const found = given<Parameter>(sign, probs, last)
    const { x, isProbs } = readable(sign, found, UNIT)
    super(x.shape, [], found.options)
    this.#isProbs = isProbs
    this.probs = isProbs ? x : x.sigmoid()
    this.logits = isProbs ? kept(x).log().sub(kept(x).neg().log1p()) : x
  }
  override get hasRsample(): boolean {
    return false
  }
  /** @internal What the distribution was made of, in a larger batch. */
  protected _given(shape: Shape): ProbabilityOptions {
    return { ...(this.#isProbs ? { probs: this.probs.expand(shape) } : { logits: this.logits.expand(shape) }), ...this._options }
  }
}

/** 1 with probability `probs`, else 0. @see https://pytorch.org/docs/stable/distributions.html#bernoulli */
export class Bernoulli extends ByProbability {
  constructor(probs: Parameter | ProbabilityOptions, options?: DistributionOptions) {
    super(BERNOULLI, probs, options)
  }
  get mean(): Tensor {
    return this.probs
  }
  get variance(): Tensor {
    return this.probs.mul(this.probs.neg().add(1))
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Bernoulli(this._given(shape))
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    return ops.bernoulli(this.probs.expand(shape), { ...(generator && { generator }) })
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    return value.mul(this.logits).sub(ops.softplus(this.logits))
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, BINARY)
  }
  override entropy(): Tensor {
    return ops.softplus(this.logits).sub(this.probs.mul(this.logits))
  }
}

/** How many trials fail before the first success: 0, 1, … @see https://pytorch.org/docs/stable/distributions.html#geometric */
export class Geometric extends ByProbability {
  constructor(probs: Parameter | ProbabilityOptions, options?: DistributionOptions) {
    super(GEOMETRIC, probs, options)
  }
  get mean(): Tensor {
    return this.probs.reciprocal().sub(1)
  }
  get variance(): Tensor {
    return this.probs.reciprocal().sub(1).div(this.probs)
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Geometric(this._given(shape))
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const time = ops.exponential_(ops.emptyLike(this.probs.expand(shape).detach()), 1, { ...(generator && { generator }) })
    return time.div(kept(this.probs).neg().log1p().neg()).floor()
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const { probs } = this
    return value.mul(probs.neg().log1p()).add(probs.log())
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, COUNTS)
  }
  override entropy(): Tensor {
    return ops.softplus(this.logits).sub(this.probs.mul(this.logits)).div(this.probs)
  }
}

const CATEGORICAL = signature('Categorical', { probs: oneOf(TENSOR, ROWS), options: optional(DISTRIBUTION_OPTIONS) })
const ONE_HOT_CATEGORICAL = signature('OneHotCategorical', { probs: oneOf(TENSOR, ROWS), options: optional(DISTRIBUTION_OPTIONS) })

/** Normalized probabilities along the last dim, and their logarithms. */
function categories(
  sign: Signature,
  probs: Tensor | ProbabilityOptions<Tensor>,
  last: DistributionOptions | undefined,
): { probs: Tensor; logits: Tensor; isProbs: boolean; options: DistributionOptions | undefined } {
  const found = given<Tensor>(sign, probs, last)
  const { x, isProbs } = readable(sign, found, NON_NEGATIVE)
  if (x.ndim < 1)
    throw new ShapeError(
      sign.name,
      `${isProbs ? 'probs' : 'logits'} must have at least one dim, that of the categories, got a 0-d tensor`,
      [x.shape],
    )
  if (!isProbs) return { probs: x.softmax(-1), logits: x.logSoftmax(-1), isProbs, options: found.options }
  const normalized = x.div(x.sum(-1, { keepdim: true }))
  return { probs: normalized, logits: kept(normalized).log(), isProbs, options: found.options }
}

/** Categories by number, from 0; int32. Probabilities along the last dim need not add up to 1. @see https://pytorch.org/docs/stable/distributions.html#categorical */
export class Categorical extends Distribution {
  /** The probabilities, normalized, [...batchShape, categories]. */
  readonly probs: Tensor
  /** Their logarithms, [...batchShape, categories]. */
  readonly logits: Tensor
  readonly #isProbs: boolean
  constructor(probs: Tensor | ProbabilityOptions<Tensor>, options?: DistributionOptions) {
    const made = categories(CATEGORICAL, probs, options)
    super(made.probs.shape.slice(0, -1), [], made.options)
    this.#isProbs = made.isProbs
    this.probs = made.probs
    this.logits = made.logits
  }
  override get hasRsample(): boolean {
    return false
  }
  /** NaN, as numbers of categories have no mean. */
  get mean(): Tensor {
    return this.probs.select(-1, 0).detach().mul(Number.NaN)
  }
  /** NaN, as numbers of categories have no mean. */
  get variance(): Tensor {
    return this.mean
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Categorical(this._given(shape))
  }
  /** @internal What the distribution was made of, in a larger batch. */
  _given(shape: Shape): ProbabilityOptions<Tensor> {
    const rows = [...shape, this.probs.shape.at(-1) as number]
    return { ...(this.#isProbs ? { probs: this.probs.expand(rows) } : { logits: this.logits.expand(rows) }), ...this._options }
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const n = this.probs.shape.at(-1) as number
    const samples = shape.slice(0, shape.length - this.batchShape.length)
    const count = samples.reduce((a, b) => a * b, 1)
    const rows = this.batchShape.reduce((a, b) => a * b, 1)
    if (count * rows === 0) return ops.zeros(shape, { dtype: 'int32' })
    const drawn = ops.multinomial(this.probs.reshape([rows, n]).detach(), count, { replacement: true, ...(generator && { generator }) })
    return drawn.t().reshape(shape)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const index = value.to('int32').unsqueeze(-1)
    const dims = Math.max(index.ndim, this.logits.ndim)
    const at = (t: Tensor, i: number): number => t.shape[t.ndim - dims + i] ?? 1
    const lead = Array.from({ length: dims - 1 }, (_, i) => (at(index, i) === 1 ? at(this.logits, i) : at(index, i)))
    const n = this.logits.shape.at(-1) as number
    return this.logits
      .expand([...lead, n])
      .gather(-1, index.expand([...lead, 1]))
      .squeeze(-1)
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    const n = this.probs.shape.at(-1) as number
    checkSupport(op, 'value', value, { fits: `whole numbers from 0 to ${n - 1}`, has: (v) => Number.isInteger(v) && v >= 0 && v < n })
  }
  override entropy(): Tensor {
    return this.logits.mul(this.probs).sum(-1).neg()
  }
}

/** Categories as vectors with a 1 at the category. @see https://pytorch.org/docs/stable/distributions.html#onehotcategorical */
export class OneHotCategorical extends Distribution {
  /** The distribution of the category's number, with the same batch shape. */
  readonly base: Categorical
  constructor(probs: Tensor | ProbabilityOptions<Tensor>, options?: DistributionOptions) {
    const made = categories(ONE_HOT_CATEGORICAL, probs, options)
    super(made.probs.shape.slice(0, -1), made.probs.shape.slice(-1), made.options)
    this.base = new Categorical(probs, options)
  }
  override get hasRsample(): boolean {
    return false
  }
  /** The probabilities, normalized, [...batchShape, categories]. */
  get probs(): Tensor {
    return this.base.probs
  }
  /** Their logarithms, [...batchShape, categories]. */
  get logits(): Tensor {
    return this.base.logits
  }
  get mean(): Tensor {
    return this.probs
  }
  get variance(): Tensor {
    return this.probs.mul(this.probs.neg().add(1))
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new OneHotCategorical(this.base._given(shape))
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const samples = shape.slice(0, shape.length - 1 - this.batchShape.length)
    return ops
      .oneHot(this.base.sample(samples, { ...(generator && { generator }) }), { numClasses: shape.at(-1) as number })
      .to(this.probs.dtype)
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    return value.mul(this.logits).sum(-1)
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, BINARY)
  }
  override entropy(): Tensor {
    return this.base.entropy()
  }
}

const POISSON = signature('Poisson', { rate: PARAMETER, options: optional(DISTRIBUTION_OPTIONS) })
/** Poisson's: how many events of the given rate. @see https://pytorch.org/docs/stable/distributions.html#poisson */
export class Poisson extends Distribution {
  /** The mean number of events, [...batchShape]. */
  readonly rate: Tensor
  constructor(rate: Parameter, options?: DistributionOptions) {
    POISSON.check(rate, options)
    const [r] = parameters('Poisson', { rate }, { rate: NON_NEGATIVE }, options) as [Tensor]
    super(r.shape, [], options)
    this.rate = r
  }
  override get hasRsample(): boolean {
    return false
  }
  get mean(): Tensor {
    return this.rate
  }
  get variance(): Tensor {
    return this.rate
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    return new Poisson(this.rate.expand(shape), this._options)
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    return ops.poisson(this.rate.expand(shape), { ...(generator && { generator }) })
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    return value.xlogy(this.rate).sub(this.rate).sub(value.add(1).lgamma())
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, COUNTS)
  }
}
