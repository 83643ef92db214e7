/** @file Random tensors and dropout: Philox bits keyed by seed, call and element, so that fusing or recomputing cannot change them. */
import { ArgumentError, checkOptions, type DType, DTypeError, isFloat, type Shape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { Tensor } from '../tensor/index.ts'
import {
  CREATE_OPTIONS,
  type CreateOptions,
  checkSizes,
  created,
  dtypeFor,
  fromFunction,
  optionsLike,
  placementFor,
  readSized,
  type Sized,
} from './create.ts'
import { checkTensor, defineComposition } from './define.ts'
import { mul, where } from './elementwise.ts'
import { defaultGenerator, type Generator, philox, type Words } from './generator.ts'
import { lit } from './promote.ts'

/** Creation options, and whose numbers to take. */
export interface RandomOptions extends CreateOptions {
  readonly generator?: Generator
}

const RANDOM_OPTIONS = [...CREATE_OPTIONS, 'generator']

/** The four words of each element's block, one call's worth. */
export function bitsOf(generator: Generator | undefined, shape: Shape, placement: graph.Placement): (word: number) => graph.Node {
  const from = generator ?? defaultGenerator
  const key = from.key()
  const call = from.call()
  return (word) => graph.randomBits(shape, key, call, word, placement)
}

const shifted = (bits: graph.Node, by: number): graph.Node => graph.binary('shr', bits, by)

/** Uniform in [0, 1) with as many random bits as the dtype's significand holds, so that 1 is never rounded to. */
export function uniformNode(bits: (word: number) => graph.Node, dtype: DType, first = 0): graph.Node {
  if (dtype === 'float64') {
    const high = graph.cast(shifted(bits(first), 5), dtype) // 27 bits
    const low = graph.cast(shifted(bits(first + 1), 6), dtype) // 26 bits
    return graph.binary('mul', graph.binary('add', graph.binary('mul', high, 2 ** 26), low), 2 ** -53)
  }
  const significand = dtype === 'float16' ? 11 : 24
  return graph.binary('mul', graph.cast(shifted(bits(first), 32 - significand), dtype), 2 ** -significand)
}

function floatDtype(op: string, dtype: DType | undefined): DType {
  const d = dtypeFor(op, dtype, 'float32')
  if (!isFloat(d)) throw new DTypeError(op, `a float dtype is wanted, got ${d}`)
  return d
}

/** Uniform in [0, 1); the same on every device. @see https://pytorch.org/docs/stable/generated/torch.rand.html */
export function rand(...args: Sized<RandomOptions>): Tensor {
  const { shape, options } = readSized('rand', args, RANDOM_OPTIONS)
  const dtype = floatDtype('rand', options?.dtype)
  const bits = bitsOf(options?.generator, shape, placementFor('rand', dtype, options?.device))
  return created(uniformNode(bits, dtype), options)
}

/**
 * Standard normal, by Box and Muller's √(−2 ln u) cos 2πv with u in (0, 1]. Devices differ by what their `log` and `cos` differ: a few units in the last
 * place of float32.
 * @see https://pytorch.org/docs/stable/generated/torch.randn.html
 */
export function randn(...args: Sized<RandomOptions>): Tensor {
  const { shape, options } = readSized('randn', args, RANDOM_OPTIONS)
  const dtype = floatDtype('randn', options?.dtype)
  return created(normalNode(options?.generator, shape, dtype, placementFor('randn', dtype, options?.device)), options)
}

export function normalNode(generator: Generator | undefined, shape: Shape, dtype: DType, placement: graph.Placement): graph.Node {
  const bits = bitsOf(generator, shape, placement)
  const wide: DType = dtype === 'float64' ? dtype : 'float32'
  const u = graph.binary('sub', 1, uniformNode(bits, wide))
  const v = uniformNode(bits, wide, wide === 'float64' ? 2 : 1)
  const radius = graph.unary('sqrt', graph.binary('mul', graph.unary('log', u), -2))
  return graph.cast(graph.binary('mul', radius, graph.unary('cos', graph.binary('mul', v, 2 * Math.PI))), dtype)
}

/** Uniform, as `x` in shape, dtype and device. */
export const randLike = (x: Tensor, options?: RandomOptions): Tensor =>
  rand(x.shape, { ...optionsLike('randLike', x, options, RANDOM_OPTIONS), ...generatorOf(options) })
/** Standard normal, as `x` in shape, dtype and device. */
export const randnLike = (x: Tensor, options?: RandomOptions): Tensor =>
  randn(x.shape, { ...optionsLike('randnLike', x, options, RANDOM_OPTIONS), ...generatorOf(options) })
const generatorOf = (options: RandomOptions | undefined): { generator?: Generator } =>
  options?.generator ? { generator: options.generator } : {}

/** Normal with the given mean and standard deviation. @see https://pytorch.org/docs/stable/generated/torch.normal.html */
export function normal(mean: number, std: number, shape: Shape | number, options?: RandomOptions): Tensor {
  checkOptions('normal', options, RANDOM_OPTIONS)
  const dtype = floatDtype('normal', options?.dtype)
  const node = normalNode(options?.generator, checkSizes('normal', shape), dtype, placementFor('normal', dtype, options?.device))
  return created(graph.binary('add', graph.binary('mul', node, graph.scalar(std, dtype)), graph.scalar(mean, dtype)), options)
}

/**
 * Whole numbers from `low` (0 by default) to below `high`, int32; the same on every device. A 32-bit word modulo the range: for ranges far below 2³² the
 * bias is nothing.
 * @see https://pytorch.org/docs/stable/generated/torch.randint.html
 * @example randint(0, 10, [4])
 */
export function randint(high: number, shape: Shape, options?: RandomOptions): Tensor
export function randint(low: number, high: number, shape: Shape, options?: RandomOptions): Tensor
export function randint(first: number, second: number | Shape, third?: Shape | RandomOptions, fourth?: RandomOptions): Tensor {
  const [low, high, shape, options] =
    typeof second === 'number' ? [first, second, third as Shape, fourth] : [0, first, second, third as RandomOptions | undefined]
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low || high - low > 2 ** 32) {
    throw new ArgumentError('randint', `whole numbers low < high are wanted, got ${low} and ${high}`)
  }
  checkOptions('randint', options, RANDOM_OPTIONS)
  const dtype = dtypeFor('randint', options?.dtype, 'int32')
  const placement = placementFor('randint', dtype, options?.device)
  const bits = bitsOf(options?.generator, checkSizes('randint', shape), placement)(0)
  const within = high - low === 2 ** 32 ? bits : graph.binary('mod', bits, graph.scalar(high - low, 'uint32'))
  return created(graph.cast(graph.binary('add', graph.cast(within, 'int32'), graph.scalar(low, 'int32')), dtype), options)
}

