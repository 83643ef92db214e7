/** @file What an engine of the CPU device is: where its arrays come from, and what runs kernels on them. */
import { type DType, dtypeInfo, type TypedArray } from '../../base/index.ts'
import type { Kernel } from '../../kernel/index.ts'
import { type CompiledKernel, interpretKernel } from './compile.ts'

export interface ArraySource {
  /** An array for results; its contents are unspecified. @throws RangeError where there is no room */
  take(dtype: DType, length: number): TypedArray
  /** Gives an array of `take` back. */
  give(array: TypedArray): void
  /** Whether kernels can work on an array where it is. */
  holds(array: TypedArray): boolean
  /** Bytes that are free, but not given back to the machine. */
  readonly pooledBytes: number
}

/** Arrays of their own. */
const jsArrays: ArraySource = {
  take: (dtype, length) => dtypeInfo[dtype].create(length),
  give: () => {},
  holds: () => true,
  pooledBytes: 0,
}

export interface Engine {
  /** One line for people. */
  readonly description: string
  readonly features: readonly string[]
  readonly arrays: ArraySource
  /** @param lengths elements of each of the kernel's buffers */
  compile(kernel: Kernel, lengths: readonly number[]): CompiledKernel
}

/** Everything in JavaScript, in double precision: slow, and what others are compared with. */
export const interpreter: Engine = {
  description: 'interpreter (JavaScript, float64)',
  features: [],
  arrays: jsArrays,
  compile: interpretKernel,
}
