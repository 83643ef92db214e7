/**
 * @file `nn.init`: starting values, put in place without being recorded. Sizes of weights are counted as PyTorch does: [out, in, …kernel].
 * Sources: X. Glorot and Y. Bengio (AISTATS 2010) for xavier; K. He et al. (arXiv:1502.01852) for kaiming.
 */
import {
  ArgumentError,
  atLeast,
  choice,
  DTypeError,
  options as describe,
  FINITE,
  isFloat,
  isPlainObject,
  type Kind,
  NUMBER,
  type Options,
  oneOf,
  optional,
  type Signature,
  signature,
  underName,
} from '../base/index.ts'
import * as ops from '../ops/index.ts'
import { TENSOR, type Tensor, withGrad } from '../tensor/index.ts'
import { fans } from './fans.ts'

/** Whose random numbers are taken. */
export interface InitOptions {
  /** By default those that `manualSeed` seeds. */
  readonly generator?: ops.Generator
}
/** Options of {@link uniform_}. */
export interface UniformOptions extends InitOptions {
  /** The least value: 0 by default. */
  readonly a?: number
  /** The bound above, which is not reached: 1 by default. */
  readonly b?: number
}
/** Options of {@link normal_}. */
export interface NormalOptions extends InitOptions {
  /** 0 by default. */
  readonly mean?: number
  /** The standard deviation, ≥ 0: 1 by default. */
  readonly std?: number
}
/** Options of {@link truncNormal_}. */
export interface TruncNormalOptions extends InitOptions {
  /** The mean of the whole distribution: 0 by default. */
  readonly mean?: number
  /** Its standard deviation, > 0: 1 by default. */
  readonly std?: number
  /** The least value: −2 by default. */
  readonly a?: number
  /** The largest value: 2 by default. */
  readonly b?: number
}
/** Options of {@link xavierUniform_} and {@link xavierNormal_}. */
export interface XavierOptions extends InitOptions {
  /** A factor, as `calculateGain` gives it: 1 by default. */
  readonly gain?: number
}

/** Functions for which a gain is known; PyTorch's spelling is taken too. */
export type Nonlinearity =
  | 'linear'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'convTranspose1d'
  | 'convTranspose2d'
  | 'convTranspose3d'
  | 'conv_transpose1d'
  | 'conv_transpose2d'
  | 'conv_transpose3d'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leakyRelu'
  | 'leaky_relu'
  | 'selu'

/** Which pass keeps its variance: the forward pass (`fanIn`) or the backward pass (`fanOut`). */
export type FanMode = 'fanIn' | 'fanOut' | 'fan_in' | 'fan_out'

/** What the kaiming functions keep the variance of, and for which function. */
export interface KaimingOptions extends InitOptions {
  /** The slope of `leakyRelu` for negative numbers: 0 by default. */
  readonly a?: number
  /** `fanIn` by default. */
  readonly mode?: FanMode
  /** `leakyRelu` by default. */
  readonly nonlinearity?: Nonlinearity
}

/** By how much each function shrinks the variance, given the slope of `leakyRelu`. */
const GAINS: Readonly<Record<Nonlinearity, (slope: number) => number>> = {
  linear: () => 1,
  conv1d: () => 1,
  conv2d: () => 1,
  conv3d: () => 1,
  convTranspose1d: () => 1,
  convTranspose2d: () => 1,
  convTranspose3d: () => 1,
  conv_transpose1d: () => 1,
  conv_transpose2d: () => 1,
  conv_transpose3d: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leakyRelu: (slope) => Math.sqrt(2 / (1 + slope * slope)),
  leaky_relu: (slope) => Math.sqrt(2 / (1 + slope * slope)),
  selu: () => 3 / 4,
}
const FANS: Readonly<Record<FanMode, 'fanIn' | 'fanOut'>> = { fanIn: 'fanIn', fan_in: 'fanIn', fanOut: 'fanOut', fan_out: 'fanOut' }

const NONLINEARITY: Kind = {
  ...choice(Object.keys(GAINS)),
  // (PyTorch's spellings go without saying)
  fits: choice(Object.keys(GAINS).filter((name) => !name.includes('_'))).fits,
}
const RANDOM = { generator: ops.GENERATOR } as const

