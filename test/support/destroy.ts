/** @file Takes the GPU away from under the library, as a driver reset does. */
import { WEBGPU_PLACE } from '../../src/device/index.ts'
import type { GpuComputeDevice } from '../../src/device/webgpu/device.ts'

/** The open WebGPU device itself. */
export function gpuDevice(): GpuComputeDevice {
  const { device } = WEBGPU_PLACE
  if (!device) throw new Error('device webgpu is not open')
  return device as GpuComputeDevice
}

/** Destroys the device in use; resolves when that is known. */
export async function destroyDevice(): Promise<void> {
  const { gpu } = gpuDevice()
  gpu.destroy()
  await gpu.lost
  await Promise.resolve()
}
