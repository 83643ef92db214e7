/** @file Kernels as WebAssembly modules over one shared memory. A kernel that cannot be written as one is an error of the library. */
import { DeviceError, dtypeInfo, noRoom, OutOfMemoryError } from '../../../base/index.ts'
import type { Kernel, RoutineCall } from '../../../kernel/index.ts'
import { areDeterministicAlgorithmsEnabled } from '../../determinism.ts'
import type { RoutinePlan } from '../../routine-plan.ts'
import type { Engine } from '../engine.ts'
import { type CompiledKernel, interpretKernel } from '../interpreter.ts'
import { interpretRoutine } from '../routines.ts'
import { type Func, ModuleBuilder, type ValType } from './assembler/assembler.ts'
import { wasm } from './assembler/webassembly.ts'
import { Library } from './codegen/library.ts'
import { ERROR_WORDS, errorAt } from './codegen/special.ts'
import { type Blas, type BlasUse, systemBlas } from './contraction/blas.ts'
import { ProductWriter } from './contraction/blas-contract.ts'
import { type BlasPlan, choosePlan } from './contraction/blas-plan.ts'
import { type Blocks, chooseBlocks } from './contraction/blocks.ts'
import { GEMM, rowsFor, writeGemm } from './contraction/gemm.ts'
import { ContractWriter, type GemmFunctions } from './contraction/panels.ts'
import { PACKING, timeOf, timeOfPanels } from './cost.ts'
import { codeOf, headOf, type KernelCode, type KernelHead } from './kernel-code.ts'
import { MAX_PAGES, WasmBlock, WasmHeap } from './memory/heap.ts'
import { plainCopy } from './plain-copy.ts'
import { isJavaScript, routineKernels } from './routines/index.ts'
import { type Args, type Part, type Shared, Threads, threadCount, type WrongIndex } from './threads/threads.ts'

interface Written {
  /** Calls one part after the other: each reads what those before wrote. */
  readonly drive: (call: (part: Part) => void, scalars: readonly number[]) => void
  readonly shared: Shared | undefined
  /** What each thread needs besides the buffers, while it runs. */
  readonly scratchBytes: number
}

const FORBIDDEN =
  "WebAssembly may not be compiled here. A page with a content policy has to allow it: script-src 'self' 'wasm-unsafe-eval'. Device webgpu does without"

/** Words for the addresses that a kernel is given, of 64 buffers at most. */
const ARGS = 128