/** A function of `(tensor, ...numbers, options)`: the options may say by name what is not said by position. */
interface Described<O> {
  readonly given: Signature
  readonly options: Options<O>
  /** The names of the positions behind the tensor. */
  readonly names: readonly (keyof O & string)[]
}

function initializer<O>(name: string, kinds: { readonly [K in keyof O & string]-?: Kind }): Described<O> {
  const options = describe<O>(kinds)
  const names = (Object.keys(kinds) as (keyof O & string)[]).filter((key) => key !== 'generator')
  const places = names.map((key) => [key, optional(oneOf(kinds[key], options))] as const)
  return { given: signature(name, { tensor: TENSOR, ...Object.fromEntries(places), options: optional(options) }), options, names }
}

/** What `(...numbers, options)` says, by name. */
function read<O extends object>({ given, names }: Described<O>, tensor: Tensor, rest: readonly unknown[]): O {
  given.checkCount(rest.length + 1)
  given.check(tensor, ...rest)
  const values: Record<string, unknown> = {}
  rest.forEach((value, i) => {
    if (value === undefined) return
    if (!isPlainObject(value)) {
      values[names[i] as string] = value
      return
    }
    if (rest.slice(i + 1).some((v) => v !== undefined)) throw new ArgumentError(given.name, 'the options come last')
    for (const [key, v] of Object.entries(value)) {
      if (key in values) throw new ArgumentError(given.name, `${key} is given twice, by position and by name`)
      values[key] = v
    }
  })
  return values as O
}

const take = (options: InitOptions): InitOptions => (options.generator ? { generator: options.generator } : {})

const CONSTANT = signature('constant_', { tensor: TENSOR, value: NUMBER })
const ZEROS = signature('zeros_', { tensor: TENSOR })
const ONES = signature('ones_', { tensor: TENSOR })

const filled = (tensor: Tensor, value: number): Tensor => withGrad(false, () => ops.fill_(tensor, value))

/** All elements `value`, which the dtype has to hold. @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.constant_ */
export function constant_(tensor: Tensor, value: number, ...others: never[]): Tensor {
  CONSTANT.checkCount(2 + others.length)
  CONSTANT.check(tensor, value)
  return underName('constant_', () => filled(tensor, value))
}
/** All elements 0. @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.zeros_ */
export function zeros_(tensor: Tensor, ...others: never[]): Tensor {
  ZEROS.checkCount(1 + others.length)
  ZEROS.check(tensor)
  return filled(tensor, 0)
}
/** All elements 1. @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.ones_ */
export function ones_(tensor: Tensor, ...others: never[]): Tensor {
  ONES.checkCount(1 + others.length)
  ONES.check(tensor)
  return filled(tensor, 1)
}

const UNIFORM = initializer<UniformOptions>('uniform_', { a: FINITE, b: FINITE, ...RANDOM })

/**
 * Uniform in [a, b), by default [0, 1).
 * @throws ArgumentError where a is larger than b.
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.uniform_
 * @example nn.init.uniform_(w, -0.1, 0.1); nn.init.uniform_(w, { a: -0.1, b: 0.1 })
 */
export function uniform_(tensor: Tensor, options?: UniformOptions): Tensor
export function uniform_(tensor: Tensor, a: number | undefined, options?: UniformOptions): Tensor
export function uniform_(tensor: Tensor, a: number | undefined, b: number | undefined, options?: UniformOptions): Tensor
export function uniform_(tensor: Tensor, ...rest: readonly unknown[]): Tensor {
  const { a = 0, b = 1, ...options } = read(UNIFORM, tensor, rest)
  return withGrad(false, () => ops.uniform_(tensor, a, b, take(options)))
}

const NORMAL = initializer<NormalOptions>('normal_', { mean: FINITE, std: atLeast(0), ...RANDOM })

/**
 * Normal, by default with mean 0 and standard deviation 1.
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.normal_
 * @example nn.init.normal_(w, 0, 0.02); nn.init.normal_(w, { std: 0.02 })
 */
export function normal_(tensor: Tensor, options?: NormalOptions): Tensor
export function normal_(tensor: Tensor, mean: number | undefined, options?: NormalOptions): Tensor
export function normal_(tensor: Tensor, mean: number | undefined, std: number | undefined, options?: NormalOptions): Tensor
export function normal_(tensor: Tensor, ...rest: readonly unknown[]): Tensor {
  const { mean = 0, std = 1, ...options } = read(NORMAL, tensor, rest)
  return withGrad(false, () => ops.normal_(tensor, mean, std, take(options)))
}

