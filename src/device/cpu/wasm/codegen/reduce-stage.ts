/**
 * @file The loops of a reduce stage, in the order of its sums and products (`ReductionOrder`) whichever form they take: at one point of the grid or at the neighbours of some
 * vectors, term by term (`reducePoints`); or at one point, with the stage's innermost axis in vectors (`reduceRow`).
 */
import {
  type Axis,
  addsFloats,
  dependsOnOrder,
  foldSchedule,
  ORDER_LANES,
  positionOf,
  type ReduceStage,
  type Reduction,
  type ReductionOrder,
  rootsOf,
} from '../../../../kernel/index.ts'
import type { Code, Local } from '../assembler/assembler.ts'
import type { Accumulator } from './codegen-context.ts'
import type { Expressions } from './expressions.ts'
import { Folds } from './folds.ts'
import { alongLane, type Copy, Countdown, counted, type Fold, forEachCopy, overAxes } from './loops.ts'
import { accumulate, join, joinAll, joinLanes, joinVectors, type Partial, start } from './reductions.ts'
import { LANES, type Mode } from './writer.ts'

type ByLanes = Extract<ReductionOrder, { kind: 'lanes' }>
type Sequence = Extract<ReductionOrder, { kind: 'sequence' }>

/** A reduction of the stage, and its place among them. */
interface Slot {
  readonly reduction: Reduction
  readonly slot: number
}

const NONE = (): void => {}

/** Whether each term's product and addition are one instruction. */
const isFused = (at: Expressions, { value, op }: Reduction): boolean =>
  at.fuses && op === 'sum' && value.kind === 'binary' && value.op === 'mul'

/** The accumulator takes the next term, or those of the next vector. */
function take(at: Expressions, reduction: Reduction, mode: Mode, acc: Partial, counter: () => void, mask?: Local): void {
  const { code } = at
  const { value } = reduction
  if (!isFused(at, reduction) || value.kind !== 'binary') {
    accumulate(at, reduction, mode, acc, counter, mask)
    return
  }
  // There is no such instruction of single numbers
  const wide = (push: () => unknown): void => {
    push()
    if (mode === 'scalar') code.op('f32x4.splat')
  }
  for (const e of [value.a, value.b]) wide(() => at.emit(e, mode))
  wide(() => code.get(acc.local))
  code.op('f32x4.relaxed_madd')
  if (mode === 'scalar') code.lane('f32x4.extract_lane', 0)
  code.set(acc.local)
}

/** Names of the accumulators of a stage. */
const accOf = (at: Expressions, stage: number, slot: number): Accumulator => at.accs.get(`${stage}.${slot}`) as Accumulator

/** Term by term, at one point, or at those of some vectors. @param work instructions of all that is done for a term */
export function reducePoints(at: Expressions, stage: ReduceStage, number: number, work: number, mode: Mode, copies: readonly Copy[]): void {
  const { code } = at
  const vector = mode === 'vector'
  forEachCopy(at, copies, () => {
    stage.reductions.forEach(({ op, value }, slot) => {
      const local = at.fresh(vector ? 'v128' : at.scalarType(value.type))
      const position = positionOf(op) && at.fresh(vector ? 'v128' : 'i32')
      at.accs.set(`${number}.${slot}`, { local, vector, position })
      start(at, op, value.type, mode)
      code.set(local)
      if (position) (vector ? code.v128([0, 0, 0, 0]) : code.i32(0)).set(position)
    })
  })
  const order = at.wide ? undefined : stage.order
  const slots = stage.reductions.map((reduction, slot) => ({ reduction, slot }))
  const dealt = order?.kind === 'lanes' ? slots.filter(({ reduction }) => dependsOnOrder(reduction)) : []
  const others = slots.filter((s) => !dealt.includes(s))
  if (others.length > 0) oneByOne(at, stage.axes, others, number, work, mode, copies, order?.kind === 'sequence' ? order : undefined)
  if (dealt.length > 0) laneByLane(at, stage.axes, dealt, number, mode, copies, order as ByLanes)
}

