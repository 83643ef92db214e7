/** @file Losses of classes: compositions, whose gradients come from their ops and whose work the fuser makes few kernels. */
import {
  ArgumentError,
  DTypeError,
  options as describe,
  INT32,
  isFloat,
  type Options,
  type Shape,
  ShapeError,
  sameShape,
  showShape,
  within,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { MAYBE_TENSOR, Tensor } from '../tensor/index.ts'
import { eq, logicalAnd, ne } from './compare.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { add, div, mul, neg, sub, where } from './elementwise.ts'
import { positions } from './extremes.ts'
import { checkIndices, indexTensor } from './indexing.ts'
import { LOSS, type LossOptions, lossOf, reduced } from './pointwise-loss.ts'
import { checkFloat, lit, number } from './promote.ts'
import { sum } from './reduce.ts'
import { logSoftmax } from './softmax.ts'
import { expand, reshape } from './view.ts'

// ── classes ──

/** Options of {@link nllLoss}. */
export interface NllOptions extends LossOptions {
  /** A factor for each class, [C]. */
  readonly weight?: Tensor | null
  /** A target that counts for nothing: −100 by default. */
  readonly ignoreIndex?: number
}
/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends NllOptions {
  /** How much of the target's probability is spread over all classes, 0 to 1. */
  readonly labelSmoothing?: number
}

const NLL = { ...LOSS, weight: MAYBE_TENSOR, ignoreIndex: INT32 } as const
/** The kinds of {@link CrossEntropyOptions}. */
export const CROSS_ENTROPY_OPTIONS: Options<CrossEntropyOptions> = describe<CrossEntropyOptions>({ ...NLL, labelSmoothing: within(0, 1) })
const NLL_LOSS = lossOf('nllLoss', describe<NllOptions>(NLL))
const CROSS_ENTROPY = lossOf('crossEntropy', CROSS_ENTROPY_OPTIONS)

interface PickParams {
  readonly dim: number
  readonly ignore: number
  readonly op: string
}

/** [N, C, d…] → [N, d…]: each target's class, and 0 where the target is to be ignored. */
const pickClass = defineOp('pickClass', {
  inputs: ['x', 'target'],
  forward: (x, target, { dim, ignore, op }: PickParams) => {
    const index = graph.reshape(target, withClassDim(target.shape, dim))
    if (index.shape.includes(0)) return graph.expand(graph.constant(0, x.dtype, x.placement), target.shape)
    const skip = graph.binary('eq', index, graph.scalar(ignore, 'int32'))
    const picked = graph.gather(x, dim, graph.where(skip, 0, index), op)
    return graph.reshape(graph.where(skip, 0, picked), target.shape)
  },
  saves: { x: ['target'] },
  vjp: {
    x: (g, { target, shape }, { dim, ignore }) => {
      const index = reshape(target, withClassDim(target.shape, dim))
      const hit = eq(new Tensor(positions(shape, dim)), index)
      const there = ignore >= 0 && ignore < (shape[dim] as number) ? logicalAnd(hit, ne(index, number(ignore, 'int32'))) : hit
      return where(there, reshape(g, index.shape), lit(0, g))
    },
    target: 'none',
  },
  half: 'keep',
})

const withClassDim = (shape: Shape, dim: number): number[] => [...shape.slice(0, dim), 1, ...shape.slice(dim)]

/** Where the classes lie: dim 1 of [N, C, d…], dim 0 of [C]. */
export function classDim(op: string, input: Tensor, target: Tensor): number {
  checkDevices(op, ['input', 'target'], [input, target])
  checkFloat(op, 'input', input)
  if (input.ndim === 0) throw new ShapeError(op, 'input must be [N, C, …] or [C], got a 0-d tensor', [input.shape])
  return input.ndim === 1 ? 0 : 1
}

/** Class indices for `input`, checked; `ignore` is let through. */
export function checkClasses(op: string, input: Tensor, target: Tensor, dim: number, ignore?: number): Tensor {
  if (isFloat(target.dtype)) {
    throw new DTypeError(
      op,
      `target is ${target.dtype} ${showShape(target.shape)} for input ${showShape(input.shape)}: class indices must be integers. Make them with { dtype: 'int32' }`,
    )
  }
  const wanted = input.shape.filter((_, i) => i !== dim)
  const hint = sameShape(target.shape, input.shape)
    ? `. One-hot? Its classes are target.argmax(${dim}), its probabilities target.float()`
    : ''
  if (!sameShape(target.shape, wanted)) {
    throw new ShapeError(
      op,
      `target must be ${showShape(wanted)} for input ${showShape(input.shape)} (classes along dim ${dim}), got ${showShape(target.shape)}${hint}`,
      [input.shape, target.shape],
    )
  }
  checkIndices(op, target, input.shape[dim] as number, ignore)
  return indexTensor(op, 'target', target)
}

/** [C] beside `input`, along its class dim. */
export function classWeights(op: string, weight: Tensor, input: Tensor, dim: number): Tensor {
  checkDevices(op, ['input', 'weight'], [input, weight])
  const classes = input.shape[dim] as number
  if (weight.ndim !== 1 || weight.shape[0] !== classes)
    throw new ShapeError(op, `weight must be [${classes}], one for each class, got ${showShape(weight.shape)}`, [weight.shape])
  return reshape(
    weight,
    input.shape.map((_, i) => (i === dim ? classes : 1)),
  )
}

interface ClassLoss {
  /** −w · log probability of each target, [N, d…]. */
  readonly losses: Tensor
  /** Σ of the weights of the targets that count. */
  readonly total: Tensor
  /** 1 (or w) for targets that count, [N, d…]; only where asked for. */
  readonly counted: Tensor
}

/** 0 − x: where x is 0 (an ignored target) 0, and not −0. */
const minus = (x: Tensor): Tensor => sub(lit(0, x), x)

function classLoss(
  op: string,
  logProbabilities: Tensor,
  target: Tensor,
  dim: number,
  ignore: number,
  weight: Tensor | null | undefined,
): ClassLoss {
  const p: PickParams = { dim, ignore, op }
  const picked = pickClass(logProbabilities, target, p)
  if (weight === null || weight === undefined) {
    const counted = ne(target, number(ignore, 'int32'))
    return { losses: minus(picked), total: cast(sum(counted), picked.dtype), counted }
  }
  const spread = expand(classWeights(op, weight, logProbabilities, dim), logProbabilities.shape)
  const counted = pickClass(spread, target, p)
  return { losses: minus(mul(picked, counted)), total: sum(counted), counted }
}

/**
 * −input[target], averaged by weight: the loss of log probabilities.
 * @param input log probabilities, [N, C, d…] or [C]
 * @param target class indices, integers, [N, d…] or 0-d
 * @returns 0-d, or the shape of `target` for `reduction: 'none'`
 * @throws IndexError for a class out of range: at the call where the host knows it, else at the next await.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html
 */
export const nllLoss: (input: Tensor, target: Tensor, options?: NllOptions) => Tensor = defineComposition(
  'nllLoss',
  (input: Tensor, target: Tensor, options?: NllOptions) => {
    NLL_LOSS.check(input, target, options)
    const dim = classDim('nllLoss', input, target)
    const ignore = options?.ignoreIndex ?? -100
    const classes = checkClasses('nllLoss', input, target, dim, ignore)
    const reduction = options?.reduction ?? 'mean'
    const { losses, total } = classLoss('nllLoss', input, classes, dim, ignore, options?.weight)
    return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : div(sum(losses), total)
  },
  { autocast: 'float32' },
)

/**
 * Cross entropy between the softmax of `input` and `target`.
 * @param input logits, [N, C, d…] or [C]
 * @param target class indices (integers, [N, d…] or 0-d), or probabilities of the shape of `input`
 * @returns 0-d, or the shape without the class dim for `reduction: 'none'`
 * @throws DTypeError for class indices of a float dtype; ShapeError; IndexError as {@link nllLoss}
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
 * @example crossEntropy(zeros([8, 10]), zeros([8], { dtype: 'int32' })).shape // []
 */
export const crossEntropy: (input: Tensor, target: Tensor, options?: CrossEntropyOptions) => Tensor = defineComposition(
  'crossEntropy',
  (input: Tensor, target: Tensor, options?: CrossEntropyOptions) => {
    const op = 'crossEntropy'
    CROSS_ENTROPY.check(input, target, options)
    const dim = classDim(op, input, target)
    const reduction = options?.reduction ?? 'mean'
    const smoothing = options?.labelSmoothing ?? 0
    const weight = options?.weight
    const logs = logSoftmax(input, dim)
    const classes = input.shape[dim] as number

    if (isFloat(target.dtype) && sameShape(target.shape, input.shape)) {
      if (options?.ignoreIndex !== undefined && options.ignoreIndex >= 0)
        throw new ArgumentError(op, 'ignoreIndex goes with class indices, target holds probabilities')
      const wanted = smoothing > 0 ? add(mul(target, 1 - smoothing), smoothing / classes) : target
      const weighted = weight ? mul(logs, classWeights(op, weight, input, dim)) : logs
      const losses = neg(sum(mul(weighted, wanted), dim))
      // averaged over the samples, whatever they weigh
      return reduced(losses, reduction)
    }

    const ignore = options?.ignoreIndex ?? -100
    const indices = checkClasses(op, input, target, dim, ignore)
    const { losses, total, counted } = classLoss(op, logs, indices, dim, ignore, weight)
    const finish = (x: Tensor): Tensor => (reduction === 'none' ? x : reduction === 'sum' ? sum(x) : div(sum(x), total))
    if (smoothing === 0) return finish(losses)
    const weighted = weight ? mul(logs, classWeights(op, weight, input, dim)) : logs
    const kept = weight ? ne(indices, number(ignore, 'int32')) : counted
    const even = sum(weighted, dim)
    const smooth = where(kept, neg(even), lit(0, even))
    return add(mul(finish(losses), 1 - smoothing), mul(finish(smooth), smoothing / classes))
  },
  { autocast: 'float32' },
)
