/** @file The library's matchers, known to vitest in tests. */
import { expect } from 'vitest'
import { registerMatchers, type TensorMatchers } from '../../src/testing/index.ts'

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: vitest's own declaration has this default
  interface Matchers<T = any> extends TensorMatchers<T> {}
}

registerMatchers(expect)
