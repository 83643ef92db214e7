/** @file Renumbering the buffers of a kernel. */
import { type Atom, bufferOf, type Expr, type Index, indexOf, type Stage, type Store, sameIndex, visitExprs } from '../kernel/index.ts'

/** Whether every load of `buffer` in these stores is at exactly `index`. */
export function readsOnlyAt(stores: readonly Store[], buffer: number, index: Index): boolean {
  let fits = true
  visitExprs([{ kind: 'store', axes: [], stores }], (e) => {
    if (bufferOf(e) === buffer && !sameIndex(indexOf(e) as Index, index)) fits = false
  })
  return fits
}

/** The stage with one buffer's loads and stores moved to another. */
export const renameBuffer = (stage: Stage, from: number, to: number): Stage => mapBuffers(stage, (b) => (b === from ? to : b))

/** The stage with its buffers renumbered. */
export function mapBuffers(stage: Stage, rename: (buffer: number) => number): Stage {
  const done = new Map<Expr, Expr>()
  const atIndex = (index: Index): Index => {
    if (!index.terms.some((t) => t.atom.kind !== 'axis')) return index
    return {
      offset: index.offset,
      terms: index.terms.map(({ coef, atom }) => ({ coef, atom: inAtom(atom) })),
    }
  }
  const inAtom = (atom: Atom): Atom => {
    switch (atom.kind) {
      case 'axis':
        return atom
      case 'value':
        return { ...atom, value: go(atom.value) }
      case 'div':
      case 'mod':
        return { ...atom, of: atIndex(atom.of) }
    }
  }
  const go = (e: Expr): Expr => {
    const known = done.get(e)
    if (known) return known
    const mapped = step(e)
    done.set(e, mapped)
    return mapped
  }
  const step = (e: Expr): Expr => {
    switch (e.kind) {
      case 'load':
        return { ...e, buffer: rename(e.buffer), index: atIndex(e.index) }
      case 'position':
      case 'inside':
        return { ...e, index: atIndex(e.index) }
      case 'checked':
        return { ...e, value: go(e.value) }
      case 'unary':
      case 'cast':
        return { ...e, x: go(e.x) }
      case 'binary':
        return { ...e, a: go(e.a), b: go(e.b) }
      case 'where':
        return { ...e, test: go(e.test), a: go(e.a), b: go(e.b) }
      case 'philox':
        return {
          ...e,
          key: [go(e.key[0]), go(e.key[1])],
          counter: [go(e.counter[0]), go(e.counter[1]), go(e.counter[2]), go(e.counter[3])],
        }
      case 'const':
      case 'scalar':
      case 'acc':
        return e
    }
  }
  switch (stage.kind) {
    case 'reduce':
      return { ...stage, reductions: stage.reductions.map((r) => ({ ...r, value: go(r.value) })) }
    case 'store':
      return { ...stage, stores: stage.stores.map((s) => ({ buffer: rename(s.buffer), index: atIndex(s.index), value: go(s.value) })) }
  }
}
