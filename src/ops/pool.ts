/** @file Pooling over windows of the last two axes. Gradients gather: each input element looks at the windows that it lies in, so sums have one order. */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  type Kind,
  nullable,
  onesAt,
  optional,
  type Shape,
  showShape,
  signature,
  sizeOf,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { defineComposition, defineOp } from './define.ts'
import { div, mul, where } from './elementwise.ts'
import { argmaxOver, type ValuesIndices, valuesIndices } from './extremes.ts'
import { ownShape } from './indexing.ts'
import { checkFloat, lit } from './promote.ts'
import { sum } from './reduce.ts'
import { batched, fit, PAIR, PAIR_OR_ZERO, type Pair, pairOf, type Windows, windows } from './spatial.ts'
import { reshape } from './view.ts'

/** How windows go over the input. */
export interface PoolOptions {
  /** From window to window; by default the kernel size, so that windows lie side by side. */
  readonly stride?: Pair | null
  /** Around the input; at most half the kernel size. */
  readonly padding?: Pair
  /** Counts a last window that begins in the input (or the padding before it) though it goes past the end. */
  readonly ceilMode?: boolean
}

/** Options of {@link maxPool2d}. */
export interface MaxPoolOptions extends PoolOptions {
  /** From tap to tap of a window: 1 by default. */
  readonly dilation?: Pair
  /** Returns the positions too, row-major in each [H, W] (int32). */
  readonly returnIndices?: boolean
}

/** Options of {@link avgPool2d}. */
export interface AvgPoolOptions extends PoolOptions {
  /** Divides by the window's size also where it lies over the padding (default). */
  readonly countIncludePad?: boolean
  /** Divides by this instead. */
  readonly divisorOverride?: number | null
}

const POOL = { stride: nullable(PAIR), padding: PAIR_OR_ZERO, ceilMode: BOOLEAN } as const
const DIVISOR: Kind = nullable({ fits: 'a finite number other than 0', accepts: (x) => Number.isFinite(x) && x !== 0 })
/** The kinds of {@link MaxPoolOptions} and of {@link AvgPoolOptions}. */
export const MAX_POOL = { ...POOL, dilation: PAIR, returnIndices: BOOLEAN } as const
export const AVG_POOL = { ...POOL, countIncludePad: BOOLEAN, divisorOverride: DIVISOR } as const
const MAX_POOL2D = signature('maxPool2d', { x: TENSOR, kernelSize: PAIR, options: optional(describe<MaxPoolOptions>(MAX_POOL)) })
const AVG_POOL2D = signature('avgPool2d', { x: TENSOR, kernelSize: PAIR, options: optional(describe<AvgPoolOptions>(AVG_POOL)) })

/** A window must not lie in the padding alone. */
export function checkPadding(op: string, padding: readonly number[], kernel: readonly number[]): void {
  if (padding.some((p, i) => 2 * p > (kernel[i] as number)))
    throw new ArgumentError(
      op,
      `padding must be at most half of the kernel size: padding is ${showShape(padding)}, the kernel ${showShape(kernel)}`,
    )
}

/** The windows of a pooling. What ceilMode adds behind is counted in `after`. */
function poolWindows(op: string, x: Tensor, kernelSize: Pair, options: PoolOptions & { readonly dilation?: Pair }): Windows {
  const kernel = pairOf(kernelSize)
  const stride = pairOf(options.stride ?? kernel)
  const dilation = pairOf(options.dilation ?? 1)
  const padding = pairOf(options.padding ?? 0)
  checkPadding(op, padding, kernel)
  const sliding = { kernel, stride, dilation, before: padding, after: padding }
  if (!options.ceilMode) return fit(op, x, sliding)
  const size = x.shape.slice(-2)
  const after = size.map((n, i) => {
    const [k, s, d, p] = [kernel[i], stride[i], dilation[i], padding[i]] as readonly number[] as [number, number, number, number]
    const span = (k - 1) * d + 1
    let out = Math.max(1, Math.ceil((n + 2 * p - span) / s) + 1)
    if ((out - 1) * s >= n + p) out--
    return Math.max(p, (out - 1) * s + span - n - p)
  })
  return fit(op, x, { ...sliding, after })
}

const TAPS = [-4, -3]
/** The dims of the taps in [..., kh, kw, oh, ow]. */
const tapDims = (x: Tensor) => {
  const dims = TAPS.map((d) => x.ndim + d)
  return { dims, kept: onesAt(x.shape, dims), keepdim: false }
}

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
      const tap = new Tensor(graph.reshape(graph.iota(sizeOf(taps), g._node.placement), [...taps, 1, 1]))
      return where(eq(tap, reshape(index, p.kept)), reshape(g, p.kept), lit(0, g))
    },
    index: 'none',
  },
  half: 'keep',
})

/** Where each window begins along an axis, negative in the padding: [out] in `shape`. */
function startsOf(w: Windows, d: number, shape: Shape, placement: graph.NodePlace): graph.Node {
  const along = graph.reshape(graph.iota(w.out[d] as number, placement), shape)
  return graph.binary('sub', graph.binary('mul', along, w.stride[d] as number), w.before[d] as number)
}

/** The first tap of each window that lies behind the padding in front, [oh, ow]. */
function firstTaps(w: Windows, placement: graph.NodePlace): graph.Node {
  const [oh, ow] = w.out as readonly [number, number]
  const first = (d: number, shape: Shape): graph.Node => {
    const dilation = w.dilation[d] as number
    const outside = graph.binary('max', graph.binary('sub', 0, startsOf(w, d, shape, placement)), 0)
    return graph.binary('div', graph.binary('add', outside, dilation - 1), dilation)
  }
  return graph.binary('add', graph.binary('mul', first(0, [oh, 1]), w.kernel[1] as number), first(1, [1, ow]))
}

