/**
 * @file The way from the device to the host. Small results are copied into pages as they arise; a page is mapped when one of its values is read,
 * or when it is full, and from then on its values live on the host alone. So however many losses a user keeps, the device holds a few pages.
 */
import { type DType, dtypeInfo, type TypedArray } from '../../base/index.ts'
import type { HostCopy } from '../device.ts'
import { FLAG_BYTES, type RunOutcome } from './error-propagation.ts'
import { COPY_DST, COPY_SRC, FOR_READING, MAP_READ } from './usage.ts'

/** Bytes of a page. */
export const PAGE = 65536

/** A pair of buffers with one content: `keep` can be copied from on the device, `read` can be mapped. */
export interface Page {
  readonly size: number
  readonly keep: GPUBuffer
  readonly read: GPUBuffer
  used: number
  copies: GpuHostCopy[]
  /** Index flags of runs, among the values. */
  flags: { readonly offset: number; readonly outcome: RunOutcome }[]
  mapped: Promise<void> | undefined
}

type State =
  | { readonly kind: 'queued' }
  | { readonly kind: 'page'; readonly page: Page; readonly offset: number }
  | { readonly kind: 'host'; readonly values: TypedArray }
  | { readonly kind: 'failed'; readonly error: Error }

export class GpuHostCopy implements HostCopy {
  readonly dtype: DType
  readonly length: number
  state: State = { kind: 'queued' }
  outcome: RunOutcome | undefined
  readonly #fetch: (copy: GpuHostCopy) => Promise<TypedArray>
  #answer: Promise<TypedArray> | undefined

  constructor(dtype: DType, length: number, fetch: (copy: GpuHostCopy) => Promise<TypedArray>) {
    this.dtype = dtype
    this.length = length
    this.#fetch = fetch
  }

  peek(): TypedArray | undefined {
    return this.state.kind === 'host' ? this.state.values : undefined
  }

  /** Only the value itself is kept: an error that came from elsewhere rejects once. */
  get(): Promise<TypedArray> {
    const answer = this.#answer ?? this.#fetch(this)
    this.#answer = answer
    answer.catch(() => {
      if (this.#answer === answer) this.#answer = undefined
    })
    return answer
  }

  fail(error: Error): void {
    this.state = { kind: 'failed', error }
  }
}

/** Values of a dtype out of mapped memory. */
export function valuesFrom(mapped: ArrayBuffer, offset: number, dtype: DType, length: number): TypedArray {
  const copy = mapped.slice(offset, offset + length * dtypeInfo[dtype].bytes)
  return dtypeInfo[dtype].view(copy, 0, length)
}

export class Pages {
  readonly #gpu: GPUDevice
  readonly #counts: { buffers: number }
  readonly #errors: GPUBuffer
  readonly #free: Page[] = []
  #current: Page | undefined
  /** Flags that have not arrived yet. */
  flagsOut = 0
  /** Given each run's flag, in order. */
  onFlag: (flag: Uint32Array, outcome: RunOutcome) => void = () => {}
  /** Gives the number of the last submitted run, and is called when all up to it are done. */
  submitted: () => number = () => 0
  onDone: (serial: number) => void = () => {}

  constructor(gpu: GPUDevice, errors: GPUBuffer, counts: { buffers: number }) {
    this.#gpu = gpu
    this.#errors = errors
    this.#counts = counts
  }

  /** Encodes the copy of a small result. */
  append(encoder: GPUCommandEncoder, source: GPUBuffer, bytes: number, copy: GpuHostCopy): void {
    const { page, offset } = this.#place(bytes)
    encoder.copyBufferToBuffer(source, 0, page.keep, offset, bytes)
    encoder.copyBufferToBuffer(source, 0, page.read, offset, bytes)
    page.copies.push(copy)
    copy.state = { kind: 'page', page, offset }
  }

  /** Encodes the copy of a run's index flag, and clears it for the next run. In front of the run's results, so that they never arrive before it. */
  appendFlag(encoder: GPUCommandEncoder, outcome: RunOutcome): void {
    const { page, offset } = this.#place(FLAG_BYTES)
    encoder.copyBufferToBuffer(this.#errors, 0, page.read, offset, FLAG_BYTES)
    encoder.clearBuffer(this.#errors)
    page.flags.push({ offset, outcome })
    this.flagsOut++
  }

  /** Room in the current page, at a multiple of 16. */
  #place(bytes: number): { page: Page; offset: number } {
    const room = Math.ceil(bytes / 16) * 16
    if (this.#current && this.#current.used + room > this.#current.size) this.#full()
    this.#current ??= this.#take(room)
    const page = this.#current
    const offset = page.used
    page.used += room
    return { page, offset }
  }

  /** Ends the current page and maps it; undefined where it holds nothing. */
  seal(): Promise<void> | undefined {
    const page = this.#current
    if (!page || page.used === 0) return undefined
    this.#current = undefined
    return this.#map(page)
  }

  /** Waits until the page's values are on the host. */
  arrive(page: Page): Promise<void> {
    if (page === this.#current) return this.seal() ?? Promise.resolve()
    return page.mapped ?? Promise.resolve()
  }

  /** Maps a page that has no room left, as soon as the program yields; the submit that fills it may still be ahead. */
  #full(): void {
    const page = this.#current
    if (!page) return
    this.#current = undefined
    this.#pendingFull.push(page)
  }
  readonly #pendingFull: Page[] = []

  /** Called behind every submit: pages that became full on the way can be mapped now. */
  afterSubmit(): void {
    for (const page of this.#pendingFull.splice(0)) this.#map(page).catch(() => {})
  }

  #take(room: number): Page {
    const page = room <= PAGE ? this.#free.pop() : undefined
    if (page) return page
    const size = Math.max(PAGE, room)
    this.#counts.buffers += 2
    return {
      size,
      keep: this.#gpu.createBuffer({ size, usage: COPY_SRC | COPY_DST, label: 'page' }),
      read: this.#gpu.createBuffer({ size, usage: MAP_READ | COPY_DST, label: 'page (mapped)' }),
      used: 0,
      copies: [],
      flags: [],
      mapped: undefined,
    }
  }

  #map(page: Page): Promise<void> {
    if (!page.mapped) {
      const read = this.#read(page, this.submitted())
      page.mapped = read
      this.#mapping.add(read)
      const done = (): unknown => this.#mapping.delete(read)
      read.then(done, done)
    }
    return page.mapped
  }
  readonly #mapping = new Set<Promise<void>>()

  /** Whether a page is being mapped. */
  get isExpected(): boolean {
    return this.#mapping.size > 0
  }

  /** Waits for the pages on their way. */
  async arrived(): Promise<void> {
    await Promise.all(this.#mapping)
  }

  async #read(page: Page, serial: number): Promise<void> {
    await page.read.mapAsync(FOR_READING, 0, page.used)
    const range = page.read.getMappedRange(0, page.used)
    for (const { offset, outcome } of page.flags) this.onFlag(new Uint32Array(range, offset, FLAG_BYTES / 4), outcome)
    this.flagsOut -= page.flags.length
    for (const copy of page.copies) {
      if (copy.state.kind !== 'page') continue
      copy.state = { kind: 'host', values: valuesFrom(range, copy.state.offset, copy.dtype, copy.length) }
    }
    page.read.unmap()
    page.used = 0
    page.copies = []
    page.flags = []
    page.mapped = undefined
    if (page.size === PAGE) this.#free.push(page)
    else {
      page.keep.destroy()
      page.read.destroy()
    }
    this.onDone(serial)
  }
}
