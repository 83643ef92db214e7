/**
 * @file Contractions (matrix products, convolutions) in blocks of packed panels. Kernels have the loops over blocks, the tables of places by which panels are packed
 * from any strides, and the store stages over a finished block; the loops inside are in gemm.ts.
 *
 * A block of the result is one unit of work, `run(args, begin, end)` computes some of them, and no sum is split between two, so results are the same however
 * the work is shared.
 */
import { dtypeInfo } from '../../../../base/index.ts'
import {
  type Axis,
  axesOf,
  type BufferUse,
  type CollapsedAxis,
  type ContractAxes,
  coefOf,
  collapsedAxes,
  evenParts,
  exchanged,
  exchangedAxes,
  type Kernel,
  movesOf,
  type Store,
  shapeOf,
} from '../../../../kernel/index.ts'
import type { Code, Func, Local, ModuleBuilder } from '../assembler/assembler.ts'
import { StoresWriter, split } from '../codegen/epilogue.ts'
import { Helpers } from '../codegen/helpers.ts'
import type { Library } from '../codegen/library.ts'
import { type Blocks, LEAST_COLUMNS } from './blocks.ts'
import { type GEMM, isPanelDType, PACK, type PanelDType, type Rows, rowsFor, WIDTHS, type Width } from './gemm.ts'
import { plainStore, strideOf } from './strides.ts'

/** Bytes of packed columns that are kept for the next rows; where all terms need more, they are packed again. */
const KEPT = 2 ** 21

/** Which element of which buffer. */
type Place = Pick<Store, 'buffer' | 'index'>

export type GemmFunctions = Readonly<Record<keyof typeof GEMM, Func>>

/** The width of tiles that leave least empty. */
function widthFor(m: number, n: number, rows: Rows): Width {
  const computed = (width: Width): number => Math.ceil(m / rows[width]) * rows[width] * Math.ceil(n / width) * width
  const [wide, narrow] = WIDTHS
  return computed(narrow) < 0.99 * computed(wide) ? narrow : wide
}

/** Locals of the block that is computed: where the operands begin, how many rows and columns it has, which columns these are, and those that are packed. */
type BlockLocals = Readonly<Record<'fromA' | 'fromB' | 'countM' | 'countN' | 'part' | 'packed' | 'scratch', Local>>

export class ContractWriter {
  readonly #axes: ContractAxes
  readonly #code: Code
  readonly #gemm: GemmFunctions
  readonly #stores: StoresWriter
  readonly #sizes: { readonly m: number; readonly n: number; readonly k: number }
  /** Columns and rows of a tile. */
  readonly #width: Width
  readonly #rows: number
  /** The size of a block. */
  readonly #block: { readonly m: number; readonly n: number; readonly k: number }
  /** Whether packed columns are kept from one block of rows to the next. */
  readonly #keeps: boolean
  /** Where sums are stored in place, if they are finished in one go and no tile reaches over the columns: the store, and elements from a row to the next. */
  readonly #inPlace: { readonly store: Store; readonly pitch: number } | undefined
  /** Where in the scratch memory the parts are. */
  readonly #places: { readonly sumsA: number; readonly sumsB: number; readonly rows: number; readonly columns: number }
  readonly #panels: { readonly a: number; readonly b: number; readonly sums: number }
  readonly scratchBytes: number

