/** @file Fans: how many connections a weight has on each side. */
import { ShapeError, showShape } from '../base/index.ts'
import type { Tensor } from '../tensor/index.ts'

/** How many inputs reach one output of a weight [out, in, …kernel], and how many outputs one input reaches. */
export function fans(op: string, tensor: Tensor): { readonly fanIn: number; readonly fanOut: number } {
  if (tensor.ndim < 2)
    throw new ShapeError(op, `a weight of at least 2 dims [out, in, …] is wanted, got ${showShape(tensor.shape)}`, [tensor.shape])
  const [out, input, ...kernel] = tensor.shape as [number, number, ...number[]]
  const field = kernel.reduce((n, s) => n * s, 1)
  return { fanIn: input * field, fanOut: out * field }
}
