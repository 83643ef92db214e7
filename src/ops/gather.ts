/**
 * @file Elements by position, and the way back: what elements are sent to a position is summed, in their order, without atomics. Each is the other's gradient.
 * Positions have been checked by the functions around these ops.
 */
import { type Shape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Joined } from '../kernel/index.ts'
import { Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'

/** Where {@link gatherAlong} looks. */
export interface GatherParams {
  readonly dim: number
  /** The op that an index error names. */
  readonly op: string
}

/** … and the shape of what it looks in. */
export interface ScatterParams extends GatherParams {
  readonly shape: Shape
}

const zeros = (like: graph.Node, shape: Shape): graph.Node => graph.expand(graph.constant(0, like.dtype, like.placement), shape)

/** Sizes of 1, but for `dim`. */
const onlyAlong = (ndim: number, dim: number, size: number): number[] => Array.from({ length: ndim }, (_, d) => (d === dim ? size : 1))

/** Whether each position along `dim` is that of `index`, of which there is one. */
const isAt = (index: graph.Node, dim: number, size: number): graph.Node =>
  graph.binary('eq', graph.reshape(graph.iota(size), onlyAlong(index.shape.length, dim, size)), index)

/** Of elements that are sent to rows, [n, features] and [n]: what each row receives, joined, and how many it receives. */
export function scattered(op: Joined, rows: number, targets: graph.Node, elements: graph.Node): [joined: graph.Node, counts: graph.Node] {
  return graph.routine({ kind: 'scatter', op, rows }, [targets, elements]) as [graph.Node, graph.Node]
}

/** The first output of {@link scattered}. */
export function joinedRows(op: Joined, rows: number, targets: graph.Node, elements: graph.Node): graph.Node {
  const [joined, counts] = scattered(op, rows, targets, elements)
  graph.forget(counts)
  return joined
}

/** Elements one by one, as the routine takes them. */
export const column = (x: graph.Node): graph.Node => graph.reshape(x, [sizeOf(x.shape), 1])

/** How often each of `bins` positions is in `index`, or the sums of `values` there. */
export function countsOf(index: Tensor, values: Tensor | undefined, bins: number): Tensor {
  const { placement } = index._node
  if (index.numel() === 0 || bins === 0) return new Tensor(graph.expand(graph.constant(0, values?.dtype ?? 'int32', placement), [bins]))
  if (values) return new Tensor(graph.reshape(joinedRows('sum', bins, index._node, column(values._node)), [bins]))
  const [joined, counts] = scattered('sum', bins, index._node, column(index._node))
  graph.forget(joined)
  return new Tensor(counts)
}

/** Row-major positions in `shape`, [n], to which elements go whose positions along `dim` are `index`. */
export function targetsOf(index: graph.Node, dim: number, shape: Shape): graph.Node {
  let target: graph.Node | undefined
  let stride = 1
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = index.shape[d] as number
    if (d === dim || size > 1) {
      const along = d === dim ? index : graph.reshape(graph.iota(size), onlyAlong(shape.length, d, size))
      const steps = stride === 1 ? along : graph.binary('mul', along, graph.scalar(stride, 'int32'))
      target = target ? graph.binary('add', target, steps) : steps
    }
    stride *= shape[d] as number
  }
  return graph.reshape(target as graph.Node, [sizeOf(index.shape)])
}

/** Elements of `x` at the positions `index` (int32, as many dims) along a dim. */
export const gatherAlong: (x: Tensor, index: Tensor, p: GatherParams) => Tensor = defineOp('gather', {
  inputs: ['x', 'index'],
  forward: (x, index, p: GatherParams) => (sizeOf(index.shape) === 0 ? zeros(x, index.shape) : graph.gather(x, p.dim, index, p.op)),
  saves: { x: ['index'] },
  vjp: { x: (g, { index, shape }, p) => scatterSum(g, index, { dim: p.dim, shape, op: p.op }), index: 'none' },
  half: 'keep',
})

/** Zeros of `shape`, and each element of g added at its index. With one position along the dim (class targets) there is nothing to sum. */
export const scatterSum: (g: Tensor, index: Tensor, p: ScatterParams) => Tensor = defineOp('scatterSum', {
  inputs: ['g', 'index'],
  forward: (g, index, { dim, shape }: ScatterParams) => {
    if (sizeOf(g.shape) === 0) return zeros(g, shape)
    const size = shape[dim] as number
    if (index.shape[dim] === 1) {
      const before = shape.map(() => 0)
      return graph.pad(graph.where(isAt(index, dim, size), g, 0), before, shape)
    }
    return graph.reshape(joinedRows('sum', sizeOf(shape), targetsOf(index, dim, shape), column(g)), shape)
  },
  saves: { g: ['index'] },
  vjp: { g: (gg, { index }, p) => gatherAlong(gg, index, { dim: p.dim, op: p.op }), index: 'none' },
})

/** Positions `index` (int32, [n]) along a dim. */
export const takeAlong: (x: Tensor, index: Tensor, p: GatherParams) => Tensor = defineOp('takeAlong', {
  inputs: ['x', 'index'],
  forward: (x, index, { dim, op }: GatherParams) => {
    const n = index.shape[0] as number
    const shape = x.shape.map((s, d) => (d === dim ? n : s))
    if (sizeOf(shape) === 0) return zeros(x, shape)
    return graph.gather(x, dim, graph.expand(graph.reshape(index, onlyAlong(shape.length, dim, n)), shape), op)
  },
  saves: { x: ['index'] },
  vjp: { x: (g, { index, shape }, p) => scatterAlong(g, index, { ...p, shape }), index: 'none' },
  half: 'keep',
})

/** Zeros of `shape`, and what is at each position of g along the dim added at its index (int32, [n]). */
export const scatterAlong: (g: Tensor, index: Tensor, p: ScatterParams) => Tensor = defineOp('scatterAlong', {
  inputs: ['g', 'index'],
  forward: (g, index, { dim, shape }: ScatterParams) => {
    const [n, size] = [index.shape[0] as number, shape[dim] as number]
    if (sizeOf(g.shape) === 0) return zeros(g, shape)
    if (n === 1) return graph.where(isAt(graph.reshape(index, onlyAlong(shape.length, dim, 1)), dim, size), g, 0)
    const order = [dim, ...shape.flatMap((_, d) => (d === dim ? [] : [d]))]
    const front = order.map((d) => shape[d] as number)
    const joined = joinedRows('sum', size, index, graph.reshape(graph.permute(g, order), [n, sizeOf(g.shape) / n]))
    return graph.permute(
      graph.reshape(joined, front),
      shape.map((_, d) => order.indexOf(d)),
    )
  },
  saves: { g: ['index'] },
  vjp: { g: (gg, { index }, { dim, op }) => takeAlong(gg, index, { dim, op }), index: 'none' },
})
