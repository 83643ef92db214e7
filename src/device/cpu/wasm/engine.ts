/** @file Kernels as WebAssembly modules over one shared memory. What cannot be written as one is interpreted, on the same memory. */
import { noRoom } from '../../../base/index.ts'
import { type Kernel, visitExprs } from '../../../kernel/index.ts'
import { type CompiledKernel, interpretKernel } from '../compile.ts'
import type { Engine } from '../engine.ts'
import { type Func, ModuleBuilder, type ValType } from './assembler.ts'
import { type Blocks, ContractWriter, chooseBlocks, type GemmFunctions } from './contract.ts'
import { GEMM, writeGemm } from './gemm.ts'
import { MAX_PAGES, WasmBlock, WasmHeap } from './heap.ts'
import { KernelWriter } from './kernel.ts'
import { Library } from './library.ts'
import { ERROR_WORDS, errorAt } from './special.ts'
import { type Args, type Part, type Shared, Threads, threadCount } from './threads.ts'
import { wasm } from './webassembly.ts'
import { workOf, workOfPanels } from './work.ts'
import { Unsupported } from './writer.ts'

interface Written {
  /** One after the other: each reads what those before wrote. */
  readonly parts: readonly Part[]
  readonly shared: Shared | undefined
  /** What each thread needs besides the buffers, while it runs. */
  readonly scratchBytes: number
}

/** Bytes for the addresses and numbers that a kernel is given. */
const ARGS = 16384
const MEMORY = { shared: true, maximum: MAX_PAGES } as const

/** Kernels that had to be interpreted, by label, and why. */
export const interpreted = new Map<string, string>()

export class WasmEngine implements Engine {
  readonly description: string
  readonly features = ['simd']
  readonly heap = new WasmHeap()
  readonly #words = this.heap.take('int32', ARGS / 4)
  readonly #floats = new WasmBlock(this.heap.memory, this.#words.address, 'float64', ARGS / 8)
  readonly #threads: Threads
  /** As large as the kernel that needs most of it has asked for. */
  #scratch = this.heap.take('uint8', 0)
  #modules = 0
  /** The bytes of kernels that threads share, given back when nobody can run them any more. */
  readonly #dropped = new FinalizationRegistry<WasmBlock>((bytes) => this.heap.give(bytes))
  #gemm: Readonly<Record<string, unknown>> | undefined
  /** Decides which contractions are computed in blocks; tests have others. */
  choose: (kernel: Kernel) => Blocks | undefined = chooseBlocks

