/** @file The store stages of a contraction, over a part of its result whose sums are in memory. */
import {
  type Axis,
  type CollapsedAxis,
  type ContractAxes,
  collapseStores,
  type Kernel,
  rootsOf,
  type Stage,
} from '../../../../kernel/index.ts'
import type { Code, Local } from '../assembler/assembler.ts'
import { Expressions } from './expressions.ts'
import type { Helpers } from './helpers.ts'
import type { Library } from './library.ts'
import { gridLane } from './vectorize.ts'
import { LANES } from './writer.ts'

/** The positions along some parts of what stands in `of`, row-major. */
export function split(code: Code, of: Local, parts: readonly CollapsedAxis[]): Local[] {
  if (parts.length === 1) return [of]
  const locals = parts.map(() => code.local('i32'))
  const rest = code.local('i32')
  code.get(of).set(rest)
  for (let i = parts.length - 1; i >= 0; i--) {
    const [local, { size }] = [locals[i] as Local, parts[i] as CollapsedAxis]
    if (i === 0) code.get(rest).set(local)
    else {
      code.get(rest).i32(size).op('i32.rem_u').set(local)
      code.get(rest).i32(size).op('i32.div_u').set(rest)
    }
  }
  return locals
}

export class StoresWriter {
  /** The kernel with as few axes of columns as its stores allow. */
  readonly kernel: Kernel
  readonly at: Expressions
  readonly #rows: readonly Axis[]
  /** The axes of the columns as the stores walk them. */
  readonly #columns: readonly Axis[]
  readonly stages: readonly Extract<Stage, { kind: 'store' }>[]

  /** @param lengths elements of each buffer */
  constructor(kernel: Kernel, axes: ContractAxes, lengths: readonly number[], code: Code, library: Library, helpers: Helpers) {
    const stores = kernel.stages.slice(1) as Extract<Stage, { kind: 'store' }>[]
    const { axes: columns, stages } = collapseStores(axes.columns, stores, 1 + Math.max(...kernel.grid.map((axis) => axis.id)))
    this.#rows = axes.rows
    this.#columns = columns
    this.stages = stages
    const inside = new Set(axes.columns)
    const grid = [...kernel.grid.filter((axis) => !inside.has(axis)), ...columns]
    this.kernel = { ...kernel, grid, stages: [kernel.stages[0] as Stage, ...stages] }
    this.at = new Expressions(this.kernel, lengths, code, library, helpers)
  }

  /** What is the same at all points; written once, before anything else. */
  begin(): void {
    for (const axis of this.kernel.grid) if (axis.size === 1) this.at.axes.set(axis, this.at.fresh('i32'))
    this.at.hoist(rootsOf(this.stages), new Set(this.kernel.grid), 'scalar')
  }

  /** Sets the locals of axes from their row-major position. */
  decode(of: Local, axes: readonly Axis[]): void {
    const parts = axes.map((axis) => ({ axes: [axis], size: axis.size }))
    split(this.at.code, of, parts).forEach((local, i) => {
      this.at.axes.set(axes[i] as Axis, local)
    })
  }

  /**
   * Stores `countM` rows from `row` on, of `countN` columns from `column` on: a row at a time, in vectors along the last axis of the columns where they can.
   * @param pitch bytes from a row of sums to the next
   * @param sums pushes where the first of them is
   */
  write(row: Local, countM: Local, column: Local, countN: Local, pitch: number, sums: () => void): void {
    const { at } = this
    const { code } = at
    const rows = this.#rows
    const columns = this.#columns
    const local = (): Local => code.local('i32')
    const along = columns.at(-1) as Axis
    const outer = columns.slice(0, -1)
    const vectors = gridLane({ ...this.kernel, stages: this.stages }, at.terms) === along
    const roots = rootsOf(this.stages)
    at.hoist(roots, new Set([...rows, ...columns]), 'scalar')
    const [r, endM, c, endN, line, x, i, end, whole] = [local(), local(), local(), local(), local(), local(), local(), local(), local()]
    const sum = local()
    code.get(row).set(r).get(row).get(countM).op('i32.add').set(endM)
    code.get(column).get(countN).op('i32.add').set(endN)
    sums()
    code.set(line)
    code.for(r, endM, 1, () => {
      at.scoped(() => {
        this.decode(r, rows)
        at.hoist(roots, new Set(columns), 'scalar')
        code.get(column).set(c).get(line).set(sum)
        code.block((leave) => {
          code.loop((again) => {
            at.scoped(() => {
              // The part of the columns that lies along one run of the last axis
              if (outer.length === 0) code.get(c).set(i).get(endN).set(end)
              else {
                code.get(c).i32(along.size).op('i32.div_u').set(x)
                code.get(c).i32(along.size).op('i32.rem_u').set(i)
                this.decode(x, outer)
                code.get(endN).get(c).op('i32.sub').get(i).op('i32.add').tee(end)
                code.i32(along.size).get(end).i32(along.size).op('i32.lt_u').op('select').set(end)
              }
              code.get(end).get(i).op('i32.sub').get(c).op('i32.add').set(c)
              at.axes.set(along, i)
              at.lane = vectors ? along : undefined
              at.hoist(roots, new Set([along]), 'scalar')
              if (vectors) {
                code
                  .get(end)
                  .get(end)
                  .get(i)
                  .op('i32.sub')
                  .i32(LANES - 1)
                code.op('i32.and').op('i32.sub').set(whole)
                this.#points(i, whole, sum, 'vector')
              }
              this.#points(i, end, sum, 'scalar')
              at.lane = undefined
            })
            code.get(c).get(endN).op('i32.ge_u').brIf(leave).br(again)
          })
        })
        code.get(line).i32(pitch).op('i32.add').set(line)
      })
    })
  }

  /** The store stages from i to `end`, whose sums are at `sum`. */
  #points(i: Local, end: Local, sum: Local, mode: 'vector' | 'scalar'): void {
    const { code } = this.at
    const vector = mode === 'vector'
    const value = code.local(vector ? 'v128' : 'f32')
    const step = vector ? LANES : 1
    code.for(i, end, step, () => {
      this.at.scoped(() => {
        code
          .get(sum)
          .memory(vector ? 'v128.load' : 'f32.load')
          .set(value)
        this.at.accs.set('0.0', { local: value, vector, position: undefined })
        for (const stage of this.stages) this.at.stores(stage.stores, mode)
        code
          .get(sum)
          .i32(4 * step)
          .op('i32.add')
          .set(sum)
      })
    })
  }
}
