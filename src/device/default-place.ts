/** @file Which place is the default, and the error where a device cannot be opened. */
import { DEVICE, DeviceError, mismatch } from '../base/index.ts'
import type { DeviceName, Opened } from './device.ts'
import { env } from './environment.ts'
import { CPU_PLACE, type Place, placeOf, WEBGPU_PLACE } from './place.ts'

/** Chosen by the user, or found; undefined while nothing needed it. */
let chosen: Place | undefined
let settling: Promise<Place> | undefined

function fromEnvironment(): Place | undefined {
  const name = env('TAPEGRAD_DEVICE')
  if (name === undefined) return undefined
  if (!DEVICE.accepts(name)) throw new DeviceError('TAPEGRAD_DEVICE', mismatch(DEVICE, 'the device', name))
  return placeOf(name as DeviceName)
}

/** Where tensors are that are made without a device; `auto` while that has not been settled. */
export function defaultPlace(): Place | 'auto' {
  chosen ??= fromEnvironment()
  return chosen ?? 'auto'
}
export function setDefaultPlace(place: Place | undefined): void {
  chosen = place
}

/** What a placement means now: `auto` becomes the default place once that is settled. */
export const resolvePlace = (placement: Place | 'auto'): Place | 'auto' => (placement === 'auto' ? defaultPlace() : placement)

/** The place that `auto` means: that of WebGPU where there is hardware, else the CPU's. */
export function settleDefault(): Promise<Place> {
  const now = defaultPlace()
  if (now !== 'auto') return Promise.resolve(now)
  settling ??= WEBGPU_PLACE.open({ hardware: true })
    .then((found) => {
      // Software that is open already was asked for by name, or for some tensors only
      chosen ??= 'device' in found && (!found.info.software || env('TAPEGRAD_ADAPTER')) ? WEBGPU_PLACE : CPU_PLACE
      return chosen
    })
    .finally(() => {
      settling = undefined
    })
  return settling
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
