/**
 * @file The CPU device: kernels as WebAssembly, or interpreted in double precision, which is the oracle that all devices are compared with. The
 * only device with float64; it runs everything at once, before the call returns.
 */
import {
  CompilationError,
  CustomOpError,
  DeviceError,
  type DType,
  dtypeInfo,
  dtypes,
  noRoom,
  OutOfMemoryError,
  pastLimit,
  renamed,
  TapegradError,
  type TypedArray,
  tooLarge,
} from '../../base/index.ts'
import { type Kernel, type RoutineCall, unreachable } from '../../kernel/index.ts'
import { checkError } from '../checked.ts'
import { DeferredErrors } from '../deferred-errors.ts'
import {
  type Device,
  type DeviceBuffer,
  type DeviceCounters,
  type DeviceInfo,
  type DeviceTraits,
  type Executable,
  type HostCopy,
  labelOf,
  largestOf,
  type MakerOf,
  type MemoryStats,
  type Opened,
  type Program,
  type ProgramStep,
  type Run,
  sitesOf,
  stepsOf,
  writtenBy,
} from '../device.ts'
import { env } from '../environment.ts'
import { KernelCache } from '../kernel-cache.ts'
import { type Dispatch, type PlacedProgram, placeProgram, type RoutinePlan } from '../routine-plan.ts'
import { planScratch, type ScratchPlan } from '../scratch.ts'
import type { Block } from './block.ts'
import { type Engine, interpreter } from './engine.ts'
import type { CompiledKernel } from './interpreter.ts'
import { Overwritten, ownName, thrownBy } from './own-functions.ts'
import { loadKoffi } from './wasm/contraction/blas.ts'
import { settleBlas } from './wasm/contraction/blas-choice.ts'
import { WasmEngine } from './wasm/engine.ts'
import { threadCount } from './wasm/threads/threads.ts'
import { threadsStart } from './wasm/threads/worker.ts'

class CpuBuffer implements DeviceBuffer {
  readonly dtype: DType
  readonly length: number
  /** Absent before the first program writes it, after its release, and when its memory was given to another buffer. */
  data: Block | undefined
  /** Why there are no values: the program that would have written them failed. */
  failure: Error | undefined

  constructor(dtype: DType, length: number, data?: Block) {
    this.dtype = dtype
    this.length = length
    this.data = data
  }
}

type CpuExecutable = Executable & PlacedProgram<CompiledKernel> & { readonly scratch: ScratchPlan }

const bytesOfSlot = ({ dtype, length }: Program['slots'][number]): number => length * dtypeInfo[dtype].bytes

/** The elements of some slots. */
function lengthsOf(slots: readonly number[], all: Program['slots']): number[] {
  const lengths: number[] = []
  for (let b = 0; b < slots.length; b++) lengths.push(all[slots[b] as number]?.length as number)
  return lengths
}

/** What kept a kernel from being compiled, as an error of the function that it computes. */
function notCompiled(op: string, e: unknown): TapegradError {
  if (e instanceof TapegradError) return renamed(e, op) as TapegradError
  return new CompilationError(op, `its kernel cannot be compiled (${e instanceof Error ? e.message : String(e)})`, e)
}

/** Large reductions are split, so that threads can share them. */
const SPLITS = { parallelism: 16, leastSplit: 2 ** 18, leastScatter: 2 ** 14, coalesces: false } as const

class CpuDevice implements Device {
  readonly name = 'cpu'
  readonly #engine: Engine
  readonly #kernels = new KernelCache<CompiledKernel>()
  readonly traits: DeviceTraits
  #liveBytes = 0
  #peakBytes = 0
  #buffers = 0
  #dispatches = 0
  #submits = 0
  #pipelines = 0
  #created = 0
  readonly #late = new DeferredErrors()
  #limit = Number.POSITIVE_INFINITY

