/**
 * @file The way from the device to the host. Small results are copied into pages as they arise; a page is mapped when somebody asks for one of its values,
 * or when it is full, and from then on its values live on the host alone. So however many losses a user keeps, the device holds a few pages.
 */
import { type DType, dtypeInfo, type TypedArray } from '../../base/index.ts'
import type { HostCopy } from '../device.ts'
import { COPY_DST, COPY_SRC, FOR_READING, MAP_READ } from './usage.ts'

/** Bytes of a page. */
export const PAGE = 65536
/** The error flag lies in front of a page's values; their offsets are multiples of 16. */
const HEADER = 16

/** A pair of buffers with one content: `keep` can be copied from on the device, `read` can be mapped. */
export interface Page {
  readonly size: number
  readonly keep: GPUBuffer
  readonly read: GPUBuffer
  used: number
  copies: GpuHostCopy[]
  /** The error flag has been copied to the header; which flag, if it was cleared in between. */
  flagEpoch: number
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

  get(): Promise<TypedArray> {
    this.#answer ??= this.#fetch(this)
    return this.#answer
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
  #epoch = 0
  /** The flag may have been set since it was last copied. */
  flagDirty = false
  /** Told of a nonzero flag, once. */
  onFlag: (code: number) => void = () => {}
  /** Gives the number of the last submitted run, and hears when all up to it are done. */
  submitted: () => number = () => 0
  onDone: (serial: number) => void = () => {}

  constructor(gpu: GPUDevice, errors: GPUBuffer, counts: { buffers: number }) {
    this.#gpu = gpu
    this.#errors = errors
    this.#counts = counts
  }

  /** Encodes the copy of a small result. */
  append(encoder: GPUCommandEncoder, source: GPUBuffer, bytes: number, copy: GpuHostCopy): void {
    const room = Math.ceil(bytes / 16) * 16
    if (this.#current && this.#current.used + room > this.#current.size) this.#full()
    this.#current ??= this.#take(room)
    const page = this.#current
    const offset = page.used
    encoder.copyBufferToBuffer(source, 0, page.keep, offset, bytes)
    encoder.copyBufferToBuffer(source, 0, page.read, offset, bytes)
    page.used += room
    page.copies.push(copy)
    copy.state = { kind: 'page', page, offset }
  }

  /** Encodes the copy of the error flag, if it may have changed. */
  appendFlag(encoder: GPUCommandEncoder): void {
    if (!this.flagDirty) return
    this.#current ??= this.#take(0)
    encoder.copyBufferToBuffer(this.#errors, 0, this.#current.read, 0, 4)
    this.#current.flagEpoch = this.#epoch
    this.flagDirty = false
  }

  /** Ends the current page and maps it; undefined where it holds nothing. */
  seal(): Promise<void> | undefined {
    const page = this.#current
    if (!page || (page.copies.length === 0 && page.flagEpoch < 0)) return undefined
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
    const needed = HEADER + room
    const page = needed <= PAGE ? this.#free.pop() : undefined
    if (page) return page
    const size = Math.max(PAGE, needed)
    this.#counts.buffers += 2
    return {
      size,
      keep: this.#gpu.createBuffer({ size, usage: COPY_SRC | COPY_DST, label: 'page' }),
      read: this.#gpu.createBuffer({ size, usage: MAP_READ | COPY_DST, label: 'page (mapped)' }),
      used: HEADER,
      copies: [],
      flagEpoch: -1,
      mapped: undefined,
    }
  }

  #map(page: Page): Promise<void> {
    page.mapped ??= this.#read(page, this.submitted())
    return page.mapped
  }

  async #read(page: Page, serial: number): Promise<void> {
    await page.read.mapAsync(FOR_READING, 0, page.used)
    const range = page.read.getMappedRange(0, page.used)
    for (const copy of page.copies) {
      if (copy.state.kind !== 'page') continue
      copy.state = { kind: 'host', values: valuesFrom(range, copy.state.offset, copy.dtype, copy.length) }
    }
    const code = page.flagEpoch >= 0 ? (new Uint32Array(range, 0, 1)[0] as number) : 0
    const fresh = page.flagEpoch === this.#epoch
    page.read.unmap()
    page.used = HEADER
    page.copies = []
    page.flagEpoch = -1
    page.mapped = undefined
    if (page.size === PAGE) this.#free.push(page)
    else {
      page.keep.destroy()
      page.read.destroy()
    }
    this.onDone(serial)
    if (code !== 0 && fresh) {
      this.#epoch++
      this.#gpu.queue.writeBuffer(this.#errors, 0, new Uint32Array(1))
      this.onFlag(code)
    }
  }
}
