/**
 * @file Contractions (matrix products, convolutions) in blocks of packed panels. Kernels have the loops over blocks, the tables of places by which panels are packed
 * from any strides, and the store stages over a finished block; the loops inside are in gemm.ts.
 *
 * A block of the result is one unit of work, `run(args, begin, end)` computes some of them, and no sum is split between two, so results are the same however
 * the work is shared.
 */
import {
  type Axis,
  axesOf,
  type ContractAxes,
  coefOf,
  fitsTemplate,
  type Index,
  type Kernel,
  type Parts,
  partsOf,
  type Stage,
  shapeOf,
} from '../../../kernel/index.ts'
import { rootsOf } from './analysis.ts'
import type { Code, Func, Local, ModuleBuilder } from './assembler.ts'
import { Expressions } from './expressions.ts'
import { type GEMM, ROWS, WIDTHS, type Width } from './gemm.ts'
import { Helpers } from './helpers.ts'
import { joinAxes } from './join.ts'
import { gridLane } from './lanes.ts'
import type { Library } from './library.ts'
import { LANES } from './writer.ts'

/** The most that a block has: terms of the sum at a time, rows, columns. */
export interface Blocks {
  readonly terms: number
  readonly rows: number
  readonly columns: number
}
/** A panel of b stays in the first cache, the block of a in the second. Larger blocks gain nothing, and are fewer to share among threads. */
const BLOCKS: Blocks = { terms: 256, rows: 64, columns: 192 }
/** Bytes of packed columns that are kept for the next rows; where all terms need more, they are packed again. */
const KEPT = 2 ** 21

export type GemmFunctions = Readonly<Record<keyof typeof GEMM, Func>>

/** Whether a kernel can be computed in panels at all: a sum of products of floats at each point. */
export function fitsPanels(kernel: Kernel): boolean {
  if (!fitsTemplate(kernel)) return false
  const { a, b, columns } = axesOf(kernel)
  if ([a, b].some((x) => kernel.buffers[x.buffer]?.dtype !== 'float32')) return false
  return columns.length > 0 && shapeOf(kernel).k > 0
}

/** The blocks in which a kernel is best computed, if in blocks: those of products so small that panels do not fill up are not. */
export function chooseBlocks(kernel: Kernel): Blocks | undefined {
  if (!fitsPanels(kernel)) return undefined
  const { m, n, k } = shapeOf(kernel)
  return k >= 4 && m >= 3 && n >= 6 && m * n * k >= 8192 ? BLOCKS : undefined
}

/** The width of tiles that leave least of their columns empty. */
function widthFor(n: number): Width {
  const [wide, narrow] = WIDTHS
  return Math.ceil(n / narrow) * narrow < 0.9 * Math.ceil(n / wide) * wide ? narrow : wide
}

/** The size of parts when `of` is cut into as few as `most` allows, all multiples of `unit`. */
const even = (of: number, most: number, unit: number): number => Math.ceil(of / Math.ceil(of / most) / unit) * unit

export class ContractWriter {
  readonly #kernel: Kernel
  readonly #axes: ContractAxes
  readonly #code: Code
  readonly #at: Expressions
  readonly #gemm: GemmFunctions
  /** The axes of the columns as the stores walk them. */
  readonly #columns: readonly Axis[]
  readonly #stores: readonly Extract<Stage, { kind: 'store' }>[]
  readonly #sizes: { readonly m: number; readonly n: number; readonly k: number }
  /** Columns of a tile. */
  readonly #width: Width
  /** The size of a block. */
  readonly #block: { readonly m: number; readonly n: number; readonly k: number }
  /** Whether packed columns are kept from one block of rows to the next. */
  readonly #keeps: boolean
  /** Where in the scratch memory the parts are. */
  readonly #places: { readonly sumsA: number; readonly sumsB: number; readonly rows: number; readonly columns: number }
  readonly #panels: { readonly a: number; readonly b: number; readonly sums: number }
  readonly scratchBytes: number

