/** @file Losses that want distances or scores apart by a margin. */
import {
  ArgumentError,
  atLeast,
  BOOLEAN,
  options as describe,
  FINITE,
  FUNCTION,
  NUMBER,
  oneOf,
  optional,
  ShapeError,
  sameShape,
  showShape,
  signature,
} from '../base/index.ts'
import { MAYBE_TENSOR, TENSOR, Tensor } from '../tensor/index.ts'
import { logsigmoid } from './activation.ts'
import { clamp, minimum } from './clamp.ts'
import { eq, gt, logicalAnd, logicalNot, lt, ne } from './compare.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, div, mul, neg, sqrt, square, sub, where } from './elementwise.ts'
import { amin, any, positions } from './extremes.ts'
import { gatherAlong } from './gather.ts'
import { checkIndices, indexTensor } from './indexing.ts'
import { checkClasses, classDim, classWeights } from './loss.ts'
import { checkSame, checkWeight, LOSS, LOSS_OPTIONS, type LossOptions, lossOf, reduced } from './pointwise-loss.ts'
import { checkFloat, lit, number } from './promote.ts'
import { mean, sum } from './reduce.ts'
import { pairwiseDistance } from './similarity.ts'
import { reshape, unsqueeze } from './view.ts'

/** How far apart is far enough. */
export interface MarginOptions extends LossOptions {
  /** 1 by default; 0 for {@link marginRankingLoss} and {@link cosineEmbeddingLoss}. */
  readonly margin?: number
}
const MARGIN = describe<MarginOptions>({ ...LOSS, margin: FINITE })

/** What is above 0, else 0; at 0 its slope is 1, as PyTorch's clamp has it. */
const hinge = (x: Tensor): Tensor => clamp(x, 0)

const HINGE = lossOf('hingeEmbeddingLoss', MARGIN)

/**
 * input where the target is 1, max(0, margin − input) where it is −1; averaged.
 * @throws ShapeError when the shapes differ (PyTorch broadcasts).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.hinge_embedding_loss.html
 */
export const hingeEmbeddingLoss: (input: Tensor, target: Tensor, options?: MarginOptions) => Tensor = defineComposition(
  'hingeEmbeddingLoss',
  (input: Tensor, target: Tensor, options?: MarginOptions) => {
    HINGE.check(input, target, options)
    checkSame('hingeEmbeddingLoss', input, target)
    const apart = where(ne(target, 1), hinge(sub(options?.margin ?? 1, input)), lit(0, input))
    return reduced(add(apart, where(ne(target, -1), input, lit(0, input))), options?.reduction)
  },
  { autocast: 'float32' },
)

const RANKING = signature('marginRankingLoss', { input1: TENSOR, input2: TENSOR, target: TENSOR, options: optional(MARGIN) })

/**
 * max(0, −target · (input1 − input2) + margin), averaged: input1 is to be larger where the target is 1, smaller where it is −1.
 * @throws ShapeError when the shapes differ (PyTorch broadcasts).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.margin_ranking_loss.html
 */
export const marginRankingLoss: (input1: Tensor, input2: Tensor, target: Tensor, options?: MarginOptions) => Tensor = defineComposition(
  'marginRankingLoss',
  (input1: Tensor, input2: Tensor, target: Tensor, options?: MarginOptions) => {
    const op = 'marginRankingLoss'
    RANKING.check(input1, input2, target, options)
    checkSame(op, input1, input2, ['input1', 'input2'])
    checkSame(op, input1, target, ['input1', 'target'])
    return reduced(hinge(add(mul(neg(target), sub(input1, input2)), options?.margin ?? 0)), options?.reduction)
  },
  { autocast: 'float32' },
)

const COSINE_EMBEDDING = signature('cosineEmbeddingLoss', { input1: TENSOR, input2: TENSOR, target: TENSOR, options: optional(MARGIN) })
/** What PyTorch adds to a square of a length here: 1e-12 in float32. */
const COSINE_EPS = Math.fround(1e-12)

/**
 * 1 − cos where the target is 1, max(0, cos − margin) where it is −1; averaged.
 * @param input1, input2 [N, D] or [D]
 * @param target [N] or 0-d
 * @throws ShapeError for other shapes.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_embedding_loss.html
 */
