/** @file Which axis of a kernel runs in vectors. */
import {
  type Axis,
  type BinaryOp,
  bufferOf,
  type Expr,
  type Index,
  indexOf,
  type Kernel,
  reductionsOf,
  type Stage,
  storesOf,
  type UnaryOp,
  type ValueNumbering,
  visitExprs,
} from '../../../../kernel/index.ts'
import { isRun, type Pattern, patternOf, spanOf } from './lane-strides.ts'
import { LANES } from './writer.ts'

/*
 * What things cost, in instructions of one point or of one vector: estimates, by the instructions that are written for each. benchmarks/tune/kernels.ts times
 * kernels of each kind.
 */
const FUNCTION = 16
const POWER = 40
const RANDOM = 80
/** A vector of words that lie in two neighbouring vectors, that lie apart at known distances, or anywhere. */
const [NEAR, APART, ANYWHERE] = [3, 8, 14]
/** To join the lanes of a vector. */
const JOIN = 12
/** To find out where a point of the grid stands. */
const POINT = 8

const UNARY: Readonly<Record<UnaryOp, number>> = {
  neg: 1,
  abs: 1,
  sign: 1,
  floor: 1,
  ceil: 1,
  round: 1,
  trunc: 1,
  exp: FUNCTION,
  expm1: FUNCTION,
  log: FUNCTION,
  log1p: FUNCTION,
  sqrt: 1,
  rsqrt: 1,
  recip: 1,
  sin: FUNCTION,
  cos: FUNCTION,
  tanh: FUNCTION,
  erf: FUNCTION,
  erfc: FUNCTION,
  not: 1,
}

const BINARY: Readonly<Record<BinaryOp, number>> = {
  add: 1,
  sub: 1,
  mul: 1,
  div: 1,
  mod: POWER,
  pow: POWER,
  max: 1,
  min: 1,
  lt: 1,
  le: 1,
  eq: 1,
  ne: 1,
  and: 1,
  or: 1,
  xor: 1,
  shl: 1,
  shr: 1,
}

/** Of an expression, without what is under it; loads are counted apart. */
function costOf(e: Expr): number {
  switch (e.kind) {
    case 'unary':
      return UNARY[e.op]
    case 'binary':
      return BINARY[e.op]
    case 'where':
    case 'cast':
    case 'inside':
    case 'position':
      return 1
    case 'checked':
      return 4
    case 'philox':
      return RANDOM
    case 'const':
    case 'scalar':
    case 'acc':
    case 'load':
      return 0
  }
}

/** Instructions for one point of some stages, or for a vector of them, without what is loaded and stored. */
export function workOf(stages: readonly Stage[]): number {
  let work = 0
  visitExprs(stages, (e) => {
    work += costOf(e)
  })
  return work + stages.reduce((n, s) => n + reductionsOf(s).length, 0)
}

const loadsOf = (stage: Stage): readonly Index[] => {
  const found: Index[] = []
  visitExprs([stage], (e) => {
    const index = bufferOf(e) === undefined ? undefined : indexOf(e)
    if (index) found.push(index)
  })
  return found
}

const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, axis) => n * axis.size, 1)

/** The cost of one point of a stage's own axes. */
export const pointCost = (stage: Stage): number => workOf([stage]) + loadsOf(stage).length + storesOf(stage).length

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
    if (!known) return ANYWHERE
    if (isRun(known)) return 1
    const span = spanOf(known)
    return span === 0 ? 1 : span < 2 * LANES ? NEAR : APART
  })
  return workOf([stage]) + loads.reduce((n, cost) => n + cost, 0) + storesOf(stage).length
}

/** Vectors that are needed for all of an axis. */
const vectorsOf = ({ size }: Axis): number => Math.ceil(size / LANES)

/** The cost of a stage at one point of the grid: the points of its own axes one by one, or its innermost axis in vectors. */
function rowCosts(stage: Stage, terms: ValueNumbering): { readonly points: number; readonly vectors: number } {
  const points = sizeOf(stage.axes) * pointCost(stage)
  const axis = stage.axes.at(-1)
  if (!axis || axis.size === 1) return { points, vectors: Number.POSITIVE_INFINITY }
  const joined = JOIN * reductionsOf(stage).length
  return { points, vectors: sizeOf(stage.axes.slice(0, -1)) * vectorsOf(axis) * vectorCost(stage, axis, terms, true) + joined }
}

/** The grid's innermost axis, where four of its points are best computed at once. @param aligned whether vectors begin at multiples of four */
export function gridLane({ grid, stages }: Kernel, terms: ValueNumbering, aligned = false): Axis | undefined {
  const axis = grid.at(-1)
  if (!axis || axis.size === 1) return undefined
  const vector = stages.reduce((sum, s) => sum + sizeOf(s.axes) * vectorCost(s, axis, terms, aligned), 0)
  const point = stages.reduce((sum, s) => {
    const { points, vectors } = rowCosts(s, terms)
    return sum + Math.min(points, vectors)
  }, POINT)
  return vectorsOf(axis) * vector < axis.size * point ? axis : undefined
}

/** A stage's innermost axis, where four terms of it are best computed at once. */
export function stageLane(stage: Stage, terms: ValueNumbering): Axis | undefined {
  const { points, vectors } = rowCosts(stage, terms)
  return vectors < points ? stage.axes.at(-1) : undefined
}
