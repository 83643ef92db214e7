/** @file Views: the same elements under another shape or order. Index arithmetic of the kernels that read them, never a copy. */
import {
  COUNT,
  expandsTo,
  inferReshape,
  listOf,
  normalizeDim,
  normalizeDims,
  oneOf,
  optional,
  SHAPE,
  type Shape,
  ShapeError,
  type Signature,
  sameShape,
  showShape,
  signature,
  underName,
  WHOLE,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, DIM, DIMS, TENSOR, type Tensor, type TensorList, tensorList } from '../tensor/index.ts'
import { defineOp } from './define.ts'

/** Sizes as one array or as arguments. */
export type SizeArguments = [sizes: Shape] | number[]
/** The list that `SizeArguments` means, checked: `given` describes (x, list). */
function listed(given: Signature, x: Tensor, sizes: readonly [Shape] | readonly number[]): Shape {
  const list = sizes.length === 1 && typeof sizes[0] !== 'number' ? (sizes[0] as Shape) : (sizes as Shape)
  given.check(x, list)
  return list
}

// ── shape ──

/** The same elements under a shape that holds as many: {@link reshape} without its checks, for gradient rules. */
export const reshapeTo: (x: Tensor, shape: Shape) => Tensor = defineOp('reshape', {
  inputs: ['x'],
  view: true,
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

const permuteTo: (x: Tensor, order: readonly number[]) => Tensor = defineOp('permute', {
  inputs: ['x'],
  view: true,
  forward: (x, order: readonly number[]) => graph.permute(x, order),
  vjp: {
    x: (g, _, order) => {
      const back = new Array<number>(order.length)
      order.forEach((from, to) => {
        back[from] = to
      })
      return permuteTo(g, back)
    },
  },
})

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
    throw new ShapeError('permute', `the order ${showShape(given)} must name each of the ${x.ndim} dims of ${showShape(x.shape)} once`, [
      x.shape,
    ])
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

const MOVEDIM = signature('movedim', { x: TENSOR, source: DIM, destination: DIM })

/** A dim moved to another place. @see https://pytorch.org/docs/stable/generated/torch.movedim.html */
export function movedim(x: Tensor, source: number, destination: number): Tensor {
  MOVEDIM.check(x, source, destination)
  return underName('movedim', () => {
    const order = x.shape.map((_, i) => i)
    const [moved] = order.splice(normalizeDim('movedim', source, x.ndim, 'source'), 1)
    if (moved !== undefined) order.splice(normalizeDim('movedim', destination, x.ndim, 'destination'), 0, moved)
    return permuteTo(x, order)
  })
}

const FLIP = signature('flip', { x: TENSOR, dims: listOf(DIM) })

/** The elements in reverse along `dims`. @see https://pytorch.org/docs/stable/generated/torch.flip.html */
export function flip(x: Tensor, ...dims: SizeArguments): Tensor {
  return underName('flip', () => {
    const list = listed(FLIP, x, dims).map((d) => normalizeDim('flip', d, x.ndim))
    const turned = (i: number): boolean => list.includes(i) && (x.shape[i] as number) > 0
    return sliceBy(x, {
      start: x.shape.map((s, i) => (turned(i) ? s - 1 : 0)),
      step: x.shape.map((_, i) => (turned(i) ? -1 : 1)),
      sizes: x.shape,
    })
  })
}

// ── repetition ──

/** {@link expand} without its checks, for gradient rules. */
export const expandTo: (x: Tensor, shape: Shape) => Tensor = defineOp('expand', {
  inputs: ['x'],
  view: true,
  forward: (x, shape: Shape) => graph.expand(x, shape),
  vjp: { x: (g) => g }, // the driver sums
})

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

const REPEAT = signature('repeat', { x: TENSOR, sizes: SHAPE })

/** `x` repeated `sizes[i]` times along each dim; dims may be added in front. @see https://pytorch.org/docs/stable/generated/torch.Tensor.repeat.html */
export function repeat(x: Tensor, ...sizes: SizeArguments): Tensor {
  return underName('repeat', () => {
    const times = listed(REPEAT, x, sizes)
    if (times.length < x.ndim)
      throw new ShapeError('repeat', `${x.ndim} or more counts are wanted for ${showShape(x.shape)}, got ${showShape(times)}`, [x.shape])
    const shape = [...times.slice(x.ndim).map(() => 1), ...x.shape]
    const repeated = shape.map((s, i) => s * (times[i] as number))
    checkSize('repeat', repeated)
    const interleaved = reshape(
      x,
      shape.flatMap((s) => [1, s]),
    )
    const grown = expand(
      interleaved,
      shape.flatMap((s, i) => [times[i] as number, s]),
    )
    return reshape(grown, repeated)
  })
}

// ── parts ──

/** Output position i along each dim is input position start + i · step. */
export interface SliceParams {
  readonly start: readonly number[]
  readonly step: readonly number[]
  readonly sizes: Shape
}

/** Part of `x`, the arguments checked. */
export const sliceBy: (x: Tensor, p: SliceParams) => Tensor = defineOp('slice', {
  inputs: ['x'],
  view: true,
  forward: (x, p: SliceParams) => graph.slice(x, p.start, p.sizes, p.step),
  vjp: { x: (g, { shape }, p) => unslice(g, p, shape) },
})

/** Zeros of `shape` with `g` where the slice was. */
function unslice(g: Tensor, p: SliceParams, shape: Shape): Tensor {
  // Backward steps turn round: then the first element taken is the last of g.
  const turned = p.step.flatMap((s, i) => (s < 0 ? [i] : []))
  let y = turned.length ? flip(g, turned) : g
  const start = p.start.map((s, i) => ((p.step[i] as number) < 0 ? s + ((p.sizes[i] as number) - 1) * (p.step[i] as number) : s))
  const step = p.step.map(Math.abs)
  if (step.some((s) => s !== 1)) {
    // [.., n, ..] → [.., n, step, ..] with zeros behind each element → [.., n · step, ..]
    const apart = p.sizes.flatMap((n) => [n, 1])
    const spaced = p.sizes.flatMap((n, i) => [n, step[i] as number])
    y = padZeros(reshape(y, apart), { before: spaced.map(() => 0), sizes: spaced })
    y = reshape(
      y,
      p.sizes.map((n, i) => n * (step[i] as number)),
    )
    // the zeros behind the last element may reach past the end
    const fits = y.shape.map((n, i) => Math.min(n, (shape[i] as number) - (start[i] as number)))
    y = sliceBy(y, { start: fits.map(() => 0), step: fits.map(() => 1), sizes: fits })
  }
  return padZeros(y, { before: start, sizes: shape })
}

interface PadParams {
  readonly before: readonly number[]
  readonly sizes: Shape
}

/** Zeros around `x`, whose origin lands at `before`. */
export const padZeros: (x: Tensor, p: PadParams) => Tensor = defineOp('padZeros', {
  inputs: ['x'],
  forward: (x, p: PadParams) => graph.pad(x, p.before, p.sizes),
  vjp: { x: (g, { shape }, p) => sliceBy(g, { start: p.before, step: p.before.map(() => 1), sizes: shape }) },
  half: 'keep',
})

const NARROW = signature('narrow', { x: TENSOR, dim: DIM, start: WHOLE, length: COUNT })

/**
 * `length` elements along `dim`, from `start` on.
 * @throws ShapeError past the end.
 * @see https://pytorch.org/docs/stable/generated/torch.narrow.html
 */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  NARROW.check(x, dim, start, length)
  return underName('narrow', () => {
    if (x.ndim === 0) throw new ShapeError('narrow', 'a tensor with dims is wanted, x is 0-d', [x.shape])
    const d = normalizeDim('narrow', dim, x.ndim)
    const size = x.shape[d] as number
    const from = start < 0 ? start + size : start
    if (from < 0 || from + length > size) {
      throw new ShapeError('narrow', `start ${start} and length ${length} do not fit dim ${d} of ${showShape(x.shape)} (size ${size})`, [
        x.shape,
      ])
    }
    return narrowTo(x, d, from, length)
  })
}

/** {@link narrow} with checked arguments. */
export function narrowTo(x: Tensor, d: number, start: number, length: number): Tensor {
  return sliceBy(x, {
    start: x.shape.map((_, i) => (i === d ? start : 0)),
    step: x.shape.map(() => 1),
    sizes: x.shape.map((s, i) => (i === d ? length : s)),
  })
}

const SELECT = signature('select', { x: TENSOR, dim: DIM, index: WHOLE })

/** Position `index` of dim `dim`, which leaves the shape. @throws ShapeError past the end. @see https://pytorch.org/docs/stable/generated/torch.select.html */
export function select(x: Tensor, dim: number, index: number): Tensor {
  SELECT.check(x, dim, index)
  return underName('select', () => {
    if (x.ndim === 0) throw new ShapeError('select', 'a tensor with dims is wanted, x is 0-d', [x.shape])
    const d = normalizeDim('select', dim, x.ndim)
    const size = x.shape[d] as number
    if (index < -size || index >= size) {
      throw new ShapeError('select', `index ${index} is out of range for dim ${d} of ${showShape(x.shape)} (size ${size})`, [x.shape])
    }
    const one = narrowTo(x, d, index < 0 ? index + size : index, 1)
    return reshapeTo(one, [...x.shape.slice(0, d), ...x.shape.slice(d + 1)])
  })
}

const SPLIT = signature('split', { x: TENSOR, size: oneOf(whole(1), SHAPE), dim: optional(DIM) })

/**
 * Parts along `dim` of size `size` (the last may be smaller), or of the sizes listed.
 * @see https://pytorch.org/docs/stable/generated/torch.split.html
 */
export function split(x: Tensor, size: number | readonly number[], dim = 0): TensorList {
  SPLIT.check(x, size, dim)
  return underName('split', () => {
    const d = normalizeDim('split', dim, x.ndim)
    const n = x.shape[d] ?? 1
    const parts =
      typeof size === 'number' ? Array.from({ length: Math.max(1, Math.ceil(n / size)) }, (_, i) => Math.min(size, n - i * size)) : size
    const total = parts.reduce((a, b) => a + b, 0)
    if (total !== n)
      throw new ShapeError('split', `the sizes ${showShape(parts)} sum to ${total}, dim ${d} of ${showShape(x.shape)} has ${n}`, [x.shape])
    let start = 0
    return tensorList(
      parts.map((length) => {
        start += length
        return narrow(x, d, start - length, length)
      }),
    )
  })
}

const CHUNK = signature('chunk', { x: TENSOR, chunks: whole(1), dim: optional(DIM) })

/** At most `chunks` parts of equal size along `dim` (the last may be smaller). @see https://pytorch.org/docs/stable/generated/torch.chunk.html */
export function chunk(x: Tensor, chunks: number, dim = 0): TensorList {
  CHUNK.check(x, chunks, dim)
  return underName('chunk', () => {
    const n = x.shape[normalizeDim('chunk', dim, x.ndim)] ?? 1
    return split(x, Math.max(1, Math.ceil(n / chunks)), dim)
  })
}

const UNBIND = signature('unbind', { x: TENSOR, dim: optional(DIM) })

/** The positions of `dim` as a list of tensors without it. @see https://pytorch.org/docs/stable/generated/torch.unbind.html */
export function unbind(x: Tensor, dim = 0): TensorList {
  UNBIND.check(x, dim)
  return underName('unbind', () => {
    const d = normalizeDim('unbind', dim, x.ndim)
    return tensorList(Array.from({ length: x.shape[d] ?? 0 }, (_, i) => select(x, d, i)))
  })
}
