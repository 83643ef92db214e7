/** @file Takes the GPU away from under the library, as a driver reset does. */
import type { GpuComputeDevice } from '../../src/device/webgpu/device.ts'
import { openNow } from '../../src/runtime/devices.ts'

/** The open WebGPU device itself. */
export function gpuDevice(): GpuComputeDevice {
  const found = openNow('webgpu')
  if (!found) throw new Error('device webgpu is not open')
  return found.device as GpuComputeDevice
}

/** Destroys the device in use; resolves when that is known. */
export async function destroyDevice(): Promise<void> {
  const { gpu } = gpuDevice()
  gpu.destroy()
  await gpu.lost
  await Promise.resolve()
}