/**
 * 0 … n−1 in random order (int32), by Fisher and Yates' exchange on the host; the same on every device.
 * @see https://pytorch.org/docs/stable/generated/torch.randperm.html
 */
export function randperm(n: number, options?: RandomOptions): Tensor {
  checkOptions('randperm', options, RANDOM_OPTIONS)
  if (!Number.isInteger(n) || n < 0) throw new ArgumentError('randperm', `n must be a whole number ≥ 0, got ${n}`)
  const order = shuffled(n, options?.generator)
  return fromFunction('randperm', n, dtypeFor('randperm', options?.dtype, 'int32'), options, (i) => order[i] as number)
}

/** 0 … n−1 in random order, on the host: one call of the generator. */
export function shuffled(n: number, generator: Generator = defaultGenerator): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  const key: Words = generator.key()
  const [low, high] = generator.call()
  let block: number[] = []
  for (let i = n - 1; i > 0; i--) {
    const word = (n - 1 - i) & 3
    if (word === 0) block = philox([(n - 1 - i) >>> 2, 0, low, high], key)
    const j = Math.floor(((block[word] as number) * (i + 1)) / 2 ** 32)
    const kept = order[i] as number
    order[i] = order[j] as number
    order[j] = kept
  }
  return order
}

/** True with probability p, from 24 bits of each element's word: whole numbers are compared, so every device agrees. */
function coin(p: number, generator: Generator | undefined, shape: Shape, placement: graph.Placement): graph.Node {
  const bits = shifted(bitsOf(generator, shape, placement)(0), 8)
  return graph.binary('lt', bits, graph.scalar(Math.round(p * 2 ** 24), 'uint32'))
}

/**
 * 1 with the probability in each element of `x` (or the number `p`), else 0, in the dtype of `x`.
 * @see https://pytorch.org/docs/stable/generated/torch.bernoulli.html
 */
export function bernoulli(x: Tensor, p?: number | RandomOptions, options?: RandomOptions): Tensor {
  checkTensor('bernoulli', 'x', x)
  const given = typeof p === 'object' ? p : options
  if (typeof p === 'number') {
    checkProbability('bernoulli', p)
    return new Tensor(graph.cast(coin(p, given?.generator, x.shape, x._node.placement), x.dtype))
  }
  if (!isFloat(x.dtype)) throw new DTypeError('bernoulli', `x holds probabilities, of a float dtype; got ${x.dtype}`)
  const draw = uniformNode(bitsOf(given?.generator, x.shape, x._node.placement), x.dtype)
  return new Tensor(graph.cast(graph.binary('lt', draw, x._node), x.dtype))
}

function checkProbability(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(op, `p must lie in 0 to 1, got ${p}`)
}

/** How much {@link dropout} drops, and whether it does. */
export interface DropoutOptions {
  /** The probability of a zero: 0.5 by default. */
  readonly p?: number
  readonly training?: boolean
  readonly generator?: Generator
}

const DROPOUT_OPTIONS = ['p', 'training', 'generator']

/**
 * Each element 0 with probability `p`, the others divided by 1 − p; `x` itself where `training` is false.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html
 */
export const dropout: (x: Tensor, p?: number | DropoutOptions, options?: DropoutOptions) => Tensor = defineComposition(
  'dropout',
  'x · mask / (1 − p), the mask 0 with probability p',
  (x: Tensor, p?: number | DropoutOptions, options?: DropoutOptions) => {
    checkTensor('dropout', 'x', x)
    const given = typeof p === 'object' ? p : options
    checkOptions('dropout', given, DROPOUT_OPTIONS)
    const rate = (typeof p === 'number' ? p : given?.p) ?? 0.5
    checkProbability('dropout', rate)
    if (given?.training === false || rate === 0 || sizeOf(x.shape) === 0) return x
    const keep = new Tensor(coin(1 - rate, given?.generator, x.shape, x._node.placement))
    // all dropped: the factor must not be infinite, 0 · ∞ would reach the gradient
    return where(keep, mul(x, rate === 1 ? 0 : 1 / (1 - rate)), lit(0, x))
  },
  { half: 'keep' },
)
