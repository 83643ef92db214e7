/** @file The adapters of Dawn, WebGPU for Node: loaded where the runtime has no WebGPU of its own. */
import { DeviceError } from '../../base/index.ts'
import type { Unavailable } from '../device.ts'
import { isMissing, nativePackage, nodeProcess } from '../environment.ts'
import { withoutLimitWarnings } from './warnings.ts'

interface Dawn {
  create(flags: string[]): GPU
}

/** Devices that have work to end before the process does. */
const open = new Set<GPUDevice>()
let listening = false

/**
 * Sees to it that the device has come to rest before the process ends, however it ends. Dawn and drivers in software work in threads of their own; a process
 * that tears down what these use while they compile or run something dies of it now and then. `destroy()` waits for them.
 */
export function restAtExit(device: GPUDevice): void {
  open.add(device)
  device.lost.then(() => open.delete(device))
  if (listening) return
  listening = true
  nodeProcess?.on('exit', () => {
    for (const device of open) device.destroy()
  })
}

/** Dawn's GPU objects; each must outlive the devices made from it. */
const kept = new Map<string, GPU>()

async function gpuOf(adapter: string | undefined): Promise<GPU> {
  const flags = adapter ? [`adapter=${adapter}`] : []
  const key = flags.join()
  let gpu = kept.get(key)
  if (!gpu) {
    const { create } = (await nativePackage('webgpu')) as Dawn
    gpu = create(flags)
    kept.set(key, gpu)
  }
  return gpu
}

const NO_ADAPTER =
  "no WebGPU adapter answers here. On Linux a Vulkan driver is needed: the GPU's own, or Mesa's lavapipe in software (Debian: apt-get install mesa-vulkan-drivers)"
const MISSING = 'the npm package webgpu, which is WebGPU for Node, is not installed. It is an optional dependency: npm install webgpu'

/**
 * The best adapter, or the one whose name contains `wanted`. Dawn refuses a name that it does not know in just this spelling, and lists those it has: letter
 * case is no reason to fail.
 * @throws DeviceError when there is none of that name
 */
export async function requestDawnAdapter(wanted: string | undefined, options: GPURequestAdapterOptions): Promise<GPUAdapter | Unavailable> {
  let gpu: GPU
  try {
    gpu = await gpuOf(wanted)
  } catch (e) {
    return { unavailable: isMissing(e) ? MISSING : `the npm package webgpu cannot be loaded (${(e as Error).message})` }
  }
  let names: string[] = []
  const ask = (of: GPU): Promise<GPUAdapter | null> => withoutLimitWarnings(() => of.requestAdapter(options))
  let adapter = await ask(gpu).catch((error) => {
    names = [...`${error}`.matchAll(/name: '([^']*)'/g)].map((m) => m[1] as string)
    return null
  })
  const name = names.find((n) => wanted && n.toLowerCase().includes(wanted.toLowerCase()))
  if (name !== undefined) adapter = await ask(await gpuOf(name))
  if (!adapter && wanted) throw new DeviceError('init', `no WebGPU adapter matches '${wanted}'; there is ${names.join(', ') || 'none'}`)
  return adapter ?? { unavailable: NO_ADAPTER }
}
