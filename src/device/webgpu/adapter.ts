/** @file Finds a GPU: the page's own, or Dawn in Node. Hardware first, then software. */
import { DeviceError } from '../../base/index.ts'
import type { DeviceInfo, OpenOptions, Unavailable } from '../device.ts'
import { env, isMissing, nativePackage, nodeProcess } from '../environment.ts'
import { ownGpu } from './hardware.ts'
import type { AdapterClass } from './strategy.ts'
import { withoutLimitWarnings } from './warnings.ts'

export interface Opened {
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

/** Dawn's GPU object; it must outlive the devices made from it. */
const kept = new Map<string, GPU>()

/** WebGPU itself, before any adapter: the page's own, or Dawn's. */
async function entry(adapter: string | undefined): Promise<GPU | Unavailable> {
  const own = ownGpu()
  if (own) return own
  if (!nodeProcess) return { unavailable: NO_NAVIGATOR_GPU }
  const flags = adapter ? [`adapter=${adapter}`] : []
  const key = flags.join()
  const known = kept.get(key)
  if (known) return known
  let create: (flags: string[]) => GPU
  try {
    ;({ create } = (await nativePackage('webgpu')) as { create: (flags: string[]) => GPU })
  } catch (e) {
    return { unavailable: isMissing(e) ? NO_DAWN : `the npm package webgpu cannot be loaded (${(e as Error).message})` }
  }
  const gpu = create(flags)
  kept.set(key, gpu)
  return gpu
}

const NO_NAVIGATOR_GPU =
  'there is no navigator.gpu here. A page has it in a browser with WebGPU, where it comes over https or from localhost'
const NO_DAWN = 'the npm package webgpu, which is WebGPU for Node, is not installed. It is an optional dependency: npm install webgpu'
const NO_ADAPTER =
  "no WebGPU adapter answers here. On Linux a Vulkan driver is needed: the GPU's own, or Mesa's lavapipe in software (Debian: apt-get install mesa-vulkan-drivers)"

function describe(info: GPUAdapterInfo): string {
  return [info.description, info.device, info.architecture, info.vendor].find((text) => text) ?? 'unknown adapter'
}

const isSoftware = (info: GPUAdapterInfo): boolean =>
  info.isFallbackAdapter || SOFTWARE.test(`${info.description} ${info.device} ${info.architecture} ${info.vendor}`)

/** Dawn refuses a name that it does not know in just this spelling, and lists those it has: letter case is no reason to fail. */
async function request(gpu: GPU, wanted: string | undefined): Promise<GPUAdapter | null> {
  const options = { powerPreference: 'high-performance' } as const
  try {
    return await withoutLimitWarnings(() => gpu.requestAdapter(options))
  } catch (error) {
    const names = [...`${error}`.matchAll(/name: '([^']*)'/g)].map((m) => m[1] as string)
    const name = names.find((n) => wanted && n.toLowerCase().includes(wanted.toLowerCase()))
    const named = name === undefined ? undefined : await entry(name)
    if (named && 'requestAdapter' in named) return await withoutLimitWarnings(() => named.requestAdapter(options))
    if (wanted) throw new DeviceError('init', `no WebGPU adapter matches '${wanted}'; there is ${names.join(', ') || 'none'}`)
    return null
  }
}

/**
 * Opens a device on the best adapter, or on the one whose description contains `adapter` (or TAPEGRAD_ADAPTER), which may be software also
 * where only hardware is wanted.
 * @throws DeviceError when an adapter was asked for by name and is not there, or gives no device.
 */
export async function openGpu({ adapter: wanted = env('TAPEGRAD_ADAPTER'), hardware }: OpenOptions = {}): Promise<Opened | Unavailable> {
  const onlyHardware = hardware && !wanted
  const gpu = await entry(wanted)
  if ('unavailable' in gpu) return gpu
  const matches = (a: GPUAdapter | null): boolean => {
    const text = a ? `${a.info.description} ${a.info.device} ${a.info.architecture} ${a.info.vendor}`.toLowerCase() : ''
    return !!a && (!wanted || text.includes(wanted.toLowerCase()))
  }
  let adapter = await request(gpu, wanted)
  if (wanted && !matches(adapter) && !nodeProcess) adapter = await gpu.requestAdapter({ forceFallbackAdapter: true })
  if (wanted && !matches(adapter))
    throw new DeviceError('init', `no WebGPU adapter matches '${wanted}'${adapter ? `; there is ${describe(adapter.info)}` : ''}`)
  if (!adapter) return { unavailable: nodeProcess ? NO_ADAPTER : 'the browser gives no WebGPU adapter' }
  if (onlyHardware && isSoftware(adapter.info)) return { unavailable: `${describe(adapter.info)} is no hardware` }
  const found = adapter
  const limitsAsked = env('TAPEGRAD_LIMITS')
  if (limitsAsked !== undefined && limitsAsked !== 'default')
    throw new DeviceError(
      'TAPEGRAD_LIMITS',
      `'${limitsAsked}' is not known. Use default (the specification's), or leave it unset for the adapter's own`,
    )
  const frugal = limitsAsked === 'default'
  const requiredLimits: Record<string, number> = {}
  if (!frugal) for (const name of WANTED_LIMITS) requiredLimits[name] = found.limits[name]
  const device = await found
    .requestDevice({ requiredFeatures: frugal ? [] : WANTED_FEATURES.filter((f) => found.features.has(f)), requiredLimits })
    .catch((e: Error) => {
      throw new DeviceError('init', `${describe(found.info)} gives no device (${e.message}). Device cpu works everywhere`)
    })
  const software = isSoftware(found.info)
  const limits: Record<string, number> = {}
  for (const name of [...WANTED_LIMITS, 'maxComputeWorkgroupsPerDimension', 'minStorageBufferOffsetAlignment'] as const)
    limits[name] = device.limits[name]
  const info: DeviceInfo = {
    device: 'webgpu',
    adapter: describe(found.info),
    vendor: found.info.vendor,
    architecture: found.info.architecture,
    software,
    features: [...device.features].sort(),
    limits,
  }
  const { subgroupMinSize = 1, subgroupMaxSize } = found.info
  const subgroup = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 1
  return { gpu: device, info, adapterClass: software ? 'software' : 'hardware', subgroup }
}
