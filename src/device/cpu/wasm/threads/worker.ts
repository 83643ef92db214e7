/** @file The program of a thread, and how one is started: a worker thread in Node, a worker in a page. */
import { builtinModule, nodeProcess } from '../../../environment.ts'
import type { WasmMemory } from '../assembler/webassembly.ts'
import { CHUNK_BITS, CONTROL, JOB, MESSAGE_BYTES, NONE, THREAD } from './thread-protocol.ts'

/** What a thread is given. */
export interface WorkerData {
  readonly memory: WasmMemory
  /** Addresses of the control block, and of the thread's own. */
  readonly control: number
  readonly block: number
  /** Address and length of the module that contractions import from. */
  readonly gemm: readonly [number, number]
}

export interface WorkerHandle {
  terminate(): Promise<unknown>
}

/** Modules that a thread replaces between two collections: their code is memory outside its heap, which its collector does not count. */
const REPLACED = 128
/** How often a thread looks for a job before it sleeps: some 50 µs. */
const LOOKS = 4000

/**
 * The thread's program. It is text, because no bundler then has to find another file; it is short, because types in text are not checked. threads.ts
 * says what it does.
 */
const PROGRAM = `
const serve = ({ memory, control: controlAt, block, gemm }, collect) => {
  const control = new Int32Array(memory.buffer, controlAt, ${CONTROL.words})
  const own = new Int32Array(memory.buffer, block, ${THREAD.words})
  const job = new Int32Array(${JOB.size})
  const kernels = []
  let replaced = 0
  let products
  const instantiate = (address, length) => {
    // A memory that has grown is seen at the next turn of a loop
    while (memory.buffer.byteLength < address + length) {}
    const module = new WebAssembly.Module(new Uint8Array(memory.buffer, address, length).slice())
    const env = { memory }
    for (const { name, kind } of WebAssembly.Module.imports(module))
      if (kind === 'function') env[name] = Math[name.replace(/(64|OfOne)$/, '')] ?? (products ??= instantiate(...gemm))[name]
    return new WebAssembly.Instance(module, { env }).exports
  }
  const find = () => {
    const slot = job[${JOB.slot}]
    if (kernels[slot]?.module !== job[${JOB.module}]) {
      if (kernels[slot]) replaced++
      kernels[slot] = undefined
      kernels[slot] = { module: job[${JOB.module}], exports: Object.values(instantiate(job[${JOB.bytes}], job[${JOB.length}])) }
    }
    return kernels[slot].exports[job[${JOB.entry}]]
  }
  const args = block + ${4 * THREAD.args}
  let number = -1
  let run, error
  const compute = (chunk) => {
    if (!run) {
      run = find()
      error = ${THREAD.args} + job[${JOB.words}] - 3
      own.set(new Int32Array(memory.buffer, job[${JOB.args}], job[${JOB.words}]), ${THREAD.args})
      if (!job[${JOB.common}]) own[error - 1] = own[${THREAD.scratch}]
      own[error] = 0
    }
    const rows = job[${JOB.chunk}]
    run(args, chunk * rows, Math.min(job[${JOB.rows}], (chunk + 1) * rows))
    if (own[error] > 0 && own[${THREAD.errorChunk}] < 0) own[${THREAD.errorChunk}] = chunk
  }
  let looks = 0
  for (;;) {
    const ticket = Atomics.load(control, ${CONTROL.ticket})
    const next = ticket & ${NONE}
    if (next !== ${NONE} && ticket >> ${CHUNK_BITS} !== number) {
      // Should it be another job by now, nothing of it is taken: the ticket is another one too
      job.set(control.subarray(${CONTROL.job}, ${CONTROL.job + JOB.size}))
      number = ticket >> ${CHUNK_BITS}
      run = undefined
    }
    if (next === ${NONE} || next >= job[${JOB.chunks}]) {
      if (++looks < ${LOOKS}) continue
      if (replaced >= ${REPLACED}) {
        run = undefined
        replaced = 0
        collect()
      }
      Atomics.add(control, ${CONTROL.asleep}, 1)
      Atomics.wait(control, ${CONTROL.ticket}, ticket)
      Atomics.sub(control, ${CONTROL.asleep}, 1)
      looks = 0
      number = -1
      continue
    }
    if (Atomics.compareExchange(control, ${CONTROL.ticket}, ticket, ticket + 1) !== ticket) continue
    looks = 0
    try {
      compute(next)
    } catch (e) {
      const text = new TextEncoder().encode(String(e && e.message)).subarray(0, ${MESSAGE_BYTES - 1})
      new Uint8Array(memory.buffer, block + ${4 * THREAD.message}, ${MESSAGE_BYTES}).fill(0).set(text)
      own[${THREAD.trapped}] = 1
    }
    if (Atomics.add(control, ${CONTROL.done}, 1) === job[${JOB.chunks}] - 1) Atomics.notify(control, ${CONTROL.done})
  }
}
`

/** Node's collector, without a command-line flag. Elsewhere there is none to ask. */
const COLLECTOR = `
let gc
const collect = () => {
  try {
    if (!gc) {
      require('node:v8').setFlagsFromString('--expose-gc')
      gc = require('node:vm').runInNewContext('gc')
    }
    gc()
  } catch {
    gc = () => {}
  }
}
`

interface PageWorker {
  onerror: (() => void) | null
  onmessage: (() => void) | null
  postMessage(data: unknown): void
  terminate(): void
}
interface Page {
  readonly Worker?: new (url: string) => PageWorker
  readonly crossOriginIsolated?: boolean
}
const page = globalThis as unknown as Page

/** Whether threads can be had here: in a page only one that is cross-origin isolated shares memory with them. */
export const canStart = (): boolean =>
  builtinModule !== undefined ? mayStart() : page.Worker !== undefined && page.crossOriginIsolated === true

/** Node's permission model takes worker threads away from a process, unless a flag leaves them. */
const mayStart = (): boolean => nodeProcess?.permission?.has('worker') ?? true

/**
 * Whether a thread that is started comes to run. In a page whose content policy has no `worker-src blob:` it does not: the worker is there, and
 * some time later has failed.
 */
export async function threadsStart(): Promise<boolean> {
  if (builtinModule || !canStart()) return canStart()
  return new Promise((resolve) => {
    try {
      const worker = workerOf('postMessage(0)')
      const answer = (starts: boolean) => (): void => {
        worker.terminate()
        resolve(starts)
      }
      worker.onmessage = answer(true)
      worker.onerror = answer(false)
    } catch {
      resolve(false)
    }
  })
}

/** A page's worker that runs this text. */
function workerOf(text: string): PageWorker {
  const { Worker } = page as Required<Page>
  return new Worker(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })))
}

/** Starts a thread. It does not keep the process alive. @param ended called when it is no more */
export function startWorker(data: WorkerData, ended: () => void): WorkerHandle {
  if (builtinModule) {
    const { Worker } = builtinModule('node:worker_threads')
    const source = `${PROGRAM}${COLLECTOR}serve(require('node:worker_threads').workerData, collect)`
    // What NODE_OPTIONS loads in front of programs is not for it
    const worker = new Worker(source, { eval: true, workerData: data, execArgv: [], env: {} })
    // What it had taken is missed by the calling thread
    worker.on('error', ended)
    worker.on('exit', ended)
    worker.unref()
    return worker
  }
  const worker = workerOf(`${PROGRAM}onmessage = (event) => serve(event.data, () => {})`)
  worker.onerror = ended
  worker.postMessage(data)
  return { terminate: async () => worker.terminate() }
}
