/**
 * @file The inner loops of contractions, one module for all kernels: packing panels of the operands, and products of packed panels.
 *
 * A panel of a has as many rows as a tile, one of b as many columns; each has, for one term of the sum after the other, the panel's numbers side by side. A tile
 * of the result stays in registers while two panels are walked through (V8 has 15 of them for vectors on x64).
 *
 * @see Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008
 */
import { type DType, type HalfDType, isHalf } from '../../../../base/index.ts'
import { type Code, type Func, type Local, type MemoryType, ModuleBuilder, type ValType } from '../assembler/assembler.ts'
import { fromBfloat4, fromHalf4 } from '../codegen/helpers.ts'

/** Columns of a tile: twelve, or eight where twelve would stay empty. */
export const WIDTHS = [12, 8] as const
export type Width = (typeof WIDTHS)[number]
/** Rows of a tile of a width. */
export type Rows = Readonly<Record<Width, number>>

/**
 * As many rows as registers allow: sums, a vector of each four columns, one of the row's number and one for a product must fit into the fifteen that there are. (A fused
 * addition needs no room for the product.)
 */
export const rowsFor = (fused: boolean): Rows => (fused ? { 12: 3, 8: 6 } : { 12: 3, 8: 5 })

/** What kernels import, with the number of its parameters; all are i32. */
export const GEMM = {
  /** (to, step, from, offsets, sums, k): packs four rows of a dtype; see `writePack`. */
  packFloat32: 6,
  packFloat16: 6,
  packBfloat16: 6,
  /** (to, from, offsets, sums, k): packs a whole panel of a, or of b, for tiles of a width; see `writeTerms` and `writeSides`. */
  termsA12: 5,
  termsA8: 5,
  termsB12: 5,
  termsB8: 5,
  sidesA12: 5,
  sidesA8: 5,
  sidesB12: 5,
  sidesB8: 5,
  /** (a, b, c, aPanels, bPanels, k, row, more): products of panels; see `writeBlock`. */
  block12: 8,
  block8: 8,
} as const

/** The dtypes of operands that panels are packed of. */
export type PanelDType = 'float32' | HalfDType
export const PACK = { float32: 'packFloat32', float16: 'packFloat16', bfloat16: 'packBfloat16' } as const satisfies Readonly<
  Record<PanelDType, keyof typeof GEMM>
>
const PANEL_DTYPES = Object.keys(PACK) as readonly PanelDType[]
export const isPanelDType = (dtype: DType | undefined): dtype is PanelDType => dtype === 'float32' || isHalf(dtype)

/**
 * The module, over a memory like that of the kernels.
 *
 * @param fused multiply and add in one instruction, where the engine and the processor have it: an extension of 2024 that not every engine has
 */
export function writeGemm(memory: MemoryType, fused = false): Uint8Array {
  const module = new ModuleBuilder(memory)
  const words = (n: number): ValType[] => new Array<ValType>(n).fill('i32')
  for (const width of WIDTHS) {
    const rows = rowsFor(fused)[width]
    const tile = module.function(words(6), [])
    writeTile(tile, rows, width / 4, fused)
    const name = `block${width}` as const
    writeBlock(module.function(words(GEMM[name]), [], name), tile, rows, width)
    for (const [side, count] of [
      ['A', rows],
      ['B', width],
    ] as const) {
      writeTerms(module.function(words(5), [], `terms${side}${width}`), count)
      writeSides(module.function(words(5), [], `sides${side}${width}`), count)
    }
  }
  for (const dtype of PANEL_DTYPES) {
    const name = PACK[dtype]
    writePack(module.function(words(GEMM[name]), [], name), ELEMENT[dtype])
  }
  return module.build()
}

/** Adds `bytes` to an address. */
const advance = (code: Code, at: Local, bytes: number): Code => code.get(at).i32(bytes).op('i32.add').set(at)