  constructor(engine: Engine) {
    this.#engine = engine
    const { roundsOperators } = engine
    this.traits = {
      maxBuffers: 64,
      maxBindingBytes: 2 ** 31 - 1,
      dtypes: new Set(dtypes),
      storesAlone: new Set(dtypes.filter((dtype) => dtypeInfo[dtype].bytes >= 4)),
      slowContractions: false,
      ...SPLITS,
      roundsOperators,
    }
  }

  compile(program: Program, makerOf: MakerOf = stepsOf(program)): Executable {
    const check = (slots: Program['slots'], maker: MakerOf): void =>
      slots.forEach(({ dtype, length }, s) => {
        const bytes = length * dtypeInfo[dtype].bytes
        if (bytes > this.traits.maxBindingBytes) throw tooLarge(maker(s), bytes, this.traits.maxBindingBytes)
      })
    check(program.slots, makerOf)
    let current: ProgramStep | undefined
    const place = (): PlacedProgram<CompiledKernel> =>
      placeProgram(
        program,
        (step) => {
          current = step
          const kernel = this.#kernel(step.kernel, lengthsOf(step.slots, program.slots))
          current = undefined
          return kernel
        },
        (step) => {
          current = step
          const routine = this.#routine(step.call)
          current = undefined
          return routine
        },
      )
    let placed: PlacedProgram<CompiledKernel>
    try {
      placed = place()
    } catch (e) {
      throw current ? notCompiled(makerOf(writtenBy(current)), e) : e
    }
    if (placed.program !== program) check(placed.program.slots, placed.makerIn(makerOf))
    const executable: CpuExecutable = { ...placed, scratch: planScratch(placed.program.slots, placed.dispatches.flat(), bytesOfSlot) }
    return executable
  }

