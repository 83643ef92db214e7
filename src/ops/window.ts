/** @file `x.unfold(dim, size, step)`: the windows along a dim, as a view. (`nn.functional.unfold` is another function: im2col.) */
import { COUNT, normalizeDim, type Shape, ShapeError, showShape, signature, underName, whole } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, TENSOR, Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'
import { where } from './elementwise.ts'
import { foldWindows } from './spatial.ts'
import { permute, reshapeTo } from './view.ts'

/** Windows of `size` elements along `dim`, of which each begins `step` behind the one before. */
interface UnfoldParams {
  readonly dim: number
  readonly size: number
  readonly step: number
}

const countOf = ({ dim, size, step }: UnfoldParams, shape: Shape): number => Math.floor(((shape[dim] as number) - size) / step) + 1

const windowsAlong: (x: Tensor, p: UnfoldParams) => Tensor = defineOp('unfoldDim', {
  inputs: ['x'],
  view: {
    write: (base, value, p, shape) => where(isCovered(value._node.placement, p, shape), foldAlong(value, p, shape), base()),
    overlaps: (_, __, { size, step }) => size > step,
    strides: (of, _, __, { dim, step }) => [...of.with(dim, (of[dim] as number) * step), of[dim] as number],
  },
  forward: (x, p: UnfoldParams) => {
    const last = x.shape.length
    const map = x.shape.map(
      (_, d): graph.WindowAxis =>
        d === p.dim
          ? {
              offset: 0,
              terms: [
                [d, p.step],
                [last, 1],
              ],
            }
          : { offset: 0, terms: [[d, 1]] },
    )
    return graph.window(x, map, [...x.shape.with(p.dim, countOf(p, x.shape)), p.size])
  },
  vjp: { x: (g, { shape }, p) => foldAlong(g, p, shape) },
})

/** Each element's sum over the windows, [..., count, ..., size], that it lies in. */
function foldAlong(v: Tensor, p: UnfoldParams, shape: Shape): Tensor {
  const { dim, size, step } = p
  const others = [...shape.keys()].filter((d) => d !== dim)
  const windows = permute(v, [...others, shape.length, dim])
  const sums = foldWindows(windows, {
    kernel: [size],
    stride: [step],
    dilation: [1],
    before: [0],
    after: [0],
    size: [shape[dim] as number],
    out: [countOf(p, shape)],
    fill: 0,
  })
  const order = [...others, dim]
  return permute(
    sums,
    [...shape.keys()].map((d) => order.indexOf(d)),
  )
}

/** Which elements lie in a window, where windows do not overlap. */
function isCovered(placement: graph.NodePlace, p: UnfoldParams, shape: Shape): Tensor {
  const { dim, size, step } = p
  const n = shape[dim] as number
  const along = graph.iota(n, placement)
  const steps = (value: number): graph.Node => graph.scalar(value, 'int32')
  const inWindow = graph.binary('lt', graph.binary('mod', along, steps(step)), steps(size))
  const inside = graph.binary('and', inWindow, graph.binary('lt', along, steps(countOf(p, shape) * step)))
  return new Tensor(
    graph.reshape(
      inside,
      shape.map((s, d) => (d === dim ? s : 1)),
    ),
  )
}

const UNFOLD = signature('unfold', { x: TENSOR, dim: DIM, size: COUNT, step: whole(1) })

/**
 * All windows of `size` elements along `dim`, `step` apart: a view.
 * @returns the shape of `x` with the number of windows along `dim`, and `size` as its last dim
 * @throws ShapeError for a window longer than the dim.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.unfold.html
 * @example arange(7).unfold(0, 3, 2).shape // [3, 3]
 */
export function unfoldDim(x: Tensor, dim: number, size: number, step: number): Tensor {
  UNFOLD.check(x, dim, size, step)
  return underName('unfold', () => {
    const d = normalizeDim('unfold', dim, x.ndim)
    if (size > (x.shape[d] ?? 1))
      throw new ShapeError('unfold', `a window of ${size} is longer than dim ${d} of ${showShape(x.shape)} (size ${x.shape[d] ?? 1})`, [
        x.shape,
      ])
    if (x.ndim > 0) return windowsAlong(x, { dim: d, size, step })
    return reshapeTo(windowsAlong(reshapeTo(x, [1]), { dim: 0, size, step }), [size])
  })
}
