/**
 * @file The one interface between the graph and a device.
 *
 * A device runs programs (lists of kernels and routines) strictly in the order in which `run`, `upload` and `release` were called. Everything here returns
 * at once; work may wait inside the device (no adapter yet, pipelines still compiling, back-pressure) without changing that order. What fails
 * poisons the buffers that the failed program would have written, and every promise asked of the device afterwards rejects once.
 */
import { type DeviceLostError, type DType, dtypeInfo, type TypedArray } from '../base/index.ts'
import { type BufferUse, type Kernel, type RoutineCall, routineBuffers } from '../kernel/index.ts'

/** The devices: WebGPU, on its first adapter or on another (`webgpu:1` is the second), or the processor through WebAssembly. `webgpu:0` is a name of `webgpu`. */
export type DeviceName = 'webgpu' | 'cpu' | `webgpu:${number}`

/** The WebGPU device on an adapter, which are counted from 0. */
export const webgpuName = (adapter: number): DeviceName => (adapter === 0 ? 'webgpu' : `webgpu:${adapter}`)

/** Where a tensor is, as it says itself: a device, or `auto` until the default device is settled (see `init`), which goes with anything. */
export type Placement = DeviceName | 'auto'

/** What `init()` tells about a device. */
export interface DeviceInfo {
  /** Its name, as functions take it. */
  readonly device: DeviceName
  /** One line for people: `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly adapter: string
  /** Who made the adapter, as WebGPU tells it; empty where it does not. */
  readonly vendor: string
  /** The adapter's family, as WebGPU tells it; empty where it does not. */
  readonly architecture: string
  /** True where a CPU plays the GPU (lavapipe, SwiftShader), and for the CPU device. */
  readonly software: boolean
  /** What kernels may use: `shader-f16`, `subgroups`, … */
  readonly features: readonly string[]
  /** By WebGPU's names: `maxBufferSize` in bytes, … */
  readonly limits: Readonly<Record<string, number>>
}

/** A buffer on a device. Made by `allocate` without any memory: memory is taken when the first program that writes it runs. */
export interface DeviceBuffer {
  readonly dtype: DType
  /** elements */
  readonly length: number
}

/** The value of a small result, on its way to the host or there. */
export interface HostCopy {
  readonly dtype: DType
  readonly length: number
  /** The values, once they are on the host. */
  peek(): TypedArray | undefined
  /** Waits for them. */
  get(): Promise<TypedArray>
}

export type SlotKind = 'input' | 'output' | 'scratch'

/** A buffer of a program: bound by the caller, or the program's own scratch. */
export interface Slot {
  readonly kind: SlotKind
  readonly dtype: DType
  readonly length: number
  /** For an output that overwrites an input in place: the index of that input's slot. The input's buffer is given up to the output. */
  readonly donor?: number
}

export interface KernelStep {
  readonly kind: 'kernel'
  readonly kernel: Kernel
  /** For each of `kernel.buffers`, the slot it is bound to. One slot may serve several kernels, and is bound once in each. */
  readonly slots: readonly number[]
  /** For each number that the kernel reads (`Expr` kind `scalar`), which of the program's it is. */
  readonly scalars: readonly number[]
}

export interface RoutineStep {
  readonly kind: 'routine'
  readonly call: RoutineCall
  /** For each input, then for each output that is wanted, the slot it is bound to. */
  readonly slots: readonly number[]
  /** What of them it is bound to, where it is not all. */
  readonly pieces: readonly (Piece | undefined)[]
}

/** Some elements of a slot: they begin at a multiple of 64, and up to the next multiple nothing else is there. */
export interface Piece {
  readonly begin: number
  readonly length: number
}

/** What is run by itself: a kernel that the scheduler wrote, or a routine, for which each device has its own kernels. */
export type ProgramStep = KernelStep | RoutineStep

/** What the scheduler hands to a device, once per structure; the device compiles and keeps it. */
export interface Program {
  readonly steps: readonly ProgramStep[]
  readonly slots: readonly Slot[]
  /** Types of the numbers that change from step to step (learning rate, RNG counter, a user's numbers). */
  readonly scalars: readonly ('float' | 'i32' | 'u32')[]
}

