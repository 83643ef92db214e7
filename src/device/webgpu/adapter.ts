/** @file Finds a GPU: the page's own, or Dawn in Node. Hardware first, then software. */
import { DeviceError } from '../../base/index.ts'
import { type DeviceInfo, type OpenOptions, type Unavailable, webgpuName } from '../device.ts'
import { env, nodeProcess } from '../environment.ts'
import { ownGpu } from './hardware.ts'
import type { AdapterClass } from './strategy.ts'

export interface OpenedAdapter {
  readonly gpu: GPUDevice
  readonly info: DeviceInfo
  readonly adapterClass: AdapterClass
  /** How many invocations always are a subgroup; 1 where they differ or there are none. */
  readonly subgroup: number
}

/** The limits that kernels can make use of; everything else stays at the specification's default. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxUniformBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
] as const

const WANTED_FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|software|basic render/i

const NO_NAVIGATOR_GPU =
  'there is no navigator.gpu here. A page has it in a browser with WebGPU, where it comes over https or from localhost'

function describe(info: GPUAdapterInfo): string {
  return [info.description, info.device, info.architecture, info.vendor].find((text) => text) ?? 'unknown adapter'
}

const textOf = ({ description, device, architecture, vendor }: GPUAdapterInfo): string =>
  `${description} ${device} ${architecture} ${vendor}`

const isSoftware = (info: GPUAdapterInfo): boolean => info.isFallbackAdapter || SOFTWARE.test(textOf(info))

const matches = (adapter: GPUAdapter | null, wanted: string): boolean =>
  adapter !== null && textOf(adapter.info).toLowerCase().includes(wanted.toLowerCase())

/** The runtime's own, which exposes one adapter only, or Dawn's. */
async function request(wanted: string | undefined, index: number): Promise<GPUAdapter | null | Unavailable> {
  const own = ownGpu()
  if (own) {
    const adapter = await own.requestAdapter({ powerPreference: 'high-performance' })
    if (adapter && index > 0) return { unavailable: tooFew([describe(adapter.info)]) }
    return wanted && !nodeProcess && !matches(adapter, wanted) ? own.requestAdapter({ forceFallbackAdapter: true }) : adapter
  }
  if (!nodeProcess) return { unavailable: NO_NAVIGATOR_GPU }
  const { dawnAdapters, requestDawnAdapter } = await import('./dawn.ts')
  const first = await requestDawnAdapter(wanted)
  if (index === 0 || 'unavailable' in first) return first
  const names = await dawnAdapters(wanted)
  return index < names.length ? requestDawnAdapter(names[index]) : { unavailable: tooFew(names) }
}

/** The reason where the number of an adapter is past those that there are. */
function tooFew(names: readonly string[]): string {
  const count = names.length === 1 ? 'is one WebGPU adapter' : `are ${names.length} WebGPU adapters`
  return `there ${count} here (${names.map((name, i) => `'${webgpuName(i)}' is ${name}`).join(', ')}), which availableDevices() lists`
}

/** The adapters beside the first one, as far as they are known. */
export async function otherAdapters({ adapter: first = env('TAPEGRAD_ADAPTER') }: OpenOptions): Promise<{ software: boolean }[]> {
  if (ownGpu() || !nodeProcess) return []
  const names = await (await import('./dawn.ts')).dawnAdapters(first)
  return names.slice(1).map((name) => ({ software: SOFTWARE.test(name) }))
}

/**
 * Opens a device on the best adapter, or on the one whose description contains `adapter` (or TAPEGRAD_ADAPTER), which may be software also
 * where only hardware is wanted; `index` counts on from there.
 * @throws DeviceError when an adapter was asked for by name and is not there, or gives no device.
 */
export async function openGpu({
  adapter: wanted = env('TAPEGRAD_ADAPTER'),
  hardware,
  index = 0,
}: OpenOptions = {}): Promise<OpenedAdapter | Unavailable> {
  const onlyHardware = hardware && !wanted
  const adapter = await request(wanted, index)
  if (adapter && 'unavailable' in adapter) return adapter
  if (wanted && index === 0 && !matches(adapter, wanted))
    throw new DeviceError('init', `no WebGPU adapter matches '${wanted}'${adapter ? `; there is ${describe(adapter.info)}` : ''}`)
  if (!adapter) return { unavailable: 'navigator.gpu gives no adapter' }
  if (onlyHardware && isSoftware(adapter.info)) return { unavailable: `${describe(adapter.info)} is no hardware` }
  const limitsAsked = env('TAPEGRAD_LIMITS')
  if (limitsAsked !== undefined && limitsAsked !== 'default')
    throw new DeviceError(
      'TAPEGRAD_LIMITS',
      `'${limitsAsked}' is not known. Use default (the specification's), or leave it unset for the adapter's own`,
    )
  const frugal = limitsAsked === 'default'
  const requiredLimits: Record<string, number> = {}
  if (!frugal) for (const name of WANTED_LIMITS) requiredLimits[name] = adapter.limits[name]
  const device = await adapter
    .requestDevice({ requiredFeatures: frugal ? [] : WANTED_FEATURES.filter((f) => adapter.features.has(f)), requiredLimits })
    .catch((e: Error) => {
      throw new DeviceError('init', `${describe(adapter.info)} gives no device (${e.message}). Device cpu works everywhere`)
    })
  if (nodeProcess && !ownGpu()) (await import('./dawn.ts')).restAtExit(device)
  const software = isSoftware(adapter.info)
  const limits: Record<string, number> = {}
  for (const name of [...WANTED_LIMITS, 'maxComputeWorkgroupsPerDimension', 'minStorageBufferOffsetAlignment'] as const)
    limits[name] = device.limits[name]
  const info: DeviceInfo = {
    device: webgpuName(index),
    adapter: describe(adapter.info),
    vendor: adapter.info.vendor,
    architecture: adapter.info.architecture,
    software,
    features: [...device.features].sort(),
    limits,
  }
  const { subgroupMinSize = 1, subgroupMaxSize } = adapter.info
  const subgroup = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 1
  return { gpu: device, info, adapterClass: software ? 'software' : 'hardware', subgroup }
}