  constructor(threads = threadCount()) {
    const bytes = writeGemm(MEMORY)
    const gemm = this.heap.take('uint8', bytes.length)
    gemm.values.set(bytes)
    this.#threads = new Threads(this.heap, threads, gemm)
    this.description = `WebAssembly SIMD, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
  }

  /** Undefined where the engine has no WebAssembly with SIMD and shared memory. */
  static open(): WasmEngine | undefined {
    if (!wasm || typeof SharedArrayBuffer === 'undefined') return undefined
    const probe = new ModuleBuilder(MEMORY)
    probe.function([], ['v128']).v128([0, 0, 0, 0])
    return wasm.validate(probe.build()) ? new WasmEngine() : undefined
  }

  compile(kernel: Kernel, lengths: readonly number[]): CompiledKernel {
    if (kernel.grid.some((axis) => axis.size === 0)) return () => {}
    const written = this.#write(kernel, lengths)
    if (!written) return interpretKernel(kernel)
    const { parts, shared, scratchBytes } = written
    this.#provide(kernel.label, scratchBytes)
    const types = scalarTypes(kernel)
    const base = this.#words.address
    // Addresses first, then where the numbers are, then the first wrong index, then the numbers
    const error = errorAt(kernel.buffers.length)
    const numbersAt = Math.ceil((error + ERROR_WORDS) / 2)
    const args: Args = { address: base, words: error + ERROR_WORDS, wrong: () => this.#words.values[error] !== 0 }
    const compiled: CompiledKernel = ({ data, scalars, fail }) => {
      const words = this.#words.values
      const floats = this.#floats.values
      data.forEach((block, i) => {
        words[i] = (block as WasmBlock).address
      })
      words[data.length] = base + 8 * numbersAt
      words[data.length + 1] = this.#scratch.address
      for (const [slot, type] of types) {
        const value = scalars[slot] as number
        if (type === 'float') floats[numbersAt + slot] = value
        else words[2 * (numbersAt + slot)] = value
      }
      words[error] = 0
      for (const part of parts) {
        if (!shared || !this.#threads.worth(part)) part.run(base, 0, part.rows)
        else {
          const wrong = this.#threads.run(shared, part, args)
          if (wrong) return fail(wrong.site, wrong.index, wrong.size)
        }
        const site = words[error] as number
        if (site > 0) return fail(site - 1, words[error + 1] as number, words[error + 2] as number)
      }
    }
    if (shared) this.#dropped.register(compiled, shared.bytes)
    return compiled
  }

  /** Ends the threads; for tests. */
  async close(): Promise<void> {
    await this.#threads.stop()
  }

  /** Scratch memory for every thread. @throws OutOfMemoryError */
  #provide(op: string, bytes: number): void {
    if (bytes <= this.#scratch.length) return
    const larger = Array.from({ length: this.#threads.count }, () => this.#take(op, bytes))
    this.heap.give(this.#scratch)
    const [own, ...others] = larger as [WasmBlock, ...WasmBlock[]]
    this.#scratch = own
    this.#threads.setScratch(others)
  }

  /** @throws OutOfMemoryError */
  #take(op: string, bytes: number): WasmBlock {
    try {
      return this.heap.take('uint8', bytes)
    } catch {
      throw noRoom(op, bytes, this.heap.takenBytes)
    }
  }

  #write(kernel: Kernel, lengths: readonly number[]): Written | undefined {
    if (!wasm) return undefined
    try {
      const module = new ModuleBuilder(MEMORY)
      const blocks = this.choose(kernel)
      const library = new Library(module)
      const writer = blocks
        ? new ContractWriter(kernel, lengths, module, library, importGemm(module), blocks)
        : new KernelWriter(kernel, lengths, module, library)
      const rows = writer.write()
      const bytes = module.build()
      const imports = { memory: this.heap.memory, ...library.imports, ...(blocks && this.#gemmModule()) }
      const instance = new wasm.Instance(new wasm.Module(bytes), { env: imports })
      const work = blocks ? workOfPanels(kernel) : workOf(kernel)
      const part: Part = { run: instance.exports.run as Part['run'], entry: 0, rows, work }
      const scratchBytes = writer instanceof ContractWriter ? writer.scratchBytes : 0
      const shared = library.portable && this.#threads.worth(part) ? this.#share(kernel.label, bytes) : undefined
      return { parts: [part], shared, scratchBytes }
    } catch (e) {
      if (!(e instanceof Unsupported)) throw e
      interpreted.set(kernel.label, e.message)
      return undefined
    }
  }

  /** Puts a module where threads find it. @throws OutOfMemoryError */
  #share(op: string, module: Uint8Array): Shared {
    const bytes = this.#take(op, module.length)
    bytes.values.set(module)
    return { module: this.#modules++, bytes }
  }

  /** What contractions share, once one is there. */
  #gemmModule(): Readonly<Record<string, unknown>> {
    const { Instance, Module } = wasm as NonNullable<typeof wasm>
    this.#gemm ??= new Instance(new Module(writeGemm(MEMORY)), { env: { memory: this.heap.memory } }).exports
    return this.#gemm
  }
}

const importGemm = (module: ModuleBuilder): GemmFunctions => {
  const words = (n: number): ValType[] => new Array<ValType>(n).fill('i32')
  const of = (name: keyof typeof GEMM): Func => module.import(name, words(GEMM[name]), [])
  return { pack: of('pack'), block12: of('block12'), block8: of('block8') }
}

/** The type of each number that a kernel reads, by its slot. */
function scalarTypes(kernel: Kernel): Map<number, 'float' | 'i32' | 'u32'> {
  const types = new Map<number, 'float' | 'i32' | 'u32'>()
  visitExprs(kernel.stages, (e) => {
    if (e.kind === 'scalar') types.set(e.slot, e.type)
  })
  return types
}
