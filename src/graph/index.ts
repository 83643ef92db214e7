/** @file What other folders import of the lazy graph. */
export * from './node.ts'
export * from './primitives.ts'
export * from './sinks.ts'
