/**
 * @file A kernel of the IR as a WebAssembly function `run(args, begin, end)`: computes rows `begin` to `end` of its grid. Sizes are part of the code, addresses are not.
 *
 * One axis runs in vectors of four where the kernel reads and writes along it: the innermost of the grid (four points at once) or those of the
 * stages (four terms of a row's sum at once). What lies inside no loop of its axes is computed in front of it.
 */
import {
  type Axis,
  foldSchedule,
  indicesOf,
  type Kernel,
  type ReduceStage,
  reductionsOf,
  rootsOf,
  type Stage,
  type StoreStage,
  unreachable,
} from '../../../../kernel/index.ts'
import type { Code, Local, ModuleBuilder } from '../assembler/assembler.ts'
import { workOf } from '../cost.ts'
import { Expressions } from './expressions.ts'
import { Helpers } from './helpers.ts'
import { patternOf } from './lane-strides.ts'
import type { Library } from './library.ts'
import { alongLane, type Copy, copiesOf, forEachCopy, overAxes } from './loops.ts'
import { reducePoints, reduceRow } from './reduce-stage.ts'
import { gridLane, stageLane } from './vectorize.ts'
import { LANES, type Mode } from './writer.ts'

/** Points of the vector axis that one row of work has, so that long axes are shared among threads. */
const CHUNK = 8192

export class KernelWriter {
  readonly #kernel: Kernel
  readonly #code: Code
  readonly #at: Expressions

  /**
   * @param lengths elements of each buffer
   * @param fuses whether products in panels multiply and add in one instruction: those here, which are as likely to be the same product, do then, too
   */
  constructor(kernel: Kernel, lengths: readonly number[], module: ModuleBuilder, library: Library, fuses: boolean) {
    this.#kernel = kernel
    this.#code = module.function(['i32', 'i32', 'i32'], [], 'run')
    this.#at = new Expressions(kernel, lengths, this.#code, library, new Helpers(module))
    this.#at.aligned = true
    const [first] = kernel.stages
    this.#at.fuses =
      fuses && !this.#at.wide && kernel.contract !== undefined && first?.kind === 'reduce' && first.order?.kind === 'sequence'
  }

