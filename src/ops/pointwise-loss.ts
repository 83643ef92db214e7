/** @file Losses of an input beside a target of its shape, element by element. */
import {
  ArgumentError,
  atLeast,
  BOOLEAN,
  broadcastShapes,
  choice,
  options as describe,
  type Options,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  sameShape,
  showShape,
  signature,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { knownValues, MAYBE_TENSOR, TENSOR, type Tensor } from '../tensor/index.ts'
import { logsigmoid } from './activation.ts'
import { gt, le, lt } from './compare.ts'
import { stopGradient } from './convert.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { abs, add, div, exp, log, log1p, mul, neg, square, sub, where } from './elementwise.ts'
import { xlogy } from './logarithms.ts'
import { checkFloat, lit } from './promote.ts'
import { mean, sum } from './reduce.ts'
import { unsqueeze } from './view.ts'

/** How the losses of single elements become one: `mean` (default), `sum`, or not at all. */
export type Reduction = 'mean' | 'sum' | 'none'
/** Options of the losses. */
export interface LossOptions {
  /** `mean` by default. */
  readonly reduction?: Reduction
}

/** The kinds of {@link LossOptions}, to be joined by others. */
export const LOSS = { reduction: choice(['mean', 'sum', 'none']) } as const
/** The kinds of {@link LossOptions}. */
export const LOSS_OPTIONS: Options<LossOptions> = describe<LossOptions>(LOSS)

/** Describes a function of `(input, target, options)`. */
export const lossOf = <O>(name: string, options: Options<O>): Signature =>
  signature(name, { input: TENSOR, target: TENSOR, options: optional(options) })

export const reduced = (x: Tensor, reduction: Reduction | undefined): Tensor =>
  reduction === 'none' ? x : reduction === 'sum' ? sum(x) : mean(x)

/** Throws unless the two have one shape (PyTorch broadcasts some losses, with a warning) and are on one device. */
export function checkSame(op: string, input: Tensor, target: Tensor, roles: readonly [string, string] = ['input', 'target']): void {
  checkDevices(op, roles, [input, target])
  if (!sameShape(input.shape, target.shape)) {
    throw new ShapeError(
      op,
      `shapes differ: ${roles[0]} is ${showShape(input.shape)}, ${roles[1]} is ${showShape(target.shape)}. Reshape one, or expand it to broadcast`,
      [input.shape, target.shape],
    )
  }
}

/** Throws unless `weight`, where there is one, broadcasts to `shape`. */
export function checkWeight(op: string, role: string, weight: Tensor | null | undefined, like: Tensor, shape: Shape = like.shape): void {
  if (!weight) return
  checkDevices(op, ['input', role], [like, weight])
  if (weight.ndim > shape.length || !sameShape(broadcastShapes(op, weight.shape, shape), shape))
    throw new ShapeError(op, `${role} ${showShape(weight.shape)} does not broadcast to ${showShape(shape)}`, [weight.shape, shape])
}

/** A loss of two tensors of one shape, from the losses of their elements. */
function defineLoss<O extends LossOptions>(
  name: string,
  options: Options<O>,
  each: (input: Tensor, target: Tensor, options: O | undefined) => Tensor,
): (input: Tensor, target: Tensor, options?: O) => Tensor {
  const given = lossOf(name, options)
  return defineComposition(
    name,
    (input: Tensor, target: Tensor, options?: O) => {
      given.check(input, target, options)
      checkSame(name, input, target)
      return reduced(each(input, target, options), options?.reduction)
    },
    { autocast: 'float32' },
  )
}

/** A loss of an input and a target, with options of its own. */
export type LossFunction<O = LossOptions> = (input: Tensor, target: Tensor, options?: O) => Tensor

/**
 * (input − target)², averaged.
 * @throws ShapeError when the shapes differ (PyTorch broadcasts with a warning).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html
 */
export const mseLoss: LossFunction = defineLoss('mseLoss', LOSS_OPTIONS, (x, y) => square(sub(x, y)))

/**
 * |input − target|, averaged.
 * @throws ShapeError when the shapes differ (PyTorch broadcasts with a warning).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.l1_loss.html
 */
export const l1Loss: LossFunction = defineLoss('l1Loss', LOSS_OPTIONS, (x, y) => abs(sub(x, y)))

/** The differences that are squared, 0 for the others: an infinite one would make the gradient 0 · ∞. */
const nearly = (d: Tensor, near: Tensor): Tensor => where(near, d, lit(0, d))

/** Options of {@link smoothL1Loss}. */
export interface SmoothL1Options extends LossOptions {
  /** Up to this difference the loss is quadratic: 1 by default; 0 is {@link l1Loss}. */
  readonly beta?: number
}

/**
 * ½ d² / beta for differences d up to beta, else |d| − ½ beta; averaged (R. Girshick, arXiv:1504.08083).
 * @throws ShapeError when the shapes differ (PyTorch broadcasts with a warning).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.smooth_l1_loss.html
 */
export const smoothL1Loss: LossFunction<SmoothL1Options> = defineLoss(
  'smoothL1Loss',
  describe<SmoothL1Options>({ ...LOSS, beta: atLeast(0) }),
  (x, y, options) => {
    const beta = options?.beta ?? 1
    const d = sub(x, y)
    if (beta === 0) return abs(d)
    const size = abs(d)
    const near = lt(size, beta)
    return where(near, div(mul(square(nearly(d, near)), lit(0.5, d)), beta), sub(size, beta / 2))
  },
)

/** Options of {@link huberLoss}. */
export interface HuberOptions extends LossOptions {
  /** Up to this difference the loss is quadratic: 1 by default. */
  readonly delta?: number
}

/**
 * ½ d² for differences d up to delta, else delta (|d| − ½ delta); averaged (P. J. Huber, 1964).
 * @throws ShapeError when the shapes differ (PyTorch broadcasts with a warning); ArgumentError for a delta that is not above 0.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html
 */
export const huberLoss: LossFunction<HuberOptions> = defineLoss(
  'huberLoss',
  describe<HuberOptions>({ ...LOSS, delta: atLeast(0) }),
  (x, y, options) => {
    const delta = options?.delta ?? 1
    if (delta === 0) throw new ArgumentError('huberLoss', 'delta must be above 0, got 0')
    const d = sub(x, y)
    const size = abs(d)
    const near = le(size, delta)
    return where(near, mul(square(nearly(d, near)), lit(0.5, d)), mul(sub(size, delta / 2), delta))
  },
)

// ── probabilities ──

/** Options of {@link binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** A factor for each loss; broadcasts. */
  readonly weight?: Tensor | null
}

