/** @file Shows how training goes: a live bar on a terminal, one line per epoch anywhere else. */

const BAR_CELLS = { least: 4, most: 32 }
const REDRAW_MS = 80
/** Kernels are made for the first step, and others when it has come again: what these steps take says nothing of the rest. */
const COMPILING_STEPS = 4
/** From here on the bar says what the first steps are about. */
const SLOW_MS = 300

export interface ProgressOptions {
  readonly epochs: number
  /** What an epoch really shows, without a dropped last batch. */
  readonly imagesPerEpoch: number
  /** The epochs that a checkpoint has behind it. */
  readonly before: number
  /** Resolves when everything that was recorded has been computed. */
  readonly computed: () => Promise<void>
}

export class Progress {
  readonly #epochs: number
  readonly #total: number
  readonly #computed: () => Promise<void>
  readonly #live = process.stdout.isTTY === true
  readonly #slow: NodeJS.Timeout
  #done: number
  /** The speed is taken from here on: where the first steps have been computed. */
  #began = performance.now()
  #before: number
  #steps = 0
  #compiling = true
  #drawn = 0
  #result = ''

  constructor({ epochs, imagesPerEpoch, before, computed }: ProgressOptions) {
    this.#epochs = epochs
    this.#total = epochs * imagesPerEpoch
    this.#before = before * imagesPerEpoch
    this.#done = this.#before
    this.#computed = computed
    // The first batch may be waited for, and nothing else would draw meanwhile.
    this.#slow = setTimeout(() => this.#redraw(), SLOW_MS)
    this.#slow.unref()
  }

  /** A batch is recorded. Waits for the first few, until their kernels are compiled and have run. */
  async advance(images: number): Promise<void> {
    this.#done += images
    if (performance.now() - this.#drawn >= REDRAW_MS) this.#redraw()
    if (++this.#steps !== COMPILING_STEPS) return
    await this.#computed()
    clearTimeout(this.#slow)
    this.#compiling = false
    this.#began = performance.now()
    this.#before = this.#done
  }

  /** An epoch is done, with these means over its images, and this accuracy on the test images after it. */
  epoch(epoch: number, loss: number, accuracy: number, tested: number): void {
    // The live line has no room for all of it on a terminal of 80 columns.
    const learned = this.#live ? '' : `  accuracy ${(100 * accuracy).toFixed(1)}%`
    this.#result = `loss ${loss.toFixed(4)}${learned}  test ${(100 * tested).toFixed(1)}%`
    if (this.#live) this.#redraw()
    else
      process.stdout.write(
        `epoch ${String(epoch).padStart(String(this.#epochs).length)}/${this.#epochs}  ${this.#result}  ${this.#rate()}\n`,
      )
    if (this.#live && epoch === this.#epochs) process.stdout.write('\n')
  }

  #redraw(): void {
    if (!this.#live) return
    this.#drawn = performance.now()
    const share = this.#done / this.#total
    const epoch = Math.min(this.#epochs, Math.floor(share * this.#epochs) + 1)
    const text = ` epoch ${epoch}/${this.#epochs}  ${this.#result}  ${this.#rate()}`
    // The bar takes what the text leaves: a line longer than the terminal would wrap, and each redraw would then start a new one.
    const room = (process.stdout.columns || 80) - 1
    const cells = Math.max(BAR_CELLS.least, Math.min(BAR_CELLS.most, room - text.length))
    const full = Math.round(share * cells)
    process.stdout.write(`\r\x1b[2K${`${'█'.repeat(full)}${'░'.repeat(cells - full)}${text}`.slice(0, room)}`)
  }

  #rate(): string {
    const seconds = (performance.now() - this.#began) / 1000
    if (this.#compiling) return seconds * 1000 < SLOW_MS ? '' : 'compiling kernels…'
    const rate = (this.#done - this.#before) / seconds
    return rate > 0 ? `${Math.round(rate)} images/s  ${Math.ceil((this.#total - this.#done) / rate)} s left` : ''
  }
}