/** Row-major over the axes. */
function oneByOne(
  at: Expressions,
  axes: readonly Axis[],
  slots: readonly Slot[],
  number: number,
  work: number,
  mode: Mode,
  copies: readonly Copy[],
  order: Sequence | undefined,
): void {
  const { code } = at
  const counter = slots.some(({ reduction }) => positionOf(reduction.op)) ? at.fresh('i32') : undefined
  if (counter) code.i32(0).set(counter)
  const schedule = order && foldSchedule(order, axes)
  const sums: Local[] = []
  forEachCopy(at, copies, () => {
    for (const { reduction, slot } of slots) if (addsFloats(reduction)) sums.push(accOf(at, number, slot).local)
  })
  const folds = schedule && sums.length > 0 ? new Folds(at, sums, order.compensated && !schedule.seldom) : undefined
  const body = (): void => {
    forEachCopy(at, copies, () =>
      at.scoped(() => {
        for (const { reduction, slot } of slots) {
          take(at, reduction, mode, accOf(at, number, slot), () => {
            code.get(counter as Local)
            if (mode === 'vector') code.op('i32x4.splat')
          })
        }
      }),
    )
    if (counter) code.get(counter).i32(1).op('i32.add').set(counter)
  }
  overAxes(at, axes, work, body, folds && schedule && { every: schedule.every, step: folds.step })
  folds?.end(schedule?.pending ?? false)
}

/** As many accumulators as there are vectors to the order: terms go to the first, and they move up with each. */
interface Ring {
  readonly reduction: Reduction
  readonly parts: readonly Local[]
}

/** Each accumulator becomes what is so many places behind it. */
function rotate(code: Code, rings: readonly Ring[], by: number): void {
  for (const { parts } of rings) {
    const n = parts.length
    if (by % n === 0) continue
    for (let k = 0; k < n; k++) code.get(parts[(k + by) % n] as Local)
    for (let k = n - 1; k >= 0; k--) code.set(parts[k] as Local)
  }
}

/** Where the accumulators have to move so that the first is that of a run's first term again. @param turned how often they have */
const home = (vectors: number, turned: number): number => (vectors - (turned % vectors)) % vectors

/** What the lanes of the order come to, one lane after the other: (l0 + l2) + (l1 + l3). */
interface LanePairs {
  readonly reduction: Reduction
  readonly acc: Local
  readonly pair: Local
}

/** Takes what the `turn`-th lane comes to. */
function joinLane(at: Expressions, { reduction: { op, value }, acc, pair }: LanePairs, mode: Mode, turn: Local, lane: Local): void {
  const { code } = at
  const add = (to: Local, from: Local): void => {
    code.get(to).get(from)
    join(at, op, value.type, mode)
    code.set(to)
  }
  code.get(turn).i32(1).op('i32.and')
  code.if(
    () => {
      add(pair, lane)
      code.get(turn).i32(1).op('i32.eq')
      code.if(
        () => code.get(pair).set(acc),
        () => add(acc, pair),
      )
    },
    () => code.get(lane).set(pair),
  )
}

/** The terms of each lane of the order by themselves, one lane after the other. */
function laneByLane(
  at: Expressions,
  axes: readonly Axis[],
  slots: readonly Slot[],
  number: number,
  mode: Mode,
  copies: readonly Copy[],
  order: ByLanes,
): void {
  const { code } = at
  const { vectors } = order
  const type = mode === 'vector' ? 'v128' : 'f32'
  const rings: Ring[] = copies.flatMap(() =>
    slots.map(({ reduction }) => ({ reduction, parts: Array.from({ length: vectors }, () => at.fresh(type)) })),
  )
  const pairs: LanePairs[] = copies.flatMap((copy) =>
    slots.map(({ reduction, slot }) => {
      const acc = copy.accs?.get(`${number}.${slot}`) as Accumulator
      return { reduction, acc: acc.local, pair: at.fresh(type) }
    }),
  )
  /** A term for the accumulators of one vector of the order. */
  const term = (vector: number): void =>
    forEachCopy(at, copies, (_, n) =>
      at.scoped(() => {
        slots.forEach(({ reduction }, place) => {
          const { parts } = rings[n * slots.length + place] as Ring
          take(at, reduction, mode, { local: parts[vector] as Local, position: undefined }, NONE)
        })
      }),
    )
  const [turn, lane, lanes] = [at.fresh('i32'), at.fresh('i32'), at.fresh('i32')]
  code.i32(0).set(turn).i32(ORDER_LANES).set(lanes)
  code.for(turn, lanes, 1, () => {
    // 0, 2, 1, 3
    code.get(turn).i32(1).op('i32.and').i32(1).op('i32.shl')
    code.get(turn).i32(1).op('i32.shr_u').op('i32.or').set(lane)
    for (const { reduction, parts } of rings)
      for (const part of parts) {
        start(at, reduction.op, reduction.value.type, mode)
        code.set(part)
      }
    if (axes.length === 1) alongRun(at, axes[0] as Axis, order, rings, lane, term)
    else overRuns(at, axes, order, rings, lane, () => term(0))
    rings.forEach(({ reduction, parts }, n) => {
      joinVectors(at, reduction.op, reduction.value.type, mode, parts)
      joinLane(at, pairs[n] as LanePairs, mode, turn, parts[0] as Local)
    })
  })
}

