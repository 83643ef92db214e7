/** @file The WebGPU device: Dawn in Node, the browser's own in a page. */

import type { Opened, OpenOptions, Unavailable } from '../device.ts'
import { env } from '../environment.ts'
import { openGpu, otherAdapters } from './adapter.ts'
import { GpuComputeDevice } from './device.ts'

export { otherAdapters }

export async function openWebgpu(options: OpenOptions): Promise<Opened | Unavailable> {
  const opened = await openGpu(options)
  if ('unavailable' in opened) return opened
  const folder = env('TAPEGRAD_DUMP')
  const dump = folder === undefined ? () => {} : (await import('./dump.ts')).openDump(folder)
  return { device: new GpuComputeDevice(opened, dump), info: opened.info }
}
