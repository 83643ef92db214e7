/** @file The door of the lazy graph. */
export * from './node.ts'
export * from './primitives.ts'
export * from './runtime.ts'