const summed = (rings: readonly Ring[], vector?: number): Local[] =>
  rings.filter(({ reduction }) => addsFloats(reduction)).flatMap(({ parts }) => (vector === undefined ? parts : [parts[vector] as Local]))

/** The terms of a lane along one run: those of each vector by themselves, so that the inner loop has one accumulator. */
function alongRun(at: Expressions, run: Axis, order: ByLanes, rings: readonly Ring[], lane: Local, term: (vector: number) => void): void {
  const { code } = at
  const turn = ORDER_LANES * order.vectors
  const schedule = foldSchedule(order, [run])
  const [i, end] = [at.fresh('i32'), at.fresh('i32')]
  at.axes.set(run, i)
  for (let vector = 0; vector < order.vectors; vector++) {
    const sums = summed(rings, vector)
    const folds = schedule && sums.length > 0 ? new Folds(at, sums, !schedule.seldom) : undefined
    code
      .get(lane)
      .i32(ORDER_LANES * vector)
      .op('i32.add')
      .set(i)
    if (folds && schedule) {
      code.i32(run.size - (run.size % turn)).set(end)
      counted(code, i, end, turn, new Countdown(code, { every: schedule.every, step: folds.step }), () => term(vector))
    }
    code.i32(run.size).set(end)
    code.for(i, end, turn, () => term(vector))
    folds?.end(schedule?.endsRuns ?? false)
  }
}

/** The terms of a lane along several runs: accumulators take turns. */
function overRuns(at: Expressions, axes: readonly Axis[], order: ByLanes, rings: readonly Ring[], lane: Local, term: () => void): void {
  const { code } = at
  const { vectors } = order
  const run = axes.at(-1) as Axis
  const rest = run.size % ORDER_LANES
  const schedule = foldSchedule(order, axes)
  const sums = summed(rings)
  const folds = schedule && sums.length > 0 ? new Folds(at, sums, !schedule.seldom) : undefined
  const step = folds?.step ?? NONE
  const [i, end] = [at.fresh('i32'), at.fresh('i32')]
  const next = (): void => {
    term()
    rotate(code, rings, 1)
  }
  const oneRun = (): void => {
    at.axes.set(run, i)
    code.get(lane).set(i)
    if (schedule?.per === 'turns') {
      code.i32(run.size - (run.size % (ORDER_LANES * vectors))).set(end)
      counted(code, i, end, ORDER_LANES, new Countdown(code, { every: schedule.every * vectors, step }), next)
    }
    code.i32(run.size).set(end)
    code.for(i, end, ORDER_LANES, next)
    rotate(code, rings, home(vectors, Math.ceil(run.size / ORDER_LANES)))
    if (rest > 0 && vectors > 1) {
      code.get(lane).i32(rest).op('i32.ge_u')
      code.if(() => rotate(code, rings, 1))
    }
    if (schedule?.endsRuns) step()
  }
  overAxes(at, axes.slice(0, -1), 100, oneRun, schedule?.per === 'runs' ? { every: schedule.every, step } : undefined)
  folds?.end(schedule?.pending ?? false)
}

/** How a reduction is kept while its stage's innermost axis runs in vectors. */
type Held =
  /** Vectors, of which each joins another; in the end they are joined: in the order by lanes, or in any. */
  | { readonly kind: 'vectors'; readonly parts: readonly [Partial, ...Partial[]]; readonly dealt: boolean }
  /** A number that takes the lanes of a vector one after the other. */
  | { readonly kind: 'number'; readonly local: Local }

/**
 * The innermost axis in vectors, at one point of the grid: several at a time, that sums do not wait for each other.
 * @param most vectors at a time that are worth it; with one, those of the order by lanes take turns
 */
