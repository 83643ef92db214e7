/** @file Products of several matrices, and powers of one. */
import { ArgumentError, DTypeError, listOf, mismatch, ShapeError, showShape, signature, WHOLE } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { cast, clone } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { matmul } from './matmul.ts'
import { expandTo, reshapeTo } from './view.ts'

/**
 * Where the product of matrices i to j is split, for the fewest multiplications. Matrix i is [sizes[i], sizes[i + 1]].
 * @see Cormen, Leiserson, Rivest, Stein, Introduction to Algorithms, 3rd ed., 15.2
 */
function splitsOf(sizes: readonly number[]): readonly (readonly number[])[] {
  const n = sizes.length - 1
  const cost = Array.from({ length: n }, () => new Array<number>(n).fill(0))
  const splits = Array.from({ length: n }, () => new Array<number>(n).fill(0))
  const at = (table: number[][], i: number, j: number): number => (table[i] as number[])[j] as number
  for (let length = 1; length < n; length++) {
    for (let i = 0; i + length < n; i++) {
      const j = i + length
      let least = Number.POSITIVE_INFINITY
      for (let k = i; k < j; k++) {
        const work = (sizes[i] as number) * (sizes[k + 1] as number) * (sizes[j + 1] as number)
        const total = at(cost, i, k) + at(cost, k + 1, j) + work
        if (total >= least) continue
        least = total
        ;(splits[i] as number[])[j] = k
      }
      ;(cost[i] as number[])[j] = least
    }
  }
  return splits
}

/** The product of matrices that fit. */
function chained(matrices: readonly Tensor[]): Tensor {
  const sizes = [(matrices[0] as Tensor).shape[0] as number, ...matrices.map((x) => x.shape[1] as number)]
  const splits = splitsOf(sizes)
  const product = (i: number, j: number): Tensor => {
    if (i === j) return matrices[i] as Tensor
    const k = (splits[i] as readonly number[])[j] as number
    return matmul(product(i, k), product(k + 1, j))
  }
  return matrices.length === 1 ? clone(matrices[0] as Tensor) : product(0, matrices.length - 1)
}

function checkChain(op: string, tensors: readonly Tensor[], matrices: readonly Tensor[]): void {
  matrices.forEach((x, i) => {
    const before = matrices[i - 1]
    if (before === undefined || before.shape[1] === x.shape[0]) return
    const [a, b] = [tensors[i - 1] as Tensor, tensors[i] as Tensor]
    throw new ShapeError(
      op,
      `inner sizes differ: tensors[${i - 1}] is ${showShape(a.shape)} (last ${before.shape[1]}), tensors[${i}] is ${showShape(b.shape)} (first ${x.shape[0]})`,
      [a.shape, b.shape],
    )
  })
  checkDevices(op, 'tensors', tensors)
}

const MULTI_DOT = signature('multiDot', { tensors: listOf(TENSOR, 2) })
const chainOfAny = defineComposition(
  'multiDot',
  (...tensors: Tensor[]): Tensor => {
    const last = tensors.length - 1
    const matrices = tensors.map((x, i) => {
      const vector = (i === 0 || i === last) && x.ndim === 1
      if (!vector && x.ndim !== 2) {
        const wanted = i === 0 || i === last ? '1 or 2 dims' : '2 dims'
        throw new ShapeError('multiDot', `tensors[${i}] must have ${wanted}, it is ${showShape(x.shape)}`, [x.shape])
      }
      return vector ? reshapeTo(x, i === 0 ? [1, x.shape[0] as number] : [x.shape[0] as number, 1]) : x
    })
    checkChain('multiDot', tensors, matrices)
    const y = chained(matrices)
    const [rows, columns] = y.shape as readonly [number, number]
    const out = [...(tensors[0]?.ndim === 1 ? [] : [rows]), ...(tensors[last]?.ndim === 1 ? [] : [columns])]
    return out.length === 2 ? y : reshapeTo(y, out)
  },
  { autocast: 'lower' },
)

/**
 * The product of two or more matrices, of which the first and the last may be vectors, in the order that takes the fewest multiplications.
 * @throws ShapeError where sizes do not fit.
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.multi_dot.html
 * @example linalg.multiDot([zeros([2, 30]), zeros([30, 4]), zeros([4])]).shape // [2]
 */
export function multiDot(tensors: readonly Tensor[]): Tensor {
  MULTI_DOT.check(tensors)
  return chainOfAny(...tensors)
}

/**
 * The product of matrices, in the order that takes the fewest multiplications.
 * @throws ShapeError where sizes do not fit.
 * @see https://pytorch.org/docs/stable/generated/torch.chain_matmul.html
 */
export const chainMatmul: (...matrices: Tensor[]) => Tensor = defineComposition(
  'chainMatmul',
  (...matrices: Tensor[]): Tensor => {
    if (matrices.length === 0) throw new ArgumentError('chainMatmul', 'at least one matrix is wanted')
    matrices.forEach((x, i) => {
      if (!(x instanceof Tensor)) throw new ArgumentError('chainMatmul', mismatch(TENSOR, `matrices[${i}]`, x))
      if (x.ndim !== 2) throw new ShapeError('chainMatmul', `matrices[${i}] must have 2 dims, it is ${showShape(x.shape)}`, [x.shape])
    })
    checkChain('chainMatmul', matrices, matrices)
    return chained(matrices)
  },
  { autocast: 'lower' },
)

const MATRIX_POWER = signature('matrixPower', { x: TENSOR, n: WHOLE })

/**
 * The product of `n` times `x`, by squaring; the identity for n = 0.
 * @param x [..., m, m]
 * @param n ≥ 0 (a negative power is one of the inverse, which is not there yet)
 * @throws ShapeError where `x` is not square; ArgumentError for a negative `n`.
 * @see https://pytorch.org/docs/stable/generated/torch.linalg.matrix_power.html
 */
export const matrixPower: (x: Tensor, n: number) => Tensor = defineComposition('matrixPower', (x: Tensor, n: number): Tensor => {
  MATRIX_POWER.check(x, n)
  const [rows, columns] = x.shape.slice(-2)
  if (x.ndim < 2 || rows !== columns)
    throw new ShapeError('matrixPower', `square matrices [..., m, m] are wanted, x is ${showShape(x.shape)}`, [x.shape])
  if (n < 0)
    throw new ArgumentError('matrixPower', `n must be ≥ 0, got ${n}: negative powers need the inverse of x, which is not there yet`)
  if (x.dtype === 'bool') throw new DTypeError('matrixPower', 'bools have no product. Convert with .float()')
  if (n === 0) return identity(x, rows as number)
  let result: Tensor | undefined
  for (let square = x, rest = n; rest > 0; ) {
    if (rest % 2 === 1) result = result === undefined ? square : matmul(result, square)
    rest = Math.floor(rest / 2)
    if (rest > 0) square = matmul(square, square)
  }
  return n === 1 ? clone(x) : (result as Tensor)
})

/** Identities in the place of the matrices of `x`. */
function identity(x: Tensor, m: number): Tensor {
  const along = (shape: readonly number[]): graph.Node => graph.reshape(graph.iota(m, x._node.placement), shape)
  return expandTo(cast(new Tensor(graph.binary('eq', along([m, 1]), along([1, m]))), x.dtype), x.shape)
}
