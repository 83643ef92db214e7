/** @file Random tensors and dropout: Philox bits keyed by seed, call and element, so that fusing or recomputing cannot change them. */
import {
  ArgumentError,
  atLeast,
  BOOLEAN,
  COUNT,
  checkElements,
  type DType,
  DTypeError,
  options as describe,
  dtypes,
  FINITE,
  halfFormats,
  held,
  instanceOf,
  isFloat,
  isHalf,
  type Kind,
  named,
  type Options,
  oneOf,
  optional,
  SHAPE,
  type Shape,
  signature,
  sizeOf,
  underName,
  WHOLE,
  within,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { knownValues, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import {
  CREATE,
  type CreateOptions,
  type CreationArguments,
  created,
  fromFunction,
  impliedBy,
  likeOf,
  placementFor,
  readSized,
  SIZES,
  shapeOf,
  sized,
} from './create.ts'
import { defineComposition } from './define.ts'
import { mul, where } from './elementwise.ts'
import { defaultGenerator, Generator, philox, type Words } from './generator.ts'
import { lit } from './promote.ts'

/** Creation options, and whose numbers to take. */
export interface RandomOptions extends CreateOptions {
  /** Whose numbers to take: by default those that `manualSeed` seeds. */
  readonly generator?: Generator
}

/** A source of random numbers. */
export const GENERATOR: Kind = instanceOf(Generator, 'a Generator')
const RANDOM: Options<RandomOptions> = describe<RandomOptions>({ ...CREATE, generator: GENERATOR })
/** … of floats. */
const RANDOM_FLOAT: Options<RandomOptions> = describe<RandomOptions>({
  ...CREATE,
  dtype: named('a float dtype', dtypes.filter(isFloat)),
  generator: GENERATOR,
})

/** The four words of each element's block, one call's worth. */
export function bitsOf(generator: Generator | undefined, shape: Shape, placement: graph.NodePlace): (word: number) => graph.Node {
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
  const significand = isHalf(dtype) ? halfFormats[dtype].significand : 24
  return graph.binary('mul', graph.cast(shifted(bits(first), 32 - significand), dtype), 2 ** -significand)
}

const RAND = sized('rand', RANDOM_FLOAT)
const RANDN = sized('randn', RANDOM_FLOAT)

/** Uniform in [0, 1); the same on every device. @see https://pytorch.org/docs/stable/generated/torch.rand.html */
export function rand(...args: CreationArguments<RandomOptions>): Tensor {
  const { shape, options } = readSized(RAND, args)
  const dtype = options?.dtype ?? 'float32'
  const bits = bitsOf(options?.generator, shape, placementFor('rand', dtype, options?.device))
  return created('rand', uniformNode(bits, dtype), options)
}

/**
 * Standard normal, by Box and Muller's √(−2 ln u) cos 2πv with u in (0, 1]. Devices differ by what their `log` and `cos` differ: a few units in the last
 * place of float32.
 * @see https://pytorch.org/docs/stable/generated/torch.randn.html
 */
export function randn(...args: CreationArguments<RandomOptions>): Tensor {
  const { shape, options } = readSized(RANDN, args)
  const dtype = options?.dtype ?? 'float32'
  return created('randn', normalNode(options?.generator, shape, dtype, placementFor('randn', dtype, options?.device)), options)
}

export function normalNode(generator: Generator | undefined, shape: Shape, dtype: DType, placement: graph.NodePlace): graph.Node {
  const bits = bitsOf(generator, shape, placement)
  const wide: DType = dtype === 'float64' ? dtype : 'float32'
  const u = graph.binary('sub', 1, uniformNode(bits, wide))
  const v = uniformNode(bits, wide, wide === 'float64' ? 2 : 1)
  const radius = graph.unary('sqrt', graph.binary('mul', graph.unary('log', u), -2))
  return graph.cast(graph.binary('mul', radius, graph.unary('cos', graph.binary('mul', v, 2 * Math.PI))), dtype)
}

const RAND_LIKE = likeOf('randLike', RANDOM_FLOAT)
const RANDN_LIKE = likeOf('randnLike', RANDOM_FLOAT)

function floatLike(op: string, x: Tensor, options: RandomOptions | undefined): RandomOptions {
  const implied = impliedBy(x, options)
  if (!isFloat(implied.dtype as DType))
    throw new DTypeError(op, `x is ${x.dtype}, and random numbers are of a float dtype. Name one: { dtype: 'float32' }`)
  return implied
}

/** Uniform in [0, 1), as `x` in shape, dtype and device. @see https://pytorch.org/docs/stable/generated/torch.rand_like.html */
export function randLike(x: Tensor, options?: RandomOptions): Tensor {
  RAND_LIKE.check(x, options)
  return underName('randLike', () => rand(x.shape, floatLike('randLike', x, options)))
}
/** Standard normal, as `x` in shape, dtype and device. @see https://pytorch.org/docs/stable/generated/torch.randn_like.html */
export function randnLike(x: Tensor, options?: RandomOptions): Tensor {
  RANDN_LIKE.check(x, options)
  return underName('randnLike', () => randn(x.shape, floatLike('randnLike', x, options)))
}

/** x · factor + offset: from a distribution of its own to one of the same form. */
export const stretched = (x: graph.Node, factor: number, offset: number): graph.Node =>
  graph.binary('add', graph.binary('mul', x, graph.scalar(factor, x.dtype)), graph.scalar(offset, x.dtype))

const NORMAL = signature('normal', { mean: FINITE, std: atLeast(0), shape: SIZES, options: optional(RANDOM_FLOAT) })

/** Normal with the given mean and standard deviation. @see https://pytorch.org/docs/stable/generated/torch.normal.html */
export function normal(mean: number, std: number, shape: Shape | number, options?: RandomOptions): Tensor {
  NORMAL.check(mean, std, shape, options)
  const dtype = options?.dtype ?? 'float32'
  const node = normalNode(options?.generator, shapeOf('normal', shape), dtype, placementFor('normal', dtype, options?.device))
  return created('normal', stretched(node, held('normal', 'std', std, dtype), held('normal', 'mean', mean, dtype)), options)
}

const RANDINT = signature('randint', { low: WHOLE, high: WHOLE, shape: SHAPE, options: optional(RANDOM) })

/**
 * Whole numbers from `low` (0 by default) to below `high`, int32; the same on every device. A 32-bit word modulo the range: for ranges far below 2³² the
 * bias is nothing.
 * @throws ArgumentError for bounds that the dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.randint.html
 * @example randint(0, 10, [4])
 */
export function randint(high: number, shape: Shape, options?: RandomOptions): Tensor
export function randint(low: number, high: number, shape: Shape, options?: RandomOptions): Tensor
export function randint(first: number, second: number | Shape, third?: Shape | RandomOptions, fourth?: RandomOptions): Tensor {
  const [low, high, shape, options] = Array.isArray(second)
    ? [0, first, second as Shape, third as RandomOptions | undefined]
    : [first, second as number, third as Shape, fourth]
  RANDINT.check(low, high, shape, options)
  if (high <= low || high - low > 2 ** 32)
    throw new ArgumentError('randint', `whole numbers low < high, at most 2³² apart, are wanted; got ${low} and ${high}`)
  const dtype = options?.dtype ?? 'int32'
  held('randint', 'low', low, dtype)
  held('randint', 'high − 1', high - 1, dtype)
  const placement = placementFor('randint', dtype, options?.device)
  const bits = bitsOf(options?.generator, shapeOf('randint', shape), placement)(0)
  const within = high - low === 2 ** 32 ? bits : graph.binary('mod', bits, graph.scalar(high - low, 'uint32'))
  // In the dtype that holds all of them: an integer, or for floats that lie further out the result's own
  const wide = low >= -(2 ** 31) && high <= 2 ** 31 ? 'int32' : low >= 0 && high <= 2 ** 32 ? 'uint32' : dtype
  return created('randint', graph.cast(graph.binary('add', graph.cast(within, wide), graph.scalar(low, wide)), dtype), options)
}

const RANDPERM = signature('randperm', { n: COUNT, options: optional(RANDOM) })

/**
 * 0 … n−1 in random order (int32), by Fisher and Yates' exchange on the host; the same on every device.
 * @see https://pytorch.org/docs/stable/generated/torch.randperm.html
 */
export function randperm(n: number, options?: RandomOptions): Tensor {
  RANDPERM.check(n, options)
  checkElements('randperm', [n])
  const order = shuffled(n, options?.generator)
  return fromFunction('randperm', n, options?.dtype ?? 'int32', options, (i) => order[i] as number)
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
function coin(p: number, generator: Generator | undefined, shape: Shape, placement: graph.NodePlace): graph.Node {
  const bits = shifted(bitsOf(generator, shape, placement)(0), 8)
  return graph.binary('lt', bits, graph.scalar(Math.round(p * 2 ** 24), 'uint32'))
}

/** Whose numbers a function takes. */
export interface GeneratorOptions {
  /** By default those that `manualSeed` seeds. */
  readonly generator?: Generator
}

const PROBABILITY = within(0, 1)
const WITH_GENERATOR: Options<GeneratorOptions> = describe<GeneratorOptions>({ generator: GENERATOR })
const BERNOULLI = signature('bernoulli', {
  x: TENSOR,
  p: optional(oneOf(PROBABILITY, WITH_GENERATOR)),
  options: optional(WITH_GENERATOR),
})

/**
 * 1 with the probability in each element of `x` (or the number `p`), else 0, in the dtype of `x`.
 * @see https://pytorch.org/docs/stable/generated/torch.bernoulli.html
 */
export function bernoulli(x: Tensor, p?: number | GeneratorOptions, options?: GeneratorOptions): Tensor {
  BERNOULLI.check(x, p, options)
  return underName('bernoulli', () => {
    const given = optionsIn('bernoulli', p, options)
    if (typeof p === 'number') {
      return new Tensor(graph.cast(coin(p, given?.generator, x.shape, x._node.placement), x.dtype))
    }
    if (!isFloat(x.dtype)) throw new DTypeError('bernoulli', `x holds probabilities, of a float dtype; got ${x.dtype}`)
    for (const v of knownValues(x) ?? [])
      if (!(v >= 0 && v <= 1)) throw new ArgumentError('bernoulli', `x holds probabilities, from 0 to 1; one is ${v}`)
    const draw = uniformNode(bitsOf(given?.generator, x.shape, x._node.placement), x.dtype)
    return new Tensor(graph.cast(graph.binary('lt', draw, x._node), x.dtype))
  })
}

/** How much {@link dropout} drops, and whether it does. */
export interface DropoutOptions extends GeneratorOptions {
  /** The probability of a zero: 0.5 by default. */
  readonly p?: number
  /** Whether anything is dropped: true by default. */
  readonly training?: boolean
}

const DROPOUT_OPTIONS: Options<DropoutOptions> = describe<DropoutOptions>({ p: PROBABILITY, training: BOOLEAN, generator: GENERATOR })
const DROPOUT = signature('dropout', {
  x: TENSOR,
  p: optional(oneOf(PROBABILITY, DROPOUT_OPTIONS)),
  options: optional(DROPOUT_OPTIONS),
})

/**
 * Each element 0 with probability `p`, the others divided by 1 − p; `x` itself where `training` is false.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html
 */
export const dropout: (x: Tensor, p?: number | DropoutOptions, options?: DropoutOptions) => Tensor = defineComposition(
  'dropout',
  (x: Tensor, p?: number | DropoutOptions, options?: DropoutOptions) => {
    DROPOUT.check(x, p, options)
    const given = optionsIn('dropout', p, options)
    const rate = (typeof p === 'number' ? p : given?.p) ?? 0.5
    if (given?.training === false || rate === 0 || sizeOf(x.shape) === 0) return x
    const keep = new Tensor(coin(1 - rate, given?.generator, x.shape, x._node.placement))
    // all dropped: the factor must not be infinite, 0 · ∞ would reach the gradient
    return where(keep, mul(x, rate === 1 ? 0 : 1 / (1 - rate)), lit(0, x))
  },
  { half: 'keep' },
)
