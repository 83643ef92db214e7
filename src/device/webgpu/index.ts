/** @file The WebGPU device: Dawn in Node, the browser's own in a page. */
import type { DeviceProvider } from '../device.ts'
import { openGpu } from './adapter.ts'
import { GpuComputeDevice } from './device.ts'
import { openDump } from './dump.ts'

export const webgpuProvider: DeviceProvider = {
  name: 'webgpu',
  async open(options = {}) {
    const opened = await openGpu(options)
    if (!opened) return undefined
    return { device: new GpuComputeDevice(opened, await openDump()), info: opened.info }
  },
}
