/**
 * @file One growing WebAssembly memory, and which parts of it are taken. A freed block is handed out again as it is, the last one first, since that one is most
 * likely in a cache of the processor. Where none is of the size, neighbours that are free become one, so that the memory of many small arrays serves a large one.
 */
import { DeviceError, type DType, dtypeInfo, type TypedArray } from '../../../../base/index.ts'
import type { Block } from '../../block.ts'
import type { Heap } from '../../engine.ts'
import type { MemoryType } from '../assembler/assembler.ts'
import { type WasmMemory, wasm } from '../assembler/webassembly.ts'

const PAGE = 2 ** 16
/** 4 GiB, all that 32-bit addresses reach. */
export const MAX_PAGES = 2 ** 16
/** What is tried where that cannot be reserved: 2 GiB, 1 GiB, half of one. */
const FEWER_PAGES = [2 ** 15, 2 ** 14, 2 ** 13]
/** Blocks begin and end at multiples of this: a cache line. */
const ALIGN = 64
/** The first bytes are left free, so that a vector that begins a little in front of an array lies in the memory. */
const RESERVED = 4096
/** Vectors may also end a little behind. */
const SLACK = 64
/** Grown by at least this many pages at a time. */
const GROWTH = 256

export class WasmBlock implements Block {
  readonly address: number
  readonly length: number
  readonly byteLength: number
  readonly #dtype: DType
  readonly #memory: WasmMemory
  #values: TypedArray | undefined

  constructor(memory: WasmMemory, address: number, dtype: DType, length: number) {
    this.#memory = memory
    this.address = address
    this.#dtype = dtype
    this.length = length
    this.byteLength = length * dtypeInfo[dtype].bytes
  }

