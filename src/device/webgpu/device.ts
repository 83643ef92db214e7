/** @file The WebGPU device: buffers, the queue of runs, and the promises that lead back to the host. */
import { type DeviceLostError, type DType, DTypeError, dtypeInfo, noRoom, type TypedArray } from '../../base/index.ts'
import type { Kernel } from '../../kernel/index.ts'
import type {
  Device,
  DeviceBuffer,
  DeviceCounters,
  DeviceInfo,
  DeviceName,
  DeviceTraits,
  Executable,
  HostCopy,
  MakerOf,
  MemoryStats,
  Program,
  Run,
} from '../device.ts'
import { nodeProcess } from '../environment.ts'
import { KernelCache } from '../kernel-cache.ts'
import type { OpenedAdapter } from './adapter.ts'
import { type Words, wordsOf } from './arithmetic.ts'
import { Backpressure } from './backpressure.ts'
import { BindGroups } from './bind-groups.ts'
import { BufferPool, type PoolBuffer } from './buffer-pool.ts'
import { DeviceErrors, fromGpu } from './device-errors.ts'
import type { Dump } from './dump.ts'
import { errorOf, FLAG_BYTES, type RunOutcome } from './error-propagation.ts'
import { bytesOf, GpuExecutable, type Workshop } from './executable.ts'
import { type BegunRun, failedInputs, GpuBuffer, type Input, type OtherJob, type RunJob, takeMemory } from './jobs.ts'
import { PipelineCache } from './pipelines.ts'
import { GpuHostCopy, Pages, valuesFrom } from './readback.ts'
import { MemoryReservation } from './reserve-memory.ts'
import { failureOfAll, outcomeOf, RunFailures } from './run-failures.ts'
import { type ChooseLoops, type ChooseScatter, chooseLoops, chooseScatter, chooseStrategy, type Strategy } from './strategy.ts'
import { COPY_DST, COPY_SRC, FOR_READING, MAP_READ, STORAGE } from './usage.ts'
import type { PrintedKernel } from './wgsl-kernel.ts'

/** Runs that may wait for asynchronous compilation while the program never yields; then it is done on the spot. */
const WAITING = 2

const DTYPES: ReadonlySet<DType> = new Set(['float32', 'float16', 'bfloat16', 'int32', 'uint32', 'int8', 'uint8', 'bool'])

export class GpuComputeDevice implements Device, Workshop {
  readonly name: DeviceName
  readonly traits: DeviceTraits
  readonly info: DeviceInfo
  readonly gpu: GPUDevice
  readonly pool: BufferPool
  readonly pipelines: PipelineCache
  readonly kernels = new KernelCache<PrintedKernel>()
  readonly bindGroups = new BindGroups()
  /** Replaced by tests and the tuner. */
  choose: (kernel: Kernel) => Strategy
  chooseLoops: ChooseLoops
  chooseScatter: ChooseScatter
  readonly subgroup: number
  readonly words: Words
  readonly errors: GPUBuffer
  readonly counts = { dispatches: 0, bindGroups: 0, buffers: 0, submits: 0 }
  readonly dump: Dump
  readonly #deviceErrors: DeviceErrors
  readonly #backpressure: Backpressure
  readonly #pages: Pages
  readonly #provision: MemoryReservation
  readonly #failures: RunFailures
  readonly #jobs: (RunJob | OtherJob)[] = []
  /** The first of them, where it is a run of which some slices have been handed over. */
  #begun: BegunRun | undefined
  /** Whether its next slice waits for those. */
  #pausing = false
  #pumping = false
  readonly #drained: (() => void)[] = []
  #looksAtExit = false
  /** Names of ops with checked indices; an error code is a position in it plus 1. */
  readonly #ops: string[] = []