  /** @param lengths elements of each buffer */
  constructor(kernel: Kernel, lengths: readonly number[], module: ModuleBuilder, library: Library, gemm: GemmFunctions, most: Blocks) {
    this.#gemm = gemm
    this.#axes = axesOf(kernel)
    const stores = kernel.stages.slice(1) as Extract<Stage, { kind: 'store' }>[]
    const { axes: columns, stages } = joinAxes(this.#axes.columns, stores, 1 + Math.max(...kernel.grid.map((axis) => axis.id)))
    this.#columns = columns
    this.#stores = stages
    const inside = new Set(this.#axes.columns)
    const grid = [...kernel.grid.filter((axis) => !inside.has(axis)), ...columns]
    this.#kernel = { ...kernel, grid, stages: [kernel.stages[0] as Stage, ...stages] }
    this.#code = module.function(['i32', 'i32', 'i32'], [], 'run')
    this.#at = new Expressions(this.#kernel, lengths, this.#code, library, new Helpers(module))
    const { m, n, k } = shapeOf(kernel)
    this.#sizes = { m, n, k }
    this.#width = widthFor(n)
    const block = { m: even(m, most.rows, ROWS), n: even(n, most.columns, this.#width), k: Math.min(k, even(k, most.terms, 4)) }
    this.#block = block
    this.#keeps = 4 * k * block.n <= KEPT
    let bytes = 0
    const room = (floats: number): number => {
      const at = bytes
      bytes += Math.ceil((4 * floats) / 64) * 64
      return at
    }
    this.#places = { sumsA: room(block.k), sumsB: room(block.k), rows: room(block.m), columns: room(block.n) }
    this.#panels = { a: room(block.m * block.k), sums: room(block.m * block.n), b: room(block.n * (this.#keeps ? k : block.k)) }
    this.scratchBytes = bytes
  }

  /** Writes the function; answers how many blocks there are to share. */
  write(): number {
    const code = this.#code
    const at = this.#at
    const { a, b, batch, rows, columns, sum } = this.#axes
    const { m, n, k } = this.#sizes
    const block = this.#block
    const [rowBlocks, columnBlocks] = [Math.ceil(m / block.m), Math.ceil(n / block.n)]
    const [args, begin, end] = code.params as [Local, Local, Local]
    const local = (): Local => code.local('i32')
    for (const axis of this.#kernel.grid) if (axis.size === 1) at.axes.set(axis, local())
    const scratch = local()
    code
      .get(args)
      .memory('i32.load', 4 * this.#kernel.buffers.length + 4)
      .set(scratch)
    at.hoist(rootsOf(this.#stores), new Set(this.#kernel.grid), 'scalar')
    const [unit, row, column, z, packed, part] = [local(), local(), local(), local(), local(), local()]
    const [fromA, fromB, countM, countN, from, countK] = [local(), local(), local(), local(), local(), local()]
    code.i32(-1).set(packed)
    code.get(begin).set(unit)
    code.for(unit, end, 1, () => {
      at.scoped(() => {
        code.get(unit).i32(rowBlocks).op('i32.rem_u').i32(block.m).op('i32.mul').set(row)
        code.get(unit).i32(rowBlocks).op('i32.div_u').set(part)
        code.get(part).i32(columnBlocks).op('i32.rem_u').i32(block.n).op('i32.mul').set(column)
        code.get(part).i32(columnBlocks).op('i32.div_u').set(z)
        this.#decode(z, batch)
        this.#start(a.index, a.buffer, batch, fromA)
        this.#start(b.index, b.buffer, batch, fromB)
        this.#least(m, row, block.m, countM)
        this.#least(n, column, block.n, countN)
        this.#table(a.index, rows, row, countM, ROWS, m, this.#places.rows, scratch)
        this.#table(b.index, columns, column, countN, this.#width, n, this.#places.columns, scratch)
        code.i32(0).set(from)
        const last = local()
        code.i32(k).set(last)
        code.for(from, last, block.k, () => {
          this.#least(k, from, block.k, countK)
          this.#table(a.index, sum, from, countK, 1, k, this.#places.sumsA, scratch)
          this.#pack(ROWS, fromA, countM, countK, this.#places.rows, this.#places.sumsA, scratch, () =>
            code.get(scratch).i32(this.#panels.a).op('i32.add'),
          )
          const panelsB = (): void => {
            code.get(scratch).i32(this.#panels.b).op('i32.add')
            if (this.#keeps)
              code
                .get(from)
                .i32(4 * block.n)
                .op('i32.mul')
                .op('i32.add')
          }
          const packB = (): void => {
            this.#table(b.index, sum, from, countK, 1, k, this.#places.sumsB, scratch)
            this.#pack(this.#width, fromB, countN, countK, this.#places.columns, this.#places.sumsB, scratch, panelsB)
          }
          if (this.#keeps) {
            code.get(packed).get(part).op('i32.ne')
            code.if(packB)
          } else packB()
          code.get(scratch).i32(this.#panels.a).op('i32.add')
          panelsB()
          code.get(scratch).i32(this.#panels.sums).op('i32.add')
          this.#panelsOf(countM, ROWS)
          this.#panelsOf(countN, this.#width)
          code
            .get(countK)
            .i32(4 * block.n)
            .get(from)
            .call(this.#gemm[`block${this.#width}`])
        })
        code.get(part).set(packed)
        this.#finish(row, countM, column, countN, scratch)
      })
    })
    const batches = batch.reduce((count, axis) => count * axis.size, 1)
    return batches * rowBlocks * columnBlocks
  }

  /** to = min(size − from, most) */
  #least(size: number, from: Local, most: number, to: Local): void {
    const code = this.#code
    if (size <= most) {
      code.i32(size).set(to)
      return
    }
    code.i32(size).get(from).op('i32.sub').tee(to)
    code.i32(most).get(to).i32(most).op('i32.lt_u').op('select').set(to)
  }

  /** Pushes ⌈count / width⌉. */
  #panelsOf(count: Local, width: number): void {
    this.#code
      .get(count)
      .i32(width - 1)
      .op('i32.add')
      .i32(width)
      .op('i32.div_u')
  }

  /** Sets the locals of axes from their row-major position, and answers that of the last. */
  #decode(of: Local, axes: readonly Axis[]): void {
    const parts = axes.map((axis) => ({ axes: [axis], size: axis.size }))
    this.#split(of, parts).forEach((local, i) => {
      this.#at.axes.set(axes[i] as Axis, local)
    })
  }

  /** The positions along some parts of what stands in `of`, row-major. */
  #split(of: Local, parts: Parts): Local[] {
    const code = this.#code
    if (parts.length === 1) return [of]
    const locals = parts.map(() => code.local('i32'))
    const rest = code.local('i32')
    code.get(of).set(rest)
    for (let i = parts.length - 1; i >= 0; i--) {
      const [local, { size }] = [locals[i] as Local, parts[i] as Parts[0]]
      if (i === 0) code.get(rest).set(local)
      else {
        code.get(rest).i32(size).op('i32.rem_u').set(local)
        code.get(rest).i32(size).op('i32.div_u').set(rest)
      }
    }
    return locals
  }

  /** Pushes Σ 4 · coef · position. */
  #bytes(index: Index, parts: Parts, positions: readonly Local[]): void {
    const code = this.#code
    code.i32(0)
    parts.forEach(({ axes }, i) => {
      const coef = coefOf(index, axes.at(-1))
      if (coef === 0) return
      code
        .get(positions[i] as Local)
        .i32(4 * coef)
        .op('i32.mul')
        .op('i32.add')
    })
  }

  /** Where an operand begins for a batch. */
  #start(index: Index, buffer: number, batch: readonly Axis[], to: Local): void {
    const parts = batch.map((axis) => ({ axes: [axis], size: axis.size }))
    this.#bytes(
      index,
      parts,
      batch.map((axis) => this.#at.axes.get(axis) as Local),
    )
    const code = this.#code
    code
      .get(this.#at.buffers[buffer] as Local)
      .op('i32.add')
      .i32(4 * index.offset)
      .op('i32.add')
      .set(to)
  }

  /** A table of how many bytes an operand moves for `count` positions behind `from` along one side, up to whole panels: behind the last the last again. */
  #table(index: Index, axes: readonly Axis[], from: Local, count: Local, width: number, size: number, place: number, scratch: Local): void {
    const code = this.#code
    const parts = partsOf(axes, [index])
    const [i, to, x, end] = [code.local('i32'), code.local('i32'), code.local('i32'), code.local('i32')]
    code.get(scratch).i32(place).op('i32.add').set(to)
    code.get(from).set(i)
    this.#panelsOf(count, width)
    code.i32(width).op('i32.mul').get(from).op('i32.add').set(end)
    code.for(i, end, 1, () => {
      code.get(i)
      if (width > 1) {
        code.i32(size - 1).get(i)
        code
          .i32(size - 1)
          .op('i32.lt_u')
          .op('select')
      }
      code.set(x).get(to)
      this.#bytes(index, parts, this.#split(x, parts))
      code.memory('i32.store')
      code.get(to).i32(4).op('i32.add').set(to)
    })
  }

  /** Packs the panels of one operand that a block needs, from where `panels` pushes. */
  #pack(width: number, from: Local, count: Local, terms: Local, offsets: number, sums: number, scratch: Local, panels: () => void): void {
    const code = this.#code
    const [i, to, table] = [code.local('i32'), code.local('i32'), code.local('i32')]
    panels()
    code.set(to).get(scratch).i32(offsets).op('i32.add').set(table)
    code.i32(0).set(i)
    code.for(i, count, width, () => {
      for (let group = 0; group < width; group += 4) {
        code
          .get(to)
          .i32(4 * group)
          .op('i32.add')
          .i32(4 * width)
          .get(from)
        code
          .get(table)
          .i32(4 * group)
          .op('i32.add')
        code.get(scratch).i32(sums).op('i32.add').get(terms).call(this.#gemm.pack)
      }
      code
        .get(terms)
        .i32(4 * width)
        .op('i32.mul')
      code.get(to).op('i32.add').set(to)
      code
        .get(table)
        .i32(4 * width)
        .op('i32.add')
        .set(table)
    })
  }

  // ── the store stages ──

  /** Runs the store stages over a block whose sums are known: a row at a time, in vectors along the last axis of the columns where they can. */
  #finish(row: Local, countM: Local, column: Local, countN: Local, scratch: Local): void {
    const code = this.#code
    const at = this.#at
    const { rows } = this.#axes
    const columns = this.#columns
    const local = (): Local => code.local('i32')
    const along = columns.at(-1) as Axis
    const outer = columns.slice(0, -1)
    const vectors = gridLane({ ...this.#kernel, stages: this.#stores }, at.terms) === along
    const roots = rootsOf(this.#stores)
    at.hoist(roots, new Set([...rows, ...columns]), 'scalar')
    const [r, endM, c, endN, line, x, i, end, whole] = [local(), local(), local(), local(), local(), local(), local(), local(), local()]
    const sum = local()
    code.get(row).set(r).get(row).get(countM).op('i32.add').set(endM)
    code.get(column).get(countN).op('i32.add').set(endN)
    code.get(scratch).i32(this.#panels.sums).op('i32.add').set(line)
    code.for(r, endM, 1, () => {
      at.scoped(() => {
        this.#decode(r, rows)
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
                this.#decode(x, outer)
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
        code
          .get(line)
          .i32(4 * this.#block.n)
          .op('i32.add')
          .set(line)
      })
    })
  }

  /** The store stages from i to `end`, whose sums are at `sum`. */
  #points(i: Local, end: Local, sum: Local, mode: 'vector' | 'scalar'): void {
    const code = this.#code
    const vector = mode === 'vector'
    const value = code.local(vector ? 'v128' : 'f32')
    const step = vector ? LANES : 1
    code.for(i, end, step, () => {
      this.#at.scoped(() => {
        code
          .get(sum)
          .memory(vector ? 'v128.load' : 'f32.load')
          .set(value)
        this.#at.accs.set('0.0', { local: value, vector, position: undefined })
        for (const stage of this.#stores) this.#at.stores(stage.stores, mode)
        code
          .get(sum)
          .i32(4 * step)
          .op('i32.add')
          .set(sum)
      })
    })
  }
}
