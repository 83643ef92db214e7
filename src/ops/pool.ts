/** @file Pooling over windows of the last axes. Gradients gather: each input element looks at the windows that it lies in, so sums have one order. */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  type Kind,
  nullable,
  onesAt,
  optional,
  type Shape,
  type Signature,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { defineComposition, defineOp } from './define.ts'
import { div, mul, where } from './elementwise.ts'
import { argmaxOver, type ValuesIndices, valuesIndices } from './extremes.ts'
import { checkFloat, lit } from './promote.ts'
import { sum } from './reduce.ts'
import {
  batched,
  fit,
  type Pair,
  type Rank,
  SIZES,
  SIZES_OR_ZERO,
  type Single,
  type Sizes,
  sizesOf,
  type Triple,
  type Windows,
  windows,
} from './spatial.ts'
import { reshape } from './view.ts'

/** How windows go over the input; `S` is one number for all axes, or one for each. */
export interface PoolOptions<S extends Sizes = Pair> {
  /** From window to window; by default the kernel size, so that windows lie side by side. */
  readonly stride?: S | null
  /** Around the input; at most half the kernel size. */
  readonly padding?: S
  /** Counts a last window that begins in the input (or the padding before it) though it goes past the end. */
  readonly ceilMode?: boolean
}

/** Options of a `maxPool…WithIndices`. */
export interface DilatedPoolOptions<S extends Sizes = Pair> extends PoolOptions<S> {
  /** From tap to tap of a window: 1 by default. */
  readonly dilation?: S
}

/** Options of {@link maxPool1d}, {@link maxPool2d} and {@link maxPool3d}. */
export interface MaxPoolOptions<S extends Sizes = Pair> extends DilatedPoolOptions<S> {
  /** Returns the positions too, row-major in the pooled axes (int32). */
  readonly returnIndices?: boolean
}

/** Options of {@link avgPool1d}. */
export interface AvgPool1dOptions<S extends Sizes = Single> extends PoolOptions<S> {
  /** Divides by the window's size also where it lies over the padding (default). */
  readonly countIncludePad?: boolean
}

/** Options of {@link avgPool2d} and {@link avgPool3d}. */
export interface AvgPoolOptions<S extends Sizes = Pair> extends AvgPool1dOptions<S> {
  /** Divides by this instead. */
  readonly divisorOverride?: number | null
}

const poolKinds = (rank: Rank): Readonly<Record<keyof PoolOptions, Kind>> => ({
  stride: nullable(SIZES[rank]),
  padding: SIZES_OR_ZERO[rank],
  ceilMode: BOOLEAN,
})
const dilatedKinds = (rank: Rank): Readonly<Record<keyof DilatedPoolOptions, Kind>> => ({ ...poolKinds(rank), dilation: SIZES[rank] })
const DIVISOR: Kind = nullable({ fits: 'a finite number other than 0', accepts: (x) => Number.isFinite(x) && x !== 0 })
/** The kinds of {@link MaxPoolOptions}, of {@link AvgPool1dOptions} and of {@link AvgPoolOptions}. */
export const maxPoolKinds = (rank: Rank): Readonly<Record<keyof MaxPoolOptions, Kind>> => ({
  ...dilatedKinds(rank),
  returnIndices: BOOLEAN,
})
const avgPool1dKinds = (rank: Rank): Readonly<Record<keyof AvgPool1dOptions, Kind>> => ({ ...poolKinds(rank), countIncludePad: BOOLEAN })
export const avgPoolKinds = (rank: Rank): Readonly<Record<keyof AvgPoolOptions, Kind>> => ({
  ...avgPool1dKinds(rank),
  divisorOverride: DIVISOR,
})

/** A window must not lie in the padding alone. */
export function checkPadding(op: string, padding: readonly number[], kernel: readonly number[]): void {
  if (padding.some((p, i) => 2 * p > (kernel[i] as number)))
    throw new ArgumentError(
      op,
      `padding must be at most half of the kernel size: padding is ${showShape(padding)}, the kernel ${showShape(kernel)}`,
    )
}

