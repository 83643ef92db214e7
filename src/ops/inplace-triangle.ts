/** @file In place on triangles and diagonals: tril_, triu_, fillDiagonal_. */
import { BOOLEAN, held, NUMBER, ShapeError, showShape } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { NamedArguments, TENSOR, Tensor } from '../tensor/index.ts'
import { TRIANGLE } from './diagonal.ts'
import { where } from './elementwise.ts'
import { inPlace } from './inplace.ts'
import { number } from './promote.ts'
import { tril, triu } from './triangle.ts'

/** As {@link tril}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.tril_.html */
export const tril_: typeof tril = inPlace('tril_', { diagonal: TRIANGLE }, tril)
/** As {@link triu}, with `x` as the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.triu_.html */
export const triu_: typeof triu = inPlace('triu_', { diagonal: TRIANGLE }, triu)

/** Whether the diagonal goes on. */
export interface FillDiagonalOptions {
  /** Whether, in a matrix with more rows than columns, it begins again, one row below where it has ended: false by default. */
  readonly wrap?: boolean
}

const FILL_DIAGONAL = new NamedArguments<FillDiagonalOptions>('fillDiagonal_', { x: TENSOR, fillValue: NUMBER }, { wrap: BOOLEAN })

/** Where all positions are the same; with `wrap` the rows are counted anew behind each square and one row more. */
function onMainDiagonal(x: Tensor, wrap: boolean): Tensor {
  const { placement } = x._node
  const along = (d: number): graph.Node =>
    graph.reshape(
      graph.iota(x.shape[d] as number, placement),
      x.shape.map((s, k) => (k === d ? s : 1)),
    )
  const rows = wrap && x.ndim === 2 ? graph.binary('mod', along(0), graph.scalar((x.shape[1] as number) + 1, 'int32')) : along(0)
  const same = x.shape.slice(1).map((_, k) => graph.binary('eq', rows, along(k + 1)))
  return new Tensor(same.reduce((a, b) => graph.binary('and', a, b)))
}

const filled = inPlace('fillDiagonal_', { fillValue: NUMBER, wrap: BOOLEAN }, (x: Tensor, fillValue: number, wrap: boolean) => {
  if (x.ndim < 2) throw new ShapeError('fillDiagonal_', `at least 2 dims are wanted, x is ${showShape(x.shape)}`, [x.shape])
  if (x.ndim > 2 && x.shape.some((s) => s !== x.shape[0]))
    throw new ShapeError('fillDiagonal_', `all sizes of more than 2 dims must be equal, x is ${showShape(x.shape)}`, [x.shape])
  return where(onMainDiagonal(x, wrap), number(held('fillDiagonal_', 'fillValue', fillValue, x.dtype), x.dtype), x)
})

/**
 * `fillValue`, which the dtype of `x` has to hold, where all positions are the same.
 * @param x a matrix, or more dims of one size
 * @throws ShapeError for fewer than 2 dims, or more of different sizes; ArgumentError for a value that the dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.fill_diagonal_.html
 */
export function fillDiagonal_(x: Tensor, fillValue: number, wrap?: boolean | FillDiagonalOptions): Tensor {
  return filled(x, fillValue, FILL_DIAGONAL.read(x, fillValue, wrap).wrap ?? false)
}
