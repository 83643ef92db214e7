/** @file β · input + α · a product: addmm and its kin. */
import {
  ArgumentError,
  options as describe,
  expandsTo,
  isFloat,
  NUMBER,
  type Options,
  operandOf,
  optional,
  ShapeError,
  type Signature,
  showShape,
  signature,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import type { AutocastClass } from './autocast.ts'
import { contraction } from './contraction.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, mul, where } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { checkInnerSizes, checkRanks } from './products.ts'
import { commonType, lit } from './promote.ts'
import { reshapeTo } from './view.ts'

/** Factors of {@link addmm} and its kin. */
export interface AddProductOptions {
  /** Of the input: 1 by default. With 0 the input is not read: its NaN and infinities are left out. */
  readonly beta?: number
  /** Of the product: 1 by default. */
  readonly alpha?: number
}
/** A product of two tensors times `alpha`, added to a tensor times `beta`. */
export type AddProductFunction = (input: Tensor, a: Tensor, b: Tensor, options?: AddProductOptions) => Tensor

/** The kinds of {@link AddProductOptions}. */
export const ADD_PRODUCT: Options<AddProductOptions> = describe<AddProductOptions>({ beta: NUMBER, alpha: NUMBER })

/** x · factor in the dtype of x; integers take whole factors only. */
function scaled(op: string, role: string, x: Tensor, factor: number): Tensor {
  if (factor === 1) return x
  if (isFloat(x.dtype)) return mul(x, factor)
  if (!Number.isInteger(factor))
    throw new ArgumentError(op, `${role} must be a whole number beside ${x.dtype}, got ${factor}. Convert with .float()`)
  return cast(mul(x, operandOf(op, role, factor, x.dtype)), x.dtype)
}

function combined(given: Signature, input: Tensor, product: Tensor, { beta = 1, alpha = 1 }: AddProductOptions = {}): Tensor {
  const op = given.name
  if (!expandsTo(input.shape, product.shape)) {
    throw new ShapeError(op, `input ${showShape(input.shape)} does not broadcast to the product's ${showShape(product.shape)}`, [
      input.shape,
      product.shape,
    ])
  }
  const dtype = commonType(input, product)
  const added = scaled(op, 'alpha', cast(product, dtype), alpha)
  const from = cast(input, dtype)
  if (beta !== 0) return add(scaled(op, 'beta', from, beta), added)
  // The gradient of what is left out is 0, not absent
  return input.requiresGrad ? add(where(new Tensor(graph.constant(0, 'bool')), from, lit(0, from)), added) : added
}

interface Form {
  readonly name: string
  readonly a: string
  readonly b: string
  readonly ranks: readonly [a: number, b: number]
  readonly autocast: AutocastClass
  /** Throws where the sizes of the operands do not fit. */
  readonly check?: (given: Signature, a: Tensor, b: Tensor) => void
  readonly product: (a: Tensor, b: Tensor) => Tensor
}

function define({ name, a: roleOfA, b: roleOfB, ranks, autocast, check, product }: Form): AddProductFunction {
  const given = signature(name, { input: TENSOR, [roleOfA]: TENSOR, [roleOfB]: TENSOR, options: optional(ADD_PRODUCT) })
  return defineComposition(
    name,
    (input: Tensor, a: Tensor, b: Tensor, options?: AddProductOptions): Tensor => {
      given.check(input, a, b, options)
      checkRanks(given, [input.ndim, ...ranks], [input, a, b])
      check?.(given, a, b)
      checkDevices(name, given.roles, [input, a, b])
      return combined(given, input, product(a, b), options)
    },
    { autocast },
  )
}

const checkMatrices = (given: Signature, a: Tensor, b: Tensor): void => checkInnerSizes(given, 1, a, 1, 2, b, 0)
const checkBatches = (given: Signature, a: Tensor, b: Tensor): void => {
  if (a.shape[0] !== b.shape[0]) {
    throw new ShapeError(
      given.name,
      `batches differ: ${given.roles[1]} is ${showShape(a.shape)}, ${given.roles[2]} is ${showShape(b.shape)}`,
      [a.shape, b.shape],
    )
  }
  checkInnerSizes(given, 1, a, 2, 2, b, 1)
}

/**
 * β · input + α · (mat1 · mat2).
 * @param input what broadcasts to [n, p]
 * @param mat1 [n, m]
 * @param mat2 [m, p]
 * @throws ShapeError where sizes do not fit; ArgumentError for factors with a fraction beside integers.
 * @see https://pytorch.org/docs/stable/generated/torch.addmm.html
 */
export const addmm: AddProductFunction = define({
  name: 'addmm',
  a: 'mat1',
  b: 'mat2',
  ranks: [2, 2],
  autocast: 'lower',
  check: checkMatrices,
  product: matmul,
})
/** β · input + α · (mat [n, m] · vec [m]); `input` broadcasts to [n]. @see https://pytorch.org/docs/stable/generated/torch.addmv.html */
export const addmv: AddProductFunction = define({
  name: 'addmv',
  a: 'mat',
  b: 'vec',
  ranks: [2, 1],
  autocast: 'lower',
  check: checkMatrices,
  product: matmul,
})
/** β · input + α · the outer product of vec1 [n] and vec2 [m]; `input` broadcasts to [n, m]. @see https://pytorch.org/docs/stable/generated/torch.addr.html */
export const addr: AddProductFunction = define({
  name: 'addr',
  a: 'vec1',
  b: 'vec2',
  ranks: [1, 1],
  autocast: 'lower',
  product: (a, b) => mul(reshapeTo(a, [a.shape[0] as number, 1]), b),
})
/** β · input + α · Σ of the products of batch1 [b, n, m] and batch2 [b, m, p] over the batch; `input` broadcasts to [n, p]. @see https://pytorch.org/docs/stable/generated/torch.addbmm.html */
export const addbmm: AddProductFunction = define({
  name: 'addbmm',
  a: 'batch1',
  b: 'batch2',
  ranks: [3, 3],
  autocast: 'lower',
  check: checkBatches,
  product: (a, b) => contraction(a, b, { a: ['b', 'n', 'm'], b: ['b', 'm', 'p'], out: ['n', 'p'] }),
})
/** β · input + α · (batch1 [b, n, m] · batch2 [b, m, p]); `input` broadcasts to [b, n, p]. @see https://pytorch.org/docs/stable/generated/torch.baddbmm.html */
export const baddbmm: AddProductFunction = define({
  name: 'baddbmm',
  a: 'batch1',
  b: 'batch2',
  ranks: [3, 3],
  autocast: 'lower',
  check: checkBatches,
  product: matmul,
})
