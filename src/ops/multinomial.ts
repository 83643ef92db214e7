/** @file Draws from among categories by their weights. */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  type Options,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  underName,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, knownValues, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { Draws, drawnIn, log, minus } from './draws.ts'
import { checkFloat } from './promote.ts'
import { GENERATOR, type GeneratorOptions } from './random.ts'
import { topk } from './selection.ts'

/** How {@link multinomial} draws. */
export interface MultinomialOptions extends GeneratorOptions {
  /** Whether a category may come more than once: false by default. */
  readonly replacement?: boolean
}

const OPTIONS: Options<MultinomialOptions> = describe<MultinomialOptions>({ replacement: BOOLEAN, generator: GENERATOR })
const MULTINOMIAL = signature('multinomial', {
  x: TENSOR,
  numSamples: whole(1),
  replacement: optional(oneOf(BOOLEAN, OPTIONS)),
  options: optional(OPTIONS),
})

/**
 * `numSamples` categories, int32, drawn by the weights in `x` [categories] or, row by row, [rows, categories]: without replacement unless `replacement` says so.
 * Weights need not add up to 1. Each category has an exponential time, its own divided by its weight, and the earliest win, so that one of weight 0 is never
 * drawn while another is left.
 * @throws ShapeError unless `x` has 1 or 2 dims and categories; ArgumentError for more samples than categories without replacement, and for weights that the host
 * has: negative, infinite or NaN, all 0, or too few above 0.
 * @see https://pytorch.org/docs/stable/generated/torch.multinomial.html
 */
export function multinomial(
  x: Tensor,
  numSamples: number,
  replacement?: boolean | MultinomialOptions,
  options?: MultinomialOptions,
): Tensor {
  MULTINOMIAL.check(x, numSamples, replacement, options)
  const given = optionsIn('multinomial', replacement, options)
  const repeats = typeof replacement === 'boolean' ? replacement : (given?.replacement ?? false)
  checkFloat('multinomial', 'x', x)
  checkWeights(x, numSamples, repeats)
  checkSize('multinomial', [...x.shape.slice(0, -1), numSamples])
  return underName('multinomial', () => (repeats ? repeated(x, numSamples, given) : distinct(x, numSamples, given)))
}

function checkWeights(x: Tensor, samples: number, repeats: boolean): void {
  const categories = x.shape.at(-1)
  if (categories === undefined || x.ndim > 2 || categories === 0)
    throw new ShapeError('multinomial', `x holds weights [categories] or [rows, categories], got ${showShape(x.shape)}`, [x.shape])
  if (!repeats && samples > categories)
    throw new ArgumentError('multinomial', `${samples} samples of ${categories} categories need { replacement: true }`)
  const values = knownValues(x)
  if (!values) return
  for (let row = 0; row < values.length; row += categories) {
    let positive = 0
    for (const v of values.slice(row, row + categories)) {
      if (!(v >= 0 && v < Number.POSITIVE_INFINITY)) throw new ArgumentError('multinomial', `weights are finite numbers ≥ 0; one is ${v}`)
      if (v > 0) positive++
    }
    const wanted = repeats ? 1 : samples
    if (positive < wanted)
      throw new ArgumentError(
        'multinomial',
        `row ${row / categories} of x has ${positive} weights above 0, and ${wanted} are drawn from it`,
      )
  }
}

/** The logarithm of each category's time: of a shape that ends in the categories. */
function times(x: Tensor, drawn: Shape, weights: Shape, options: GeneratorOptions | undefined): graph.Node {
  const dtype = drawnIn(x.dtype)
  const time = new Draws(options?.generator, drawn, dtype, x._node.placement).exponential()
  return minus(log(time), graph.reshape(log(graph.cast(x._node, dtype)), weights))
}

function repeated(x: Tensor, samples: number, options: GeneratorOptions | undefined): Tensor {
  const [rows, categories] = [x.shape.slice(0, -1), x.shape.at(-1) as number]
  const drawn = [...rows, samples, categories]
  return new Tensor(graph.reduce('argmin', times(x, drawn, [...rows, 1, categories], options), [drawn.length - 1]))
}

const distinct = (x: Tensor, samples: number, options: GeneratorOptions | undefined): Tensor =>
  topk(new Tensor(times(x, x.shape, x.shape, options)), samples, { dim: -1, largest: false }).indices
