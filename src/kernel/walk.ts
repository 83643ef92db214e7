/** @file Walking the expressions and indices of a kernel: what lies under what, said once for scheduler and devices. */
import type { Atom, Expr, Index, Reduction, Stage, Store } from './ir.ts'

/** What a stage reduces. */
export function reductionsOf(stage: Stage): readonly Reduction[] {
  switch (stage.kind) {
    case 'reduce':
      return stage.reductions
    case 'store':
      return []
  }
}

/** What a stage writes into buffers. */
export function storesOf(stage: Stage): readonly Store[] {
  switch (stage.kind) {
    case 'reduce':
      return []
    case 'store':
      return stage.stores
  }
}

/** The computed number that an atom is, or the index of which it is a function; an axis is neither. */
export function insideAtom(atom: Atom): Expr | Index | undefined {
  switch (atom.kind) {
    case 'axis':
      return undefined
    case 'value':
      return atom.value
    case 'div':
    case 'mod':
      return atom.of
  }
}
export const isIndex = (part: Expr | Index): part is Index => !('kind' in part)

/** What stages compute at each of their points: values, and the indices by which they store. */
export const rootsOf = (stages: readonly Stage[]): (Expr | Index)[] =>
  stages.flatMap((stage) => [
    ...reductionsOf(stage).map(({ value }) => value),
    ...storesOf(stage).flatMap(({ index, value }) => [index, value]),
  ])

/** Expressions directly under an index: the computed numbers in it, at any depth of ⌊ / ⌋ and mod. */
export const underIndex = (index: Index): readonly Expr[] =>
  index.terms.flatMap(({ atom }) => {
    const part = insideAtom(atom)
    return part === undefined ? [] : isIndex(part) ? underIndex(part) : [part]
  })

/** The index that an expression reads at, or is a function of. */
export function indexOf(e: Expr): Index | undefined {
  switch (e.kind) {
    case 'load':
    case 'position':
    case 'inside':
      return e.index
    case 'const':
    case 'scalar':
    case 'acc':
    case 'checked':
    case 'unary':
    case 'binary':
    case 'where':
    case 'cast':
    case 'philox':
      return undefined
  }
}

/** The buffer that an expression reads. */
export function bufferOf(e: Expr): number | undefined {
  switch (e.kind) {
    case 'load':
      return e.buffer
    case 'const':
    case 'scalar':
    case 'acc':
    case 'position':
    case 'inside':
    case 'checked':
    case 'unary':
    case 'binary':
    case 'where':
    case 'cast':
    case 'philox':
      return undefined
  }
}

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
    case 'const':
    case 'scalar':
    case 'acc':
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
  for (const root of rootsOf(stages)) for (const e of isIndex(root) ? underIndex(root) : [root]) go(e)
}

/** Every index by which the stages walk: of stores, of loads and positions, and those inside others. */
export function indicesOf(stages: readonly Stage[]): readonly Index[] {
  const found = new Set<Index>()
  const note = (index: Index): void => {
    found.add(index)
    for (const { atom } of index.terms) {
      const part = insideAtom(atom)
      if (part && isIndex(part)) note(part)
    }
  }
  for (const stage of stages) for (const { index } of storesOf(stage)) note(index)
  visitExprs(stages, (e) => {
    const index = indexOf(e)
    if (index) note(index)
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
  switch (atom.kind) {
    case 'axis':
      return [0, atom.axis.size - 1]
    case 'value':
      return [0, atom.value.kind === 'checked' ? atom.value.size - 1 : Number.POSITIVE_INFINITY]
    case 'div':
    case 'mod': {
      const [low, high] = rangeOf(atom.of)
      // In front of an axis, where nothing is chosen that is read there: devices divide as if there were no sign
      if (low < 0) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
      return atom.kind === 'mod' ? [0, Math.min(high, atom.by - 1)] : [Math.floor(low / atom.by), Math.floor(high / atom.by)]
    }
  }
}
