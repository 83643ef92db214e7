/**
 * @file Threads that share the rows of a kernel. The one that calls publishes a job in shared memory, takes chunks of its rows as the others do, and goes on when
 * all are done. Which thread takes which chunk is left to chance; what a row computes does not depend on it.
 *
 * Threads find kernels as bytes, in the same memory (engines compile the same bytes once), so that no message has to arrive while the
 * calling thread computes. A thread that has nothing to do looks for the next job for some microseconds, then sleeps.
 */
import { DeviceError } from '../../../../base/index.ts'
import { builtinModule, env } from '../../../environment.ts'
import type { WasmBlock, WasmHeap } from '../memory/heap.ts'
import { CHUNK_BITS, CONTROL, JOB, MESSAGE_BYTES, NONE, NUMBERS, THREAD } from './thread-protocol.ts'
import { canStart, startWorker, type WorkerHandle } from './worker.ts'

/** Chunks for each thread, so that one that starts late or is slow takes fewer. */
const CHUNKS = 4
/** Nanoseconds of work that are worth a chunk, and a job. Tests share everything. */
export const WORTH = { chunk: 4_000, job: 25_000 }
/** How long the calling thread looks for the end of a job before it sleeps. */
const SPIN = 2_000
/** Milliseconds without any progress after which a thread is taken for dead, and how long one wait of them takes. */
const DEAD = 60_000
const WAIT = 1000

/** A kernel's function as threads find it. */
export interface Shared {
  /** The module's number, which no other has had, and its place among those that may be run now: threads keep one for each. */
  readonly module: number
  readonly slot: number
  readonly bytes: WasmBlock
}

/** A function of a module, and how many rows of work there are for it; they may be shared, and come in any order. */
export interface Part {
  readonly run: (args: number, begin: number, end: number) => void
  /** Which of the module's exports it is. */
  readonly entry: number
  readonly rows: number
  /** An estimate of what all rows take one thread, in nanoseconds. */
  readonly work: number
  /** Whether all threads work on the same scratch memory; else each has its own. */
  readonly common?: boolean
}

/** Where a kernel's arguments are: `words` of them are every thread's own, the last three for a wrong index, the one before for its scratch memory. */
export interface Args {
  readonly address: number
  readonly words: number
  /** Whether a wrong index has been noted in them. */
  wrong(): boolean
}

/** The first wrong index that a kernel met: site + 1, index, size. */
export interface WrongIndex {
  readonly site: number
  readonly index: number
  readonly size: number
}

