/** @file Kernels as WebAssembly modules over one shared memory. What cannot be written as one is interpreted, on the same memory. */
import { noRoom } from '../../../base/index.ts'
import { type Kernel, visitExprs } from '../../../kernel/index.ts'
import { type CompiledKernel, interpretKernel } from '../compile.ts'
import type { Engine } from '../engine.ts'
import { type Func, ModuleBuilder, type ValType } from './assembler.ts'
import { type Blocks, ContractWriter, chooseBlocks, type GemmFunctions } from './contract.ts'
import { GEMM, writeGemm } from './gemm.ts'
import { MAX_PAGES, type WasmBlock, WasmHeap } from './heap.ts'
import { KernelWriter } from './kernel.ts'
import { Library } from './library.ts'
import { ERROR_WORDS, errorAt } from './special.ts'
import { wasm } from './webassembly.ts'
import { Unsupported } from './writer.ts'

type Run = (args: number, begin: number, end: number) => void

/** A function of a module, and how many rows of work there are for it; they may be shared, and come in any order. */
export interface Part {
  readonly run: Run
  readonly rows: number
}

interface Written {
  /** One after the other: each reads what those before wrote. */
  readonly parts: readonly Part[]
  /** What it needs besides its buffers, while it runs. */
  readonly scratchBytes: number
}

/** Bytes for the addresses and numbers that a kernel is given. */
const ARGS = 16384
const MEMORY = { shared: true, maximum: MAX_PAGES } as const

/** Kernels that had to be interpreted, by label, and why. */
export const interpreted = new Map<string, string>()

export class WasmEngine implements Engine {
  readonly description = 'WebAssembly SIMD'
  readonly features = ['simd']
  readonly heap = new WasmHeap()
  readonly #args = this.heap.take('uint8', ARGS)
  readonly #words = new Int32Array(this.heap.memory.buffer, this.#args.address, ARGS / 4)
  readonly #floats = new Float64Array(this.heap.memory.buffer, this.#args.address, ARGS / 8)
  /** As large as the kernel that needs most of it has asked for. */
  #scratch = this.heap.take('uint8', 0)
  #gemm: Readonly<Record<string, unknown>> | undefined
  /** Decides which contractions are computed in blocks; tests have others. */
  choose: (kernel: Kernel) => Blocks | undefined = chooseBlocks

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
    const { parts, scratchBytes } = written
    if (scratchBytes > this.#scratch.length) {
      const larger = this.#take(kernel.label, scratchBytes)
      this.heap.give(this.#scratch)
      this.#scratch = larger
    }
    const types = scalarTypes(kernel)
    const base = this.#args.address
    // Addresses first, then where the numbers are, then the first wrong index, then the numbers
    const error = errorAt(kernel.buffers.length)
    const numbersAt = Math.ceil((error + ERROR_WORDS) / 2)
    return ({ data, scalars, fail }) => {
      data.forEach((block, i) => {
        this.#words[i] = (block as WasmBlock).address
      })
      this.#words[data.length] = base + 8 * numbersAt
      this.#words[data.length + 1] = this.#scratch.address
      for (const [slot, type] of types) {
        const value = scalars[slot] as number
        if (type === 'float') this.#floats[numbersAt + slot] = value
        else this.#words[2 * (numbersAt + slot)] = value
      }
      this.#words[error] = 0
      for (const part of parts) this.#run(part)
      const site = this.#words[error] as number
      if (site > 0) fail(site - 1, this.#words[error + 1] as number, this.#words[error + 2] as number)
    }
  }

  #run({ run, rows }: Part): void {
    run(this.#args.address, 0, rows)
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
      const imports = { memory: this.heap.memory, ...library.imports, ...(blocks && this.#gemmModule()) }
      const instance = new wasm.Instance(new wasm.Module(module.build()), { env: imports })
      const part = { run: instance.exports.run as Run, rows }
      return { parts: [part], scratchBytes: writer instanceof ContractWriter ? writer.scratchBytes : 0 }
    } catch (e) {
      if (!(e instanceof Unsupported)) throw e
      interpreted.set(kernel.label, e.message)
      return undefined
    }
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
