/** @file What distributions have in common: shapes, checks of parameters and of values, samples that are recorded or not. */
import {
  ArgumentError,
  BOOLEAN,
  broadcastShapes,
  DTypeError,
  options as describe,
  expandsTo,
  isFloat,
  type Kind,
  NUMBER,
  type Options,
  oneOf,
  optional,
  SHAPE,
  type Shape,
  ShapeError,
  showShape,
  signature,
  underName,
} from '../base/index.ts'
import * as ops from '../ops/index.ts'
import { knownValues, TENSOR, Tensor, withGrad } from '../tensor/index.ts'

/** A parameter: a number, or a tensor that broadcasts with the others. */
export type Parameter = number | Tensor

/** Options of every distribution. */
export interface DistributionOptions {
  /** Whether parameters and values that the host has are checked: true by default. */
  readonly validateArgs?: boolean
}
/** Where samples come from. */
export interface SampleOptions {
  /** Whose numbers to take: by default those that `manualSeed` seeds. */
  readonly generator?: ops.Generator
}

export const PARAMETER: Kind = oneOf(NUMBER, TENSOR)
export const DISTRIBUTION_OPTIONS: Options<DistributionOptions> = describe<DistributionOptions>({ validateArgs: BOOLEAN })
const SAMPLE_OPTIONS: Options<SampleOptions> = describe<SampleOptions>({ generator: ops.GENERATOR })
const SAMPLE = signature('sample', { shape: optional(SHAPE), options: optional(SAMPLE_OPTIONS) })
const EXPAND = signature('distributions.expand', { batchShape: SHAPE })
const VALUE = signature('logProb', { value: oneOf(NUMBER, TENSOR) })

/** A set of numbers: what a parameter or a value must be in. */
export interface Support {
  readonly fits: string
  readonly has: (v: number) => boolean
}
export const REAL: Support = { fits: 'real numbers', has: (v) => !Number.isNaN(v) }
export const POSITIVE: Support = { fits: 'numbers > 0', has: (v) => v > 0 }
export const NON_NEGATIVE: Support = { fits: 'numbers ≥ 0', has: (v) => v >= 0 }
export const UNIT: Support = { fits: 'numbers from 0 to 1', has: (v) => v >= 0 && v <= 1 }
export const BINARY: Support = { fits: '0 or 1', has: (v) => v === 0 || v === 1 }
export const COUNTS: Support = { fits: 'whole numbers ≥ 0', has: (v) => v >= 0 && Number.isInteger(v) }

/** The values that the host has of a parameter. */
export const valuesOf = (x: Parameter): (ArrayLike<number> & Iterable<number>) | undefined => (x instanceof Tensor ? knownValues(x) : [x])

/** Throws for a value that the host has and that is not in the set. */
export function checkSupport(op: string, role: string, x: Parameter, { fits, has }: Support): void {
  for (const v of valuesOf(x) ?? []) if (!has(v)) throw new ArgumentError(op, `${role} must hold ${fits}, one element is ${v}`)
}

/**
 * Parameters as tensors of one float dtype and one shape, checked to be in the sets that are named.
 * @throws DTypeError for integers, ShapeError for shapes that do not broadcast, ArgumentError for values that the host has and that are not in a set
 */
export function parameters<K extends string>(
  op: string,
  given: Readonly<Record<K, Parameter>>,
  supports: { readonly [R in K]?: Support },
  options: DistributionOptions | undefined,
): Tensor[] {
  const made = asTensors(op, given)
  if (options?.validateArgs === false) return made
  for (const role of Object.keys(given) as K[]) {
    const support = supports[role]
    if (support) checkSupport(op, role, given[role], support)
  }
  return made
}

function asTensors(op: string, given: Readonly<Record<string, Parameter>>): Tensor[] {
  const roles = Object.keys(given)
  const tensors = Object.values(given).filter((x) => x instanceof Tensor)
  for (const role of roles) {
    const x = given[role]
    if (x instanceof Tensor && !isFloat(x.dtype))
      throw new DTypeError(op, `${role} must be of a float dtype, got ${x.dtype}. Convert with .float()`)
  }
  const dtype = ops.floatType(tensors) ?? 'float32'
  const shape = tensors.reduce<Shape>((sum, x) => broadcastShapes(op, sum, x.shape), [])
  const device = tensors.map((x) => x.device).find((name) => name !== 'auto')
  return underName(op, () => {
    ops.checkDevices(
      op,
      roles,
      Object.values(given).map((x) => (x instanceof Tensor ? x : undefined)),
    )
    return Object.values(given).map((x) =>
      x instanceof Tensor ? x.to(dtype).expand(shape) : ops.full(shape, x, { dtype, ...(device !== undefined && { device }) }),
    )
  })
}

/** The base of all distributions. */
export abstract class Distribution {
  /** The shape of independent distributions, each with parameters of its own. */
  readonly batchShape: Shape
  /** The shape of one sample of one of them. */
  readonly eventShape: Shape
  /** @internal Whether parameters and values that the host has are checked. */
  protected readonly _validates: boolean

  constructor(batchShape: Shape, eventShape: Shape, options: DistributionOptions | undefined) {
    this.batchShape = batchShape
    this.eventShape = eventShape
    this._validates = options?.validateArgs ?? true
  }

  /** The expected value, [...batchShape, ...eventShape]. */
  abstract get mean(): Tensor
  /** The expected squared distance from the mean, [...batchShape, ...eventShape]. */
  abstract get variance(): Tensor
  /** The square root of the variance, [...batchShape, ...eventShape]. */
  get stddev(): Tensor {
    return this.variance.sqrt()
  }

