/** @file What other folders import of the ops, family by family. */
export * from './activation.ts'
export * from './at.ts'
export { type AutocastClass, autocastClasses } from './autocast.ts'
export * from './clamp.ts'
export * from './compare.ts'
export * from './conv.ts'
export * from './convert.ts'
export * from './create.ts'
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
export * from './elementwise.ts'
export * from './extremes.ts'
export * from './generator.ts'
export * from './indexing.ts'
export * from './inplace.ts'
export * from './join.ts'
export * as linalg from './linalg.ts'
export * from './loss.ts'
export * from './matmul.ts'
export * from './norm.ts'
export { type NormOptions, norm, renorm } from './norms.ts'
export {
  AVG_POOL,
  type AvgPoolOptions,
  avgPool2d,
  checkPadding,
  MAX_POOL,
  type MaxPool2dFunction,
  type MaxPoolOptions,
  maxPool2d,
  type PoolOptions,
} from './pool.ts'
export * from './promote.ts'
export * from './random.ts'
export * from './reduce.ts'
export * from './scan.ts'
export * from './scatter.ts'
export * from './slice.ts'
export * from './softmax.ts'
export * from './sort.ts'
export { channelsHint, PADDING, PAIR, PAIR_OR_ZERO, type Pair, pairOf } from './spatial.ts'
export * from './totals.ts'
export * from './type-info.ts'
export * from './view.ts'
