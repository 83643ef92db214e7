/**
 * @file Convolutions. One trilinear form, Σ x · w · y over all windows, gives all three ops: each takes two of (input, weight, output) to the third,
 * and is the gradient of the others; so second gradients come by themselves. Each is one contraction over several axes of views, no windows are copied.
 */
import {
  ArgumentError,
  type DType,
  options as describe,
  isPlainObject,
  type Options,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { MAYBE_TENSOR, TENSOR, type Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { add } from './elementwise.ts'
import { ownShape } from './indexing.ts'
import { checkFloat, commonType } from './promote.ts'
import { batched, channelsHint, fit, PADDING, PAIR, type Pair, padNode, pairOf, type Windows, windowsNode } from './spatial.ts'
import { reshape } from './view.ts'

/** How a convolution goes over its input. */
export interface ConvOptions {
  /** From window to window: 1 by default. */
  readonly stride?: Pair
  /** Zeros around the input; 'same' (stride 1 only) gives the output the input's size, 'valid' is 0. */
  readonly padding?: Pair | 'same' | 'valid'
  /** From tap to tap of a window: 1 by default. */
  readonly dilation?: Pair
  /** Channels fall into so many groups that see only themselves; with as many as channels it is depthwise. 1 by default. */
  readonly groups?: number
}

interface ConvParams extends Windows {
  readonly groups: number
}
type Bilinear = (a: Tensor, b: Tensor, p: ConvParams) => Tensor

const contractZeros = (a: graph.Node, b: graph.Node, shape: Shape): graph.Node =>
  graph.expand(graph.constant(0, a.dtype, a.placement === 'auto' ? b.placement : a.placement), shape)

/** [batch, g · c, ...rest] → [batch, g, c, ...rest] */
const grouped = (x: graph.Node, groups: number): graph.Node =>
  graph.reshape(x, [x.shape[0] as number, groups, (x.shape[1] as number) / groups, ...x.shape.slice(2)])

/** [g · o, c, ...kernel] → [g, o, c, ...kernel] */
const groupedWeight = (w: graph.Node, groups: number): graph.Node =>
  graph.reshape(w, [groups, (w.shape[0] as number) / groups, ...w.shape.slice(1)])

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

const convolution: Bilinear = defineOp('convolution', {
  autocast: 'lower',
  inputs: ['x', 'w'],
  forward: (x, w, p: ConvParams) => {
    const shape = [x.shape[0] as number, w.shape[0] as number, ...p.out]
    if (sizeOf(shape) === 0 || sizeOf(w.shape) === 0) return contractZeros(x, w, shape)
    const rank = p.out.length
    // [g, o, c, ...taps] · [n, g, c, ...taps, ...out]
    const y = graph.contract(groupedWeight(w, p.groups), windowsNode(grouped(x, p.groups), p), { m: 1, n: rank, k: 1 + rank })
    return graph.reshape(y, shape)
  },
  saves: { x: ['w'], w: ['x'] },
  vjp: { x: (g, { w }, p) => convolutionInput(g, w, p), w: (g, { x }, p) => convolutionWeight(x, g, p) },
})

const convolutionWeight: Bilinear = defineOp('convolutionWeight', {
  autocast: 'lower',
  inputs: ['x', 'out'],
  forward: (x, y, p: ConvParams) => {
    const shape = [y.shape[1] as number, (x.shape[1] as number) / p.groups, ...p.kernel]
    if (sizeOf(shape) === 0 || sizeOf(y.shape) === 0) return contractZeros(x, y, shape)
    const rank = p.out.length
    const views = windowsNode(grouped(x, p.groups), p) // [n, g, c, ...taps, ...out]
    const b = graph.permute(views, [1, 0, ...range(3 + rank, 3 + 2 * rank), 2, ...range(3, 3 + rank)])
    const a = graph.permute(grouped(y, p.groups), [1, 2, 0, ...range(3, 3 + rank)])
    return graph.reshape(graph.contract(a, b, { m: 1, n: 1 + rank, k: 1 + rank }), shape)
  },
  saves: { x: ['out'], out: ['x'] },
  vjp: { x: (g, { out }, p) => convolutionInput(out, g, p), out: (g, { x }, p) => convolution(x, g, p) },
})

/** One remainder of the input's positions by the stride, along one axis: the taps that reach it, and the outputs that they take. */
interface Phase {
  /** Of the position in the padded input. */
  readonly remainder: number
  /** Quotients from here on, and how many. */
  readonly from: number
  readonly count: number
  readonly firstTap: number
  readonly tapStep: number
  readonly taps: number
  /** The output that quotient 0 takes at its first tap; each further tap takes one that lies `dilation` before. */
  readonly output: number
  readonly dilation: number
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/**
 * Position u = h + before of the padded input gets from output o through tap t where o·stride + t·dilation = u. For the u = q·stride + r of one r, these taps
 * are an arithmetic progression, and o = q + const − j·(dilation / gcd): a convolution with stride 1. So no product with an inserted zero is computed.
 */
function phasesOf(p: ConvParams, d: number): Phase[] {
  const [stride, dilation, kernel] = [p.stride[d] as number, p.dilation[d] as number, p.kernel[d] as number]
  const [before, size] = [p.before[d] as number, p.size[d] as number]
  const shared = gcd(stride, dilation)
  const tapStep = stride / shared
  return range(0, stride).map((remainder) => {
    const from = Math.ceil((before - remainder) / stride)
    const count = Math.max(0, Math.floor((before + size - 1 - remainder) / stride) - from + 1)
    const first = range(0, Math.min(kernel, tapStep)).find((t) => (remainder - t * dilation) % stride === 0)
    const firstTap = first ?? 0
    const taps = first === undefined ? 0 : Math.ceil((kernel - first) / tapStep)
    return {
      remainder,
      from,
      count,
      firstTap,
      tapStep,
      taps,
      output: (remainder - firstTap * dilation) / stride,
      dilation: dilation / shared,
    }
  })
}

/** The input's share of one phase (one per axis): [n, g, c, ...counts]. `y` has been padded by `before`. */
function phaseNode(y: graph.Node, w: graph.Node, phase: readonly Phase[], before: readonly number[]): graph.Node {
  const rank = phase.length
  const [n, g, o] = y.shape as readonly [number, number, number]
  const c = w.shape[2] as number
  const taps = phase.map((f) => f.taps)
  const counts = phase.map((f) => f.count)
  if (taps.some((t) => t === 0)) return contractZeros(y, w, [n, g, c, ...counts])
  const kernel = graph.slice(w, [0, 0, 0, ...phase.map((f) => f.firstTap)], [g, o, c, ...taps], [1, 1, 1, ...phase.map((f) => f.tapStep)])
  const map: graph.WindowAxis[] = [0, 1, 2].map((i) => ({ offset: 0, terms: [[i, 1]] }))
  phase.forEach((f, d) => {
    map.push({
      offset: f.from + f.output + (before[d] as number),
      terms: [
        [3 + d, -f.dilation],
        [3 + rank + d, 1],
      ],
    })
  })
  const views = graph.window(y, map, [n, g, o, ...taps, ...counts])
  return graph.contract(graph.permute(kernel, [0, 2, 1, ...range(3, 3 + rank)]), views, { m: 1, n: rank, k: 1 + rank })
}

/** All ways to take one of each list. */
const choices = <T>(lists: readonly (readonly T[])[]): T[][] =>
  lists.reduce<T[][]>((all, list) => all.flatMap((head) => list.map((item) => [...head, item])), [[]])

const convolutionInput: Bilinear = defineOp('convolutionInput', {
  autocast: 'lower',
  inputs: ['out', 'w'],
  forward: (y, w, p: ConvParams) => {
    const { groups, size } = p
    const rank = size.length
    const channels = groups * (w.shape[1] as number)
    const shape = [y.shape[0] as number, channels, ...size]
    if (sizeOf(shape) === 0 || sizeOf(y.shape) === 0 || sizeOf(w.shape) === 0) return contractZeros(y, w, shape)
    const axes = size.map((_, d) => phasesOf(p, d).filter((f) => f.count > 0))
    // One padded copy serves all phases
    const reaching = axes.map((list) => list.filter((f) => f.taps > 0))
    const before = reaching.map((list) => Math.max(0, ...list.map((f) => (f.taps - 1) * f.dilation - f.from - f.output)))
    const after = reaching.map((list, d) => Math.max(0, ...list.map((f) => f.from + f.count - 1 + f.output - (p.out[d] as number) + 1)))
    const padded = grouped(padNode(y, before, after), groups)
    const kernel = groupedWeight(w, groups)
    const flat = (x: graph.Node): graph.Node => graph.reshape(x, [shape[0] as number, channels, ...x.shape.slice(3)])
    if (p.stride.every((s) => s === 1))
      return flat(
        phaseNode(
          padded,
          kernel,
          axes.map((list) => list[0] as Phase),
          before,
        ),
      )
    // Position (q, r) of each axis comes from phase r
    const lowest = axes.map((list) => Math.min(...list.map((f) => f.from)))
    const length = axes.map((list, d) => Math.max(...list.map((f) => f.from + f.count)) - (lowest[d] as number))
    const all = [shape[0] as number, channels, ...length.flatMap((q, d) => [q, p.stride[d] as number])]
    const parts = choices(axes).map((phase) => {
      const x = flat(phaseNode(padded, kernel, phase, before))
      const lone = graph.reshape(x, [...x.shape.slice(0, 2), ...phase.flatMap((f) => [f.count, 1])])
      return graph.pad(lone, [0, 0, ...phase.flatMap((f, d) => [f.from - (lowest[d] as number), f.remainder])], all)
    })
    const sum = parts.reduce((x, part) => graph.binary('add', x, part))
    const whole = graph.reshape(sum, [...all.slice(0, 2), ...length.map((q, d) => q * (p.stride[d] as number))])
    return graph.slice(
      whole,
      [0, 0, ...range(0, rank).map((d) => (p.before[d] as number) - (lowest[d] as number) * (p.stride[d] as number))],
      shape,
    )
  },
  saves: { out: ['w'], w: ['out'] },
  vjp: { out: (g, { w }, p) => convolution(g, w, p), w: (g, { out }, p) => convolutionWeight(g, out, p) },
})

/** The kinds of {@link ConvOptions}. */
export const CONV = { stride: PAIR, padding: PADDING, dilation: PAIR, groups: whole(1) } as const
const CONV_OPTIONS: Options<ConvOptions> = describe<ConvOptions>(CONV)
const CONV2D = signature('conv2d', { x: TENSOR, weight: TENSOR, bias: MAYBE_TENSOR, options: optional(CONV_OPTIONS) })

/** Checks the channels of a convolution. */
function checkChannels(op: string, x: Tensor, weight: Tensor, bias: Tensor | null | undefined, groups: number): void {
  if (weight.ndim !== 4)
    throw new ShapeError(op, `weight must be [out, in / groups, height, width], got ${showShape(weight.shape)}`, [weight.shape])
  const [out, inner, ...kernel] = weight.shape as readonly number[] as [number, number, number, number]
  if (kernel.some((n) => n === 0)) throw new ShapeError(op, `the window is empty: weight is ${showShape(weight.shape)}`, [weight.shape])
  const channels = x.shape[x.ndim - 3] as number
  if (channels !== inner * groups) {
    throw new ShapeError(
      op,
      `channels differ: x is ${showShape(x.shape)} (channels ${channels}), weight is ${showShape(weight.shape)} (${inner}${groups > 1 ? ` · ${groups} groups = ${inner * groups}` : ''})${channelsHint(x, inner * groups)}`,
      [x.shape, weight.shape],
    )
  }
  if (out % groups !== 0)
    throw new ShapeError(op, `weight ${showShape(weight.shape)} has ${out} outputs, which do not divide into ${groups} groups`, [
      weight.shape,
    ])
  if (bias && (bias.ndim !== 1 || bias.shape[0] !== out))
    throw new ShapeError(op, `bias must be [${out}] for weight ${showShape(weight.shape)}, got ${showShape(bias.shape)}`, [
      bias.shape,
      weight.shape,
    ])
}

/** Zeros in front and behind. */
function paddingOf(
  op: string,
  padding: ConvOptions['padding'],
  sliding: { kernel: Shape; stride: Shape; dilation: Shape },
): [Shape, Shape] {
  const none = sliding.kernel.map(() => 0)
  if (padding === undefined || padding === 'valid') return [none, none]
  if (padding !== 'same') {
    const around = pairOf(padding)
    return [around, around]
  }
  if (sliding.stride.some((s) => s !== 1))
    throw new ArgumentError(op, `padding 'same' needs stride 1, got ${showShape(sliding.stride)}: give the padding as a number`)
  const total = sliding.kernel.map((k, d) => (k - 1) * (sliding.dilation[d] as number))
  const before = total.map((n) => Math.floor(n / 2))
  return [before, total.map((n, d) => n - (before[d] as number))]
}

/** The forms of {@link conv2d}. */
export interface Conv2dFunction {
  (x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor
  (x: Tensor, weight: Tensor, options: ConvOptions): Tensor
}

/**
 * Two-dimensional convolution (cross-correlation): y[n, o, i, j] = bias[o] + Σ over c, a, b of weight[o, c, a, b] ·
 * x[n, c, i · stride + a · dilation − padding, j · stride + b · dilation − padding]. Summed in float32 or wider.
 * @param x [batch, in, H, W] or [in, H, W]
 * @param weight [out, in / groups, height, width]
 * @param bias [out]; may be left out: `conv2d(x, weight, { padding: 1 })`
 * @returns [batch, out, ⌊(H + 2 · padding − dilation · (height − 1) − 1) / stride⌋ + 1, …]
 * @throws ShapeError when channels do not fit or the window is larger than the padded input; ArgumentError for other options.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
 * @example conv2d(zeros([8, 1, 28, 28]), zeros([16, 1, 3, 3]), null, { padding: 1 }).shape // [8, 16, 28, 28]
 */
export const conv2d: Conv2dFunction = defineComposition(
  'conv2d',
  (x: Tensor, weight: Tensor, third?: Tensor | null | ConvOptions, fourth?: ConvOptions) => {
    const op = 'conv2d'
    // Without a bias the options may come in its place
    const [bias, given] =
      fourth === undefined && isPlainObject(third) ? [undefined, third as ConvOptions] : [third as Tensor | null, fourth]
    CONV2D.check(x, weight, bias, given)
    const options = given ?? {}
    const hasBatch = batched(op, x)
    if (bias) checkFloat(op, 'bias', bias)
    checkDevices(op, ['x', 'weight', 'bias'], [x, weight, bias])
    const groups = options.groups ?? 1
    checkChannels(op, x, weight, bias, groups)
    const dtype: DType = commonType(x, weight)
    checkFloat(op, 'x', x)
    checkFloat(op, 'weight', weight)
    const sliding = {
      kernel: weight.shape.slice(2),
      stride: pairOf(options.stride ?? 1),
      dilation: pairOf(options.dilation ?? 1),
    }
    const [before, after] = paddingOf(op, options.padding, sliding)
    const p = { ...fit(op, x, { ...sliding, before, after }), groups }
    const input = hasBatch ? x : reshape(x, [1, ...x.shape])
    let y = convolution(cast(input, dtype), cast(weight, dtype), p)
    if (bias) y = add(y, reshape(bias, [bias.shape[0] as number, 1, 1]))
    return hasBatch ? y : ownShape(y, y.shape.slice(1))
  },
  { autocast: 'lower' },
)
