/** @file The entry `tapegrad/optim`: optimizers. */
import '../fluent.ts'

export type { ZeroGradOptions } from '../tensor/index.ts'
export { Adam, type AdamOptions, AdamW } from './adam.ts'
export type { Slots } from './arena.ts'
export {
  type GivenGroup,
  type GroupOptions,
  type MemoryOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type Params,
  type Update,
} from './optimizer.ts'
export { SGD, type SGDOptions } from './sgd.ts'
export type { StepCount } from './step-count.ts'
