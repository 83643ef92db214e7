/** @file How the four lanes of a vector differ in an index, where that is known when the kernel is written. */
import { type Atom, type Axis, type Index, rangeOf, type ValueNumbering } from '../../../../kernel/index.ts'
import { LANES } from './writer.ts'

export interface Pattern {
  /** How far each lane is from the first. */
  readonly lanes: readonly number[]
  /** How far all of them move with the next four elements along the axis; undefined where that is not always the same. */
  readonly step: number | undefined
}

const STILL: Pattern = { lanes: [0, 0, 0, 0], step: 0 }
const LANE = [0, 1, 2, 3]

export type Part = Extract<Atom, { kind: 'div' | 'mod' }>

/**
 * The pattern of an index along `lane`. Quotients and remainders have one where a vector does not cross a multiple of the divisor, or a whole number of
 * them fit into it: if vectors begin at multiples of four (`aligned`).
 */
export function patternOf(index: Index, lane: Axis, terms: ValueNumbering, aligned: boolean): Pattern | undefined {
  const lanes = [0, 0, 0, 0]
  let step: number | undefined = 0
  for (const { coef, atom } of index.terms) {
    const own = atomPattern(atom, lane, terms, aligned)
    if (!own) return undefined
    for (const l of LANE) lanes[l] = (lanes[l] as number) + coef * (own.lanes[l] as number)
    step = step === undefined || own.step === undefined ? undefined : step + coef * own.step
  }
  return { lanes, step }
}

function atomPattern(atom: Atom, lane: Axis, terms: ValueNumbering, aligned: boolean): Pattern | undefined {
  switch (atom.kind) {
    case 'axis':
      return atom.axis === lane ? { lanes: LANE, step: LANES } : STILL
    case 'value':
      return terms.info(atom.value).axes.has(lane) ? undefined : STILL
    case 'div':
    case 'mod':
      return terms.indexInfo(atom.of).axes.has(lane) ? partPattern(atom, lane, terms, aligned) : STILL
  }
}

/** Of a quotient or a remainder that changes along the lane axis. */
function partPattern({ kind, of, by }: Part, lane: Axis, terms: ValueNumbering, aligned: boolean): Pattern | undefined {
  const own = of.terms.filter(({ atom: a }) => (a.kind === 'axis' ? a.axis === lane : undefined))
  const others = of.terms.filter((t) => !own.includes(t))
  const coef = own[0]?.coef ?? 0
  if (!aligned || own.length !== 1 || coef <= 0) return undefined
  if (others.some(({ atom: a }) => atomPattern(a, lane, terms, aligned) !== STILL) || rangeOf(of)[0] < 0) return undefined
  const multiples = (n: number): boolean => of.offset % n === 0 && others.every((t) => t.coef % n === 0)
  const along = LANES * coef
  if (by % along === 0 && multiples(along))
    return kind === 'div' ? { ...STILL, step: undefined } : { lanes: LANE.map((l) => coef * l), step: undefined }
  if (along % by === 0 && multiples(by))
    return kind === 'div'
      ? { lanes: LANE.map((l) => Math.floor((coef * l) / by)), step: along / by }
      : { lanes: LANE.map((l) => (coef * l) % by), step: 0 }
  return undefined
}

/**
 * The remainder by which an index walks along `lane` from neighbour to neighbour, and begins anew at most once in a vector; undefined where it moves otherwise. It is that of
 * what is short and broadcast, beside what is not.
 */
export function wrapOf(index: Index, lane: Axis, terms: ValueNumbering): Part | undefined {
  const moving = (of: Index): Index['terms'] => of.terms.filter(({ atom }) => terms.atomAxes(atom).has(lane))
  const [own, ...more] = moving(index)
  if (more.length > 0 || own?.coef !== 1 || own.atom.kind !== 'mod' || own.atom.by < LANES) return undefined
  const [inner, ...others] = moving(own.atom.of)
  if (others.length > 0 || inner?.coef !== 1 || inner.atom.kind !== 'axis' || rangeOf(own.atom.of)[0] < 0) return undefined
  return own.atom
}

/** Whether the lanes are neighbours, in order. */
export const isRun = ({ lanes }: Pattern): boolean => lanes.every((at, l) => at === l)

/** From the lane that lies in front to the one behind. */
export const spanOf = ({ lanes }: Pattern): number => Math.max(...lanes) - Math.min(...lanes)
