/** @file Conversions and handles: dtype, device, detach, clone. */
import {
  AutogradError,
  BOOLEAN,
  DEVICE,
  DTYPE,
  type DType,
  DTypeError,
  options as describe,
  isDType,
  oneOf,
  optional,
  signature,
  underName,
} from '../base/index.ts'
import { CPU_PLACE, type DeviceName, type Place, placeOf, resolvePlace } from '../device/index.ts'
import * as graph from '../graph/index.ts'
import { alias, areRowMajor, keepTensor, TENSOR, Tensor } from '../tensor/index.ts'
import { castTo, defineOp } from './define.ts'

interface MoveParams {
  readonly from: graph.NodePlace
  readonly to: graph.NodePlace
}

const moveTo: (x: Tensor, p: MoveParams) => Tensor = defineOp('toDevice', {
  inputs: ['x'],
  forward: (x, p: MoveParams) => graph.transfer(x, p.to),
  vjp: { x: (g, _, p) => moveTo(g, { from: p.to, to: p.from }) },
  half: 'keep',
})

/**
 * `x` in `dtype`: floats lose their fraction on the way to integers, anything ≠ 0 is true.
 * @throws DTypeError for float64 on webgpu.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x
  if (dtype !== 'float64') return castTo(x, dtype)
  const place = resolvePlace(x._node.placement)
  if (place !== 'auto' && place !== CPU_PLACE)
    throw new DTypeError('to', "float64 lives on the cpu device. Move first: x.to('cpu').to('float64')")
  return castTo(x._node.placement === 'auto' ? move(x, CPU_PLACE) : x, dtype)
}

function move(x: Tensor, place: Place): Tensor {
  if (x._node.placement === place) return x
  if (place !== CPU_PLACE && x.dtype === 'float64')
    throw new DTypeError('to', `${place} has no float64. Convert first: x.to('float32').to('${place}')`)
  return moveTo(x, { from: x._node.placement, to: place })
}

/** What {@link to} converts to, by name. */
export interface ToOptions {
  /** The dtype: that of the tensor by default. */
  readonly dtype?: DType
  /** The device: that of the tensor by default. */
  readonly device?: DeviceName
}

const TO = signature('to', {
  x: TENSOR,
  target: oneOf(DTYPE, DEVICE, TENSOR, describe<ToOptions>({ dtype: DTYPE, device: DEVICE })),
  dtype: optional(DTYPE),
})

/**
 * `x` in another dtype or on another device, or both; `x` itself when there is nothing to do.
 * @example x.to('float16'); x.to('cpu'); x.to({ device: 'webgpu', dtype: 'float32' }); x.to(other)
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.to.html
 */
export function to(x: Tensor, target: DType | DeviceName | Tensor | ToOptions, dtype?: DType): Tensor {
  TO.check(x, target, dtype)
  return underName('to', () => {
    let place: Place | undefined
    let wanted = dtype
    if (target instanceof Tensor) {
      wanted = target.dtype
      if (target._node.placement !== 'auto') place = target._node.placement
    } else if (isDType(target)) wanted = target
    else if (typeof target === 'string') place = placeOf(target)
    else {
      wanted = target.dtype ?? dtype
      place = target.device && placeOf(target.device)
    }
    // A narrower dtype travels cheaper, and float64 must be left before webgpu.
    if (place && place !== CPU_PLACE && wanted !== undefined) return move(cast(x, wanted), place)
    const there = place ? move(x, place) : x
    return wanted === undefined ? there : cast(there, wanted)
  })
}

/** `x` on device cpu, of the same shape and dtype; `x` itself where it is there already. Its gradient goes back to the device of `x`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.cpu.html */
export function cpu(x: Tensor): Tensor {
  CPU.check(x)
  return underName('cpu', () => move(x, CPU_PLACE))
}
const CPU = signature('cpu', { x: TENSOR })

/** Defines a cast to one dtype, under PyTorch's name. */
function conversion(name: string, dtype: DType): (x: Tensor) => Tensor {
  const given = signature(name, { x: TENSOR })
  return (x) => {
    given.check(x)
    return underName(name, () => cast(x, dtype))
  }
}