  /** Whether samples have gradients in the parameters: whether `rsample` is there. */
  get hasRsample(): boolean {
    return true
  }
  /** @internal The same distribution, with parameters of a larger batch. */
  protected abstract _expanded(batchShape: Shape): Distribution
  /** @internal Samples of a whole shape. */
  protected abstract _draw(shape: Shape, generator: ops.Generator | undefined): Tensor
  /** @internal The logarithm of density or probability. */
  protected abstract _density(value: Tensor): Tensor
  /** @internal Throws unless the value can be one of the distribution. */
  protected abstract _checkValue(op: string, value: Tensor): void

  /**
   * Independent samples, [...shape, ...batchShape, ...eventShape], without gradients.
   * @see https://pytorch.org/docs/stable/distributions.html
   */
  sample(shape?: Shape, options?: SampleOptions): Tensor {
    SAMPLE.check(shape, options)
    return withGrad(false, () => this.#samples('sample', shape, options)).detach()
  }

  /**
   * As `sample`, with gradients in the parameters (pathwise: a sample is a function of the parameters and of noise).
   * @throws ArgumentError where samples have none: those of whole numbers, and of mixtures.
   */
  rsample(shape?: Shape, options?: SampleOptions): Tensor {
    SAMPLE.checkAs('rsample', shape, options)
    if (!this.hasRsample)
      throw new ArgumentError('rsample', `samples of ${this.constructor.name} have no gradient in its parameters. Use sample()`)
    return this.#samples('rsample', shape, options)
  }

  /**
   * The logarithm of the density (of whole numbers: the probability) at `value`, which broadcasts to [...batchShape, ...eventShape]; the event's dims leave the shape.
   * @throws ArgumentError for a value that the host has and that the distribution cannot give; ShapeError for a shape that does not broadcast.
   */
  logProb(value: Parameter): Tensor {
    return underName('logProb', () => this._density(this.#valueOf('logProb', value)))
  }

  /** The probability of a value ≤ `value`. @throws ArgumentError where there is no closed form */
  cdf(value: Parameter): Tensor {
    return underName('cdf', () => this._cumulative(this.#valueOf('cdf', value)))
  }
  /** @internal The probability of a value ≤ `value`. */
  protected _cumulative(_value: Tensor): Tensor {
    throw new ArgumentError('cdf', `there is none of ${this.constructor.name}`)
  }

  /**
   * The value at which `cdf` is `value`, a probability: its inverse.
   * @throws ArgumentError where there is no closed form, or for a number outside of [0, 1] that the host has.
   */
  icdf(value: Parameter): Tensor {
    VALUE.checkAs('icdf', value)
    if (this._validates) checkSupport('icdf', 'value', value, UNIT)
    return underName('icdf', () => this._quantile(this.#placed('icdf', value)))
  }
  /** @internal The inverse of the distribution function. */
  protected _quantile(_probability: Tensor): Tensor {
    throw new ArgumentError('icdf', `there is none of ${this.constructor.name}`)
  }

  /**
   * The same distribution with parameters of a larger batch, to which the present one broadcasts: no value is copied.
   * @throws ShapeError where it does not broadcast.
   * @see https://pytorch.org/docs/stable/distributions.html#torch.distributions.distribution.Distribution.expand
   */
  expand(batchShape: Shape): this {
    EXPAND.checkAs('expand', batchShape)
    if (!expandsTo(this.batchShape, batchShape))
      throw new ShapeError('expand', `the batch ${showShape(this.batchShape)} does not broadcast to ${showShape(batchShape)}`, [
        this.batchShape,
        batchShape,
      ])
    return underName('expand', () => this._expanded(batchShape) as this)
  }
  /** @internal The options of {@link expand}ed distributions. */
  protected get _options(): DistributionOptions {
    return { validateArgs: this._validates }
  }

  /** The expected value of −logProb. @throws ArgumentError where there is no closed form */
  entropy(): Tensor {
    throw new ArgumentError('entropy', `there is no closed form of the entropy of ${this.constructor.name}`)
  }

  #samples(op: string, shape: Shape | undefined, options: SampleOptions | undefined): Tensor {
    return underName(op, () => this._draw([...(shape ?? []), ...this.batchShape, ...this.eventShape], options?.generator))
  }

  /** A value as a tensor where the parameters are, of a shape that broadcasts with the batch. */
  #placed(op: string, value: Parameter): Tensor {
    const { dtype, device } = this.mean
    const x = value instanceof Tensor ? value : ops.tensor(value, { dtype, ...(device !== 'auto' && { device }) } as ops.TensorOptions)
    broadcastShapes(op, x.shape, [...this.batchShape, ...this.eventShape])
    return x
  }

  #valueOf(op: string, value: Parameter): Tensor {
    VALUE.checkAs(op, value)
    const x = this.#placed(op, value)
    const event = x.shape.slice(x.ndim - this.eventShape.length)
    if (x.ndim < this.eventShape.length || event.some((n, i) => n !== this.eventShape[i]))
      throw new ShapeError(op, `value ${showShape(x.shape)} must end in the shape of an event ${showShape(this.eventShape)}`, [
        x.shape,
        this.eventShape,
      ])
    if (this._validates) this._checkValue(op, x)
    return x
  }
}

/** The sum over the last `count` dims. */
export function sumLast(x: Tensor, count: number): Tensor {
  return count === 0 ? x : x.sum(Array.from({ length: count }, (_, i) => -1 - i))
}
