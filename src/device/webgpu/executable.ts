/** @file A compiled program: pipelines, parameters, the plan of its scratch memory, and cached bind groups. */
import { CompilationError, dtypeInfo, type TapegradError } from '../../base/index.ts'
import type { Kernel } from '../../kernel/index.ts'
import {
  buffersOf,
  type Executable,
  largestOf,
  type MakerOf,
  type Piece,
  type Program,
  type ProgramStep,
  type Slot,
  sitesOf,
  stepsOf,
  writtenBy,
} from '../device.ts'
import type { KernelCache } from '../kernel-cache.ts'
import { placeProgram } from '../routine-plan.ts'
import { planScratch } from '../scratch.ts'
import type { Words } from './arithmetic.ts'
import type { BindGroups, GroupKeeper } from './bind-groups.ts'
import type { BufferPool, PoolBuffer } from './buffer-pool.ts'
import type { Pipeline, PipelineCache } from './pipelines.ts'
import { print } from './print.ts'
import { printRoutine } from './routines/index.ts'
import type { ChooseLoops, ChooseScatter, Strategy } from './strategy.ts'
import { COPY_DST, STORAGE, UNIFORM } from './usage.ts'
import type { Binding, PrintedKernel } from './wgsl-kernel.ts'

/** Parameters of each kernel begin at a multiple of this: the largest alignment that a device may ask for. */
const ALIGN = 256
/** Bind groups kept for a dispatch, at most: a loop alternates between a few sets of buffers. */
const GROUPS_KEPT = 16

/** The text of a kernel is the same for buffers of any length. */
const NO_LENGTHS: readonly number[] = []

/** Bytes that a slot takes in a buffer. */
export const bytesOf = (dtype: Slot['dtype'], length: number): number => Math.ceil((length * dtypeInfo[dtype].bytes) / 4) * 4

interface BoundDispatch {
  /** Which step of the program it is of. */
  readonly step: number
  readonly printed: PrintedKernel
  readonly pipeline: Pipeline
  /** For each storage binding of the kernel, the slot bound there. */
  readonly slots: readonly number[]
  /** What of them, where that is not all. */
  readonly pieces: readonly (Piece | undefined)[] | undefined
  /** For each number that the kernel reads, which of the program's it is. */
  readonly scalars: readonly number[]
  readonly paramsAt: number
  readonly groups: { readonly ids: readonly number[]; readonly group: GPUBindGroup }[]
}

/** What executables share: the device's caches. */
export interface Workshop {
  readonly gpu: GPUDevice
  readonly pool: BufferPool
  readonly pipelines: PipelineCache
  readonly kernels: KernelCache<PrintedKernel>
  readonly bindGroups: BindGroups
  /** How elements lie in buffers. */
  readonly words: Words
  /** The form in which a kernel is printed. */
  readonly choose: (kernel: Kernel) => Strategy
  /** How routines share their loops among invocations. */
  readonly chooseLoops: ChooseLoops
  readonly chooseScatter: ChooseScatter
  readonly errors: GPUBuffer
  readonly counts: { dispatches: number; bindGroups: number; buffers: number }
  /** The error code that stands for an op. */
  codeOf(op: string): number
  dump(printed: PrintedKernel): void
}

/** What of a run cannot be, and why. */
export interface Failures {
  readonly slots: ReadonlyMap<number, Error>
  /** Steps of the program. */
  readonly steps: ReadonlySet<number>
}

