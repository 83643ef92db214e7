/** @file The entry `tapegrad/nn`: modules, layers, and their starting values. */
import '../fluent.ts'

export type { ZeroGradOptions } from '../tensor/index.ts'
export * from './containers.ts'
export * from './conv.ts'
export * as functional from './functional.ts'
export * as init from './init.ts'
export * from './layers.ts'
export {
  BaseModule,
  type LoadResult,
  type LoadStateDictOptions,
  Module,
  type ModuleTarget,
  type ModuleTargetOptions,
  type RemovableHandle,
  type StateDict,
} from './module.ts'
export * from './norm.ts'
export type { LayerOptions } from './options.ts'
export { Buffer, type BufferOptions, Parameter, type ParameterOptions } from './parameter.ts'
export * from './pool.ts'
export * as utils from './utils.ts'
