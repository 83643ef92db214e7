/**
 * @file Storage buffers by size class. What is given back is handed out again, always the oldest that waits: so what a step is given depends only on what
 * is held, not on the order in which buffers came back, and a steady loop soon sees the same buffers (and bind groups) again.
 */
import { pastLimit, tooLarge } from '../../base/index.ts'
import type { MemoryStats } from '../device.ts'
import { COPY_DST, COPY_SRC, STORAGE } from './usage.ts'

export interface PoolBuffer {
  /** Never used twice: the key of bind groups. */
  readonly id: number
  /** bytes, of the class */
  readonly size: number
  readonly gpu: GPUBuffer
  /** Whether the GPU had room for it; undefined once it is known that it had. */
  proof: Promise<boolean> | undefined
}

const SMALLEST = 256

export class BufferPool {
  readonly #gpu: GPUDevice
  readonly #largest: number
  /** Waiting bytes beyond which buffers that come back are destroyed. */
  readonly #keep: number
  /** By size, oldest last. */
  readonly #free = new Map<number, PoolBuffer[]>()
  /** What the GPU had no room for: never handed out again. */
  readonly #void = new WeakSet<PoolBuffer>()
  #ids = 0
  #live = 0
  #peak = 0
  #pooled = 0
  #count = 0
  created = 0
  /** Bytes that may be taken in all, waiting buffers included. */
  limit = Number.POSITIVE_INFINITY

  constructor(gpu: GPUDevice, keep: number) {
    this.#gpu = gpu
    this.#largest = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize)
    this.#keep = keep
  }

  get live(): number {
    return this.#live
  }

  /** Bytes of the class that holds `bytes`: four classes to the octave, so that at most a fifth is waste. */
  classOf(bytes: number): number {
    if (bytes <= SMALLEST) return SMALLEST
    const octave = 2 ** Math.floor(Math.log2(bytes - 1))
    const quarter = Math.max(octave / 4, SMALLEST / 4)
    const size = Math.ceil(bytes / quarter) * quarter
    return size <= this.#largest ? size : Math.ceil(bytes / 4) * 4
  }

  /** @throws OutOfMemoryError when no buffer of the device can be so large. */
  check(op: () => string, bytes: number): void {
    if (bytes > this.#largest) throw tooLarge(op(), bytes, this.#largest)
  }

  /**
   * Sees to it that buffers of these sizes can be taken within the limit; for that, waiting buffers of other sizes are destroyed.
   * @returns the sizes that none is waiting for.
   * @throws OutOfMemoryError
   */
  makeRoom(op: string, sizes: readonly number[]): number[] {
    const wanted = new Map<number, number>()
    let bytes = 0
    for (const size of sizes) {
      wanted.set(size, (wanted.get(size) ?? 0) + 1)
      bytes += size
    }
    if (this.#live + bytes > this.limit) throw pastLimit(op, bytes, this.#live, this.limit)
    const missing: number[] = []
    for (const [size, count] of wanted) {
      for (let n = this.#free.get(size)?.length ?? 0; n < count; n++) missing.push(size)
    }
    this.#trim(this.limit - this.#live - missing.reduce((a, b) => a + b, 0), wanted)
    return missing
  }

  /** Destroys waiting buffers until they are `most` bytes: the largest first, and of each size the wanted number stays. */
  #trim(most: number, wanted: ReadonlyMap<number, number> = new Map()): void {
    if (this.#pooled <= most) return
    for (const size of [...this.#free.keys()].sort((a, b) => b - a)) {
      const list = this.#free.get(size) as PoolBuffer[]
      while (this.#pooled > most && list.length > (wanted.get(size) ?? 0)) {
        list.shift()?.gpu.destroy()
        this.#pooled -= size
      }
    }
  }

  /** Destroys all waiting buffers. */
  empty(): void {
    this.#trim(0)
  }

  /** Makes buffers that wait from then on. @returns whether the GPU has room for all of them; else there is none. */
  async stock(sizes: readonly number[]): Promise<boolean> {
    const made = sizes.map((size) => this.#create(size))
    const good = await Promise.all(made.map((b) => b.proof ?? true))
    if (!good.every(Boolean)) {
      for (const buffer of made) buffer.gpu.destroy()
      return false
    }
    for (const buffer of made) this.#put(buffer)
    return true
  }

  #create(size: number): PoolBuffer {
    this.#gpu.pushErrorScope('out-of-memory')
    const gpu = this.#gpu.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST })
    const proof = this.#gpu.popErrorScope().then(
      (error) => {
        buffer.proof = undefined
        if (error) this.#discard(buffer)
        return !error
      },
      () => true, // the device is gone, which is said elsewhere
    )
    const buffer: PoolBuffer = { id: ++this.#ids, size, gpu, proof }
    this.created++
    return buffer
  }

  #discard(buffer: PoolBuffer): void {
    this.#void.add(buffer)
    const list = this.#free.get(buffer.size)
    const at = list?.indexOf(buffer) ?? -1
    if (at < 0) return
    list?.splice(at, 1)
    this.#pooled -= buffer.size
  }

  take(bytes: number): PoolBuffer {
    const size = this.classOf(bytes)
    let buffer = this.#free.get(size)?.pop()
    if (buffer) this.#pooled -= size
    else {
      this.check(() => 'webgpu', bytes)
      this.#trim(this.limit - this.#live - size)
      buffer = this.#create(size)
    }
    this.#live += size
    this.#count++
    if (this.#live > this.#peak) this.#peak = this.#live
    return buffer
  }

  give(buffer: PoolBuffer): void {
    this.#live -= buffer.size
    this.#count--
    if (this.#void.has(buffer) || this.#pooled + buffer.size > this.#keep) buffer.gpu.destroy()
    else this.#put(buffer)
  }

  #put(buffer: PoolBuffer): void {
    this.#pooled += buffer.size
    const list = this.#free.get(buffer.size)
    if (!list) {
      this.#free.set(buffer.size, [buffer])
      return
    }
    // The oldest, which is taken first, stands last
    let [low, high] = [0, list.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((list[middle] as PoolBuffer).id > buffer.id) low = middle + 1
      else high = middle
    }
    list.splice(low, 0, buffer)
  }

  stats(): MemoryStats {
    return { liveBytes: this.#live, peakBytes: this.#peak, pooledBytes: this.#pooled, buffers: this.#count }
  }

  resetPeak(): void {
    this.#peak = this.#live
  }
}
