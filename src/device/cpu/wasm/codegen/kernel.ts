/**
 * @file A kernel of the IR as a WebAssembly function `run(args, begin, end)`: computes rows `begin` to `end` of its grid. Sizes are part of the code, addresses are not.
 *
 * One axis runs in vectors of four where the kernel reads and writes along it: the innermost of the grid (four points at once) or those of the
 * stages (four terms of a row's sum at once). What lies inside no loop of its axes is computed in front of it.
 */
import {
  type Axis,
  addsFloats,
  indicesOf,
  type Kernel,
  positionOf,
  type ReduceStage,
  reductionsOf,
  rootsOf,
  type Stage,
  type StoreStage,
  storesOf,
  unreachable,
} from '../../../../kernel/index.ts'
import { type Code, four, type Local, type ModuleBuilder } from '../assembler/assembler.ts'
import { workOf } from '../cost.ts'
import type { Accumulator } from './codegen-context.ts'
import { Expressions } from './expressions.ts'
import { Helpers } from './helpers.ts'
import { patternOf } from './lane-strides.ts'
import type { Library } from './library.ts'
import { alongLane, type Copy, copiesOf, forEachCopy, overAxes } from './loops.ts'
import { accumulate, joinAll, type Partial, start, wholesOf } from './reductions.ts'
import { gridLane, stageLane } from './vectorize.ts'
import { LANES, type Mode } from './writer.ts'

/** Points of the vector axis that one row of work has, so that long axes are shared among threads. */
const CHUNK = 8192

export class KernelWriter {
  readonly #kernel: Kernel
  readonly #code: Code
  readonly #at: Expressions

  /** @param lengths elements of each buffer */
  constructor(kernel: Kernel, lengths: readonly number[], module: ModuleBuilder, library: Library) {
    this.#kernel = kernel
    this.#code = module.function(['i32', 'i32', 'i32'], [], 'run')
    this.#at = new Expressions(kernel, lengths, this.#code, library, new Helpers(module))
    this.#at.aligned = true
  }

  /** Writes the function; returns how many rows there are to share. */
  write(): number {
    const code = this.#code
    const { grid, stages } = this.#kernel
    const along = this.#at.wide ? undefined : gridLane(this.#kernel, this.#at.terms, true)
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
    const most = reduces ? this.#vectorsAtOnce(stages, axis) : 1
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
    const work = workOf(stages)
    return work <= 10 ? 4 : work <= 40 ? 2 : 1
  }