  /** Writes the function; returns how many rows there are to share. */
  write(): number {
    const code = this.#code
    const { grid, stages } = this.#kernel
    const along = this.#at.wide ? undefined : gridLane(this.#kernel, this.#at.terms, true, this.#at.fuses)
    const outer = along ? grid.filter((a) => a !== along) : grid
    const rows = outer.reduce((n, a) => n * a.size, 1)
    const chunks = along ? Math.ceil(along.size / CHUNK) : 1
    const row = code.local('i32')
    code.get(code.params[1] as Local).set(row)
    this.#at.hoist(rootsOf(stages), new Set([...grid, ...stages.flatMap((s) => s.axes)]), 'scalar')
    code.for(row, code.params[2] as Local, 1, () => {
      this.#at.scoped(() => {
        this.#decode(row, outer, chunks)
        if (along) this.#pointsAlong(along, row, chunks)
        else this.#point()
      })
    })
    return rows * chunks
  }

  // ── loops ──

  /** Sets the locals of axes from their row-major position (the chunk is innermost). */
  #decode(row: Local, axes: readonly Axis[], chunks: number): void {
    const code = this.#code
    const long = axes.filter((a) => a.size > 1)
    for (const a of axes) if (a.size === 1) this.#at.axes.set(a, this.#at.fresh('i32'))
    if (long.length === 0) return
    const rest = code.local('i32')
    code.get(row)
    if (chunks > 1) code.i32(chunks).op('i32.div_u')
    code.set(rest)
    for (let i = long.length - 1; i >= 0; i--) {
      const axis = long[i] as Axis
      const local = code.local('i32')
      this.#at.axes.set(axis, local)
      if (i === 0) code.get(rest).set(local)
      else code.get(rest).i32(axis.size).op('i32.rem_u').set(local).get(rest).i32(axis.size).op('i32.div_u').set(rest)
    }
  }

  /** Four points at once along `axis`, or several vectors of them where stages reduce. */
  #pointsAlong(axis: Axis, row: Local, chunks: number): void {
    const code = this.#code
    const { stages } = this.#kernel
    const i = code.local('i32')
    const end = code.local('i32')
    if (chunks > 1) {
      code.get(row).i32(chunks).op('i32.rem_u').i32(CHUNK).op('i32.mul').set(i)
      // min(i + CHUNK, size)
      code.get(i).i32(CHUNK).op('i32.add').set(end)
      code.get(end).i32(axis.size).get(end).i32(axis.size).op('i32.lt_u').op('select').set(end)
    } else code.i32(0).set(i)
    this.#at.axes.set(axis, i)
    this.#at.lane = axis
    this.#at.hoist(rootsOf(stages), new Set([axis, ...stages.flatMap((s) => s.axes)]), 'scalar')
    const reduces = stages.some((s) => reductionsOf(s).length > 0)
    // Over several runs, sums by lanes have accumulators for several vectors each
    const held = Math.max(
      ...stages.map((s) => (s.kind === 'reduce' && s.order?.kind === 'lanes' && s.axes.length > 1 ? s.order.vectors : 1)),
    )
    const most = reduces ? Math.min(this.#vectorsAtOnce(stages, axis), 4 / held) : 1
    alongLane(code, i, chunks > 1 ? end : undefined, axis.size, most, (copies) => {
      this.#at.scoped(() => {
        stages.forEach((stage, s) => {
          this.#stage(stage, s, 'vector', copies)
        })
      })
    })
    this.#at.lane = undefined
  }

  /**
   * Vectors that are worth computing in one iteration: more than one where little is done with each, so that none waits for the sum of the last. One where a
   * remainder begins anew somewhere along the axis: the next vector is then not always as far away.
   */
  #vectorsAtOnce(stages: readonly Stage[], lane: Axis): number {
    const { terms } = this.#at
    if (indicesOf(stages).some((index) => patternOf(index, lane, terms, true)?.step === undefined)) return 1
    const work = stages.reduce((n, stage) => n + workOf(stage), 0)
    return work <= 10 ? 4 : work <= 40 ? 2 : 1
  }

  /** One point of the grid; stages that read along their innermost axis do so in vectors. */
  #point(): void {
    const [copy] = copiesOf(1) as [Copy]
    copy.accs = this.#at.accs
    this.#kernel.stages.forEach((stage, s) => {
      const lane = this.#at.wide ? undefined : stageLane(stage, this.#at.terms, this.#at.fuses)
      if (lane) this.#rowStage(stage, s, lane)
      else this.#stage(stage, s, 'scalar', [copy])
    })
  }

  /** A stage of one point, or of the points of some vectors. */
  #stage(stage: Stage, number: number, mode: Mode, copies: readonly Copy[]): void {
    const inner = new Set(stage.axes)
    if (stage.axes.length > 0) forEachCopy(this.#at, copies, () => this.#at.hoist(rootsOf([stage]), inner, mode))
    const work = copies.length * (workOf(stage) + 1)
    switch (stage.kind) {
      case 'store':
        overAxes(this.#at, stage.axes, work, () =>
          forEachCopy(this.#at, copies, () => this.#at.scoped(() => this.#at.stores(stage.stores, mode))),
        )
        break
      case 'reduce':
        reducePoints(this.#at, stage, number, work, mode, copies)
        break
      default:
        unreachable(stage)
    }
  }

  /** A stage whose innermost axis runs in vectors, at one point of the grid. */
  #rowStage(stage: Stage, number: number, lane: Axis): void {
    const at = this.#at
    const most = Math.max(1, Math.min(this.#vectorsAtOnce([stage], lane), Math.floor(lane.size / LANES)))
    switch (stage.kind) {
      case 'reduce':
        reduceRow(at, stage, number, lane, evenly(stage, most))
        break
      case 'store':
        this.#storeRow(stage, lane, most)
        break
      default:
        unreachable(stage)
    }
  }

  #storeRow({ axes, stores }: StoreStage, lane: Axis, most: number): void {
    const at = this.#at
    const { code } = at
    const roots = stores.flatMap(({ index, value }) => [index, value])
    at.hoist(roots, new Set(axes), 'scalar')
    at.lane = lane
    const row = (): void => {
      const i = at.fresh('i32')
      at.axes.set(lane, i)
      code.i32(0).set(i)
      at.hoist(roots, new Set([lane]), 'scalar')
      alongLane(code, i, undefined, lane.size, most, (copies) =>
        forEachCopy(at, copies, () => at.scoped(() => at.stores(stores, 'vector'))),
      )
    }
    overAxes(
      at,
      axes.filter((a) => a !== lane),
      100,
      row,
    )
    at.lane = undefined
  }
}

/** Of so many vectors at a time as many as a fold does not cut apart. */
function evenly({ order, axes }: ReduceStage, most: number): number {
  const schedule = order && foldSchedule(order, axes)
  if (schedule?.per !== 'terms' || schedule.every % (axes.at(-1) as Axis).size === 0) return most
  let n = most
  while (schedule.every % (LANES * n) !== 0) n--
  return n
}