/** tile(a, b, c, k, row, more): c[i, j] = Σ a[i] · b[j] over k terms of two panels, or more of it; rows of c are `row` bytes apart. */
function writeTile(code: Code, rows: number, vectors: number, fused: boolean): void {
  const [a, b, c, k, row, more] = code.params as [Local, Local, Local, Local, Local, Local]
  const sums = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => code.local('v128')))
  const bs = Array.from({ length: vectors }, () => code.local('v128'))
  const one = code.local('v128')
  const at = code.local('i32')
  const each = (visit: (sum: Local, offset: number) => void): void => {
    code.get(c).set(at)
    for (const [r, line] of sums.entries()) {
      if (r > 0) code.get(at).get(row).op('i32.add').set(at)
      for (const [v, sum] of line.entries()) visit(sum, 16 * v)
    }
  }
  const i = code.local('i32')
  // One term in a turn: V8 moves the loads of several to the front, and then lacks registers
  code.for(i, k, 1, () => {
    for (const [v, local] of bs.entries()) {
      code
        .get(b)
        .memory('v128.load', 16 * v)
        .set(local)
    }
    for (const [r, line] of sums.entries()) {
      code
        .get(a)
        .memory('v128.load32_splat', 4 * r)
        .set(one)
      for (const [v, sum] of line.entries()) {
        if (fused)
          code
            .get(one)
            .get(bs[v] as Local)
            .get(sum)
            .op('f32x4.relaxed_madd')
        else
          code
            .get(sum)
            .get(one)
            .get(bs[v] as Local)
            .op('f32x4.mul')
            .op('f32x4.add')
        code.set(sum)
      }
    }
    advance(code, a, 4 * rows)
    advance(code, b, 16 * vectors)
  })
  // What the terms before came to is added at the end, so that no sum is one long chain
  code.get(more)
  code.if(
    () => each((sum, offset) => code.get(at).get(at).memory('v128.load', offset).get(sum).op('f32x4.add').memory('v128.store', offset)),
    () => each((sum, offset) => code.get(at).get(sum).memory('v128.store', offset)),
  )
}

/** block(a, b, c, aPanels, bPanels, k, row, more): all tiles of some panels of a by some of b; rows of c are `row` bytes apart. */
function writeBlock(code: Code, tile: Func, rows: number, columns: number): void {
  const [a, b, c, aPanels, bPanels, k, row, more] = code.params as [Local, Local, Local, Local, Local, Local, Local, Local]
  const [i, j, atA, atC] = [code.local('i32'), code.local('i32'), code.local('i32'), code.local('i32')]
  code.for(j, bPanels, 1, () => {
    code.i32(0).set(i)
    code.get(a).set(atA)
    code.get(c).set(atC)
    code.for(i, aPanels, 1, () => {
      code.get(atA).get(b).get(atC).get(k).get(row).get(more).call(tile)
      code
        .get(k)
        .i32(4 * rows)
        .op('i32.mul')
      code.get(atA).op('i32.add').set(atA)
      code.get(row).i32(rows).op('i32.mul')
      code.get(atC).op('i32.add').set(atC)
    })
    code
      .get(k)
      .i32(4 * columns)
      .op('i32.mul')
    code.get(b).op('i32.add').set(b)
    advance(code, c, 4 * columns)
  })
}

/** The rows of a panel that are packed together, from which on and how many: fours, and what is left; three are packed as a four, of which the next term overwrites the last. */
const groupsOf = (rows: number): (readonly [first: number, count: number])[] =>
  Array.from({ length: Math.ceil(rows / 4) }, (_, g) => [4 * g, Math.min(4, rows - 4 * g)] as const)

/** Pairs of rows first, interleaved, (a0 b0 a1 b1) and (a2 b2 a3 b3); then pairs of pairs. Calls `store` with what pushes the numbers of a term, for four of them in turn. */
function transpose(code: Code, rows: readonly Local[], pairs: readonly Local[], store: (term: number, push: () => void) => void): void {
  const [v0, v1, v2, v3] = rows as [Local, Local, Local, Local]
  const [low, high, low2, high2] = pairs as [Local, Local, Local, Local]
  code.get(v0).get(v1).shuffle(LOW).set(low)
  code.get(v0).get(v1).shuffle(HIGH).set(high)
  code.get(v2).get(v3).shuffle(LOW).set(low2)
  code.get(v2).get(v3).shuffle(HIGH).set(high2)
  const terms = [[low, low2, FRONT], [low, low2, BACK], [high, high2, FRONT], [high, high2, BACK]] as const // biome-ignore format: a table
  for (const [t, [p, q, lanes]] of terms.entries()) store(t, () => code.get(p).get(q).shuffle(lanes))
}