  /** One point of the grid; stages that read along their innermost axis do so in vectors. */
  #point(): void {
    const [copy] = copiesOf(1) as [Copy]
    copy.accs = this.#at.accs
    this.#kernel.stages.forEach((stage, s) => {
      const lane = this.#at.wide ? undefined : stageLane(stage, this.#at.terms)
      if (lane) this.#rowStage(stage, s, lane)
      else this.#stage(stage, s, 'scalar', [copy])
    })
  }

  /** A stage of one point, or of the points of some vectors. */
  #stage(stage: Stage, number: number, mode: Mode, copies: readonly Copy[]): void {
    const inner = new Set(stage.axes)
    if (stage.axes.length > 0) forEachCopy(this.#at, copies, () => this.#at.hoist(rootsOf([stage]), inner, mode))
    const work = copies.length * (workOf([stage]) + 1)
    switch (stage.kind) {
      case 'store':
        overAxes(this.#at, stage.axes, work, () =>
          forEachCopy(this.#at, copies, () => this.#at.scoped(() => this.#at.stores(stage.stores, mode))),
        )
        break
      case 'reduce':
        this.#reduce(stage, number, work, mode, copies)
        break
      default:
        unreachable(stage)
    }
  }

  #reduce({ axes, reductions }: ReduceStage, number: number, work: number, mode: Mode, copies: readonly Copy[]): void {
    const code = this.#code
    const vector = mode === 'vector'
    const accOf = (slot: number): Accumulator => this.#at.accs.get(`${number}.${slot}`) as Accumulator
    forEachCopy(this.#at, copies, () => {
      reductions.forEach(({ op, value }, slot) => {
        const local = this.#at.fresh(vector ? 'v128' : this.#at.scalarType(value.type))
        const position = positionOf(op) && this.#at.fresh(vector ? 'v128' : 'i32')
        this.#at.accs.set(`${number}.${slot}`, { local, vector, position })
        start(this.#at, op, value.type, mode)
        code.set(local)
        if (position) (vector ? code.v128(four(0)) : code.i32(0)).set(position)
      })
    })
    const counter = reductions.some((r) => positionOf(r.op)) ? this.#at.fresh('i32') : undefined
    if (counter) code.i32(0).set(counter)
    const sums: Local[] = []
    forEachCopy(this.#at, copies, () => {
      reductions.forEach((r, slot) => {
        if (addsFloats(r)) sums.push(accOf(slot).local)
      })
    })
    const terms = axes.reduce((n, a) => n * a.size, 1)
    const folded = wholesOf(this.#at, sums, terms)
    const body = (): void => {
      forEachCopy(this.#at, copies, () =>
        this.#at.scoped(() => {
          reductions.forEach((r, slot) => {
            accumulate(this.#at, r, mode, accOf(slot), () => {
              code.get(counter as Local)
              if (vector) code.op('i32x4.splat')
            })
          })
        }),
      )
      if (counter) code.get(counter).i32(1).op('i32.add').set(counter)
    }
    overAxes(this.#at, axes, work, body, folded?.step)
    folded?.end()
  }

  /** A stage whose innermost axis runs in vectors, at one point of the grid: several vectors at a time, that sums do not wait for each other. */
  #rowStage(stage: ReduceStage | StoreStage, number: number, lane: Axis): void {
    const code = this.#code
    const at = this.#at
    const outer = stage.axes.filter((a) => a !== lane)
    const most = Math.max(1, Math.min(this.#vectorsAtOnce([stage], lane), Math.floor(lane.size / LANES)))
    const reductions = reductionsOf(stage)
    const stores = storesOf(stage)
    at.hoist(rootsOf([stage]), new Set(stage.axes), 'scalar')
    const partial = reductions.map(({ op, value }) =>
      Array.from({ length: most }, (_, n): Partial => {
        const [local, position] = [at.fresh('v128'), positionOf(op) && at.fresh('v128')]
        start(at, op, value.type, 'vector')
        code.set(local)
        // Where nothing is more than the start, the first is the extreme
        if (position) code.v128([4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]).set(position)
        return { local, position }
      }),
    )
    const before = reductions.some((r) => positionOf(r.op)) ? at.fresh('i32') : undefined
    if (before) code.i32(0).set(before)
    at.lane = lane
    const turns = Math.ceil(lane.size / LANES / most)
    const folded = wholesOf(
      at,
      reductions.flatMap((r, slot) => (addsFloats(r) ? (partial[slot] as Partial[]).map((p) => p.local) : [])),
      outer.reduce((n, a) => n * a.size, turns),
    )
    const row = (): void => {
      const i = at.fresh('i32')
      at.axes.set(lane, i)
      code.i32(0).set(i)
      at.hoist(rootsOf([stage]), new Set([lane]), 'scalar')
      alongLane(
        code,
        i,
        undefined,
        lane.size,
        most,
        (copies) =>
          forEachCopy(at, copies, (copy, n) =>
            at.scoped(() => {
              if (stores.length > 0) at.stores(stores, 'vector')
              reductions.forEach((r, slot) => {
                const counter = (): void => {
                  code
                    .get(before as Local)
                    .get(i)
                    .op('i32.add')
                  at.ramp(1)
                }
                accumulate(at, r, 'vector', (partial[slot] as Partial[])[n] as Partial, counter, copy.mask)
              })
            }),
          ),
        folded?.step,
      )
      if (before) code.get(before).i32(lane.size).op('i32.add').set(before)
    }
    overAxes(at, outer, 100, row, folded?.step, turns)
    folded?.end()
    at.lane = undefined
    reductions.forEach(({ op, value: { type } }, slot) => {
      at.accs.set(`${number}.${slot}`, joinAll(at, op, type, partial[slot] as [Partial, ...Partial[]]))
    })
  }
}
