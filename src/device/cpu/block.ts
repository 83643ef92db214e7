/** @file Memory of the CPU device. */
import type { TypedArray } from '../../base/index.ts'

/** Some elements in memory. Where memory moves when it grows, an array of them is good until then only, so it is made each time. */
export interface Block {
  readonly length: number
  readonly byteLength: number
  readonly values: TypedArray
}

/** A block in an array of its own, such as one of the caller's. */
export const blockOf = (values: TypedArray): Block => ({ length: values.length, byteLength: values.byteLength, values })
