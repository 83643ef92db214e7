/** @file Triangles of matrices: tril, triu, and the positions in them. */
import {
  ArgumentError,
  COUNT,
  checkElements,
  DEVICE,
  DTYPE,
  type DType,
  INT32,
  isInteger,
  ShapeError,
  showShape,
  signature,
  underName,
} from '../base/index.ts'
import type { DeviceName } from '../device/index.ts'
import * as graph from '../graph/index.ts'
import { NamedArguments, TENSOR, Tensor } from '../tensor/index.ts'
import { tensor } from './create.ts'
import { diagonalIn, TRIANGLE, type TriangleOptions } from './diagonal.ts'
import { where } from './elementwise.ts'
import { lit } from './promote.ts'

/** Column − row of each element of the last two dims. */
function columnLessRow(op: string, x: Tensor): Tensor {
  if (x.ndim < 2) throw new ShapeError(op, `at least 2 dims are wanted, x is ${showShape(x.shape)}`, [x.shape])
  const [rows, columns] = x.shape.slice(-2) as [number, number]
  return new Tensor(graph.binary('sub', graph.reshape(graph.iota(columns), [1, columns]), graph.reshape(graph.iota(rows), [rows, 1])))
}

const triangle = (op: 'tril' | 'triu', compare: 'le' | 'lt'): ((x: Tensor, diagonal?: number | TriangleOptions) => Tensor) => {
  const given = signature(op, { x: TENSOR, diagonal: TRIANGLE })
  return (x, diagonal) => {
    given.check(x, diagonal)
    const k = graph.scalar(diagonalIn(diagonal), 'int32')
    return underName(op, () => {
      const below = new Tensor(graph.binary(compare, columnLessRow(op, x)._node, k))
      return op === 'tril' ? where(below, x, lit(0, x)) : where(below, lit(0, x), x)
    })
  }
}

/** The lower triangle of the last two dims (column − row ≤ `diagonal`), the rest 0. @see https://pytorch.org/docs/stable/generated/torch.tril.html */
export const tril: (x: Tensor, diagonal?: number | TriangleOptions) => Tensor = triangle('tril', 'le')
/** The upper triangle of the last two dims (column − row ≥ `diagonal`), the rest 0. @see https://pytorch.org/docs/stable/generated/torch.triu.html */
export const triu: (x: Tensor, diagonal?: number | TriangleOptions) => Tensor = triangle('triu', 'lt')

/** Which triangle, and what its positions are. */
export interface TriangleIndicesOptions {
  /** The diagonal where the triangle ends: 0 by default. */
  readonly offset?: number
  /** The dtype of the positions: int32 by default. */
  readonly dtype?: DType
  /** The device: the default device unless it is named. */
  readonly device?: DeviceName
}

const indicesOf = (name: 'trilIndices' | 'triuIndices'): ((row: number, col: number, ...rest: TriangleIndicesArguments) => Tensor) => {
  const given = new NamedArguments<TriangleIndicesOptions>(
    name,
    { row: COUNT, col: COUNT },
    { offset: INT32, dtype: DTYPE, device: DEVICE },
  )
  return (row, col, ...rest) => {
    const { offset = 0, dtype = 'int32', device } = given.read(row, col, ...rest)
    if (!isInteger(dtype)) throw new ArgumentError(name, `positions are integers, got dtype '${dtype}'`)
    checkElements(name, [row, col])
    const [rows, columns]: [number[], number[]] = [[], []]
    for (let i = 0; i < row; i++) {
      const end = Math.min(col, Math.max(0, i + offset + 1)) // behind the last column of tril
      const [from, to] = name === 'trilIndices' ? [0, end] : [Math.min(col, Math.max(0, i + offset)), col]
      for (let j = from; j < to; j++) {
        rows.push(i)
        columns.push(j)
      }
    }
    return underName(name, () =>
      tensor(Int32Array.from([...rows, ...columns]), { shape: [2, rows.length], dtype, ...(device === undefined ? {} : { device }) }),
    )
  }
}

/** (offset, dtype, device), the last ones by name where that is wanted. */
export type TriangleIndicesArguments = [offset?: number, options?: TriangleIndicesOptions] | [options: TriangleIndicesOptions]

/** The positions of {@link tril} in a [row, col] matrix, [2, n]: rows, then columns. @see https://pytorch.org/docs/stable/generated/torch.tril_indices.html */
export const trilIndices: (row: number, col: number, ...rest: TriangleIndicesArguments) => Tensor = indicesOf('trilIndices')
/** The positions of {@link triu} in a [row, col] matrix, [2, n]: rows, then columns. @see https://pytorch.org/docs/stable/generated/torch.triu_indices.html */
export const triuIndices: (row: number, col: number, ...rest: TriangleIndicesArguments) => Tensor = indicesOf('triuIndices')
