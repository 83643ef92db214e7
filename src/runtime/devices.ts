/** @file Which device is the default, which there are, and what is said where one cannot be had. */
import { DEVICE, DeviceError, mismatch } from '../base/index.ts'
import {
  CPU_PLACE,
  type DeviceName,
  env,
  isReported,
  losses,
  markReported,
  nodeProcess,
  type Opened,
  openDevices,
  type Place,
  placeOf,
  WEBGPU_PLACE,
} from '../device/index.ts'
import type { Node, NodePlace } from '../graph/index.ts'

/** Chosen by the user, or found; undefined while nothing needed it. */
let chosen: Place | undefined
let settling: Promise<Place> | undefined

function fromEnvironment(): Place | undefined {
  const name = env('TAPEGRAD_DEVICE')
  if (name === undefined) return undefined
  if (!DEVICE.accepts(name)) throw new DeviceError('TAPEGRAD_DEVICE', mismatch(DEVICE, 'the device', name))
  return placeOf(name as DeviceName)
}

/** The device of a place, opened; software too. @throws DeviceError when it cannot be had. */
export async function openAt(place: Place, adapter?: string): Promise<Opened> {
  const found = await place.open(adapter === undefined ? {} : { adapter })
  if ('device' in found) return found
  const asked = fromEnvironment() === place
  throw new DeviceError(
    place.name,
    `${asked ? `TAPEGRAD_DEVICE=${place}, but ` : ''}${found.unavailable}. ${asked ? 'Without TAPEGRAD_DEVICE, device cpu is used, which' : 'Device cpu'} works everywhere`,
  )
}

/** Where tensors are that are made without a device; `auto` while that has not been settled. */
export function defaultPlace(): NodePlace {
  chosen ??= fromEnvironment()
  return chosen ?? 'auto'
}
export function setDefault(place: Place | undefined): void {
  chosen = place
}

/** What `node.placement` means now: `auto` becomes the default device once that is settled. */
export const placeOfNode = ({ placement }: Node): NodePlace => (placement === 'auto' ? defaultPlace() : placement)

/** The device that `auto` means: WebGPU where there is hardware, else the CPU. */
export function settleDefault(): Promise<Place> {
  const now = defaultPlace()
  if (now !== 'auto') return Promise.resolve(now)
  settling ??= WEBGPU_PLACE.open({ hardware: true })
    .then((found) => {
      // Software that is open already was asked for by name, or for some tensors only
      chosen ??= 'device' in found && (!found.info.software || nodeProcess?.env.TAPEGRAD_ADAPTER) ? WEBGPU_PLACE : CPU_PLACE
      return chosen
    })
    .finally(() => {
      settling = undefined
    })
  return settling
}

/** Throws, once, that a device was lost, where nothing has said so yet. */
export function raiseLoss(): void {
  openDevices()
  const unreported = losses.splice(0).filter((e) => !isReported(e))
  if (!unreported[0]) return
  for (const e of unreported) markReported(e)
  throw unreported[0]
}
