/** @file A browser's `Worker` on Node's threads, for a library that starts its threads from a `blob:` address: what gpu.ts is for WebGPU. */
import { resolveObjectURL } from 'node:buffer'
import { Worker } from 'node:worker_threads'

/** What the script expects of its surroundings. */
const PRELUDE = `
const { parentPort } = require('node:worker_threads')
globalThis.self = globalThis
globalThis.postMessage = (message) => parentPort.postMessage(message)
parentPort.on('message', (data) => self.onmessage({ data }))
`

class WebWorker {
  onmessage: ((event: { data: unknown }) => void) | undefined
  onerror: ((error: Error) => void) | undefined
  /** After all that was posted before. */
  #worker: Promise<Worker>

  constructor(address: string) {
    this.#worker = this.#start(address)
  }

  async #start(address: string): Promise<Worker> {
    const script = await resolveObjectURL(address)?.text()
    if (script === undefined) throw new Error(`${address} is no blob: address`)
    const worker = new Worker(PRELUDE + script, { eval: true })
    worker.on('message', (data: unknown) => this.onmessage?.({ data }))
    worker.on('error', (error) => this.onerror?.(error))
    return worker
  }

  postMessage(message: unknown): void {
    this.#worker = this.#worker.then((worker) => {
      worker.postMessage(message)
      return worker
    })
    this.#worker.catch((error: Error) => this.onerror?.(error))
  }
}

/** Defines what a library reads of a browser: `navigator`, and for more than one thread `Worker`. */
export function provideWorkers(threads: number): void {
  Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Node.js', hardwareConcurrency: threads }, configurable: true })
  if (threads > 1) Object.assign(globalThis, { Worker: WebWorker })
}