/** terms(to, from, offsets, sums, k): a panel of so many rows, each of which has its terms side by side, from the first of `sums` on. */
function writeTerms(code: Code, count: number): void {
  const [to, from, offsets, sums, k] = code.params as [Local, Local, Local, Local, Local]
  const [i, whole, at, target] = [code.local('i32'), code.local('i32'), code.local('i32'), code.local('i32')]
  const rows = [0, 1, 2, 3].map(() => code.local('i32'))
  const vectors = rows.map(() => code.local('v128'))
  const pairs = rows.map(() => code.local('v128'))
  const step = 4 * count
  code.get(k).i32(-4).op('i32.and').set(whole)
  code.get(sums).memory('i32.load').get(from).op('i32.add').set(from)
  for (const [first, size] of groupsOf(count)) {
    // The third again stands for a fourth
    const places = [0, 1, 2, 3].map((r) => Math.min(r, size - 1))
    const own = size < 3 ? rows.slice(0, size) : rows
    for (const [r, row] of own.entries())
      code
        .get(offsets)
        .memory('i32.load', 4 * (first + (places[r] as number)))
        .get(from)
        .op('i32.add')
        .set(row)
    const address = (row: Local): Code => code.get(row).get(at).op('i32.add')
    code.i32(0).set(at).get(to).set(target).i32(0).set(i)
    const single = (term: number): void => {
      for (const [r, row] of own.slice(0, size).entries()) {
        code.get(target)
        address(row)
          .memory('f32.load', 4 * term)
          .memory('f32.store', 4 * (first + r) + step * term)
      }
    }
    code.for(i, whole, 4, () => {
      if (size < 3) for (let term = 0; term < 4; term++) single(term)
      else {
        for (const [r, row] of own.entries())
          address(row)
            .memory('v128.load')
            .set(vectors[r] as Local)
        transpose(code, vectors, pairs, (term, push) => {
          code.get(target)
          push()
          code.memory('v128.store', 4 * first + step * term)
        })
      }
      advance(code, at, 16)
      advance(code, target, 4 * step)
    })
    code.for(i, k, 1, () => {
      single(0)
      advance(code, at, 4)
      advance(code, target, step)
    })
  }
}

/** sides(to, from, offsets, sums, k): a panel of so many rows, which have their numbers for one term side by side; up to three numbers behind it are read too. */
function writeSides(code: Code, count: number): void {
  const [to, from, offsets, sums, k] = code.params as [Local, Local, Local, Local, Local]
  const [i, at] = [code.local('i32'), code.local('i32')]
  code.get(offsets).memory('i32.load').get(from).op('i32.add').set(from)
  code.for(i, k, 1, () => {
    code.get(sums).memory('i32.load').get(from).op('i32.add').set(at)
    for (const [first, size] of groupsOf(count)) {
      if (size >= 3)
        code
          .get(to)
          .get(at)
          .memory('v128.load', 4 * first)
          .memory('v128.store', 4 * first)
      else
        for (let r = first; r < first + size; r++)
          code
            .get(to)
            .get(at)
            .memory('f32.load', 4 * r)
            .memory('f32.store', 4 * r)
    }
    advance(code, sums, 4)
    advance(code, to, 4 * count)
  })
}

/** How numbers of an operand are read, as float32. */
interface Element {
  readonly bytes: number
  /** Takes an address, pushes four neighbours. */
  four(code: Code, keep: Local): void
  /** Pushes four numbers apart, of which each `address` pushes one's place. */
  apart(code: Code, addresses: readonly (() => void)[], keep: Local): void
}

const SINGLE: Element = {
  bytes: 4,
  four: (code) => code.memory('v128.load'),
  apart: (code, [first, ...others], x) => {
    first?.()
    code.memory('v128.load32_zero').set(x)
    others.forEach((address, r) => {
      address()
      code
        .get(x)
        .laneMemory('v128.load32_lane', r + 1)
        .set(x)
    })
    code.get(x)
  },
}

