/** @file How far the device is behind: fences, and the limits that keep a loop from recording without end. */
import { BacklogError } from '../../base/index.ts'
import type { DeviceErrors } from './device-errors.ts'

/** Runs in flight that `throttle` allows. */
const IN_FLIGHT = 2
/** A loop that never awaits is warned past this many unfinished runs or uploaded bytes, and stopped at twice that. */
const RUNS = 1024
const BYTES = 256 * 2 ** 20
/** Runs that still pass after a refusal, until the device has got on: whoever stops looping can read what there is. */
const GRACE = 64
/** A loop that never awaits is checked once in so many runs. */
const LOOK = 64

interface Fence {
  readonly serial: number
  readonly passed: Promise<void>
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  return bytes < 2 ** 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`
}

export class Backpressure {
  readonly #deviceErrors: DeviceErrors
  readonly #fence: () => Promise<void>
  readonly #fences: Fence[] = []
  /** Runs handed to the GPU so far. */
  submitted = 0
  /** Runs that wait for a pipeline. */
  queued = 0
  #completed = 0
  /** Bytes in `#uploads`. */
  #bytes = 0
  /** What runs that may not be finished have uploaded. */
  readonly #uploads: { readonly serial: number; readonly bytes: number }[] = []
  #warned = false
  /** Runs that may pass although there is a backlog; undefined before the first refusal. */
  #grace: number | undefined

  constructor(deviceErrors: DeviceErrors, fence: () => Promise<void>) {
    this.#deviceErrors = deviceErrors
    this.#fence = fence
  }

  /** Whether everything that was handed over is known to be finished. */
  get isDone(): boolean {
    return this.#completed >= this.#recorded
  }

  get #recorded(): number {
    return this.submitted + this.queued
  }

  #add(bytes: number): void {
    if (bytes === 0) return
    this.#bytes += bytes
    this.#uploads.push({ serial: this.#recorded + 1, bytes })
  }

  /** An upload outside of runs: a data set at the start is no backlog, one upload per step of a loop that never awaits is. */
  uploaded(bytes: number): void {
    if (this.#recorded - this.#completed >= LOOK) this.#add(bytes)
  }

  /** All runs up to `serial` are finished. */
  done(serial: number): void {
    if (serial > this.#completed) {
      this.#completed = serial
      this.#grace = undefined
    }
    while (this.#fences[0] && this.#fences[0].serial <= this.#completed) this.#fences.shift()
    while (this.#uploads[0] && this.#uploads[0].serial <= this.#completed) this.#bytes -= this.#uploads.shift()?.bytes ?? 0
  }

  /** Nothing is on the GPU that could finish later. */
  idle(): void {
    if (this.queued === 0 && this.#fences.length === 0 && this.submitted - this.#completed === 1) this.done(this.submitted)
  }

  /** Called at every run, with the bytes that it uploads. @throws BacklogError */
  admit(bytes: number): void {
    const runs = this.#recorded - this.#completed
    const waiting = this.#bytes + bytes
    if (runs >= LOOK || waiting >= BYTES) {
      if (runs % LOOK === 0) this.#set()
      if (runs >= RUNS || (waiting >= BYTES && runs > IN_FLIGHT)) this.#judge(runs, waiting)
    }
    this.#add(bytes)
  }

  #judge(runs: number, bytes: number): void {
    const what = `${runs} runs${bytes > 0 ? ` with ${sizeText(bytes)} of uploads` : ''} wait for the device`
    // a loop that awaits has few runs in flight, however large its batches are
    if (runs >= 2 * RUNS || (bytes >= 2 * BYTES && runs > IN_FLIGHT)) {
      if (this.#grace !== undefined && bytes < 3 * BYTES && this.#grace-- > 0) return
      this.#grace ??= GRACE
      this.#set()
      throw new BacklogError(
        'webgpu',
        `${what}: this loop never awaits. Await something in it now and then: a loss.item(), or synchronize()`,
      )
    }
    if (!this.#warned)
      console.warn(
        `tapegrad: ${what}; a loop that never awaits records faster than the device works. Await a loss.item() or synchronize() in it.`,
      )
    this.#warned = true
  }

  #set(): Fence {
    const last = this.#fences.at(-1)
    if (last && last.serial === this.#recorded) return last
    const serial = this.#recorded
    const passed = this.#fence().then(() => this.done(serial))
    passed.catch(() => {})
    const fence = { serial, passed }
    this.#fences.push(fence)
    return fence
  }

  /** Resolves when at most two runs are in flight. */
  async throttle(): Promise<void> {
    const allowed = this.#recorded - IN_FLIGHT
    if (this.#completed >= allowed) return
    this.#set()
    await this.#fences.find((f) => f.serial >= allowed)?.passed
    await this.#deviceErrors.settled()
  }
}