const BCE_OPTIONS: Options<BinaryCrossEntropyOptions> = describe<BinaryCrossEntropyOptions>({ ...LOSS, weight: MAYBE_TENSOR })
const BCE = lossOf('binaryCrossEntropy', BCE_OPTIONS)

/** −(t ln p + (1 − t) ln(1 − p)), with logarithms no less than −100; its slope is divided by no less than 1e-12. (Both bounds are PyTorch's.) */
const probabilityLoss = defineOp('probabilityLoss', {
  inputs: ['p', 'target'],
  forward: (p, target, _: undefined) => {
    const of = graph.binary('mul', target, graph.binary('max', graph.unary('log', p), -100))
    const rest = graph.binary('max', graph.unary('log1p', graph.unary('neg', p)), -100)
    return graph.unary('neg', graph.binary('add', of, graph.binary('mul', graph.binary('sub', 1, target), rest)))
  },
  saves: { p: ['p', 'target'], target: ['p'] },
  vjp: {
    p: (g, { p, target }) => {
      const spread = mul(p, sub(lit(1, p), p))
      const least = lit(1e-12, p)
      return mul(g, div(sub(p, target), where(lt(spread, least), least, spread)))
    },
    target: (g, { p }) => mul(g, sub(log1p(neg(p)), log(p))),
  },
})

/**
 * −(target · ln input + (1 − target) · ln(1 − input)), averaged. Logarithms are no less than −100. Logits are better given to
 * {@link binaryCrossEntropyWithLogits}; under autocast it throws, as in PyTorch.
 * @param input probabilities, from 0 to 1
 * @throws ShapeError when the shapes differ; ArgumentError for probabilities outside of 0 to 1 that the host has.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html
 */
