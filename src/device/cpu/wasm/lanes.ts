/** @file Which axis of a kernel runs in vectors. */
import { type Atom, type Axis, coefOf, type Index, type Kernel, type Stage, type Terms, visitExprs } from '../../../kernel/index.ts'
import { dependsOn } from './analysis.ts'
import { LANES } from './writer.ts'

interface Place {
  readonly index: Index
  readonly kind: 'load' | 'store' | 'other'
}

/** Every load, store and position of some stages. */
function placesOf(stages: readonly Stage[]): Place[] {
  const found: Place[] = []
  for (const stage of stages) if (stage.kind === 'store') for (const s of stage.stores) found.push({ index: s.index, kind: 'store' })
  visitExprs(stages, (e) => {
    if (e.kind === 'load' || e.kind === 'position' || e.kind === 'inside')
      found.push({ index: e.index, kind: e.kind === 'load' ? 'load' : 'other' })
  })
  return found
}

/** Operators at work in some stages: each is one for four points, where a load that is not of neighbours is four. */
export function workOf(stages: readonly Stage[]): number {
  let work = 0
  visitExprs(stages, (e) => {
    if (e.kind === 'unary' || e.kind === 'binary' || e.kind === 'where' || e.kind === 'cast') work++
    if (e.kind === 'philox') work += 20
  })
  return work
}

/** Whether four neighbours along `axis` are better computed at once. */
function suits(terms: Terms, stages: readonly Stage[], axis: Axis): boolean {
  if (axis.size < LANES) return false
  // a load of four neighbours is worth as much as an operator or two
  let good = workOf(stages) / 2
  let bad = 0
  for (const { index, kind } of placesOf(stages)) {
    const uneven = index.terms.some(({ atom }) => atom.kind !== 'axis' && atomDepends(terms, atom, axis))
    const coef = coefOf(index, axis)
    if (kind === 'store' && (uneven || coef !== 1)) return false
    if (kind === 'load') !uneven && (coef === 0 || coef === 1) ? good++ : bad++
  }
  return good >= bad
}

function atomDepends(terms: Terms, atom: Atom, axis: Axis): boolean {
  return atom.kind === 'value'
    ? terms.info(atom.value).axes.has(axis)
    : atom.kind === 'axis'
      ? atom.axis === axis
      : dependsOn(atom.of, axis)
}

/** The grid's innermost axis, where four of its points are best computed at once. */
export function gridLane({ grid, stages }: Kernel, terms: Terms): Axis | undefined {
  const axis = grid.at(-1)
  if (!axis || !suits(terms, stages, axis)) return undefined
  // Rows that are read along their own axis are better summed there
  if (stages.some((s) => s.axes.length > 0) && stages.every((s) => s.axes.length === 0 || stageLane(s, terms))) {
    const own = placesOf(stages).filter((x) => x.kind === 'load' && coefOf(x.index, axis) === 1).length
    if (own === 0) return undefined
  }
  return axis
}

/** A stage's innermost axis, where four terms of it are best computed at once. */
export function stageLane(stage: Stage, terms: Terms): Axis | undefined {
  const axis = stage.axes.at(-1)
  return axis && suits(terms, [stage], axis) ? axis : undefined
}
