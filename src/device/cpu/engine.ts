/** @file What an engine of the CPU device is: where its memory comes from, and what runs kernels on them. */
import { type DType, dtypeInfo, type TypedArray } from '../../base/index.ts'
import type { Kernel, RoutineCall } from '../../kernel/index.ts'
import type { RoutinePlan } from '../routine-plan.ts'
import { type Block, blockOf } from './block.ts'
import { type CompiledKernel, interpretKernel } from './interpreter.ts'
import { interpretRoutine } from './routines.ts'

export interface Heap {
  /** A block for results; its contents are unspecified. @throws RangeError where there is no room */
  take(dtype: DType, length: number): Block
  /** Some elements of a block, as a block. */
  piece(block: Block, begin: number, length: number): Block
  /** Elements of a dtype in the memory of a block of `take`, from its beginning. */
  view(block: Block, dtype: DType, length: number): Block
  /** Gives a block of `take` back. */
  give(block: Block): void
  /** The caller's array as a block, where kernels can work on it in place. */
  wrap(values: TypedArray): Block | undefined
  /** Bytes that are free, but not given back to the machine. */
  readonly pooledBytes: number
  /** Bytes that there can be at all, where that is known. */
  readonly capacity: number | undefined
}

/** Arrays of their own. */
const arrays: Heap = {
  take: (dtype, length) => blockOf(dtypeInfo[dtype].create(length)),
  piece: ({ values }, begin, length) => blockOf(values.subarray(begin, begin + length)),
  view: ({ values: { buffer, byteOffset } }, dtype, length) => blockOf(dtypeInfo[dtype].view(buffer, byteOffset, length)),
  give: () => {},
  wrap: blockOf,
  pooledBytes: 0,
  capacity: undefined,
}

export interface Engine {
  /** One line for people. */
  readonly description: string
  readonly features: readonly string[]
  readonly heap: Heap
  /** See `DeviceTraits`. */
  readonly roundsOperators: boolean
  /** @param lengths elements of each of the kernel's buffers */
  compile(kernel: Kernel, lengths: readonly number[]): CompiledKernel
  routine(call: RoutineCall): RoutinePlan<CompiledKernel>
}

/** Everything in JavaScript, in double precision: slow, and what others are compared with. */
export const interpreter: Engine = {
  description: 'interpreter (JavaScript, float64)',
  features: [],
  heap: arrays,
  roundsOperators: false,
  compile: interpretKernel,
  routine: interpretRoutine,
}