export const binaryCrossEntropy: LossFunction<BinaryCrossEntropyOptions> = defineComposition(
  'binaryCrossEntropy',
  (input: Tensor, target: Tensor, options?: BinaryCrossEntropyOptions) => {
    const op = 'binaryCrossEntropy'
    BCE.check(input, target, options)
    checkFloat(op, 'input', input)
    checkFloat(op, 'target', target)
    checkSame(op, input, target)
    checkWeight(op, 'weight', options?.weight, input)
    for (const v of knownValues(input) ?? [])
      if (v < 0 || v > 1) throw new ArgumentError(op, `input holds probabilities, from 0 to 1; one is ${v}`)
    const losses = probabilityLoss(input, target, undefined)
    return reduced(options?.weight ? mul(losses, options.weight) : losses, options?.reduction)
  },
  { autocast: { refused: 'binaryCrossEntropyWithLogits' } },
)

/** Options of {@link binaryCrossEntropyWithLogits}. */
export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** A factor for the losses of what is positive; broadcasts. */
  readonly posWeight?: Tensor | null
}
const BCE_LOGITS = lossOf(
  'binaryCrossEntropyWithLogits',
  describe<BinaryCrossEntropyWithLogitsOptions>({ ...LOSS, weight: MAYBE_TENSOR, posWeight: MAYBE_TENSOR }),
)

/**
 * −(posWeight · target · ln σ(input) + (1 − target) · ln σ(−input)), averaged: {@link binaryCrossEntropy} of a sigmoid, exact for logits of any size.
 * @throws ShapeError when the shapes differ, or a weight does not broadcast to them.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html
 */
export const binaryCrossEntropyWithLogits: LossFunction<BinaryCrossEntropyWithLogitsOptions> = defineComposition(
  'binaryCrossEntropyWithLogits',
  (input: Tensor, target: Tensor, options?: BinaryCrossEntropyWithLogitsOptions) => {
    const op = 'binaryCrossEntropyWithLogits'
    BCE_LOGITS.check(input, target, options)
    checkFloat(op, 'input', input)
    checkSame(op, input, target)
    checkWeight(op, 'weight', options?.weight, input)
    checkWeight(op, 'posWeight', options?.posWeight, input)
    const positive = options?.posWeight ? mul(target, options.posWeight) : target
    const losses = neg(add(mul(positive, logsigmoid(input)), mul(sub(1, target), logsigmoid(neg(input)))))
    return reduced(options?.weight ? mul(losses, options.weight) : losses, options?.reduction)
  },
  { autocast: 'float32' },
)

/** Options of {@link klDiv}. */
export interface KlDivOptions {
  /** `mean` by default: over all elements. `batchmean` divides the sum by the first size, as the divergence is defined. */
  readonly reduction?: Reduction | 'batchmean'
  /** Whether `target` holds logarithms: false by default. */
  readonly logTarget?: boolean
}
const KL_DIV = lossOf('klDiv', describe<KlDivOptions>({ reduction: choice(['mean', 'sum', 'none', 'batchmean']), logTarget: BOOLEAN }))

/**
 * target · (ln target − input), averaged: the divergence of Kullback and Leibler, of log probabilities from probabilities. 0 where the target is 0 (whose gradient is NaN there, as in PyTorch).
 * @throws ShapeError when the shapes differ (PyTorch broadcasts).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.kl_div.html
 */
export const klDiv: LossFunction<KlDivOptions> = defineComposition(
  'klDiv',
  (input: Tensor, target: Tensor, options?: KlDivOptions) => {
    KL_DIV.check(input, target, options)
    checkFloat('klDiv', 'input', input)
    checkFloat('klDiv', 'target', target)
    checkSame('klDiv', input, target)
    const losses = options?.logTarget ? mul(exp(target), sub(target, input)) : sub(xlogy(target, target), mul(target, input))
    const reduction = options?.reduction
    if (reduction !== 'batchmean') return reduced(losses, reduction)
    return input.ndim === 0 ? sum(losses) : div(sum(losses), input.shape[0] as number)
  },
  { autocast: 'float32' },
)

// ── likelihoods of numbers ──

