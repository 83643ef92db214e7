/** @file The WebGPU device: Dawn in Node, the browser's own in a page. */
import type { Opened, OpenOptions, Unavailable } from '../device.ts'
import { openGpu } from './adapter.ts'
import { GpuComputeDevice } from './device.ts'
import { openDump } from './dump.ts'

export async function openWebgpu(options: OpenOptions): Promise<Opened | Unavailable> {
  const opened = await openGpu(options)
  if ('unavailable' in opened) return opened
  return { device: new GpuComputeDevice(opened, openDump()), info: opened.info }
}
