/** @file Kernels as WebAssembly modules over one shared memory. What cannot be written as one is interpreted, on the same memory. */
import type { Kernel } from '../../../kernel/index.ts'
import { type CompiledKernel, interpretKernel } from '../compile.ts'
import type { Engine } from '../engine.ts'
import { ModuleBuilder } from './assembler.ts'
import { MAX_PAGES, WasmHeap } from './heap.ts'
import { KernelWriter } from './kernel.ts'
import { Library } from './library.ts'
import { wasm } from './webassembly.ts'
import { Unsupported } from './writer.ts'

type Run = (args: number, begin: number, end: number) => void

/** Bytes for the addresses and numbers that a kernel is given. */
const ARGS = 16384

export class WasmEngine implements Engine {
  readonly description = 'WebAssembly SIMD'
  readonly features = ['simd']
  readonly arrays = new WasmHeap()
  readonly #args = this.arrays.take('uint8', ARGS)
  readonly #words = new Int32Array(this.#args.buffer, this.#args.byteOffset, ARGS / 4)
  readonly #floats = new Float64Array(this.#args.buffer, this.#args.byteOffset, ARGS / 8)

  /** Undefined where the engine has no WebAssembly with SIMD and shared memory. */
  static open(): WasmEngine | undefined {
    if (!wasm || typeof SharedArrayBuffer === 'undefined') return undefined
    const probe = new ModuleBuilder({ shared: true, maximum: MAX_PAGES })
    probe.function([], ['v128']).v128([0, 0, 0, 0])
    return wasm.validate(probe.build()) ? new WasmEngine() : undefined
  }

  compile(kernel: Kernel, lengths: readonly number[]): CompiledKernel {
    if (kernel.grid.some((axis) => axis.size === 0)) return () => {}
    const written = this.#write(kernel, lengths)
    if (!written) return interpretKernel(kernel)
    const { run, rows } = written
    const types = scalarTypes(kernel)
    const base = this.#args.byteOffset
    // Addresses first, then where the numbers are, then these
    const numbersAt = Math.ceil((kernel.buffers.length + 1) / 2)
    return ({ data, scalars }) => {
      data.forEach((array, i) => {
        this.#words[i] = array.byteOffset
      })
      this.#words[data.length] = base + 8 * numbersAt
      for (const [slot, type] of types) {
        const value = scalars[slot] as number
        if (type === 'float') this.#floats[numbersAt + slot] = value
        else this.#words[2 * (numbersAt + slot)] = value
      }
      run(base, 0, rows)
    }
  }

  #write(kernel: Kernel, lengths: readonly number[]): { run: Run; rows: number } | undefined {
    if (!wasm) return undefined
    try {
      const module = new ModuleBuilder({ shared: true, maximum: MAX_PAGES })
      const library = new Library(module)
      const rows = new KernelWriter(kernel, lengths, module, library).write()
      const instance = new wasm.Instance(new wasm.Module(module.build()), { env: { memory: this.arrays.memory, ...library.imports } })
      return { run: instance.exports.run as Run, rows }
    } catch (e) {
      if (e instanceof Unsupported) return undefined
      throw e
    }
  }
}

/** The type of each number that a kernel reads, by its slot. */
function scalarTypes(kernel: Kernel): Map<number, 'float' | 'i32' | 'u32'> {
  const types = new Map<number, 'float' | 'i32' | 'u32'>()
  const seen = new Set<object>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    const e = value as { kind?: string; slot?: number; type?: 'float' | 'i32' | 'u32' }
    if (e.kind === 'scalar') types.set(e.slot as number, e.type as 'float')
    for (const part of Object.values(value)) visit(part)
  }
  visit(kernel.stages)
  return types
}
