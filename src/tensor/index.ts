/** @file The door of tensors and tape. */
export * from './arguments.ts'
export type { FormatOptions } from './format.ts'
export * from './handles.ts'
export { type HostArray, type HostData, hostData, type NdArray, type NestedArray, type StridedArray } from './host.ts'
export * from './modes.ts'
export * from './tape.ts'
export * from './tensor.ts'
