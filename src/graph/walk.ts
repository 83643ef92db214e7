/** @file Walking and renumbering the expressions of a kernel. */
import type { Expr, Index, Stage, Store } from '../kernel/index.ts'
import { sameIndex } from './affine.ts'

/** Calls `visit` once for every expression in the stages, those inside indices included. */
export function visitExprs(stages: readonly Stage[], visit: (e: Expr) => void): void {
  const seen = new Set<Expr>()
  const go = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    visit(e)
    switch (e.kind) {
      case 'load':
      case 'position':
      case 'inside':
        inIndex(e.index)
        break
      case 'checked':
        go(e.value)
        break
      case 'unary':
      case 'cast':
        go(e.x)
        break
      case 'binary':
        go(e.a)
        go(e.b)
        break
      case 'where':
        go(e.test)
        go(e.a)
        go(e.b)
        break
      case 'philox':
        e.key.forEach(go)
        e.counter.forEach(go)
        break
    }
  }
  const inIndex = (index: Index): void => {
    for (const { atom } of index.terms) {
      if (atom.kind === 'value') go(atom.value)
      else if (atom.kind !== 'axis') inIndex(atom.of)
    }
  }
  for (const stage of stages) {
    if (stage.kind === 'reduce') for (const r of stage.reductions) go(r.value)
    else
      for (const s of stage.stores) {
        inIndex(s.index)
        go(s.value)
      }
  }
}

/** Whether every load of `buffer` in these stores is at exactly `index`. */
export function readsOnlyAt(stores: readonly Store[], buffer: number, index: Index): boolean {
  let fits = true
  visitExprs([{ kind: 'store', axes: [], stores }], (e) => {
    if (e.kind === 'load' && e.buffer === buffer && !sameIndex(e.index, index)) fits = false
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
      terms: index.terms.map(({ coef, atom }) => {
        if (atom.kind === 'axis') return { coef, atom }
        if (atom.kind === 'value') return { coef, atom: { kind: 'value', value: go(atom.value) } }
        return { coef, atom: { kind: atom.kind, of: atIndex(atom.of), by: atom.by } }
      }),
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
      default:
        return e
    }
  }
  if (stage.kind === 'reduce') return { ...stage, reductions: stage.reductions.map((r) => ({ ...r, value: go(r.value) })) }
  return { ...stage, stores: stage.stores.map((s) => ({ buffer: rename(s.buffer), index: atIndex(s.index), value: go(s.value) })) }
}