/** Whom errors name that concern a slot: the function that recorded what is made there. */
export type MakerOf = (slot: number) => string

/** What a step is called. */
export function labelOf(step: ProgramStep): string {
  switch (step.kind) {
    case 'kernel':
      return step.kernel.label
    case 'routine':
      return step.call.label
  }
}

/** Names of the ops that wrong values in a step blame, by their number. */
export function sitesOf(step: ProgramStep): readonly string[] {
  switch (step.kind) {
    case 'kernel':
      return step.kernel.sites
    case 'routine':
      return step.call.sites
  }
}

/** What a step does to each of its slots. */
export function buffersOf(step: ProgramStep): readonly BufferUse[] {
  switch (step.kind) {
    case 'kernel':
      return step.kernel.buffers
    case 'routine':
      return routineBuffers(step.call)
  }
}

/** The step that a slot is made in, or first read in: whom to name where nothing else is known. */
export const stepsOf =
  ({ steps }: Program): MakerOf =>
  (slot) => {
    const step = steps.find(({ slots }) => slots.includes(slot))
    return step ? labelOf(step) : 'copy'
  }

/** Whether a run writes a slot. */
export function isWritten({ kind }: Slot): boolean {
  switch (kind) {
    case 'input':
      return false
    case 'output':
    case 'scratch':
      return true
  }
}

/** The slot of the largest buffer that a run makes. */
export function largestOf({ slots }: Program): number {
  const bytes = slots.map((slot) => (isWritten(slot) ? slot.length * dtypeInfo[slot.dtype].bytes : 0))
  return bytes.reduce((largest, size, s) => (size > (bytes[largest] as number) ? s : largest), 0)
}

/** A slot that a step writes. */
export function writtenBy(step: ProgramStep): number {
  const last = buffersOf(step).findLastIndex(({ access }) => access !== 'read')
  return step.slots[last] as number
}

/** A compiled program. Opaque to the graph. */
export interface Executable {
  readonly program: Program
}

export interface Run {
  /** One for each `input` slot, in slot order: a buffer of this device, or host data to upload for this run only. */
  readonly inputs: readonly (DeviceBuffer | TypedArray)[]
  /** One for each `output` slot, in slot order, from `allocate`. */
  readonly outputs: readonly DeviceBuffer[]
  /** The values of the program's scalars; all of a run's go up in one write. */
  readonly scalars: readonly number[]
  /** Whom errors name; the steps, where it is left out. Called in `run` only. */
  readonly makerOf?: MakerOf
  /**
   * Buffers that nothing reads from this run on: they are given back, if it is not refused, before it takes memory; where a function of the program's own takes part,
   * which may throw, after it.
   */
  readonly going?: readonly DeviceBuffer[]
  /** Outputs that are small and go to the host: their buffers are released once copied. The answer of `run` has one HostCopy for each. */
  readonly evacuate: readonly DeviceBuffer[]
}

/** What `memory()` tells of a device. */
export interface MemoryStats {
  /** Bytes of buffers that tensors and running programs hold. */
  readonly liveBytes: number
  /** The most that `liveBytes` has been since the beginning, or since `resetPeakMemory`. */
  readonly peakBytes: number
  /** Bytes of buffers that wait in the pool. */
  readonly pooledBytes: number
  /** Number of live buffers. */
  readonly buffers: number
}

/** Counters for tests and benchmarks. */
export interface DeviceCounters {
  readonly dispatches: number
  readonly submits: number
  readonly pipelines: number
  readonly bindGroups: number
  readonly buffersCreated: number
}

