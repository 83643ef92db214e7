/** @file In-place forms of activations and dropout: as inplace-elementwise.ts has those of other elementwise ops. */
import type { Tensor } from '../tensor/index.ts'
import { alphaDropout, DROPOUT, type DropoutFunction, dropout, featureAlphaDropout } from './dropout.ts'
import {
  type AlphaOption,
  celu,
  ELU,
  elu,
  LEAKY_RELU,
  type LeakyReluOptions,
  leakyRelu,
  RRELU,
  type RreluOptions,
  rrelu,
  selu,
} from './elu.ts'
import { HARDTANH, type HardtanhOptions, hardtanh, THRESHOLD, type ThresholdOptions, threshold } from './hardtanh.ts'
import { type InPlace, inPlace } from './inplace.ts'
import type { NumberFunction } from './numbered.ts'

/** x ← x above 0, else alpha · (eˣ − 1): see {@link elu}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.elu_.html */
export const elu_: NumberFunction<AlphaOption> = inPlace('elu_', ELU, elu)
/** x ← max(x, 0) + min(0, alpha · (exp(x / alpha) − 1)): see {@link celu}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.celu.html */
export const celu_: NumberFunction<AlphaOption> = inPlace('celu_', ELU, celu)
/** x ← λ · elu(x, α): see {@link selu}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.selu.html */
export const selu_: InPlace = inPlace('selu_', {}, selu)
/** x ← x above 0, else negativeSlope · x: see {@link leakyRelu}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.leaky_relu_.html */
export const leakyRelu_: NumberFunction<LeakyReluOptions> = inPlace('leakyRelu_', LEAKY_RELU, leakyRelu)
/** x ← x within [minVal, maxVal]: see {@link hardtanh}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.hardtanh_.html */
export const hardtanh_: (x: Tensor, minVal?: number | HardtanhOptions, maxVal?: number) => Tensor = inPlace('hardtanh_', HARDTANH, hardtanh)
/** x ← x above 0, else x times a slope that may be drawn: see {@link rrelu}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.rrelu_.html */
export const rrelu_: (x: Tensor, lower?: number | RreluOptions, upper?: number | RreluOptions, options?: RreluOptions) => Tensor = inPlace(
  'rrelu_',
  RRELU,
  rrelu,
)
/** x ← x above `threshold`, else `value`: see {@link threshold}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.threshold_.html */
export const threshold_: (x: Tensor, threshold: number | ThresholdOptions, value?: number) => Tensor = inPlace(
  'threshold_',
  THRESHOLD,
  threshold,
)

/** x ← x with elements dropped: see {@link dropout}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html */
export const dropout_: DropoutFunction = inPlace('dropout_', DROPOUT, dropout)
/** x ← x with elements at the limit of selu: see {@link alphaDropout}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.alpha_dropout.html */
export const alphaDropout_: DropoutFunction = inPlace('alphaDropout_', DROPOUT, alphaDropout)
/** x ← x with channels at the limit of selu: see {@link featureAlphaDropout}. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.feature_alpha_dropout.html */
export const featureAlphaDropout_: DropoutFunction = inPlace('featureAlphaDropout_', DROPOUT, featureAlphaDropout)
