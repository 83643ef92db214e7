/**
 * @file Weighted sums of chosen positions along an axis: what resizing and pooling of uneven windows are, axis by axis. The adjoint is another such sum, so every
 * element gathers its own terms, in a fixed order, and second gradients come by themselves.
 */
import { type Shape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'

/** Of which positions of an axis each position of the resampled axis is a sum. */
export interface Taps {
  /** How long the axis is that they are positions of. */
  readonly from: number
  /** For each position of the result, those it takes; fewer than others, or none, are fine. */
  readonly positions: readonly (readonly number[])[]
  /** What each is multiplied by: 1 where there are none. */
  readonly weights?: readonly (readonly number[])[] | undefined
}

/** The taps along one dim. */
export interface Resampling {
  readonly dim: number
  readonly taps: Taps
}

/** The taps of the way back: each position of the axis takes what it gave, as often as it did. */
function adjoint({ from, positions, weights }: Taps): Taps {
  const back: number[][] = Array.from({ length: from }, () => [])
  const backWeights: number[][] = Array.from({ length: from }, () => [])
  positions.forEach((list, i) => {
    list.forEach((j, t) => {
      back[j]?.push(i)
      if (weights) backWeights[j]?.push(weights[i]?.[t] as number)
    })
  })
  return { from: positions.length, positions: back, weights: weights && backWeights }
}

/** [..., n, ...] as [before, n, behind]. */
const around = (shape: Shape, dim: number): readonly [before: number, behind: number] => [
  sizeOf(shape.slice(0, dim)),
  sizeOf(shape.slice(dim + 1)),
]

/** Taps that are no more than views and sums: each element repeated, neighbours added up, every k-th element. */
function regular(x: graph.Node, { from, positions, weights }: Taps): graph.Node | undefined {
  if (weights) return undefined
  const [before, , behind] = x.shape as readonly [number, number, number]
  const n = positions.length
  const each = positions[0]?.length as number
  if (positions.some((list) => list.length !== each)) return undefined
  if (each * n === from && positions.every((list, i) => list.every((j, t) => j === i * each + t)))
    return graph.reduce('sum', graph.reshape(x, [before, n, each, behind]), [2])
  if (each !== 1) return undefined
  const at = positions.map((list) => list[0] as number)
  const times = n / from
  if (Number.isInteger(times) && at.every((j, i) => j === Math.floor(i / times)))
    return graph.reshape(graph.expand(graph.reshape(x, [before, from, 1, behind]), [before, from, times, behind]), [before, n, behind])
  const step = n > 1 ? (at[1] as number) - (at[0] as number) : 1
  if (step > 0 && at.every((j, i) => j === (at[0] as number) + i * step))
    return graph.slice(x, [0, at[0] as number, 0], [before, n, behind], [1, step, 1])
  return undefined
}

/** The sums of `x` [before, from, behind] at any taps. */
function irregular(x: graph.Node, { positions, weights }: Taps): graph.Node {
  const [before, , behind] = x.shape as readonly [number, number, number]
  const n = positions.length
  const most = Math.max(...positions.map((list) => list.length))
  const spread = <T extends Int32Array | Float32Array | Float64Array>(into: T, rows: readonly (readonly number[])[]): T => {
    rows.forEach((list, i) => {
      into.set(list, i * most)
    })
    return into
  }
  const index = graph.leaf(spread(new Int32Array(n * most), positions), [1, n * most, 1], 'int32', x.placement)
  let terms = graph.reshape(graph.gather(x, 1, graph.expand(index, [before, n * most, behind]), 'resample'), [before, n, most, behind])
  if (weights) {
    const values = spread(x.dtype === 'float64' ? new Float64Array(n * most) : new Float32Array(n * most), weights)
    terms = graph.binary('mul', terms, graph.leaf(values, [n, most, 1], x.dtype, x.placement))
  }
  if (positions.some((list) => list.length < most)) {
    // What stands at a position that is no tap may be infinite
    const lengths = graph.leaf(
      Int32Array.from(positions, (list) => list.length),
      [n, 1, 1],
      'int32',
      x.placement,
    )
    terms = graph.where(graph.binary('lt', graph.reshape(graph.iota(most, x.placement), [most, 1]), lengths), terms, 0)
  }
  return most === 1 ? graph.reshape(terms, [before, n, behind]) : graph.reduce('sum', terms, [2])
}

/** `x` resampled along one dim. */
function along(x: graph.Node, { dim, taps }: Resampling): graph.Node {
  const shape = x.shape.with(dim, taps.positions.length)
  if (sizeOf(shape) === 0 || taps.positions.every((list) => list.length === 0))
    return graph.expand(graph.constant(0, x.dtype, x.placement), shape)
  const [before, behind] = around(x.shape, dim)
  const flat = graph.reshape(x, [before, taps.from, behind])
  return graph.reshape(regular(flat, taps) ?? irregular(flat, taps), shape)
}

/** The sums that the taps say, of floats: along one dim after the other. */
export const resample: (x: Tensor, dims: readonly Resampling[]) => Tensor = defineOp('resample', {
  inputs: ['x'],
  forward: (x, dims: readonly Resampling[]) => dims.reduce(along, x),
  vjp: { x: (g, _, dims) => resample(g, dims.map(({ dim, taps }) => ({ dim, taps: adjoint(taps) })).reverse()) },
})
