/** @file Pooling by the p-norm: (Σ xᵖ)^(1/p) over each window. */
import { BOOLEAN, options as describe, type Kind, nullable, optional, signature } from '../base/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { defineComposition } from './define.ts'
import { abs, mul, pow, relu, sign } from './elementwise.ts'
import { averaged } from './pool.ts'
import { checkFloat } from './promote.ts'
import { batched, type Pair, type Rank, SIZES, type Single, type Sizes, sizesOf } from './spatial.ts'

/** How windows go over the input; `S` is one number for all axes, or one for each. */
export interface LpPoolOptions<S extends Sizes = Pair> {
  /** From window to window; by default the kernel size, so that windows lie side by side. */
  readonly stride?: S | null
  /** Counts a last window that begins in the input though it goes past the end. */
  readonly ceilMode?: boolean
}

const POWER: Kind = { fits: 'a finite number other than 0', accepts: (x) => Number.isFinite(x) && x !== 0 }

function defineLpPool<S extends Sizes>(
  op: string,
  rank: Rank,
): (x: Tensor, normType: number, kernelSize: S, options?: LpPoolOptions<S>) => Tensor {
  const SIGNATURE = signature(op, {
    x: TENSOR,
    normType: POWER,
    kernelSize: SIZES[rank],
    options: optional(describe<LpPoolOptions<S>>({ stride: nullable(SIZES[rank]), ceilMode: BOOLEAN })),
  })
  return defineComposition(op, (x: Tensor, normType: number, kernelSize: S, options?: LpPoolOptions<S>) => {
    SIGNATURE.check(x, normType, kernelSize, options)
    batched(op, x, rank)
    checkFloat(op, 'x', x)
    const means = averaged(op, rank, pow(x, normType), kernelSize, options ?? {})
    // (as PyTorch has it: where the sum is 0, its sign leaves no gradient to the root)
    const sums = mul(
      mul(sign(means), relu(abs(means))),
      sizesOf(kernelSize, rank).reduce((n, k) => n * k, 1),
    )
    return pow(sums, 1 / normType)
  })
}

/**
 * The p-norm (Σ xᵖ)^(1/p) of each window. A window that `ceilMode` lets go past the end counts as a whole one, of the mean of the powers that it has.
 * @param x [batch, channels, L] or [channels, L]
 * @param normType p; of negative elements and an odd p, or a fraction, the root is NaN
 * @param kernelSize of the window
 * @returns [batch, channels, ⌊(L − kernelSize) / stride⌋ + 1] (⌈ ⌉ under ceilMode)
 * @throws ShapeError when the window is larger than the input; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool1d.html
 * @example lpPool1d(ones([1, 1, 8]), 2, 4).shape // [1, 1, 2]
 */
export const lpPool1d: (x: Tensor, normType: number, kernelSize: Single, options?: LpPoolOptions<Single>) => Tensor = defineLpPool<Single>(
  'lpPool1d',
  1,
)
/**
 * The p-norm of each window of [batch, channels, H, W] or [channels, H, W], as {@link lpPool1d}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool2d.html
 * @example lpPool2d(ones([1, 1, 8, 8]), 2, [4, 2]).shape // [1, 1, 2, 4]
 */
export const lpPool2d: (x: Tensor, normType: number, kernelSize: Pair, options?: LpPoolOptions) => Tensor = defineLpPool<Pair>(
  'lpPool2d',
  2,
)
