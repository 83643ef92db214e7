/**
 * @file What higher layers use of the graph at run time: values, the end of a step, devices.
 *
 * Work goes through one queue, in the order in which it was asked for. As long as nothing has to be waited for (a device that is being opened,
 * values that come from another device) it is done at once, synchronously.
 */
import {
  ArgumentError,
  callSite,
  DEVICE,
  options as describe,
  type Kind,
  optional,
  STRING,
  signature,
  type TypedArray,
  thrownAt,
} from '../base/index.ts'
import {
  availablePlaces,
  type Device,
  type DeviceCounters,
  type DeviceInfo,
  type DeviceName,
  defaultPlace,
  limitMemory,
  type MemoryStats,
  openAt,
  openDevices,
  type Placement,
  placeOf,
  raiseDeferred,
  resolvePlace,
  setDefaultPlace,
  settleDefault,
  WEBGPU_PLACE,
  withDeferredErrors,
} from '../device/index.ts'
import { isKept, isPinned, keep, type Node, type NodePlace, unkeep, viewBase, wholeBase } from '../graph/index.ts'
import { type HostRead, storedValues } from './execute.ts'
import { beginRound, iterationOf, iterationsEnded } from './iterations.ts'
import { disposeNode, iterationsDone, reclaim, retire, retireGradient } from './lifetime.ts'
import { andThen, enqueue, type Task } from './queue.ts'
import { runAhead } from './run-ahead.ts'
import { beginStep, beginUpdate, closeStep, endUpdate, flushAll, noteWrite, readySinks, takeWrites } from './transaction.ts'
import { turn } from './yield-event-loop.ts'

export { beginRound, beginStep, beginUpdate, closeStep, disposeNode, endUpdate, noteWrite, reclaim, retire, retireGradient, runAhead }

/** What is asked for whenever values are waited for. */
let alsoChecked: (() => Promise<void>) | undefined
/** Every promise of values waits for `check` as well, and fails where it does. */
export function checkReads(check: (() => Promise<void>) | undefined): void {
  alsoChecked = check
}

/**
 * The node's values on the host as they are at the call, whatever is done to tensors afterwards: in an array of the caller's own, row-major, in storage form
 * (16 bits for float16 and bfloat16). Computes what is needed, and all pending sinks with it.
 */
export function readNode(node: Node): Promise<TypedArray> {
  return withDeferredErrors(() => andChecked(valuesOf(node)))
}

function andChecked<T>(work: Promise<T>): Promise<T> {
  const check = alsoChecked
  return check ? work.then((value) => check().then(() => value)) : work
}

/** Computes, in its turn. Errors have the stack of the call of `above`. */
function computed(task: Task, above: (...args: never[]) => unknown): Promise<void> | undefined {
  try {
    const pending = enqueue(task, true)
    if (!pending) return undefined
    const site = callSite(above)
    return pending.catch((e: unknown) => {
      throw thrownAt(e, site)
    })
  } catch (e) {
    throw thrownAt(e, callSite(above))
  }
}

async function valuesOf(node: Node): Promise<TypedArray> {
  const base = wholeBase(node)
  let read: Promise<HostRead> | undefined
  let owner: Device | undefined
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
    const ended = iterationsEnded()
    const found = (): void => {
      iterationsDone(ended)
      ask()
    }
    await computed(() => andThen(flushAll([base], sinks, writes), found), readNode)
  }
  const { values, shared } = await (read as Promise<HostRead>)
  if (!owner?.lost) await owner?.throttle()
  await turn()
  raiseDeferred()
  return shared ? values.slice() : values
}

/**
 * A handle that had `before` has another value, put there in place; nothing but what was recorded reads the one before. A handle that comes from an earlier
 * iteration (a parameter, momentum, a running average) is more than an intermediate result: what it has is stored also where it is consumed. What an optimizer
 * keeps needs no storing of its own.
 */
export function replaced(before: Node, present: Node): void {
  retire(before)
  if (isKept(before)) unkeep(before)
  else if (iterationOf(before) === iterationsEnded() || isPinned(viewBase(before))) return
  keep(present)
}

/** The values when the host has them right now. */
export function hostValues(node: Node): TypedArray | undefined {
  const { storage } = wholeBase(node)
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
  if (adapter !== undefined && options.device !== undefined && placeOf(options.device) !== WEBGPU_PLACE)
    throw new ArgumentError('init', `adapter '${adapter}' is one of device webgpu, got device '${options.device}'`)
  if (memoryLimit !== undefined) limitMemory(memoryLimit)
  const place = options.device ? placeOf(options.device) : adapter === undefined ? await settleDefault() : WEBGPU_PLACE
  const { info } = await openAt(place, adapter)
  setDefaultPlace(place)
  return info
}

/** The device of tensors made without one; `undefined` puts it back to being found. */
export function setDefaultDevice(device: DeviceName | undefined): void {
  SET_DEFAULT_DEVICE.check(device)
  setDefaultPlace(device && placeOf(device))
}
/** The default device, or 'auto' while none has been settled. */
export const getDefaultDevice = (): Placement => nameOf(defaultPlace())
/** Where a tensor of the node says that it is. */
export const placementOf = (node: Node): Placement => nameOf(resolvePlace(node.placement))
const nameOf = (place: NodePlace): Placement => (place === 'auto' ? place : place.name)
/**
 * The devices that can be had here, best first; `webgpu:1` where there is a second adapter. A browser exposes one adapter only; adapters of one name count
 * as one.
 */
export const availableDevices = async (): Promise<DeviceName[]> => (await availablePlaces()).map(({ name }) => name)

/** Everything recorded so far is computed. */
export function synchronize(): Promise<void> {
  const sinks = readySinks()
  const writes = takeWrites()
  const ended = iterationsEnded()
  const work = async (): Promise<void> => {
    await computed(() => andThen(flushAll([], sinks, writes), () => iterationsDone(ended)), synchronize)
    raiseDeferred()
    for (const device of openDevices()) await device.synchronize()
  }
  return withDeferredErrors(() => andChecked(work()))
}

/** Resolves when the device is ready for another step: what every promise of the library waits for. */
export async function throttle(): Promise<void> {
  for (const device of openDevices()) await device.throttle()
  await turn()
}

const NOTHING: MemoryStats = { liveBytes: 0, peakBytes: 0, pooledBytes: 0, buffers: 0 }

const statsDevice = (name: DeviceName | undefined): Device | undefined => {
  const place = name ? placeOf(name) : defaultPlace()
  return place === 'auto' ? undefined : place.device
}

/** Bytes and buffers of a device (default: the default device). Zeros before a device is there. */
export const memoryStats = (name?: DeviceName): MemoryStats => statsDevice(name)?.memory() ?? NOTHING
/** `peakBytes` of a device (default: the default device) begins again at what it holds now. */
export function resetPeakMemory(name?: DeviceName): void {
  RESET_PEAK_MEMORY.check(name)
  statsDevice(name)?.resetPeakMemory()
}
/** Dispatches, submits, pipelines, bind groups and buffers made so far. */
export const deviceCounters = (name?: DeviceName): DeviceCounters =>
  statsDevice(name)?.counters() ?? { dispatches: 0, submits: 0, pipelines: 0, bindGroups: 0, buffersCreated: 0 }
