/** @file Views: the same elements under another shape or order. Index arithmetic of the kernels that read them, never a copy. */
import {
  counted,
  expandsTo,
  inferReshape,
  listOf,
  normalizeDim,
  normalizeDims,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  sameShape,
  showShape,
  signature,
  sizeOf,
  underName,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, DIM, DIMS, stridesFor, TENSOR, type Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'

/** Sizes as one array or as arguments. */
export type SizeArguments = [sizes: Shape] | number[]
/** The list that `SizeArguments` means, checked: `given` describes (x, list). */
export function listed(given: Signature, x: Tensor, sizes: readonly [Shape] | readonly number[]): Shape {
  const list = sizes.length === 1 && typeof sizes[0] !== 'number' ? (sizes[0] as Shape) : (sizes as Shape)
  given.check(x, list)
  return list
}

// ── shape ──

/** The same elements under a shape that holds as many: {@link reshape} without its checks, for gradient rules. */
export const reshapeTo: (x: Tensor, shape: Shape) => Tensor = defineOp('reshape', {
  inputs: ['x'],
  view: {
    write: (_, value, __, from) => reshapeTo(value, from),
    strides: (of, from, to) => stridesFor(of, from, to),
  },
  forward: (x, shape: Shape) => graph.reshape(x, shape),
  vjp: { x: (g, { shape }) => reshapeTo(g, shape) },
})

/** A size, or −1 for the one that follows from the others. */
const SIZES = listOf(whole(-1))
const RESHAPE = signature('reshape', { x: TENSOR, sizes: SIZES })

/**
 * The same elements, in row-major order, under another shape. One size may be −1.
 * @throws ShapeError when the number of elements differs.
 * @see https://pytorch.org/docs/stable/generated/torch.reshape.html
 * @example zeros([2, 6]).reshape(3, -1).shape // [3, 4]
 */
export function reshape(x: Tensor, ...sizes: SizeArguments): Tensor {
  const list = listed(RESHAPE, x, sizes)
  return reshapeTo(x, sameShape(list, x._node.shape) ? x._node.shape : inferReshape('reshape', x._node.shape, [...list]))
}
/** As {@link reshape}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.view.html */
export const view: (x: Tensor, ...sizes: SizeArguments) => Tensor = reshape

const VIEW_AS = signature('viewAs', { x: TENSOR, other: TENSOR })
const RESHAPE_AS = signature('reshapeAs', { x: TENSOR, other: TENSOR })

/** As {@link reshape}, with the shape of `other`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.view_as.html */
export function viewAs(x: Tensor, other: Tensor): Tensor {
  VIEW_AS.check(x, other)
  return underName('viewAs', () => reshapeTo(x, inferReshape('viewAs', x.shape, other.shape)))
}

/** As {@link reshape}, with the shape of `other`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.reshape_as.html */
export function reshapeAs(x: Tensor, other: Tensor): Tensor {
  RESHAPE_AS.check(x, other)
  return underName('reshapeAs', () => reshapeTo(x, inferReshape('reshapeAs', x.shape, other.shape)))
}

const RAVEL = signature('ravel', { x: TENSOR })

/** All elements in one dim. @see https://pytorch.org/docs/stable/generated/torch.ravel.html */
export function ravel(x: Tensor): Tensor {
  RAVEL.check(x)
  return underName('ravel', () => reshapeTo(x, [sizeOf(x.shape)]))
}

const FLATTEN = signature('flatten', { x: TENSOR, startDim: optional(DIM), endDim: optional(DIM) })

/** The dims from `startDim` to `endDim` (included) as one. @see https://pytorch.org/docs/stable/generated/torch.flatten.html */
export function flatten(x: Tensor, startDim = 0, endDim = -1): Tensor {
  FLATTEN.check(x, startDim, endDim)
  return underName('flatten', () => {
    const from = normalizeDim('flatten', startDim, x.ndim, 'startDim')
    const to = normalizeDim('flatten', endDim, x.ndim, 'endDim')
    if (from > to) throw new ShapeError('flatten', `startDim ${startDim} lies behind endDim ${endDim}`, [x.shape])
    const { shape } = x
    return reshapeTo(x, [...shape.slice(0, from), shape.slice(from, to + 1).reduce((a, b) => a * b, 1), ...shape.slice(to + 1)])
  })
}

const UNFLATTEN = signature('unflatten', { x: TENSOR, dim: DIM, sizes: SIZES })

/** `sizes` in the place of dim `dim`. @see https://pytorch.org/docs/stable/generated/torch.unflatten.html */
export function unflatten(x: Tensor, dim: number, sizes: Shape): Tensor {
  UNFLATTEN.check(x, dim, sizes)
  return underName('unflatten', () => {
    const d = normalizeDim('unflatten', dim, x.ndim)
    const inner = inferReshape('unflatten', [x.shape[d] ?? 1], [...sizes])
    return reshapeTo(x, [...x.shape.slice(0, d), ...inner, ...x.shape.slice(d + 1)])
  })
}

const SQUEEZE = signature('squeeze', { x: TENSOR, dim: optional(DIMS) })

/** Without the dims of size 1 (or without those of `dim` that have size 1). @see https://pytorch.org/docs/stable/generated/torch.squeeze.html */
export function squeeze(x: Tensor, dim?: number | readonly number[]): Tensor {
  SQUEEZE.check(x, dim)
  const dims = dim === undefined ? undefined : normalizeDims('squeeze', dim, x.ndim)
  return reshapeTo(
    x,
    x.shape.filter((s, i) => s !== 1 || (dims !== undefined && !dims.includes(i))),
  )
}

const UNSQUEEZE = signature('unsqueeze', { x: TENSOR, dim: DIM })

/** With a dim of size 1 in front of dim `dim`. @see https://pytorch.org/docs/stable/generated/torch.unsqueeze.html */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  UNSQUEEZE.check(x, dim)
  return underName('unsqueeze', () => {
    const d = normalizeDim('unsqueeze', dim, x.ndim + 1)
    return reshapeTo(x, [...x.shape.slice(0, d), 1, ...x.shape.slice(d)])
  })
}

