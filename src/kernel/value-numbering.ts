/** @file Which expressions of a kernel are equal, how often each is used, and which axes it depends on. */
import type { Atom, Axis, Expr, Index, Kernel } from './ir.ts'
import { childrenOf, insideAtom, isIndex, rootsOf } from './walk.ts'

/** What is known of an expression or an index, one object for all equal ones. */
export interface Info {
  readonly id: number
  readonly axes: ReadonlySet<Axis>
  /** A checked index is inside: its error counts only where the enclosing `where`s choose it. */
  readonly checked: boolean
  /** How many different expressions use it. */
  uses: number
}

const NOTHING: ReadonlyMap<number, Expr> = new Map()

export const NONE: ReadonlySet<Axis> = new Set()

export function union(sets: readonly ReadonlySet<Axis>[]): ReadonlySet<Axis> {
  let all: ReadonlySet<Axis> = NONE
  for (const set of sets) {
    if (set.size === 0 || set === all) continue
    all = all.size === 0 ? set : new Set([...all, ...set])
  }
  return all
}

export class ValueNumbering {
  readonly #ofExpr = new Map<Expr, Info>()
  readonly #ofIndex = new Map<Index, Info>()
  readonly #byKey = new Map<string, Info>()
  /** By the number of an expression, what is computed whenever it is, of what has a checked index inside. */
  readonly #always = new Map<number, ReadonlyMap<number, Expr>>()
  readonly #grid: ReadonlySet<Axis>
  readonly #axisName: (axis: Axis) => string

  constructor(kernel: Kernel, axisName: (axis: Axis) => string) {
    this.#grid = new Set(kernel.grid)
    this.#axisName = axisName
    for (const root of rootsOf(kernel.stages)) this.partInfo(root).uses++
  }

  /** Every index of the kernel, those inside others included. */
  indices(): Iterable<Index> {
    return this.#ofIndex.keys()
  }

  /** Everything in it: equal for kernels of equal expressions, where axes are named alike. */
  key(): string {
    return [...this.#byKey.keys()].join(' ')
  }

  #intern(key: string, children: readonly Info[], axes: ReadonlySet<Axis>, checked: boolean): Info {
    let info = this.#byKey.get(key)
    if (!info) {
      info = { id: this.#byKey.size, axes, checked: checked || children.some((c) => c.checked), uses: 0 }
      this.#byKey.set(key, info)
      for (const child of children) child.uses++
    }
    return info
  }

  partInfo(part: Expr | Index): Info {
    return isIndex(part) ? this.indexInfo(part) : this.info(part)
  }

  /** What is known of an index. */
  indexInfo(index: Index): Info {
    let info = this.#ofIndex.get(index)
    if (info) return info
    const children: Info[] = []
    const axes: ReadonlySet<Axis>[] = []
    let key = `@${index.offset}`
    for (const { coef, atom } of index.terms) {
      key += `+${coef}*${this.atomKey(atom)}`
      const child = this.atomInfo(atom)
      if (child) children.push(child)
      axes.push(this.atomAxes(atom))
    }
    info = this.#intern(key, children, union(axes), false)
    this.#ofIndex.set(index, info)
    return info
  }

  /** What is known of the number or the index inside an atom. */
  atomInfo(atom: Atom): Info | undefined {
    const part = insideAtom(atom)
    return part && this.partInfo(part)
  }

  /** The axes that an atom depends on. */
  atomAxes(atom: Atom): ReadonlySet<Axis> {
    return atom.kind === 'axis' ? new Set([atom.axis]) : (this.atomInfo(atom)?.axes ?? NONE)
  }

  /** Equal atoms have equal keys. */
  atomKey(atom: Atom): string {
    switch (atom.kind) {
      case 'axis':
        return this.#axisName(atom.axis)
      case 'value':
        return `v${this.info(atom.value).id}`
      case 'div':
      case 'mod':
        return `${atom.kind}${this.indexInfo(atom.of).id},${atom.by}`
    }
  }

  /** Of what has a checked index inside: what is computed whenever an expression is, whatever the `where`s in it choose; what is inside something comes before it. */
  #alwaysIn(expr: Expr): ReadonlyMap<number, Expr> {
    const { id, checked } = this.info(expr)
    if (!checked) return NOTHING
    let all = this.#always.get(id) as Map<number, Expr> | undefined
    if (all) return all
    all = new Map()
    for (const child of expr.kind === 'where' ? [expr.test] : childrenOf(expr))
      for (const [key, e] of this.#alwaysIn(child)) all.set(key, e)
    if (expr.kind === 'where') {
      const other = this.#alwaysIn(expr.b)
      for (const [key, e] of this.#alwaysIn(expr.a)) if (other.has(key)) all.set(key, e)
    }
    all.set(id, expr)
    this.#always.set(id, all)
    return all
  }

  /**
   * What both branches of a `where` compute, with a checked index inside, each not part of another: computed in front of them, once, for its errors count in either. In each
   * branch by itself, a chain of such would be written twice at every link.
   */
  sharedBranches({ a, b }: Extract<Expr, { kind: 'where' }>): Expr[] {
    const other = this.#alwaysIn(b)
    const covered = new Set<number>()
    const shared: Expr[] = []
    for (const [id, e] of [...this.#alwaysIn(a)].reverse()) {
      if (!other.has(id) || covered.has(id)) continue
      shared.push(e)
      for (const inside of this.#alwaysIn(e).keys()) covered.add(inside)
    }
    return shared
  }

  /** What is known of an expression. */
  info(expr: Expr): Info {
    const found = this.#ofExpr.get(expr)
    if (found) return found
    const of = (...list: readonly Expr[]): Info[] => list.map((e) => this.info(e))
    const make = (key: string, children: readonly Info[], checked = false): Info => {
      const ids = children.map((c) => c.id).join(',')
      return this.#intern(`${expr.kind}:${key}:${expr.type}:${ids}`, children, union(children.map((c) => c.axes)), checked)
    }
    let info: Info
    switch (expr.kind) {
      case 'const':
        info = make(Object.is(expr.value, -0) ? '-0' : `${expr.value}`, [])
        break
      case 'scalar':
        info = make(`${expr.slot}`, [])
        break
      case 'acc':
        info = this.#intern(`acc:${expr.stage}.${expr.slot}`, [], this.#grid, false)
        break
      case 'load':
        info = make(`${expr.buffer}`, [this.indexInfo(expr.index)])
        break
      case 'position':
        info = make('', [this.indexInfo(expr.index)])
        break
      case 'inside':
        info = make(`${expr.size}`, [this.indexInfo(expr.index)])
        break
      case 'checked':
        info = make(`${expr.size},${expr.site}`, of(expr.value), true)
        break
      case 'unary':
        info = make(expr.op, of(expr.x))
        break
      case 'cast':
        info = make(`${expr.from}>${expr.to}`, of(expr.x))
        break
      case 'binary':
        info = make(expr.op, of(expr.a, expr.b))
        break
      case 'where':
        info = make('', of(expr.test, expr.a, expr.b))
        break
      case 'philox':
        info = make(`${expr.word}`, of(...expr.key, ...expr.counter))
        break
    }
    this.#ofExpr.set(expr, info)
    return info
  }
}
