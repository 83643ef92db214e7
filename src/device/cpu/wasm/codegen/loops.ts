/** @file Loops: over axes, and along the one that runs in vectors, of which an iteration may compute several. */
import type { Axis } from '../../../../kernel/index.ts'
import type { Code, Local } from '../assembler/assembler.ts'
import type { Accumulator, CodegenScope } from './codegen-context.ts'
import type { Expressions } from './expressions.ts'
import { CHAIN } from './reductions.ts'
import { LANES } from './writer.ts'

/** One of the vectors that an iteration computes. */
export interface Copy {
  readonly scope: CodegenScope
  /** Elements in front of it. */
  readonly lead: number
  /** Lanes that count. */
  readonly count: number
  accs?: Map<string, Accumulator>
  mask?: Local
}

export const copiesOf = (count: number, lead = 0, lanes = LANES): Copy[] =>
  Array.from({ length: count }, (_, n) => ({ scope: { known: new Map() }, lead: lead + n * LANES, count: lanes }))

/** Writes something for each of several vectors. */
export function forEachCopy(at: Expressions, copies: readonly Copy[], write: (copy: Copy, n: number) => void): void {
  const [accs, mask] = [at.accs, at.mask]
  copies.forEach((copy, n) => {
    at.lead = copy.lead
    at.count = copy.count
    copy.accs ??= new Map(accs)
    at.accs = copy.accs
    at.within(copy.scope, () => {
      if (copy.count < LANES && copy.mask === undefined) {
        copy.mask = at.fresh('v128')
        at.code.v128([-1, copy.count > 1 ? -1 : 0, copy.count > 2 ? -1 : 0, 0]).set(copy.mask)
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

/**
 * Walks along the lane axis from `i`, which has been set, to `end`, or to `size` where that is undefined: `most` vectors at a time, then one by one, then
 * the lanes that are left. `i` and `end` are multiples of all that is taken at a time, but for `size`.
 */
export function alongLane(
  code: Code,
  i: Local,
  end: Local | undefined,
  size: number,
  most: number,
  body: (copies: readonly Copy[]) => void,
  folded?: () => void,
): void {
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
    if (folded && whole / most > CHAIN) inBlocks(code, i, to, most * LANES, CHAIN, each, folded)
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
function inBlocks(code: Code, i: Local, to: Local, step: number, turns: number, body: () => void, folded: () => void): void {
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

/**
 * Few and small bodies stand one after the other, so that what they read is at known places.
 *
 * @param folded called after each few hundred bodies, which count as `terms` each
 */
export function overAxes(at: Expressions, axes: readonly Axis[], work: number, body: () => void, folded?: () => void, terms = 1): void {
  if (axes.length === 0) {
    body()
    return
  }
  const { code } = at
  const [axis, ...rest] = axes as [Axis, ...Axis[]]
  const i = code.local('i32')
  at.axes.set(axis, i)
  const inside = (): void =>
    at.scoped(() => {
      overAxes(at, rest, work, body, folded, terms)
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
  if (folded && within <= CHAIN && within * axis.size > CHAIN) inBlocks(code, i, end, 1, Math.floor(CHAIN / within), inside, folded)
  else code.for(i, end, 1, inside)
}
