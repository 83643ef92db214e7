/** @file Storage buffers by size class. What is given back is handed out again, last in first out, so that a steady loop sees the same buffers. */
import { OutOfMemoryError } from '../../base/index.ts'
import type { MemoryStats } from '../device.ts'
import { COPY_DST, COPY_SRC, STORAGE } from './usage.ts'

export interface PoolBuffer {
  /** Never used twice: the key of bind groups. */
  readonly id: number
  /** bytes, of the class */
  readonly size: number
  readonly gpu: GPUBuffer
}

const SMALLEST = 256

export class BufferPool {
  readonly #gpu: GPUDevice
  readonly #limit: number
  /** Waiting bytes beyond which buffers that come back are destroyed. */
  readonly #keep: number
  readonly #free = new Map<number, PoolBuffer[]>()
  #ids = 0
  #live = 0
  #peak = 0
  #pooled = 0
  #count = 0
  created = 0
  /** Told of the error scope around every new buffer. */
  onCreate: (bytes: number, failure: Promise<GPUError | null>) => void = () => {}

  constructor(gpu: GPUDevice, keep: number) {
    this.#gpu = gpu
    this.#limit = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize)
    this.#keep = keep
  }

  /** Bytes of the class that holds `bytes`: four classes to the octave, so that at most a fifth is waste. */
  classOf(bytes: number): number {
    if (bytes <= SMALLEST) return SMALLEST
    const octave = 2 ** Math.floor(Math.log2(bytes - 1))
    const quarter = Math.max(octave / 4, SMALLEST / 4)
    const size = Math.ceil(bytes / quarter) * quarter
    return size <= this.#limit ? size : Math.ceil(bytes / 4) * 4
  }

  /** @throws OutOfMemoryError when no buffer of the device can be so large. */
  check(op: string, bytes: number): void {
    if (bytes <= this.#limit) return
    const mib = (n: number): string => `${(n / 2 ** 20).toFixed(1)} MiB`
    throw new OutOfMemoryError(
      op,
      bytes,
      `a buffer of ${bytes} bytes (${mib(bytes)}) is past the device's limit of ${this.#limit} bytes (${mib(this.#limit)})`,
    )
  }

  take(bytes: number): PoolBuffer {
    const size = this.classOf(bytes)
    let buffer = this.#free.get(size)?.pop()
    if (buffer) this.#pooled -= size
    else {
      this.check('webgpu', bytes)
      this.#gpu.pushErrorScope('out-of-memory')
      const gpu = this.#gpu.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST })
      this.onCreate(size, this.#gpu.popErrorScope())
      buffer = { id: ++this.#ids, size, gpu }
      this.created++
    }
    this.#live += size
    this.#count++
    if (this.#live > this.#peak) this.#peak = this.#live
    return buffer
  }

  give(buffer: PoolBuffer): void {
    this.#live -= buffer.size
    this.#count--
    if (this.#pooled + buffer.size > this.#keep) {
      buffer.gpu.destroy()
      return
    }
    this.#pooled += buffer.size
    const list = this.#free.get(buffer.size)
    if (list) list.push(buffer)
    else this.#free.set(buffer.size, [buffer])
  }

  stats(): MemoryStats {
    return { liveBytes: this.#live, peakBytes: this.#peak, pooledBytes: this.#pooled, buffers: this.#count }
  }

  resetPeak(): void {
    this.#peak = this.#live
  }
}
