/**
 * @file A contraction by the BLAS of the machine, as its plan says. Products read operands in place or from chunks that functions of the kernel's module have packed,
 * and write the result in place, or sums that the module's store stages then read. Chunks come one after the other; their lines and rows may be shared.
 */
import { type Axis, type ContractAxes, coefOf, type Index, type Kernel, type Move, movesOf } from '../../../../kernel/index.ts'
import type { Code, Local, ModuleBuilder } from '../assembler/assembler.ts'
import { StoresWriter } from '../codegen/epilogue.ts'
import { Helpers } from '../codegen/helpers.ts'
import type { Library } from '../codegen/library.ts'
import { CBLAS, type Sgemm } from './blas.ts'
import type { BlasPlan, MatrixLayout, Walk } from './blas-plan.ts'
import { firstCount, type Lines, writeLines } from './packing.ts'

/** Words at the beginning of a product's scratch memory, which all threads share: what the next function is to do. */
const WORDS = { source: 0, count: 1, row: 2, column: 3, columns: 4, batch: 5 } as const
const HEAD = 64

/** A chunk of a dimension, or a piece of one. */
interface Stretch {
  readonly start: number
  readonly count: number
}
interface Chunk extends Stretch {
  readonly pieces: readonly Stretch[]
}

/** A function of the module. */
export type Entry = 'packA' | 'packB' | 'store'

/** What a product needs to run. */
export interface Surroundings {
  readonly sgemm: Sgemm
  /** Where the WebAssembly memory begins. */
  readonly base: number
  /** Addresses in it of the kernel's buffers. */
  readonly addresses: Int32Array
  /** Where `scratchBytes` are that all threads see, and the words at their beginning. */
  readonly scratch: number
  readonly head: Int32Array
  /** The numbers that the kernel is given, by their slots. */
  readonly scalars: readonly number[]
  /** Calls a function for so many lines or rows of so many elements each. */
  call(entry: Entry, rows: number, length: number): void
}

/** A packed operand: its lines, and where they go. */
interface Packed extends Lines {
  readonly entry: Entry
  readonly of: MatrixLayout['along']
  readonly place: number
}

export class ProductWriter {
  readonly scratchBytes: number
  readonly #kernel: Kernel
  readonly #plan: BlasPlan
  readonly #lengths: readonly number[]
  readonly #module: ModuleBuilder
  readonly #library: Library
  readonly #a: Packed | undefined
  readonly #b: Packed | undefined
  readonly #sums: number

  /** @param lengths elements of each buffer */
  constructor(kernel: Kernel, lengths: readonly number[], module: ModuleBuilder, library: Library, plan: BlasPlan) {
    this.#plan = plan
    this.#module = module
    this.#library = library
    let bytes = HEAD
    const room = (floats: number): number => {
      const at = bytes
      bytes += Math.ceil((4 * floats) / 64) * 64
      return at
    }
    const packed = (entry: Entry, side: Walk, index: Index, of: MatrixLayout['along']): Packed => {
      const [along, lines] = of === 'side' ? [side, plan.k] : [plan.k, side]
      const pitch = along.chunk
      return {
        entry,
        of,
        index,
        pitch,
        place: room(pitch * lines.chunk),
        lines: lines.axes.slice(lines.level),
        along: along.axes.slice(along.level),
      }
    }
    const { a, b } = plan.axes
    this.#a = plan.a ? undefined : packed('packA', plan.m, a.index, plan.linesA)
    this.#b = plan.b ? undefined : packed('packB', plan.n, b.index, plan.linesB)
    this.#sums = plan.direct ? 0 : room(plan.m.chunk * plan.n.chunk)
    this.scratchBytes = bytes
    this.#kernel = kernel
    this.#lengths = lengths
  }

  /** Writes the functions that the plan needs; returns their names, in the order of the module's exports. */
  write(): Entry[] {
    const entries: Entry[] = []
    for (const packed of [this.#a, this.#b]) {
      if (!packed) continue
      entries.push(packed.entry)
      this.#pack(packed)
    }
    if (!this.#plan.direct) {
      entries.push('store')
      this.#store()
    }
    return entries
  }

  #function(name: Entry): Code {
    return this.#module.function(['i32', 'i32', 'i32'], [], name)
  }

