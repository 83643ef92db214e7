/** @file Adaptive pooling: the output's size is given, windows follow from it. Window i along an axis goes from ⌊i · in / out⌋ to ⌈(i + 1) · in / out⌉. */
import {
  BOOLEAN,
  COUNT,
  checkElements,
  options as describe,
  type Kind,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  showShape,
  signature,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { defineComposition } from './define.ts'
import { type ValuesIndices, valuesIndices } from './extremes.ts'
import { largestTap, type MaxPoolFunction, positionsOf, wholeMeans } from './pool.ts'
import { checkFloat } from './promote.ts'
import { resample } from './resample.ts'
import { batched, eachAxis, type Rank, type Windows, windows } from './spatial.ts'
import { permute, reshape } from './view.ts'

/** The output's length: a number, or a list of one. */
export type AdaptiveSingle = number | readonly [length: number]
/** The output's size: one number for both axes, or [height, width]; null leaves an axis as long as the input's. */
export type AdaptivePair = number | null | readonly [height: number | null, width: number | null]
/** The output's size: one number for all three axes, or [depth, height, width]; null leaves an axis as long as the input's. */
export type AdaptiveTriple = number | null | readonly [depth: number | null, height: number | null, width: number | null]
type AdaptiveSize = AdaptiveSingle | AdaptivePair | AdaptiveTriple

/** Options of {@link adaptiveMaxPool1d}, {@link adaptiveMaxPool2d} and {@link adaptiveMaxPool3d}. */
export interface AdaptiveMaxPoolOptions {
  /** Returns the positions too, row-major in the pooled axes (int32). */
  readonly returnIndices?: boolean
}

const sizeKind = (rank: Rank): Kind =>
  rank === 1
    ? eachAxis(1, COUNT.fits, (n) => COUNT.accepts(n))
    : eachAxis(rank, `${COUNT.fits} (null leaves an axis as it is)`, (n) => n === null || COUNT.accepts(n))

/** Windows of adaptive pooling: along each axis where they begin, and how many elements they have. */
interface Uneven {
  readonly size: Shape
  readonly out: Shape
  readonly starts: readonly (readonly number[])[]
  readonly lengths: readonly (readonly number[])[]
}

/** The windows that give an output of these sizes. */
function windowsFor(size: Shape, out: Shape): Uneven {
  const starts = size.map((n, d) => Array.from({ length: out[d] as number }, (_, i) => Math.floor((i * n) / (out[d] as number))))
  const lengths = size.map((n, d) =>
    (starts[d] as readonly number[]).map((start, i) => Math.ceil(((i + 1) * n) / (out[d] as number)) - start),
  )
  return { size, out, starts, lengths }
}

/** The windows that an adaptive pooling was called for, checked. */
function calledWindows(SIGNATURE: Signature, rank: Rank, x: Tensor, outputSize: AdaptiveSize, options?: AdaptiveMaxPoolOptions): Uneven {
  const op = SIGNATURE.name
  SIGNATURE.check(x, outputSize, options)
  batched(op, x, rank)
  checkFloat(op, 'x', x)
  const size = x.shape.slice(-rank)
  const wanted: readonly (number | null)[] =
    typeof outputSize === 'object' && outputSize !== null ? outputSize : size.map(() => outputSize ?? null)
  const out = size.map((n, d) => wanted[d] ?? n)
  if (size.some((n) => n === 0)) throw new ShapeError(op, `there is nothing to pool: x is ${showShape(x.shape)}`, [x.shape])
  checkElements(op, [...x.shape.slice(0, -rank), ...out])
  return windowsFor(size, out)
}

/** The same as windows of one size side by side, where that is what they are. */
function evenWindows({ size, out }: Uneven): Windows | undefined {
  if (size.some((n, d) => n % (out[d] as number) !== 0)) return undefined
  const kernel = size.map((n, d) => n / (out[d] as number))
  const [ones, none] = [size.map(() => 1), size.map(() => 0)]
  return { kernel, stride: kernel, dilation: ones, before: none, after: none, size, out }
}

// ── the mean ──

/** The mean of each window. */
function means(x: Tensor, w: Uneven): Tensor {
  const even = evenWindows(w)
  if (even) return wholeMeans(x, even)
  const dims = w.size.map((from, d) => {
    const positions = (w.starts[d] as readonly number[]).map((start, i) =>
      Array.from({ length: w.lengths[d]?.[i] as number }, (_, t) => start + t),
    )
    const weights = positions.map((list) => list.map(() => 1 / list.length))
    return { dim: x.ndim - w.size.length + d, taps: { from, positions, weights } }
  })
  return resample(x, dims)
}

/** The means of an output of these sizes, of the last axes of x. */
export const adaptiveMeans = (x: Tensor, out: Shape): Tensor => means(x, windowsFor(x.shape.slice(-out.length), out))

function defineAdaptiveAvgPool<S extends AdaptiveSize>(op: string, rank: Rank): (x: Tensor, outputSize: S) => Tensor {
  const SIGNATURE = signature(op, { x: TENSOR, outputSize: sizeKind(rank) })
  return defineComposition(op, (x: Tensor, outputSize: S) => means(x, calledWindows(SIGNATURE, rank, x, outputSize)))
}

/**
 * The mean of windows, as many as `outputSize` says: window i goes from ⌊i · L / outputSize⌋ to ⌈(i + 1) · L / outputSize⌉.
 * @param x [batch, channels, L] or [channels, L]
 * @returns [batch, channels, outputSize]
 * @throws ShapeError for another number of dims and for an axis without elements; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html
 * @example adaptiveAvgPool1d(zeros([8, 16, 100]), 7).shape // [8, 16, 7]
 */
export const adaptiveAvgPool1d: (x: Tensor, outputSize: AdaptiveSingle) => Tensor = defineAdaptiveAvgPool<AdaptiveSingle>(
  'adaptiveAvgPool1d',
  1,
)
/**
 * The mean of windows, as many along each axis as `outputSize` says: window i goes from ⌊i · H / height⌋ to ⌈(i + 1) · H / height⌉.
 * @param x [batch, channels, H, W] or [channels, H, W]
 * @param outputSize one number or [height, width]; null leaves an axis as it is
 * @returns [batch, channels, height, width]
 * @throws ShapeError for another number of dims and for an axis without elements; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html
 * @example adaptiveAvgPool2d(zeros([8, 16, 30, 30]), [7, null]).shape // [8, 16, 7, 30]
 */
export const adaptiveAvgPool2d: (x: Tensor, outputSize: AdaptivePair) => Tensor = defineAdaptiveAvgPool<AdaptivePair>(
  'adaptiveAvgPool2d',
  2,
)
/**
 * The mean of windows of [batch, channels, D, H, W] or [channels, D, H, W], as {@link adaptiveAvgPool2d}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool3d.html
 * @example adaptiveAvgPool3d(zeros([2, 4, 8, 8, 8]), 3).shape // [2, 4, 3, 3, 3]
 */
export const adaptiveAvgPool3d: (x: Tensor, outputSize: AdaptiveTriple) => Tensor = defineAdaptiveAvgPool<AdaptiveTriple>(
  'adaptiveAvgPool3d',
  3,
)

// ── the largest ──

/** Windows of any lengths as [..., ...kernel, ...out]: those that are shorter than the longest repeat their last element, which changes no maximum. */
function unevenViews(x: Tensor, w: Uneven): Tensor {
  const rank = w.size.length
  const first = x.ndim - rank
  const kernel = w.lengths.map((list) => Math.max(...list))
  const dims = w.size.map((from, d) => {
    const positions = Array.from({ length: kernel[d] as number }, (_, t) =>
      (w.starts[d] as readonly number[]).map((start, i) => [start + Math.min(t, (w.lengths[d]?.[i] as number) - 1)]),
    ).flat()
    return { dim: first + d, taps: { from, positions } }
  })
  const lead = x.shape.slice(0, first)
  const pairs = reshape(resample(x, dims), [...lead, ...kernel.flatMap((k, d) => [k, w.out[d] as number])])
  const along = (i: number): number[] => w.size.map((_, d) => first + 2 * d + i)
  return permute(pairs, [...lead.keys(), ...along(0), ...along(1)])
}

function largest(x: Tensor, w: Uneven): { readonly values: Tensor; readonly taps: Tensor; readonly kernel: Shape } {
  const rank = w.size.length
  const even = evenWindows(w)
  const views = even ? windows(x, { ...even, fill: 0 }) : unevenViews(x, w)
  return { ...largestTap(views, rank), kernel: views.shape.slice(-2 * rank, -rank) }
}

const isEmpty = (w: Uneven): boolean => w.out.some((n) => n === 0)
/** What an output without elements is made of. */
const nothing = (x: Tensor, w: Uneven): Tensor =>
  resample(
    x,
    w.size.map((from, d) => ({ dim: x.ndim - w.size.length + d, taps: { from, positions: (w.starts[d] as number[]).map((i) => [i]) } })),
  )

function withPositions(x: Tensor, w: Uneven): ValuesIndices {
  if (isEmpty(w)) return valuesIndices(nothing(x, w), cast(nothing(x, w), 'int32'))
  const { values, taps, kernel } = largest(x, w)
  const starts = w.starts.map((list) => graph.leaf(Int32Array.from(list), [list.length], 'int32', taps._node.placement))
  return valuesIndices(values, positionsOf(taps, { kernel, dilation: kernel.map(() => 1), size: w.size }, starts))
}

function defineAdaptiveMaxPool<S extends AdaptiveSize>(op: string, rank: Rank): MaxPoolFunction<S, AdaptiveMaxPoolOptions> {
  const SIGNATURE = signature(op, {
    x: TENSOR,
    outputSize: sizeKind(rank),
    options: optional(describe<AdaptiveMaxPoolOptions>({ returnIndices: BOOLEAN })),
  })
  const pooled = defineComposition(op, (x: Tensor, w: Uneven) => (isEmpty(w) ? nothing(x, w) : largest(x, w).values), { half: 'keep' })
  return ((x: Tensor, outputSize: S, options?: AdaptiveMaxPoolOptions): Tensor | ValuesIndices => {
    const w = calledWindows(SIGNATURE, rank, x, outputSize, options)
    return options?.returnIndices ? underName(op, () => withPositions(x, w)) : pooled(x, w)
  }) as MaxPoolFunction<S, AdaptiveMaxPoolOptions>
}

function defineAdaptiveMaxPoolWithIndices<S extends AdaptiveSize>(op: string, rank: Rank): (x: Tensor, outputSize: S) => ValuesIndices {
  const SIGNATURE = signature(op, { x: TENSOR, outputSize: sizeKind(rank) })
  return (x, outputSize) => underName(op, () => withPositions(x, calledWindows(SIGNATURE, rank, x, outputSize)))
}

/**
 * The largest of windows, as many as `outputSize` says (see {@link adaptiveAvgPool1d}); NaN counts as the largest. The gradient goes to the first such in the window.
 * @param x [batch, channels, L] or [channels, L]
 * @returns [batch, channels, outputSize]; with `returnIndices` { values, indices }
 * @throws ShapeError for another number of dims and for an axis without elements; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool1d.html
 * @example adaptiveMaxPool1d(zeros([8, 16, 100]), 7).shape // [8, 16, 7]
 */
export const adaptiveMaxPool1d: MaxPoolFunction<AdaptiveSingle, AdaptiveMaxPoolOptions> = defineAdaptiveMaxPool<AdaptiveSingle>(
  'adaptiveMaxPool1d',
  1,
)
/**
 * The largest of windows, as many along each axis as `outputSize` says (see {@link adaptiveAvgPool2d}); NaN counts as the largest. The gradient goes to the first
 * such in the window.
 * @param x [batch, channels, H, W] or [channels, H, W]
 * @param outputSize one number or [height, width]; null leaves an axis as it is
 * @returns [batch, channels, height, width]; with `returnIndices` { values, indices }
 * @throws ShapeError for another number of dims and for an axis without elements; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html
 * @example adaptiveMaxPool2d(zeros([8, 16, 30, 30]), [7, null]).shape // [8, 16, 7, 30]
 */
export const adaptiveMaxPool2d: MaxPoolFunction<AdaptivePair, AdaptiveMaxPoolOptions> = defineAdaptiveMaxPool<AdaptivePair>(
  'adaptiveMaxPool2d',
  2,
)
/**
 * The largest of windows of [batch, channels, D, H, W] or [channels, D, H, W], as {@link adaptiveMaxPool2d}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool3d.html
 * @example adaptiveMaxPool3d(zeros([2, 4, 8, 8, 8]), 3).shape // [2, 4, 3, 3, 3]
 */
export const adaptiveMaxPool3d: MaxPoolFunction<AdaptiveTriple, AdaptiveMaxPoolOptions> = defineAdaptiveMaxPool<AdaptiveTriple>(
  'adaptiveMaxPool3d',
  3,
)
/** {@link adaptiveMaxPool1d} with `returnIndices`. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool1d.html */
export const adaptiveMaxPool1dWithIndices: (x: Tensor, outputSize: AdaptiveSingle) => ValuesIndices =
  defineAdaptiveMaxPoolWithIndices<AdaptiveSingle>('adaptiveMaxPool1dWithIndices', 1)
/** {@link adaptiveMaxPool2d} with `returnIndices`. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html */
export const adaptiveMaxPool2dWithIndices: (x: Tensor, outputSize: AdaptivePair) => ValuesIndices =
  defineAdaptiveMaxPoolWithIndices<AdaptivePair>('adaptiveMaxPool2dWithIndices', 2)
/** {@link adaptiveMaxPool3d} with `returnIndices`. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool3d.html */
export const adaptiveMaxPool3dWithIndices: (x: Tensor, outputSize: AdaptiveTriple) => ValuesIndices =
  defineAdaptiveMaxPoolWithIndices<AdaptiveTriple>('adaptiveMaxPool3dWithIndices', 3)