export interface Device {
  readonly name: DeviceName
  /** What the scheduler must respect. Known before the adapter is there only after `ready`; until then programs are not compiled. */
  readonly traits: DeviceTraits
  /**
   * Set for good when the device is gone: its promises have been rejected, what it held and had not brought to the host has no values, and another has to
   * be opened.
   */
  readonly lost?: DeviceLostError | undefined
  /** @param makerOf whom errors name; the steps, where it is left out @throws CompilationError, OutOfMemoryError */
  compile(program: Program, makerOf?: MakerOf): Executable
  /** Gives back what an executable holds on the device, after the runs so far: it is not run again. */
  drop(executable: Executable): void
  /**
   * Sees to it that there is memory for a run, and that what a program has written itself compiles: at once, or when the promise resolves; ask again then.
   * `uploads`: bytes of the host data that it takes.
   * Nothing has changed when it throws. Without it a run takes what it needs, and its results fail where there is too little.
   * @throws OutOfMemoryError, CompilationError
   */
  reserve(executable: Executable, uploads: readonly number[], makerOf?: MakerOf): void | Promise<void>
  /** What tensors and runs may hold in all, in bytes; undefined: what there is. */
  limitMemory(bytes: number | undefined): void
  /**
   * @throws BacklogError when a loop that never awaits has recorded more than may wait; CustomOpError where a function of the program's own threw. Nothing has
   * changed then.
   */
  run(executable: Executable, run: Run): HostCopy[]
  allocate(dtype: DType, length: number): DeviceBuffer
  /** A buffer with a copy of `data` (storage form: 16 bits for float16 and bfloat16, bytes for bool). `op`: whom errors name. */
  upload(dtype: DType, data: TypedArray, op?: string): DeviceBuffer
  /** Copies a small result that was evacuated back into a buffer, in order, without waiting for the host. */
  restore(copy: HostCopy): DeviceBuffer
  /** Gives the buffer's memory back to the pool, after everything queued so far. */
  release(buffer: DeviceBuffer): void
  /** The buffer's values in storage form. Rejects with what went wrong on the way (sticky errors, index errors). */
  read(buffer: DeviceBuffer): Promise<TypedArray>
  /** All work so far has run. Rejects as `read`. */
  synchronize(): Promise<void>
  /** Resolves when few enough steps are in flight for another; awaited inside every promise of the library. */
  throttle(): Promise<void>
  memory(): MemoryStats
  resetPeakMemory(): void
  counters(): DeviceCounters
}

export interface DeviceTraits {
  /** Storage buffers that one kernel may bind (parameters excluded, scalars and the error flag included). */
  readonly maxBuffers: number
  /** Bytes that one binding may span. */
  readonly maxBindingBytes: number
  readonly dtypes: ReadonlySet<DType>
  /** Those of which any kernel may store one element alone; of others only a kernel of points stores, whole words. */
  readonly storesAlone: ReadonlySet<DType>
  /** Parallel invocations, or rows of work, under which a reduction is worth splitting in two. It does not depend on the machine: results would. */
  readonly parallelism: number
  /** Elements, or products, of a reduction that are worth it. */
  readonly leastSplit: number
  /** Comparisons of rows with what is sent to them from which sorting is worth its kernels. */
  readonly leastScatter: number
  /** Whether what operators give is rounded in the middle of a kernel as it is where it is stored: else values depend on what is fused, and graphs are planned as wholes alone. */
  readonly roundsOperators: boolean
  /** Whether kernels of contractions take long to compile, the more that is computed with each sum: what runs for the first time does without. */
  readonly slowContractions: boolean
  /** Whether neighbouring invocations should read neighbouring elements; else one reads its elements in a row. */
  readonly coalesces: boolean
}

export interface OpenOptions {
  /** A part of the name of the first adapter. */
  readonly adapter?: string
  /** Which adapter, from 0; 0 by default. */
  readonly index?: number
  /** Nothing but hardware, unless an adapter is named. */
  readonly hardware?: boolean
}

/** A device and what `init()` tells about it. */
export interface Opened {
  readonly device: Device
  readonly info: DeviceInfo
}

/** There is no such device here: why, and what would help, as a sentence for an error. */
export interface Unavailable {
  readonly unavailable: string
}

/** Makes devices. */
export interface DeviceProvider {
  open(options?: OpenOptions): Promise<Opened | Unavailable>
  /** The adapters beside the first one: whether each is software. */
  others(options: OpenOptions): Promise<readonly { readonly software: boolean }[]>
}
