/** @file The devices, each in code of its own that is loaded when it is first wanted: most programs run on one of them. */
import { DeviceError } from '../base/index.ts'
import { type DeviceName, type DeviceProvider, webgpuName } from './device.ts'
import { env } from './environment.ts'
import { mayHaveHardware } from './webgpu/hardware.ts'

/** In a page the code is a file of its own, which may be missing or out of reach. */
async function loaded<T>(device: DeviceName, code: Promise<T>): Promise<T> {
  try {
    return await code
  } catch (cause) {
    throw new DeviceError(device, `its code cannot be loaded (${cause instanceof Error ? cause.message : String(cause)})`, { cause })
  }
}

export const cpuProvider: DeviceProvider = {
  open: async () => (await loaded('cpu', import('./cpu/index.ts'))).openCpuWithBlas(),
  others: async () => [],
}

export const webgpuProvider: DeviceProvider = {
  async open(options = {}) {
    const anyAdapter = !options.hardware || options.adapter !== undefined || env('TAPEGRAD_ADAPTER') !== undefined
    if (!anyAdapter && !(await mayHaveHardware())) return { unavailable: 'there is no GPU here' }
    return (await loaded(webgpuName(options.index ?? 0), import('./webgpu/index.ts'))).openWebgpu(options)
  },
  others: async (options) => (await loaded('webgpu', import('./webgpu/index.ts'))).otherAdapters(options),
}