const TRUNC_NORMAL = initializer<TruncNormalOptions>('truncNormal_', { mean: FINITE, std: atLeast(0), a: FINITE, b: FINITE, ...RANDOM })

/**
 * Normal as far as it lies within [a, b], by default [−2, 2], which are no multiples of `std`: by the inverse of the distribution function, on the side where the lower tail is.
 * @throws ArgumentError where b is not above a, or std is 0.
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.trunc_normal_
 * @example nn.init.truncNormal_(w, { std: 0.02 })
 */
export function truncNormal_(tensor: Tensor, options?: TruncNormalOptions): Tensor
export function truncNormal_(tensor: Tensor, mean: number | undefined, options?: TruncNormalOptions): Tensor
export function truncNormal_(tensor: Tensor, mean: number | undefined, std: number | undefined, options?: TruncNormalOptions): Tensor
export function truncNormal_(
  tensor: Tensor,
  mean: number | undefined,
  std: number | undefined,
  a: number | undefined,
  options?: TruncNormalOptions,
): Tensor
export function truncNormal_(
  tensor: Tensor,
  mean: number | undefined,
  std: number | undefined,
  a: number | undefined,
  b: number | undefined,
  options?: TruncNormalOptions,
): Tensor
export function truncNormal_(tensor: Tensor, ...rest: readonly unknown[]): Tensor {
  const { mean = 0, std = 1, a = -2, b = 2, ...options } = read(TRUNC_NORMAL, tensor, rest)
  if (!(b > a)) throw new ArgumentError('truncNormal_', `b must be above a, got ${a} and ${b}`)
  if (std === 0) throw new ArgumentError('truncNormal_', 'std must be above 0')
  if (!isFloat(tensor.dtype))
    throw new DTypeError('truncNormal_', `tensor must be of a float dtype, got ${tensor.dtype}. Convert with .float()`)
  return underName('truncNormal_', () =>
    withGrad(false, () => {
      const place = {
        dtype: tensor.dtype === 'float64' ? 'float64' : 'float32',
        ...(tensor.device !== 'auto' && { device: tensor.device }),
      }
      // Above the mean probabilities are next to 1, where numbers are coarse: there it is drawn on the other side
      const isAbove = a > mean
      const ends = [(a - mean) / std, (b - mean) / std]
      const sides = ops.tensor(isAbove ? ends.map((x) => -x).reverse() : ends, place as ops.TensorOptions)
      const [least, most] = ops.ndtr(sides).unbind() as unknown as readonly [Tensor, Tensor]
      const u = ops.rand(tensor.shape, { ...place, ...take(options) } as ops.RandomOptions)
      const x = ops.ndtri(u.mul(most.sub(least)).add(least))
      return ops.copy_(tensor, ops.clamp(x.mul(isAbove ? -std : std).add(mean), a, b))
    }),
  )
}

const CALCULATE_GAIN = signature('calculateGain', { nonlinearity: NONLINEARITY, param: optional(FINITE) })

/**
 * By how much a function shrinks the variance, to be made up for: `param` is the slope of `leakyRelu` (0.01).
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  CALCULATE_GAIN.check(nonlinearity, param)
  return GAINS[nonlinearity](param)
}

const XAVIER_UNIFORM = initializer<XavierOptions>('xavierUniform_', { gain: FINITE, ...RANDOM })

/**
 * Uniform in ±gain · √(6 / (fanIn + fanOut)).
 * @param tensor a weight [out, in, …kernel]
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.xavier_uniform_
 */
export function xavierUniform_(tensor: Tensor, options?: XavierOptions): Tensor
export function xavierUniform_(tensor: Tensor, gain: number | undefined, options?: XavierOptions): Tensor
export function xavierUniform_(tensor: Tensor, ...rest: readonly unknown[]): Tensor {
  const { gain = 1, ...options } = read(XAVIER_UNIFORM, tensor, rest)
  const { fanIn, fanOut } = fans('xavierUniform_', tensor)
  if (tensor.numel() === 0) return tensor
  const bound = Math.abs(gain) * Math.sqrt(6 / (fanIn + fanOut))
  return underName('xavierUniform_', () => uniform_(tensor, -bound, bound, take(options)))
}