/** `x` as float32. @see https://pytorch.org/docs/stable/generated/torch.Tensor.float.html */
export const float: (x: Tensor) => Tensor = conversion('float', 'float32')
/** `x` as float64, on the cpu device. @see https://pytorch.org/docs/stable/generated/torch.Tensor.double.html */
export const double: (x: Tensor) => Tensor = conversion('double', 'float64')
/** `x` as float16. @see https://pytorch.org/docs/stable/generated/torch.Tensor.half.html */
export const half: (x: Tensor) => Tensor = conversion('half', 'float16')
/** `x` as bfloat16. @see https://pytorch.org/docs/stable/generated/torch.Tensor.bfloat16.html */
export const bfloat16: (x: Tensor) => Tensor = conversion('bfloat16', 'bfloat16')
/** `x` as int32. @see https://pytorch.org/docs/stable/generated/torch.Tensor.int.html */
export const int: (x: Tensor) => Tensor = conversion('int', 'int32')
/** `x` as int32, where PyTorch has int64. @see https://pytorch.org/docs/stable/generated/torch.Tensor.long.html */
export const long: (x: Tensor) => Tensor = conversion('long', 'int32')
/** `x` as bool: whether it is ≠ 0. @see https://pytorch.org/docs/stable/generated/torch.Tensor.bool.html */
export const bool: (x: Tensor) => Tensor = conversion('bool', 'bool')

const TYPE_AS = signature('typeAs', { x: TENSOR, other: TENSOR })

/** `x` in the dtype of `other`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.type_as.html */
export function typeAs(x: Tensor, other: Tensor): Tensor {
  TYPE_AS.check(x, other)
  return underName('typeAs', () => cast(x, other.dtype))
}

const DETACH = signature('detach', { x: TENSOR })

/** The value alone, off the tape; a value of its own, which stays readable after the step. Unlike PyTorch's, changing it in place does not reach `x`. */
export function detach(x: Tensor): Tensor {
  DETACH.check(x)
  return keepTensor(alias(x))
}

/** The value off the tape, for rules and compositions: nothing is stored for it. */
export const stopGradient = (x: Tensor): Tensor => (x._edge === undefined ? x : alias(x))

const copy = defineOp('clone', {
  inputs: ['x'],
  forward: (x, _: undefined) => x,
  vjp: { x: (g) => g },
  half: 'keep',
})

const CLONE = signature('clone', { x: TENSOR })

/** The same values as a tensor of its own, on the tape; readable after the step. @see https://pytorch.org/docs/stable/generated/torch.clone.html */
export function clone(x: Tensor): Tensor {
  CLONE.check(x)
  return keepTensor(copy(x, undefined))
}

/** `x` itself, unless it is a view that PyTorch would copy: a transposed one, say. (Values always lie in row-major order here.) */
export function contiguous(x: Tensor): Tensor {
  CONTIGUOUS.check(x)
  const strides = x._source?.strides
  return strides === undefined || areRowMajor(strides, x.shape) ? x : underName('contiguous', () => copy(x, undefined))
}
const CONTIGUOUS = signature('contiguous', { x: TENSOR })

const DETACH_ = signature('detach_', { x: TENSOR })

/** Takes the handle off the tape. @see https://pytorch.org/docs/stable/generated/torch.Tensor.detach_.html */
export function detach_(x: Tensor): Tensor {
  DETACH_.check(x)
  x._edge = undefined
  return x
}

const REQUIRES_GRAD_ = signature('requiresGrad_', { x: TENSOR, requiresGrad: optional(BOOLEAN) })

/** Sets whether `x` requires grad. @throws AutogradError for a result of an op. */
export function requiresGrad_(x: Tensor, requiresGrad = true): Tensor {
  REQUIRES_GRAD_.check(x, requiresGrad)
  x.requiresGrad = requiresGrad
  return x
}

const RETAIN_GRAD = signature('retainGrad', { x: TENSOR })

/** Keeps the gradient of an interior tensor in its `grad`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.retain_grad.html */
export function retainGrad(x: Tensor): void {
  RETAIN_GRAD.check(x)
  if (x._edge === undefined) throw new AutogradError('retainGrad', 'the tensor does not require grad')
  if (x._edge.entry !== undefined) x._edge.retained = x
}