/** The windows of a pooling. What ceilMode adds behind is counted in `after`. */
function poolWindows(op: string, rank: Rank, x: Tensor, kernelSize: Sizes, options: DilatedPoolOptions<Sizes>): Windows {
  const kernel = sizesOf(kernelSize, rank)
  const stride = sizesOf(options.stride ?? kernelSize, rank)
  const dilation = sizesOf(options.dilation ?? 1, rank)
  const padding = sizesOf(options.padding ?? 0, rank)
  checkPadding(op, padding, kernel)
  const sliding = { kernel, stride, dilation, before: padding, after: padding }
  if (!options.ceilMode) return fit(op, x.shape, sliding)
  const size = x.shape.slice(-rank)
  const after = size.map((n, i) => {
    const [k, s, d, p] = [kernel[i], stride[i], dilation[i], padding[i]] as readonly number[] as [number, number, number, number]
    const span = (k - 1) * d + 1
    let out = Math.max(1, Math.ceil((n + 2 * p - span) / s) + 1)
    if ((out - 1) * s >= n + p) out--
    return Math.max(p, (out - 1) * s + span - n - p)
  })
  return fit(op, x.shape, { ...sliding, after })
}

// ── the largest ──

/** The dims of the taps in [..., ...kernel, ...out]. */
const tapsOf = (x: Tensor, rank: number): number[] => Array.from({ length: rank }, (_, d) => x.ndim - 2 * rank + d)

interface TapParams {
  readonly dims: readonly number[]
  readonly kept: readonly number[]
}

const windowMax = defineOp('windowMax', {
  inputs: ['x', 'index'],
  forward: (x, _index, p: TapParams) => graph.reduce('max', x, p.dims),
  saves: { x: ['index'] },
  vjp: {
    x: (g, { index, shape }, p) => {
      const taps = p.dims.map((d) => shape[d] as number)
      const tap = new Tensor(graph.reshape(graph.iota(sizeOf(taps), g._node.placement), [...taps, ...taps.map(() => 1)]))
      return where(eq(tap, reshape(index, p.kept)), reshape(g, p.kept), lit(0, g))
    },
    index: 'none',
  },
  half: 'keep',
})

/** Values along one of some axes, [n] → [n, 1, …]. */
const alongAxis = (x: graph.Node, d: number, rank: number): graph.Node =>
  graph.reshape(x, [x.shape[0] as number, ...new Array<number>(rank - 1 - d).fill(1)])

/** Where each window begins along an axis, negative in the padding: [out]. */
function startsOf(w: Windows, d: number, placement: graph.NodePlace): graph.Node {
  const steps = graph.binary('mul', graph.iota(w.out[d] as number, placement), w.stride[d] as number)
  return graph.binary('sub', steps, w.before[d] as number)
}

/** Row-major positions in an array of these sizes, of which each axis has its own. */
const rowMajor = (along: readonly graph.Node[], sizes: Shape): graph.Node =>
  along.reduce((line, x, d) => graph.binary('add', graph.binary('mul', line, sizes[d] as number), x))

/** The first tap of each window that lies behind the padding in front, [...out]. */
function firstTaps(w: Windows, placement: graph.NodePlace): graph.Node {
  const first = w.kernel.map((_, d) => {
    const dilation = w.dilation[d] as number
    const outside = graph.binary('max', graph.binary('sub', 0, startsOf(w, d, placement)), 0)
    return alongAxis(graph.binary('div', graph.binary('add', outside, dilation - 1), dilation), d, w.kernel.length)
  })
  return rowMajor(first, w.kernel)
}

/** The largest of [..., ...kernel, ...out] over the taps, and the tap that it stands at: the first of equals. `least` is where taps begin. */
export function largestTap(views: Tensor, rank: number, least?: graph.Node): { readonly values: Tensor; readonly taps: Tensor } {
  const dims = tapsOf(views, rank)
  const p = { dims, kept: onesAt(views.shape, dims), keepdim: false }
  const found = argmaxOver(views, p)
  const taps = least ? new Tensor(graph.binary('max', found._node, least)) : found
  return { values: windowMax(views, taps, p), taps }
}

