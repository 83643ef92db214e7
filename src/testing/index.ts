/** @file The entry `tapegrad/testing`: are gradients right, are tensors close. */
import '../fluent.ts'

export { AssertionError, assertClose, type CloseOptions, type Tolerance } from './close.ts'
export { type Checked, type GradcheckOptions, gradcheck, gradgradcheck } from './gradcheck.ts'
export { type Expect, type MatcherResult, matchers, registerMatchers, type TensorMatchers } from './matchers.ts'
