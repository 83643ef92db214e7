/** @file How long a kernel takes, roughly: it decides whether threads share it. */
import { axesOf, type Kernel, shapeOf } from '../../../kernel/index.ts'
import { pointCost } from './codegen/vectorize.ts'

/** Nanoseconds of an instruction for one point, of four in a vector: what benchmarks/tune/kernels.ts times is memory's speed as often as the processor's. */
const INSTRUCTION = 0.12
/** Of one multiplication and addition of a contraction in panels: benchmarks/tune/wasm.ts prints some 30 GFLOP/s and more. */
const PRODUCT = 0.035
/** Of a number that is copied into a line for the BLAS of the machine. */
export const PACKING = 0.25

/** Nanoseconds that one thread needs for a kernel that is computed point by point. */
export function timeOf({ grid, stages }: Kernel): number {
  const points = grid.reduce((n, axis) => n * axis.size, 1)
  return stages.reduce((sum, stage) => sum + points * stage.axes.reduce((n, axis) => n * axis.size, 1) * INSTRUCTION * pointCost(stage), 0)
}

/** The same for a contraction in panels. */
export function timeOfPanels(kernel: Kernel): number {
  const { m, n, k } = shapeOf(kernel)
  const batches = axesOf(kernel).batch.reduce((count, axis) => count * axis.size, 1)
  return PRODUCT * m * n * k * batches + timeOf({ ...kernel, stages: kernel.stages.slice(1) })
}
