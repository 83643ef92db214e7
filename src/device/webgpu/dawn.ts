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

const OPTIONS = { powerPreference: 'high-performance' } as const

/** The adapter that Dawn gives for a name, in just this spelling, or else for none; where it knows no such name, the names that it knows, best first. */
async function ask(name: string | undefined): Promise<GPUAdapter | null | readonly string[]> {
  const gpu = await gpuOf(name)
  return withoutLimitWarnings(() => gpu.requestAdapter(OPTIONS)).catch((error) => {
    // The same adapter may be there through several interfaces of the system: Direct3D, Vulkan
    const names = [...`${error}`.matchAll(/name: '([^']*)'/g)].map((m) => m[1] as string)
    return [...new Set(names)]
  })
}
const isAdapter = (answer: GPUAdapter | null | readonly string[]): answer is GPUAdapter => answer !== null && !Array.isArray(answer)

/** Dawn lists its adapters where it is asked for one that there is not. */
const NO_NAME = '(none)'

/**
 * The names of all adapters, best first; the one whose name contains `first` goes before them. Adapters of one name count as one, as there is no way to ask for
 * the second of them.
 */
export async function dawnAdapters(first: string | undefined): Promise<readonly string[]> {
  const answer = await ask(NO_NAME)
  const names = answer === null || isAdapter(answer) ? [] : answer
  const best = first === undefined ? undefined : matching(names, first)
  return best === undefined ? names : [...new Set([best, ...names])]
}

/** Letter case is no reason to fail. */
const matching = (names: readonly string[], wanted: string): string | undefined =>
  names.find((name) => name.includes(wanted)) ?? names.find((name) => name.toLowerCase().includes(wanted.toLowerCase()))

/** The best adapter, or the one whose name contains `wanted`. @throws DeviceError when there is none of that name */
export async function requestDawnAdapter(wanted: string | undefined): Promise<GPUAdapter | Unavailable> {
  try {
    await gpuOf(wanted)
  } catch (e) {
    return { unavailable: isMissing(e) ? MISSING : `the npm package webgpu cannot be loaded (${(e as Error).message})` }
  }
  let answer = await ask(wanted)
  if (answer === null || isAdapter(answer)) return answer ?? { unavailable: NO_ADAPTER }
  const names = answer
  const name = wanted && matching(names, wanted)
  if (name) answer = await ask(name)
  if (isAdapter(answer)) return answer
  if (wanted) throw new DeviceError('init', `no WebGPU adapter matches '${wanted}'; there is ${names.join(', ') || 'none'}`)
  return { unavailable: NO_ADAPTER }
}
