/** @file Matrices of Vandermonde: the powers of each element, side by side. */
import {
  ArgumentError,
  BOOLEAN,
  COUNT,
  DTypeError,
  options as describe,
  isInteger,
  optional,
  ShapeError,
  showShape,
  signature,
  underName,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, NamedArguments, TENSOR, Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { defineComposition } from './define.ts'
import { pow } from './elementwise.ts'
import { reshapeTo } from './view.ts'

/** x⁰ … xⁿ⁻¹, or from the highest power down, in a new last dim. */
const powersOf: (x: Tensor, n: number, increasing: boolean) => Tensor = defineComposition(
  'vander',
  (x: Tensor, n: number, increasing: boolean) => {
    const count = graph.iota(n, x._node.placement)
    const exponents = increasing ? count : graph.binary('sub', graph.scalar(n - 1, 'int32'), count)
    return pow(reshapeTo(x, [...x.shape, 1]), cast(new Tensor(exponents), x.dtype))
  },
)

/** Columns and their order. */
export interface VanderOptions {
  /** How many columns: as many as there are elements by default. */
  readonly N?: number
  /** Whether the powers go up: false by default, the last column is 1. */
  readonly increasing?: boolean
}
/** (N, increasing), the last ones by name where that is wanted. */
export type VanderArguments = [N?: number, increasing?: boolean | Pick<VanderOptions, 'increasing'>] | [options: VanderOptions]

const VANDER = new NamedArguments<VanderOptions>('vander', { x: TENSOR }, { N: COUNT, increasing: BOOLEAN })

/**
 * The powers xᴺ⁻¹, …, x, 1 of each element, in a row each.
 * @param x [n]; integers and bools are int32 in the result
 * @returns [n, N]
 * @throws ShapeError where x is no vector.
 * @see https://pytorch.org/docs/stable/generated/torch.vander.html
 * @example vander(tensor([2, 3]), 3) // [[4, 2, 1], [9, 3, 1]]
 */
export function vander(x: Tensor, ...columns: VanderArguments): Tensor {
  const { N, increasing = false } = VANDER.read(x, ...columns)
  return underName('vander', () => {
    if (x.ndim !== 1) throw new ShapeError('vander', `a vector is wanted, x is ${showShape(x.shape)}`, [x.shape])
    const n = N ?? (x.shape[0] as number)
    checkSize('vander', [...x.shape, n])
    const wide = x.dtype === 'bool' || isInteger(x.dtype) ? cast(x, 'int32') : x
    return powersOf(wide, n, increasing)
  })
}

/** How many columns. */
export interface LinalgVanderOptions {
  /** How many powers, 2 or more: as many as there are elements in the last dim by default. */
  readonly N?: number
}

const LINALG_VANDER = signature('linalg.vander', { x: TENSOR, options: optional(describe<LinalgVanderOptions>({ N: whole(2) })) })

/**
 * The powers 1, x, …, xᴺ⁻¹ of each element, in a new last dim.
 * @param x [..., n], no bools; integers are int32 in the result
 * @returns [..., n, N]
 * @throws ShapeError for a 0-d tensor; ArgumentError where the last dim has fewer than two elements, and no N says how many powers there are.
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.vander.html
 * @example linalg.vander(tensor([2, 3]), { N: 3 }) // [[1, 2, 4], [1, 3, 9]]
 */
export function linalgVander(x: Tensor, options?: LinalgVanderOptions): Tensor {
  LINALG_VANDER.check(x, options)
  return underName('linalg.vander', () => {
    if (x.dtype === 'bool') throw new DTypeError('linalg.vander', 'x must be numbers, got bool. Convert with .int()')
    if (x.ndim === 0) throw new ShapeError('linalg.vander', 'a tensor with dims is wanted, x is 0-d', [x.shape])
    const n = options?.N ?? (x.shape.at(-1) as number)
    if (n < 2) throw new ArgumentError('linalg.vander', `N must be 2 or more, got ${n}, the last size of x ${showShape(x.shape)}`)
    checkSize('linalg.vander', [...x.shape, n])
    return powersOf(isInteger(x.dtype) ? cast(x, 'int32') : x, n, true)
  })
}
