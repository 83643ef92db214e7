/** @file Samples of classes that have a gradient. */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  FINITE,
  normalizeDim,
  type Options,
  oneOf,
  optional,
  signature,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { defineComposition } from './define.ts'
import { add, div, sub } from './elementwise.ts'
import { argmax, positions } from './extremes.ts'
import { checkFloat } from './promote.ts'
import { bitsOf, GENERATOR, type GeneratorOptions, uniformNode } from './random.ts'
import { softmax } from './softmax.ts'

/** Options of {@link gumbelSoftmax}. */
export interface GumbelOptions extends GeneratorOptions {
  /** The temperature, more than 0: 1 by default. */
  readonly tau?: number
  /** Whether the value is one-hot, with the gradient of the soft sample: false by default. */
  readonly hard?: boolean
  /** The dim of the classes: the last by default. */
  readonly dim?: number
}

const GUMBEL_OPTIONS: Options<GumbelOptions> = describe<GumbelOptions>({ tau: FINITE, hard: BOOLEAN, dim: DIM, generator: GENERATOR })
const GUMBEL = signature('gumbelSoftmax', {
  logits: TENSOR,
  tau: optional(oneOf(FINITE, GUMBEL_OPTIONS)),
  options: optional(GUMBEL_OPTIONS),
})

/** Numbers of the standard Gumbel distribution, −ln(−ln u), in the shape of `x`. All are finite: 0 is not among the u. */
function gumbels(x: Tensor, options: GeneratorOptions | undefined): Tensor {
  const u = uniformNode(bitsOf(options?.generator, x.shape, x._node.placement), x.dtype)
  const inner = graph.binary('max', u, 2 ** -25)
  return new Tensor(graph.unary('neg', graph.unary('log', graph.unary('neg', graph.unary('log', inner)))))
}

/**
 * Samples of classes from their logits, softmax((logits + g) / tau) with g from the standard Gumbel distribution, so that gradients pass through them
 * (E. Jang et al., arXiv:1611.01144). With `hard` the largest is 1 and all others are 0, and the gradient is that of the soft sample.
 * @param logits floats, any shape: log probabilities up to a constant along `dim`
 * @throws ArgumentError for a tau that is not above 0, DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.gumbel_softmax.html
 * @example gumbelSoftmax(zeros([4, 10]), { hard: true }).sum(1) // ones
 */
export const gumbelSoftmax: (logits: Tensor, tau?: number | GumbelOptions, options?: GumbelOptions) => Tensor = defineComposition(
  'gumbelSoftmax',
  (logits: Tensor, tau?: number | GumbelOptions, options?: GumbelOptions) => {
    GUMBEL.check(logits, tau, options)
    checkFloat('gumbelSoftmax', 'logits', logits)
    const named = optionsIn<GumbelOptions>('gumbelSoftmax', tau, options)
    const t = (typeof tau === 'number' ? tau : named?.tau) ?? 1
    if (t <= 0) throw new ArgumentError('gumbelSoftmax', `tau must be more than 0, got ${t}`)
    const dim = normalizeDim('gumbelSoftmax', named?.dim ?? -1, logits.ndim)
    const soft = softmax(div(add(logits, gumbels(logits, named)), t), dim)
    if (named?.hard !== true || logits.numel() === 0) return soft
    const largest = logits.ndim === 0 ? eq(soft, soft) : eq(new Tensor(positions(soft.shape, dim)), argmax(soft, dim, { keepdim: true }))
    // (soft − soft is 0: the value is exactly one-hot)
    return add(cast(largest, soft.dtype), sub(soft, stopGradient(soft)))
  },
)
