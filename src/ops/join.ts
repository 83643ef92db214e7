/** @file Joining and padding: cat, stack, pad. */
import {
  ArgumentError,
  choice,
  type DType,
  options as describe,
  held,
  listOf,
  meetingType,
  NUMBER,
  normalizeDim,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  underName,
  WHOLE,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, DIM, dimOr, TENSOR, Tensor } from '../tensor/index.ts'
import { autocasted, checkDevices, defineListOp, defineOp } from './define.ts'
import { narrowTo, sliceBy } from './slice.ts'
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

/** What joins tensors along a dim. */
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

interface PadParams {
  readonly before: readonly number[]
  readonly sizes: Shape
  readonly value: number
}

const padWith = defineOp('pad', {
  inputs: ['x'],
  forward: (x, p: PadParams) => {
    const inner = graph.pad(x, p.before, p.sizes)
    if (p.value === 0) return inner
    const inside = graph.pad(graph.expand(graph.constant(1, 'bool', x.placement), x.shape), p.before, p.sizes)
    return graph.where(inside, inner, graph.scalar(p.value, x.dtype))
  },
  vjp: { x: (g, { shape }, p) => sliceBy(g, { start: p.before, step: p.before.map(() => 1), sizes: shape }) },
  half: 'keep',
})

/** How {@link pad} fills. Other modes than `constant` come with the convolutions. */
export interface PadOptions {
  /** What stands around: one value. */
  readonly mode?: 'constant'
  /** That value: 0 by default. */
  readonly value?: number
}

const PAD = signature('pad', {
  x: TENSOR,
  padding: listOf(WHOLE),
  options: optional(describe<PadOptions>({ mode: choice(['constant']), value: NUMBER })),
})

/**
 * `x` with `value` around it: `padding` is [before, after] of the last dim, then of the one in front of it, and so on; negative numbers cut.
 * @throws ArgumentError for an odd or too long list, another mode, or a value that the dtype cannot hold; ShapeError where more is cut than there is.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
 * @example pad(zeros([2, 3]), [1, 1]).shape // [2, 5]
 */
export function pad(x: Tensor, padding: readonly number[], options?: PadOptions): Tensor {
  PAD.check(x, padding, options)
  if (padding.length % 2 !== 0 || padding.length > 2 * x.ndim) {
    throw new ArgumentError('pad', `padding must have 2 numbers for each of at most ${x.ndim} dims, got ${padding.length}`)
  }
  const ends = x.shape.map((_, i) => [padding[2 * (x.ndim - 1 - i)] ?? 0, padding[2 * (x.ndim - 1 - i) + 1] ?? 0] as const)
  const sizes = x.shape.map((s, i) => s + (ends[i]?.[0] ?? 0) + (ends[i]?.[1] ?? 0))
  // What is cut must be there, whatever is put elsewhere
  const cut = x.shape.map((s, i) => s + Math.min(0, ends[i]?.[0] ?? 0) + Math.min(0, ends[i]?.[1] ?? 0))
  if (cut.some((s) => s < 0))
    throw new ShapeError('pad', `padding ${showShape(padding)} leaves less than nothing of ${showShape(x.shape)}`, [x.shape])
  let y = x
  if (padding.some((n) => n < 0)) {
    y = sliceBy(x, {
      start: ends.map(([before]) => Math.max(0, -before)),
      step: ends.map(() => 1),
      sizes: cut,
    })
  }
  return padWith(y, {
    before: ends.map(([before]) => Math.max(0, before)),
    sizes,
    value: held('pad', 'value', options?.value ?? 0, x.dtype),
  })
}
