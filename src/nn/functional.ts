/** @file The entry `tapegrad/nn/functional`: what layers compute, as functions of tensors. */
import '../fluent.ts'

export {
  type CrossEntropyOptions,
  crossEntropy,
  type DropoutOptions,
  dropout,
  type EmbeddingOptions,
  embedding,
  gelu,
  type LossOptions,
  linear,
  logSoftmax,
  mseLoss,
  type NllOptions,
  nllLoss,
  type OneHotOptions,
  oneHot,
  type PadOptions,
  pad,
  type Reduction,
  relu,
  type SoftmaxOptions,
  sigmoid,
  softmax,
  tanh,
} from '../ops/index.ts'
