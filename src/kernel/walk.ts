/** @file Walking the expressions and indices of a kernel: what lies under what, said once for scheduler and devices. */
import type { Atom, Expr, Index, Stage } from './ir.ts'

/** Expressions directly under an index: the computed numbers in it, at any depth of ⌊ / ⌋ and mod. */
export const underIndex = (index: Index): readonly Expr[] =>
  index.terms.flatMap(({ atom }) => (atom.kind === 'value' ? [atom.value] : atom.kind === 'axis' ? [] : underIndex(atom.of)))

/** Expressions directly under one, those in its index included. */
export function childrenOf(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case 'load':
    case 'position':
    case 'inside':
      return underIndex(e.index)
    case 'checked':
      return [e.value]
    case 'unary':
    case 'cast':
      return [e.x]
    case 'binary':
      return [e.a, e.b]
    case 'where':
      return [e.test, e.a, e.b]
    case 'philox':
      return [...e.key, ...e.counter]
    default:
      return []
  }
}

/** Calls `visit` once for every expression in the stages, those inside indices included; an expression comes before what is under it. */
export function visitExprs(stages: readonly Stage[], visit: (e: Expr) => void): void {
  const seen = new Set<Expr>()
  const go = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    visit(e)
    childrenOf(e).forEach(go)
  }
  for (const stage of stages) {
    if (stage.kind === 'reduce') for (const r of stage.reductions) go(r.value)
    else
      for (const s of stage.stores) {
        underIndex(s.index).forEach(go)
        go(s.value)
      }
  }
}

/** Every index by which the stages walk: of stores, of loads and positions, and those inside others. */
export function indicesOf(stages: readonly Stage[]): readonly Index[] {
  const found = new Set<Index>()
  const note = (index: Index): void => {
    found.add(index)
    for (const { atom } of index.terms) if (atom.kind === 'div' || atom.kind === 'mod') note(atom.of)
  }
  for (const stage of stages) if (stage.kind === 'store') for (const s of stage.stores) note(s.index)
  visitExprs(stages, (e) => {
    if (e.kind === 'load' || e.kind === 'position' || e.kind === 'inside') note(e.index)
  })
  return [...found]
}

/** Smallest and largest value of an index; infinite where not known. */
export function rangeOf(index: Index): readonly [number, number] {
  let low = index.offset
  let high = index.offset
  for (const { coef, atom } of index.terms) {
    const [a, b] = atomRange(atom)
    low += coef > 0 ? coef * a : coef * b
    high += coef > 0 ? coef * b : coef * a
  }
  return [low, high]
}
function atomRange(atom: Atom): readonly [number, number] {
  if (atom.kind === 'axis') return [0, atom.axis.size - 1]
  if (atom.kind === 'value') return [0, atom.value.kind === 'checked' ? atom.value.size - 1 : Number.POSITIVE_INFINITY]
  const [low, high] = rangeOf(atom.of)
  // In front of an axis, where nothing is chosen that is read there: devices divide as if there were no sign
  if (low < 0) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  if (atom.kind === 'mod') return [0, Math.min(high, atom.by - 1)]
  return [Math.floor(low / atom.by), Math.floor(high / atom.by)]
}
