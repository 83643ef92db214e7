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
  type Reduction,
  reductionsOf,
  rootsOf,
  type Stage,
  storesOf,
  unreachable,
} from '../../../../kernel/index.ts'
import { type Code, four, type Local, type ModuleBuilder } from '../assembler/assembler.ts'
import { workOf } from '../cost.ts'
import type { Accumulator, CodegenScope } from './codegen-context.ts'
import { Expressions } from './expressions.ts'
import { Helpers } from './helpers.ts'
import { patternOf } from './lane-strides.ts'
import type { Library } from './library.ts'
import { CHAIN, fold, join, joinAll, type Partial, start, takeExtreme, type Whole } from './reductions.ts'
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

  /** Writes the function; answers how many rows there are to share. */
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
    this.#alongLane(i, chunks > 1 ? end : undefined, axis.size, most, (copies) => {
      this.#at.scoped(() => {
        stages.forEach((stage, s) => {
          this.#stage(stage, s, 'vector', copies)
        })
      })
    })
    this.#at.lane = undefined
  }

  /**
   * Walks along the lane axis from `i`, which has been set, to `end`, or to `size` where that is undefined: `most` vectors at a time, then one by one, then
   * the lanes that are left. `i` and `end` are multiples of all that is taken at a time, but for `size`.
   */
  #alongLane(
    i: Local,
    end: Local | undefined,
    size: number,
    most: number,
    body: (copies: readonly Copy[]) => void,
    folded?: () => void,
  ): void {
    const code = this.#code
    const rest = size % LANES
    const vectors = (size - rest) / LANES
    const to = code.local('i32')
    if (end) {
      // As much as there are whole groups of vectors
      for (const at of most > 1 ? [most, 1] : [1]) {
        code.get(end).get(end).get(i).op('i32.sub')
        code
          .i32(at * LANES - 1)
          .op('i32.and')
          .op('i32.sub')
          .set(to)
        code.for(i, to, at * LANES, () => body(copiesOf(at)))
      }
      if (rest > 0) {
        code.get(i).get(end).op('i32.lt_u')
        code.if(() => body(copiesOf(1, 0, rest)))
      }
      return
    }
    const whole = vectors - (vectors % most)
    if (whole > most) {
      code.i32(whole * LANES).set(to)
      const each = (): void => body(copiesOf(most))
      if (folded && whole / most > CHAIN) this.#inBlocks(i, to, most * LANES, CHAIN, each, folded)
      else code.for(i, to, most * LANES, each)
    } else if (whole > 0) {
      body(copiesOf(most))
      if (vectors > whole || rest > 0)
        code
          .get(i)
          .i32(whole * LANES)
          .op('i32.add')
          .set(i)
    }
    const left = vectors - whole
    if (left > 0) body(copiesOf(left))
    if (rest > 0) body(copiesOf(1, left * LANES, rest))
  }

  /** Walks from `i`, which has been set, to `to`; calls `folded` after every `turns` turns, and at the end. */
  #inBlocks(i: Local, to: Local, step: number, turns: number, body: () => void, folded: () => void): void {
    const code = this.#code
    const stop = code.local('i32')
    code.block((leave) => {
      code.loop((again) => {
        code.get(i).get(to).op('i32.ge_u').brIf(leave)
        code
          .get(i)
          .i32(turns * step)
          .op('i32.add')
          .tee(stop)
        code.get(to).get(stop).get(to).op('i32.lt_u').op('select').set(stop)
        code.for(i, stop, step, body)
        folded()
        code.br(again)
      })
    })
  }

  /** Where a float sum of so many terms is too long for one chain: a whole for each accumulator. */
  #wholes(accs: readonly Local[], terms: number): { readonly step: () => void; readonly end: () => void } | undefined {
    if (terms <= CHAIN || this.#at.wide || accs.length === 0) return undefined
    const wholes = accs.map((acc): [Local, Whole] => {
      const whole = { total: this.#at.fresh(acc.type), lost: this.#at.fresh(acc.type) }
      for (const local of [whole.total, whole.lost]) {
        if (acc.type === 'v128') this.#code.v128(four(0)).set(local)
        else this.#code.f32(0).set(local)
      }
      return [acc, whole]
    })
    const step = (): void => {
      for (const [acc, whole] of wholes) fold(this.#at, acc, whole)
    }
    const end = (): void => {
      step()
      for (const [acc, { total }] of wholes) this.#code.get(total).set(acc)
    }
    return { step, end }
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

  /** Writes something for each of several vectors. */
  #each(copies: readonly Copy[], write: (copy: Copy, n: number) => void): void {
    const at = this.#at
    const [accs, mask] = [at.accs, at.mask]
    copies.forEach((copy, n) => {
      at.lead = copy.lead
      at.count = copy.count
      copy.accs ??= new Map(accs)
      at.accs = copy.accs
      at.within(copy.scope, () => {
        if (copy.count < LANES && copy.mask === undefined) {
          copy.mask = at.fresh('v128')
          this.#code.v128([-1, copy.count > 1 ? -1 : 0, copy.count > 2 ? -1 : 0, 0]).set(copy.mask)
        }
        at.mask = copy.mask
        write(copy, n)
      })
    })
    at.lead = 0
    at.count = LANES
    at.accs = accs
    at.mask = mask
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

  /**
   * Few and small bodies stand one after the other, so that what they read is at known places.
   *
   * @param folded called after each few hundred bodies, which count as `terms` each
   */
  #loops(axes: readonly Axis[], work: number, body: () => void, folded?: () => void, terms = 1): void {
    if (axes.length === 0) {
      body()
      return
    }
    const code = this.#code
    const [axis, ...rest] = axes as [Axis, ...Axis[]]
    const i = code.local('i32')
    this.#at.axes.set(axis, i)
    const inside = (): void =>
      this.#at.scoped(() => {
        this.#loops(rest, work, body, folded, terms)
      })
    const points = axes.reduce((n, a) => n * a.size, 1)
    if (points <= 9 && points * work <= 100) {
      for (let n = 0; n < axis.size; n++) {
        code.i32(n).set(i)
        inside()
      }
      return
    }
    const end = code.local('i32')
    code.i32(0).set(i).i32(axis.size).set(end)
    const within = rest.reduce((n, a) => n * a.size, terms)
    if (folded && within <= CHAIN && within * axis.size > CHAIN) this.#inBlocks(i, end, 1, Math.floor(CHAIN / within), inside, folded)
    else code.for(i, end, 1, inside)
  }

  /** A stage of one point, or of the points of some vectors. */
  #stage(stage: Stage, number: number, mode: Mode, copies: readonly Copy[]): void {
    const inner = new Set(stage.axes)
    if (stage.axes.length > 0) this.#each(copies, () => this.#at.hoist(rootsOf([stage]), inner, mode))
    const work = copies.length * (workOf([stage]) + 1)
    switch (stage.kind) {
      case 'store':
        this.#loops(stage.axes, work, () => this.#each(copies, () => this.#at.scoped(() => this.#at.stores(stage.stores, mode))))
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
    this.#each(copies, () => {
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
    this.#each(copies, () => {
      reductions.forEach((r, slot) => {
        if (addsFloats(r)) sums.push(accOf(slot).local)
      })
    })
    const terms = axes.reduce((n, a) => n * a.size, 1)
    const folded = this.#wholes(sums, terms)
    const body = (): void => {
      this.#each(copies, () =>
        this.#at.scoped(() => {
          reductions.forEach((r, slot) => {
            this.#accumulate(r, mode, accOf(slot), () => {
              code.get(counter as Local)
              if (vector) code.op('i32x4.splat')
            })
          })
        }),
      )
      if (counter) code.get(counter).i32(1).op('i32.add').set(counter)
    }
    this.#loops(axes, work, body, folded?.step)
    folded?.end()
  }

  /** An accumulator takes the next value. @param counter pushes where that stands; @param mask the lanes that count, where not all do */
  #accumulate({ op, value }: Reduction, mode: Mode, { local, position }: Partial, counter: () => void, mask?: Local): void {
    const code = this.#code
    const at = this.#at
    const extreme = positionOf(op)
    if (!extreme) code.get(local)
    at.emit(value, mode)
    if (mask) {
      start(at, op, value.type, mode)
      code.get(mask).op('v128.bitselect')
    }
    if (extreme) takeExtreme(at, extreme, value.type, mode, { local, position }, counter)
    else {
      join(at, op, value.type, mode)
      code.set(local)
    }
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
    const folded = this.#wholes(
      reductions.flatMap((r, slot) => (addsFloats(r) ? (partial[slot] as Partial[]).map((p) => p.local) : [])),
      outer.reduce((n, a) => n * a.size, turns),
    )
    const row = (): void => {
      const i = at.fresh('i32')
      at.axes.set(lane, i)
      code.i32(0).set(i)
      at.hoist(rootsOf([stage]), new Set([lane]), 'scalar')
      this.#alongLane(
        i,
        undefined,
        lane.size,
        most,
        (copies) =>
          this.#each(copies, (copy, n) =>
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
                this.#accumulate(r, 'vector', (partial[slot] as Partial[])[n] as Partial, counter, copy.mask)
              })
            }),
          ),
        folded?.step,
      )
      if (before) code.get(before).i32(lane.size).op('i32.add').set(before)
    }
    this.#loops(outer, 100, row, folded?.step, turns)
    folded?.end()
    at.lane = undefined
    reductions.forEach(({ op, value: { type } }, slot) => {
      at.accs.set(`${number}.${slot}`, joinAll(at, op, type, partial[slot] as [Partial, ...Partial[]]))
    })
  }
}

type ReduceStage = Extract<Stage, { kind: 'reduce' }>
type StoreStage = Extract<Stage, { kind: 'store' }>

/** One of the vectors that an iteration computes. */
interface Copy {
  readonly scope: CodegenScope
  /** Elements in front of it. */
  readonly lead: number
  /** Lanes that count. */
  readonly count: number
  accs?: Map<string, Accumulator>
  mask?: Local
}

const copiesOf = (count: number, lead = 0, lanes = LANES): Copy[] =>
  Array.from({ length: count }, (_, n) => ({ scope: { known: new Map() }, lead: lead + n * LANES, count: lanes }))
