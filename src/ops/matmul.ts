/** @file Products of matrices. */
import {
  broadcastShapes,
  DTypeError,
  meetingType,
  type Shape,
  ShapeError,
  type Signature,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, MAYBE_TENSOR, TENSOR, type Tensor } from '../tensor/index.ts'
import { autocasted, checkDevices, defineComposition, defineOp } from './define.ts'
import { add } from './elementwise.ts'
import { ownShape } from './indexing.ts'
import { commonType } from './promote.ts'
import { reshape, transposed } from './view.ts'

const product: (a: Tensor, b: Tensor, params: undefined) => Tensor = defineOp('matmul', {
  inputs: ['a', 'b'],
  forward: (a, b, _: undefined) => {
    const dtype = meetingType(a.dtype, b.dtype)
    if (sizeOf(a.shape) > 0 && sizeOf(b.shape) > 0) return graph.contract(graph.cast(a, dtype), graph.cast(b, dtype))
    const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2))
    return graph.expand(graph.constant(0, dtype, a.placement === 'auto' ? b.placement : a.placement), [
      ...batch,
      a.shape[a.shape.length - 2] as number,
      b.shape[b.shape.length - 1] as number,
    ])
  },
  saves: { a: ['b'], b: ['a'] },
  vjp: { a: (g, { b }) => product(g, transposed(b), undefined), b: (g, { a }) => product(transposed(a), g, undefined) },
  autocast: 'lower',
})

function checkInner(op: string, a: Tensor, b: Tensor): void {
  const k = a.shape[a.ndim - 1] as number
  const l = b.shape[Math.max(0, b.ndim - 2)] as number
  if (k === l) return
  const place = b.ndim > 1 ? 'second-last' : 'last'
  const hint = b.ndim > 1 && b.shape[b.ndim - 1] === k ? '. Transpose b?' : ''
  throw new ShapeError(
    op,
    `inner sizes differ: a is ${showShape(a.shape)} (last ${k}), b is ${showShape(b.shape)} (${place} ${l})${hint}`,
    [a.shape, b.shape],
  )
}

const MATMUL = signature('matmul', { a: TENSOR, b: TENSOR })

/**
 * Product of matrices, of a matrix and a vector, or of two vectors; leading dims are a batch and broadcast. Summed in float32 or wider.
 * @param a [m, k], [k] or [..., m, k]
 * @param b [k, n], [k] or [..., k, n]
 * @returns [..., m, n], without m or n for a vector; 0-d for two vectors
 * @throws ShapeError when the inner sizes differ.
 * @see https://pytorch.org/docs/stable/generated/torch.matmul.html
 * @example matmul(zeros([2, 3]), zeros([3, 4])).shape // [2, 4]
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  MATMUL.check(a, b)
  if (a.ndim === 0 || b.ndim === 0)
    throw new ShapeError(
      'matmul',
      `both need at least one dim: a is ${showShape(a.shape)}, b is ${showShape(b.shape)}. Use mul for 0-d tensors`,
      [a.shape, b.shape],
    )
  checkInner('matmul', a, b)
  if (commonType(a, b) === 'bool') throw new DTypeError('matmul', 'bools have no product. Convert with .float()')
  if (a.ndim === 2 && b.ndim === 2) return product(a, b, undefined)
  if (b.ndim === 1) {
    // [..., m, k] · [k, 1]
    const rows = a.ndim === 1 ? reshape(a, [1, a.shape[0] as number]) : a
    const y = matmul(rows, reshape(b, [b.shape[0] as number, 1]))
    return ownShape(y, a.shape.slice(0, -1))
  }
  if (a.ndim === 1) {
    const y = matmul(reshape(a, [1, a.shape[0] as number]), b)
    return ownShape(y, [...b.shape.slice(0, -2), b.shape[b.ndim - 1] as number])
  }
  if (b.ndim === 2) {
    // a batch of rows against one matrix is one taller matrix: the gradient of b is then one product too
    const k = a.shape[a.ndim - 1] as number
    const tall = reshape(a, [sizeOf(a.shape.slice(0, -1)), k])
    return ownShape(product(tall, b, undefined), [...a.shape.slice(0, -1), b.shape[1] as number])
  }
  broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2))
  return product(a, b, undefined)
}

function exactDims(given: Signature, ndim: number, a: Tensor, b: Tensor): void {
  const op = given.name
  given.check(a, b)
  if (a.ndim !== ndim || b.ndim !== ndim)
    throw new ShapeError(
      op,
      `both must have ${ndim} dim${ndim === 1 ? '' : 's'}: a is ${showShape(a.shape)}, b is ${showShape(b.shape)}. matmul takes any`,
      [a.shape, b.shape],
    )
  checkDevices(op, ['a', 'b'], [a, b])
  if (ndim > 1) checkSize(op, [...a.shape.slice(0, -1), b.shape[ndim - 1] as number])
}

/** A product of two tensors. */
/** A product of two tensors. */
export type ProductFunction = (a: Tensor, b: Tensor) => Tensor

