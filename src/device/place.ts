/**
 * @file Places: where tensors can be. There is one object for each device that has a name (`cpu`, `webgpu`, `webgpu:1`), and a node has the object, so that
 * places are compared and nothing is looked up by name. What computes at a place is the `Device` that is open there: where that is lost, its place is
 * free, and the next use opens a successor, which has nothing to do with what the lost one held.
 */
import { DeviceError } from '../base/index.ts'
import { type Device, type DeviceName, type DeviceProvider, type Opened, type OpenOptions, type Unavailable, webgpuName } from './device.ts'
import { env } from './environment.ts'
import { cpuProvider, webgpuProvider } from './providers.ts'

/** Bytes that each device may hold; undefined: what the environment says, or what there is. */
let memoryLimit: number | undefined

function memoryFromEnvironment(): number | undefined {
  const text = env('TAPEGRAD_MEMORY_LIMIT')
  if (text === undefined) return undefined
  const bytes = Number(text)
  if (!(bytes > 0)) throw new DeviceError('TAPEGRAD_MEMORY_LIMIT', `'${text}' is not a number of bytes above 0, such as 4e9`)
  return bytes
}

type DeviceKind = 'cpu' | 'webgpu'
const providers: Readonly<Record<DeviceKind, DeviceProvider>> = { cpu: cpuProvider, webgpu: webgpuProvider }

/** The adapter that `webgpu` was asked for with; the others are counted from it, and a successor is opened on the same. */
let firstAdapter: string | undefined

export class Place {
  /** As functions take it: the first adapter is `webgpu`, the next one `webgpu:1`. */
  readonly name: DeviceName
  readonly kind: DeviceKind
  /** Which adapter of its kind. */
  readonly index: number
  #opened: Opened | undefined
  /** An attempt that is under way; `hardware`: it takes no software. */
  #opening: { readonly hardware: boolean; readonly result: Promise<Opened | Unavailable> } | undefined

  constructor(kind: DeviceKind, index: number) {
    this.kind = kind
    this.index = index
    this.name = kind === 'webgpu' ? webgpuName(index) : kind
  }

  toString(): string {
    return this.name
  }

  /** What is open here now. */
  get opened(): Opened | undefined {
    if (this.#opened?.device.lost) this.#opened = undefined
    return this.#opened
  }

  /** The device that is open here now. */
  get device(): Device | undefined {
    return this.opened?.device
  }

  async open({ adapter, hardware = false }: OpenOptions = {}): Promise<Opened | Unavailable> {
    if (this.opened) return this.opened
    if (this.#opening) {
      const before = this.#opening
      const found = await before.result
      return 'device' in found || hardware || !before.hardware ? found : this.open(adapter === undefined ? {} : { adapter })
    }
    if (adapter !== undefined) firstAdapter = adapter
    const result = this.#find(hardware).finally(() => {
      this.#opening = undefined
    })
    this.#opening = { hardware, result }
    return result
  }

  async #find(hardware: boolean): Promise<Opened | Unavailable> {
    const limit = memoryFromEnvironment()
    const found = await providers[this.kind].open({ index: this.index, hardware, ...first() })
    if ('unavailable' in found) return found
    found.device.limitMemory(memoryLimit ?? limit)
    this.#opened = found
    return found
  }
}

const first = (): OpenOptions => (firstAdapter === undefined ? {} : { adapter: firstAdapter })

const known = new Map<DeviceName, Place>()

/** The place of a name that the kind of argument `DEVICE` accepts. */
export function placeOf(name: DeviceName): Place {
  const found = known.get(name)
  if (found) return found
  const [kind, index = '0'] = name.split(':') as [DeviceKind, string?]
  const place = (index === '0' && known.get(kind)) || new Place(kind, Number(index))
  known.set(place.name, place)
  known.set(name, place) // `webgpu:0` too
  return place
}

export const CPU_PLACE: Place = placeOf('cpu')
export const WEBGPU_PLACE: Place = placeOf('webgpu')

/** All devices that are open. */
export const openDevices = (): Device[] => [...new Set(known.values())].flatMap((place) => place.device ?? [])

/** Sets what each device may hold, also those that are opened later. */
export function limitMemory(bytes: number): void {
  memoryLimit = bytes
  for (const device of openDevices()) device.limitMemory(bytes)
}

/** The places of all devices that can be had, best first: hardware, the processor, software that stands for hardware. */
export async function availablePlaces(): Promise<Place[]> {
  const found = await WEBGPU_PLACE.open()
  if ('unavailable' in found) return [CPU_PLACE]
  const adapters = [found.info, ...(await providers.webgpu.others(first()))]
  const of = (software: boolean): Place[] => adapters.flatMap((adapter, i) => (adapter.software === software ? placeOf(webgpuName(i)) : []))
  return [...of(false), CPU_PLACE, ...of(true)]
}
