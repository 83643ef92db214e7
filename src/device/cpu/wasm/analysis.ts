/** @file What a kernel's indices and expressions say: along which axes they walk, and how far. */
import type { Atom, Axis, Expr, Index, Stage } from '../../../kernel/index.ts'

export const dependsOn = (index: Index, axis: Axis): boolean =>
  index.terms.some(({ atom }) => (atom.kind === 'axis' ? atom.axis === axis : atom.kind === 'value' ? true : dependsOn(atom.of, axis)))

/** The step with which an index walks along an axis. */
export const coefOf = (index: Index, axis: Axis): number =>
  index.terms.find((t) => t.atom.kind === 'axis' && t.atom.axis === axis)?.coef ?? 0

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
  if (atom.kind === 'mod') return [0, low >= 0 ? Math.min(high, atom.by - 1) : atom.by - 1]
  return [Math.floor(low / atom.by), Math.floor(high / atom.by)]
}

/** Something that a stage needs: a value, or a place. */
export type Root = { readonly kind: 'expr'; readonly expr: Expr } | { readonly kind: 'index'; readonly index: Index }

/** What the stages need. */
export function rootsOf(stages: readonly Stage[]): Root[] {
  return stages.flatMap((stage): Root[] =>
    stage.kind === 'reduce'
      ? stage.reductions.map((r) => ({ kind: 'expr', expr: r.value }))
      : stage.stores.flatMap((s): Root[] => [
          { kind: 'index', index: s.index },
          { kind: 'expr', expr: s.value },
        ]),
  )
}

/** Expressions directly under one. */
export function childrenOf(e: Expr): readonly Expr[] {
  const inIndex = (index: Index): readonly Expr[] =>
    index.terms.flatMap(({ atom }) => (atom.kind === 'value' ? [atom.value] : atom.kind === 'axis' ? [] : inIndex(atom.of)))
  switch (e.kind) {
    case 'load':
    case 'position':
    case 'inside':
      return inIndex(e.index)
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
