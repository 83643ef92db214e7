/** @file What waits in the device's queue, and the buffers that it works on. */
import type { DType } from '../../base/index.ts'
import type { DeviceBuffer } from '../device.ts'
import type { BufferPool, PoolBuffer } from './buffer-pool.ts'
import type { RunOutcome } from './error-propagation.ts'
import { bytesOf, type Failures, type GpuExecutable } from './executable.ts'
import type { GpuHostCopy } from './readback.ts'

/** A tensor's buffer. It has memory from the run that writes it until it is released, donated or evacuated. */
export class GpuBuffer implements DeviceBuffer {
  readonly dtype: DType
  readonly length: number
  memory: PoolBuffer | undefined
  /** Why it will never have values. */
  failed: Error | undefined
  /** What is not yet known of the run that wrote it. */
  outcome: RunOutcome | undefined

  constructor(dtype: DType, length: number) {
    this.dtype = dtype
    this.length = length
  }

  fail(error: Error): void {
    this.failed = error
  }

  get bytes(): number {
    return bytesOf(this.dtype, this.length)
  }

  /** Gives its memory back. */
  free(pool: BufferPool): void {
    if (this.memory) pool.give(this.memory)
    this.memory = undefined
  }
}

/** Host data on its way into a run has its memory from the call on. */
export type Input = { readonly buffer: GpuBuffer } | { readonly uploaded: PoolBuffer }

export interface RunJob {
  readonly kind: 'run'
  readonly executable: GpuExecutable
  readonly inputs: readonly Input[]
  readonly outputs: readonly GpuBuffer[]
  readonly scalars: Uint32Array<ArrayBuffer> | undefined
  readonly evacuate: readonly GpuBuffer[]
  readonly copies: readonly GpuHostCopy[]
  /** The op that an error names which concerns all of the run: the maker of its largest result. */
  readonly op: string
}
/** The operands of a run that failed, or have no values, by slot. */
export function failedInputs({ executable, inputs }: RunJob): Map<number, Error> {
  const failed = new Map<number, Error>()
  for (const [i, input] of inputs.entries()) {
    if (!('buffer' in input)) continue
    const slot = executable.inputs[i] as number
    if (input.buffer.failed) failed.set(slot, input.buffer.failed)
    else if (!input.buffer.memory)
      failed.set(slot, new Error(`webgpu: input ${i} of a run has no values: it was released, or never written`))
  }
  return failed
}

/** A run that is handed over, in one slice or in several. */
export interface BegunRun {
  readonly failures: Failures
  /** By slot. */
  readonly memory: readonly (PoolBuffer | undefined)[]
  readonly scratch: readonly PoolBuffer[]
  /** What the run overwrites. */
  readonly donated: ReadonlySet<PoolBuffer>
  readonly outcome: RunOutcome | undefined
  /** Where memory is in use before it is known that there is room for it: whether there was. */
  readonly proof: Promise<boolean> | undefined
  /** Whether it is watched for validation errors, and what was found so far. */
  readonly watched: boolean
  readonly scopes: Promise<GPUError | null>[]
  /** The dispatch that comes next. */
  next: number
  /** Settles when the slice that was handed over last is done. */
  latest: Promise<unknown>
}

/** The memory of a run's slots, taken from the pool where it is not there. Those of `failures` have none. */
export function takeMemory(
  { executable, inputs, outputs }: RunJob,
  failures: Failures,
  pool: BufferPool,
): Pick<BegunRun, 'memory' | 'scratch' | 'donated'> {
  const { slots } = executable.program
  const memory: (PoolBuffer | undefined)[] = new Array(slots.length)
  for (const [i, slot] of executable.inputs.entries()) {
    const input = inputs[i] as Input
    memory[slot] = 'buffer' in input ? input.buffer.memory : input.uploaded
  }
  const donated = new Set<PoolBuffer>()
  executable.outputs.forEach((slot, i) => {
    const output = outputs[i] as GpuBuffer
    if (failures.slots.has(slot)) return
    const donor = slots[slot]?.donor
    if (donor === undefined) output.memory = pool.take(output.bytes)
    else {
      output.memory = memory[donor] as PoolBuffer
      donated.add(output.memory)
      const input = inputs[executable.inputs.indexOf(donor)] as Input
      if ('buffer' in input) input.buffer.memory = undefined
    }
    memory[slot] = output.memory
  })
  return { memory, scratch: executable.takeScratch(memory), donated }
}

/** Anything else that must keep its place between runs. */
export interface OtherJob {
  readonly kind: 'other'
  readonly act: () => void
}