function largest(x: Tensor, w: Windows): { values: Tensor; taps: Tensor } {
  const views = windows(x, { ...w, fill: Number.NEGATIVE_INFINITY })
  const p = tapDims(views)
  let taps = argmaxOver(views, p)
  // Where all of a window is -Infinity, the padding in front of it is no smaller and comes first; any other tap found lies behind the first within.
  if (w.before.some((n) => n > 0)) taps = new Tensor(graph.binary('max', taps._node, firstTaps(w, taps._node.placement)))
  return { values: windowMax(views, taps, p), taps }
}

const pooledMax = defineComposition('maxPool2d', (x: Tensor, w: Windows) => largest(x, w).values, {
  half: 'keep',
})

/** Where the largest of each window stands in [H, W]. */
function positionsOf(taps: Tensor, w: Windows): Tensor {
  const [, kw] = w.kernel as readonly [number, number]
  const node = taps._node
  const row = graph.binary('div', node, kw)
  const column = graph.binary('sub', node, graph.binary('mul', row, kw))
  const along = (tap: graph.Node, d: number, shape: Shape): graph.Node =>
    graph.binary('add', startsOf(w, d, shape, node.placement), graph.binary('mul', tap, w.dilation[d] as number))
  const [oh, ow] = w.out as readonly [number, number]
  const line = graph.binary('mul', along(row, 0, [oh, 1]), w.size[1] as number)
  return new Tensor(graph.binary('add', line, along(column, 1, [1, ow])))
}

/** The forms of {@link maxPool2d}. */
export interface MaxPool2dFunction {
  (x: Tensor, kernelSize: Pair, options?: MaxPoolOptions & { readonly returnIndices?: false }): Tensor
  (x: Tensor, kernelSize: Pair, options: MaxPoolOptions & { readonly returnIndices: true }): ValuesIndices
  (x: Tensor, kernelSize: Pair, options?: MaxPoolOptions): Tensor | ValuesIndices
}

/**
 * The largest of each window; NaN counts as the largest, padding never. The gradient goes to the first such in the window.
 * @param x [batch, channels, H, W] or [channels, H, W]
 * @param kernelSize of the window: one number or [height, width]
 * @returns [batch, channels, ⌊(H + 2 · padding − dilation · (height − 1) − 1) / stride⌋ + 1, …] (⌈ ⌉ under ceilMode); with `returnIndices` { values, indices }
 * @throws ShapeError when the window is larger than the padded input; ArgumentError for padding beyond half the kernel.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
 * @example maxPool2d(zeros([8, 16, 28, 28]), 2).shape // [8, 16, 14, 14]
 */
export const maxPool2d = ((x: Tensor, kernelSize: Pair, options: MaxPoolOptions = {}): Tensor | ValuesIndices => {
  const op = 'maxPool2d'
  MAX_POOL2D.check(x, kernelSize, options)
  const hasBatch = batched(op, x)
  checkFloat(op, 'x', x)
  const w = poolWindows(op, x, kernelSize, options)
  if (!options.returnIndices) return pooledMax(x, w)
  const { values, taps } = largest(x, w)
  const indices = positionsOf(taps, w)
  return valuesIndices(values, hasBatch ? indices : ownShape(indices, values.shape))
}) as MaxPool2dFunction

/** By how many elements each window is divided, along one axis: those within the input, or also those of the padding. */
function counts(w: Windows, d: number, padding: number, includePad: boolean): number[] {
  const [k, s, size] = [w.kernel[d], w.stride[d], w.size[d]] as readonly number[] as [number, number, number]
  return Array.from({ length: w.out[d] as number }, (_, o) => {
    const start = o * s - padding
    const [low, high] = includePad ? [start, size + padding] : [Math.max(0, start), size]
    return Math.min(start + k, high) - low
  })
}

/**
 * The mean of each window.
 * @param x [batch, channels, H, W] or [channels, H, W]
 * @param kernelSize of the window: one number or [height, width]
 * @returns [batch, channels, ⌊(H + 2 · padding − height) / stride⌋ + 1, …] (⌈ ⌉ under ceilMode)
 * @throws ShapeError when the window is larger than the padded input; ArgumentError for padding beyond half the kernel.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
 * @example avgPool2d(zeros([8, 16, 28, 28]), 2).shape // [8, 16, 14, 14]
 */
export const avgPool2d: (x: Tensor, kernelSize: Pair, options?: AvgPoolOptions) => Tensor = defineComposition(
  'avgPool2d',
  (x: Tensor, kernelSize: Pair, options: AvgPoolOptions = {}) => {
    const op = 'avgPool2d'
    AVG_POOL2D.check(x, kernelSize, options)
    batched(op, x)
    checkFloat(op, 'x', x)
    const override = options.divisorOverride ?? undefined
    const w = poolWindows(op, x, kernelSize, options)
    const sums = sum(windows(x, { ...w, fill: 0 }), TAPS)
    if (override !== undefined) return div(sums, override)
    const padding = pairOf(options.padding ?? 0)
    const [rows, columns] = [0, 1].map((d) => counts(w, d, padding[d] as number, options.countIncludePad ?? true)) as [number[], number[]]
    const [first, second] = [rows[0] as number, columns[0] as number]
    if (rows.every((n) => n === first) && columns.every((n) => n === second)) return div(sums, first * second)
    const column = (list: readonly number[], shape: readonly number[]): Tensor =>
      cast(new Tensor(graph.leaf(Float32Array.from(list), shape, 'float32', x._node.placement)), x.dtype)
    return div(sums, mul(column(rows, [rows.length, 1]), column(columns, [1, columns.length])))
  },
)
