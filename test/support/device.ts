/**
 * @file The device that a test runs on. Most tests are written for any: vitest runs them once per project (vitest.config.ts), on device cpu and on
 * webgpu. What needs float64 runs on cpu alone.
 */
import type { DType } from '../../src/index.ts'

function chosen(): 'cpu' | 'webgpu' {
  const name = process.env.TAPEGRAD_TEST_DEVICE || 'cpu'
  if (name !== 'cpu' && name !== 'webgpu') throw new Error(`TAPEGRAD_TEST_DEVICE is cpu or webgpu, not '${name}'`)
  return name
}

export const device: 'cpu' | 'webgpu' = chosen()

/** For `it.runIf`: tests of float64 itself, and those that compare with finite differences. */
export const hasDoubles = device === 'cpu'

/** The widest float of the device, for tests whose numbers float32 would hold as well. */
export const wide: DType = hasDoubles ? 'float64' : 'float32'

/** What rounding may change in some steps of arithmetic on numbers around 1 in the widest float. */
export const ROUNDED = hasDoubles ? { rtol: 1e-12, atol: 1e-14 } : { rtol: 5e-6, atol: 2e-6 }

/** Digits behind the point that `toBeCloseTo` may ask for of numbers around 1. */
export const DIGITS = hasDoubles ? 12 : 5

/** Whether everything is run, as by `npm run test:long`, also what takes a GPU's driver long to compile. */
export const LONG = process.env.TAPEGRAD_TEST_LONG === '1'
