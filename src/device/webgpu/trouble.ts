/** @file What WebGPU reports, as errors of the library that arrive late. */
import { DeviceLostError, OutOfMemoryError, TapegradError } from '../../base/index.ts'
import { LateErrors } from '../late.ts'

/** What WebGPU reported, as an error of the library. `bytes`: what was being allocated. */
export function fromGpu(error: GPUError, context: string, bytes = 0): TapegradError {
  const kind = error.constructor.name
  if (kind === 'GPUOutOfMemoryError')
    return new OutOfMemoryError(context, bytes, `the device has no room for ${bytes ? `a buffer of ${bytes} bytes` : 'this work'}`)
  return new TapegradError(context, `the WebGPU device refused the work (${error.message})`)
}

export class Trouble extends LateErrors {
  /** Set for good when the device is gone. */
  lost: DeviceLostError | undefined
  /** Checks of the device's own that have not answered yet. */
  readonly #checks = new Set<Promise<unknown>>()

  lose(info: GPUDeviceLostInfo): void {
    if (info.reason === 'destroyed') return
    this.lost = new DeviceLostError('webgpu', `the device was lost (${info.message || info.reason})`)
    this.add(this.lost)
  }

  /** Lets `settled` finish before the next promise resolves. */
  watch(check: Promise<unknown>): void {
    const done: Promise<unknown> = check.catch(() => {}).then(() => this.#checks.delete(done))
    this.#checks.add(done)
  }

  async settled(): Promise<void> {
    while (this.#checks.size > 0) await Promise.all(this.#checks)
  }
}
