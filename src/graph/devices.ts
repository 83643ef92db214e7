/** @file Which devices there are, which is the default, and the order in which work reaches them. */
import { DeviceError, type DeviceLostError } from '../base/index.ts'
import {
  type Device,
  type DeviceInfo,
  type DeviceName,
  type DeviceProvider,
  isTold,
  markTold,
  openCpu,
  webgpuProvider,
} from '../device/index.ts'
import type { Placement } from './node.ts'
import { Plans } from './plans.ts'

export interface OpenDevice {
  readonly device: Device
  readonly info: DeviceInfo
  readonly plans: Plans
}

const open = new Map<DeviceName, OpenDevice>()
const opening = new Map<DeviceName, Promise<OpenDevice | undefined>>()
const providers: readonly DeviceProvider[] = [webgpuProvider]

/** Chosen by the user, or found; undefined while nothing needed it. */
let chosen: DeviceName | undefined
let settling: Promise<DeviceName> | undefined

const fromEnvironment = (): DeviceName | undefined => {
  const name = typeof process === 'undefined' ? undefined : process.env?.TAPEGRAD_DEVICE
  if (name === undefined || name === '') return undefined
  if (name !== 'cpu' && name !== 'webgpu') throw new DeviceError('TAPEGRAD_DEVICE', `'${name}' is not a device. Use cpu or webgpu`)
  return name
}

/** Devices that went away and that nobody has been told of. */
let losses: DeviceLostError[] = []
/** The adapter that each device was asked for with: a fresh one is opened on the same. */
const adapters = new Map<DeviceName, string>()

/** Bytes that each device may hold; undefined: what there is. */
let memoryLimit = memoryFromEnvironment()

function memoryFromEnvironment(): number | undefined {
  const text = typeof process === 'undefined' ? undefined : process.env?.TAPEGRAD_MEMORY_LIMIT
  if (text === undefined || text === '') return undefined
  const bytes = Number(text)
  if (!(bytes > 0)) throw new DeviceError('TAPEGRAD_MEMORY_LIMIT', `'${text}' is not a number of bytes above 0`)
  return bytes
}

/** Sets what each device may hold, also those that are opened later. */
export function limitMemory(bytes: number): void {
  memoryLimit = bytes
  for (const { device } of open.values()) device.limitMemory(bytes)
}

/** The device, if it is open. One that was lost is forgotten: who needs it opens another. */
export function openNow(name: DeviceName): OpenDevice | undefined {
  let known = open.get(name)
  if (known?.device.lost) {
    losses.push(known.device.lost)
    open.delete(name)
    known = undefined
  }
  if (known || name !== 'cpu') return known
  const { device, info } = openCpu()
  device.limitMemory(memoryLimit)
  const made = { device, info, plans: new Plans(device) }
  open.set('cpu', made)
  return made
}

function tryOpen(name: DeviceName, adapter?: string): Promise<OpenDevice | undefined> {
  const now = openNow(name)
  if (now) return Promise.resolve(now)
  let attempt = opening.get(name)
  if (!attempt) {
    const provider = providers.find((p) => p.name === name)
    if (adapter !== undefined) adapters.set(name, adapter)
    const wanted = adapters.get(name)
    attempt = (provider ? provider.open(wanted === undefined ? {} : { adapter: wanted }) : Promise.resolve(undefined))
      .then((made) => {
        if (!made) return undefined
        made.device.limitMemory(memoryLimit)
        const ready = { ...made, plans: new Plans(made.device) }
        open.set(name, ready)
        return ready
      })
      .finally(() => opening.delete(name))
    opening.set(name, attempt)
  }
  return attempt
}

/** The device, opened. @throws DeviceError when it cannot be had. */
export async function openDevice(name: DeviceName, adapter?: string): Promise<OpenDevice> {
  const made = await tryOpen(name, adapter)
  if (!made) throw new DeviceError(name, 'no WebGPU adapter answers here. On Linux a Vulkan driver is needed; device cpu works everywhere')
  return made
}

export function getDefault(): Placement {
  chosen ??= fromEnvironment()
  return chosen ?? 'auto'
}
export function setDefault(name: DeviceName | undefined): void {
  if (name !== undefined && name !== 'cpu' && name !== 'webgpu')
    throw new DeviceError('setDefaultDevice', `'${String(name)}' is not a device. Use 'cpu' or 'webgpu'`)
  chosen = name
}

/** The device that `auto` means: WebGPU where an adapter answers (hardware before software), else the CPU. */
export function settleDefault(adapter?: string): Promise<DeviceName> {
  const now = getDefault()
  if (now !== 'auto') return Promise.resolve(now)
  settling ??= tryOpen('webgpu', adapter)
    .then((found) => {
      chosen ??= found ? 'webgpu' : 'cpu'
      return chosen
    })
    .finally(() => {
      settling = undefined
    })
  return settling
}

export async function available(): Promise<DeviceName[]> {
  return (await tryOpen('webgpu')) ? ['webgpu', 'cpu'] : ['cpu']
}

export const opened = (): OpenDevice[] => [...open.keys()].flatMap((name) => openNow(name) ?? [])

/** Throws, once, that a device was lost, where nothing has said so yet. */
export function raiseLoss(): void {
  opened()
  const untold = losses.filter((e) => !isTold(e))
  losses = []
  if (!untold[0]) return
  for (const e of untold) markTold(e)
  throw untold[0]
}
