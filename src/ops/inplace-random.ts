/** @file Random numbers in place: `x.exponential_()` puts numbers of the exponential distribution behind `x`, whatever it was. */
import {
  ArgumentError,
  atLeast,
  options as describe,
  dtypeInfo,
  FINITE,
  halfFormats,
  held,
  isFloat,
  isHalf,
  isInteger,
  type Kind,
  type Options,
  oneOf,
  optional,
  rangeOf,
  WHOLE,
  within,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { Draws, drawnIn, exp, over, times } from './draws.ts'
import { inPlace } from './inplace.ts'
import { checkFloat } from './promote.ts'
import { bernoulliNode, bitsOf, GENERATOR, type GeneratorOptions, normalNode, stretched, uniformNode, wholeNode } from './random.ts'
import { expand } from './view.ts'

const FILL: Options<GeneratorOptions> = describe<GeneratorOptions>({ generator: GENERATOR })
const above = (bound: number): Kind => ({
  fits: `a number > ${bound}`,
  accepts: (x) => Number.isFinite(x) && (x as number) > bound,
})

const drawsFor = (x: Tensor, options: GeneratorOptions | undefined): Draws =>
  new Draws(options?.generator, x.shape, drawnIn(x.dtype), x._node.placement)

/**
 * Exponential with density λ e^−λx: `exponential_(1)`. Never 0 in float32 and float64.
 * @throws ArgumentError unless `lambd` is a number > 0; DTypeError unless `x` is of a float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.exponential_.html
 */
export const exponential_: (x: Tensor, lambd?: number, options?: GeneratorOptions) => Tensor = inPlace(
  'exponential_',
  { lambd: optional(above(0)), options: optional(FILL) },
  (x: Tensor, lambd = 1, options?: GeneratorOptions) => {
    checkFloat('exponential_', 'x', x)
    const drawn = drawsFor(x, options).exponential()
    return new Tensor(graph.cast(over(drawn, graph.scalar(lambd, drawn.dtype)), x.dtype))
  },
)

/**
 * Cauchy with density σ / (π (σ² + (x − median)²)).
 * @throws ArgumentError unless `sigma` is a number > 0; DTypeError unless `x` is of a float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.cauchy_.html
 */
export const cauchy_: (x: Tensor, median?: number, sigma?: number, options?: GeneratorOptions) => Tensor = inPlace(
  'cauchy_',
  { median: optional(FINITE), sigma: optional(above(0)), options: optional(FILL) },
  (x: Tensor, median = 0, sigma = 1, options?: GeneratorOptions) => {
    checkFloat('cauchy_', 'x', x)
    const { distance, upper } = drawsFor(x, options).half()
    const angle = times(distance, Math.PI)
    const size = over(graph.unary('cos', angle), graph.unary('sin', angle)) // the cotangent: large near the end
    const standard = graph.where(upper, size, graph.unary('neg', size))
    return new Tensor(graph.cast(stretched(standard, sigma, median), x.dtype))
  },
)

/**
 * The logarithm normal with the given mean and standard deviation (those of the logarithm).
 * @throws ArgumentError unless `std` is a number > 0; DTypeError unless `x` is of a float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.log_normal_.html
 */
export const logNormal_: (x: Tensor, mean?: number, std?: number, options?: GeneratorOptions) => Tensor = inPlace(
  'logNormal_',
  { mean: optional(FINITE), std: optional(above(0)), options: optional(FILL) },
  (x: Tensor, mean = 1, std = 2, options?: GeneratorOptions) => {
    checkFloat('logNormal_', 'x', x)
    const z = normalNode(options?.generator, x.shape, drawnIn(x.dtype), x._node.placement)
    return new Tensor(graph.cast(exp(stretched(z, std, mean)), x.dtype))
  },
)

/**
 * How many trials of probability `p` until the first succeeds: 1, 2, …; ⌈E/−log(1 − p)⌉ with E exponential. What an integer dtype cannot hold is its largest.
 * @throws ArgumentError unless 0 < p < 1.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.geometric_.html
 */
export const geometric_: (x: Tensor, p: number, options?: GeneratorOptions) => Tensor = inPlace(
  'geometric_',
  {
    p: { fits: 'a number between 0 and 1', accepts: (v) => typeof v === 'number' && v > 0 && v < 1 },
    options: optional(FILL),
  },
  (x: Tensor, p: number, options?: GeneratorOptions) => {
    const drawn = drawsFor(x, options).exponential()
    const trials = graph.unary('ceil', over(drawn, graph.scalar(-Math.log1p(-p), drawn.dtype)))
    return new Tensor(graph.cast(isFloat(x.dtype) ? trials : graph.binary('min', trials, mostBelow(x)), x.dtype))
  },
)

/** The largest number of the integer dtype of `x` that float32 holds. */
function mostBelow(x: Tensor): number {
  const most = isInteger(x.dtype) ? rangeOf(x.dtype)[1] : 1
  const near = Math.fround(most)
  return near > most ? near - near * 2 ** -24 : near
}

/** The first whole number that no call without bounds gives: all that the dtype holds from 0 on, or up to which a float holds every one. */
function boundOf(x: Tensor): number {
  if (x.dtype === 'bool') return 2
  if (isInteger(x.dtype)) return rangeOf(x.dtype)[1] + 1
  if (isHalf(x.dtype)) return 2 ** halfFormats[x.dtype].significand + 1
  return dtypeInfo[x.dtype].bytes === 8 ? 2 ** 32 : 2 ** 24 + 1
}

const BOUND = optional(oneOf(WHOLE, FILL))
/**
 * Whole numbers: `random_(from, to)` from `from` to below `to`, `random_(to)` from 0, and `random_()` all that the dtype holds from 0 on (of a float all up to which
 * it holds every whole number; of float64 those below 2³²).
 * @throws ArgumentError for bounds that are more than 2³² apart, or that the dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.random_.html
 */
export const random_: (x: Tensor, from?: number | GeneratorOptions, to?: number | GeneratorOptions, options?: GeneratorOptions) => Tensor =
  inPlace(
    'random_',
    { from: BOUND, to: BOUND, options: optional(FILL) },
    (x: Tensor, from?: number | GeneratorOptions, to?: number | GeneratorOptions, options?: GeneratorOptions) => {
      const numbers = [from, to].filter((v) => typeof v === 'number')
      if (typeof from === 'object' && (to !== undefined || options !== undefined))
        throw new ArgumentError('random_', 'the options come last')
      if (typeof to === 'object' && options !== undefined) throw new ArgumentError('random_', 'the options come last')
      const given = options ?? (typeof to === 'object' ? to : typeof from === 'object' ? from : undefined)
      const high = numbers[numbers.length - 1] ?? boundOf(x)
      const low = numbers.length === 2 ? (numbers[0] as number) : 0
      return new Tensor(wholeNode('random_', low, high, x.dtype, bitsOf(given?.generator, x.shape, x._node.placement)(0)))
    },
  )

/**
 * 1 with probability `p` (½ by default), else 0; `p` may be a tensor of probabilities that broadcasts to `x`.
 * @throws ArgumentError for a probability outside of [0, 1]; DTypeError for probabilities that are not of a float dtype; ShapeError where `p` does not broadcast to `x`.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.bernoulli_.html
 */
export const bernoulli_: (x: Tensor, p?: number | Tensor | GeneratorOptions, options?: GeneratorOptions) => Tensor = inPlace(
  'bernoulli_',
  { p: optional(oneOf(within(0, 1), TENSOR, FILL)), options: optional(FILL) },
  (x: Tensor, p?: number | Tensor | GeneratorOptions, options?: GeneratorOptions) => {
    const given = p instanceof Tensor ? options : optionsIn('bernoulli_', p, options)
    const probability = p instanceof Tensor ? expand(p, x.shape) : typeof p === 'number' ? p : 0.5
    return new Tensor(graph.cast(bernoulliNode('bernoulli_', probability, given?.generator, x.shape, x._node.placement), x.dtype))
  },
)

/** Uniform in [from, to). @see https://pytorch.org/docs/stable/generated/torch.Tensor.uniform_.html */
export const uniform_: (x: Tensor, from?: number, to?: number, options?: GeneratorOptions) => Tensor = inPlace(
  'uniform_',
  { from: optional(FINITE), to: optional(FINITE), options: optional(FILL) },
  (x: Tensor, from = 0, to = 1, options?: GeneratorOptions) => {
    checkFloat('uniform_', 'x', x)
    if (from > to) throw new ArgumentError('uniform_', `from must be at most to, got ${from} and ${to}`)
    const u = uniformNode(bitsOf(options?.generator, x.shape, x._node.placement), x.dtype)
    const [least, most] = [held('uniform_', 'from', from, x.dtype), held('uniform_', 'to', to, x.dtype)]
    return new Tensor(stretched(u, most - least, least))
  },
)

/** Normal with the given mean and standard deviation. @see https://pytorch.org/docs/stable/generated/torch.Tensor.normal_.html */
export const normal_: (x: Tensor, mean?: number, std?: number, options?: GeneratorOptions) => Tensor = inPlace(
  'normal_',
  { mean: optional(FINITE), std: optional(atLeast(0)), options: optional(FILL) },
  (x: Tensor, mean = 0, std = 1, options?: GeneratorOptions) => {
    checkFloat('normal_', 'x', x)
    const z = normalNode(options?.generator, x.shape, x.dtype, x._node.placement)
    return new Tensor(stretched(z, held('normal_', 'std', std, x.dtype), held('normal_', 'mean', mean, x.dtype)))
  },
)
