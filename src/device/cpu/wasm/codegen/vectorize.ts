/** @file Which axis of a kernel runs in vectors. */
import {
  type Axis,
  dependsOnOrder,
  foldSchedule,
  type Index,
  type Kernel,
  reductionsOf,
  type Stage,
  storesOf,
  type ValueNumbering,
} from '../../../../kernel/index.ts'
import { loadsOf, pointCost, workOf } from '../cost.ts'
import { isRun, type Pattern, patternOf, spanOf, wrapOf } from './lane-strides.ts'
import { LANES } from './writer.ts'

/*
 * In instructions, as what is computed between (../cost.ts).
 */
/** A vector of words that lie in two neighbouring vectors, around the end of what is repeated, apart at known distances, or anywhere. */
const [NEAR, AROUND, APART, ANYWHERE] = [3, 7, 8, 14]
/** To join the lanes of a vector. */
const JOIN = 12
/** To add the lanes of a vector one after the other, for a sum in sequence. */
const IN_TURN = 8
/** For a term of a sum by lanes outside of vectors along its axis, and for all of it. */
const [DEALT, DEALING] = [2, 60]
/** To find out where a point of the grid stands. */
const POINT = 8

const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, axis) => n * axis.size, 1)

/** The cost of a vector along `axis`, at one point of the others; infinite where its stores are not of neighbours. */
function vectorCost(stage: Stage, axis: Axis, terms: ValueNumbering, aligned: boolean): number {
  const pattern = (index: Index): Pattern | undefined => patternOf(index, axis, terms, aligned)
  const runs = (index: Index): boolean => {
    const known = pattern(index)
    return known !== undefined && isRun(known)
  }
  if (!storesOf(stage).every(({ index }) => runs(index))) return Number.POSITIVE_INFINITY
  const loads = loadsOf(stage).map((index) => {
    const known = pattern(index)
    if (!known) return wrapOf(index, axis, terms) ? AROUND : ANYWHERE
    if (isRun(known)) return 1
    const span = spanOf(known)
    return span === 0 ? 1 : span < 2 * LANES ? NEAR : APART
  })
  return workOf(stage) + loads.reduce((n, cost) => n + cost, 0) + storesOf(stage).length
}

/** Vectors that are needed for all of an axis. */
const vectorsOf = ({ size }: Axis): number => Math.ceil(size / LANES)

const orderedOf = (stage: Stage): number => reductionsOf(stage).filter(dependsOnOrder).length

/** What the order of its sums adds to the loops of a stage in which no vectors run along its own axes. */
function dealingCost(stage: Stage): number {
  if (stage.kind !== 'reduce' || stage.order?.kind !== 'lanes') return 0
  return orderedOf(stage) * (DEALT * sizeOf(stage.axes) + DEALING)
}

/** Whether sums stay in order where the innermost axis runs in vectors: where they are folded, vectors end. */
function keepsOrder(stage: Stage, fuses: boolean): boolean {
  if (stage.kind !== 'reduce' || orderedOf(stage) === 0) return true
  const { order, axes } = stage
  if (order?.kind === 'lanes') return true
  if (fuses) return false
  const schedule = order && foldSchedule(order, axes)
  return !schedule || schedule.every % (axes.at(-1) as Axis).size === 0 || (axes.length === 1 && schedule.every % LANES === 0)
}

/** The cost of a stage at one point of the grid: the points of its own axes one by one, or its innermost axis in vectors. */
function rowCosts(stage: Stage, terms: ValueNumbering, fuses: boolean): { readonly points: number; readonly vectors: number } {
  const points = sizeOf(stage.axes) * pointCost(stage) + dealingCost(stage)
  const axis = stage.axes.at(-1)
  if (!axis || axis.size === 1 || !keepsOrder(stage, fuses)) return { points, vectors: Number.POSITIVE_INFINITY }
  const joined = JOIN * reductionsOf(stage).length
  const inTurn = stage.kind === 'reduce' && stage.order?.kind === 'lanes' ? 0 : IN_TURN * orderedOf(stage)
  const vectors = sizeOf(stage.axes.slice(0, -1)) * vectorsOf(axis)
  return { points, vectors: vectors * (vectorCost(stage, axis, terms, true) + inTurn) + joined }
}

/**
 * The grid's innermost axis, where four of its points are best computed at once.
 * @param aligned whether vectors begin at multiples of four
 * @param fuses whether terms are added as they are multiplied, which vectors along the terms cannot
 */
export function gridLane({ grid, stages }: Kernel, terms: ValueNumbering, aligned = false, fuses = false): Axis | undefined {
  const axis = grid.at(-1)
  if (!axis || axis.size === 1) return undefined
  const vector = stages.reduce((sum, s) => sum + sizeOf(s.axes) * vectorCost(s, axis, terms, aligned) + dealingCost(s), 0)
  const point = stages.reduce((sum, s) => {
    const { points, vectors } = rowCosts(s, terms, fuses)
    return sum + Math.min(points, vectors)
  }, POINT)
  return vectorsOf(axis) * vector < axis.size * point ? axis : undefined
}

/** A stage's innermost axis, where four terms of it are best computed at once. */
export function stageLane(stage: Stage, terms: ValueNumbering, fuses = false): Axis | undefined {
  const { points, vectors } = rowCosts(stage, terms, fuses)
  return vectors < points ? stage.axes.at(-1) : undefined
}
