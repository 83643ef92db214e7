/** @file Which devices there are, which is the default, and the order in which work reaches them. */
import { DEVICE, DeviceError, type DeviceLostError, mismatch } from '../base/index.ts'
import {
  cpuProvider,
  type Device,
  type DeviceInfo,
  type DeviceName,
  type DeviceProvider,
  env,
  isReported,
  markReported,
  nodeProcess,
  type OpenOptions,
  type Unavailable,
  webgpuProvider,
} from '../device/index.ts'
import type { Placement } from '../graph/index.ts'
import { Plans } from './plans.ts'

export interface OpenDevice {
  readonly device: Device
  readonly info: DeviceInfo
  readonly plans: Plans
}

const open = new Map<DeviceName, OpenDevice>()
/** Attempts that are under way; `hardware`: those that take no software. */
const opening = new Map<DeviceName, { readonly hardware: boolean; readonly result: Promise<OpenDevice | Unavailable> }>()
const providers: Readonly<Record<DeviceName, DeviceProvider>> = { cpu: cpuProvider, webgpu: webgpuProvider }

/** Chosen by the user, or found; undefined while nothing needed it. */
let chosen: DeviceName | undefined
let settling: Promise<DeviceName> | undefined

function fromEnvironment(): DeviceName | undefined {
  const name = env('TAPEGRAD_DEVICE')
  if (name === undefined) return undefined
  if (!DEVICE.accepts(name)) throw new DeviceError('TAPEGRAD_DEVICE', mismatch(DEVICE, 'the device', name))
  return name as DeviceName
}

/** Devices that went away and that have not been reported. */
let losses: DeviceLostError[] = []
/** The adapter that each device was asked for with: a fresh one is opened on the same. */
const adapters = new Map<DeviceName, string>()

/** Bytes that each device may hold; undefined: what the environment says, or what there is. */
let memoryLimit: number | undefined

function memoryFromEnvironment(): number | undefined {
  const text = env('TAPEGRAD_MEMORY_LIMIT')
  if (text === undefined) return undefined
  const bytes = Number(text)
  if (!(bytes > 0)) throw new DeviceError('TAPEGRAD_MEMORY_LIMIT', `'${text}' is not a number of bytes above 0, such as 4e9`)
  return bytes
}

/** Sets what each device may hold, also those that are opened later. */
export function limitMemory(bytes: number): void {
  memoryLimit = bytes
  for (const { device } of open.values()) device.limitMemory(bytes)
}

/** The device, if it is open. One that was lost is forgotten: who needs it opens another. */
export function openNow(name: DeviceName): OpenDevice | undefined {
  const known = open.get(name)
  if (!known?.device.lost) return known
  losses.push(known.device.lost)
  open.delete(name)
  return undefined
}

async function tryOpen(name: DeviceName, { adapter, hardware = false }: OpenOptions = {}): Promise<OpenDevice | Unavailable> {
  const now = openNow(name)
  if (now) return now
  const before = opening.get(name)
  if (before) {
    const found = await before.result
    return 'device' in found || hardware || !before.hardware ? found : tryOpen(name, { ...(adapter === undefined ? {} : { adapter }) })
  }
  if (adapter !== undefined) adapters.set(name, adapter)
  const wanted = adapters.get(name)
  const result = find(name, { hardware, ...(wanted === undefined ? {} : { adapter: wanted }) }).finally(() => opening.delete(name))
  opening.set(name, { hardware, result })
  return result
}

async function find(name: DeviceName, options: OpenOptions): Promise<OpenDevice | Unavailable> {
  const limit = memoryFromEnvironment()
  const made = await providers[name].open(options)
  if ('unavailable' in made) return made
  made.device.limitMemory(memoryLimit ?? limit)
  const ready = { ...made, plans: new Plans(made.device) }
  open.set(name, ready)
  return ready
}

/** The device, opened; software too. @throws DeviceError when it cannot be had. */
export async function openDevice(name: DeviceName, adapter?: string): Promise<OpenDevice> {
  const made = await tryOpen(name, adapter === undefined ? {} : { adapter })
  if ('device' in made) return made
  const asked = fromEnvironment() === name
  throw new DeviceError(
    name,
    `${asked ? `TAPEGRAD_DEVICE=${name}, but ` : ''}${made.unavailable}. ${asked ? 'Without TAPEGRAD_DEVICE, device cpu is used, which' : 'Device cpu'} works everywhere`,
  )
}

export function getDefault(): Placement {
  chosen ??= fromEnvironment()
  return chosen ?? 'auto'
}
export function setDefault(name: DeviceName | undefined): void {
  chosen = name
}

/** The device that `auto` means: WebGPU where there is hardware, else the CPU. */
export function settleDefault(): Promise<DeviceName> {
  const now = getDefault()
  if (now !== 'auto') return Promise.resolve(now)
  settling ??= tryOpen('webgpu', { hardware: true })
    .then((found) => {
      // Software that is open already was asked for by name, or for some tensors only
      chosen ??= 'device' in found && (!found.info.software || nodeProcess?.env.TAPEGRAD_ADAPTER) ? 'webgpu' : 'cpu'
      return chosen
    })
    .finally(() => {
      settling = undefined
    })
  return settling
}

export async function available(): Promise<DeviceName[]> {
  const found = await tryOpen('webgpu')
  return 'device' in found ? (found.info.software ? ['cpu', 'webgpu'] : ['webgpu', 'cpu']) : ['cpu']
}

export const opened = (): OpenDevice[] => [...open.keys()].flatMap((name) => openNow(name) ?? [])

/** Throws, once, that a device was lost, where nothing has said so yet. */
export function raiseLoss(): void {
  opened()
  const unreported = losses.filter((e) => !isReported(e))
  losses = []
  if (!unreported[0]) return
  for (const e of unreported) markReported(e)
  throw unreported[0]
}
