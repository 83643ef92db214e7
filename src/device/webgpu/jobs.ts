/** @file What waits in the device's queue, and the buffers that it works on. */
import type { DType } from '../../base/index.ts'
import type { DeviceBuffer } from '../device.ts'
import type { BufferPool, PoolBuffer } from './buffer-pool.ts'
import type { RunOutcome } from './error-propagation.ts'
import { bytesOf, type GpuExecutable } from './executable.ts'
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

/** Anything else that must keep its place between runs. */
export interface OtherJob {
  readonly kind: 'other'
  readonly act: () => void
}
