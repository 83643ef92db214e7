/** @file Dropout: elements, or whole channels, are left out at random. Those of self-normalizing networks keep mean and variance. */
import {
  BOOLEAN,
  options as describe,
  type Options,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  showShape,
  signature,
  sizeOf,
} from '../base/index.ts'
import { optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { defineComposition } from './define.ts'
import { add, mul, where } from './elementwise.ts'
import { SELU_ALPHA, SELU_SCALE } from './elu.ts'
import { lit, number } from './promote.ts'
import { coin, GENERATOR, type GeneratorOptions, PROBABILITY } from './random.ts'

/** How much {@link dropout} drops, and whether it does. */
export interface DropoutOptions extends GeneratorOptions {
  /** The probability of a zero: 0.5 by default. */
  readonly p?: number
  /** Whether anything is dropped. */
  readonly training?: boolean
}

/** A function that drops at random: `p` goes by position or by its name. */
export type DropoutFunction = (x: Tensor, p?: number | DropoutOptions, options?: DropoutOptions) => Tensor

const DROPOUT_OPTIONS: Options<DropoutOptions> = describe<DropoutOptions>({ p: PROBABILITY, training: BOOLEAN, generator: GENERATOR })
/** The kinds of the arguments of {@link dropout} behind its first. */
export const DROPOUT = { p: optional(oneOf(PROBABILITY, DROPOUT_OPTIONS)), options: optional(DROPOUT_OPTIONS) } as const

/** What is dropped of a shape. */
interface Form {
  /** Whether `training` is true where it is not given. */
  readonly trains: boolean
  /** What has one fate: a size of 1 is shared by all along that dim. Throws for shapes that do not fit. */
  readonly units: (x: Tensor) => Shape
}

/** A dropout: `kept` says what becomes of `x` where `keep` is true, and elsewhere, with probability p < 1 of the latter. */
function defineDropout(
  name: string,
  { trains, units }: Form,
  kept: (x: Tensor, keep: Tensor, p: number) => Tensor,
  half: 'keep' | 'widen',
): DropoutFunction {
  const given: Signature = signature(name, { x: TENSOR, ...DROPOUT })
  return defineComposition(
    name,
    (x: Tensor, p?: number | DropoutOptions, options?: DropoutOptions) => {
      given.check(x, p, options)
      const named = optionsIn<DropoutOptions>(name, p, options)
      const rate = (typeof p === 'number' ? p : named?.p) ?? 0.5
      const shape = units(x)
      if (!(named?.training ?? trains) || rate === 0 || sizeOf(x.shape) === 0) return x
      const keep = new Tensor(coin(1 - rate, named?.generator, shape, x._node.placement))
      // all dropped: the factor must not be infinite, 0 · ∞ would reach the gradient
      return rate === 1 ? where(keep, x, lit(0, x)) : kept(x, keep, rate)
    },
    { half },
  )
}

const scaled = (x: Tensor, keep: Tensor, p: number): Tensor => where(keep, mul(x, 1 / (1 - p)), lit(0, x))

// What selu tends to on the left, −αλ
const LIMIT = SELU_ALPHA * SELU_SCALE

/** Dropped elements are −αλ, and all are stretched and moved so that mean 0 and variance 1 stay: G. Klambauer et al., arXiv:1706.02515 */
function selfNormalizing(x: Tensor, keep: Tensor, p: number): Tensor {
  const a = 1 / Math.sqrt((LIMIT * LIMIT * p + 1) * (1 - p))
  return where(keep, add(mul(x, a), LIMIT * a * p), number(LIMIT * a * (p - 1), x.dtype))
}

const each = (x: Tensor): Shape => x.shape

/** One fate for each channel: of [N, C, …], or of [C, …] where there are `unbatched` dims. */
function channels(op: string, wanted: string, ranks: readonly number[], unbatched?: number): (x: Tensor) => Shape {
  return (x) => {
    if (!ranks.includes(x.ndim)) throw new ShapeError(op, `x must be ${wanted}, got ${showShape(x.shape)}`, [x.shape])
    const own = x.ndim === unbatched ? 1 : 2
    return x.shape.map((size, d) => (d < own ? size : 1))
  }
}

/** Of at least two dims, [N, C, …]. */
function features(x: Tensor): Shape {
  if (x.ndim < 2) throw new ShapeError('featureAlphaDropout', `x must be [N, C, …], got ${showShape(x.shape)}`, [x.shape])
  return x.shape.map((size, d) => (d < 2 ? size : 1))
}

/**
 * Each element 0 with probability `p` (0.5 by default), the others divided by 1 − p; `x` itself where `training` (true by default) is false.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html
 */
export const dropout: DropoutFunction = defineDropout('dropout', { trains: true, units: each }, scaled, 'keep')

/**
 * As {@link dropout}, of whole channels.
 * @param x [N, C, L] or [C, L]
 * @throws ShapeError for another number of dims.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout1d.html
 */
export const dropout1d: DropoutFunction = defineDropout(
  'dropout1d',
  { trains: true, units: channels('dropout1d', '[N, C, L] or [C, L]', [2, 3], 2) },
  scaled,
  'keep',
)

/**
 * As {@link dropout}, of whole channels.
 * @param x [N, C, H, W]; three dims are [N, C, L], as in PyTorch
 * @throws ShapeError for another number of dims.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout2d.html
 */
export const dropout2d: DropoutFunction = defineDropout(
  'dropout2d',
  { trains: true, units: channels('dropout2d', '[N, C, H, W] or [N, C, L]', [3, 4]) },
  scaled,
  'keep',
)

/**
 * As {@link dropout}, of whole channels.
 * @param x [N, C, D, H, W] or [C, D, H, W]
 * @throws ShapeError for another number of dims.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout3d.html
 */
export const dropout3d: DropoutFunction = defineDropout(
  'dropout3d',
  { trains: true, units: channels('dropout3d', '[N, C, D, H, W] or [C, D, H, W]', [4, 5], 4) },
  scaled,
  'keep',
)

/**
 * Each element −αλ, the limit of `selu`, with probability `p` (0.5 by default); then all are stretched and moved so that a mean of 0 and a variance of 1 stay so
 * (G. Klambauer et al., arXiv:1706.02515). `x` itself where `training` (false by default, as in PyTorch) is false; zeros for p = 1.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.alpha_dropout.html
 */
export const alphaDropout: DropoutFunction = defineDropout('alphaDropout', { trains: false, units: each }, selfNormalizing, 'widen')

/**
 * As {@link alphaDropout}, of whole channels.
 * @param x [N, C, …]
 * @throws ShapeError for fewer than two dims.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.feature_alpha_dropout.html
 */
export const featureAlphaDropout: DropoutFunction = defineDropout(
  'featureAlphaDropout',
  { trains: false, units: features },
  selfNormalizing,
  'widen',
)