  piece(begin: number, length: number): WasmBlock {
    return new WasmBlock(this.#memory, this.address + begin * dtypeInfo[this.#dtype].bytes, this.#dtype, length)
  }

  /** Arrays over a memory that is not shared lose their elements when it grows. */
  get values(): TypedArray {
    if (this.#values?.length !== this.length) this.#values = dtypeInfo[this.#dtype].view(this.#memory.buffer, this.address, this.length)
    return this.#values
  }
}

export class WasmHeap implements Heap {
  readonly memory: WasmMemory
  /** How modules import it. */
  readonly type: MemoryType
  /** Pages that it may come to have. */
  readonly #most: number
  /** Free blocks that are kept as they were given back, by size: addresses, the last one last. */
  readonly #kept = new Map<number, number[]>()
  /** Other free blocks by address, and by the address behind them. */
  readonly #byStart = new Map<number, number>()
  readonly #byEnd = new Map<number, number>()
  /** … and by size class. */
  readonly #classes: Set<number>[] = []
  readonly #taken = new Map<number, number>()
  #end: number
  #free = 0

  /** @param shared whether threads can be given the memory; it is slower to make, and a page must be cross-origin isolated */
  constructor(shared = typeof SharedArrayBuffer !== 'undefined') {
    this.type = { shared, maximum: MAX_PAGES }
    ;[this.memory, this.#most] = reserve(shared)
    this.#end = RESERVED
    this.#release(RESERVED, GROWTH * PAGE - RESERVED)
    this.#end = GROWTH * PAGE
  }

  /** Bytes that arrays have. */
  get takenBytes(): number {
    return this.#end - RESERVED - this.#free
  }

  get capacity(): number {
    return this.#most * PAGE
  }

  get pooledBytes(): number {
    return this.#free
  }

  wrap(): undefined {
    return undefined
  }

  take(dtype: DType, length: number): WasmBlock {
    const bytes = Math.ceil((length * dtypeInfo[dtype].bytes + SLACK) / ALIGN) * ALIGN
    const kept = this.#kept.get(bytes)?.pop()
    const address = kept ?? this.#cut(bytes)
    if (kept !== undefined) this.#free -= bytes
    this.#taken.set(address, bytes)
    return new WasmBlock(this.memory, address, dtype, length)
  }

  /** Takes so many bytes from a larger free block. */
  #cut(bytes: number): number {
    const address = this.#find(bytes) ?? (this.#joinKept() ? this.#find(bytes) : undefined) ?? this.#grow(bytes)
    const size = this.#byStart.get(address) as number
    this.#remove(address, size)
    if (size > bytes) this.#add(address + bytes, size - bytes)
    return address
  }

  /** Joins the blocks that are kept with their free neighbours. @returns whether there were any */
  #joinKept(): boolean {
    const kept = [...this.#kept]
    this.#kept.clear()
    for (const [bytes, addresses] of kept) {
      this.#free -= bytes * addresses.length
      for (const address of addresses) this.#release(address, bytes)
    }
    return kept.length > 0
  }

  piece(block: WasmBlock, begin: number, length: number): WasmBlock {
    return block.piece(begin, length)
  }

  view({ address }: WasmBlock, dtype: DType, length: number): WasmBlock {
    return new WasmBlock(this.memory, address, dtype, length)
  }

  give({ address }: WasmBlock): void {
    const bytes = this.#taken.get(address)
    if (bytes === undefined) throw new Error(`heap: nothing was taken at ${address}`)
    this.#taken.delete(address)
    const kept = this.#kept.get(bytes)
    if (kept) kept.push(address)
    else this.#kept.set(bytes, [address])
    this.#free += bytes
  }

  /** The address of a free block of at least `bytes`, of those that are not kept as they are. */
  #find(bytes: number): number | undefined {
    for (let c = classOf(bytes); c < this.#classes.length; c++) {
      for (const address of this.#classes[c] ?? []) if ((this.#byStart.get(address) as number) >= bytes) return address
    }
    return undefined
  }

  /** Makes the memory larger, and returns the address of a free block of at least `bytes` at its end. */
  #grow(bytes: number): number {
    const before = this.#byEnd.get(this.#end)
    const missing = bytes - (before === undefined ? 0 : this.#end - before)
    const pages = Math.ceil(missing / PAGE)
    const room = this.#most - this.#end / PAGE
    if (pages > room)
      throw new RangeError(`a WebAssembly memory holds ${this.#most / 2 ** 14} GiB, of which ${this.#end - this.#free} bytes are in use`)
    const grown = Math.min(room, Math.max(pages, GROWTH, Math.ceil(this.#end / PAGE / 4)))
    this.memory.grow(grown)
    const from = this.#end
    this.#end += grown * PAGE
    this.#release(from, grown * PAGE)
    return before ?? from
  }

  /** Frees a block, joining it with free neighbours. */
  #release(address: number, bytes: number): void {
    let [from, size] = [address, bytes]
    const front = this.#byEnd.get(from)
    if (front !== undefined) {
      const length = from - front
      this.#remove(front, length)
      from = front
      size += length
    }
    const behind = this.#byStart.get(from + size)
    if (behind !== undefined) {
      this.#remove(from + size, behind)
      size += behind
    }
    this.#add(from, size)
  }

  #add(address: number, bytes: number): void {
    this.#byStart.set(address, bytes)
    this.#byEnd.set(address + bytes, address)
    const c = classOf(bytes)
    this.#classes[c] ??= new Set()
    this.#classes[c].add(address)
    this.#free += bytes
  }

  #remove(address: number, bytes: number): void {
    this.#byStart.delete(address)
    this.#byEnd.delete(address + bytes)
    this.#classes[classOf(bytes)]?.delete(address)
    this.#free -= bytes
  }
}

/** A memory that may grow as large as it can be, and its pages then. @throws DeviceError */
function reserve(shared: boolean): [WasmMemory, number] {
  if (!wasm) throw new Error('there is no WebAssembly here')
  for (const maximum of [MAX_PAGES, ...FEWER_PAGES]) {
    try {
      return [new wasm.Memory({ initial: GROWTH, maximum, shared }), maximum]
    } catch (e) {
      // Address space for all of it is reserved at once, and there may be less
      if (!(e instanceof RangeError)) throw e
    }
  }
  throw new DeviceError(
    'cpu',
    'there is no address space for a WebAssembly memory; engines reserve some 10 GiB for one, and less is allowed here (ulimit -v says). Start Node with --disable-wasm-trap-handler, which reserves only what the memory may hold, or set TAPEGRAD_CPU=interpreter, which is slow',
  )
}

const classOf = (bytes: number): number => Math.floor(Math.log2(bytes))