  constructor({ gpu, info, adapterClass, subgroup }: OpenedAdapter, dump: Dump) {
    this.gpu = gpu
    this.info = info
    this.name = info.device
    this.#deviceErrors = new DeviceErrors(this.name)
    this.choose = (kernel) => chooseStrategy(kernel, adapterClass, subgroup, this.words)
    this.chooseLoops = (points, length) => chooseLoops(adapterClass, points, length)
    this.chooseScatter = (features) => chooseScatter(adapterClass, features)
    this.subgroup = subgroup
    this.words = wordsOf(info.features)
    this.dump = dump
    this.pool = new BufferPool(gpu, adapterClass === 'software' ? 2 ** 29 : 2 ** 31)
    this.pipelines = new PipelineCache(gpu)
    this.#failures = new RunFailures(this.pool, this.#deviceErrors)
    this.errors = gpu.createBuffer({ size: FLAG_BYTES, usage: STORAGE | COPY_SRC | COPY_DST, label: 'errors' })
    this.counts.buffers++
    this.traits = {
      maxBuffers: gpu.limits.maxStorageBuffersPerShaderStage,
      maxBindingBytes: Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize),
      dtypes: DTYPES,
      storesAlone: new Set([...DTYPES].filter((dtype) => this.words[dtype].elements === 1)),
      roundsOperators: true,
      slowContractions: true,
      parallelism: adapterClass === 'software' ? 64 : 128,
      leastSplit: 4096,
      leastScatter: 2 ** 18,
      coalesces: true,
    }
    this.#backpressure = new Backpressure(this.#deviceErrors, () => this.#fence())
    this.#provision = new MemoryReservation(this.pool, this.#deviceErrors, () => this.#fence())
    this.#pages = new Pages(gpu, this.errors, this.counts)
    this.#pages.submitted = () => this.#backpressure.submitted
    this.#pages.onDone = (serial) => this.#backpressure.done(serial)
    this.#pages.onFlag = (flag, outcome) => {
      const error = errorOf(flag, this.#ops)
      if (error) this.#deviceErrors.addOwned(error, outcome.results())
      outcome.settle(error)
    }
    gpu.onuncapturederror = (event) => {
      event.preventDefault?.()
      this.#deviceErrors.add(fromGpu(event.error, this.name))
    }
    gpu.lost.then((lost) => this.#lose(lost))
  }

  get lost(): DeviceLostError | undefined {
    return this.#deviceErrors.lost
  }