/** Of two bytes; `widen` leaves four numbers on the stack, of their bits. */
const half = (widen: (code: Code, args: readonly Local[]) => void): Element => ({
  bytes: 2,
  four: (code, x) => {
    code.memory('v128.load64_zero').op('i32x4.extend_low_i16x8_u').set(x)
    widen(code, [x])
  },
  apart: (code, [first, ...others], x) => {
    first?.()
    code.memory('i32.load16_u').op('i32x4.splat')
    others.forEach((address, r) => {
      address()
      code.memory('i32.load16_u').lane('i32x4.replace_lane', r + 1)
    })
    code.set(x)
    widen(code, [x])
  },
})

const ELEMENT: Readonly<Record<PanelDType, Element>> = { float32: SINGLE, float16: half(fromHalf4), bfloat16: half(fromBfloat4) }

/**
 * pack(to, step, from, offsets, sums, k): four rows of a panel, whose places for one term of the sum are `step` bytes apart. The numbers are found at
 * from + offsets[row] + sums[term], tables in bytes, so that any strides and windows come in. Rows side by side are copied, terms side by side transposed.
 * What a panel of other than a multiple of four rows has too much is overwritten by what is packed next.
 */
function writePack(code: Code, { bytes, four: neighbours, apart }: Element): void {
  const [to, step, from, offsets, sums, k] = code.params as [Local, Local, Local, Local, Local, Local]
  const rows = [0, 1, 2, 3].map(() => code.local('i32'))
  const [first] = rows as [Local]
  const [i, at] = [code.local('i32'), code.local('i32')]
  const vectors = [0, 1, 2, 3].map(() => code.local('v128'))
  const pairs = vectors.map(() => code.local('v128'))
  const [x] = vectors as [Local]
  /** Whether four numbers of a table are next to each other. */
  const adjacent = (table: Local): void => {
    code.get(table).memory('v128.load').get(table).memory('v128.load32_splat')
    code
      .op('i32x4.sub')
      .v128([0, bytes, 2 * bytes, 3 * bytes])
      .op('i32x4.eq')
      .op('i32x4.all_true')
  }
  const nextRow = (): Code => code.get(to).get(step).op('i32.add').set(to)
  for (const [r, row] of rows.entries()) {
    code
      .get(offsets)
      .memory('i32.load', 4 * r)
      .get(from)
    code.op('i32.add').set(row)
  }
  const address = (row: Local): Code => code.get(row).get(at).op('i32.add')
  const single = (): void => {
    code.get(sums).memory('i32.load').set(at)
    code.get(to)
    apart(
      code,
      rows.map((row) => () => address(row)),
      x,
    )
    code.memory('v128.store')
    nextRow()
    advance(code, sums, 4)
  }
  const four = (): void => {
    code.get(sums).memory('i32.load').set(at)
    for (const [r, vector] of vectors.entries()) {
      address(rows[r] as Local)
      neighbours(code, vector)
      code.set(vector)
    }
    transpose(code, vectors, pairs, (_, push) => {
      code.get(to)
      push()
      code.memory('v128.store')
      nextRow()
    })
    advance(code, sums, 16)
  }
  adjacent(offsets)
  code.if(
    () => {
      code.for(i, k, 1, () => {
        code.get(to).get(first)
        code.get(sums).memory('i32.load').op('i32.add')
        neighbours(code, x)
        code.memory('v128.store')
        nextRow()
        advance(code, sums, 4)
      })
    },
    () => {
      const whole = code.local('i32')
      code.get(k).i32(-4).op('i32.and').set(whole)
      code.for(i, whole, 4, () => {
        adjacent(sums)
        code.if(four, () => {
          for (let u = 0; u < 4; u++) single()
        })
      })
      code.for(i, k, 1, single)
    },
  )
}

/** Bytes of 32-bit lanes of two vectors, by the lanes' numbers: 0 … 3 of the first, 4 … 7 of the second. */
const lanesOf = (...lanes: readonly number[]): number[] => lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3])
const LOW = lanesOf(0, 4, 1, 5)
const HIGH = lanesOf(2, 6, 3, 7)
const FRONT = lanesOf(0, 1, 4, 5)
const BACK = lanesOf(2, 3, 6, 7)