/** The number of threads, the calling one included: `TAPEGRAD_THREADS`, or as many as there are cores; one where threads cannot be had. @throws DeviceError */
export function threadCount(): number {
  const asked = env('TAPEGRAD_THREADS')
  if (asked !== undefined) {
    const n = Number(asked)
    if (!Number.isInteger(n) || n < 1 || n > 256)
      throw new DeviceError('TAPEGRAD_THREADS', `'${asked}' is not a number of threads. Use 1 to 256`)
    return canStart() ? n : 1
  }
  if (!canStart()) return 1
  const cores =
    builtinModule?.('node:os').availableParallelism() ??
    (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency
  return Math.min(64, cores ?? 1)
}

export class Threads {
  readonly count: number
  readonly #heap: WasmHeap
  readonly #control: Int32Array
  readonly #controlAt: number
  readonly #blocks: { readonly address: number; readonly words: Int32Array }[] = []
  readonly #workers: (WorkerHandle | undefined)[] = []
  readonly #gemm: WasmBlock
  #scratch: readonly WasmBlock[] = []
  #number = 0
  #canSleep = true
  #failure: Error | undefined

  /** @param gemm the bytes of the module that contractions import from */
  constructor(heap: WasmHeap, count: number, gemm: WasmBlock) {
    this.#heap = heap
    this.count = count
    const words = (n: number): { address: number; words: Int32Array } => {
      const { address, values } = heap.take('int32', n)
      values.fill(0)
      return { address, words: values as Int32Array }
    }
    const control = words(CONTROL.words)
    this.#control = control.words
    this.#controlAt = control.address
    this.#control[CONTROL.ticket] = NONE
    for (let t = 1; t < count; t++) this.#blocks.push(words(THREAD.words))
    this.#gemm = gemm
  }

  /** Gives every thread but the calling one scratch memory. */
  setScratch(blocks: readonly WasmBlock[]): void {
    for (const block of this.#scratch) this.#heap.give(block)
    this.#scratch = blocks
    blocks.forEach((block, t) => {
      const own = this.#blocks[t]
      if (own) own.words[THREAD.scratch] = block.address
    })
  }

  /** Whether a part is worth sharing. */
  worth({ rows, work }: Part): boolean {
    return this.count > 1 && rows > 1 && work >= WORTH.job
  }

  /**
   * Computes all rows of a part, together with the other threads.
   *
   * @returns the wrong index that another thread met before this one met any, in the order of rows
   */
  run(shared: Shared, { run, entry, rows, work, common = false }: Part, args: Args): WrongIndex | undefined {
    this.#start()
    if (this.#failure) throw this.#failure
    const control = this.#control
    const most = Math.min(rows, CHUNKS * this.count, Math.max(1, Math.floor(work / WORTH.chunk)))
    const chunk = Math.ceil(rows / most)
    const chunks = Math.ceil(rows / chunk)
    this.#number = (this.#number + 1) % NUMBERS
    // No thread may take a chunk by an old ticket and the new job
    Atomics.store(control, CONTROL.ticket, (this.#number << CHUNK_BITS) | NONE)
    const job = CONTROL.job
    control[job + JOB.module] = shared.module
    control[job + JOB.slot] = shared.slot
    control[job + JOB.bytes] = shared.bytes.address
    control[job + JOB.length] = shared.bytes.length
    control[job + JOB.entry] = entry
    control[job + JOB.rows] = rows
    control[job + JOB.chunk] = chunk
    control[job + JOB.chunks] = chunks
    control[job + JOB.args] = args.address
    control[job + JOB.words] = args.words
    control[job + JOB.common] = Number(common)
    for (const { words } of this.#blocks) {
      words[THREAD.errorChunk] = -1
      // Where several threads failed, one has been reported
      words[THREAD.trapped] = 0
    }
    Atomics.store(control, CONTROL.done, 0)
    Atomics.store(control, CONTROL.ticket, this.#number << CHUNK_BITS)
    // No more are woken than find something to do
    const helpers = Math.min(chunks - 1, Math.ceil((work + 1) / (WORTH.job + 1)))
    if (Atomics.load(control, CONTROL.asleep) > 0) Atomics.notify(control, CONTROL.ticket, helpers)
    let own = -1
    let thrown: unknown
    for (;;) {
      const ticket = Atomics.load(control, CONTROL.ticket)
      const next = ticket & NONE
      if (next >= chunks) break
      if (Atomics.compareExchange(control, CONTROL.ticket, ticket, ticket + 1) !== ticket) continue
      try {
        if (thrown === undefined) run(args.address, next * chunk, Math.min(rows, (next + 1) * chunk))
      } catch (e) {
        thrown = e
      }
      if (own < 0 && args.wrong()) own = next
      Atomics.add(control, CONTROL.done, 1)
    }
    this.#join(chunks)
    if (thrown !== undefined) throw thrown
    return this.#wrong(own, args.words)
  }

  /** Waits until all chunks are done. */
  #join(chunks: number): void {
    const control = this.#control
    for (let i = 0; i < SPIN; i++) if (Atomics.load(control, CONTROL.done) === chunks) return
    // Waits are counted, not hours: a process that was stopped, or a machine that slept, is not dead
    let [idle, last] = [0, -1]
    for (;;) {
      const done = Atomics.load(control, CONTROL.done)
      if (done === chunks) return
      if (!this.#canSleep) continue
      if (done !== last) [idle, last] = [0, done]
      try {
        if (Atomics.wait(control, CONTROL.done, done, WAIT) === 'timed-out' && ++idle * WAIT > DEAD)
          throw this.#dead(new Error(`cpu: a thread has not answered for ${DEAD / 1000} s`))
      } catch (e) {
        // The thread of a page may not sleep
        if (!(e instanceof TypeError)) throw e
        this.#canSleep = false
      }
    }
  }

  /** After it nothing is shared any more. */
  #dead(error: Error): Error {
    this.#failure = error
    return error
  }

  /** What went wrong in other threads, if it comes before what went wrong in this one. */
  #wrong(own: number, args: number): WrongIndex | undefined {
    let first: WrongIndex | undefined
    let chunk = own < 0 ? NONE : own
    for (const { address, words } of this.#blocks) {
      if (words[THREAD.trapped]) {
        const text = new Uint8Array(this.#heap.memory.buffer, address + 4 * THREAD.message, MESSAGE_BYTES).slice()
        throw new Error(`cpu: a thread failed: ${new TextDecoder().decode(text.subarray(0, text.indexOf(0)))}`)
      }
      const at = words[THREAD.errorChunk] as number
      if (at < 0 || at >= chunk) continue
      chunk = at
      const error = THREAD.args + args - 3
      first = { site: (words[error] as number) - 1, index: words[error + 1] as number, size: (words[error + 2] as number) >>> 0 }
    }
    return first
  }

  /** Starts the threads, when they are first of use. */
  #start(): void {
    if (this.#workers.length > 0) return
    const { memory } = this.#heap
    for (const [t, { address: block }] of this.#blocks.entries()) {
      const ended = (): void => {
        this.#workers[t] = undefined
      }
      try {
        const data = { memory, control: this.#controlAt, block, gemm: [this.#gemm.address, this.#gemm.length] } as const
        this.#workers[t] = startWorker(data, ended)
      } catch {
        // The machine gives no more: those that there are do the work
        ended()
      }
    }
  }

  /** Ends the threads; for tests. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker?.terminate()))
  }
}