// ── order ──

/** {@link permute} without its checks: `order` names each dim once. */
export const permuteTo: (x: Tensor, order: readonly number[]) => Tensor = defineOp('permute', {
  inputs: ['x'],
  view: {
    write: (_, value, order) => permuteTo(value, inverse(order)),
    strides: (of, _, __, order) => order.map((d) => of[d] as number),
  },
  forward: (x, order: readonly number[]) => graph.permute(x, order),
  vjp: { x: (g, _, order) => permuteTo(g, inverse(order)) },
})

/** The order that undoes another. */
function inverse(order: readonly number[]): number[] {
  const back = new Array<number>(order.length)
  order.forEach((from, to) => {
    back[from] = to
  })
  return back
}

const PERMUTE = signature('permute', { x: TENSOR, order: listOf(DIM) })

/**
 * Dims in another order: dim i of the result is dim `order[i]` of `x`.
 * @throws ShapeError when `order` does not name every dim once.
 * @see https://pytorch.org/docs/stable/generated/torch.permute.html
 * @example zeros([2, 3, 4]).permute(2, 0, 1).shape // [4, 2, 3]
 */
export function permute(x: Tensor, ...order: SizeArguments): Tensor {
  const given = listed(PERMUTE, x, order)
  const list = given.map((d) => normalizeDim('permute', d, x.ndim))
  if (list.length !== x.ndim || new Set(list).size !== list.length) {
    throw new ShapeError(
      'permute',
      `the order ${showShape(given)} must name each of the ${counted(x.ndim, 'dim')} of ${showShape(x.shape)} once`,
      [x.shape],
    )
  }
  return permuteTo(x, list)
}

const TRANSPOSE = signature('transpose', { x: TENSOR, dim0: DIM, dim1: DIM })

/** Two dims exchanged. @see https://pytorch.org/docs/stable/generated/torch.transpose.html */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  TRANSPOSE.check(x, dim0, dim1)
  return underName('transpose', () => {
    const a = normalizeDim('transpose', dim0, x.ndim, 'dim0')
    const b = normalizeDim('transpose', dim1, x.ndim, 'dim1')
    return exchange(x, a, b)
  })
}

const exchange = (x: Tensor, a: number, b: number): Tensor =>
  permuteTo(
    x,
    x._node.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  )

/** The last two of at least two dims exchanged. */
export const transposed = (x: Tensor): Tensor => exchange(x, x.ndim - 2, x.ndim - 1)

const T = signature('t', { x: TENSOR })

/** A matrix transposed; vectors and 0-d tensors as they are. @throws ShapeError past two dims. @see https://pytorch.org/docs/stable/generated/torch.t.html */
export function t(x: Tensor): Tensor {
  T.check(x)
  return underName('t', () => {
    if (x.ndim > 2)
      throw new ShapeError('t', `at most 2 dims are wanted, x is ${showShape(x.shape)}. Use transpose(dim0, dim1) or x.mT`, [x.shape])
    return x.ndim === 2 ? permuteTo(x, [1, 0]) : x
  })
}

const MT = signature('mT', { x: TENSOR })

/** The last two dims exchanged. @see https://pytorch.org/docs/stable/tensors.html#torch.Tensor.mT */
export function mT(x: Tensor): Tensor {
  MT.check(x)
  if (x.ndim < 2) throw new ShapeError('mT', `at least 2 dims are wanted, x is ${showShape(x.shape)}`, [x.shape])
  return underName('mT', () => transposed(x))
}

const ADJOINT = signature('adjoint', { x: TENSOR })

