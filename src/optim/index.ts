/** @file The entry `tapegrad/optim`: optimizers. */
import '../fluent.ts'

export { Adam, type AdamOptions, AdamW } from './adam.ts'
export { type GivenGroup, type GroupOptions, Optimizer, type OptimizerState, type ParamGroup, type Params } from './optimizer.ts'
export { SGD, type SGDOptions } from './sgd.ts'
