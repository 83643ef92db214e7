/** @file The library's matchers, known to vitest in tests. */
import { expect } from 'vitest'
import { registerMatchers } from '../../src/testing/index.ts'

registerMatchers(expect)
