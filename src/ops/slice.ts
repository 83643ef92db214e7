/** @file Views of a part: every so many elements from a position on, and what is made of that; the way back puts zeros around. */
import {
  COUNT,
  listOf,
  normalizeDim,
  oneOf,
  optional,
  SHAPE,
  type Shape,
  ShapeError,
  showShape,
  signature,
  underName,
  WHOLE,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, TENSOR, Tensor, type TensorList, tensorList } from '../tensor/index.ts'
import { defineOp } from './define.ts'
import { where } from './elementwise.ts'
import { listed, reshape, reshapeTo, type SizeArguments } from './view.ts'

/** Output position i along each dim is input position start + i · step. */
export interface SliceParams {
  readonly start: readonly number[]
  readonly step: readonly number[]
  readonly sizes: Shape
}

/** Part of `x`, the arguments checked. */
export const sliceBy: (x: Tensor, p: SliceParams) => Tensor = defineOp('slice', {
  inputs: ['x'],
  view: {
    write: (base, value, p) => writeSlice(base(), value, p),
    strides: (of, _, __, p) => of.map((s, i) => s * (p.step[i] as number)),
  },
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

/** `base` with `value` where the slice is. */
export function writeSlice(base: Tensor, value: Tensor, p: SliceParams): Tensor {
  const inside = new Tensor(graph.expand(graph.constant(1, 'bool', value._node.placement), value.shape))
  return where(unslice(inside, p, base.shape), unslice(value, p, base.shape), base)
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

const FLIP = signature('flip', { x: TENSOR, dims: listOf(DIM) })

/** The elements in reverse along `dims`. @see https://pytorch.org/docs/stable/generated/torch.flip.html */
export function flip(x: Tensor, ...dims: SizeArguments): Tensor {
  return underName('flip', () => {
    const list = listed(FLIP, x, dims).map((d) => normalizeDim('flip', d, x.ndim))
    const turned = (i: number): boolean => list.includes(i) && (x.shape[i] as number) > 0
    const turnedAround = sliceBy(x, {
      start: x.shape.map((s, i) => (turned(i) ? s - 1 : 0)),
      step: x.shape.map((_, i) => (turned(i) ? -1 : 1)),
      sizes: x.shape,
    })
    turnedAround._owned()
    return turnedAround
  })
}
