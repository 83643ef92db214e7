/**
 * @file No library, but what the machine's memory can do: the chain's array copied within one shared WebAssembly memory, by one thread or by several at
 * once, each its share; by `TypedArray.set`, which is C's memmove, or by a loop of vectors. (Between arrays of JavaScript's own, both were slower.)
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ModuleBuilder } from '../../src/device/cpu/wasm/assembler/assembler.ts'
import { type WasmMemory, wasm } from '../../src/device/cpu/wasm/assembler/webassembly.ts'
import { COPY } from '../report.ts'
import { counted, type Peer, threadsAsked } from './peer.ts'

/** What a thread does: all addresses and sizes in bytes. */
interface Share {
  readonly memory: WasmMemory
  readonly module: object
  readonly from: number
  readonly to: number
  readonly bytes: number
  readonly loop: boolean
}

/** Bytes of one turn of the loop; shares are multiples of it. */
const TURN = 64
const PAGE = 65_536
const MAXIMUM = 2 ** 16

/** copy(from, to, end) moves bytes from … end to `to`. */
function copyModule(): Uint8Array {
  const builder = new ModuleBuilder({ shared: true, maximum: MAXIMUM })
  const code = builder.function(['i32', 'i32', 'i32'], [], 'copy')
  const [from, to, end] = code.params
  if (!from || !to || !end) throw new Error('copy has three parameters')
  code.for(from, end, TURN, () => {
    for (let at = 0; at < TURN; at += 16) code.get(to).get(from).memory('v128.load', at).memory('v128.store', at)
    code.get(to).i32(TURN).op('i32.add').set(to)
  })
  return builder.build()
}

/** Also runs in the helpers, from its text. */
function copier({ memory, module, from, to, bytes, loop }: Share, { Instance }: NonNullable<typeof wasm>): () => void {
  if (!loop) {
    const [source, target] = [from, to].map((at) => new Float32Array(memory.buffer, at, bytes / 4)) as [Float32Array, Float32Array]
    return () => target.set(source)
  }
  const { copy } = new Instance(module, { env: { memory } }).exports as {
    copy: (from: number, to: number, end: number) => void
  }
  return () => copy(from, to, from + bytes)
}

/** Places of the words that the threads talk through: rounds begun, and threads that are done with this one. */
const [ROUND, DONE] = [0, 1]

const HELPER = `
const { parentPort, workerData: { words, share } } = require('node:worker_threads')
const copy = (${copier})(share, WebAssembly)
parentPort.postMessage('ready')
for (let round = 0; ; round++) {
  Atomics.wait(words, ${ROUND}, round)
  copy()
  Atomics.add(words, ${DONE}, 1)
  Atomics.notify(words, ${DONE})
}`

export async function load(): Promise<Peer> {
  const threads = threadsAsked()
  const loop = process.env.BENCH_COPY === 'loop'
  return {
    label: `${COPY} by ${loop ? 'a loop of vectors' : 'memmove'}, ${counted(threads)}`,
    adapter: { vendor: '', architecture: '', description: '' },
    copies: true,

    async elementwise(x) {
      if (!wasm) throw new Error('there is no WebAssembly here')
      const memory = new wasm.Memory({ initial: Math.ceil((2 * x.byteLength) / PAGE), maximum: MAXIMUM, shared: true })
      new Float32Array(memory.buffer, 0, x.length).set(x)
      const module = new wasm.Module(copyModule())
      const turns = x.byteLength / TURN
      const words = new Int32Array(new SharedArrayBuffer(8))
      const shares = Array.from({ length: threads }, (_, i): Share => {
        const [from, end] = [i, i + 1].map((at) => TURN * Math.floor((at * turns) / threads)) as [number, number]
        return { memory, module, from, to: x.byteLength + from, bytes: end - from, loop }
      })
      const helpers = shares.slice(1).map((share) => new Worker(HELPER, { eval: true, workerData: { words, share } }))
      await Promise.all(helpers.map((helper) => once(helper, 'message')))
      const copy = copier(shares[0] as Share, wasm)
      const run = async (): Promise<void> => {
        Atomics.store(words, DONE, 0)
        Atomics.add(words, ROUND, 1)
        Atomics.notify(words, ROUND)
        copy()
        for (let done = Atomics.load(words, DONE); done < helpers.length; done = Atomics.load(words, DONE)) Atomics.wait(words, DONE, done)
      }
      return { run, read: async () => new Float32Array(memory.buffer, x.byteLength, x.length) }
    },
  }
}
