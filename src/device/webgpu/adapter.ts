/** @file Finds a GPU: the page's own, or Dawn in Node. Hardware first, then software. */
import { DeviceError } from '../../base/index.ts'
import type { DeviceInfo, OpenOptions } from '../device.ts'
import { env, nodeProcess } from '../environment.ts'
import type { AdapterClass } from './strategy.ts'

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

/** The page's own; some runtimes have one without a page. */
const ownGpu = (): GPU | undefined => (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu

async function entry(adapter: string | undefined): Promise<GPU | undefined> {
  const own = ownGpu()
  if (own || !nodeProcess) return own
  const flags = adapter ? [`adapter=${adapter}`] : []
  const key = flags.join()
  const known = kept.get(key)
  if (known) return known
  // In a variable, so that bundlers for the browser leave the native module alone
  const dawn = 'webgpu'
  let create: (flags: string[]) => GPU
  try {
    ;({ create } = (await import(/* @vite-ignore */ dawn)) as { create: (flags: string[]) => GPU })
  } catch {
    return undefined
  }
  const gpu = create(flags)
  kept.set(key, gpu)
  return gpu
}

function describe(info: GPUAdapterInfo): string {
  return [info.description, info.device, info.architecture, info.vendor].find((text) => text) ?? 'unknown adapter'
}

const isSoftware = (info: GPUAdapterInfo): boolean =>
  info.isFallbackAdapter || SOFTWARE.test(`${info.description} ${info.device} ${info.architecture} ${info.vendor}`)

/** What drivers of GPUs put into /dev: NVIDIA's, that of WSL, Mali's, Adreno's, Tegra's, PowerVR's. All others make a render node in /dev/dri. */
const GPU_FILES = /^(nvidia\d|dxg$|mali\d|kgsl-|nvgpu|nvhost-gpu|pvrsrvkm)/

/**
 * Whether asking Dawn for hardware can have an answer. On Linux a look into /dev tells: where there is no GPU, Dawn would load the software
 * drivers (60 MB) and print its warnings to find none.
 */
async function mayHaveHardware(): Promise<boolean> {
  if (ownGpu() || nodeProcess?.platform !== 'linux') return true
  // In a variable, as above
  const module = 'node:fs/promises'
  const { readdir } = (await import(/* @vite-ignore */ module)) as { readdir(path: string): Promise<string[]> }
  const [files, nodes] = await Promise.all(['/dev', '/dev/dri'].map((path) => readdir(path).catch((): string[] => [])))
  return !!files?.some((name) => GPU_FILES.test(name)) || !!nodes?.some((name) => name.startsWith('renderD'))
}

/** Dawn refuses a name that it does not know in just this spelling, and lists those it has: letter case is no reason to fail. */
async function request(gpu: GPU | undefined, wanted: string | undefined): Promise<GPUAdapter | null | undefined> {
  const options = { powerPreference: 'high-performance' } as const
  try {
    return await gpu?.requestAdapter(options)
  } catch (error) {
    const names = [...`${error}`.matchAll(/name: '([^']*)'/g)].map((m) => m[1] as string)
    const name = names.find((n) => wanted && n.toLowerCase().includes(wanted.toLowerCase()))
    if (name) return (await entry(name))?.requestAdapter(options)
    if (wanted) throw new DeviceError('init', `no WebGPU adapter matches '${wanted}'; there is ${names.join(', ') || 'none'}`)
    return undefined
  }
}

/**
 * Opens a device on the best adapter, or on the one whose description contains `adapter` (or TAPEGRAD_ADAPTER), which may be software also
 * where only hardware is wanted.
 * @returns undefined where there is no adapter.
 * @throws DeviceError when an adapter was asked for by name and is not there, or gives no device.
 */
export async function openGpu({ adapter: wanted = env('TAPEGRAD_ADAPTER'), hardware }: OpenOptions = {}): Promise<Opened | undefined> {
  const onlyHardware = hardware && !wanted
  if (onlyHardware && !(await mayHaveHardware())) return undefined
  const gpu = await entry(wanted)
  const matches = (a: GPUAdapter | null | undefined): boolean => {
    const text = a ? `${a.info.description} ${a.info.device} ${a.info.architecture} ${a.info.vendor}`.toLowerCase() : ''
    return !!a && (!wanted || text.includes(wanted.toLowerCase()))
  }
  let adapter = await request(gpu, wanted)
  if (wanted && !matches(adapter) && !nodeProcess) adapter = await gpu?.requestAdapter({ forceFallbackAdapter: true })
  if (wanted && !matches(adapter))
    throw new DeviceError('init', `no WebGPU adapter matches '${wanted}'${adapter ? `; there is ${describe(adapter.info)}` : ''}`)
  if (!adapter || (onlyHardware && isSoftware(adapter.info))) return undefined
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