function largest(x: Tensor, w: Windows): { readonly values: Tensor; readonly taps: Tensor } {
  const views = windows(x, { ...w, fill: Number.NEGATIVE_INFINITY })
  // Where all of a window is -Infinity, the padding in front of it is no smaller and comes first; any other tap found lies behind the first within.
  const padded = w.before.some((n) => n > 0)
  return largestTap(views, w.kernel.length, padded ? firstTaps(w, x._node.placement) : undefined)
}

/** Where taps, row-major in windows of `kernel`, stand in the pooled axes; along each axis windows begin at `starts`. */
export function positionsOf(taps: Tensor, w: Pick<Windows, 'kernel' | 'dilation' | 'size'>, starts: readonly graph.Node[]): Tensor {
  const rank = w.kernel.length
  const along: graph.Node[] = []
  let rest = taps._node
  for (let d = rank - 1; d >= 0; d--) {
    const k = w.kernel[d] as number
    const quotient = d === 0 ? rest : graph.binary('div', rest, k)
    const tap = d === 0 ? rest : graph.binary('sub', rest, graph.binary('mul', quotient, k))
    along.unshift(graph.binary('add', alongAxis(starts[d] as graph.Node, d, rank), graph.binary('mul', tap, w.dilation[d] as number)))
    rest = quotient
  }
  return new Tensor(rowMajor(along, w.size))
}

/** The largest of each window, with its position. */
function withPositions(x: Tensor, w: Windows): ValuesIndices {
  const { values, taps } = largest(x, w)
  const starts = w.kernel.map((_, d) => startsOf(w, d, taps._node.placement))
  return valuesIndices(values, positionsOf(taps, w, starts))
}

/** The forms of a largest of windows; `K` is the kernel size or the output size, `O` the options. */
export interface MaxPoolFunction<K, O> {
  (x: Tensor, size: K, options?: O & { readonly returnIndices?: false }): Tensor
  (x: Tensor, size: K, options: O & { readonly returnIndices: true }): ValuesIndices
  (x: Tensor, size: K, options?: O): Tensor | ValuesIndices
}
/** A largest of windows that always gives the positions too. */
export type MaxPoolIndicesFunction<K, O> = (x: Tensor, size: K, options?: O) => ValuesIndices

/** Checks what a pooling is called with, but for how windows fit. */
function checkPooled(SIGNATURE: Signature, rank: Rank, x: Tensor, size: unknown, options: unknown): void {
  const op = SIGNATURE.name
  SIGNATURE.check(x, size, options)
  batched(op, x, rank)
  checkFloat(op, 'x', x)
}

/** The windows that a pooling was called for, checked. */
function calledWindows(SIGNATURE: Signature, rank: Rank, x: Tensor, kernelSize: Sizes, options: DilatedPoolOptions<Sizes>): Windows {
  checkPooled(SIGNATURE, rank, x, kernelSize, options)
  return poolWindows(SIGNATURE.name, rank, x, kernelSize, options)
}

function defineMaxPool<S extends Sizes>(op: string, rank: Rank): MaxPoolFunction<S, MaxPoolOptions<S>> {
  const SIGNATURE = signature(op, {
    x: TENSOR,
    kernelSize: SIZES[rank],
    options: optional(describe<MaxPoolOptions<S>>(maxPoolKinds(rank))),
  })
  const pooled = defineComposition(op, (x: Tensor, w: Windows) => largest(x, w).values, { half: 'keep' })
  return ((x: Tensor, kernelSize: S, options: MaxPoolOptions<S> = {}): Tensor | ValuesIndices => {
    const w = calledWindows(SIGNATURE, rank, x, kernelSize, options)
    return options.returnIndices ? underName(op, () => withPositions(x, w)) : pooled(x, w)
  }) as MaxPoolFunction<S, MaxPoolOptions<S>>
}

