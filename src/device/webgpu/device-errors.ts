/** @file What WebGPU reports, as errors of the library that arrive late. */
import { DeviceLostError, noRoom, TapegradError } from '../../base/index.ts'
import { DeferredErrors } from '../deferred-errors.ts'
import type { DeviceName } from '../device.ts'

/** What WebGPU reported, as an error of the library. `bytes`: what was being allocated, beside the `live` ones. */
export function fromGpu(error: GPUError, context: string, bytes = 0, live = 0): TapegradError {
  if (error.constructor.name === 'GPUOutOfMemoryError') return noRoom(context, bytes, live)
  return new TapegradError(context, `the WebGPU device refused the work (${error.message})`)
}

/** How long something that failed waits for the news that the whole device is gone: milliseconds. */
const PATIENCE = 1000

export class DeviceErrors extends DeferredErrors {
  readonly #device: DeviceName
  /** Set for good when the device is gone. */
  lost: DeviceLostError | undefined
  /** Checks of the device's own that are not settled yet. */
  readonly #checks = new Set<Promise<unknown>>()
  /** Rejects what waits for the GPU. */
  readonly #waiting = new Set<(lost: DeviceLostError) => void>()

  constructor(device: DeviceName = 'webgpu') {
    super()
    this.#device = device
  }

  /** The device is gone. `quiet`: it had nothing to do, so only what is wanted of it afterwards rejects. */
  lose(info: GPUDeviceLostInfo, quiet: boolean): void {
    this.lost = new DeviceLostError(
      this.#device,
      `the device was lost (${info.message || info.reason}). Tensors whose values were on it are gone; those on the host remain. ` +
        'The next use opens a fresh device: make the model anew, load its last saved state, and go on',
    )
    this.add(this.lost, quiet)
    for (const reject of this.#waiting) reject(this.lost)
    this.#waiting.clear()
  }

  /** What `promise` gives, or DeviceLostError when the device goes first, or when that is why the promise failed. */
  orLost<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#waiting.delete(gone)
        act()
      }
      const gone = (lost: DeviceLostError): void => reject(lost)
      if (this.lost) {
        promise.catch(() => {})
        reject(this.lost)
        return
      }
      this.#waiting.add(gone)
      promise.then(
        (value) => settle(() => resolve(value)),
        // the news of a loss may come a little later than what fails because of it
        (error: unknown) => this.lost ?? setTimeout(() => settle(() => reject(error)), PATIENCE),
      )
    })
  }

  /** Lets `settled` finish before the next promise resolves. */
  watch(check: Promise<unknown>): void {
    const done: Promise<unknown> = check.catch(() => {}).then(() => this.#checks.delete(done))
    this.#checks.add(done)
  }

  async settled(): Promise<void> {
    while (this.#checks.size > 0 && !this.lost) await this.orLost(Promise.all(this.#checks))
  }
}