export const cosineEmbeddingLoss: (input1: Tensor, input2: Tensor, target: Tensor, options?: MarginOptions) => Tensor = defineComposition(
  'cosineEmbeddingLoss',
  (input1: Tensor, input2: Tensor, target: Tensor, options?: MarginOptions) => {
    const op = 'cosineEmbeddingLoss'
    COSINE_EMBEDDING.check(input1, input2, target, options)
    checkSame(op, input1, input2, ['input1', 'input2'])
    checkDevices(op, ['input1', 'target'], [input1, target])
    if ((input1.ndim !== 1 && input1.ndim !== 2) || !sameShape(target.shape, input1.shape.slice(0, -1))) {
      throw new ShapeError(
        op,
        `input1 and input2 must be [N, D] beside a target [N], or [D] beside a 0-d one; got ${showShape(input1.shape)} and ${showShape(target.shape)}`,
        [input1.shape, target.shape],
      )
    }
    const power = (x: Tensor): Tensor => add(sum(square(x), -1), COSINE_EPS)
    const cosine = div(sum(mul(input1, input2), -1), sqrt(mul(power(input1), power(input2))))
    const zero = lit(0, cosine)
    const near = where(eq(target, 1), sub(1, cosine), zero)
    const apart = where(eq(target, -1), hinge(sub(cosine, options?.margin ?? 0)), zero)
    return reduced(add(near, apart), options?.reduction)
  },
  { autocast: 'float32' },
)

// ── triplets ──

/** Options of {@link tripletMarginLoss}. */
export interface TripletMarginOptions extends MarginOptions {
  /** The order of the norm: 2 by default. */
  readonly p?: number
  /** Added to each difference: 1e-6 by default. */
  readonly eps?: number
  /** Whether the distance from the positive to the negative counts where it is the smaller: false by default. */
  readonly swap?: boolean
}

/** A distance of two tensors: one number for each of their rows. */
export type DistanceFunction = (a: Tensor, b: Tensor) => Tensor

/** Options of {@link tripletMarginWithDistanceLoss}. */
export interface TripletDistanceOptions extends MarginOptions {
  /** {@link pairwiseDistance} by default. */
  readonly distanceFunction?: DistanceFunction | null
  /** As in {@link TripletMarginOptions}. */
  readonly swap?: boolean
}

function checkTriplet(op: string, anchor: Tensor, positive: Tensor, negative: Tensor): void {
  checkSame(op, anchor, positive, ['anchor', 'positive'])
  checkSame(op, anchor, negative, ['anchor', 'negative'])
}

function triplet(
  distance: DistanceFunction,
  [anchor, positive, negative]: readonly [Tensor, Tensor, Tensor],
  { margin = 1, swap = false, reduction }: TripletDistanceOptions,
): Tensor {
  const near = distance(anchor, positive)
  const far = distance(anchor, negative)
  return reduced(hinge(add(sub(near, swap ? minimum(far, distance(positive, negative)) : far), margin)), reduction)
}

const TRIPLET = signature('tripletMarginLoss', {
  anchor: TENSOR,
  positive: TENSOR,
  negative: TENSOR,
  options: optional(describe<TripletMarginOptions>({ ...LOSS, margin: FINITE, p: NUMBER, eps: atLeast(0), swap: BOOLEAN })),
})

/**
 * max(0, ‖anchor − positive‖ₚ − ‖anchor − negative‖ₚ + margin), averaged.
 * @param anchor, positive, negative [N, D] or [D]
 * @throws ShapeError when the shapes differ (PyTorch broadcasts).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_loss.html
 */
export const tripletMarginLoss: (anchor: Tensor, positive: Tensor, negative: Tensor, options?: TripletMarginOptions) => Tensor =
  defineComposition(
    'tripletMarginLoss',
    (anchor: Tensor, positive: Tensor, negative: Tensor, options?: TripletMarginOptions) => {
      TRIPLET.check(anchor, positive, negative, options)
      checkTriplet('tripletMarginLoss', anchor, positive, negative)
      const { p = 2, eps = 1e-6, ...rest } = options ?? {}
      return triplet((a, b) => pairwiseDistance(a, b, { p, eps }), [anchor, positive, negative], rest)
    },
    { autocast: 'float32' },
  )