  #kernel(kernel: Kernel, lengths: readonly number[]): CompiledKernel {
    return this.#kernels.kernel(kernel, lengths, () => {
      const compiled = this.#engine.compile(kernel, lengths)
      this.#pipelines++
      return compiled
    })
  }

  #routine(call: RoutineCall): RoutinePlan<CompiledKernel> {
    return this.#kernels.routine(call, () => {
      const plan = this.#engine.routine(call)
      this.#pipelines += plan.dispatches.length
      return plan
    })
  }

  /** (What it holds goes with it.) */
  drop(): void {}

  limitMemory(bytes: number | undefined): void {
    this.#limit = bytes ?? Number.POSITIVE_INFINITY
  }

  /** Kernels work on host data in place, so only the program's own arrays count. */
  reserve(executable: Executable, _uploads?: readonly number[], makerOf: MakerOf = stepsOf(executable.program)): undefined {
    if (this.#limit === Number.POSITIVE_INFINITY) return
    const { program, makerIn, scratch } = executable as CpuExecutable
    const made = program.slots.filter((s) => s.kind === 'output' && s.donor === undefined)
    const bytes = made.reduce((n, slot) => n + bytesOfSlot(slot), 0) + scratch.bytes.reduce((n, size) => n + size, 0)
    if (this.#liveBytes + bytes > this.#limit) throw pastLimit(makerIn(makerOf)(largestOf(program)), bytes, this.#liveBytes, this.#limit)
  }

  /** @throws OutOfMemoryError, and CustomOpError where the program's own function threw; nothing has changed then. */
  run(executable: Executable, run: Run): HostCopy[] {
    const { inputs, outputs, scalars: numbers, evacuate, going = [] } = run
    const { program, dispatches, makerIn, scratch: plan } = executable as CpuExecutable
    const makerOf = makerIn(run.makerOf ?? stepsOf(program))
    this.#submits++
    const scratch: Block[] = []
    const uploads: Block[] = []
    const results = outputs as readonly CpuBuffer[]
    let wrong: TapegradError | undefined
    let overwritten: Overwritten | undefined
    const mayThrow = program.steps.some((step) => ownName(step) !== undefined)
    if (!mayThrow) for (const buffer of going) this.release(buffer)
    try {
      this.#provide(executable as CpuExecutable, inputs, results, scratch, makerOf)
      const data = this.#bind(program, plan, inputs as readonly (CpuBuffer | TypedArray)[], results, scratch, uploads, makerOf)
      overwritten = new Overwritten(program, data)
      let step: ProgramStep
      const fail = (site: number, value: number, size: number): void => {
        wrong ??= checkError(sitesOf(step)[site] ?? labelOf(step), value, size)
      }
      for (let i = 0; i < program.steps.length; i++) {
        step = program.steps[i] as ProgramStep
        overwritten.before(i)
        const own = ownName(step)
        for (const dispatch of dispatches[i] ?? []) {
          this.#dispatches++
          const call = { data: this.#bound(dispatch, data), scalars: dispatch.scalars.map((s) => numbers[s] as number), fail }
          if (own === undefined) dispatch.kernel(call)
          else
            try {
              dispatch.kernel(call)
            } catch (e) {
              throw thrownBy(own, e)
            }
        }
      }
      if (wrong) this.#poison(results, wrong)
    } catch (e) {
      if (e instanceof OutOfMemoryError) {
        // Nothing has run yet: no kernel takes memory
        for (const output of results) this.release(output)
        throw e
      }
      if (e instanceof CustomOpError) {
        overwritten?.restore()
        this.#returnDonors(program, inputs, results)
        for (const output of results) this.release(output)
        throw e
      }
      this.#late.add(e as Error)
      this.#poison(results, e as Error)
    } finally {
      for (const block of [...scratch, ...uploads]) this.#give(block)
    }
    if (mayThrow) for (const buffer of going) this.release(buffer)
    const copies = (evacuate as readonly CpuBuffer[]).map((buffer) => {
      const copy = this.#copyOf(buffer)
      this.release(buffer)
      return copy
    })
    if (wrong) {
      const moved = new Set<DeviceBuffer>(evacuate)
      this.#late.addOwned(wrong, [...results.filter((r) => !moved.has(r)), ...copies])
    }
    return copies
  }

  /** The memory that a kernel is given. */
  #bound({ slots, pieces }: Dispatch<CompiledKernel>, data: readonly Block[]): Block[] {
    const bound: Block[] = []
    for (let b = 0; b < slots.length; b++) {
      const block = data[slots[b] as number] as Block
      const piece = pieces?.[b]
      bound.push(piece ? this.#engine.heap.piece(block, piece.begin, piece.length) : block)
    }
    return bound
  }

  /** Gives memory that outputs have taken over back to the operands. */
  #returnDonors({ slots }: Program, inputs: Run['inputs'], outputs: readonly CpuBuffer[]): void {
    const at = (kind: 'input' | 'output'): number[] => slots.flatMap((slot, s) => (slot.kind === kind ? [s] : []))
    const given = at('input')
    for (const [o, s] of at('output').entries()) {
      const donor = inputs[given.indexOf(slots[s]?.donor ?? -1)]
      const target = outputs[o] as CpuBuffer
      if (!(donor instanceof CpuBuffer) || donor.data) continue
      donor.data = target.data
      target.data = undefined
    }
  }

  /** The results of a run that failed: they stay without values, and say why, as does all that is computed from them. */
  #poison(outputs: readonly CpuBuffer[], error: Error): void {
    for (const output of outputs) {
      this.release(output)
      output.failure = error
    }
  }

  /** Takes all memory of a run, or none: scratch, and that of outputs that overwrite no buffer. */
  #provide(
    { program, scratch: plan }: CpuExecutable,
    inputs: Run['inputs'],
    outputs: readonly CpuBuffer[],
    scratch: Block[],
    makerOf: MakerOf,
  ): void {
    const place = new Map<number, number>()
    program.slots.forEach((slot, s) => {
      if (slot.kind === 'input') place.set(s, place.size)
    })
    let output = 0
    try {
      for (const [place, bytes] of plan.bytes.entries())
        scratch.push(this.#take('uint8', bytes, () => makerOf(plan.placeOf.indexOf(place)), 0))
      for (const [s, slot] of program.slots.entries()) {
        switch (slot.kind) {
          case 'input':
          case 'scratch':
            break
          case 'output': {
            const target = outputs[output++] as CpuBuffer
            const overwrites = slot.donor !== undefined && inputs[place.get(slot.donor) as number] instanceof CpuBuffer
            if (!overwrites) target.data ??= this.#take(slot.dtype, slot.length, makerOf, s)
            break
          }
          default:
            unreachable(slot.kind)
        }
      }
    } catch (e) {
      for (const target of outputs) this.release(target)
      throw e
    }
  }

  /** The memory of the program's slots; `scratch` is that of scratch slots. */
  #bind(
    program: Program,
    plan: ScratchPlan,
    inputs: readonly (CpuBuffer | TypedArray)[],
    outputs: readonly CpuBuffer[],
    scratch: readonly Block[],
    uploads: Block[],
    makerOf: MakerOf,
  ): Block[] {
    const data = new Array<Block>(program.slots.length)
    let input = 0
    let output = 0
    const given = new Map<number, CpuBuffer | TypedArray>()
    program.slots.forEach((slot, s) => {
      if (slot.kind !== 'input') return
      const source = inputs[input++] as CpuBuffer | TypedArray
      given.set(s, source)
      const values = source instanceof CpuBuffer ? this.#dataOf(source) : this.#hostData(source, slot.dtype, uploads, makerOf, s)
      if (values.length !== slot.length) throw new Error(`cpu: an input has ${values.length} elements, its slot ${slot.length}`)
      data[s] = values
    })
    program.slots.forEach((slot, s) => {
      switch (slot.kind) {
        case 'input':
          break
        case 'scratch': {
          const place = scratch[plan.placeOf[s] as number]
          if (place) data[s] = this.#engine.heap.view(place, slot.dtype, slot.length)
          break
        }
        case 'output': {
          const target = outputs[output++] as CpuBuffer
          if (target.length !== slot.length) throw new Error(`cpu: an output has ${target.length} elements, its slot ${slot.length}`)
          const donor = slot.donor === undefined ? undefined : given.get(slot.donor)
          if (donor instanceof CpuBuffer && donor.data) {
            target.data = donor.data
            donor.data = undefined // its memory is the output's now
          } else {
            target.data ??= this.#take(slot.dtype, slot.length, makerOf, s)
            // host data stays the caller's, so it is copied before it is written over
            if (slot.donor !== undefined) target.data.values.set((data[slot.donor] as Block).values)
          }
          data[s] = target.data
          if (slot.donor !== undefined) data[slot.donor] = target.data
          break
        }
        default:
          unreachable(slot.kind)
      }
    })
    return data
  }

  /** Host data where kernels can work on it: in place, or a copy for one run. */
  #hostData(values: TypedArray, dtype: DType, uploads: Block[], makerOf: MakerOf, slot: number): Block {
    const own = this.#engine.heap.wrap(values)
    if (own) return own
    const copy = this.#take(dtype, values.length, makerOf, slot)
    copy.values.set(values)
    uploads.push(copy)
    return copy
  }

  allocate(dtype: DType, length: number): DeviceBuffer {
    return new CpuBuffer(dtype, length)
  }

  upload(dtype: DType, values: TypedArray, op = 'upload'): DeviceBuffer {
    const data = this.#take(dtype, values.length, () => op, 0)
    data.values.set(values)
    return new CpuBuffer(dtype, values.length, data)
  }

  restore(copy: HostCopy): DeviceBuffer {
    const values = copy.peek()
    if (values) return this.upload(copy.dtype, values)
    const buffer = new CpuBuffer(copy.dtype, copy.length)
    buffer.failure = (copy as { failure?: Error }).failure
    return buffer
  }

  release(buffer: DeviceBuffer): void {
    const own = buffer as CpuBuffer
    if (own.data) this.#give(own.data)
    own.data = undefined
  }

  async read(buffer: DeviceBuffer): Promise<TypedArray> {
    const { failure } = buffer as CpuBuffer
    this.#raise(failure)
    return this.#dataOf(buffer as CpuBuffer).values.slice()
  }

  async synchronize(): Promise<void> {
    this.#late.raise(true)
  }

  async throttle(): Promise<void> {
    this.#late.raise()
  }

  memory(): MemoryStats {
    return { liveBytes: this.#liveBytes, peakBytes: this.#peakBytes, pooledBytes: this.#engine.heap.pooledBytes, buffers: this.#buffers }
  }

  resetPeakMemory(): void {
    this.#peakBytes = this.#liveBytes
  }

  counters(): DeviceCounters {
    return {
      dispatches: this.#dispatches,
      submits: this.#submits,
      pipelines: this.#pipelines,
      bindGroups: 0,
      buffersCreated: this.#created,
    }
  }

  /** Throws what a result itself says, every time; else, once, what went wrong elsewhere and no result says. */
  #raise(failure: Error | undefined): void {
    if (failure) {
      this.#late.reported(failure)
      throw failure
    }
    this.#late.raise()
  }

  #dataOf(buffer: CpuBuffer): Block {
    if (buffer.data) return buffer.data
    throw buffer.failure ?? new Error('cpu: a buffer is read that was never written, or was released')
  }

  #copyOf(buffer: CpuBuffer): HostCopy & { failure: Error | undefined } {
    const { dtype, length, failure } = buffer
    const values = failure === undefined ? this.#dataOf(buffer).values.slice() : undefined
    const get = async (): Promise<TypedArray> => {
      this.#raise(failure)
      return values as TypedArray
    }
    return { dtype, length, failure, peek: () => values, get }
  }

  #take(dtype: DType, length: number, makerOf: MakerOf, slot: number): Block {
    const bytes = length * dtypeInfo[dtype].bytes
    let data: Block
    try {
      data = this.#engine.heap.take(dtype, length)
    } catch {
      throw noRoom(makerOf(slot), bytes, this.#liveBytes, this.#engine.heap.capacity)
    }
    this.#liveBytes += bytes
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes)
    this.#buffers++
    this.#created++
    return data
  }

  #give(data: Block): void {
    this.#engine.heap.give(data)
    this.#liveBytes -= data.byteLength
    this.#buffers--
  }
}

