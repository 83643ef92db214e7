/** @file What is known of a tensor without its values. */
import { dtypeInfo, isFloat, normalizeDim, optional, sameShape, signature, WHOLE } from '../base/index.ts'
import { rowMajor, TENSOR, Tensor } from '../tensor/index.ts'

const NUMEL = signature('numel', { x: TENSOR })
const IS_FLOATING_POINT = signature('isFloatingPoint', { x: TENSOR })
const IS_COMPLEX = signature('isComplex', { x: TENSOR })
const IS_SIGNED = signature('isSigned', { x: TENSOR })
const IS_SAME_SIZE = signature('isSameSize', { x: TENSOR, other: TENSOR })
const ELEMENT_SIZE = signature('elementSize', { x: TENSOR })
const IS_CONTIGUOUS = signature('isContiguous', { x: TENSOR })
const STRIDE = signature('stride', { x: TENSOR, dim: optional(WHOLE) })

/** Whether it is a tensor. @see https://pytorch.org/docs/stable/generated/torch.is_tensor.html */
export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor

/** The number of elements. @see https://pytorch.org/docs/stable/generated/torch.numel.html */
export function numel(x: Tensor): number {
  NUMEL.check(x)
  return x.numel()
}

/** Whether the elements are of a float dtype. @see https://pytorch.org/docs/stable/generated/torch.is_floating_point.html */
export function isFloatingPoint(x: Tensor): boolean {
  IS_FLOATING_POINT.check(x)
  return isFloat(x.dtype)
}

/** Whether the elements are complex numbers: never. @see https://pytorch.org/docs/stable/generated/torch.is_complex.html */
export function isComplex(x: Tensor): boolean {
  IS_COMPLEX.check(x)
  return false
}

/** Whether the dtype holds negative numbers. @see https://pytorch.org/docs/stable/generated/torch.Tensor.is_signed.html */
export function isSigned(x: Tensor): boolean {
  IS_SIGNED.check(x)
  return x.dtype !== 'bool' && x.dtype !== 'uint8' && x.dtype !== 'uint32'
}

/** Whether both have one shape. @see https://pytorch.org/docs/stable/generated/torch.Tensor.is_same_size.html */
export function isSameSize(x: Tensor, other: Tensor): boolean {
  IS_SAME_SIZE.check(x, other)
  return sameShape(x.shape, other.shape)
}

/** The bytes of one element. @see https://pytorch.org/docs/stable/generated/torch.Tensor.element_size.html */
export function elementSize(x: Tensor): number {
  ELEMENT_SIZE.check(x)
  return dtypeInfo[x.dtype].bytes
}

/** Whether the values lie in row-major order: always. @see https://pytorch.org/docs/stable/generated/torch.Tensor.is_contiguous.html */
export function isContiguous(x: Tensor): boolean {
  IS_CONTIGUOUS.check(x)
  return true
}

/** How many elements `data()` has between neighbours along each dim, or along one. @see https://pytorch.org/docs/stable/generated/torch.Tensor.stride.html */
export function stride(x: Tensor, dim?: undefined): readonly number[]
export function stride(x: Tensor, dim: number): number
export function stride(x: Tensor, dim?: number): readonly number[] | number {
  STRIDE.check(x, dim)
  const strides = rowMajor(x.shape)
  return dim === undefined ? strides : (strides[normalizeDim('stride', dim, x.ndim)] as number)
}
