/** @file What convolutions and pooling share: their options, the geometry of sliding windows, and the view of all windows with its adjoint. */
import { checkElements, choice, type Kind, oneOf, type Shape, ShapeError, showShape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'

/** A size along one axis: a number, or a list of one. */
export type Single = number | readonly [length: number]
/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [height: number, width: number]
/** One number for all three axes, or [depth, height, width]. */
export type Triple = number | readonly [depth: number, height: number, width: number]
/** One number for all axes, or one for each. */
export type Sizes = Single | Pair | Triple
/** How many axes windows go over. */
export type Rank = 1 | 2 | 3

/** What the axes are called, by how many there are. */
export const AXES: Readonly<Record<Rank, readonly string[]>> = { 1: ['length'], 2: ['height', 'width'], 3: ['depth', 'height', 'width'] }

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

const COUNTED: Readonly<Record<Rank, string>> = { 1: 'a list of one', 2: 'two of them', 3: 'three of them' }

/** One thing for all axes, or one for each; `fits` says what one is. */
export function eachAxis(rank: Rank, fits: string, one: (x: unknown) => boolean): Kind {
  return {
    fits: `${fits}, or ${COUNTED[rank]} [${AXES[rank].join(', ')}]`,
    accepts(x) {
      if (!Array.isArray(x)) return one(x)
      // (not by every(), which passes over holes)
      for (let i = 0; i < x.length; i++) if (!one(x[i])) return false
      return x.length === rank
    },
  }
}

const sizesFrom = (rank: Rank, least: number): Kind =>
  eachAxis(rank, `a whole number ≥ ${least}`, (n) => Number.isSafeInteger(n) && (n as number) >= least)

/** One whole number ≥ 1, or one for each axis: a kernel, a stride, a dilation. */
export const SIZES: Readonly<Record<Rank, Kind>> = { 1: sizesFrom(1, 1), 2: sizesFrom(2, 1), 3: sizesFrom(3, 1) }
/** One whole number ≥ 0, or one for each axis. */
export const SIZES_OR_ZERO: Readonly<Record<Rank, Kind>> = { 1: sizesFrom(1, 0), 2: sizesFrom(2, 0), 3: sizesFrom(3, 0) }
/** {@link SIZES} of two axes. */
export const PAIR: Kind = SIZES[2]
/** What a convolution is padded by. */
export const paddingKind = (rank: Rank): Kind => oneOf(SIZES_OR_ZERO[rank], choice(['same', 'valid']))

/** A number for each axis; the result is the caller's own, whatever becomes of `sizes`. */
export const sizesOf = (sizes: Sizes, rank: Rank): readonly number[] =>
  typeof sizes === 'number' ? new Array<number>(rank).fill(sizes) : [...sizes]

/** Both numbers of a pair, as {@link sizesOf}. */
export const pairOf = (pair: Pair): readonly [number, number] => (typeof pair === 'number' ? [pair, pair] : [pair[0], pair[1]])

/** How many elements a window spans. */
const span = (s: Sliding, i: number): number => ((s.kernel[i] as number) - 1) * (s.dilation[i] as number) + 1

/** The windows that fit the last axes of an array of this shape. @throws ShapeError where not even one does. */
export function fit(op: string, shape: Shape, sliding: Sliding): Windows {
  const size = shape.slice(shape.length - sliding.kernel.length)
  const out = size.map((n, i) => {
    const padded = n + (sliding.before[i] as number) + (sliding.after[i] as number)
    const fits = Math.floor((padded - span(sliding, i)) / (sliding.stride[i] as number)) + 1
    if (fits < 1) {
      const wide = sliding.kernel.map((_, k) => span(sliding, k))
      throw new ShapeError(
        op,
        `the window is larger than the input: it spans ${showShape(wide)}, x is ${showShape(shape)} with ${showShape(size.map((v, k) => v + (sliding.before[k] as number) + (sliding.after[k] as number)))} after padding. Pad it, or take a smaller window`,
        [shape],
      )
    }
    return fits
  })
  // What is padded is an array of its own
  checkElements(op, [
    ...shape.slice(0, shape.length - size.length),
    ...size.map((n, i) => n + (sliding.before[i] as number) + (sliding.after[i] as number)),
  ])
  return settled({ ...sliding, size, out })
}

/** The same windows, without what no element depends on: the stride of a lone window, the dilation of a lone tap. */
export const settled = (w: Windows): Windows => ({
  ...w,
  stride: w.stride.map((s, d) => (w.out[d] === 1 ? 1 : s)),
  dilation: w.dilation.map((s, d) => (w.kernel[d] === 1 ? 1 : s)),
})

/** Whether x [batch, channels, ...axes] has a batch. @throws ShapeError for another number of dims than that, or than without the batch. */
export function batched(op: string, x: Tensor, rank: Rank): boolean {
  const { ndim } = x
  if (ndim === rank + 2) return true
  if (ndim === rank + 1) return false
  const axes = AXES[rank].join(', ')
  const hint = ndim === rank ? '. For one channel: x.unsqueeze(0)' : ''
  throw new ShapeError(op, `x must be [batch, channels, ${axes}] or [channels, ${axes}], got ${showShape(x.shape)}${hint}`, [x.shape])
}

/** What an error adds for an input whose channels come last. */
export function channelsHint(x: Tensor, channels: number, rank: Rank): string {
  if (x.shape.at(-1) !== channels) return ''
  const { ndim } = x
  const first = ndim - 1 - rank
  const order = [...x.shape.keys()].map((d) => (d < first ? d : d === first ? ndim - 1 : d - 1))
  return `. Channels come before ${AXES[rank].join(' and ')}: x.permute(${order.join(', ')})`
}

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

/** What {@link windows} and {@link foldWindows} take. */
export interface WindowsParams extends Windows {
  /** What stands in the padding. */
  readonly fill: number
}

/** [...lead, ...size] → [...lead, ...kernel, ...out]: the element at each tap of each window. */
export const windows: (x: Tensor, p: WindowsParams) => Tensor = defineOp('windows', {
  inputs: ['x'],
  virtual: true,
  forward: (x, p: WindowsParams) => windowsNode(x, p, p.fill),
  vjp: { x: (g, _, p) => foldWindows(g, p) },
  half: 'keep',
})

/** [...lead, ...kernel, ...out] → [...lead, ...size]: each element's sum over the windows that it lies in. */
export const foldWindows: (v: Tensor, p: WindowsParams) => Tensor = defineOp('foldWindows', {
  inputs: ['v'],
  forward: (v, p: WindowsParams) => foldNode(v, p),
  vjp: { v: (g, _, p) => windows(g, { ...p, fill: 0 }) },
})
