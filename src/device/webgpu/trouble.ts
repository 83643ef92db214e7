/** @file Errors that arrive late: kept until a promise of the library can carry them, printed at exit if none came. */
import { DeviceLostError, OutOfMemoryError, TapegradError } from '../../base/index.ts'
import { nodeProcess } from './environment.ts'

const unreported = new Set<Error>()
let listening = false

/** What WebGPU reported, as an error of the library. `bytes`: what was being allocated. */
export function fromGpu(error: GPUError, context: string, bytes = 0): TapegradError {
  const kind = error.constructor.name
  if (kind === 'GPUOutOfMemoryError')
    return new OutOfMemoryError(context, bytes, `the device has no room for ${bytes ? `a buffer of ${bytes} bytes` : 'this work'}`)
  return new TapegradError(context, `the WebGPU device refused the work (${error.message})`)
}

export class Trouble {
  #pending: Error | undefined
  /** Set for good when the device is gone. */
  lost: DeviceLostError | undefined
  /** Checks of the device's own that have not answered yet. */
  readonly #checks = new Set<Promise<unknown>>()

  get any(): boolean {
    return this.#pending !== undefined
  }

  /** Keeps the first error until it is reported. */
  add(error: Error): void {
    if (this.#pending) return
    this.#pending = error
    unreported.add(error)
    if (!listening && nodeProcess) {
      listening = true
      const process = nodeProcess
      process.on('exit', () => {
        for (const e of unreported) console.error(`Uncaught by any promise: ${e.name}: ${e.message}`)
        if (unreported.size > 0) process.exitCode = process.exitCode || 1
      })
    }
  }

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

  /** Throws the kept error, once. */
  raise(): void {
    const error = this.#pending
    if (!error) return
    this.reported(error)
    throw error
  }

  /** The error has reached the user in another way. */
  reported(error: Error): void {
    unreported.delete(error)
    if (this.#pending === error) this.#pending = undefined
  }
}