/** The last two dims exchanged: numbers are real here. @see https://pytorch.org/docs/stable/generated/torch.adjoint.html */
export function adjoint(x: Tensor): Tensor {
  ADJOINT.check(x)
  if (x.ndim < 2) throw new ShapeError('adjoint', `at least 2 dims are wanted, x is ${showShape(x.shape)}`, [x.shape])
  return underName('adjoint', () => transposed(x))
}

const MOVEDIM = signature('movedim', { x: TENSOR, source: DIMS, destination: DIMS })

/**
 * Dims moved to other places; the others keep their order.
 * @throws ShapeError where the lists differ in length, or name a dim twice.
 * @see https://pytorch.org/docs/stable/generated/torch.movedim.html
 * @example zeros([2, 3, 4]).movedim([0, 1], [1, 2]).shape // [4, 2, 3]
 */
export function movedim(x: Tensor, source: number | readonly number[], destination: number | readonly number[]): Tensor {
  MOVEDIM.check(x, source, destination)
  return underName('movedim', () => {
    const [from, to] = [dimsOf(x, source, 'source'), dimsOf(x, destination, 'destination')]
    if (from.length !== to.length)
      throw new ShapeError(
        'movedim',
        `source names ${counted(from.length, 'dim')} and destination ${to.length}: each dim needs its place`,
        [x.shape],
      )
    const stay = x.shape.flatMap((_, d) => (from.includes(d) ? [] : [d]))
    return permuteTo(
      x,
      x.shape.map((_, d) => (to.includes(d) ? (from[to.indexOf(d)] as number) : (stay.shift() as number))),
    )
  })
}

/** Dims of {@link movedim}, counted from the front. */
function dimsOf(x: Tensor, dims: number | readonly number[], what: string): number[] {
  const list = (typeof dims === 'number' ? [dims] : dims).map((d) => normalizeDim('movedim', d, x.ndim, what))
  if (new Set(list).size !== list.length) throw new ShapeError('movedim', `a dim appears twice in ${what} ${showShape(list)}`, [x.shape])
  return list
}

// ── repetition ──

/** {@link expand} without its checks, for gradient rules. */
export const expandTo: (x: Tensor, shape: Shape) => Tensor = defineOp('expand', {
  inputs: ['x'],
  view: {
    write: (_, value, __, from) => reshapeTo(value, from),
    overlaps: (from, to) => sizeOf(from) !== sizeOf(to),
    strides: (of, from, to) => to.map((size, i) => expandedStride(of, from, to.length, i, size)),
  },
  forward: (x, shape: Shape) => graph.expand(x, shape),
  vjp: { x: (g) => g }, // the driver sums
})

/** The stride of dim `i` of `ndim` dims, of that size: 0 where elements are repeated. */
function expandedStride(of: readonly number[], from: Shape, ndim: number, i: number, size: number): number {
  const d = i - (ndim - from.length)
  if (d >= 0) return from[d] === size ? (of[d] as number) : 0
  // (a new dim of size 1 lies as PyTorch has it: one step over all behind it)
  return size === 1 ? Math.max(1, (of[0] ?? 1) * (from[0] ?? 1)) : 0
}

const EXPAND = signature('expand', { x: TENSOR, sizes: SIZES })

/**
 * Dims of size 1 repeated to a larger size, and dims added in front; −1 keeps a size.
 * @throws ShapeError when a size other than 1 would change.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.expand.html
 * @example zeros([3, 1]).expand(2, -1, 4).shape // [2, 3, 4]
 */
export function expand(x: Tensor, ...sizes: SizeArguments): Tensor {
  return expandBy('expand', x, listed(EXPAND, x, sizes))
}

function expandBy(op: string, x: Tensor, list: Shape): Tensor {
  const from = x._node.shape
  const to = list.map((s, i) => (s === -1 ? (from[i - (list.length - from.length)] ?? -1) : s))
  if (to.some((s) => !Number.isInteger(s) || s < 0) || !expandsTo(from, to)) {
    throw new ShapeError(
      op,
      `${showShape(from)} does not expand to ${showShape(list)}: only dims of size 1 grow, and new dims stand in front`,
      [from, list],
    )
  }
  checkSize(op, to)
  return expandTo(x, to)
}

const EXPAND_AS = signature('expandAs', { x: TENSOR, other: TENSOR })

/** As {@link expand}, with the shape of `other`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.expand_as.html */
export function expandAs(x: Tensor, other: Tensor): Tensor {
  EXPAND_AS.check(x, other)
  return underName('expandAs', () => expandBy('expandAs', x, other.shape))
}

const BROADCAST_TO = signature('broadcastTo', { x: TENSOR, shape: SIZES })

/** `x` expanded to `shape`, as in NumPy. @see https://pytorch.org/docs/stable/generated/torch.broadcast_to.html */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  BROADCAST_TO.check(x, shape)
  return underName('broadcastTo', () => expandBy('broadcastTo', x, shape))
}
