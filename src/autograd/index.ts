/** @file What other folders import of autograd. */
export { detectAnomaly, isAnomalyEnabled, setDetectAnomaly } from './anomaly.ts'
export { type CheckpointStep, checkpoint, checkpointSequential } from './checkpoint.ts'
export { type FunctionClass, FunctionContext, type FunctionGradients, type FunctionResult, OwnFunction as Function } from './function.ts'
export { type BackwardOptions, backward, type GradOptions, grad, type RemovableHandle, registerHook } from './grad.ts'
export * as graph from './graph.ts'
