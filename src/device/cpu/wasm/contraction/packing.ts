/** @file Copies a part of an operand into lines of numbers side by side, from any strides and windows. */
import { type Axis, type CollapsedAxis, coefOf, collapsedAxes, type Index } from '../../../../kernel/index.ts'
import type { Code, Local } from '../assembler/assembler.ts'
import { split } from '../codegen/epilogue.ts'

/** Vectors that are written out, one after the other, at most. */
const UNROLL = 16

export interface Lines {
  readonly index: Index
  /** The axes that number the lines, the first of them from the one along which chunks are cut. */
  readonly lines: readonly Axis[]
  /** The axes along a line. */
  readonly along: readonly Axis[]
  /** Elements from a line to the next. */
  readonly pitch: number
}

/** The positions along the first of the parts of a line, for a line of `count` elements. */
export function firstCount({ along, index }: Lines, count: number): number {
  const below = collapsedAxes(along, [index])
    .slice(1)
    .reduce((n, { size }) => n * size, 1)
  return count / below
}

/**
 * Writes the lines from `begin` to `end`.
 * @param from where the first element of line 0 is, in bytes
 * @param count see `firstCount`
 * @param to where line 0 goes
 */
export function writeLines(code: Code, of: Lines, from: Local, count: Local, to: Local): void {
  const [, begin, end] = code.params as [Local, Local, Local]
  const { index, pitch } = of
  const lines = collapsedAxes(of.lines, [index])
  const parts = collapsedAxes(of.along, [index])
  const [u, source, target] = [code.local('i32'), code.local('i32'), code.local('i32')]
  code.get(begin).set(u)
  code.for(u, end, 1, () => {
    code.get(from)
    split(code, u, lines).forEach((local, i) => {
      if (lines.length > 0)
        code
          .get(local)
          .i32(bytesAlong(lines, i, index))
          .op('i32.mul')
          .op('i32.add')
    })
    code.set(source)
    code
      .get(u)
      .i32(4 * pitch)
      .op('i32.mul')
      .get(to)
      .op('i32.add')
      .set(target)
    nest(code, parts, index, 0, source, target, count)
  })
}

const bytesAlong = (parts: readonly CollapsedAxis[], i: number, index: Index): number => 4 * coefOf(index, parts[i]?.axes.at(-1))

const advance = (code: Code, at: Local, bytes: number): Code => code.get(at).i32(bytes).op('i32.add').set(at)

/** Copies what lies along the parts from `level` on, and moves `target` past it. */
function nest(code: Code, parts: readonly CollapsedAxis[], index: Index, level: number, source: Local, target: Local, count: Local): void {
  const last = level >= parts.length - 1
  const size = parts[level]?.size ?? 1
  const step = parts.length === 0 ? 0 : bytesAlong(parts, level, index)
  const [i, at] = [code.local('i32'), code.local('i32')]
  code.get(source).set(at)
  if (last && level > 0) {
    copy(code, size, step, at, target)
    return
  }
  const end = code.local('i32')
  code.i32(0).set(i)
  if (!last) {
    if (level === 0) code.get(count).set(end)
    else code.i32(size).set(end)
    code.for(i, end, 1, () => {
      nest(code, parts, index, level + 1, at, target, count)
      advance(code, at, step)
    })
    return
  }
  // One run of as many elements as the chunk has
  if (step === 4) {
    code.get(count).i32(-4).op('i32.and').set(end)
    code.for(i, end, 4, () => copy(code, 4, 4, at, target, true))
  }
  code.for(i, count, 1, () => copy(code, 1, step, at, target, true))
}

/** Copies `size` elements that are `step` bytes apart; moves `target` past them, and `at` where `moves`. */
function copy(code: Code, size: number, step: number, at: Local, target: Local, moves = false): void {
  const vectors = Math.floor(size / 4)
  const vector = (offset: number): void => {
    code.get(target).get(at).memory('v128.load', offset).memory('v128.store', offset)
  }
  if (step === 4 && size >= 4 && vectors <= UNROLL) {
    for (let v = 0; v < vectors; v++) vector(16 * v)
    // The last vector overlaps the one before
    if (size % 4 > 0) vector(4 * (size - 4))
  } else if (step === 4 && size >= 4) {
    const [from, to, end] = [code.local('i32'), code.local('i32'), code.local('i32')]
    code.get(at).set(from).get(target).set(to)
    code
      .get(at)
      .i32(16 * vectors)
      .op('i32.add')
      .set(end)
    code.for(from, end, 16, () => {
      code.get(to).get(from).memory('v128.load').memory('v128.store')
      advance(code, to, 16)
    })
    if (size % 4 > 0) vector(4 * (size - 4))
  } else if (step >= 0 && size <= 2 * UNROLL) {
    for (let e = 0; e < size; e++)
      code
        .get(target)
        .get(at)
        .memory('f32.load', e * step)
        .memory('f32.store', 4 * e)
  } else {
    const [from, to, end] = [code.local('i32'), code.local('i32'), code.local('i32')]
    code.get(at).set(from).get(target).set(to)
    code
      .get(target)
      .i32(4 * size)
      .op('i32.add')
      .set(end)
    code.for(to, end, 4, () => {
      code.get(to).get(from).memory('f32.load').memory('f32.store')
      advance(code, from, step)
    })
  }
  advance(code, target, 4 * size)
  if (moves) advance(code, at, size * step)
}