/** Options of {@link poissonNllLoss}. */
export interface PoissonNllOptions extends LossOptions {
  /** Whether `input` is the logarithm of the rate: true by default. */
  readonly logInput?: boolean
  /** Whether Stirling's approximation of ln(target!) is added: false by default. */
  readonly full?: boolean
  /** Added to a rate in front of its logarithm: 1e-8 by default. */
  readonly eps?: number
}

/**
 * The negative log likelihood of counts: e^input − target · input, or input − target · ln(input + eps) of rates; averaged.
 * @throws ShapeError when the shapes differ (PyTorch broadcasts).
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.poisson_nll_loss.html
 */
export const poissonNllLoss: LossFunction<PoissonNllOptions> = defineLoss(
  'poissonNllLoss',
  describe<PoissonNllOptions>({ ...LOSS, logInput: BOOLEAN, full: BOOLEAN, eps: atLeast(0) }),
  (x, target, options) => {
    const { logInput = true, full = false, eps = 1e-8 } = options ?? {}
    checkFloat('poissonNllLoss', 'input', x)
    const losses = logInput ? sub(exp(x), mul(target, x)) : sub(x, mul(target, log(add(x, eps))))
    if (!full) return losses
    const many = gt(target, lit(1, target))
    const t = where(many, target, lit(1, target))
    const stirling = add(sub(mul(t, log(t)), t), mul(log(mul(t, lit(2 * Math.PI, t))), lit(0.5, t)))
    return add(losses, where(many, stirling, lit(0, stirling)))
  },
)

/** Options of {@link gaussianNllLoss}. */
export interface GaussianNllOptions extends LossOptions {
  /** Whether ½ ln 2π is added: false by default. */
  readonly full?: boolean
  /** The least that is taken for a variance: 1e-6 by default. */
  readonly eps?: number
}
const GAUSSIAN_NLL = signature('gaussianNllLoss', {
  input: TENSOR,
  target: TENSOR,
  variance: TENSOR,
  options: optional(describe<GaussianNllOptions>({ ...LOSS, full: BOOLEAN, eps: atLeast(0) })),
})

/** The variances of {@link gaussianNllLoss} with as many dims as the input. */
function variancesFor(op: string, input: Tensor, variance: Tensor): Tensor {
  const [x, v] = [input.shape, variance.shape]
  const before = x.slice(0, -1)
  const fits = sameShape(x, v) || (x.length > 0 && (sameShape(before, v) || sameShape([...before, 1], v)))
  if (!fits) {
    throw new ShapeError(op, `variance must be ${showShape(x)} as input, or without the last size, got ${showShape(v)}`, [x, v])
  }
  for (const each of knownValues(variance) ?? []) if (each < 0) throw new ArgumentError(op, `a variance is no less than 0; one is ${each}`)
  return sameShape(x, v) || v.length === x.length ? variance : unsqueeze(variance, -1)
}

/**
 * ½ (ln variance + (input − target)² / variance), averaged: the negative log likelihood of a normal distribution (D. Nix and A. Weigend, 1994). A variance
 * less than `eps` is taken for `eps`, and has its gradient.
 * @param variance of the shape of `input`, or one for each of its rows: without the last size, or with 1 there
 * @throws ShapeError for other shapes; ArgumentError for a negative variance that the host has.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.gaussian_nll_loss.html
 */
export const gaussianNllLoss: (input: Tensor, target: Tensor, variance: Tensor, options?: GaussianNllOptions) => Tensor = defineComposition(
  'gaussianNllLoss',
  (input: Tensor, target: Tensor, variance: Tensor, options?: GaussianNllOptions) => {
    const op = 'gaussianNllLoss'
    GAUSSIAN_NLL.check(input, target, variance, options)
    checkFloat(op, 'variance', variance)
    checkSame(op, input, target)
    checkDevices(op, ['input', 'variance'], [input, variance])
    const given = variancesFor(op, input, variance)
    const eps = options?.eps ?? 1e-6
    const v = where(lt(given, eps), add(sub(given, stopGradient(given)), eps), given)
    const losses = mul(add(log(v), div(square(sub(input, target)), v)), 0.5)
    return reduced(options?.full ? add(losses, 0.5 * Math.log(2 * Math.PI)) : losses, options?.reduction)
  },
  { autocast: 'float32' },
)
