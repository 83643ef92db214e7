/**
 * @file Convolutions of any number of axes, as ops. One trilinear form, Σ x · w · y over all windows, gives all three: each takes two of (input, weight, output)
 * to the third, and is the gradient of the others; so second gradients come by themselves. Each is one contraction over several axes of views, no windows are
 * copied.
 */
import { type Shape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'
import { padNode, type Windows, windowsNode } from './spatial.ts'

/** How windows lie, and how many groups of channels there are. */
export interface ConvParams extends Windows {
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

/** [n, c, ...size] and the weight [o, c / groups, ...kernel] to [n, o, ...out]. */
export const convolution: Bilinear = defineOp('convolution', {
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

/** Input and output to the weight: the adjoint of {@link convolution} in its weight. */
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

/** The phases of an axis in the order in which the output begins with them. */
function inOutput(phases: readonly Phase[], p: ConvParams, d: number): Phase[] {
  const [stride, before] = [p.stride[d] as number, p.before[d] as number]
  const first = ({ remainder }: Phase): number => (((remainder - before) % stride) + stride) % stride
  return [...phases].sort((a, b) => first(a) - first(b))
}

/** Pieces of equal shape, one for each remainder of the positions of `shape` by the strides. They lie side by side in memory, and are read as what they are parts of. */
function interleaved(pieces: readonly graph.Node[], shape: Shape, stride: readonly number[]): graph.Node {
  const piece = (pieces[0] as graph.Node).shape
  const packed = graph.pack(pieces)
  const rows = graph.reshape(packed, [pieces.length, (packed.shape[0] as number) / pieces.length])
  const values = graph.slice(rows, [0, 0], [pieces.length, sizeOf(piece)])
  const rank = stride.length
  const apart = graph.reshape(values, [...stride, ...piece])
  return graph.reshape(graph.permute(apart, [rank, rank + 1, ...range(0, rank).flatMap((d) => [rank + 2 + d, d])]), shape)
}

/** [n, o, ...out] and the weight to [n, c, ...size]: the adjoint of {@link convolution} in its input, which is the transposed convolution. */
export const convolutionInput: Bilinear = defineOp('convolutionInput', {
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
    if (size.every((n, d) => n % (p.stride[d] as number) === 0)) {
      const inOrder = axes.map((list, d) => inOutput(list, p, d))
      return interleaved(
        choices(inOrder).map((phase) => flat(phaseNode(padded, kernel, phase, before))),
        shape,
        p.stride,
      )
    }
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