function defineMaxPoolWithIndices<S extends Sizes>(op: string, rank: Rank): MaxPoolIndicesFunction<S, DilatedPoolOptions<S>> {
  const SIGNATURE = signature(op, {
    x: TENSOR,
    kernelSize: SIZES[rank],
    options: optional(describe<DilatedPoolOptions<S>>(dilatedKinds(rank))),
  })
  return (x, kernelSize, options = {}) => underName(op, () => withPositions(x, calledWindows(SIGNATURE, rank, x, kernelSize, options)))
}

/**
 * The largest of each window; NaN counts as the largest, padding never. The gradient goes to the first such in the window.
 * @param x [batch, channels, L] or [channels, L]
 * @param kernelSize of the window
 * @returns [batch, channels, ⌊(L + 2 · padding − dilation · (kernelSize − 1) − 1) / stride⌋ + 1] (⌈ ⌉ under ceilMode); with `returnIndices` { values, indices }
 * @throws ShapeError when the window is larger than the padded input; ArgumentError for padding beyond half the kernel; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html
 * @example maxPool1d(zeros([8, 16, 100]), 2).shape // [8, 16, 50]
 */
export const maxPool1d: MaxPoolFunction<Single, MaxPoolOptions<Single>> = defineMaxPool<Single>('maxPool1d', 1)
/**
 * The largest of each window; NaN counts as the largest, padding never. The gradient goes to the first such in the window.
 * @param x [batch, channels, H, W] or [channels, H, W]
 * @param kernelSize of the window: one number or [height, width]
 * @returns [batch, channels, ⌊(H + 2 · padding − dilation · (height − 1) − 1) / stride⌋ + 1, …] (⌈ ⌉ under ceilMode); with `returnIndices` { values, indices }
 * @throws ShapeError when the window is larger than the padded input; ArgumentError for padding beyond half the kernel; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
 * @example maxPool2d(zeros([8, 16, 28, 28]), 2).shape // [8, 16, 14, 14]
 */
export const maxPool2d: MaxPoolFunction<Pair, MaxPoolOptions> = defineMaxPool<Pair>('maxPool2d', 2)
/**
 * The largest of each window of [batch, channels, D, H, W] or [channels, D, H, W], as {@link maxPool2d}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html
 * @example maxPool3d(zeros([2, 4, 8, 8, 8]), 2).shape // [2, 4, 4, 4, 4]
 */
export const maxPool3d: MaxPoolFunction<Triple, MaxPoolOptions<Triple>> = defineMaxPool<Triple>('maxPool3d', 3)
/** {@link maxPool1d} with `returnIndices`. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html */
export const maxPool1dWithIndices: MaxPoolIndicesFunction<Single, DilatedPoolOptions<Single>> = defineMaxPoolWithIndices<Single>(
  'maxPool1dWithIndices',
  1,
)
/** {@link maxPool2d} with `returnIndices`. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html */
export const maxPool2dWithIndices: MaxPoolIndicesFunction<Pair, DilatedPoolOptions> = defineMaxPoolWithIndices<Pair>(
  'maxPool2dWithIndices',
  2,
)
/** {@link maxPool3d} with `returnIndices`. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html */
export const maxPool3dWithIndices: MaxPoolIndicesFunction<Triple, DilatedPoolOptions<Triple>> = defineMaxPoolWithIndices<Triple>(
  'maxPool3dWithIndices',
  3,
)

// ── the mean ──

/** By how many elements each window is divided, along one axis: those within the input, or also those of the padding. */
function counts(w: Windows, d: number, padding: number, includePad: boolean): number[] {
  const [k, s, size] = [w.kernel[d], w.stride[d], w.size[d]] as readonly number[] as [number, number, number]
  return Array.from({ length: w.out[d] as number }, (_, o) => {
    const start = o * s - padding
    const [low, high] = includePad ? [start, size + padding] : [Math.max(0, start), size]
    return Math.min(start + k, high) - low
  })
}

/** The sum of each window. */
const windowSums = (x: Tensor, w: Windows): Tensor => {
  const views = windows(x, { ...w, fill: 0 })
  return sum(views, tapsOf(views, w.kernel.length))
}

