/**
 * @file A kernel of the IR as a WebAssembly function `run(args, begin, end)`: computes rows `begin` to `end` of its grid. Sizes are part of the code, addresses are not.
 *
 * One axis runs in vectors of four where the kernel reads and writes along it: the innermost of the grid (four points at once) or those of the
 * stages (four terms of a row's sum at once). What lies inside no loop of its axes is computed in front of it.
 */
import type { Axis, Expr, Kernel, Stage, ValueType } from '../../../kernel/index.ts'
import { rootsOf } from './analysis.ts'
import type { Code, Local, ModuleBuilder, Op } from './assembler.ts'
import { Expressions } from './expressions.ts'
import { Helpers } from './helpers.ts'
import { gridLane, stageLane } from './lanes.ts'
import type { Library } from './library.ts'
import { LANES, type Mode, Unsupported } from './writer.ts'

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
  }

  /** Writes the function; answers how many rows there are to share. */
  write(): number {
    const code = this.#code
    const { grid, stages } = this.#kernel
    const along = this.#at.wide ? undefined : gridLane(this.#kernel, this.#at.terms)
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

  /** Four points at once along `axis`, then the rest one by one. */
  #pointsAlong(axis: Axis, row: Local, chunks: number): void {
    const code = this.#code
    const i = code.local('i32')
    const end = code.local('i32')
    if (chunks > 1) {
      code.get(row).i32(chunks).op('i32.rem_u').i32(CHUNK).op('i32.mul').set(i)
      // min(i + CHUNK, size)
      code.get(i).i32(CHUNK).op('i32.add').set(end)
      code.get(end).i32(axis.size).get(end).i32(axis.size).op('i32.lt_u').op('select').set(end)
    } else {
      code.i32(0).set(i).i32(axis.size).set(end)
    }
    this.#at.axes.set(axis, i)
    this.#at.lane = axis
    const inner = new Set([axis, ...this.#kernel.stages.flatMap((s) => s.axes)])
    this.#at.hoist(rootsOf(this.#kernel.stages), inner, 'scalar')
    const whole = code.local('i32')
    code
      .get(end)
      .get(end)
      .get(i)
      .op('i32.sub')
      .i32(LANES - 1)
      .op('i32.and')
      .op('i32.sub')
      .set(whole)
    for (const mode of ['vector', 'scalar'] as const) {
      code.for(i, mode === 'vector' ? whole : end, mode === 'vector' ? LANES : 1, () => {
        this.#at.scoped(() => {
          this.#kernel.stages.forEach((stage, s) => {
            this.#stage(stage, s, mode)
          })
        })
      })
    }
    this.#at.lane = undefined
  }

  /** One point of the grid; stages that read along their innermost axis do so in vectors. */
  #point(): void {
    this.#kernel.stages.forEach((stage, s) => {
      const lane = this.#at.wide ? undefined : stageLane(stage, this.#at.terms)
      if (lane) this.#rowStage(stage, s, lane)
      else this.#stage(stage, s, 'scalar')
    })
  }

  #loops(axes: readonly Axis[], body: () => void): void {
    if (axes.length === 0) {
      body()
      return
    }
    const code = this.#code
    const [axis, ...rest] = axes as [Axis, ...Axis[]]
    const i = code.local('i32')
    const end = code.local('i32')
    code.i32(0).set(i).i32(axis.size).set(end)
    this.#at.axes.set(axis, i)
    code.for(i, end, 1, () => {
      this.#at.scoped(() => {
        this.#loops(rest, body)
      })
    })
  }

  #stage(stage: Stage, number: number, mode: Mode): void {
    const code = this.#code
    const inner = new Set(stage.axes)
    if (stage.axes.length > 0) this.#at.hoist(rootsOf([stage]), inner, mode)
    if (stage.kind === 'store') {
      this.#loops(stage.axes, () => this.#at.stores(stage.stores, mode))
      return
    }
    stage.reductions.forEach(({ op, type, value }, slot) => {
      if (op === 'argmax' || op === 'argmin') {
        if (mode === 'vector') throw new Unsupported('argmax of four points')
      }
      const kind = mode === 'vector' ? 'v128' : this.#at.scalarType(op.startsWith('arg') ? value.type : type)
      const local = this.#at.fresh(kind)
      const position = op.startsWith('arg') ? this.#at.fresh('i32') : undefined
      this.#at.accs.set(`${number}.${slot}`, { local, vector: mode === 'vector', position })
      this.#start(op, value.type, mode)
      code.set(local)
      if (position) code.i32(-1).set(position)
    })
    const counter = stage.reductions.some((r) => r.op.startsWith('arg')) ? this.#at.fresh('i32') : undefined
    if (counter) code.i32(0).set(counter)
    this.#loops(stage.axes, () => {
      stage.reductions.forEach(({ op, value }, slot) => {
        const acc = this.#at.accs.get(`${number}.${slot}`) as { local: Local; position: Local | undefined }
        if (acc.position) this.#extreme(op, value, acc.local, acc.position, counter as Local)
        else {
          code.get(acc.local)
          this.#at.emit(value, mode)
          this.#join(op, value.type, mode)
          code.set(acc.local)
        }
      })
      if (counter) code.get(counter).i32(1).op('i32.add').set(counter)
    })
  }

  /** A stage whose innermost axis runs in vectors, at one point of the grid. */
  #rowStage(stage: Stage, number: number, lane: Axis): void {
    const code = this.#code
    const outer = stage.axes.filter((a) => a !== lane)
    const partial: Local[] = []
    this.#at.hoist(rootsOf([stage]), new Set(stage.axes), 'scalar')
    if (stage.kind === 'reduce') {
      stage.reductions.forEach(({ op, value }, slot) => {
        const local = this.#at.fresh(this.#at.scalarType(value.type))
        const vector = this.#at.fresh('v128')
        partial.push(vector)
        this.#at.accs.set(`${number}.${slot}`, { local, vector: false, position: undefined })
        this.#start(op, value.type, 'scalar')
        code.set(local)
        this.#start(op, value.type, 'vector')
        code.set(vector)
      })
    }
    const whole = lane.size - (lane.size % LANES)
    this.#at.lane = lane
    this.#loops(outer, () => {
      const i = this.#at.fresh('i32')
      const end = this.#at.fresh('i32')
      this.#at.axes.set(lane, i)
      code.i32(0).set(i).i32(whole).set(end)
      this.#at.hoist(rootsOf([stage]), new Set([lane]), 'scalar')
      for (const mode of ['vector', 'scalar'] as const) {
        if (mode === 'scalar' && whole === lane.size) continue
        if (mode === 'scalar') code.i32(lane.size).set(end)
        code.for(i, end, mode === 'vector' ? LANES : 1, () => {
          this.#at.scoped(() => {
            if (stage.kind === 'store') this.#at.stores(stage.stores, mode)
            else
              stage.reductions.forEach(({ op, value }, slot) => {
                const acc = mode === 'vector' ? (partial[slot] as Local) : (this.#at.accs.get(`${number}.${slot}`)?.local as Local)
                code.get(acc)
                this.#at.emit(value, mode)
                this.#join(op, value.type, mode)
                code.set(acc)
              })
          })
        })
      }
    })
    this.#at.lane = undefined
    if (stage.kind === 'reduce')
      stage.reductions.forEach(({ op, value }, slot) => {
        const { local } = this.#at.accs.get(`${number}.${slot}`) as { local: Local }
        for (let l = 0; l < LANES; l++) {
          code.get(local)
          code.get(partial[slot] as Local).lane(value.type === 'float' ? 'f32x4.extract_lane' : 'i32x4.extract_lane', l)
          if (value.type === 'bool') code.i32(1).op('i32.and')
          this.#join(op, value.type, 'scalar')
          code.set(local)
        }
      })
  }

  // ── reductions ──

  #start(op: string, type: ValueType, mode: Mode): void {
    const lowest = type === 'float' ? Number.NEGATIVE_INFINITY : type === 'i32' ? -(2 ** 31) : 0
    const highest = type === 'float' ? Number.POSITIVE_INFINITY : type === 'i32' ? 2 ** 31 - 1 : type === 'u32' ? 2 ** 32 - 1 : 1
    const value = op === 'sum' ? 0 : op === 'prod' ? 1 : op === 'max' || op === 'argmax' ? lowest : highest
    this.#at.constant({ kind: 'const', value, type }, mode)
  }

  #join(op: string, type: ValueType, mode: Mode): void {
    const code = this.#code
    const vector = mode === 'vector'
    if (type === 'bool') {
      code.op((vector ? `v128.${op === 'max' || op === 'sum' ? 'or' : 'and'}` : `i32.${op === 'max' || op === 'sum' ? 'or' : 'and'}`) as Op)
      return
    }
    const name = op === 'sum' ? 'add' : op === 'prod' ? 'mul' : op
    if (type === 'float') {
      code.op(`${vector ? 'f32x4' : this.#at.wide ? 'f64' : 'f32'}.${name}` as Op)
      return
    }
    if (name === 'add' || name === 'mul') {
      code.op(`${vector ? 'i32x4' : 'i32'}.${name}` as Op)
      return
    }
    const sign = type === 'u32' ? '_u' : '_s'
    if (vector) code.op(`i32x4.${name}${sign}` as Op)
    else {
      const [x, y] = [this.#at.fresh('i32'), this.#at.fresh('i32')]
      code.set(y).tee(x).get(y)
      code
        .get(x)
        .get(y)
        .op(`i32.${name === 'max' ? 'gt' : 'lt'}${sign}` as Op)
        .op('select')
    }
  }

  /** acc, position ← value, counter where the value is the first extreme; NaN counts as the extreme. */
  #extreme(op: string, value: Expr, acc: Local, position: Local, counter: Local): void {
    const code = this.#code
    const type = this.#at.scalarType(value.type)
    const v = this.#at.fresh(type)
    this.#at.emit(value, 'scalar')
    code.set(v)
    const more = op === 'argmax' ? 'gt' : 'lt'
    const compare = (type === 'i32' ? `i32.${more}${value.type === 'u32' ? '_u' : '_s'}` : `${type}.${more}`) as Op
    // position < 0 || (acc == acc && (v != v || v > acc))
    code.get(position).i32(0).op('i32.lt_s')
    code.get(v).get(acc).op(compare)
    if (type !== 'i32') {
      code
        .get(v)
        .get(v)
        .op(`${type}.ne` as Op)
        .op('i32.or')
      code
        .get(acc)
        .get(acc)
        .op(`${type}.eq` as Op)
        .op('i32.and')
    }
    code.op('i32.or')
    code.if(() => {
      code.get(v).set(acc).get(counter).set(position)
    })
  }
}