/** `TAPEGRAD_CPU=interpreter` means the interpreter, which also runs where there is no WebAssembly with SIMD. */
function engineName(): 'wasm' | 'interpreter' {
  const name = env('TAPEGRAD_CPU') ?? 'wasm'
  if (name !== 'wasm' && name !== 'interpreter') throw new DeviceError('TAPEGRAD_CPU', `'${name}' is no engine. Use wasm or interpreter`)
  return name
}

/** The engine of a name; without WebAssembly, kernels are interpreted. @throws DeviceError where WebAssembly is forbidden */
const engineOf = (name: 'wasm' | 'interpreter', threads?: number): Engine =>
  name === 'wasm' ? (WasmEngine.open(threads) ?? interpreter) : interpreter

/** The CPU device, with threads where they start, and with the BLAS that the machine may have, where that is faster. */
export async function openCpuWithBlas(): Promise<Opened> {
  const wanted = threadCount()
  const [start] = await Promise.all([wanted > 1 && threadsStart(), loadKoffi()])
  const engine = engineOf(engineName(), start ? wanted : 1)
  if (engine instanceof WasmEngine) await settleBlas(engine)
  return opened(engine)
}

/** Opens the CPU device at once. A BLAS is used where koffi has been loaded. @throws DeviceError where WebAssembly is forbidden */
export const openCpu = (name: 'wasm' | 'interpreter' = engineName()): Opened => opened(engineOf(name))

function opened(engine: Engine): Opened {
  const info: DeviceInfo = {
    device: 'cpu',
    adapter: engine.description,
    vendor: '',
    architecture: '',
    software: true,
    features: engine.features,
    limits: {},
  }
  return { device: new CpuDevice(engine), info }
}