export function reduceRow(at: Expressions, stage: ReduceStage, number: number, lane: Axis, most: number): void {
  const { code } = at
  const { axes, reductions, order } = stage
  const outer = axes.filter((a) => a !== lane)
  const turning = order?.kind === 'lanes' && most === 1
  const atOnce = order?.kind === 'lanes' ? (turning ? 1 : order.vectors) : most
  at.hoist(rootsOf([stage]), new Set(axes), 'scalar')
  const held = reductions.map((reduction) => hold(at, reduction, order, atOnce))
  const before = reductions.some((r) => positionOf(r.op)) ? at.fresh('i32') : undefined
  if (before) code.i32(0).set(before)
  at.lane = lane
  const rings: Ring[] = held.flatMap((h, slot) =>
    turning && h.kind === 'vectors' && h.dealt ? [{ reduction: reductions[slot] as Reduction, parts: h.parts.map((p) => p.local) }] : [],
  )
  const { inside, outside, endsRuns, folds, pending } = foldsOf(at, stage, held, lane, atOnce, turning)
  const run = (): void => {
    const i = at.fresh('i32')
    at.axes.set(lane, i)
    code.i32(0).set(i)
    at.hoist(rootsOf([stage]), new Set([lane]), 'scalar')
    const counter = (): void => {
      code
        .get(before as Local)
        .get(i)
        .op('i32.add')
      at.ramp(1)
    }
    const body = (copies: readonly Copy[], place: number): void => {
      forEachCopy(at, copies, (copy, n) => {
        at.scoped(() => {
          reductions.forEach((r, slot) => {
            takeVector(at, r, held[slot] as Held, place + n, copy, counter)
          })
        })
      })
      rotate(code, rings, 1)
    }
    alongLane(code, i, undefined, lane.size, atOnce, body, inside)
    if (order?.kind === 'lanes') rotate(code, rings, home(order.vectors, Math.ceil(lane.size / LANES)))
    if (endsRuns) folds?.step()
    if (before) code.get(before).i32(lane.size).op('i32.add').set(before)
  }
  overAxes(at, outer, 100, run, outside)
  folds?.end(pending)
  at.lane = undefined
  reductions.forEach((r, slot) => {
    at.accs.set(`${number}.${slot}`, letGo(at, r, held[slot] as Held))
  })
}

function hold(at: Expressions, reduction: Reduction, order: ReductionOrder | undefined, atOnce: number): Held {
  const { code } = at
  const { op, value } = reduction
  if (dependsOnOrder(reduction) && order?.kind !== 'lanes') {
    const local = at.fresh('f32')
    start(at, op, value.type, 'scalar')
    code.set(local)
    return { kind: 'number', local }
  }
  const dealt = dependsOnOrder(reduction)
  const length = dealt && order?.kind === 'lanes' ? order.vectors : atOnce
  const parts = Array.from({ length }, (_, n): Partial => {
    const [local, position] = [at.fresh('v128'), positionOf(op) && at.fresh('v128')]
    start(at, op, value.type, 'vector')
    code.set(local)
    // Where nothing is more than the start, the first is the extreme
    if (position) code.v128([4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]).set(position)
    return { local, position }
  })
  return { kind: 'vectors', parts: parts as [Partial, ...Partial[]], dealt }
}

/** What is held takes the terms of a vector, the `place`-th of those that are taken at a time. */
function takeVector(at: Expressions, reduction: Reduction, held: Held, place: number, copy: Copy, counter: () => void): void {
  if (held.kind === 'vectors') {
    take(at, reduction, 'vector', held.parts[place] as Partial, counter, copy.mask)
    return
  }
  const vector = at.fresh('v128')
  at.emit(reduction.value, 'vector')
  at.code.set(vector)
  joinLanes(at, reduction.op, held.local, vector, copy.count)
}

function letGo(at: Expressions, { op, value: { type } }: Reduction, held: Held): Accumulator {
  if (held.kind === 'number') return { local: held.local, vector: false, position: undefined }
  return joinAll(at, op, type, held.parts)
}

/** When sums are folded: in the loop along the innermost axis, in those around it, or at the end of each run. */
interface RowFolds {
  readonly folds: Folds | undefined
  readonly inside: Fold | undefined
  readonly outside: Fold | undefined
  readonly endsRuns: boolean
  readonly pending: boolean
}

function foldsOf(at: Expressions, stage: ReduceStage, held: readonly Held[], lane: Axis, atOnce: number, turning: boolean): RowFolds {
  const { order, axes, reductions } = stage
  const schedule = order && foldSchedule(order, axes)
  const sums = held.flatMap((h, slot) => {
    if (!addsFloats(reductions[slot] as Reduction)) return []
    return h.kind === 'number' ? [h.local] : h.parts.map((p) => p.local)
  })
  if (!schedule || sums.length === 0) return { folds: undefined, inside: undefined, outside: undefined, endsRuns: false, pending: false }
  const folds = new Folds(at, sums, (order.kind === 'lanes' || order.compensated) && !schedule.seldom)
  const { step } = folds
  const { per, every, endsRuns, pending } = schedule
  const fold = (count: number): Fold => ({ every: count, step })
  const rest = { folds, endsRuns, pending }
  switch (per) {
    case 'runs':
      return { ...rest, inside: undefined, outside: fold(every) }
    case 'turns':
      return { ...rest, inside: fold(turning && order.kind === 'lanes' ? every * order.vectors : every), outside: undefined }
    case 'terms':
      // (vectorize.ts leaves other lengths to loops of points)
      return every % lane.size === 0
        ? { ...rest, inside: undefined, outside: fold(every / lane.size) }
        : { ...rest, inside: fold(every / (LANES * atOnce)), outside: undefined }
  }
}
