/** @file Memory for runs: made certain before a large run begins, and known soon after where a run takes little. */
import { noRoom } from '../../base/index.ts'
import type { BufferPool, PoolBuffer } from './buffer-pool.ts'
import type { DeviceErrors } from './device-errors.ts'

/** New memory of a run from which on it is made certain that the GPU has it: smaller amounts come out of what drivers hold. */
const LARGE = 2 ** 24

export class MemoryReservation {
  readonly #pool: BufferPool
  readonly #deviceErrors: DeviceErrors
  /** Waits for the work in flight: what was destroyed is free then. */
  readonly #fence: () => Promise<void>

  constructor(pool: BufferPool, deviceErrors: DeviceErrors, fence: () => Promise<void>) {
    this.#pool = pool
    this.#deviceErrors = deviceErrors
    this.#fence = fence
  }

  /** Memory in buffers of these sizes, at once or when the promise resolves. @throws OutOfMemoryError */
  reserve(label: string, sizes: readonly number[]): undefined | Promise<void> {
    const missing = this.#pool.makeRoom(label, sizes)
    const bytes = missing.reduce((a, b) => a + b, 0)
    return bytes < LARGE ? undefined : this.#stock(label, missing, bytes)
  }

  /** Where there is no room, buffers that wait go first, and what the work in flight holds. */
  async #stock(label: string, sizes: readonly number[], bytes: number): Promise<void> {
    if (await this.#deviceErrors.orLost(this.#pool.stock(sizes))) return
    this.#pool.empty()
    await this.#fence()
    if (!(await this.#deviceErrors.orLost(this.#pool.stock(sizes)))) throw noRoom(label, bytes, this.#pool.live)
  }

  /** Is called with memory that is in use before it is known that there is room for it. */
  doubt(
    label: string,
    memory: readonly (PoolBuffer | undefined)[],
    answer: (error: Error | undefined) => void,
  ): Promise<boolean> | undefined {
    const doubtful = [...new Set(memory.filter((m): m is PoolBuffer => m?.proof !== undefined))]
    if (doubtful.length === 0) return undefined
    const check = Promise.all(doubtful.map((m) => m.proof)).then((good) => {
      const bytes = doubtful.reduce((n, m, i) => (good[i] ? n : n + m.size), 0)
      const error = bytes > 0 ? noRoom(label, bytes, this.#pool.live) : undefined
      if (error) this.#deviceErrors.add(error)
      answer(error)
      return !error
    })
    this.#deviceErrors.watch(check)
    return check
  }
}
