/**
 * @file In which order the terms of a float sum or product are combined. Rounding makes it a part of the value, so it follows from the reduction alone, from its
 * sizes: never from what is fused with it, from strides, or from which loops run in vectors. A device writes loops of any form that keep to it.
 */
import { type Shape, sizeOf } from '../base/index.ts'
import type { Axis, ReduceOp, Reduction, ReductionOrder, ValueType } from './ir.ts'
import { reduceOps } from './operators.ts'

/** Lanes of the order by lanes. */
export const ORDER_LANES = 4
/** Up to so many terms are combined one after the other. */
const SHORT = 8
/** Up to so many it does not matter, where that is done, which loops run over them: no device looks at what their additions lose. */
const PLAIN = 16
/**
 * Neighbouring dims that are shorter together are one axis. What broadcasts along some of them has to divide to tell where it is: less likely among the places of an image
 * than where all that there is is summed.
 */
const [RUN, RUN_OF_ALL] = [64, 16]
/** Terms that are added before what they come to is added to the whole: rounding errors grow with the length of a chain. */
export const SUM_CHAIN = 32
/** The same of products in blocks of panels, which are long enough for what surrounds a block not to count. */
const BLOCK = 256

/** Whether it counts in which order values of a type are combined. */
export const isOrdered = (op: ReduceOp, type: ValueType): boolean =>
  type === 'float' && (reduceOps[op].joins === 'add' || reduceOps[op].joins === 'mul')
export const dependsOnOrder = ({ op, value }: Reduction): boolean => isOrdered(op, value.type)

/** An order, and how many of the reduced dims of more than one position make up the innermost axis: no loop runs over some of these and others, in any kernel. */
export interface OrderedAxes {
  readonly order: ReductionOrder
  /** 0 where any loops will do. */
  readonly innermost: number
}

const sequence = (terms: number, compensated: boolean): ReductionOrder => ({ kind: 'sequence', terms, compensated })
/** One after the other. */
export const SEQUENCE = sequence(Number.POSITIVE_INFINITY, false)

/** Of the innermost axis so many vectors are summed side by side, as are filled. */
const byLanes = (length: number): ReductionOrder => ({
  kind: 'lanes',
  vectors: ([4, 2] as const).find((n) => n * ORDER_LANES <= length) ?? 1,
})

/** Of a reduction of `dims`, ascending, of an input of that shape. */
export function orderOfReduction(shape: Shape, dims: readonly number[]): OrderedAxes {
  const long = dims.filter((d) => shape[d] !== 1)
  const sizes = long.map((d) => shape[d] as number)
  const total = sizeOf(sizes)
  if (total <= SHORT) return { order: SEQUENCE, innermost: 0 }
  const between = (from: number, to: number): number => sizeOf(shape.slice(from + 1, to))
  // Where there are neighbours to be computed beside, these are the vectors
  if (between(long.at(-1) as number, shape.length) < ORDER_LANES) {
    const enough = total === sizeOf(shape) ? RUN_OF_ALL : RUN
    let length = sizes.at(-1) as number
    let innermost = 1
    for (let i = long.length - 2; i >= 0 && length < enough && between(long[i] as number, long[i + 1] as number) === 1; i--) {
      length *= sizes[i] as number
      innermost++
    }
    if (length >= ORDER_LANES) return { order: byLanes(length), innermost }
  }
  return { order: sequence(chainOf(sizes), true), innermost: total <= PLAIN ? 0 : 1 }
}

/** Terms of a chain: whole runs of as many inner dims as fit into one. */
function chainOf(sizes: readonly number[]): number {
  let within = 1
  for (const size of [...sizes].reverse()) {
    if (within * size > SUM_CHAIN) break
    within *= size
  }
  return within * Math.floor(SUM_CHAIN / within)
}

/** The size of parts when `of` is cut into as few as `most` allows, all multiples of `unit`. */
export const evenParts = (of: number, most: number, unit: number): number => Math.ceil(of / Math.ceil(of / most) / unit) * unit

/**
 * Of a contraction of so many rows and columns over the dims `sums`. Exchanging rows and columns leaves it as it is. Where both are many, panels of them are multiplied
 * term by term; where there are few, each sum is one of its own, in vectors along its innermost dim.
 */
export function orderOfContraction(rows: number, columns: number, sums: readonly number[]): ReductionOrder {
  const long = sums.filter((n) => n !== 1)
  const total = sizeOf(long)
  const apart = Math.min(rows, columns) < 3
  if (apart && total > SHORT && (long.at(-1) as number) >= ORDER_LANES) return byLanes(long.at(-1) as number)
  return sequence(Math.min(total, evenParts(total, BLOCK, 4)), false)
}

/** Equal orders have equal keys. */
export function orderKey(order: ReductionOrder | undefined): string {
  switch (order?.kind) {
    case undefined:
      return ''
    case 'lanes':
      return `lanes ${order.vectors}`
    case 'sequence':
      return `sequence ${order.terms} ${order.compensated}`
  }
}

const product = (axes: readonly Axis[]): number => axes.reduce((n, { size }) => n * size, 1)

/** When what the accumulators hold joins the whole, in the loops over the axes of a stage. */
export interface FoldSchedule {
  /** What is counted: terms; whole runs of the innermost axis; or whole turns of one, anew in each, that deal out as many terms as there are lanes of all vectors. */
  readonly per: 'terms' | 'runs' | 'turns'
  readonly every: number
  /** Whether something is left at the end of each run. */
  readonly endsRuns: boolean
  /** Whether something is left at the end of all. */
  readonly pending: boolean
  /** Whether that is done so seldom that what it loses need not be kept. */
  readonly seldom: boolean
}

/** Up to so many chains are joined plainly. */
const FEW_CHAINS = 4

/** Undefined where no chain is too long. */
export function foldSchedule(order: ReductionOrder, axes: readonly Axis[]): FoldSchedule | undefined {
  const total = product(axes)
  switch (order.kind) {
    case 'sequence': {
      const { terms } = order
      return total <= terms
        ? undefined
        : {
            per: 'terms',
            every: terms,
            endsRuns: false,
            pending: total % terms !== 0,
            seldom: total <= FEW_CHAINS * terms,
          }
    }
    case 'lanes': {
      const length = axes.at(-1)?.size ?? 1
      const wide = ORDER_LANES * order.vectors
      const turns = Math.ceil(length / wide)
      const runs = total / length
      if (turns * runs <= SUM_CHAIN) return undefined
      const seldom = turns * runs <= FEW_CHAINS * SUM_CHAIN
      if (turns > SUM_CHAIN) return { per: 'turns', every: SUM_CHAIN, endsRuns: length % (SUM_CHAIN * wide) !== 0, pending: false, seldom }
      const every = Math.floor(SUM_CHAIN / turns)
      return { per: 'runs', every, endsRuns: false, pending: runs % every !== 0, seldom }
    }
  }
}
