/** @file A kernel's stages over other axes and buffers. */
import type { Atom, Axis, Contract, Expr, Index, Stage } from './ir.ts'

/** What takes the place of what. */
export interface Renaming {
  /** Of a buffer's number. */
  readonly buffer?: (buffer: number) => number
  /** Of axes; one that another covers has no place in indices. What is not in it stays. */
  readonly axes?: ReadonlyMap<Axis, Axis | undefined>
}

/** Renames in expressions; those that were shared stay shared. */
export class Renamer {
  readonly #buffer: (buffer: number) => number
  readonly #axes: ReadonlyMap<Axis, Axis | undefined>
  readonly #exprs = new Map<Expr, Expr>()
  readonly #indices = new Map<Index, Index>()

  constructor({ buffer = (same) => same, axes = new Map() }: Renaming) {
    this.#buffer = buffer
    this.#axes = axes
  }

  stage<S extends Stage>(stage: S): S
  stage(stage: Stage): Stage {
    const axes = this.axes(stage.axes)
    switch (stage.kind) {
      case 'reduce':
        return { ...stage, axes, reductions: stage.reductions.map((r) => ({ ...r, value: this.expr(r.value) })) }
      case 'store':
        return {
          ...stage,
          axes,
          stores: stage.stores.map((s) => ({ buffer: this.#buffer(s.buffer), index: this.index(s.index), value: this.expr(s.value) })),
        }
    }
  }

  contract({ batch, m, n, k, a, b }: Contract): Contract {
    return { batch: this.axes(batch), m: this.axes(m), n: this.axes(n), k: this.axes(k), a: this.expr(a), b: this.expr(b) }
  }

  axes(axes: readonly Axis[]): readonly Axis[] {
    if (this.#axes.size === 0) return axes
    return axes.flatMap((axis) => (this.#axes.has(axis) ? (this.#axes.get(axis) ?? []) : axis))
  }

  index(index: Index): Index {
    let renamed = this.#indices.get(index)
    if (!renamed) {
      renamed = this.#renamed(index)
      this.#indices.set(index, renamed)
    }
    return renamed
  }

  #renamed(index: Index): Index {
    let same = true
    const terms = index.terms.flatMap((term) => {
      const atom = this.#atom(term.atom)
      if (atom !== term.atom) same = false
      return atom === term.atom ? term : atom ? { coef: term.coef, atom } : []
    })
    return same ? index : { offset: index.offset, terms }
  }

  #atom(atom: Atom): Atom | undefined {
    switch (atom.kind) {
      case 'axis': {
        if (!this.#axes.has(atom.axis)) return atom
        const axis = this.#axes.get(atom.axis)
        return axis && { kind: 'axis', axis }
      }
      case 'value': {
        const value = this.expr(atom.value)
        return value === atom.value ? atom : { kind: 'value', value }
      }
      case 'div':
      case 'mod': {
        const of = this.index(atom.of)
        return of === atom.of ? atom : { ...atom, of }
      }
    }
  }

  expr<E extends Expr>(e: E): E
  expr(e: Expr): Expr {
    let renamed = this.#exprs.get(e)
    if (!renamed) {
      renamed = this.#expr(e)
      this.#exprs.set(e, renamed)
    }
    return renamed
  }

  #expr(e: Expr): Expr {
    switch (e.kind) {
      case 'load':
        return { ...e, buffer: this.#buffer(e.buffer), index: this.index(e.index) }
      case 'position':
      case 'inside':
        return { ...e, index: this.index(e.index) }
      case 'checked':
        return { ...e, value: this.expr(e.value) }
      case 'unary':
      case 'cast':
        return { ...e, x: this.expr(e.x) }
      case 'binary':
        return { ...e, a: this.expr(e.a), b: this.expr(e.b) }
      case 'where':
        return { ...e, test: this.expr(e.test), a: this.expr(e.a), b: this.expr(e.b) }
      case 'philox': {
        const [key, [i, j, k, l]] = [e.key, e.counter]
        return { ...e, key: [this.expr(key[0]), this.expr(key[1])], counter: [this.expr(i), this.expr(j), this.expr(k), this.expr(l)] }
      }
      case 'const':
      case 'scalar':
      case 'acc':
        return e
    }
  }
}
