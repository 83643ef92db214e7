/**
 * @file What kernels take as WebAssembly: instructions, by which it is decided what runs in vectors and is unrolled, and nanoseconds, by which it is decided
 * what threads share and what is left to the BLAS of the machine.
 */
import {
  axesOf,
  bufferOf,
  type Costs,
  costOf,
  type Index,
  indexOf,
  type Kernel,
  reductionsOf,
  type Stage,
  shapeOf,
  storesOf,
  visitExprs,
} from '../../../kernel/index.ts'
import { instructionsOf } from './codegen/operators.ts'

/** Instructions of one point or of one vector. What is loaded and stored counts apart: it depends on where it lies. */
const INSTRUCTIONS: Costs = {
  ...instructionsOf,
  const: 0,
  scalar: 0,
  acc: 0,
  position: 1,
  load: 0,
  inside: 1,
  where: 1,
  cast: 1,
  checked: 4,
  philox: 80,
}

interface StageCost {
  readonly work: number
  readonly loads: readonly Index[]
}

/** It is asked for wherever something is decided about a stage. */
const costs = new WeakMap<Stage, StageCost>()

function costOfStage(stage: Stage): StageCost {
  const known = costs.get(stage)
  if (known) return known
  let work = reductionsOf(stage).length
  const loads: Index[] = []
  visitExprs([stage], (e) => {
    work += costOf(e, INSTRUCTIONS)
    const index = bufferOf(e) === undefined ? undefined : indexOf(e)
    if (index) loads.push(index)
  })
  const found = { work, loads }
  costs.set(stage, found)
  return found
}

/** Instructions for one point of a stage, or for a vector of them, without what is loaded and stored. */
export const workOf = (stage: Stage): number => costOfStage(stage).work

/** By which indices a stage loads. */
export const loadsOf = (stage: Stage): readonly Index[] => costOfStage(stage).loads

/** Instructions for one point of a stage's own axes. */
export const pointCost = (stage: Stage): number => workOf(stage) + loadsOf(stage).length + storesOf(stage).length

/** Nanoseconds of an instruction for one point, of four in a vector: what benchmarks/tune/kernels.ts times is memory's speed as often as the processor's. */
const INSTRUCTION = 0.12
/** Of one multiplication and addition of a contraction in panels, packed: benchmarks/tune/wasm.ts prints some 30 GFLOP/s and more. */
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

/**
 * Nanoseconds, measured on one core of an EPYC (Zen 5) with OpenBLAS 0.3.21: a call, a multiplication and addition, an element that BLAS packs, one of packing
 * here, in lines or scattered, a sum that is stored by its own stages.
 */
export const BLAS = { call: 400, product: 0.009, element: 0.25, pack: 0.2, scattered: 1, sum: 0.5 } as const
/** The same for panels, on that core and beside it: the two are compared with each other alone. */
export const PANELS = { product: 0.045, pack: 0.5 } as const
