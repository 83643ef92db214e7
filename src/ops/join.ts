/** @file Joining: cat and stack. */
import {
  type DType,
  options as describe,
  listOf,
  meetingType,
  normalizeDim,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, DIM, dimOr, TENSOR, Tensor } from '../tensor/index.ts'
import { autocasted, checkDevices, defineListOp } from './define.ts'
import { narrowTo } from './slice.ts'
import { unsqueeze } from './view.ts'

interface CatParams {
  readonly dim: number
  readonly dtype: DType
  readonly shape: Shape
  /** Where each piece begins along `dim`. */
  readonly offsets: readonly number[]
}

/** Two pieces side by side: each padded to the whole, and chosen by position. */
function beside(left: graph.Node, right: graph.Node, dim: number): graph.Node {
  const l = left.shape[dim] as number
  const n = l + (right.shape[dim] as number)
  const shape = left.shape.map((s, i) => (i === dim ? n : s))
  const along = graph.reshape(
    graph.iota(n),
    shape.map((_, i) => (i === dim ? n : 1)),
  )
  const inLeft = graph.binary('lt', along, graph.scalar(l, 'int32'))
  const zero = shape.map(() => 0)
  const after = shape.map((_, i) => (i === dim ? l : 0))
  return graph.where(inLeft, graph.pad(left, zero, shape), graph.pad(right, after, shape))
}

/**
 * A balanced tree: each element passes log₂ n choices. Of many pieces, so many at a time are stored side by side first: what an element costs does not grow with
 * their number, and joins of other numbers of pieces are made of the same kernels.
 */
function joinNodes(list: readonly graph.Node[], dim: number): graph.Node {
  if (list.length === 1) return list[0] as graph.Node
  if (list.length > MOST_AT_ONCE) {
    const runs: graph.Node[] = []
    for (let i = 0; i < list.length; i += MOST_AT_ONCE) runs.push(stored(joinNodes(list.slice(i, i + MOST_AT_ONCE), dim)))
    return joinNodes(runs, dim)
  }
  const middle = list.length >> 1
  return beside(joinNodes(list.slice(0, middle), dim), joinNodes(list.slice(middle), dim), dim)
}

/** Pieces that one kernel joins. */
const MOST_AT_ONCE = 8

/** A value that lies in memory before it is read. */
const stored = (node: graph.Node): graph.Node => graph.unpack(graph.pack([node]), 0, node.shape)

const join = defineListOp('cat', {
  autocast: 'widest',
  forward: (nodes, p: CatParams) => {
    const pieces = nodes.filter((n) => sizeOf(n.shape) > 0).map((n) => graph.cast(n, p.dtype))
    return pieces.length === 0 ? graph.expand(graph.constant(0, p.dtype, placementOf(nodes)), p.shape) : joinNodes(pieces, p.dim)
  },
  vjp: (g, i, shape, p) => (sizeOf(shape) === 0 ? zerosOf(g, shape) : narrowTo(g, p.dim, p.offsets[i] as number, shape[p.dim] as number)),
  half: 'keep',
})

const placementOf = (nodes: readonly graph.Node[]): graph.NodePlace => nodes.find((n) => n.placement !== 'auto')?.placement ?? 'auto'

const zerosOf = (like: Tensor, shape: Shape): Tensor => new Tensor(graph.expand(graph.constant(0, like.dtype, like._node.placement), shape))

/** A dim by name, where it may also go by position. */
export interface AlongOptions {
  /** The dim: 0 by default, counted from the back where it is negative. */
  readonly dim?: number
}
const ALONG = dimOr(DIM, describe<AlongOptions>({ dim: DIM }))
const dimOf = (dim: number | AlongOptions | undefined): number => (typeof dim === 'object' ? dim?.dim : dim) ?? 0

/** A function that joins tensors along a dim. */
export type JoinFunction = (tensors: readonly Tensor[], dim?: number | AlongOptions) => Tensor

const CAT = signature('cat', { tensors: listOf(TENSOR, 1), dim: ALONG })
const STACK = signature('stack', { tensors: listOf(TENSOR, 1), dim: ALONG })

/**
 * The tensors one after the other along `dim`; their other sizes agree. dtypes are promoted.
 * @throws ShapeError when another size differs.
 * @see https://pytorch.org/docs/stable/generated/torch.cat.html
 * @example cat([zeros([2, 3]), zeros([1, 3])]).shape // [3, 3]
 */
export function cat(tensors: readonly Tensor[], dim?: number | AlongOptions): Tensor {
  CAT.check(tensors, dim)
  // as in PyTorch, a tensor of shape [0] goes with anything
  const first: Tensor = tensors.find((x: Tensor) => x.ndim !== 1 || x.shape[0] !== 0) ?? (tensors[0] as Tensor)
  if (first.ndim === 0) throw new ShapeError('cat', '0-d tensors have no dim to be joined along. Use stack', [first.shape])
  const d = normalizeDim('cat', dimOf(dim), first.ndim)
  let total = 0
  let dtype = first.dtype
  const offsets = tensors.map((x, i) => {
    if (x.ndim === 1 && x.shape[0] === 0) return total
    if (x.ndim !== first.ndim || x.shape.some((s, k) => k !== d && s !== first.shape[k])) {
      throw new ShapeError(
        'cat',
        `sizes other than dim ${d} differ: tensors[${i}] is ${showShape(x.shape)}, the first is ${showShape(first.shape)}`,
        [first.shape, x.shape],
      )
    }
    dtype = meetingType(dtype, x.dtype)
    total += x.shape[d] as number
    return total - (x.shape[d] as number)
  })
  return join(tensors, { dim: d, dtype, shape: first.shape.map((s, i) => (i === d ? total : s)), offsets })
}

/**
 * Tensors of one shape along a new dim.
 * @throws ShapeError when a shape differs.
 * @see https://pytorch.org/docs/stable/generated/torch.stack.html
 * @example stack([zeros([3]), ones([3])], 1).shape // [3, 2]
 */
export const stack: JoinFunction = autocasted('stack', 'widest', (tensors: readonly Tensor[], dim?: number | AlongOptions): Tensor => {
  STACK.check(tensors, dim)
  return underName('stack', () => {
    const first = tensors[0] as Tensor
    tensors.forEach((x, i) => {
      if (x.ndim !== first.ndim || x.shape.some((s, k) => s !== first.shape[k])) {
        throw new ShapeError(
          'stack',
          `all shapes must agree: tensors[${i}] is ${showShape(x.shape)}, the first is ${showShape(first.shape)}`,
          [first.shape, x.shape],
        )
      }
    })
    checkDevices('stack', 'tensors', tensors)
    const d = normalizeDim('stack', dimOf(dim), first.ndim + 1)
    checkSize('stack', [...first.shape.slice(0, d), tensors.length, ...first.shape.slice(d)])
    return cat(
      tensors.map((x) => unsqueeze(x, d)),
      d,
    )
  })
})