  /** A local with the address of the scratch memory. */
  #scratch(code: Code): Local {
    const scratch = code.local('i32')
    code
      .get(code.params[0] as Local)
      .memory('i32.load', 4 * this.#kernel.buffers.length + 4)
      .set(scratch)
    return scratch
  }

  #pack(packed: Packed): void {
    const code = this.#function(packed.entry)
    const scratch = this.#scratch(code)
    const [source, count, to] = [code.local('i32'), code.local('i32'), code.local('i32')]
    code
      .get(scratch)
      .memory('i32.load', 4 * WORDS.source)
      .set(source)
    code
      .get(scratch)
      .memory('i32.load', 4 * WORDS.count)
      .set(count)
    code.get(scratch).i32(packed.place).op('i32.add').set(to)
    writeLines(code, packed, source, count, to)
  }

  /** The store stages, over rows `begin` to `end` of a chunk. */
  #store(): void {
    const { axes, n } = this.#plan
    const code = this.#function('store')
    const stores = new StoresWriter(this.#kernel, axes, this.#lengths, code, this.#library, new Helpers(this.#module))
    stores.begin()
    const [, begin, end] = code.params as [Local, Local, Local]
    const scratch = this.#scratch(code)
    const [row, rows, column, columns, batch] = [0, 1, 2, 3, 4].map(() => code.local('i32')) as [Local, Local, Local, Local, Local]
    for (const [local, word] of [[row, WORDS.row], [column, WORDS.column], [columns, WORDS.columns], [batch, WORDS.batch]] as const) // biome-ignore format: a table
      code
        .get(scratch)
        .memory('i32.load', 4 * word)
        .set(local)
    code.get(row).get(begin).op('i32.add').set(row)
    code.get(end).get(begin).op('i32.sub').set(rows)
    stores.decode(batch, axes.batch)
    stores.write(row, rows, column, columns, 4 * n.chunk, () => {
      code
        .get(begin)
        .i32(4 * n.chunk)
        .op('i32.mul')
      code.get(scratch).op('i32.add').i32(this.#sums).op('i32.add')
    })
  }

  /** What is done in each run. */
  program(): (around: Surroundings) => void {
    const plan = this.#plan
    const { axes, direct } = plan
    const [chunksM, chunksN, chunksK] = [chunksOf(plan.m), chunksOf(plan.n), chunksOf(plan.k)]
    const batches = positions(axes.batch)
    const a = this.#operand(axes.a.index, axes.a.buffer, plan.m, plan.a, this.#a)
    const b = this.#operand(axes.b.index, axes.b.buffer, plan.n, plan.b, this.#b)
    const order = direct && direct.layout.along === 'sum' ? CBLAS.columns : CBLAS.rows
    // By rows, a has its terms side by side, and b its columns
    const [transA, transB] = [
      (a.layout.along === 'sum') === (order === CBLAS.rows) ? CBLAS.plain : CBLAS.transposed,
      (b.layout.along === 'side') === (order === CBLAS.rows) ? CBLAS.plain : CBLAS.transposed,
    ]
    const ldc = direct ? direct.layout.ld : plan.n.chunk
    const whereC = direct && offsets(direct.store.index, axes, axes.rows, axes.columns)
    return (around) => {
      const { addresses, scratch, head, scalars, sgemm, base, call } = around
      const [firstA, firstB] = [a, b].map(({ buffer, moves }) =>
        moves.reduce((n, { coef, by }) => n + 4 * coef * (scalars[by.slot] as number), addresses[buffer] as number),
      ) as [number, number]
      const firstOf = (of: Operand): number => (of === a ? firstA : firstB)
      let [packedA, packedB] = ['', '']
      const pack = (operand: Operand, z: number, side: Chunk, k: Chunk): void => {
        const { packed, at } = operand
        if (!packed) return
        const [along, lines] = packed.of === 'side' ? [side, k] : [k, side]
        head[WORDS.source] = firstOf(operand) + at(z, side.start, k.start)
        head[WORDS.count] = firstCount(packed, along.count)
        call(packed.entry, lines.count, along.count)
      }
      /** Where the operand of a piece begins. */
      const start = (operand: Operand, z: number, side: Chunk, k: Chunk, i: number, l: number): number => {
        const { packed, at } = operand
        if (!packed) return base + firstOf(operand) + at(z, i, l)
        const { of, pitch, place } = packed
        const [line, along] = of === 'side' ? [l - k.start, i - side.start] : [i - side.start, l - k.start]
        return base + scratch + place + 4 * (line * pitch + along)
      }
      for (let z = 0; z < batches; z++)
        for (const m of chunksM)
          for (const n of chunksN) {
            for (const k of chunksK) {
              const [keyA, keyB] = [`${z} ${m.start} ${k.start}`, `${z} ${n.start} ${k.start}`]
              if (keyA !== packedA) pack(a, z, m, k)
              if (keyB !== packedB) pack(b, z, n, k)
              packedA = keyA
              packedB = keyB
              for (const i of m.pieces)
                for (const j of n.pieces) {
                  const c = whereC
                    ? (addresses[direct?.store.buffer as number] as number) + whereC(z, i.start, j.start)
                    : scratch + this.#sums + 4 * ((i.start - m.start) * ldc + j.start - n.start)
                  for (const l of k.pieces) {
                    const beta = l.start > 0 ? 1 : 0
                    const [fromA, fromB] = [start(a, z, m, k, i.start, l.start), start(b, z, n, k, j.start, l.start)]
                    sgemm(order, transA, transB, i.count, j.count, l.count, fromA, a.layout.ld, fromB, b.layout.ld, beta, base + c, ldc)
                  }
                }
            }
            if (direct) continue
            head[WORDS.row] = m.start
            head[WORDS.column] = n.start
            head[WORDS.columns] = n.count
            head[WORDS.batch] = z
            call('store', m.count, n.count)
          }
    }
  }

  #operand(index: Index, buffer: number, side: Walk, inPlace: MatrixLayout | undefined, lines: Packed | undefined): Operand {
    return {
      buffer,
      moves: movesOf(index),
      layout: inPlace ?? { along: (lines as Packed).of, ld: (lines as Packed).pitch },
      at: offsets(index, this.#plan.axes, side.axes, this.#plan.k.axes),
      packed: lines,
    }
  }
}

