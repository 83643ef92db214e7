/** @file What the floors above ask of the graph at run time: values, the end of a step, devices. (Signatures first; bodies land next.) */
import type { TypedArray } from '../base/index.ts'
import type { DeviceCounters, DeviceInfo, DeviceName, MemoryStats } from '../device/index.ts'
import type { Node, Placement } from './node.ts'

export { forget, keep } from './pending.ts'

const todo = (): never => {
  throw new Error('graph runtime: not there yet')
}

/** The node's values on the host, row-major, in storage form (halves for float16). Computes what is needed. */
export function readNode(_node: Node): Promise<TypedArray> {
  return todo()
}

/** The values when the host has them right now. */
export function hostValues(node: Node): TypedArray | undefined {
  return node.storage?.host ?? node.storage?.copy?.peek()
}

/** Ends a step: computes every sink, gives back what was retired a step ago. */
export function closeStep(): void {
  todo()
}

/** Gives up a node's stored values: an old version of parameters. They stay readable until the next close (`keepPrevious`), or go with this one. */
export function retire(_node: Node, _options?: { keepPrevious?: boolean }): void {
  todo()
}

/** Frees a node's values now. A later use throws StaleTensorError. */
export function disposeNode(_node: Node): void {
  todo()
}

/** Settles the default device and says what was found. */
export function init(_options?: { device?: DeviceName; adapter?: string }): Promise<DeviceInfo> {
  return todo()
}
/** The device of tensors made without one; `undefined` puts it back to being found. */
export function setDefaultDevice(_device: DeviceName | undefined): void {
  todo()
}
/** The default device, or 'auto' while none has been settled. */
export function getDefaultDevice(): Placement {
  return todo()
}
/** What `node.placement` means now: 'auto' becomes the default device once that is settled. */
export function placementOf(_node: Node): Placement {
  return todo()
}
export function availableDevices(): Promise<DeviceName[]> {
  return todo()
}
/** Everything recorded so far is computed. */
export function synchronize(): Promise<void> {
  return todo()
}
/** Bytes and buffers of a device (default: the default device). Zeros before a device is there. */
export function memoryStats(_device?: DeviceName): MemoryStats {
  return todo()
}
export function resetPeakMemory(_device?: DeviceName): void {
  todo()
}
export function deviceCounters(_device?: DeviceName): DeviceCounters {
  return todo()
}
