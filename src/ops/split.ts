/** @file Views of parts that lie one behind the other: tensorSplit, hsplit, vsplit, dsplit, splitWithSizes. */
import {
  ArgumentError,
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
import { DIM, TENSOR, type Tensor, type TensorList, tensorList } from '../tensor/index.ts'
import { narrowTo, split } from './slice.ts'

const SECTIONS = oneOf(whole(1), listOf(WHOLE))
const TENSOR_SPLIT = signature('tensorSplit', { x: TENSOR, indicesOrSections: SECTIONS, dim: optional(DIM) })

/**
 * So many parts along `dim`, the first ones one longer where they cannot be equal; or the parts before, between and behind positions (negative ones count from the end).
 * @throws ShapeError for a 0-d tensor.
 * @see https://pytorch.org/docs/stable/generated/torch.tensor_split.html
 * @example arange(7).tensorSplit(3) // of 3, 2 and 2 elements
 */
export function tensorSplit(x: Tensor, indicesOrSections: number | readonly number[], dim = 0): TensorList {
  TENSOR_SPLIT.check(x, indicesOrSections, dim)
  return underName('tensorSplit', () => partsOf('tensorSplit', x, indicesOrSections, dim))
}

/** How many parts there may be at most, with or without elements. */
const MOST = 2 ** 20

function partsOf(op: string, x: Tensor, where: number | readonly number[], dim: number): TensorList {
  if (x.ndim === 0) throw new ShapeError(op, 'a tensor with dims is wanted, x is 0-d', [x.shape])
  if (typeof where === 'number' && where > MOST) throw new ArgumentError(op, `at most ${MOST} parts can be asked for, got ${where}`)
  const d = normalizeDim(op, dim, x.ndim)
  const n = x.shape[d] as number
  const ends = typeof where === 'number' ? endsOf(n, where) : where.map((i) => Math.min(n, Math.max(0, i < 0 ? i + n : i)))
  return tensorList([...ends, n].map((end, i) => narrowTo(x, d, Math.min(n, ends[i - 1] ?? 0), Math.max(0, end - (ends[i - 1] ?? 0)))))
}

/** Where all but the last of `count` parts of n end. */
const endsOf = (n: number, count: number): number[] =>
  Array.from({ length: count - 1 }, (_, i) => (i + 1) * Math.floor(n / count) + Math.min(i + 1, n % count))

/** Defines a split along a dim that the name says, of tensors of at least `least` dims. */
function splitting(
  name: string,
  least: number,
  dimOf: (ndim: number) => number,
): (x: Tensor, indicesOrSections: number | readonly number[]) => TensorList {
  const given = signature(name, { x: TENSOR, indicesOrSections: SECTIONS })
  return (x, where) => {
    given.check(x, where)
    if (x.ndim < least)
      throw new ShapeError(name, `at least ${least} dim${least === 1 ? ' is' : 's are'} wanted, x is ${showShape(x.shape)}`, [x.shape])
    const d = dimOf(x.ndim)
    const n = x.shape[d] as number
    if (typeof where === 'number' && n % where !== 0)
      throw new ShapeError(name, `dim ${d} of ${showShape(x.shape)} (size ${n}) has no ${where} equal parts. Use tensorSplit`, [x.shape])
    return underName(name, () => partsOf(name, x, where, d))
  }
}

/** A tensor in so many parts, as equal as they can be, or cut at positions. (Named, so that the declarations of methods name it.) */
export type SplitFunction = (x: Tensor, indicesOrSections: number | readonly number[]) => TensorList

/** Equal parts, or those at positions, along the columns (of a vector along its elements): {@link tensorSplit}. @see https://pytorch.org/docs/stable/generated/torch.hsplit.html */
export const hsplit: SplitFunction = splitting('hsplit', 1, (ndim) => (ndim === 1 ? 0 : 1))
/** Equal parts, or those at positions, along the rows: {@link tensorSplit}. @see https://pytorch.org/docs/stable/generated/torch.vsplit.html */
export const vsplit: SplitFunction = splitting('vsplit', 2, () => 0)
/** Equal parts, or those at positions, along dim 2: {@link tensorSplit}. @see https://pytorch.org/docs/stable/generated/torch.dsplit.html */
export const dsplit: SplitFunction = splitting('dsplit', 3, () => 2)

const SPLIT_WITH_SIZES = signature('splitWithSizes', { x: TENSOR, sizes: SHAPE, dim: optional(DIM) })

/** Parts of these sizes along `dim`: `split` with a list. @see https://pytorch.org/docs/stable/generated/torch.split.html */
export function splitWithSizes(x: Tensor, sizes: Shape, dim = 0): TensorList {
  SPLIT_WITH_SIZES.check(x, sizes, dim)
  return underName('splitWithSizes', () => split(x, sizes, dim))
}
