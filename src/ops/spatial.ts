/** @file What convolutions and pooling share: their options, the geometry of sliding windows, and the view of all windows with its adjoint. */
import { choice, type Kind, oneOf, type Shape, ShapeError, showShape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'

/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [height: number, width: number]

/** How windows of `kernel` elements slide over the last axes of an array; one entry for each of these axes. */
export interface Sliding {
  readonly kernel: readonly number[]
  readonly stride: readonly number[]
  readonly dilation: readonly number[]
  /** What is put in front of the array and behind it. */
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** Sliding windows over an array whose last axes are `size` long: there are `out` of them. */
export interface Windows extends Sliding {
  readonly size: Shape
  readonly out: Shape
}

const pairFrom = (least: number): Kind => {
  const one = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= least
  return {
    fits: `a whole number ≥ ${least}, or two of them [height, width]`,
    accepts: (x) => one(x) || (Array.isArray(x) && x.length === 2 && one(x[0]) && one(x[1])),
  }
}
/** One whole number ≥ 1, or two: a kernel, a stride, a dilation. */
export const PAIR: Kind = pairFrom(1)
/** One whole number ≥ 0, or two. */
export const PAIR_OR_ZERO: Kind = pairFrom(0)
/** What a convolution is padded by. */
export const PADDING: Kind = oneOf(PAIR_OR_ZERO, choice(['same', 'valid']))

/** Both numbers of a pair; the result is the caller's own, whatever becomes of `pair`. */
export const pairOf = (pair: Pair): readonly [number, number] => (typeof pair === 'number' ? [pair, pair] : [pair[0], pair[1]])

/** How many elements a window spans. */
const span = (s: Sliding, i: number): number => ((s.kernel[i] as number) - 1) * (s.dilation[i] as number) + 1

/** The windows that fit an array. @throws ShapeError where not even one does. */
export function fit(op: string, x: Tensor, sliding: Sliding): Windows {
  const size = x.shape.slice(x.ndim - sliding.kernel.length)
  const out = size.map((n, i) => {
    const padded = n + (sliding.before[i] as number) + (sliding.after[i] as number)
    const fits = Math.floor((padded - span(sliding, i)) / (sliding.stride[i] as number)) + 1
    if (fits < 1) {
      const wide = sliding.kernel.map((_, k) => span(sliding, k))
      throw new ShapeError(
        op,
        `the window is larger than the input: it spans ${showShape(wide)}, x is ${showShape(x.shape)} with ${showShape(size.map((v, k) => v + (sliding.before[k] as number) + (sliding.after[k] as number)))} after padding. Pad it, or take a smaller window`,
        [x.shape],
      )
    }
    return fits
  })
  return { ...sliding, size, out }
}

/** Gives [C, H, W] a batch of one. Returns the input and whether it had none. @throws ShapeError for another number of dims. */
export function batched(op: string, x: Tensor): boolean {
  if (x.ndim !== 3 && x.ndim !== 4)
    throw new ShapeError(
      op,
      `x must be [batch, channels, height, width] or [channels, height, width], got ${showShape(x.shape)}${x.ndim === 2 ? '. For one channel: x.unsqueeze(0)' : ''}`,
      [x.shape],
    )
  return x.ndim === 4
}

/** What an error adds for an image whose channels come last. */
export const channelsHint = (x: Tensor, channels: number): string =>
  x.shape.at(-1) === channels ? `. Channels come before height and width: x.permute(${x.ndim === 4 ? '0, 3, 1, 2' : '2, 0, 1'})` : ''

const zeros = (x: graph.Node, shape: Shape): graph.Node => graph.expand(graph.constant(0, x.dtype, x.placement), shape)

/** `x` with `before` and `after` zeros around its last axes. */
export function padNode(x: graph.Node, before: readonly number[], after: readonly number[]): graph.Node {
  const lead = x.shape.length - before.length
  const shape = x.shape.map((n, i) => (i < lead ? n : n + (before[i - lead] as number) + (after[i - lead] as number)))
  return graph.pad(x, [...x.shape.slice(0, lead).map(() => 0), ...before], shape)
}

/** The windows over [...lead, ...size] as [...lead, ...kernel, ...out]; `fill` stands in the padding. */
export function windowsNode(x: graph.Node, w: Windows, fill = 0): graph.Node {
  const rank = w.kernel.length
  const lead = x.shape.slice(0, x.shape.length - rank)
  const shape = [...lead, ...w.kernel, ...w.out]
  if (sizeOf(shape) === 0) return zeros(x, shape)
  let padded = padNode(x, w.before, w.after)
  if (fill !== 0 && padded !== x) {
    const inside = padNode(graph.expand(graph.constant(1, 'bool', x.placement), x.shape), w.before, w.after)
    padded = graph.where(inside, padded, fill)
  }
  const map = shape.slice(0, lead.length + rank).map((_, i) => {
    const d = i - lead.length
    if (d < 0) return { offset: 0, terms: [[i, 1] as const] }
    return { offset: 0, terms: [[i, w.dilation[d] as number] as const, [i + rank, w.stride[d] as number] as const] }
  })
  return graph.window(padded, map, shape)
}

/** Zeros at the end of the axes from `first` on, to `lengths`. */
function lengthen(x: graph.Node, first: number, lengths: readonly number[]): graph.Node {
  const shape = x.shape.map((n, i) => lengths[i - first] ?? n)
  return graph.pad(
    x,
    shape.map(() => 0),
    shape,
  )
}

/**
 * Adds up what stands in windows [...lead, ...kernel, ...out] where each element of [...lead, ...size] appears in them: the adjoint of {@link windowsNode}.
 * Every element gathers its own terms, so that the order of the sum is the same in every run.
 *
 * Along an axis, element u = h + before of the padded array lies at tap t of window o where o·stride + t·dilation = u. With u = q·stride + r and
 * dilation 1 these are t = r + j·stride, o = q − j. With both stride and dilation, zeros are put between windows, so that the stride becomes 1.
 */
export function foldNode(v: graph.Node, w: Windows): graph.Node {
  const rank = w.kernel.length
  const lead = v.shape.slice(0, v.shape.length - 2 * rank)
  const n = lead.length
  if (sizeOf(v.shape) === 0) return zeros(v, [...lead, ...w.size])
  const ones = w.kernel.map((_, d) => ((w.dilation[d] as number) === 1 ? (w.stride[d] as number) : 1))
  // [...lead, ...taps j, ...r, ...windows]: the taps of one remainder r are j apart
  const taps = w.kernel.map((k, d) => Math.ceil(k / (ones[d] as number)))
  const apart = w.kernel.map((_, d) => ((w.stride[d] as number) > 1 && ones[d] === 1 ? (w.stride[d] as number) : 1))
  const out = w.out.map((o, d) => o * (apart[d] as number))
  let x = v
  if (apart.some((s) => s > 1)) {
    // zeros between windows: [o] → [o, 1] → [o, stride] → [o · stride]
    x = graph.reshape(x, [...lead, ...w.kernel, ...w.out.flatMap((o) => [o, 1])])
    x = lengthen(
      x,
      n + rank,
      w.out.flatMap((o, d) => [o, apart[d] as number]),
    )
    x = graph.reshape(x, [...lead, ...w.kernel, ...out])
  }
  x = lengthen(
    x,
    n,
    taps.map((j, d) => j * (ones[d] as number)),
  )
  x = graph.reshape(x, [...lead, ...taps.flatMap((j, d) => [j, ones[d] as number]), ...out])
  const step = w.dilation.map((dilation, d) => (ones[d] === 1 ? dilation : 1))
  const reach = taps.map((j, d) => (j - 1) * (step[d] as number))
  x = padNode(x, reach, reach)
  // [...lead, (q, r)…, …j] reads tap (j, r) of window q − j·step
  const quotients = out.map((o, d) => o + (reach[d] as number))
  const shape = [...lead, ...quotients.flatMap((q, d) => [q, ones[d] as number]), ...taps]
  const pair = (d: number): number => n + 2 * d
  const tap = (d: number): number => n + 2 * rank + d
  const map: graph.WindowAxis[] = lead.map((_, i) => ({ offset: 0, terms: [[i, 1]] }))
  for (let d = 0; d < rank; d++) map.push({ offset: 0, terms: [[tap(d), 1]] }, { offset: 0, terms: [[pair(d) + 1, 1]] })
  for (let d = 0; d < rank; d++)
    map.push({
      offset: reach[d] as number,
      terms: [
        [pair(d), 1],
        [tap(d), -(step[d] as number)],
      ],
    })
  x = graph.window(x, map, shape)
  const many = taps.flatMap((j, d) => (j > 1 ? [tap(d)] : []))
  x = graph.reduce('sum', x, many)
  const whole = quotients.map((q, d) => q * (ones[d] as number))
  x = graph.reshape(x, [...lead, ...whole])
  const needed = w.size.map((size, d) => size + (w.before[d] as number))
  x = lengthen(
    x,
    n,
    whole.map((length, d) => Math.max(length, needed[d] as number)),
  )
  return graph.slice(x, [...lead.map(() => 0), ...w.before], [...lead, ...w.size])
}

interface WindowsParams extends Windows {
  /** What stands in the padding. */
  readonly fill: number
}

/** [...lead, ...size] → [...lead, ...kernel, ...out]: the element at each tap of each window. */
export const windows: (x: Tensor, p: WindowsParams) => Tensor = defineOp('windows', {
  inputs: ['x'],
  virtual: true,
  forward: (x, p: WindowsParams) => windowsNode(x, p, p.fill),
  vjp: { x: (g, _, p) => fold(g, p) },
  half: 'keep',
})

/** [...lead, ...kernel, ...out] → [...lead, ...size]: each element's sum over the windows that it lies in. */
export const fold: (v: Tensor, p: WindowsParams) => Tensor = defineOp('foldWindows', {
  inputs: ['v'],
  forward: (v, p: WindowsParams) => foldNode(v, p),
  vjp: { v: (g, _, p) => windows(g, { ...p, fill: 0 }) },
})
