/** @file Conversions and handles: dtype, device, detach, clone. */
import { ArgumentError, AutogradError, type DType, DTypeError, isDType } from '../base/index.ts'
import type { DeviceName } from '../device/index.ts'
import * as graph from '../graph/index.ts'
import { alias, keepTensor, Tensor } from '../tensor/index.ts'
import { castTo, checkTensor, defineOp } from './define.ts'

interface MoveParams {
  readonly from: graph.Placement
  readonly to: graph.Placement
}

const moveTo: (x: Tensor, p: MoveParams) => Tensor = defineOp('toDevice', {
  doc: 'x on another device',
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
  if (x.device === 'webgpu') throw new DTypeError('to', "float64 lives on the cpu device. Move first: x.to('cpu').to('float64')")
  return castTo(x._node.placement === 'auto' ? move(x, 'cpu') : x, dtype)
}

function move(x: Tensor, device: DeviceName): Tensor {
  if (x._node.placement === device) return x
  if (device === 'webgpu' && x.dtype === 'float64')
    throw new DTypeError('to', "webgpu has no float64. Convert first: x.to('float32').to('webgpu')")
  return moveTo(x, { from: x._node.placement, to: device })
}

/** What {@link to} converts to, by name. */
export interface ToOptions {
  readonly dtype?: DType
  readonly device?: DeviceName
}

/**
 * `x` in another dtype or on another device, or both; `x` itself when there is nothing to do.
 * @example x.to('float16'); x.to('cpu'); x.to({ device: 'webgpu', dtype: 'float32' }); x.to(other)
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.to.html
 */
export function to(x: Tensor, target: DType | DeviceName | Tensor | ToOptions, dtype?: DType): Tensor {
  checkTensor('to', 'x', x)
  let device: DeviceName | undefined
  let wanted = dtype
  if (target instanceof Tensor) {
    wanted = target.dtype
    if (target._node.placement !== 'auto') device = target._node.placement
  } else if (isDType(target)) wanted = target
  else if (target === 'webgpu' || target === 'cpu') device = target
  else if (typeof target === 'object' && target !== null) {
    wanted = target.dtype
    device = target.device
  } else throw new ArgumentError('to', `'${String(target)}' is neither a dtype nor a device (webgpu, cpu)`)
  if (wanted !== undefined && !isDType(wanted)) throw new ArgumentError('to', `'${String(wanted)}' is no dtype`)
  // A narrower dtype travels cheaper, and float64 must be left before webgpu.
  if (device === 'webgpu' && wanted !== undefined) return move(cast(x, wanted), device)
  const there = device === undefined ? x : move(x, device)
  return wanted === undefined ? there : cast(there, wanted)
}

/** `x` on device cpu, of the same shape and dtype; `x` itself where it is there already. Its gradient goes back to the device of `x`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.cpu.html */
export const cpu = (x: Tensor): Tensor => to(x, 'cpu')
/** `x` as float32. */
export const float = (x: Tensor): Tensor => cast(x, 'float32')
/** `x` as float64, on the cpu device. */
export const double = (x: Tensor): Tensor => cast(x, 'float64')
/** `x` as float16. */
export const half = (x: Tensor): Tensor => cast(x, 'float16')
/** `x` as int32. */
export const int = (x: Tensor): Tensor => cast(x, 'int32')
/** `x` as int32, where PyTorch has int64. */
export const long = (x: Tensor): Tensor => cast(x, 'int32')
/** `x` as bool: whether it is ≠ 0. */
export const bool = (x: Tensor): Tensor => cast(x, 'bool')
/** `x` in the dtype of `other`. */
export const typeAs = (x: Tensor, other: Tensor): Tensor => cast(x, other.dtype)

/** The value alone, off the tape; a value of its own, which stays readable after the step. Unlike PyTorch's, changing it in place does not reach `x`. */
export function detach(x: Tensor): Tensor {
  checkTensor('detach', 'x', x)
  return keepTensor(alias(x))
}

/** The value off the tape, for rules and compositions: nothing is stored for it. */
export const stopGradient = (x: Tensor): Tensor => (x._point === undefined ? x : alias(x))

const copy = defineOp('clone', {
  doc: 'the same values, on the tape',
  inputs: ['x'],
  forward: (x, _: undefined) => x,
  vjp: { x: (g) => g },
  half: 'keep',
})

/** The same values as a tensor of its own, on the tape; readable after the step. @see https://pytorch.org/docs/stable/generated/torch.clone.html */
export function clone(x: Tensor): Tensor {
  checkTensor('clone', 'x', x)
  return keepTensor(copy(x, undefined))
}

/** `x` itself: values always lie in row-major order here. */
export const contiguous = (x: Tensor): Tensor => x

/** Takes the handle off the tape. @see https://pytorch.org/docs/stable/generated/torch.Tensor.detach_.html */
export function detach_(x: Tensor): Tensor {
  x._point = undefined
  return x
}

/** Sets whether `x` requires grad. @throws AutogradError for a result of an op. */
export function requiresGrad_(x: Tensor, requiresGrad = true): Tensor {
  x.requiresGrad = requiresGrad
  return x
}

/** Keeps the gradient of an interior tensor in its `grad`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.retain_grad.html */
export function retainGrad(x: Tensor): void {
  if (x._point === undefined) throw new AutogradError('retainGrad', 'the tensor does not require grad')
  if (x._point.entry !== undefined) x._point.retained = x
}