export class GpuExecutable implements Executable, GroupKeeper {
  readonly program: Program
  readonly #shop: Workshop
  readonly #dispatches: BoundDispatch[] = []
  readonly #params: GPUBuffer
  readonly #scalars: GPUBuffer | undefined
  /** For each slot: which shared scratch buffer, or −1. */
  readonly #scratchOf: readonly number[]
  readonly #scratchBytes: readonly number[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  /** The slot of the largest buffer that a run makes: whose maker is named when there is no room. */
  readonly #largest: number
  /** Sizes of the buffers that a run takes from the pool, beside those of host data. */
  readonly needs: readonly number[]
  /** Whether it may set the error flag. */
  readonly checks: boolean
  /** Its first run is watched for validation errors; later ones bind the same kinds of buffers. */
  proven = false
  /** Steps of the program that do not compile, and why. */
  readonly #broken = new Map<number, TapegradError>()
  readonly #ready: Promise<void>
  /** Whether it is known which kernels compile. */
  #isSettled = false
  /** Whether there are kernels with text of the program's own. */
  readonly #hasOwn: boolean
  readonly #makerIn: (makerOf: MakerOf) => MakerOf
  #isReady = false

  constructor(shop: Workshop, given: Program, makerOf: MakerOf = stepsOf(given)) {
    this.#shop = shop
    const { program, dispatches, makerIn } = placeProgram(
      given,
      ({ kernel }) => shop.kernels.kernel(kernel, NO_LENGTHS, () => print(kernel, shop.choose(kernel), shop.words)),
      ({ call }) => shop.kernels.routine(call, () => printRoutine(call, shop)),
    )
    this.program = program
    this.#makerIn = makerIn
    const maker = makerIn(makerOf)
    const indices = (kind: Slot['kind']): number[] => program.slots.flatMap((s, i) => (s.kind === kind ? [i] : []))
    this.#largest = largestOf(program)
    this.inputs = indices('input')
    this.outputs = indices('output')
    for (const [s, { dtype, length }] of program.slots.entries()) shop.pool.check(() => maker(s), bytesOf(dtype, length))
    let at = 0
    for (const [step, list] of dispatches.entries()) {
      for (const { kernel: printed, slots, pieces, scalars } of list) {
        shop.dump(printed)
        this.#dispatches.push({ step, printed, slots, pieces, scalars, paramsAt: at, groups: [], pipeline: shop.pipelines.get(printed) })
        at += Math.ceil((printed.bindings.at(-1) as Binding).bytes / ALIGN) * ALIGN
      }
    }
    this.#params = this.#uploadParams(Math.max(at, 16))
    this.checks = this.#dispatches.some((s) => s.printed.bindings.some((b) => b.kind === 'errors'))
    if (program.scalars.length > 0) {
      this.#scalars = shop.gpu.createBuffer({ size: program.scalars.length * 4, usage: STORAGE | COPY_DST, label: 'scalars' })
      shop.counts.buffers++
    }
    const plan = planScratch(program.slots, this.#dispatches, ({ dtype, length }) => bytesOf(dtype, length))
    this.#scratchOf = plan.placeOf
    this.#scratchBytes = plan.bytes
    const made = program.slots.flatMap((s) => (s.kind === 'output' && s.donor === undefined ? [bytesOf(s.dtype, s.length)] : []))
    this.needs = [...made, ...plan.bytes].map((bytes) => shop.pool.classOf(bytes))
    // (whom to name is asked now: it holds on to what this program was first made for)
    const makers = program.steps.map((step) => makerOf(writtenBy(step)))
    const settled = this.#dispatches.map(({ pipeline, step }) =>
      pipeline.ready.catch((e: Error) => void this.#broken.set(step, new CompilationError(makers[step] as string, e.message, e))),
    )
    this.#hasOwn = this.#dispatches.some(({ printed }) => printed.own)
    this.#ready = Promise.all(settled).then(() => {
      this.#isSettled = true
      this.#isReady = true
    })
  }

  /** Whom errors name that concern its largest buffer. */
  largestMaker(makerOf: MakerOf = stepsOf(this.program)): string {
    return this.#makerIn(makerOf)(this.#largest)
  }

  get isReady(): boolean {
    if (!this.#isReady) this.#isReady = this.#dispatches.every((d) => d.pipeline.gpu)
    return this.#isReady
  }

  whenReady(): Promise<void> {
    return this.#ready
  }

  /**
   * Kernels that a program has written itself are compiled before a run begins: what that overwrites would be lost where they do not compile. Those of the library
   * are waited for in the queue.
   * @returns a promise where that has to be waited for
   * @throws CompilationError
   */
  compiledOwn(): Promise<void> | undefined {
    if (!this.#hasOwn) return undefined
    if (!this.#isSettled) return this.#ready
    const { broken } = this
    // (a new one each time: an error that has reached the user is not reported again)
    if (broken) throw new CompilationError(broken.op, (broken.cause as Error).message, broken.cause)
    return undefined
  }

  /** Why a kernel does not compile, where one does not. */
  get broken(): TapegradError | undefined {
    return this.#broken.values().next().value
  }

  /** What of a run cannot be: steps that do not compile or read an input that failed, what they write, and what is made of it. `failed`: by slot. */
  failuresOf(failed: ReadonlyMap<number, Error>): Failures {
    const slots = new Map(failed)
    const steps = new Set<number>()
    if (failed.size === 0 && this.#broken.size === 0) return { slots, steps }
    for (const [k, step] of this.program.steps.entries()) {
      const cause = accessed(step, 'read').find((slot) => slots.has(slot))
      const error = this.#broken.get(k) ?? (cause === undefined ? undefined : slots.get(cause))
      if (!error) continue
      steps.add(k)
      for (const slot of accessed(step, 'write')) slots.set(slot, error)
    }
    for (const [s, { donor }] of this.program.slots.entries()) {
      const error = donor === undefined ? undefined : slots.get(donor)
      if (error) slots.set(s, error)
    }
    return { slots, steps }
  }

  /** Compiles what is still missing, on the calling thread. */
  compileNow(): void {
    for (const { step, pipeline } of this.#dispatches) if (!this.#broken.has(step)) pipeline.compileNow()
    this.#isReady = true
  }

  #uploadParams(size: number): GPUBuffer {
    const { gpu, counts, codeOf } = this.#shop
    const buffer = gpu.createBuffer({ size, usage: UNIFORM | COPY_DST, mappedAtCreation: true, label: 'params' })
    counts.buffers++
    const words = new Uint32Array(buffer.getMappedRange())
    for (const { printed, paramsAt, step, scalars } of this.#dispatches) {
      words.set(printed.params, paramsAt / 4)
      const sites = sitesOf(this.program.steps[step] as ProgramStep)
      for (const at of printed.sites) words[paramsAt / 4 + at] = codeOf(sites[(printed.params[at] as number) - 1] ?? 'index')
      for (const at of printed.scalars) words[paramsAt / 4 + at] = scalars[printed.params[at] as number] as number
    }
    buffer.unmap()
    return buffer
  }

  /** Takes scratch memory; `memory` has the buffers of inputs and outputs, by slot. Returns what to give back after the run. */
  takeScratch(memory: (PoolBuffer | undefined)[]): PoolBuffer[] {
    const taken = this.#scratchBytes.map((bytes) => this.#shop.pool.take(bytes))
    this.#scratchOf.forEach((which, slot) => {
      if (which >= 0) memory[slot] = taken[which]
    })
    return taken
  }

  /** The run's scalars as they lie in the buffer; undefined where the program has none. */
  packScalars(values: readonly number[]): Uint32Array<ArrayBuffer> | undefined {
    const { scalars } = this.program
    if (scalars.length === 0) return undefined
    const words = new Uint32Array(scalars.length)
    const floats = new Float32Array(words.buffer)
    scalars.forEach((type, i) => {
      if (type === 'float') floats[i] = values[i] as number
      else words[i] = values[i] as number
    })
    return words
  }

  /**
   * Encodes dispatches from number `from` on, `most` at most, but those of the steps in `without`.
   * @returns where the next are to begin; undefined where none are left
   */
  encode(
    pass: GPUComputePassEncoder,
    memory: readonly (PoolBuffer | undefined)[],
    without: ReadonlySet<number>,
    from: number,
    most: number,
  ): number | undefined {
    const { counts, bindGroups } = this.#shop
    bindGroups.use(this)
    const to = Math.min(this.#dispatches.length, from + most)
    let bound: GPUComputePipeline | undefined
    for (let i = from; i < to; i++) {
      const dispatch = this.#dispatches[i] as BoundDispatch
      if (without.has(dispatch.step)) continue
      const [x, y, z] = dispatch.printed.workgroups
      if (x * y * z === 0) continue // an empty result; Dawn would warn of it
      const pipeline = dispatch.pipeline.gpu as GPUComputePipeline
      if (pipeline !== bound) pass.setPipeline(pipeline)
      bound = pipeline
      pass.setBindGroup(0, this.#group(dispatch, memory))
      pass.dispatchWorkgroups(x, y, z)
      counts.dispatches++
    }
    return to < this.#dispatches.length ? to : undefined
  }

  /** What runs have been given of it, the queue still has. */
  destroy(): void {
    this.#shop.bindGroups.forget(this)
    this.#params.destroy()
    this.#scalars?.destroy()
  }

  dropGroups(): number {
    let count = 0
    for (const { groups } of this.#dispatches) count += groups.splice(0).length
    return count
  }

  uploadScalars(words: Uint32Array<ArrayBuffer>): void {
    if (this.#scalars) this.#shop.gpu.queue.writeBuffer(this.#scalars, 0, words)
  }

  #group(dispatch: BoundDispatch, memory: readonly (PoolBuffer | undefined)[]): GPUBindGroup {
    const { slots, pieces, groups } = dispatch
    for (let g = 0; g < groups.length; g++) {
      const entry = groups[g] as BoundDispatch['groups'][number]
      if (!slots.every((slot, i) => memory[slot]?.id === entry.ids[i])) continue
      if (g > 0) {
        groups.splice(g, 1)
        groups.unshift(entry)
      }
      return entry.group
    }
    const { gpu, counts, errors, bindGroups } = this.#shop
    const resourceOf = (bound: Binding): GPUBufferBinding => {
      switch (bound.kind) {
        case 'buffer': {
          const slot = slots[bound.buffer] as number
          const buffer = (memory[slot] as PoolBuffer).gpu
          const piece = pieces?.[bound.buffer]
          if (!piece) return { buffer }
          const { dtype } = this.program.slots[slot] as Slot
          return { buffer, offset: bytesOf(dtype, piece.begin), size: bytesOf(dtype, piece.length) }
        }
        case 'scalars':
          return { buffer: this.#scalars as GPUBuffer }
        case 'errors':
          return { buffer: errors }
        case 'params':
          return { buffer: this.#params, offset: dispatch.paramsAt, size: bound.bytes }
      }
    }
    const entries = dispatch.printed.bindings.map((bound, binding) => ({ binding, resource: resourceOf(bound) }))
    const group = gpu.createBindGroup({ layout: dispatch.pipeline.layout, entries, label: dispatch.printed.label })
    counts.bindGroups++
    const most = bindGroups.shareOf(this.#dispatches.length, GROUPS_KEPT)
    if (most === 0) {
      bindGroups.discard(1)
      return group
    }
    groups.unshift({ ids: slots.map((slot) => (memory[slot] as PoolBuffer).id), group })
    bindGroups.keep()
    if (groups.length > most) bindGroups.drop(groups.splice(most).length)
    return group
  }
}

/** The slots that a step reads, or writes. */
function accessed(step: ProgramStep, how: 'read' | 'write'): number[] {
  const buffers = buffersOf(step)
  return step.slots.filter((_, b) => {
    const access = buffers[b]?.access
    return access === how || access === 'readwrite'
  })
}
