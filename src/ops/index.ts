/**
 * @file What other folders import of the ops, family by family. A file with methods is exported whole (`*`): TypeScript loses a function's documentation over
 * the method where the function is named here.
 */
export * from './activation.ts'
export * from './adaptive.ts'
export * from './add-products.ts'
export * from './aliases.ts'
export * from './at.ts'
export { type AttentionOptions, scaledDotProductAttention } from './attention.ts'
export { type AutocastClass, autocastClasses } from './autocast.ts'
export * from './bitwise.ts'
export * from './clamp.ts'
export * from './close.ts'
export * from './compare.ts'
export * from './conv.ts'
export * from './convert.ts'
export { binomial, poisson } from './counts.ts'
export * from './create.ts'
export * from './create-like.ts'
export { type CtcLossOptions, ctcLoss } from './ctc.ts'
export {
  type CustomInput,
  type CustomMultiOp,
  type CustomOp,
  type CustomOpSpec,
  type CustomType,
  type CustomTypes,
  customOp,
} from './custom.ts'
export * from './data-dependent.ts'
export { checkDevices, defineComposition, type OpDefinition, opRegistry } from './define.ts'
export type { BinaryFunction, UnaryFunction } from './define-elementwise.ts'
export * from './diagonal.ts'
export * from './differences.ts'
export * from './distance.ts'
export * from './dropout.ts'
export { type EinsumArguments, type Equation, einsum, einsumOf, type Subscripts } from './einsum.ts'
export * from './elementwise.ts'
export * from './elu.ts'
export { type BagMode, EMBEDDING_KINDS, type EmbeddingBagOptions, type EmbeddingOptions, embedding, embeddingBag } from './embedding.ts'
export * from './erf.ts'
export * from './extremes.ts'
export * from './fractional.ts'
export * from './gamma.ts'
export { logGammaSample } from './gamma-samples.ts'
export * from './generator.ts'
export * from './grid.ts'
export * from './gumbel.ts'
export * from './hardtanh.ts'
export * from './histogram.ts'
export * from './index-copy.ts'
export * from './index-put.ts'
export * from './indexing.ts'
export * from './inplace.ts'
export * from './inplace-activation.ts'
export * from './inplace-elementwise.ts'
export * from './inplace-positions.ts'
export * from './inplace-products.ts'
export * from './inplace-random.ts'
export * from './inplace-shape.ts'
export * from './inplace-triangle.ts'
export {
  type InterpolateMode,
  type InterpolateOptions,
  interpolate,
  type UpsampleOptions,
  type UpsampleSize,
  upsample,
  upsampleBilinear,
  upsampleNearest,
} from './interpolate.ts'
export * from './join.ts'
export {
  type AffineNormOptions,
  groupNorm,
  type InstanceNormOptions,
  instanceNorm,
  type LocalResponseNormOptions,
  layerNorm,
  localResponseNorm,
  type RmsNormOptions,
  rmsNorm,
} from './layer-norm.ts'
export * from './logarithms.ts'
export * from './loss.ts'
export * from './lp-pool.ts'
export * from './margin-loss.ts'
export * from './masked.ts'
export * from './matmul.ts'
export * from './matrix-chain.ts'
export * from './multinomial.ts'
export { type BatchNormOptions, batchNorm, EPS } from './norm.ts'
export * from './norms.ts'
export type { NumberFunction } from './numbered.ts'
export * from './pad.ts'
export {
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type GaussianNllOptions,
  gaussianNllLoss,
  type HuberOptions,
  huberLoss,
  type KlDivOptions,
  klDiv,
  LOSS_OPTIONS,
  type LossFunction,
  type LossOptions,
  l1Loss,
  mseLoss,
  type PoissonNllOptions,
  poissonNllLoss,
  type Reduction,
  type SmoothL1Options,
  smoothL1Loss,
} from './pointwise-loss.ts'
export {
  type AvgPool1dOptions,
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  avgPoolKinds,
  checkPadding,
  type DilatedPoolOptions,
  type MaxPoolFunction,
  type MaxPoolIndicesFunction,
  type MaxPoolOptions,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  maxPoolKinds,
  type PoolOptions,
} from './pool.ts'
export * from './products.ts'
export * from './promote.ts'
export * from './put.ts'
export * from './quantile.ts'
export * from './queries.ts'
export * from './random.ts'
export * from './reduce.ts'
export * from './remainders.ts'
export * from './repeat.ts'
export * from './rotate.ts'
export * from './rounding.ts'
export * from './scan.ts'
export * from './scatter.ts'
export * from './search.ts'
export * from './segment.ts'
export * from './selection.ts'
export * from './shuffle.ts'
export * from './signs.ts'
export * from './similarity.ts'
export * from './slice.ts'
export * from './slice-scatter.ts'
export * from './softmax.ts'
export * from './sort.ts'
export {
  channelsHint,
  PAIR,
  type Pair,
  pairOf,
  type Single,
  type Sizes,
  type Triple,
} from './spatial.ts'
export * from './split.ts'
export * from './stacking.ts'
export * from './statistics.ts'
export * from './ternary.ts'
export * from './totals.ts'
export * from './triangle.ts'
export * from './trigonometry.ts'
export * from './type-info.ts'
export * from './unfold.ts'
export * from './unique.ts'
export * from './unpool.ts'
export * from './vander.ts'
export * from './vectors.ts'
export * from './view.ts'
export * from './window.ts'
export * from './windows.ts'