interface Operand {
  readonly buffer: number
  readonly moves: readonly Move[]
  readonly layout: MatrixLayout
  /** Bytes from the buffer's beginning to a position of batch, side and sum. */
  readonly at: (batch: number, side: number, sum: number) => number
  readonly packed: Packed | undefined
}

const positions = (axes: readonly Axis[]): number => axes.reduce((n, axis) => n * axis.size, 1)

/** The bytes by which an index moves for positions of the batch and along two lists of axes. */
function offsets(
  index: Index,
  { batch }: ContractAxes,
  one: readonly Axis[],
  other: readonly Axis[],
): (z: number, i: number, j: number) => number {
  const along = (axes: readonly Axis[]): ((position: number) => number) => {
    const steps = axes.map((axis) => [axis.size, 4 * coefOf(index, axis)] as const).reverse()
    return (position) => {
      let [rest, bytes] = [position, 0]
      for (const [size, step] of steps) {
        bytes += step * (rest % size)
        rest = Math.floor(rest / size)
      }
      return bytes
    }
  }
  const [z, i, j] = [along(batch), along(one), along(other)]
  return (atZ, atI, atJ) => 4 * index.offset + z(atZ) + i(atI) + j(atJ)
}

function chunksOf({ axes, size, level, chunk, piece }: Walk): Chunk[] {
  const below = positions(axes.slice(level + 1))
  const run = (axes[level]?.size ?? 1) * below
  const chunks: Chunk[] = []
  for (let outer = 0; outer < size; outer += run)
    for (let at = 0; at < run; at += chunk) {
      const [start, count] = [outer + at, Math.min(chunk, run - at)]
      const pieces: Stretch[] = []
      for (let from = 0; from < count; from += piece) pieces.push({ start: start + from, count: Math.min(piece, count - from) })
      chunks.push({ start, count, pieces })
    }
  return chunks
}