export class WasmEngine implements Engine {
  readonly heap: WasmHeap
  readonly roundsOperators = true
  readonly #words: WasmBlock
  /** The numbers that a kernel is given, as floats and as whole ones; as many as a kernel has needed. */
  #floats: WasmBlock
  #wholes: WasmBlock
  readonly #threads: Threads
  /** As large as the kernel that needs most of it. */
  #scratch: WasmBlock
  #modules = 0
  /** How many slots there are, one for each module that threads share and that may be run now, and those that are free. */
  #slotCount = 0
  readonly #freeSlots: number[] = []
  /** What threads need of a module is given back once it can no longer be run. */
  readonly #dropped = new FinalizationRegistry<Shared>(({ bytes, slot }) => {
    this.heap.give(bytes)
    this.#freeSlots.push(slot)
  })
  /** Whether products multiply and add in one instruction. */
  readonly #fuses: boolean
  /** What contractions share: the module's bytes, and its functions once one is there. */
  readonly #gemm: Uint8Array
  #products: Readonly<Record<string, unknown>> | undefined
  /** Decides which contractions are computed in blocks; tests have others. */
  choose: (kernel: Kernel) => Blocks | undefined = (kernel) => chooseBlocks(kernel, this.threads)

  /** Decides which are left to the BLAS of the machine, if there is one, and how; tests have others. */
  plan: (kernel: Kernel) => BlasPlan | undefined = choosePlan
  readonly blas: Blas | undefined
  /** What is left to it; see blas-choice.ts. It counts for kernels that are compiled afterwards. */
  use: BlasUse = 'all'
  /** Where the WebAssembly memory begins, for the BLAS; one that is not shared may move when it grows. */
  #base: { readonly of: object; readonly address: number } | undefined
  /** Memory in which products are prepared and finished, as large as the one that needs most. */
  #prepared: WasmBlock

  constructor(threads = threadCount(), blas: Blas | false = systemBlas() ?? false, heap = new WasmHeap()) {
    this.heap = heap
    this.#words = heap.take('int32', ARGS)
    this.#floats = heap.take('float64', 64)
    this.#wholes = new WasmBlock(heap.memory, this.#floats.address, 'int32', 128)
    this.#scratch = heap.take('uint8', 0)
    this.#prepared = heap.take('int32', 0)
    const fused = writeGemm(heap.type, true)
    const fuses = wasm?.validate(fused) ?? false
    this.#gemm = fuses ? fused : writeGemm(heap.type)
    const gemm = heap.take('uint8', this.#gemm.length)
    gemm.values.set(this.#gemm)
    this.#threads = new Threads(heap, heap.type.shared ? threads : 1, gemm)
    this.blas = blas || undefined
    this.#fuses = fuses
  }

  get threads(): number {
    return this.#threads.count
  }

  get description(): string {
    const { name } = this.blas ?? {}
    const said: Readonly<Record<BlasUse, string>> = {
      all: `, ${name}`,
      products: `, ${name} for products of matrices alone`,
      none: `; ${name} was found, but is slower`,
    }
    return `WebAssembly SIMD, ${this.threads} ${this.threads === 1 ? 'thread' : 'threads'}${name === undefined ? '' : said[this.use]}`
  }

  get features(): readonly string[] {
    return ['simd', ...(this.#fuses ? ['relaxed-simd'] : []), ...(this.blas && this.use !== 'none' ? ['blas'] : [])]
  }

  /** Undefined where the engine has no WebAssembly with SIMD. @throws DeviceError where it has, and it may not be used */
  static open(threads?: number): WasmEngine | undefined {
    if (!wasm) return undefined
    const probe = new ModuleBuilder({ shared: false, maximum: MAX_PAGES })
    probe.function([], ['v128']).v128([0, 0, 0, 0])
    const bytes = probe.build()
    if (!wasm.validate(bytes)) return undefined
    try {
      new wasm.Module(bytes)
    } catch (cause) {
      throw new DeviceError('cpu', `${FORBIDDEN}. The engine says: ${(cause as Error).message}`, { cause })
    }
    return new WasmEngine(threads)
  }

  compile(kernel: Kernel, lengths: readonly number[]): CompiledKernel {
    if (kernel.grid.some((axis) => axis.size === 0)) return () => {}
    const copy = plainCopy(kernel)
    if (copy) return copy
    const plan = this.#planFor(kernel)
    const head = headOf(kernel)
    if (!plan) return this.#compile(head, this.#write(kernel, head, lengths))
    const product = this.#compile(head, this.#writeProduct(kernel, lengths, plan, this.blas as Blas))
    let own: CompiledKernel | undefined
    const alone = (): CompiledKernel => {
      try {
        return this.#compile(head, this.#write(kernel, head, lengths))
      } catch (e) {
        if (!(e instanceof OutOfMemoryError)) throw e
        // It is too late to refuse the run, and this needs no memory
        return interpretKernel(kernel)
      }
    }
    return (run) => {
      if (areDeterministicAlgorithmsEnabled()) {
        own ??= alone()
        own(run)
      } else product(run)
    }
  }

  #planFor(kernel: Kernel): BlasPlan | undefined {
    if (!this.blas || this.use === 'none') return undefined
    const plan = this.plan(kernel)
    return plan && (this.use === 'all' || (plan.a && plan.b)) ? plan : undefined
  }

  /** A contraction in panels and by the BLAS, to be compared on one thread; undefined where the BLAS is not for it. */
  bothWays(kernel: Kernel, lengths: readonly number[]): readonly [panels: CompiledKernel, blas: CompiledKernel] | undefined {
    const plan = this.blas && this.plan(kernel)
    if (!plan) return undefined
    const head = headOf(kernel)
    const alone = (written: Written): CompiledKernel => this.#compile(head, { ...written, shared: undefined })
    return [alone(this.#write(kernel, head, lengths)), alone(this.#writeProduct(kernel, lengths, plan, this.blas as Blas))]
  }

  routine(call: RoutineCall): RoutinePlan<CompiledKernel> {
    if (isJavaScript(call)) return interpretRoutine(call)
    const { scratch, dispatches } = routineKernels(call as Parameters<typeof routineKernels>[0])
    return {
      scratch,
      dispatches: dispatches.map(({ kernel, buffers }) => ({ kernel: this.#compile(kernel, this.#writeCode(kernel)), buffers })),
    }
  }

  #compile({ label, buffers, scalars: types }: KernelHead, { drive, shared, scratchBytes }: Written): CompiledKernel {
    this.#provide(label, scratchBytes)
    const base = this.#words.address
    this.#reserve(label, 1 + Math.max(-1, ...types.keys()))
    // Addresses first, then where numbers and scratch memory are, then the first wrong index
    const error = errorAt(buffers)
    const args: Args = { address: base, words: error + ERROR_WORDS, wrong: () => this.#words.values[error] !== 0 }
    const compiled: CompiledKernel = ({ data, scalars, fail }) => {
      const words = this.#words.values
      const floats = this.#floats.values
      const wholes = this.#wholes.values
      data.forEach((block, i) => {
        words[i] = (block as WasmBlock).address
      })
      words[data.length] = this.#floats.address
      for (const [slot, type] of types) {
        const value = scalars[slot] as number
        if (type === 'float') floats[slot] = value
        else wholes[2 * slot] = value
      }
      words[error] = 0
      let wrong: WrongIndex | undefined
      drive((part) => {
        words[data.length + 1] = (part.common ? this.#prepared : this.#scratch).address
        if (!shared || !this.#threads.worth(part)) part.run(base, 0, part.rows)
        else wrong ??= this.#threads.run(shared, part, args)
        const site = words[error] as number
        if (site > 0) wrong ??= { site: site - 1, index: words[error + 1] as number, size: (words[error + 2] as number) >>> 0 }
      }, scalars)
      if (wrong) fail(wrong.site, wrong.index, wrong.size)
    }
    if (shared) this.#dropped.register(compiled, shared)
    return compiled
  }

  /** Ends the threads; for tests. */
  async close(): Promise<void> {
    await this.#threads.stop()
  }

  /** Room for so many numbers. @throws OutOfMemoryError */
  #reserve(op: string, numbers: number): void {
    if (numbers <= this.#floats.length) return
    const larger = this.#take(op, 16 * numbers, 'float64')
    this.heap.give(this.#floats)
    this.#floats = larger
    this.#wholes = new WasmBlock(this.heap.memory, larger.address, 'int32', 2 * larger.length)
  }

  /** Scratch memory for every thread. @throws OutOfMemoryError */
  #provide(op: string, bytes: number): void {
    if (bytes <= this.#scratch.length) return
    const larger: WasmBlock[] = []
    try {
      for (let t = 0; t < this.#threads.count; t++) larger.push(this.#take(op, bytes))
    } catch (e) {
      for (const block of larger) this.heap.give(block)
      throw e
    }
    this.heap.give(this.#scratch)
    const [own, ...others] = larger as [WasmBlock, ...WasmBlock[]]
    this.#scratch = own
    this.#threads.setScratch(others)
  }

  /** @throws OutOfMemoryError */
  #take(op: string, bytes: number, dtype: 'uint8' | 'int32' | 'float64' = 'uint8'): WasmBlock {
    try {
      return this.heap.take(dtype, bytes / dtypeInfo[dtype].bytes)
    } catch {
      throw noRoom(op, bytes, this.heap.takenBytes, this.heap.capacity)
    }
  }

  #write(kernel: Kernel, head: KernelHead, lengths: readonly number[]): Written {
    const blocks = this.choose(kernel)
    if (!blocks) return this.#writeCode(codeOf(kernel, lengths, this.#fuses, head))
    let scratchBytes = 0
    const code: KernelCode = {
      ...head,
      work: timeOfPanels(kernel),
      write: (module, library) => {
        const writer = new ContractWriter(kernel, lengths, module, library, importGemm(module), blocks, rowsFor(this.#fuses))
        const rows = writer.write()
        scratchBytes = writer.scratchBytes
        return rows
      },
    }
    return { ...this.#writeCode(code, this.#gemmModule()), scratchBytes }
  }

  /** @param functions what the module may import besides @throws OutOfMemoryError */
  #writeCode(code: KernelCode, functions: Readonly<Record<string, unknown>> = {}): Written {
    const { Instance, Module } = wasm as NonNullable<typeof wasm>
    try {
      const module = new ModuleBuilder(this.heap.type)
      const library = new Library(module)
      const rows = code.write(module, library)
      const bytes = module.build()
      const instance = new Instance(new Module(bytes), { env: { memory: this.heap.memory, ...library.imports, ...functions } })
      const part: Part = { run: instance.exports.run as Part['run'], entry: 0, rows, work: code.work }
      const shared = library.portable && this.#threads.worth(part) ? this.#share(code.label, bytes) : undefined
      return { drive: (call) => call(part), shared, scratchBytes: 0 }
    } catch (e) {
      throw failed(code, e)
    }
  }

  /** A contraction by the BLAS of the machine. @throws OutOfMemoryError */
  #writeProduct(kernel: Kernel, lengths: readonly number[], plan: BlasPlan, blas: Blas): Written {
    const { Instance, Module } = wasm as NonNullable<typeof wasm>
    try {
      const module = new ModuleBuilder(this.heap.type)
      const library = new Library(module)
      const writer = new ProductWriter(kernel, lengths, module, library, plan)
      const entries = writer.write()
      const bytes = module.build()
      const imports = { memory: this.heap.memory, ...library.imports }
      const { exports } = new Instance(new Module(bytes), { env: imports })
      const functions = new Map(entries.map((name, entry) => [name, { run: exports[name] as Part['run'], entry }]))
      if (writer.scratchBytes > this.#prepared.byteLength) {
        const larger = this.#take(kernel.label, writer.scratchBytes, 'int32')
        this.heap.give(this.#prepared)
        this.#prepared = larger
      }
      const store = timeOf({ ...kernel, stages: kernel.stages.slice(1) }) / kernel.grid.reduce((n, axis) => n * axis.size, 1)
      const program = writer.program()
      const drive: Written['drive'] = (call, scalars) => {
        const { buffer } = this.heap.memory
        if (this.#base?.of !== buffer) this.#base = { of: buffer, address: blas.address(new Uint8Array(buffer, 0, 1)) }
        program({
          sgemm: blas.sgemm,
          base: this.#base.address,
          addresses: this.#words.values as Int32Array,
          scratch: this.#prepared.address,
          head: this.#prepared.values as Int32Array,
          scalars,
          call: (name, rows, length) => {
            const { run, entry } = functions.get(name) as { run: Part['run']; entry: number }
            call({ run, entry, rows, work: rows * length * (name === 'store' ? store : PACKING), common: true })
          },
        })
      }
      const shared = library.portable && entries.length > 0 && this.#threads.count > 1 ? this.#share(kernel.label, bytes) : undefined
      return { drive, shared, scratchBytes: 0 }
    } catch (e) {
      throw failed(kernel, e)
    }
  }

  /** Puts a module where threads find it. @throws OutOfMemoryError */
  #share(op: string, module: Uint8Array): Shared {
    const bytes = this.#take(op, module.length)
    bytes.values.set(module)
    return { module: this.#modules++, slot: this.#freeSlots.pop() ?? this.#slotCount++, bytes }
  }

  #gemmModule(): Readonly<Record<string, unknown>> {
    const { Instance, Module } = wasm as NonNullable<typeof wasm>
    this.#products ??= new Instance(new Module(this.#gemm), { env: { memory: this.heap.memory } }).exports
    return this.#products
  }
}

/** A module that was not written, or that the engine does not take, is an error of the library: it says which kernel. */
const failed = ({ label }: Pick<KernelHead, 'label'>, e: unknown): unknown =>
  e instanceof OutOfMemoryError ? e : new Error(`cpu: kernel ${label} is no WebAssembly module: ${(e as Error).message}`, { cause: e })

const importGemm = (module: ModuleBuilder): GemmFunctions => {
  const words = (n: number): ValType[] => new Array<ValType>(n).fill('i32')
  const of = (name: keyof typeof GEMM): Func => module.import(name, words(GEMM[name]), [])
  return Object.fromEntries((Object.keys(GEMM) as (keyof typeof GEMM)[]).map((name) => [name, of(name)])) as GemmFunctions
}
