/** @file Shows how training goes: a live bar on a terminal, one line per epoch anywhere else. */

const BAR_CELLS = { least: 4, most: 32 }
const REDRAW_MS = 80

export class Progress {
  readonly #epochs: number
  readonly #total: number
  readonly #live = process.stdout.isTTY === true
  #done: number
  /** The speed is taken from here on: the end of this process's first epoch, whose compiling of kernels says nothing of the others. */
  #began = performance.now()
  #before: number
  #first = true
  #drawn = 0
  #result = ''

  /** `imagesPerEpoch` counts what an epoch really shows, without a dropped last batch; `before` are the epochs that a checkpoint has behind it. */
  constructor(epochs: number, imagesPerEpoch: number, before: number) {
    this.#epochs = epochs
    this.#total = epochs * imagesPerEpoch
    this.#before = before * imagesPerEpoch
    this.#done = this.#before
  }

  /** A batch is done. */
  advance(images: number): void {
    this.#done += images
    const now = performance.now()
    if (!this.#live || now - this.#drawn < REDRAW_MS) return
    this.#drawn = now
    this.#draw()
  }

  /** An epoch is done, with these means over its images, and this accuracy on the test images after it. */
  epoch(epoch: number, loss: number, accuracy: number, tested: number): void {
    // The live line has no room for all of it on a terminal of 80 columns.
    const learned = this.#live ? '' : `  accuracy ${(100 * accuracy).toFixed(1)}%`
    this.#result = `loss ${loss.toFixed(4)}${learned}  test ${(100 * tested).toFixed(1)}%`
    if (this.#live) this.#draw()
    else
      process.stdout.write(
        `epoch ${String(epoch).padStart(String(this.#epochs).length)}/${this.#epochs}  ${this.#result}  ${this.#rate()}\n`,
      )
    if (this.#live && epoch === this.#epochs) process.stdout.write('\n')
    if (!this.#first) return
    this.#began = performance.now()
    this.#before = this.#done
    this.#first = false
  }

  #draw(): void {
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
    const rate = (this.#done - this.#before) / ((performance.now() - this.#began) / 1000)
    const left = this.#first ? '' : `  ${Math.ceil((this.#total - this.#done) / rate)} s left`
    return `${Math.round(rate)} images/s${left}`
  }
}
