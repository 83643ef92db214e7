/** @file How long a kernel takes, roughly: it decides whether threads share it. */
import { axesOf, type Expr, type Kernel, type Stage, shapeOf, visitExprs } from '../../../kernel/index.ts'

/** Nanoseconds for one point, of four in a vector: a load or store of memory in the second cache, an operator of the processor, one of the library. */
const MEMORY = 0.2
const OPERATOR = 0.1
const FUNCTION = 1
const RANDOM = 3
/** Of one multiplication and addition of a contraction in panels. */
const PRODUCT = 0.035
/** Of a number that is copied into a line for the BLAS of the machine. */
export const PACKING = 0.25
const SIMPLE = new Set([
  'add',
  'sub',
  'mul',
  'neg',
  'abs',
  'relu',
  'max',
  'min',
  'not',
  'square',
  'and',
  'or',
  'xor',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
])

function costOf(e: Expr): number {
  switch (e.kind) {
    case 'load':
      return MEMORY
    case 'unary':
    case 'binary':
      return SIMPLE.has(e.op) ? OPERATOR : FUNCTION
    case 'philox':
      return RANDOM
    case 'where':
    case 'cast':
    case 'checked':
    case 'inside':
      return OPERATOR
    default:
      return 0
  }
}

/** Nanoseconds that one thread needs for a kernel that is computed point by point. */
export function timeOf({ grid, stages }: Kernel): number {
  const points = grid.reduce((n, axis) => n * axis.size, 1)
  return stages.reduce((sum, stage) => sum + points * stage.axes.reduce((n, axis) => n * axis.size, 1) * perPoint(stage), 0)
}

function perPoint(stage: Stage): number {
  let cost = stage.kind === 'store' ? MEMORY * stage.stores.length : OPERATOR * stage.reductions.length
  visitExprs([stage], (e) => {
    cost += costOf(e)
  })
  return cost
}

/** The same for a contraction in panels. */
export function timeOfPanels(kernel: Kernel): number {
  const { m, n, k } = shapeOf(kernel)
  const batches = axesOf(kernel).batch.reduce((count, axis) => count * axis.size, 1)
  return PRODUCT * m * n * k * batches + timeOf({ ...kernel, stages: kernel.stages.slice(1) })
}
