/** @file How near vectors are: their cosine, their distance, and vectors scaled to length 1. */
import {
  atLeast,
  BOOLEAN,
  broadcastShapes,
  options as describe,
  NUMBER,
  normalizeDim,
  type Options,
  optional,
  signature,
} from '../base/index.ts'
import { DIM, TENSOR, type Tensor } from '../tensor/index.ts'
import { clamp } from './clamp.ts'
import { lt } from './compare.ts'
import { stopGradient } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, div, mul, sqrt, square, sub, where } from './elementwise.ts'
import { norm } from './norms.ts'
import { checkFloat } from './promote.ts'
import { sum } from './reduce.ts'
import { expand } from './view.ts'

const SMALL = atLeast(0)

/** Options of {@link normalize}. */
export interface NormalizeOptions {
  /** The order of the norm: 2 by default. */
  readonly p?: number
  /** The dim of the vectors: 1 by default. */
  readonly dim?: number
  /** The least that is divided by: 1e-12 by default. */
  readonly eps?: number
}

const NORMALIZE = signature('normalize', {
  x: TENSOR,
  options: optional(describe<NormalizeOptions>({ p: NUMBER, dim: DIM, eps: SMALL })),
})

/**
 * x / max(‖x‖ₚ, eps) along `dim`.
 * @returns the shape of `x`
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html
 */
export const normalize: (x: Tensor, options?: NormalizeOptions) => Tensor = defineComposition(
  'normalize',
  (x: Tensor, options?: NormalizeOptions) => {
    NORMALIZE.check(x, options)
    checkFloat('normalize', 'x', x)
    const { p = 2, dim = 1, eps = 1e-12 } = options ?? {}
    return div(x, clamp(norm(x, p, dim, { keepdim: true }), eps))
  },
)

/** Throws unless the two are floats on one device. */
function checkTogether(op: string, roles: readonly [string, string], a: Tensor, b: Tensor): void {
  checkDevices(op, roles, [a, b])
  checkFloat(op, roles[0], a)
  checkFloat(op, roles[1], b)
}

/** Options of {@link cosineSimilarity}. */
export interface CosineSimilarityOptions {
  /** The dim of the vectors, of the shape that the two broadcast to: 1 by default. */
  readonly dim?: number
  /** The least that is taken for a length: 1e-8 by default. */
  readonly eps?: number
}

const COSINE = signature('cosineSimilarity', {
  x1: TENSOR,
  x2: TENSOR,
  options: optional(describe<CosineSimilarityOptions>({ dim: DIM, eps: SMALL })),
})

/**
 * x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along `dim`. The two broadcast.
 * @returns the shape without `dim`
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html
 */
export const cosineSimilarity: (x1: Tensor, x2: Tensor, options?: CosineSimilarityOptions) => Tensor = defineComposition(
  'cosineSimilarity',
  (x1: Tensor, x2: Tensor, options?: CosineSimilarityOptions) => {
    const op = 'cosineSimilarity'
    COSINE.check(x1, x2, options)
    checkTogether(op, ['x1', 'x2'], x1, x2)
    const { dim = 1, eps = 1e-8 } = options ?? {}
    const d = normalizeDim(op, dim, broadcastShapes(op, x1.shape, x2.shape).length)
    const [a, b] = [leveled(x1, x2, d), leveled(x2, x1, d)]
    const unit = (x: Tensor): Tensor => {
      const power = sum(square(x), d, { keepdim: true })
      // What is less than eps counts as eps, and has the slope of its own (as in PyTorch)
      return div(x, sqrt(where(lt(power, eps * eps), add(sub(power, stopGradient(power)), eps * eps), power)))
    }
    return sum(mul(unit(a), unit(b)), d)
  },
  { autocast: 'float32' },
)

/** `x` expanded to what it and `other` broadcast to, where dim `d` of that is not its own. */
function leveled(x: Tensor, other: Tensor, d: number): Tensor {
  const shape = broadcastShapes('cosineSimilarity', x.shape, other.shape)
  return x.shape[d - (shape.length - x.ndim)] === shape[d] && x.ndim === shape.length ? x : expand(x, shape)
}

/** Options of {@link pairwiseDistance}. */
export interface PairwiseDistanceOptions {
  /** The order of the norm: 2 by default. */
  readonly p?: number
  /** Added to each difference: 1e-6 by default. */
  readonly eps?: number
  /** Whether the last dim stays, with size 1: false by default. */
  readonly keepdim?: boolean
}

const DISTANCE_OPTIONS: Options<PairwiseDistanceOptions> = describe<PairwiseDistanceOptions>({ p: NUMBER, eps: SMALL, keepdim: BOOLEAN })
const DISTANCE = signature('pairwiseDistance', { x1: TENSOR, x2: TENSOR, options: optional(DISTANCE_OPTIONS) })

/**
 * ‖x1 − x2 + eps‖ₚ along the last dim. The two broadcast.
 * @returns the shape without the last dim
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pairwise_distance.html
 */
export const pairwiseDistance: (x1: Tensor, x2: Tensor, options?: PairwiseDistanceOptions) => Tensor = defineComposition(
  'pairwiseDistance',
  (x1: Tensor, x2: Tensor, options?: PairwiseDistanceOptions) => {
    const op = 'pairwiseDistance'
    DISTANCE.check(x1, x2, options)
    checkTogether(op, ['x1', 'x2'], x1, x2)
    const { p = 2, eps = 1e-6, keepdim = false } = options ?? {}
    return norm(add(sub(x1, x2), eps), p, -1, { keepdim })
  },
)