/** The mean of each window that is as long as the kernel throughout. */
export const wholeMeans = (x: Tensor, w: Windows): Tensor => div(windowSums(x, w), sizeOf(w.kernel))

/** The mean of each window, of as many elements as `includePad` says. */
function means(x: Tensor, w: Windows, padding: Shape, includePad: boolean): Tensor {
  const rank = w.kernel.length
  const along = w.kernel.map((_, d) => counts(w, d, padding[d] as number, includePad))
  const sums = windowSums(x, w)
  if (along.every((list) => list.every((n) => n === list[0]))) return div(sums, sizeOf(along.map((list) => list[0] as number)))
  const column = (list: readonly number[], d: number): Tensor =>
    cast(new Tensor(alongAxis(graph.leaf(Float32Array.from(list), [list.length], 'float32', x._node.placement), d, rank)), x.dtype)
  return div(sums, along.map(column).reduce(mul))
}

/** The mean of each window, with PyTorch's defaults. */
export function averaged(op: string, rank: Rank, x: Tensor, kernelSize: Sizes, options: AvgPoolOptions<Sizes>): Tensor {
  const w = poolWindows(op, rank, x, kernelSize, options)
  const override = options.divisorOverride ?? undefined
  if (override !== undefined) return div(windowSums(x, w), override)
  return means(x, w, sizesOf(options.padding ?? 0, rank), options.countIncludePad ?? true)
}

function defineAvgPool<S extends Sizes, O extends AvgPoolOptions<S>>(
  op: string,
  rank: Rank,
  kinds: { readonly [K in keyof O & string]-?: Kind },
): (x: Tensor, kernelSize: S, options?: O) => Tensor {
  const SIGNATURE = signature(op, { x: TENSOR, kernelSize: SIZES[rank], options: optional(describe<O>(kinds)) })
  return defineComposition(op, (x: Tensor, kernelSize: S, given?: O) => {
    checkPooled(SIGNATURE, rank, x, kernelSize, given)
    return averaged(op, rank, x, kernelSize, given ?? {})
  })
}

/**
 * The mean of each window.
 * @param x [batch, channels, L] or [channels, L]
 * @param kernelSize of the window
 * @returns [batch, channels, ⌊(L + 2 · padding − kernelSize) / stride⌋ + 1] (⌈ ⌉ under ceilMode)
 * @throws ShapeError when the window is larger than the padded input; ArgumentError for padding beyond half the kernel; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html
 * @example avgPool1d(zeros([8, 16, 100]), 2).shape // [8, 16, 50]
 */
export const avgPool1d: (x: Tensor, kernelSize: Single, options?: AvgPool1dOptions) => Tensor = defineAvgPool<Single, AvgPool1dOptions>(
  'avgPool1d',
  1,
  avgPool1dKinds(1),
)
/**
 * The mean of each window.
 * @param x [batch, channels, H, W] or [channels, H, W]
 * @param kernelSize of the window: one number or [height, width]
 * @returns [batch, channels, ⌊(H + 2 · padding − height) / stride⌋ + 1, …] (⌈ ⌉ under ceilMode)
 * @throws ShapeError when the window is larger than the padded input; ArgumentError for padding beyond half the kernel; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
 * @example avgPool2d(zeros([8, 16, 28, 28]), 2).shape // [8, 16, 14, 14]
 */
export const avgPool2d: (x: Tensor, kernelSize: Pair, options?: AvgPoolOptions) => Tensor = defineAvgPool<Pair, AvgPoolOptions>(
  'avgPool2d',
  2,
  avgPoolKinds(2),
)
/**
 * The mean of each window of [batch, channels, D, H, W] or [channels, D, H, W], as {@link avgPool2d}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool3d.html
 * @example avgPool3d(zeros([2, 4, 8, 8, 8]), 2).shape // [2, 4, 4, 4, 4]
 */
export const avgPool3d: (x: Tensor, kernelSize: Triple, options?: AvgPoolOptions<Triple>) => Tensor = defineAvgPool<
  Triple,
  AvgPoolOptions<Triple>
>('avgPool3d', 3, avgPoolKinds(3))