const TRIPLET_WITH_DISTANCE = signature('tripletMarginWithDistanceLoss', {
  anchor: TENSOR,
  positive: TENSOR,
  negative: TENSOR,
  options: optional(
    describe<TripletDistanceOptions>({
      ...LOSS,
      margin: FINITE,
      distanceFunction: oneOf(FUNCTION, { fits: 'null', accepts: (x) => x === null }),
      swap: BOOLEAN,
    }),
  ),
})

/**
 * As {@link tripletMarginLoss}, by a distance of one's own.
 * @throws ArgumentError where the distance function gives something else than a tensor.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_with_distance_loss.html
 */
export const tripletMarginWithDistanceLoss: (
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options?: TripletDistanceOptions,
) => Tensor = defineComposition(
  'tripletMarginWithDistanceLoss',
  (anchor: Tensor, positive: Tensor, negative: Tensor, options?: TripletDistanceOptions) => {
    const op = 'tripletMarginWithDistanceLoss'
    TRIPLET_WITH_DISTANCE.check(anchor, positive, negative, options)
    checkTriplet(op, anchor, positive, negative)
    const by = options?.distanceFunction ?? pairwiseDistance
    const distance: DistanceFunction = (a, b) => {
      const d: unknown = by(a, b)
      if (!(d instanceof Tensor)) throw new ArgumentError(op, `distanceFunction must give a Tensor, got ${String(d)}`)
      return d
    }
    return triplet(distance, [anchor, positive, negative], options ?? {})
  },
  { autocast: 'float32' },
)

// ── classes ──

/** Options of {@link multiMarginLoss}. */
export interface MultiMarginOptions extends MarginOptions {
  /** The exponent, 1 (default) or 2. */
  readonly p?: 1 | 2
  /** A factor for each class, [C]. */
  readonly weight?: Tensor | null
}
const MULTI_MARGIN = lossOf(
  'multiMarginLoss',
  describe<MultiMarginOptions>({
    ...LOSS,
    margin: FINITE,
    p: { fits: '1 or 2', accepts: (x) => x === 1 || x === 2 },
    weight: MAYBE_TENSOR,
  }),
)

/**
 * Σ over the other classes of max(0, margin − input[target] + input[class])ᵖ, divided by their number; averaged.
 * @param input scores, [N, C] or [C]
 * @param target class indices, integers, [N] or 0-d
 * @throws IndexError for a class out of range: at the call where the host has it, else at the next await; ShapeError; DTypeError
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.multi_margin_loss.html
 */
export const multiMarginLoss: (input: Tensor, target: Tensor, options?: MultiMarginOptions) => Tensor = defineComposition(
  'multiMarginLoss',
  (input: Tensor, target: Tensor, options?: MultiMarginOptions) => {
    const op = 'multiMarginLoss'
    MULTI_MARGIN.check(input, target, options)
    if (input.ndim > 2) throw new ShapeError(op, `input must be [N, C] or [C], got ${showShape(input.shape)}`, [input.shape])
    const dim = classDim(op, input, target)
    const { margin = 1, p = 1, weight, reduction } = options ?? {}
    const index = unsqueeze(checkClasses(op, input, target, dim), dim)
    const own = gatherAlong(input, index, { dim, op })
    const over = sub(add(input, margin), own)
    const counts = logicalAnd(gt(over, lit(0, over)), ne(new Tensor(positions(input.shape, dim)), index))
    const losses = where(counts, p === 1 ? over : square(over), lit(0, over))
    const average = mean(losses, dim)
    if (!weight) return reduced(average, reduction)
    const factors = sum(
      where(eq(new Tensor(positions(input.shape, dim)), index), classWeights(op, weight, input, dim), lit(0, weight)),
      dim,
    )
    return reduced(mul(average, factors), reduction)
  },
  { autocast: 'float32' },
)

const MULTILABEL_MARGIN = lossOf('multilabelMarginLoss', LOSS_OPTIONS)

/**
 * Σ over the target classes and the others of max(0, 1 − input[target] + input[other]), divided by the number of classes; averaged.
 * @param input scores, [N, C] or [C]
 * @param target integers of the same shape: classes, up to the first −1
 * @throws IndexError for a class out of range: at the call where the host has it, else at the next await; ShapeError; DTypeError
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_margin_loss.html
 */