const XAVIER_NORMAL = initializer<XavierOptions>('xavierNormal_', { gain: FINITE, ...RANDOM })

/**
 * Normal with standard deviation gain · √(2 / (fanIn + fanOut)).
 * @param tensor a weight [out, in, …kernel]
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.xavier_normal_
 */
export function xavierNormal_(tensor: Tensor, options?: XavierOptions): Tensor
export function xavierNormal_(tensor: Tensor, gain: number | undefined, options?: XavierOptions): Tensor
export function xavierNormal_(tensor: Tensor, ...rest: readonly unknown[]): Tensor {
  const { gain = 1, ...options } = read(XAVIER_NORMAL, tensor, rest)
  const { fanIn, fanOut } = fans('xavierNormal_', tensor)
  if (tensor.numel() === 0) return tensor
  return underName('xavierNormal_', () => normal_(tensor, 0, Math.abs(gain) * Math.sqrt(2 / (fanIn + fanOut)), take(options)))
}

const KAIMING = {
  a: FINITE,
  mode: { ...choice(Object.keys(FANS)), fits: choice(['fanIn', 'fanOut']).fits },
  nonlinearity: NONLINEARITY,
  ...RANDOM,
} as const

function kaimingStd(op: string, tensor: Tensor, { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' }: KaimingOptions): number {
  return calculateGain(nonlinearity, a) / Math.sqrt(fans(op, tensor)[FANS[mode]])
}

const KAIMING_UNIFORM = initializer<KaimingOptions>('kaimingUniform_', KAIMING)

/**
 * Uniform in ±gain · √(3 / fan).
 * @param tensor a weight [out, in, …kernel]
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.kaiming_uniform_
 * @example nn.init.kaimingUniform_(w, { nonlinearity: 'relu' }); nn.init.kaimingUniform_(w, 0, 'fan_in', 'relu')
 */
export function kaimingUniform_(tensor: Tensor, options?: KaimingOptions): Tensor
export function kaimingUniform_(tensor: Tensor, a: number | undefined, options?: KaimingOptions): Tensor
export function kaimingUniform_(tensor: Tensor, a: number | undefined, mode: FanMode | undefined, options?: KaimingOptions): Tensor
export function kaimingUniform_(
  tensor: Tensor,
  a: number | undefined,
  mode: FanMode | undefined,
  nonlinearity: Nonlinearity | undefined,
  options?: KaimingOptions,
): Tensor
export function kaimingUniform_(tensor: Tensor, ...rest: readonly unknown[]): Tensor {
  const options = read(KAIMING_UNIFORM, tensor, rest)
  if (tensor.numel() === 0) return tensor
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', tensor, options)
  return underName('kaimingUniform_', () => uniform_(tensor, -bound, bound, take(options)))
}

const KAIMING_NORMAL = initializer<KaimingOptions>('kaimingNormal_', KAIMING)

/**
 * Normal with standard deviation gain / √fan.
 * @param tensor a weight [out, in, …kernel]
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.kaiming_normal_
 * @example nn.init.kaimingNormal_(w, { mode: 'fanOut', nonlinearity: 'relu' }); nn.init.kaimingNormal_(w, 0, 'fan_out', 'relu')
 */
export function kaimingNormal_(tensor: Tensor, options?: KaimingOptions): Tensor
export function kaimingNormal_(tensor: Tensor, a: number | undefined, options?: KaimingOptions): Tensor
export function kaimingNormal_(tensor: Tensor, a: number | undefined, mode: FanMode | undefined, options?: KaimingOptions): Tensor
export function kaimingNormal_(
  tensor: Tensor,
  a: number | undefined,
  mode: FanMode | undefined,
  nonlinearity: Nonlinearity | undefined,
  options?: KaimingOptions,
): Tensor
export function kaimingNormal_(tensor: Tensor, ...rest: readonly unknown[]): Tensor {
  const options = read(KAIMING_NORMAL, tensor, rest)
  if (tensor.numel() === 0) return tensor
  return underName('kaimingNormal_', () => normal_(tensor, 0, kaimingStd('kaimingNormal_', tensor, options), take(options)))
}
