/**
 * @file The order of a program's steps, by memory: a step that is the last to read something, and makes less than it reads for the last time, runs as soon as it can. A product
 * that gives a weight its gradient is recorded behind the one that the walk goes on with, and would hold on to a layer's input meanwhile.
 */
import { dtypeInfo } from '../base/index.ts'
import { buffersOf, type Program, type ProgramStep } from '../device/index.ts'

/** What has fewer bytes is left out of account: so the steps of small programs stay as they are. (Tests set another number.) */
export const large = { least: 64 * 1024 }

/** The bytes of each slot that is in use from one step to another; 0 for what is small, and for inputs and outputs, which have memory all the time. */
export function largeSlots({ slots }: Program): Float64Array {
  return Float64Array.from(slots, ({ kind, dtype, length }) => {
    const bytes = length * dtypeInfo[dtype].bytes
    return kind !== 'scratch' || bytes < large.least ? 0 : bytes
  })
}

/** A program's steps in an order in which no more memory is in use at any time than in the given one. */
export function freeingEarly(program: Program): readonly ProgramStep[] {
  const bytes = largeSlots(program)
  return bytes.some((size) => size > 0) ? new Reordering(program, bytes).run() : program.steps
}

class Reordering {
  readonly #steps: readonly ProgramStep[]
  readonly #bytes: Float64Array
  /** By step, the slots that it reads and that it writes, each once. */
  readonly #reads: readonly number[][]
  readonly #writes: readonly number[][]
  /** By slot, the steps that read it; how many of them have still to run, and the sum of their numbers; and how many that write it. */
  readonly #readers: number[][]
  readonly #left: Int32Array
  readonly #sums: Float64Array
  readonly #unwritten: Int32Array
  readonly #begun: Uint8Array
  /** By step, how many of the slots that it reads are not complete; and whether it has run. */
  readonly #missing: Int32Array
  readonly #done: Uint8Array
  readonly #order: number[] = []
  /** Steps that may be worth running now. */
  #near: number[] = []
  #live = 0

  constructor({ steps, slots }: Program, bytes: Float64Array) {
    this.#steps = steps
    this.#bytes = bytes
    const used = steps.map((step) => {
      const buffers = buffersOf(step)
      const of = (is: (access: string) => boolean): number[] => [...new Set(step.slots.filter((_, b) => is(buffers[b]?.access as string)))]
      return { reads: of((access) => access === 'read'), writes: of((access) => access !== 'read') }
    })
    this.#reads = used.map(({ reads }) => reads)
    this.#writes = used.map(({ writes }) => writes)
    this.#readers = slots.map(() => [])
    this.#left = new Int32Array(slots.length)
    this.#sums = new Float64Array(slots.length)
    this.#unwritten = new Int32Array(slots.length)
    this.#begun = new Uint8Array(slots.length)
    this.#missing = new Int32Array(steps.length)
    this.#done = new Uint8Array(steps.length)
  }

  run(): readonly ProgramStep[] {
    const most = this.#mostInUse()
    this.#begin()
    for (let k = 0; k < this.#steps.length; k++) {
      if (this.#done[k]) continue
      this.#take(k)
      for (let near = this.#near; near.length > 0; near = this.#near) {
        this.#near = []
        for (const j of near) {
          if (this.#done[j] || this.#missing[j] !== 0) continue
          const made = this.#made(j)
          if (made < this.#freed(j) && this.#live + made <= most) this.#take(j)
        }
      }
    }
    return this.#order.every((k, i) => k === i) ? this.#steps : this.#order.map((k) => this.#steps[k] as ProgramStep)
  }

  /** Counts anew who reads and writes each slot. */
  #begin(): void {
    this.#live = 0
    this.#order.length = 0
    this.#near = []
    for (const each of [this.#left, this.#sums, this.#unwritten, this.#begun, this.#missing, this.#done]) each.fill(0)
    for (const readers of this.#readers) readers.length = 0
    for (const writes of this.#writes) for (const s of writes) this.#unwritten[s] = (this.#unwritten[s] as number) + 1
    for (const [k, reads] of this.#reads.entries()) {
      for (const s of reads) {
        this.#readers[s]?.push(k)
        this.#left[s] = (this.#left[s] as number) + 1
        this.#sums[s] = (this.#sums[s] as number) + k
        if ((this.#unwritten[s] as number) > 0) this.#missing[k] = (this.#missing[k] as number) + 1
      }
    }
  }

  /** The most memory that is in use at once in the given order. */
  #mostInUse(): number {
    this.#begin()
    let most = 0
    for (let k = 0; k < this.#steps.length; k++) {
      most = Math.max(most, this.#live + this.#made(k))
      this.#take(k)
    }
    return most
  }

  /** Bytes that a step is the first to write. */
  #made(k: number): number {
    let bytes = 0
    for (const s of this.#writes[k] as number[]) if (!this.#begun[s]) bytes += this.#bytes[s] as number
    return bytes
  }

  /** Bytes that a step is the last to read, and those that it writes and nothing reads. */
  #freed(k: number): number {
    let bytes = 0
    for (const s of this.#reads[k] as number[]) if (this.#left[s] === 1) bytes += this.#bytes[s] as number
    for (const s of this.#writes[k] as number[]) if (this.#left[s] === 0 && this.#unwritten[s] === 1) bytes += this.#bytes[s] as number
    return bytes
  }

  #take(k: number): void {
    this.#live += this.#made(k) - this.#freed(k)
    this.#done[k] = 1
    this.#order.push(k)
    for (const s of this.#reads[k] as number[]) {
      this.#left[s] = (this.#left[s] as number) - 1
      this.#sums[s] = (this.#sums[s] as number) - k
      if (this.#left[s] === 1 && (this.#bytes[s] as number) > 0) this.#near.push(this.#sums[s] as number)
    }
    for (const s of this.#writes[k] as number[]) {
      this.#begun[s] = 1
      this.#unwritten[s] = (this.#unwritten[s] as number) - 1
      if (this.#unwritten[s] !== 0) continue
      for (const reader of this.#readers[s] as number[]) {
        this.#missing[reader] = (this.#missing[reader] as number) - 1
        if (this.#missing[reader] === 0) this.#near.push(reader)
      }
    }
  }
}
