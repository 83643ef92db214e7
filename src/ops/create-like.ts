/** @file Tensors of the dtype and on the device of another: `x.newZeros(…)` and its kin; scalarTensor and asTensor. */
import {
  ANYTHING,
  BOOLEAN,
  DEVICE,
  DTYPE,
  type DType,
  options as describe,
  NUMBER,
  type Options,
  oneOf,
  optional,
  signature,
  underName,
} from '../base/index.ts'
import type { DeviceName } from '../device/index.ts'
import { type HostData, TENSOR, Tensor } from '../tensor/index.ts'
import { to } from './convert.ts'
import {
  CREATE,
  type CreateOptions,
  type CreationArguments,
  full,
  impliedBy,
  ones,
  readSized,
  SIZES,
  sized,
  tensor,
  zeros,
} from './create.ts'

const OPTIONS: Options<CreateOptions> = describe<CreateOptions>(CREATE)

/** Defines a method that makes a tensor of a shape. */
function sizedLike(
  name: string,
  make: (shape: readonly number[], options: CreateOptions) => Tensor,
): (x: Tensor, ...args: CreationArguments<CreateOptions>) => Tensor {
  const given = sized(name, OPTIONS)
  const self = signature(name, { x: TENSOR, shape: SIZES, options: optional(OPTIONS) })
  return (x, ...args) => {
    if (!(x instanceof Tensor)) self.check(x, args[0], args[1])
    const { shape, options } = readSized(given, args)
    return underName(name, () => make(shape, impliedBy(x, options)))
  }
}

/** All 0, of the dtype and on the device of `x`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.new_zeros.html @example x.newZeros(2, 3) */
export const newZeros: (x: Tensor, ...args: CreationArguments<CreateOptions>) => Tensor = sizedLike('newZeros', zeros)
/** All 1, of the dtype and on the device of `x`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.new_ones.html */
export const newOnes: (x: Tensor, ...args: CreationArguments<CreateOptions>) => Tensor = sizedLike('newOnes', ones)
/** Some values: zeros here, of the dtype and on the device of `x`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.new_empty.html */
export const newEmpty: (x: Tensor, ...args: CreationArguments<CreateOptions>) => Tensor = sizedLike('newEmpty', zeros)

const VALUE = oneOf(NUMBER, BOOLEAN)
const NEW_FULL = signature('newFull', { x: TENSOR, size: SIZES, fillValue: VALUE, options: optional(OPTIONS) })

/** All `fillValue`, of the dtype and on the device of `x`. @throws ArgumentError for a value that the dtype cannot hold. @see https://pytorch.org/docs/stable/generated/torch.Tensor.new_full.html */
export function newFull(x: Tensor, size: readonly number[] | number, fillValue: number | boolean, options?: CreateOptions): Tensor {
  NEW_FULL.check(x, size, fillValue, options)
  return underName('newFull', () => full(size, fillValue, impliedBy(x, options)))
}

const NEW_TENSOR = signature('newTensor', { x: TENSOR, data: ANYTHING, options: optional(OPTIONS) })

/** The values of a number, a nested array, a TypedArray or an `ndarray`, of the dtype and on the device of `x`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.new_tensor.html */
export function newTensor(x: Tensor, data: HostData, options?: CreateOptions): Tensor {
  NEW_TENSOR.check(x, data, options)
  return underName('newTensor', () => tensor(data, impliedBy(x, options)))
}

const SCALAR_TENSOR = signature('scalarTensor', { value: VALUE, options: optional(OPTIONS) })

/** A 0-d tensor, float32 unless `dtype` says otherwise. @throws ArgumentError for a value that the dtype cannot hold. @see https://pytorch.org/docs/stable/generated/torch.tensor.html */
export function scalarTensor(value: number | boolean, options?: CreateOptions): Tensor {
  SCALAR_TENSOR.check(value, options)
  return underName('scalarTensor', () => full([], Number(value), { dtype: 'float32', ...options }))
}

/** What a tensor is to be. */
export interface AsTensorOptions {
  /** The dtype of the elements: that of `data` by default. */
  readonly dtype?: DType
  /** The device: where `data` is by default, else the default device. */
  readonly device?: DeviceName
}

const AS_TENSOR = signature('asTensor', { data: ANYTHING, options: optional(describe<AsTensorOptions>({ dtype: DTYPE, device: DEVICE })) })

/**
 * A tensor as it is, or in another dtype or on another device, with its gradient; anything else as `tensor` makes it. (Values are copied, where PyTorch shares memory.)
 * @see https://pytorch.org/docs/stable/generated/torch.as_tensor.html
 */
export function asTensor(data: Tensor | HostData, options: AsTensorOptions = {}): Tensor {
  AS_TENSOR.check(data, options)
  return underName('asTensor', () => {
    if (!(data instanceof Tensor)) return tensor(data, options)
    return options.dtype === undefined && options.device === undefined ? data : to(data, options)
  })
}