export const multilabelMarginLoss: (input: Tensor, target: Tensor, options?: LossOptions) => Tensor = defineComposition(
  'multilabelMarginLoss',
  (input: Tensor, target: Tensor, options?: LossOptions) => {
    const op = 'multilabelMarginLoss'
    MULTILABEL_MARGIN.check(input, target, options)
    checkFloat(op, 'input', input)
    checkSame(op, input, target)
    if (input.ndim !== 1 && input.ndim !== 2)
      throw new ShapeError(op, `input must be [N, C] or [C], got ${showShape(input.shape)}`, [input.shape])
    const index = indexTensor(op, 'target', target)
    const classes = input.shape.at(-1) as number
    if (classes === 0) throw new ShapeError(op, `input must have classes, got ${showShape(input.shape)}`, [input.shape])
    checkIndices(op, target, classes, -1)
    const last = input.ndim - 1
    const along = new Tensor(positions(input.shape, last))
    // [N, C]: whether a place of the target counts, being in front of the first −1
    const end = amin(where(lt(index, 0), along, number(classes, 'int32')), last, { keepdim: true })
    const counts = lt(along, end)
    const labels = where(counts, index, 0)
    // [N, C of the target, C]
    const across = reshape(along, last === 0 ? [1, classes] : [1, 1, classes])
    const isLabel = any(logicalAnd(unsqueeze(counts, -1), eq(unsqueeze(labels, -1), across)), last, { keepdim: true })
    const over = add(sub(unsqueeze(input, last), unsqueeze(gatherAlong(input, labels, { dim: last, op }), -1)), 1)
    const matters = logicalAnd(logicalAnd(unsqueeze(counts, -1), logicalNot(isLabel)), gt(over, lit(0, over)))
    return reduced(div(sum(where(matters, over, lit(0, over)), [last, last + 1]), classes), options?.reduction)
  },
  { autocast: 'float32' },
)

/** Options of {@link multilabelSoftMarginLoss}. */
export interface MultilabelSoftMarginOptions extends LossOptions {
  /** A factor for each class, [C]; broadcasts. */
  readonly weight?: Tensor | null
}
const MULTILABEL_SOFT = lossOf('multilabelSoftMarginLoss', describe<MultilabelSoftMarginOptions>({ ...LOSS, weight: MAYBE_TENSOR }))

/**
 * −(target · ln σ(input) + (1 − target) · ln σ(−input)), averaged over the last dim, then over the others.
 * @throws ShapeError when the shapes differ, or for 0-d tensors.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_soft_margin_loss.html
 */
export const multilabelSoftMarginLoss: (input: Tensor, target: Tensor, options?: MultilabelSoftMarginOptions) => Tensor = defineComposition(
  'multilabelSoftMarginLoss',
  (input: Tensor, target: Tensor, options?: MultilabelSoftMarginOptions) => {
    const op = 'multilabelSoftMarginLoss'
    MULTILABEL_SOFT.check(input, target, options)
    checkFloat(op, 'input', input)
    checkSame(op, input, target)
    checkWeight(op, 'weight', options?.weight, input)
    if (input.ndim === 0) throw new ShapeError(op, 'input must have a dim of classes, got a 0-d tensor', [input.shape])
    const losses = neg(add(mul(target, logsigmoid(input)), mul(sub(1, target), logsigmoid(neg(input)))))
    return reduced(mean(options?.weight ? mul(losses, options.weight) : losses, -1), options?.reduction)
  },
  { autocast: 'float32' },
)

const SOFT_MARGIN = lossOf('softMarginLoss', LOSS_OPTIONS)

/**
 * ln(1 + e^(−target · input)), averaged; exact for inputs of any size.
 * @param target 1 or −1
 * @throws ShapeError when the shapes differ (PyTorch broadcasts).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html
 */
export const softMarginLoss: (input: Tensor, target: Tensor, options?: LossOptions) => Tensor = defineComposition(
  'softMarginLoss',
  (input: Tensor, target: Tensor, options?: LossOptions) => {
    SOFT_MARGIN.check(input, target, options)
    checkFloat('softMarginLoss', 'input', input)
    checkSame('softMarginLoss', input, target)
    return reduced(neg(logsigmoid(mul(target, input))), options?.reduction)
  },
  { autocast: 'float32' },
)
