/** @file Diagonals and triangles: diagonal and what is made of it, tril, triu and their positions. */
import {
  options as describe,
  INT32,
  type Kind,
  normalizeDim,
  type Shape,
  ShapeError,
  sameShape,
  showShape,
  signature,
  underName,
  withoutDims,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, dimOr, NamedArguments, TENSOR, Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { checkDevices, defineOp } from './define.ts'
import { where } from './elementwise.ts'
import { lit } from './promote.ts'
import { padZeros } from './slice.ts'
import { expandTo, permute, reshape, reshapeTo } from './view.ts'

// ── the view, and the way back ──

/** Which diagonal: its dims, counted from the front. */
interface DiagonalParams {
  readonly offset: number
  readonly dim1: number
  readonly dim2: number
}

/** Where a diagonal begins along its two dims, and how long it is. */
function extentOf({ offset, dim1, dim2 }: DiagonalParams, shape: Shape): { start1: number; start2: number; length: number } {
  const [start1, start2] = [Math.max(0, -offset), Math.max(0, offset)]
  return { start1, start2, length: Math.max(0, Math.min((shape[dim1] as number) - start1, (shape[dim2] as number) - start2)) }
}

const diagonalOf: (x: Tensor, p: DiagonalParams) => Tensor = defineOp('diagonal', {
  inputs: ['x'],
  view: {
    write: (base, value, p) => onDiagonal(value, base(), p),
    strides: (of, _, __, { dim1, dim2 }) => [...withoutDims(of, [dim1, dim2]), (of[dim1] as number) + (of[dim2] as number)],
  },
  forward: (x, p: DiagonalParams) => {
    const { start1, start2, length } = extentOf(p, x.shape)
    const last = x.shape.length - 2
    let rest = 0
    const map = x.shape.map((_, d): graph.WindowAxis => {
      if (d === p.dim1) return { offset: start1, terms: [[last, 1]] }
      if (d === p.dim2) return { offset: start2, terms: [[last, 1]] }
      return { offset: 0, terms: [[rest++, 1]] }
    })
    return graph.window(x, map, [...withoutDims(x.shape, [p.dim1, p.dim2]), length])
  },
  vjp: { x: (g, { shape }, p) => onDiagonal(g, expandTo(lit(0, g), shape), p) },
})

/** `base` with `value`, [...others, length], on a diagonal. */
function onDiagonal(value: Tensor, base: Tensor, p: DiagonalParams): Tensor {
  const { shape } = base
  const { offset, dim1, dim2 } = p
  const { start1 } = extentOf(p, shape)
  const others = withoutDims(shape, [dim1, dim2])
  // by the position along dim1: the value there stands in every place along dim2, of which one is on the diagonal
  const rows = padZeros(value, { before: [...others.map(() => 0), start1], sizes: [...others, shape[dim1] as number] })
  const spread = reshapeTo(rows, [...rows.shape, 1])
  const from = (d: number): number =>
    d === dim1 ? others.length : d === dim2 ? others.length + 1 : [...shape.keys()].filter((k) => k !== dim1 && k !== dim2).indexOf(d)
  const placed = expandTo(permute(spread, [...shape.keys()].map(from)), shape)
  const along = (d: number): graph.Node =>
    graph.reshape(
      graph.iota(shape[d] as number, value._node.placement),
      shape.map((s, k) => (k === d ? s : 1)),
    )
  const inside = graph.binary('eq', graph.binary('sub', along(dim2), along(dim1)), graph.scalar(offset, 'int32'))
  return where(new Tensor(inside), placed, base)
}

/** Which diagonal, by name. */
export interface DiagonalOptions {
  /** 0 (default) is the main diagonal, positive numbers lie above it, negative ones below. */
  readonly offset?: number
  /** The dim of the rows: 0 by default (−2 for `diagEmbed`). */
  readonly dim1?: number
  /** The dim of the columns: 1 by default (−1 for `diagEmbed`). */
  readonly dim2?: number
}
/** (offset, dim1, dim2), the last ones by name where that is wanted. */
export type DiagonalArguments =
  | [offset?: number, dim1?: number, dim2?: number]
  | [options: DiagonalOptions]
  | [offset: number | undefined, options: DiagonalOptions]
  | [offset: number | undefined, dim1: number | undefined, options: DiagonalOptions]

const WHICH = { offset: INT32, dim1: DIM, dim2: DIM } as const
const DIAGONAL = new NamedArguments<DiagonalOptions>('diagonal', { x: TENSOR }, WHICH)

function whichOf(op: string, { offset = 0, dim1, dim2 }: Required<DiagonalOptions>, ndim: number): DiagonalParams {
  if (ndim < 2) throw new ShapeError(op, `at least 2 dims are wanted, x has ${ndim}`)
  const p = { offset, dim1: normalizeDim(op, dim1, ndim, 'dim1'), dim2: normalizeDim(op, dim2, ndim, 'dim2') }
  if (p.dim1 === p.dim2) throw new ShapeError(op, `dim1 and dim2 must be two dims, both are ${p.dim1}`)
  return p
}

/**
 * The diagonal of two dims, as the last dim of a view.
 * @returns the shape of `x` without `dim1` and `dim2`, and the length of the diagonal (0 where there is none so far out)
 * @throws ShapeError for less than 2 dims, or the same dim twice.
 * @see https://pytorch.org/docs/stable/generated/torch.diagonal.html
 * @example zeros([2, 3, 4]).diagonal(1, { dim1: -2, dim2: -1 }).shape // [2, 3]
 */
export function diagonal(x: Tensor, ...which: DiagonalArguments): Tensor {
  const { offset = 0, dim1 = 0, dim2 = 1 } = DIAGONAL.read(x, ...which)
  return underName('diagonal', () => diagonalOf(x, whichOf('diagonal', { offset, dim1, dim2 }, x.ndim)))
}

const DIAG_EMBED = new NamedArguments<DiagonalOptions>('diagEmbed', { x: TENSOR }, WHICH)

/**
 * Zeros with the last dim of `x` on the diagonal of two new dims, which are as long as that and |offset|.
 * @param which `(offset, dim1, dim2)`; the dims are those of the result: the last two by default
 * @see https://pytorch.org/docs/stable/generated/torch.diag_embed.html
 * @example ones([2, 3]).diagEmbed().shape // [2, 3, 3]
 */
export function diagEmbed(x: Tensor, ...which: DiagonalArguments): Tensor {
  const { offset = 0, dim1 = -2, dim2 = -1 } = DIAG_EMBED.read(x, ...which)
  return underName('diagEmbed', () => {
    if (x.ndim < 1) throw new ShapeError('diagEmbed', 'a tensor with dims is wanted, x is 0-d', [x.shape])
    return embedded(x, whichOf('diagEmbed', { offset, dim1, dim2 }, x.ndim + 1))
  })
}

function embedded(x: Tensor, p: DiagonalParams): Tensor {
  const size = (x.shape.at(-1) as number) + Math.abs(p.offset)
  const shape: number[] = []
  let rest = 0
  for (let d = 0; d <= x.ndim; d++) shape.push(d === p.dim1 || d === p.dim2 ? size : (x.shape[rest++] as number))
  return onDiagonal(x, expandTo(lit(0, x), shape), p)
}

/** Which diagonal, by name. */
export interface TriangleOptions {
  /** The diagonal: 0 (default) is the main one, positive numbers lie above it, negative ones below. */
  readonly diagonal?: number
}
/** Which diagonal, by position or by name. */
export const TRIANGLE: Kind = dimOr(INT32, describe<TriangleOptions>({ diagonal: INT32 }))
export const diagonalIn = (given: number | TriangleOptions | undefined): number => (typeof given === 'object' ? given.diagonal : given) ?? 0

const MATRIX: DiagonalParams = { offset: 0, dim1: 0, dim2: 1 }
const DIAG = signature('diag', { x: TENSOR, diagonal: TRIANGLE })

/**
 * Of a vector the matrix with it on a diagonal, of a matrix its diagonal (not a view).
 * @throws ShapeError for another number of dims.
 * @see https://pytorch.org/docs/stable/generated/torch.diag.html
 */
export function diag(x: Tensor, diagonal?: number | TriangleOptions): Tensor {
  DIAG.check(x, diagonal)
  return underName('diag', () => {
    const p = { ...MATRIX, offset: diagonalIn(diagonal) }
    if (x.ndim === 1) return embedded(x, p)
    if (x.ndim !== 2)
      throw new ShapeError('diag', `a vector or a matrix is wanted, x is ${showShape(x.shape)}. Use diagonal or diagEmbed`, [x.shape])
    const found = diagonalOf(x, p)
    found._owned()
    return found
  })
}

const DIAGFLAT = new NamedArguments<Pick<DiagonalOptions, 'offset'>>('diagflat', { x: TENSOR }, { offset: INT32 })

/** The matrix with the elements of `x`, in row-major order, on a diagonal. @see https://pytorch.org/docs/stable/generated/torch.diagflat.html */
export function diagflat(x: Tensor, offset?: number | Pick<DiagonalOptions, 'offset'>): Tensor {
  const given = DIAGFLAT.read(x, offset)
  return underName('diagflat', () => embedded(reshape(x, -1), { ...MATRIX, offset: given.offset ?? 0 }))
}

const DIAGONAL_SCATTER = new NamedArguments<DiagonalOptions>('diagonalScatter', { x: TENSOR, src: TENSOR }, WHICH)

/**
 * `x` with `src` on a diagonal: the inverse of {@link diagonal}.
 * @param src the shape and the dtype of that diagonal
 * @see https://pytorch.org/docs/stable/generated/torch.diagonal_scatter.html
 */
export function diagonalScatter(x: Tensor, src: Tensor, ...which: DiagonalArguments): Tensor {
  const { offset = 0, dim1 = 0, dim2 = 1 } = DIAGONAL_SCATTER.read(x, src, ...which)
  return underName('diagonalScatter', () => {
    const p = whichOf('diagonalScatter', { offset, dim1, dim2 }, x.ndim)
    const wanted = [...withoutDims(x.shape, [p.dim1, p.dim2]), extentOf(p, x.shape).length]
    checkDevices('diagonalScatter', ['x', 'src'], [x, src])
    if (!sameShape(src.shape, wanted))
      throw new ShapeError('diagonalScatter', `src ${showShape(src.shape)} must have the shape of the diagonal, ${showShape(wanted)}`, [
        x.shape,
        src.shape,
      ])
    return onDiagonal(cast(src, x.dtype), x, p)
  })
}