  /**
   * @param lengths elements of each buffer
   * @param tileRows of the tiles in the module of `gemm`
   */
  constructor(
    kernel: Kernel,
    lengths: readonly number[],
    module: ModuleBuilder,
    library: Library,
    gemm: GemmFunctions,
    most: Blocks,
    tileRows: Rows = rowsFor(false),
  ) {
    this.#gemm = gemm
    const own = shapeOf(kernel)
    // So few columns leave tiles empty; as rows they do not
    const exchanges = own.n < LEAST_COLUMNS && own.m > own.n
    this.#axes = exchanges ? exchangedAxes(axesOf(kernel)) : axesOf(kernel)
    this.#code = module.function(['i32', 'i32', 'i32'], [], 'run')
    this.#stores = new StoresWriter(kernel, this.#axes, lengths, this.#code, library, new Helpers(module))
    const { m, n, k } = exchanges ? exchanged(own) : own
    this.#sizes = { m, n, k }
    this.#width = widthFor(m, n, tileRows)
    this.#rows = tileRows[this.#width]
    const block = {
      m: evenParts(m, most.rows, this.#rows),
      n: evenParts(n, most.columns, this.#width),
      k: Math.min(k, evenParts(k, most.terms, 4)),
    }
    this.#block = block
    this.#keeps = 4 * k * block.n <= KEPT
    const store = plainStore(kernel)
    const pitch = store && strideOf(this.#axes.columns, store.index) === 1 ? strideOf(this.#axes.rows, store.index) : undefined
    this.#inPlace = store && pitch !== undefined && k === block.k && n % this.#width === 0 ? { store, pitch } : undefined
    let bytes = 0
    const room = (floats: number): number => {
      const at = bytes
      bytes += Math.ceil((4 * floats) / 64) * 64
      return at
    }
    this.#places = { sumsA: room(block.k), sumsB: room(block.k), rows: room(block.m + 3), columns: room(block.n) }
    this.#panels = { a: room(block.m * block.k + 3), sums: room(block.m * block.n), b: room(block.n * (this.#keeps ? k : block.k)) }
    this.scratchBytes = bytes
  }

  /** Writes the function; returns how many blocks there are to share. */
  write(): number {
    const code = this.#code
    const { at, kernel } = this.#stores
    const { a, b, batch, rows, columns } = this.#axes
    const { m, n } = this.#sizes
    const block = this.#block
    const [rowBlocks, columnBlocks] = [Math.ceil(m / block.m), Math.ceil(n / block.n)]
    const [args, begin, end] = code.params as [Local, Local, Local]
    const local = (): Local => code.local('i32')
    const scratch = local()
    code
      .get(args)
      .memory('i32.load', 4 * kernel.buffers.length + 4)
      .set(scratch)
    this.#stores.begin()
    const [unit, row, column, z, packed, part] = [local(), local(), local(), local(), local(), local()]
    const [fromA, fromB, countM, countN] = [local(), local(), local(), local()]
    code.i32(-1).set(packed)
    code.get(begin).set(unit)
    code.for(unit, end, 1, () => {
      at.scoped(() => {
        code.get(unit).i32(rowBlocks).op('i32.rem_u').i32(block.m).op('i32.mul').set(row)
        code.get(unit).i32(rowBlocks).op('i32.div_u').set(part)
        code.get(part).i32(columnBlocks).op('i32.rem_u').i32(block.n).op('i32.mul').set(column)
        code.get(part).i32(columnBlocks).op('i32.div_u').set(z)
        this.#stores.decode(z, batch)
        this.#start(a, batch, fromA)
        this.#start(b, batch, fromB)
        this.#least(m, row, block.m, countM)
        this.#least(n, column, block.n, countN)
        this.#table(a, rows, row, countM, this.#rows, m, this.#places.rows, scratch)
        this.#table(b, columns, column, countN, this.#width, n, this.#places.columns, scratch)
        const [to, pitch, inPlace] = this.#target(row, column, countM, scratch)
        this.#accumulate({ fromA, fromB, countM, countN, part, packed, scratch }, to, pitch)
        code.get(part).set(packed)
        const stores = (): void =>
          this.#stores.write(row, countM, column, countN, 4 * block.n, () => code.get(scratch).i32(this.#panels.sums).op('i32.add'))
        if (!this.#inPlace) return stores()
        code.get(inPlace).op('i32.eqz')
        code.if(stores)
      })
    })
    const batches = batch.reduce((count, axis) => count * axis.size, 1)
    return batches * rowBlocks * columnBlocks
  }

  /** The sums of a block, some terms at a time: both operands are packed into panels, whose products are added at `to`. */
  #accumulate({ fromA, fromB, countM, countN, part, packed, scratch }: BlockLocals, to: Local, pitch: Local): void {
    const code = this.#code
    const { a, b, sum } = this.#axes
    const { k } = this.#sizes
    const block = this.#block
    const [from, countK, last] = [code.local('i32'), code.local('i32'), code.local('i32')]
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
      this.#table(b, sum, from, countK, 1, k, this.#places.sumsB, scratch)
      this.#pack('B', fromB, countN, countK, scratch, panelsB)
    }
    code.i32(0).set(from)
    code.i32(k).set(last)
    code.for(from, last, block.k, () => {
      this.#least(k, from, block.k, countK)
      this.#table(a, sum, from, countK, 1, k, this.#places.sumsA, scratch)
      this.#pack('A', fromA, countM, countK, scratch, () => code.get(scratch).i32(this.#panels.a).op('i32.add'))
      if (this.#keeps) {
        code.get(packed).get(part).op('i32.ne')
        code.if(packB)
      } else packB()
      code.get(scratch).i32(this.#panels.a).op('i32.add')
      panelsB()
      code.get(to)
      this.#panelsOf(countM, this.#rows)
      this.#panelsOf(countN, this.#width)
      code.get(countK).get(pitch).get(from).call(this.#gemm[`block${this.#width}`])
    })
  }

  /** Where the sums of a block go, bytes from a row of them to the next, and whether that is the result itself. */
  #target(row: Local, column: Local, countM: Local, scratch: Local): readonly [to: Local, pitch: Local, inPlace: Local] {
    const code = this.#code
    const [to, pitch, inPlace] = [code.local('i32'), code.local('i32'), code.local('i32')]
    const sums = (): void => {
      code.get(scratch).i32(this.#panels.sums).op('i32.add').set(to)
      code.i32(4 * this.#block.n).set(pitch)
    }
    if (!this.#inPlace) {
      sums()
      return [to, pitch, inPlace]
    }
    const { store, pitch: rows } = this.#inPlace
    // The last tile of rows may reach over the end
    code.get(countM).i32(this.#rows).op('i32.rem_u').op('i32.eqz').tee(inPlace)
    code.if(() => {
      this.#start(store, this.#axes.batch, to)
      code.get(row).i32(4 * rows)
      code.op('i32.mul').get(to).op('i32.add').get(column).i32(4).op('i32.mul').op('i32.add').set(to)
      code.i32(4 * rows).set(pitch)
    }, sums)
    return [to, pitch, inPlace]
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

  /** Bytes of an element of a buffer. */
  #sizeIn(buffer: number): number {
    return dtypeInfo[(this.#stores.kernel.buffers[buffer] as BufferUse).dtype].bytes
  }

  /** Pushes Σ bytes · coef · position. */
  #bytes({ index, buffer }: Place, parts: readonly CollapsedAxis[], positions: readonly Local[]): void {
    const code = this.#code
    code.i32(0)
    parts.forEach(({ axes }, i) => {
      const coef = coefOf(index, axes.at(-1))
      if (coef === 0) return
      code
        .get(positions[i] as Local)
        .i32(this.#sizeIn(buffer) * coef)
        .op('i32.mul')
        .op('i32.add')
    })
  }

  /** Where an operand begins for a batch. */
  #start(place: Place, batch: readonly Axis[], to: Local): void {
    const parts = batch.map((axis) => ({ axes: [axis], size: axis.size }))
    this.#bytes(
      place,
      parts,
      batch.map((axis) => this.#stores.at.axes.get(axis) as Local),
    )
    const code = this.#code
    code
      .get(this.#stores.at.buffers[place.buffer] as Local)
      .op('i32.add')
      .i32(this.#sizeIn(place.buffer) * place.index.offset)
      .op('i32.add')
    for (const { coef, by } of movesOf(place.index)) {
      this.#stores.at.scalar(by)
      code
        .i32(this.#sizeIn(place.buffer) * coef)
        .op('i32.mul')
        .op('i32.add')
    }
    code.set(to)
  }

  /** A table of how many bytes an operand moves for `count` positions behind `from` along one side, up to whole panels and fours: behind the last the last again. */
  #table(
    operand: Place,
    axes: readonly Axis[],
    from: Local,
    count: Local,
    width: number,
    size: number,
    place: number,
    scratch: Local,
  ): void {
    const code = this.#code
    const parts = collapsedAxes(axes, [operand.index])
    const [i, to, x, end] = [code.local('i32'), code.local('i32'), code.local('i32'), code.local('i32')]
    code.get(scratch).i32(place).op('i32.add').set(to)
    code.get(from).set(i)
    this.#panelsOf(count, width)
    code.i32(width).op('i32.mul').get(from).op('i32.add')
    code
      .i32(width > 1 ? -width & 3 : 0)
      .op('i32.add')
      .set(end)
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
      this.#bytes(operand, parts, split(this.#code, x, parts))
      code.memory('i32.store')
      code.get(to).i32(4).op('i32.add').set(to)
    })
  }

  /** Packs the panels of one operand that a block needs, from where `panels` pushes. */
  #pack(operand: 'A' | 'B', from: Local, count: Local, terms: Local, scratch: Local, panels: () => void): void {
    const code = this.#code
    const { a, b, rows, columns, sum } = this.#axes
    const [width, { index, buffer }, side] = operand === 'A' ? [this.#rows, a, rows] : [this.#width, b, columns]
    const { dtype } = this.#stores.kernel.buffers[buffer] as BufferUse
    if (!isPanelDType(dtype)) throw new Error(`cpu: panels of ${dtype}`)
    const [offsets, sums] = operand === 'A' ? [this.#places.rows, this.#places.sumsA] : [this.#places.columns, this.#places.sumsB]
    const [i, to, table] = [code.local('i32'), code.local('i32'), code.local('i32')]
    panels()
    code.set(to).get(scratch).i32(offsets).op('i32.add').set(table)
    code.i32(0).set(i)
    const whole = (lie: 'terms' | 'sides'): void => {
      code.get(to).get(from).get(table).get(scratch).i32(sums)
      code.op('i32.add').get(terms).call(this.#gemm[`${lie}${operand}${this.#width}`])
    }
    const groups = (): void => this.#groups(PACK[dtype], width, from, terms, to, table, sums, scratch)
    code.for(i, count, width, () => {
      if (dtype !== 'float32') groups()
      else if (strideOf(sum, index) === 1) whole('terms')
      else if (strideOf(side, index) === 1) {
        // Behind the last row the last comes again, which is not beside it
        code.get(i).i32(width).op('i32.add').get(count).op('i32.le_u')
        code.if(() => whole('sides'), groups)
      } else groups()
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

  /** Packs a panel of any strides, four rows at a time. */
  #groups(
    pack: (typeof PACK)[PanelDType],
    width: number,
    from: Local,
    terms: Local,
    to: Local,
    table: Local,
    sums: number,
    scratch: Local,
  ): void {
    const code = this.#code
    // The last first: it writes over what comes after it
    for (let group = width - (width % 4 || 4); group >= 0; group -= 4) {
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
      code.get(scratch).i32(sums).op('i32.add').get(terms).call(this.#gemm[pack])
    }
  }
}
