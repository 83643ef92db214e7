/** @file Random tensors: Philox bits keyed by seed, call and element, so that fusing or recomputing cannot change them. */
import {
  ArgumentError,
  atLeast,
  broadcastShapes,
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
  mismatch,
  named,
  type Options,
  oneOf,
  optional,
  SHAPE,
  type Shape,
  signature,
  underName,
  WHOLE,
  within,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { knownValues, optionsIn, TENSOR, Tensor, withGrad } from '../tensor/index.ts'
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
import { checkDevices } from './define.ts'
import { defaultGenerator, Generator, philox, type Words } from './generator.ts'
import { checkFloat, floatType } from './promote.ts'

/** Creation options, and whose numbers to take. */
export interface RandomOptions extends CreateOptions {
  /** Whose numbers to take: by default those that `manualSeed` seeds. */
  readonly generator?: Generator
}

/** Whose numbers a function takes. */
export interface GeneratorOptions {
  /** By default those that `manualSeed` seeds. */
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

const NORMAL_STD = oneOf(atLeast(0), TENSOR)
const NORMAL = signature('normal', {
  mean: oneOf(FINITE, TENSOR),
  std: optional(NORMAL_STD),
  shape: optional(oneOf(SIZES, RANDOM_FLOAT)),
  options: optional(RANDOM_FLOAT),
})

/**
 * Normal with the given mean and standard deviation: two numbers and a shape, or tensors, which broadcast, `normal(mean, 1)`. There is no gradient to
 * either, as in PyTorch (`distributions.Normal` has one).
 * @throws ArgumentError for a negative standard deviation; DTypeError for tensors that are not of a float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.normal.html
 */
export function normal(mean: number, std: number, shape: Shape | number, options?: RandomOptions): Tensor
export function normal(mean: Tensor, std?: number | Tensor, options?: GeneratorOptions): Tensor
export function normal(mean: number, std: Tensor, options?: GeneratorOptions): Tensor
export function normal(
  mean: number | Tensor,
  given?: number | Tensor,
  third?: Shape | number | GeneratorOptions,
  fourth?: RandomOptions,
): Tensor {
  NORMAL.check(mean, given, third, fourth)
  if (given === undefined && !(mean instanceof Tensor)) throw new ArgumentError('normal', mismatch(NORMAL_STD, 'std', given))
  const std = given ?? 1
  if (mean instanceof Tensor || std instanceof Tensor) return normalAround(mean, std, third, fourth)
  if (typeof third !== 'number' && !Array.isArray(third)) throw new ArgumentError('normal', mismatch(SIZES, 'shape', third))
  const dtype = fourth?.dtype ?? 'float32'
  const node = normalNode(
    fourth?.generator,
    shapeOf('normal', third as Shape | number),
    dtype,
    placementFor('normal', dtype, fourth?.device),
  )
  return created('normal', stretched(node, held('normal', 'std', std, dtype), held('normal', 'mean', mean, dtype)), fourth)
}

/** … whose parameters are tensors. */
function normalAround(
  mean: number | Tensor,
  std: number | Tensor,
  third: Shape | number | GeneratorOptions | undefined,
  fourth: RandomOptions | undefined,
): Tensor {
  if (typeof third === 'number' || Array.isArray(third) || fourth !== undefined)
    throw new ArgumentError('normal', 'a shape goes with two numbers only: a tensor has its own. Then come the options { generator }')
  AROUND.check(mean, std, third)
  const tensors = [mean, std].filter((x) => x instanceof Tensor)
  checkDevices('normal', ['mean', 'std'], tensors)
  for (const [role, x] of [
    ['mean', mean],
    ['std', std],
  ] as const)
    if (x instanceof Tensor) checkFloat('normal', role, x)
  if (std instanceof Tensor)
    for (const v of knownValues(std) ?? []) if (v < 0) throw new ArgumentError('normal', `std must be ≥ 0; an element is ${v}`)
  return underName('normal', () =>
    withGrad(false, () => {
      const dtype = floatType(tensors) as DType
      const shape = tensors.reduce<Shape>((sum, x) => broadcastShapes('normal', sum, x.shape), [])
      const placement = tensors.find((x) => x._node.placement !== 'auto')?._node.placement ?? 'auto'
      const wide: DType = dtype === 'float64' ? dtype : 'float32'
      const node = (x: number | Tensor): graph.Node => (x instanceof Tensor ? graph.cast(x._node, wide) : graph.scalar(x, wide))
      const z = normalNode((third as GeneratorOptions | undefined)?.generator, shape, wide, placement)
      return new Tensor(graph.cast(graph.binary('add', graph.binary('mul', z, node(std)), node(mean)), dtype))
    }),
  )
}

const AROUND = signature('normal', {
  mean: oneOf(FINITE, TENSOR),
  std: oneOf(atLeast(0), TENSOR),
  options: optional(describe<GeneratorOptions>({ generator: GENERATOR })),
})

const RANDINT = signature('randint', { low: WHOLE, high: WHOLE, shape: SHAPE, options: optional(RANDOM) })

/** Whole numbers from `low` to below `high`, of random words. @throws ArgumentError for bounds that the dtype cannot hold, or that are too far apart */
export function wholeNode(op: string, low: number, high: number, dtype: DType, bits: graph.Node): graph.Node {
  if (high <= low || high - low > 2 ** 32)
    throw new ArgumentError(op, `whole numbers low < high, at most 2³² apart, are wanted; got ${low} and ${high}`)
  held(op, 'low', low, dtype)
  held(op, 'high − 1', high - 1, dtype)
  if (dtype === 'bool' && (low < 0 || high > 2)) throw new ArgumentError(op, `bool holds 0 and 1; got the bounds ${low} and ${high}`)
  const within = high - low === 2 ** 32 ? bits : graph.binary('mod', bits, graph.scalar(high - low, 'uint32'))
  // In the dtype that holds all of them: an integer, or for floats that lie further out the result's own
  const wide = low >= -(2 ** 31) && high <= 2 ** 31 ? 'int32' : low >= 0 && high <= 2 ** 32 ? 'uint32' : dtype
  return graph.cast(graph.binary('add', graph.cast(within, wide), graph.scalar(low, wide)), dtype)
}

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
  const dtype = options?.dtype ?? 'int32'
  const bits = bitsOf(options?.generator, shapeOf('randint', shape), placementFor('randint', dtype, options?.device))(0)
  return created('randint', wholeNode('randint', low, high, dtype, bits), options)
}

const RANDINT_LIKE = signature('randintLike', { x: TENSOR, low: WHOLE, high: optional(oneOf(WHOLE, RANDOM)), options: optional(RANDOM) })

/**
 * Whole numbers from `low` (0 by default) to below `high`, as `x` in shape, dtype and device.
 * @throws ArgumentError for bounds that the dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.randint_like.html
 * @example randintLike(x, 10)
 */
export function randintLike(x: Tensor, high: number, options?: RandomOptions): Tensor
export function randintLike(x: Tensor, low: number, high: number, options?: RandomOptions): Tensor
export function randintLike(x: Tensor, first: number, second?: number | RandomOptions, third?: RandomOptions): Tensor {
  RANDINT_LIKE.check(x, first, second, third)
  const options = optionsIn('randintLike', second, third)
  const [low, high] = typeof second === 'number' ? [first, second] : [0, first]
  return underName('randintLike', () => randint(low, high, x.shape, impliedBy(x, options)))
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
export function coin(p: number, generator: Generator | undefined, shape: Shape, placement: graph.NodePlace): graph.Node {
  const bits = shifted(bitsOf(generator, shape, placement)(0), 8)
  return graph.binary('lt', bits, graph.scalar(Math.round(p * 2 ** 24), 'uint32'))
}

/** A number from 0 to 1. */
export const PROBABILITY: Kind = within(0, 1)
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
    const probability = typeof p === 'number' ? p : x
    return new Tensor(graph.cast(bernoulliNode('bernoulli', probability, given?.generator, x.shape, x._node.placement), x.dtype))
  })
}

/** True with probability p: one number, or that of each element. */
export function bernoulliNode(
  op: string,
  p: number | Tensor,
  generator: Generator | undefined,
  shape: Shape,
  placement: graph.NodePlace,
): graph.Node {
  if (typeof p === 'number') return coin(p, generator, shape, placement)
  if (!isFloat(p.dtype)) throw new DTypeError(op, `probabilities are of a float dtype; got ${p.dtype}`)
  for (const v of knownValues(p) ?? [])
    if (!(v >= 0 && v <= 1)) throw new ArgumentError(op, `probabilities are numbers from 0 to 1; one is ${v}`)
  return graph.binary('lt', uniformNode(bitsOf(generator, shape, placement), p.dtype), p._node)
}
