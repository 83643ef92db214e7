/** @file What other folders import of the runtime. */
export * from './api.ts'
