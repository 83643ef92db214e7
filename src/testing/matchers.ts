/**
 * @file Matchers for vitest (and Jest, whose `expect.extend` is the same). Nothing is imported from either: hand them your `expect`.
 *
 * ```ts
 * import { registerMatchers } from 'tapegrad/testing' // which also types them
 * registerMatchers(expect)
 * await expect(x.softmax(1).sum(1)).toBeCloseToTensor([1, 1])
 * ```
 */
import { type Shape, sameShape, showShape } from '../base/index.ts'
import { type HostData, Tensor } from '../tensor/index.ts'
import { type CloseOptions, compareTensors } from './close.ts'
import { type Checked, type GradcheckOptions, gradcheck } from './gradcheck.ts'

/** What a matcher answers. */
export interface MatcherResult {
  /** Whether the value is as expected. */
  readonly pass: boolean
  /** What is printed where it is not (or, after `not`, where it is). */
  readonly message: () => string
}

/** The matchers, as an object for `expect.extend`. */
export const matchers: {
  readonly toBeCloseToTensor: (actual: Tensor, expected: Tensor | HostData, options?: CloseOptions) => Promise<MatcherResult>
  readonly toHaveShape: (actual: { readonly shape: Shape }, shape: Shape) => MatcherResult
  readonly toPassGradcheck: (fn: Checked, inputs: Tensor | readonly unknown[], options?: GradcheckOptions) => Promise<MatcherResult>
} = {
  /** `await expect(x).toBeCloseToTensor([1, 2], { rtol: 1e-4, atol: 1e-6 })` */
  async toBeCloseToTensor(actual, expected, options) {
    const { pass, message } = await compareTensors(actual, expected, options)
    return { pass, message: () => (pass ? 'the tensors are close, and should not be' : message) }
  },

  /** `expect(x).toHaveShape([2, 3])` */
  toHaveShape(actual, shape) {
    if (!(actual instanceof Tensor)) return { pass: false, message: () => 'a Tensor is wanted' }
    const pass = sameShape(actual.shape, shape)
    return {
      pass,
      message: () => `the shape is ${showShape(actual.shape)}, ${pass ? 'and should not be' : `expected ${showShape(shape)}`}`,
    }
  },

  /** `await expect((x: Tensor) => x.sin()).toPassGradcheck([x])` */
  async toPassGradcheck(fn, inputs, options) {
    try {
      await gradcheck(fn, inputs, { ...options, raiseException: true })
      return { pass: true, message: () => 'the gradients are right, and should not be' }
    } catch (e) {
      return { pass: false, message: () => (e as Error).message }
    }
  },
}

/** What `expect(…)` has after {@link registerMatchers}. */
export interface TensorMatchers {
  /** Shape, dtype and, up to `atol + rtol · |expected|`, values are those of `expected`; see `assertClose`. */
  toBeCloseToTensor(expected: Tensor | HostData, options?: CloseOptions): Promise<void>
  /** The tensor has this shape. */
  toHaveShape(shape: Shape): void
  /** The gradients of the function are its slopes at `inputs`; see `gradcheck`. */
  toPassGradcheck(inputs: Tensor | readonly unknown[], options?: GradcheckOptions): Promise<void>
}

declare global {
  /** Jest's name for its matchers, which vitest extends too: so neither has to be there. */
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: all declarations of an interface have the same parameters, and this is Jest's
    interface Matchers<R, T = {}> extends TensorMatchers {}
  }
}

/** The part of vitest's and Jest's `expect` that {@link registerMatchers} uses. */
export interface Expect {
  /** Adds matchers. */
  extend(matchers: Record<string, (...args: never[]) => unknown>): void
  /** Adds what decides whether two values are equal. */
  addEqualityTesters?(testers: ((a: unknown, b: unknown) => boolean | undefined)[]): void
}

/**
 * Gives `expect` the matchers of tensors. For `toEqual`, `toHaveBeenCalledWith` and their like a tensor is equal to itself alone: values are compared by
 * `toBeCloseToTensor`, which waits for them.
 */
export function registerMatchers(expect: Expect): void {
  expect.extend({ ...matchers })
  expect.addEqualityTesters?.([(a, b) => (a instanceof Tensor || b instanceof Tensor ? a === b : undefined)])
}