const MM = signature('mm', { a: TENSOR, b: TENSOR })
const BMM = signature('bmm', { a: TENSOR, b: TENSOR })
const DOT = signature('dot', { a: TENSOR, b: TENSOR })

/** [m, k] · [k, n]. @see https://pytorch.org/docs/stable/generated/torch.mm.html */
export const mm: ProductFunction = autocasted('mm', 'lower', (a: Tensor, b: Tensor): Tensor => {
  exactDims(MM, 2, a, b)
  return underName('mm', () => matmul(a, b))
})
/** [batch, m, k] · [batch, k, n]. @throws ShapeError where batches or inner sizes differ. @see https://pytorch.org/docs/stable/generated/torch.bmm.html */
export const bmm: ProductFunction = autocasted('bmm', 'lower', (a: Tensor, b: Tensor): Tensor => {
  exactDims(BMM, 3, a, b)
  if (a.shape[0] !== b.shape[0]) {
    const shapes = `a is ${showShape(a.shape)} (first ${a.shape[0]}), b is ${showShape(b.shape)} (first ${b.shape[0]})`
    throw new ShapeError('bmm', `batches differ: ${shapes}. matmul broadcasts them`, [a.shape, b.shape])
  }
  return underName('bmm', () => matmul(a, b))
})
/** Inner product of two vectors. @see https://pytorch.org/docs/stable/generated/torch.dot.html */
export const dot: ProductFunction = autocasted('dot', 'widest', (a: Tensor, b: Tensor): Tensor => {
  exactDims(DOT, 1, a, b)
  return underName('dot', () => matmul(a, b))
})

const LINEAR = signature('linear', { x: TENSOR, weight: TENSOR, bias: MAYBE_TENSOR })

/**
 * x · weightᵀ + bias.
 * @param x [..., in]
 * @param weight [out, in]
 * @param bias [out]
 * @returns [..., out]
 * @throws ShapeError when sizes do not fit.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.linear.html
 */
export const linear: (x: Tensor, weight: Tensor, bias?: Tensor | null) => Tensor = defineComposition(
  'linear',
  (x: Tensor, weight: Tensor, bias?: Tensor | null) => {
    LINEAR.check(x, weight, bias)
    const [out, inner] = weight.shape as readonly [number, number]
    if (weight.ndim !== 2) throw new ShapeError('linear', `weight must be [out, in], got ${showShape(weight.shape)}`, [weight.shape])
    if (x.ndim === 0 || x.shape[x.ndim - 1] !== inner) {
      throw new ShapeError(
        'linear',
        `features differ: x is ${showShape(x.shape)} (last ${lastOf(x.shape)}), weight is ${showShape(weight.shape)} (in ${inner})`,
        [x.shape, weight.shape],
      )
    }
    if (bias === undefined || bias === null) {
      checkDevices('linear', ['x', 'weight'], [x, weight])
      return matmul(x, transposed(weight))
    }
    checkDevices('linear', ['x', 'weight', 'bias'], [x, weight, bias])
    if (bias.ndim > 1 || (bias.ndim === 1 && bias.shape[0] !== out)) {
      throw new ShapeError('linear', `bias must be [${out}] for weight ${showShape(weight.shape)}, got ${showShape(bias.shape)}`, [
        bias.shape,
        weight.shape,
      ])
    }
    return add(matmul(x, transposed(weight)), bias)
  },
  { autocast: 'lower' },
)

const lastOf = (shape: Shape): string => (shape.length ? String(shape[shape.length - 1]) : 'none')
