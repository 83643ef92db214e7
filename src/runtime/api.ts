/**
 * @file What higher layers use of the graph at run time: values, the end of a step, devices.
 *
 * Work goes through one queue, in the order in which it was asked for. As long as nothing has to be waited for (a device that is being opened,
 * values that come from another device) it is done at once, synchronously.
 */
import { ArgumentError, DEVICE, options as describe, type Kind, optional, STRING, signature, type TypedArray } from '../base/index.ts'
import type { DeviceCounters, DeviceInfo, DeviceName, MemoryStats } from '../device/index.ts'
import type { Node, Placement } from '../graph/index.ts'
import { raise, withDeferredErrors } from './deferred-errors.ts'
import { available, getDefault, limitMemory, openDevice, opened, openNow, setDefault, settleDefault } from './devices.ts'
import { type HostRead, storedValues } from './execute.ts'
import { disposeNode } from './keeping.ts'
import { andThen } from './maybe-async.ts'
import { enqueue } from './queue.ts'
import { closeStep, flushAll, noteWrite, readySinks, reclaim, retire, takeWrites } from './transaction.ts'
import { turn } from './yield-event-loop.ts'

export { closeStep, disposeNode, noteWrite, reclaim, retire }

/** A view that shows all of its base in the base's own order needs no kernel to be read. */
function whole(node: Node): Node {
  let base = node
  while (!base.storage && base.primitive.kind === 'reshape') base = base.inputs[0] as Node
  return base
}

/**
 * The node's values on the host as they are at the call, whatever is done to tensors afterwards: in an array of the caller's own, row-major, in storage form
 * (halves for float16). Computes what is needed, and all pending sinks with it.
 */
export function readNode(node: Node): Promise<TypedArray> {
  return withDeferredErrors(() => valuesOf(node))
}

async function valuesOf(node: Node): Promise<TypedArray> {
  const base = whole(node)
  let read: Promise<HostRead> | undefined
  let owner: DeviceName | undefined
  // The device is asked at once, behind the work that computes the values: what comes after may give them up
  const ask = (): void => {
    owner = base.storage?.owner
    read = storedValues(base)
    read.catch(() => {}) // looked at below
  }
  if (base.storage) ask()
  else {
    const sinks = readySinks().filter((s) => s !== base)
    const writes = takeWrites()
    await enqueue(() => andThen(flushAll([base], sinks, writes), ask), true)
  }
  const { values, shared } = await (read as Promise<HostRead>)
  if (owner) await openNow(owner)?.device.throttle()
  await turn()
  raise()
  return shared ? values.slice() : values
}

/** The values when the host has them right now. */
export function hostValues(node: Node): TypedArray | undefined {
  const { storage } = whole(node)
  return storage?.host ?? storage?.copy?.peek()
}

/** What {@link init} settles. */
export interface InitOptions {
  /** The device; by default that of `TAPEGRAD_DEVICE`, else WebGPU where there is hardware, else the CPU. */
  readonly device?: DeviceName
  /** A part of the name of a WebGPU adapter; software too. */
  readonly adapter?: string
  /**
   * Bytes that tensors and the work on them may hold on each device, from now on; more throws OutOfMemoryError. Infinity takes the limit away.
   * `TAPEGRAD_MEMORY_LIMIT` sets it from outside.
   */
  readonly memoryLimit?: number
}

const BYTES: Kind = { fits: 'a number of bytes above 0', accepts: (x) => typeof x === 'number' && x > 0 }
const INIT = signature('init', {
  options: optional(describe<InitOptions>({ device: DEVICE, adapter: STRING, memoryLimit: BYTES })),
})
const SET_DEFAULT_DEVICE = signature('setDefaultDevice', { device: optional(DEVICE) })
const RESET_PEAK_MEMORY = signature('resetPeakMemory', { device: optional(DEVICE) })

/**
 * Settles the default device and says what was found: the one that is named, else that of `TAPEGRAD_DEVICE`, else WebGPU where there is hardware,
 * else the CPU.
 * @throws DeviceError when the one that is named cannot be had
 */
export async function init(options: InitOptions = {}): Promise<DeviceInfo> {
  INIT.check(options)
  const { memoryLimit, adapter } = options
  if (adapter !== undefined && options.device === 'cpu')
    throw new ArgumentError('init', `adapter '${adapter}' is one of device webgpu, got device 'cpu'`)
  if (memoryLimit !== undefined) limitMemory(memoryLimit)
  const name = options.device ?? (adapter === undefined ? await settleDefault() : 'webgpu')
  const { info } = await openDevice(name, adapter)
  setDefault(name)
  return info
}

/** The device of tensors made without one; `undefined` puts it back to being found. */
export function setDefaultDevice(device: DeviceName | undefined): void {
  SET_DEFAULT_DEVICE.check(device)
  setDefault(device)
}
/** The default device, or 'auto' while none has been settled. */
export const getDefaultDevice: () => Placement = getDefault
/** What `node.placement` means now: 'auto' becomes the default device once that is settled. */
export const placementOf = (node: Node): Placement => (node.placement === 'auto' ? getDefault() : node.placement)
/** The devices that can be had here, best first. */
export const availableDevices: () => Promise<DeviceName[]> = available

/** Everything recorded so far is computed. */
export function synchronize(): Promise<void> {
  const sinks = readySinks()
  const writes = takeWrites()
  return withDeferredErrors(async () => {
    await enqueue(() => flushAll([], sinks, writes), true)
    raise()
    for (const { device } of opened()) await device.synchronize()
  })
}

/** Resolves when the device is ready for another step: what every promise of the library waits for. */
export async function throttle(): Promise<void> {
  for (const { device } of opened()) await device.throttle()
  await turn()
}

const NOTHING: MemoryStats = { liveBytes: 0, peakBytes: 0, pooledBytes: 0, buffers: 0 }

const statsDevice = (name: DeviceName | undefined): ReturnType<typeof openNow> => {
  const which = name ?? getDefault()
  return which === 'auto' ? undefined : openNow(which)
}

/** Bytes and buffers of a device (default: the default device). Zeros before a device is there. */
export const memoryStats = (name?: DeviceName): MemoryStats => statsDevice(name)?.device.memory() ?? NOTHING
/** `peakBytes` of a device (default: the default device) begins again at what it holds now. */
export function resetPeakMemory(name?: DeviceName): void {
  RESET_PEAK_MEMORY.check(name)
  statsDevice(name)?.device.resetPeakMemory()
}
/** Dispatches, submits, pipelines, bind groups and buffers made so far. */
export const deviceCounters = (name?: DeviceName): DeviceCounters =>
  statsDevice(name)?.device.counters() ?? { dispatches: 0, submits: 0, pipelines: 0, bindGroups: 0, buffersCreated: 0 }
