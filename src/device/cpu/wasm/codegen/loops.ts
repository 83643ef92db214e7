/** @file Loops: over axes, and along the one that runs in vectors, of which an iteration may compute several. */
import type { Axis } from '../../../../kernel/index.ts'
import type { Code, Local } from '../assembler/assembler.ts'
import type { Accumulator, CodegenScope } from './codegen-context.ts'
import type { Expressions } from './expressions.ts'
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

/** What is done after every so many turns of a loop. */
export interface Fold {
  readonly every: number
  readonly step: () => void
}

/**
 * Walks along the lane axis from `i`, which has been set, to `end`, or to `size` where that is undefined: `most` vectors at a time, then one by one, then
 * the lanes that are left. `i` and `end` are multiples of all that is taken at a time, but for `size`.
 *
 * @param body writes some vectors, of which the first is at `place` among those that are taken at a time
 * @param fold counts times that `most` vectors are taken
 */
export function alongLane(
  code: Code,
  i: Local,
  end: Local | undefined,
  size: number,
  most: number,
  body: (copies: readonly Copy[], place: number) => void,
  fold?: Fold,
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
      code.for(i, to, at * LANES, () => body(copiesOf(at), 0))
    }
    if (rest > 0) {
      code.get(i).get(end).op('i32.lt_u')
      code.if(() => body(copiesOf(1, 0, rest), 0))
    }
    return
  }
  const whole = vectors - (vectors % most)
  if (whole > most) {
    code.i32(whole * LANES).set(to)
    const each = (): void => body(copiesOf(most), 0)
    if (fold) counted(code, i, to, most * LANES, new Countdown(code, fold), each)
    else code.for(i, to, most * LANES, each)
  } else if (whole > 0) {
    body(copiesOf(most), 0)
    if (vectors > whole || rest > 0)
      code
        .get(i)
        .i32(whole * LANES)
        .op('i32.add')
        .set(i)
  }
  const left = vectors - whole
  if (left > 0) body(copiesOf(left), 0)
  if (rest > 0) body(copiesOf(1, left * LANES, rest), left)
}

/** Turns that are left until the next fold. */
export class Countdown {
  readonly left: Local
  readonly fold: Fold

  constructor(code: Code, fold: Fold) {
    this.left = code.local('i32')
    this.fold = fold
    code.i32(fold.every).set(this.left)
  }
}

/** Walks from `i`, which has been set, to `to`, and folds whenever the countdown comes to its end: it goes on counting in the next walk. */
export function counted(code: Code, i: Local, to: Local, step: number, { left, fold }: Countdown, body: () => void): void {
  const stop = code.local('i32')
  code.block((leave) => {
    code.loop((again) => {
      code.get(i).get(to).op('i32.ge_u').brIf(leave)
      code.get(left)
      if (step !== 1) code.i32(step).op('i32.mul')
      code.get(i).op('i32.add').tee(stop)
      code.get(to).get(stop).get(to).op('i32.lt_u').op('select').set(stop)
      code.get(left).get(stop).get(i).op('i32.sub')
      if (step !== 1)
        code
          .i32(step - 1)
          .op('i32.add')
          .i32(step)
          .op('i32.div_u')
      code.op('i32.sub').set(left)
      code.for(i, stop, step, body)
      code.get(left).op('i32.eqz')
      code.if(() => {
        fold.step()
        code.i32(fold.every).set(left)
      })
      code.br(again)
    })
  })
}

const product = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.size, 1)

/**
 * Loops over some axes. Few and small bodies stand one after the other, so that what they read is at known places.
 *
 * @param fold counts bodies
 */
export function overAxes(at: Expressions, axes: readonly Axis[], work: number, body: () => void, fold?: Fold): void {
  // The outermost loop of which each turn has an even part of the bodies counts them
  const level = fold ? axes.findIndex((_, n) => fold.every % product(axes.slice(n + 1)) === 0) : -1
  const countdown = fold && level >= 0 && new Countdown(at.code, { ...fold, every: fold.every / product(axes.slice(level + 1)) })
  overLevels(at, axes, work, body, countdown || undefined, level)
}

/** @param level of the loop that counts */
function overLevels(
  at: Expressions,
  axes: readonly Axis[],
  work: number,
  body: () => void,
  countdown: Countdown | undefined,
  level: number,
): void {
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
      overLevels(at, rest, work, body, countdown, level - 1)
    })
  const points = product(axes)
  if (level < 0 && points <= 9 && points * work <= 100) {
    for (let n = 0; n < axis.size; n++) {
      code.i32(n).set(i)
      inside()
    }
    return
  }
  const end = code.local('i32')
  code.i32(0).set(i).i32(axis.size).set(end)
  if (countdown && level === 0) counted(code, i, end, 1, countdown, inside)
  else code.for(i, end, 1, inside)
}
