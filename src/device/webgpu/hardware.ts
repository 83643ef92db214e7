/** @file Whether there can be a GPU at all: known before the device's code is loaded. */
import { builtinModule, nodeProcess } from '../environment.ts'

/** The page's own WebGPU; some runtimes have one without a page. */
export const ownGpu = (): GPU | undefined => (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu

/** What drivers of GPUs put into /dev: NVIDIA's, that of WSL, Mali's, Adreno's, Tegra's, PowerVR's. All others make a render node in /dev/dri. */
const GPU_FILES = /^(nvidia\d|dxg$|mali\d|kgsl-|nvgpu|nvhost-gpu|pvrsrvkm)/

interface Files {
  readdir(path: string): Promise<string[]>
}

/**
 * Whether a request for hardware can find any. On Linux /dev shows it: where there is no GPU, Dawn would load the software
 * drivers (60 MB) and print its warnings to find none.
 */
export async function mayHaveHardware(): Promise<boolean> {
  if (ownGpu()) return true
  if (!nodeProcess || !builtinModule || nodeProcess.platform !== 'linux') return nodeProcess !== undefined
  const { readdir } = builtinModule('node:fs/promises') as Files
  const [files, nodes] = await Promise.all(['/dev', '/dev/dri'].map((path) => readdir(path).catch((): string[] => [])))
  return !!files?.some((name) => GPU_FILES.test(name)) || !!nodes?.some((name) => name.startsWith('renderD'))
}