  /** The device is gone: whoever waits for it learns so, and what is queued is given up. */
  #lose(info: GPUDeviceLostInfo): void {
    this.#deviceErrors.lose(info, this.#jobs.length === 0 && this.#backpressure.isDone && !this.#pages.isExpected)
    this.#pump(false, true)
  }

  codeOf = (op: string): number => {
    let at = this.#ops.indexOf(op)
    if (at < 0) at = this.#ops.push(op) - 1
    return at + 1
  }

  compile(program: Program, makerOf?: MakerOf): Executable {
    return new GpuExecutable(this, program, makerOf)
  }

  drop(executable: Executable): void {
    const own = executable as GpuExecutable
    if (this.#jobs.length === 0) own.destroy()
    else this.#push({ kind: 'other', act: () => own.destroy() })
  }

  allocate(dtype: DType, length: number): DeviceBuffer {
    if (!this.traits.dtypes.has(dtype)) throw new DTypeError(this.name, `${dtype} lives on the CPU device only. Cast to float32 first`)
    this.pool.check(() => this.name, bytesOf(dtype, length))
    return new GpuBuffer(dtype, length)
  }

  upload(dtype: DType, data: TypedArray, op = 'upload'): DeviceBuffer {
    const buffer = this.allocate(dtype, data.length) as GpuBuffer
    this.#backpressure.uploaded(data.byteLength)
    if (data.length > 0) buffer.memory = this.#uploaded(data)
    this.#provision.doubt(op, [buffer.memory], (error) => error && buffer.fail(error))
    return buffer
  }

  /** A fresh buffer with the data. What still waits in the queue cannot have it, so it is written at once. */
  #uploaded(data: TypedArray): PoolBuffer {
    const memory = this.pool.take(Math.ceil(data.byteLength / 4) * 4)
    this.#write(memory.gpu, data)
    return memory
  }

  #write(target: GPUBuffer, data: TypedArray): void {
    if (data.byteLength % 4 === 0) this.gpu.queue.writeBuffer(target, 0, data as TypedArray & { buffer: ArrayBuffer })
    else {
      const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4)
      padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      this.gpu.queue.writeBuffer(target, 0, padded)
    }
  }

  limitMemory(bytes: number | undefined): void {
    this.pool.limit = bytes ?? Number.POSITIVE_INFINITY
  }

  reserve(executable: Executable, uploads: readonly number[], makerOf?: MakerOf): undefined | Promise<void> {
    const own = executable as GpuExecutable
    const compiled = this.lost ? undefined : own.compiledOwn()
    if (compiled) return this.#deviceErrors.orLost(compiled)
    const { needs } = own
    const sizes = [...needs, ...uploads.map((bytes) => this.pool.classOf(bytes))]
    if (this.pool.limit < Number.POSITIVE_INFINITY) {
      // What is queued takes its share first; behind a run of which a slice is handed over, its share is kept free
      this.#pump(true, false)
      for (const job of this.#jobs.slice(1)) if (job.kind === 'run') sizes.push(...job.executable.needs)
    }
    return this.#provision.reserve(own.largestMaker(makerOf), sizes)
  }

  run(executable: Executable, run: Run): HostCopy[] {
    const compiled = executable as GpuExecutable
    this.#backpressure.admit(run.inputs.reduce((n, input) => (input instanceof GpuBuffer ? n : n + (input as TypedArray).byteLength), 0))
    for (const buffer of run.going ?? []) this.release(buffer)
    const copies = run.evacuate.map((b) => new GpuHostCopy(b.dtype, b.length, this.#fetch))
    const inputs = run.inputs.map(
      (input): Input => (input instanceof GpuBuffer ? { buffer: input } : { uploaded: this.#uploaded(input as TypedArray) }),
    )
    this.#backpressure.queued++
    if (compiled.checks) this.#lookAtExit()
    this.#push({
      kind: 'run',
      executable: compiled,
      inputs,
      outputs: run.outputs as readonly GpuBuffer[],
      scalars: compiled.packScalars(run.scalars),
      evacuate: run.evacuate as readonly GpuBuffer[],
      copies,
      op: compiled.largestMaker(run.makerOf),
    })
    return copies
  }

  /** A program that ends without waiting for its last runs still learns of wrong indices: their flags are fetched once everything else is done. */
  #lookAtExit(): void {
    if (this.#looksAtExit) return
    this.#looksAtExit = true
    nodeProcess?.once('beforeExit', () => {
      if (this.#deviceErrors.lost) return
      this.#pump(true)
      if (this.#pages.flagsOut > 0) this.#fence().catch(() => {})
    })
  }

  // --- the queue ---

  #push(job: RunJob | OtherJob): void {
    this.#jobs.push(job)
    if (this.#pumping) return
    this.#pump(this.#jobs.length > WAITING && this.#jobs.filter((j) => j.kind === 'run').length > WAITING, false)
  }

  /** Does what is ready, in order; `force` compiles what is not, `whole` hands runs over in one slice. */
  #pump(force = false, whole = force): void {
    if (this.#pausing && !whole) return
    this.#pumping = true
    try {
      for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
        if (job.kind === 'run' && !job.executable.isReady && !this.lost) {
          if (!force) {
            job.executable.whenReady().then(() => this.#pump())
            return
          }
          job.executable.compileNow()
        }
        const destroyed = job.kind === 'run' && !force && this.bindGroups.destroyed()
        if (destroyed) {
          destroyed.then(() => this.#pump())
          return
        }
        this.#jobs.shift()
        if (job.kind === 'other') {
          job.act()
          continue
        }
        const pause = this.#execute(job, whole)
        if (!pause) continue
        this.#jobs.unshift(job)
        this.#pausing = true
        const on = (): void => {
          if (this.#begun !== begun) return // (it could not wait)
          this.#pausing = false
          this.#pump()
        }
        const begun = this.#begun
        pause.then(on, on)
        return
      }
    } finally {
      this.#pumping = false
    }
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  /** Everything called so far has been submitted. */
  #drain(): Promise<void> {
    return this.#jobs.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve))
  }

  /** Hands a run over. @returns a promise where it is so long that a part of it has to be done before the next is handed over */
  #execute(job: RunJob, whole: boolean): Promise<unknown> | undefined {
    const begun = this.#begun ?? this.#begin(job)
    this.#begun = undefined
    this.#pausing = false
    if (!begun) return
    const { executable } = job
    const { memory, failures, watched, scopes } = begun
    if (watched) this.gpu.pushErrorScope('validation')
    if (begun.next === 0 && job.scalars) executable.uploadScalars(job.scalars)
    const encoder = this.gpu.createCommandEncoder()
    const pass = encoder.beginComputePass()
    const most = whole || this.lost ? Number.POSITIVE_INFINITY : this.bindGroups.slice
    const next = executable.encode(pass, memory, failures.steps, begun.next, most)
    pass.end()
    if (next === undefined) {
      this.#finish(job, begun, encoder)
      return
    }
    this.#submit(encoder)
    if (watched) scopes.push(this.gpu.popErrorScope())
    const before = begun.latest
    begun.next = next
    begun.latest = this.gpu.queue.onSubmittedWorkDone()
    begun.latest.catch(() => {}) // the device is gone, which is said elsewhere
    this.#begun = begun
    return Promise.all([before, this.bindGroups.destroyed()])
  }

  /** Takes memory for a run; undefined where it cannot be. */
  #begin(job: RunJob): BegunRun | undefined {
    const { executable, outputs } = job
    const failures = executable.failuresOf(failedInputs(job))
    const error = this.#deviceErrors.lost ?? failureOfAll(job, failures)
    if (error) {
      this.#backpressure.queued--
      this.#backpressure.submitted++
      this.#failures.abandon(job, error)
      this.#backpressure.idle()
      return undefined
    }
    const { memory, scratch, donated } = takeMemory(job, failures, this.pool)
    const doubtful = memory.some((m) => m?.proof)
    const outcome = outcomeOf(job, doubtful)
    outcome?.holds(...outputs, ...job.copies)
    const proof = this.#provision.doubt(job.op, memory, (error) => outcome?.settle(error))
    const watched = !executable.proven || doubtful
    return { failures, memory, scratch, donated, outcome, proof, watched, scopes: [], next: 0, latest: Promise.resolve() }
  }

  /** Hands over the last slice of a run, with what is to reach the host, and gives back what it needed. */
  #finish(job: RunJob, begun: BegunRun, encoder: GPUCommandEncoder): void {
    const { executable, inputs, copies, evacuate } = job
    const { failures, scratch, donated, outcome, proof, watched, scopes } = begun
    if (executable.checks) this.#pages.appendFlag(encoder, outcome as RunOutcome)
    if (failures.slots.size > 0) this.#failures.failPart(job, failures)
    for (const [i, buffer] of evacuate.entries()) {
      if (!buffer.failed) this.#pages.append(encoder, (buffer.memory as PoolBuffer).gpu, buffer.bytes, copies[i] as GpuHostCopy)
    }
    this.#submit(encoder)
    this.#backpressure.queued--
    this.#backpressure.submitted++
    if (watched) this.#failures.watch(job, [...scopes, this.gpu.popErrorScope()], proof)
    for (const buffer of scratch) this.pool.give(buffer)
    for (const input of inputs) if ('uploaded' in input && !donated.has(input.uploaded)) this.pool.give(input.uploaded)
    for (const buffer of evacuate) buffer.free(this.pool)
  }

  #submit(encoder: GPUCommandEncoder): void {
    this.gpu.queue.submit([encoder.finish()])
    this.counts.submits++
    this.#pages.afterSubmit()
  }

  release(buffer: DeviceBuffer): void {
    const own = buffer as GpuBuffer
    if (this.#jobs.length === 0) own.free(this.pool)
    else this.#push({ kind: 'other', act: () => own.free(this.pool) })
  }

  // --- back to the host ---

  /** The value of an evacuated result. */
  readonly #fetch = (copy: GpuHostCopy): Promise<TypedArray> =>
    this.#tell(async () => {
      if (copy.state.kind === 'queued') await this.#drain()
      if (copy.state.kind === 'page') await this.#deviceErrors.orLost(this.#pages.arrive(copy.state.page))
      await this.#deviceErrors.settled()
      if (copy.state.kind === 'failed') throw copy.state.error
      this.#deviceErrors.raise()
      if (copy.state.kind !== 'host') throw this.lost ?? new Error('webgpu: a small result did not arrive')
      return copy.state.values
    })

  /** What fails here reaches the user. */
  async #tell<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.#deviceErrors.reported(error as Error)
      throw error
    }
  }

  restore(copy: HostCopy): DeviceBuffer {
    const own = copy as GpuHostCopy
    const buffer = this.allocate(own.dtype, own.length) as GpuBuffer
    const act = (): void => {
      const { state } = own
      if (state.kind === 'failed') buffer.failed = state.error
      else if (state.kind === 'host') buffer.memory = this.#uploaded(state.values)
      else if (this.lost) buffer.failed = this.lost
      else if (state.kind === 'page') {
        buffer.memory = this.pool.take(buffer.bytes)
        const encoder = this.gpu.createCommandEncoder()
        encoder.copyBufferToBuffer(state.page.keep, state.offset, buffer.memory.gpu, 0, buffer.bytes)
        this.#submit(encoder)
        if (own.outcome?.isOpen) own.outcome.holds(buffer)
      }
    }
    if (this.#jobs.length === 0) act()
    else this.#push({ kind: 'other', act })
    return buffer
  }

  read(buffer: DeviceBuffer): Promise<TypedArray> {
    return this.#tell(() => this.#read(buffer))
  }

  async #read(buffer: DeviceBuffer): Promise<TypedArray> {
    const own = buffer as GpuBuffer
    if (own.length === 0) return dtypeInfo[own.dtype].create(0)
    const copy = new GpuHostCopy(own.dtype, own.length, this.#fetch)
    let large: Promise<TypedArray> | undefined
    const act = (): void => {
      const failed = this.lost ?? own.failed
      if (failed || !own.memory) {
        copy.fail(failed ?? new Error('webgpu: a buffer was read that has no values'))
        return
      }
      if (own.outcome?.isOpen) own.outcome.holds(copy)
      if (own.bytes > SMALL_READ) {
        large = this.#readLarge(own, own.memory)
        large.catch(() => {}) // looked at below, when the queue is empty
        return
      }
      const encoder = this.gpu.createCommandEncoder()
      this.#pages.append(encoder, own.memory.gpu, own.bytes, copy)
      this.#submit(encoder)
    }
    if (this.#jobs.length === 0) act()
    else {
      this.#push({ kind: 'other', act })
      await this.#drain()
    }
    if (!large) return copy.get()
    const flag = this.#pages.seal()
    const values = await this.#deviceErrors.orLost(large)
    if (flag) await this.#deviceErrors.orLost(flag)
    await this.#deviceErrors.settled()
    if (own.failed) throw own.failed
    this.#deviceErrors.raise()
    return values
  }

  /** Copies to a buffer of its own, made for this read. Where there is no room for it, waiting buffers go first. */
  async #readLarge(own: GpuBuffer, source: PoolBuffer, again = true): Promise<TypedArray> {
    const { dtype, length, bytes } = own
    this.gpu.pushErrorScope('validation')
    this.gpu.pushErrorScope('out-of-memory')
    const staging = this.gpu.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST, label: 'read' })
    const failure = this.gpu.popErrorScope()
    this.counts.buffers++
    const encoder = this.gpu.createCommandEncoder()
    encoder.copyBufferToBuffer(source.gpu, 0, staging, 0, bytes)
    this.#submit(encoder)
    const invalid = this.gpu.popErrorScope()
    const serial = this.#backpressure.submitted
    try {
      if (await failure) {
        this.pool.empty()
        await this.#fence()
        if (again && own.memory === source) return await this.#readLarge(own, source, false)
        throw noRoom('data', bytes, this.pool.live)
      }
      const error = await invalid
      if (error && !own.failed) throw fromGpu(error, 'data')
      await staging.mapAsync(FOR_READING)
      this.#backpressure.done(serial)
      return valuesFrom(staging.getMappedRange(), 0, dtype, length)
    } finally {
      staging.destroy()
    }
  }

  /** All that has been submitted is done, the error flag included. */
  async #fence(): Promise<void> {
    await this.#drain()
    const sealed = this.#pages.seal()
    if (sealed) return this.#deviceErrors.orLost(sealed)
    const serial = this.#backpressure.submitted
    await this.#deviceErrors.orLost(Promise.all([this.gpu.queue.onSubmittedWorkDone(), this.#pages.arrived()]))
    this.#backpressure.done(serial)
  }

  async synchronize(): Promise<void> {
    await this.#tell(async () => {
      await this.#fence()
      await this.#deviceErrors.settled()
      this.#deviceErrors.raise(true)
    })
  }

  async throttle(): Promise<void> {
    await this.#tell(async () => {
      await this.#backpressure.throttle()
      this.#deviceErrors.raise()
    })
  }

  memory(): MemoryStats {
    return this.pool.stats()
  }

  resetPeakMemory(): void {
    this.pool.resetPeak()
  }

  counters(): DeviceCounters {
    const { dispatches, submits, bindGroups, buffers } = this.counts
    return { dispatches, submits, pipelines: this.pipelines.created, bindGroups, buffersCreated: buffers + this.pool.created }
  }
}

/** Reads up to this many bytes share the pages of small results. */
const SMALL_READ = 16384
