/** @file unfold and fold: windows of an image as columns, and columns added up where windows overlap. Each is the other's gradient. */
import { options as describe, type Kind, optional, ShapeError, showShape, signature, sizeOf } from '../base/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { defineComposition } from './define.ts'
import { ownShape } from './indexing.ts'
import { batched, fit, foldWindows, type Pair, pairOf, SIZES, SIZES_OR_ZERO, type Windows, windows } from './spatial.ts'
import { reshape } from './view.ts'

/** Options of {@link unfold} and {@link fold}. */
export interface UnfoldOptions {
  /** From tap to tap of a window: 1 by default. */
  readonly dilation?: Pair
  /** Zeros around the image: 0 by default. */
  readonly padding?: Pair
  /** From window to window: 1 by default. */
  readonly stride?: Pair
}

const KINDS: Readonly<Record<keyof UnfoldOptions, Kind>> = { dilation: SIZES[2], padding: SIZES_OR_ZERO[2], stride: SIZES[2] }
const UNFOLD = signature('unfold', { x: TENSOR, kernelSize: SIZES[2], options: optional(describe<UnfoldOptions>(KINDS)) })
const FOLD = signature('fold', { x: TENSOR, outputSize: SIZES[2], kernelSize: SIZES[2], options: optional(describe<UnfoldOptions>(KINDS)) })

function windowsOf(op: string, shape: readonly number[], kernelSize: Pair, options: UnfoldOptions): Windows {
  const padding = pairOf(options.padding ?? 0)
  return fit(op, shape, {
    kernel: pairOf(kernelSize),
    stride: pairOf(options.stride ?? 1),
    dilation: pairOf(options.dilation ?? 1),
    before: padding,
    after: padding,
  })
}

/**
 * The windows of an image as columns (im2col): column l has what window l sees of each channel, row-major. (The method `x.unfold` is a view along one dim.)
 * @param x [batch, channels, H, W] or [channels, H, W]
 * @param kernelSize of the window: one number or [height, width]
 * @returns [batch, channels · height · width, windows]
 * @throws ShapeError when the window is larger than the padded input.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html
 * @example F.unfold(zeros([2, 3, 8, 8]), 3).shape // [2, 27, 36]
 */
export const unfold: (x: Tensor, kernelSize: Pair, options?: UnfoldOptions) => Tensor = defineComposition(
  'unfold',
  (x: Tensor, kernelSize: Pair, options: UnfoldOptions = {}) => {
    const op = 'unfold'
    UNFOLD.check(x, kernelSize, options)
    batched(op, x, 2)
    const w = windowsOf(op, x.shape, kernelSize, options)
    const lead = x.shape.slice(0, -2)
    const columns = [...lead.slice(0, -1), (lead.at(-1) as number) * sizeOf(w.kernel), sizeOf(w.out)]
    return ownShape(windows(x, { ...w, fill: 0 }), columns)
  },
  { half: 'keep' },
)

/**
 * Adds columns up where the windows of {@link unfold} lie (col2im): its adjoint, so `fold(unfold(x))` is x times how many windows each element lies in.
 * @param x [batch, channels · height · width, windows] or without the batch
 * @param outputSize of the image: one number or [H, W]
 * @param kernelSize of the window: one number or [height, width]
 * @returns [batch, channels, H, W]
 * @throws ShapeError where the columns are not those of windows of such an image.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.fold.html
 * @example fold(ones([1, 27, 36]), 8, 3).shape // [1, 3, 8, 8]
 */
export const fold: (x: Tensor, outputSize: Pair, kernelSize: Pair, options?: UnfoldOptions) => Tensor = defineComposition(
  'fold',
  (x: Tensor, outputSize: Pair, kernelSize: Pair, options: UnfoldOptions = {}) => {
    const op = 'fold'
    FOLD.check(x, outputSize, kernelSize, options)
    if (x.ndim !== 2 && x.ndim !== 3)
      throw new ShapeError(op, `x must be [batch, channels · taps, windows] or [channels · taps, windows], got ${showShape(x.shape)}`, [
        x.shape,
      ])
    const w = windowsOf(op, pairOf(outputSize), kernelSize, options)
    const [rows, count] = x.shape.slice(-2) as [number, number]
    const taps = sizeOf(w.kernel)
    if (rows % taps !== 0 || count !== sizeOf(w.out))
      throw new ShapeError(
        op,
        `x must be [batch, channels · ${taps}, ${sizeOf(w.out)}] for windows ${showShape(w.kernel)} of an image ${showShape(w.size)}, got ${showShape(x.shape)}`,
        [x.shape],
      )
    return foldWindows(reshape(x, [...x.shape.slice(0, -2), rows / taps, ...w.kernel, ...w.out]), { ...w, fill: 0 })
  },
)
