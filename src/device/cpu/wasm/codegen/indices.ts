/** @file Indices and addresses as instructions, and what stands in front of a loop because no axis of the loop changes it. */
import { type DType, dtypeInfo } from '../../../../base/index.ts'
import {
  type Atom,
  type Axis,
  childrenOf,
  coefOf,
  type Expr,
  type Index,
  indexOf,
  insideAtom,
  isIndex,
  rangeOf,
  type Term,
  underIndex,
  unreachable,
} from '../../../../kernel/index.ts'
import { four, type Local } from '../assembler/assembler.ts'
import { CodegenContext } from './codegen-context.ts'
import { type Pattern, patternOf } from './lane-strides.ts'
import { LANES, type Mode } from './writer.ts'

/** The second words of four 64-bit numbers. */
const HIGH_WORDS = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31]

/** Writes where elements are; values are a subclass's. */
export abstract class IndexWriter extends CodegenContext {
  /** The part of an index that is known in front of a loop, as a local. */
  base(index: Index, terms: readonly Term[]): void {
    const key = `base ${this.terms.indexInfo(index).id}`
    // More of it is known in front of an inner loop: the innermost base counts
    const local = this.fresh('i32')
    this.sum(index.offset, terms)
    this.code.set(local)
    this.scopes.at(-1)?.known.set(key, local)
    this.parts.set(local, new Set(terms.map((t) => this.terms.atomKey(t.atom))))
  }
  /** The atoms that a base contains. */
  readonly parts = new Map<Local, ReadonlySet<string>>()

  /** Pushes offset + Σ terms, in whole numbers modulo 2³². */
  sum(offset: number, terms: readonly Term[]): void {
    const code = this.code
    let any = false
    for (const { coef, atom } of terms) {
      this.atom(atom)
      if (coef !== 1) code.i32(coef).op('i32.mul')
      if (any) code.op('i32.add')
      any = true
    }
    if (!any) code.i32(offset)
    else if (offset !== 0) code.i32(offset).op('i32.add')
  }

  atom(atom: Atom): void {
    const code = this.code
    switch (atom.kind) {
      case 'axis':
        if (atom.axis.size === 1) code.i32(0)
        else code.get(this.axes.get(atom.axis) as Local)
        break
      case 'value':
        this.emit(atom.value, 'scalar')
        break
      case 'div':
      case 'mod':
        this.index(atom.of)
        code.i32(atom.by).op(atom.kind === 'div' ? 'i32.div_u' : 'i32.rem_u')
        break
      default:
        unreachable(atom)
    }
  }

  /** How the lanes differ in an index, where that is known here. */
  pattern(index: Index): Pattern | undefined {
    const known = patternOf(index, this.lane as Axis, this.terms, this.aligned)
    return known?.step === undefined && this.lead > 0 ? undefined : known
  }

  /** How far an index moves from where the lane axis stands to where the vector begins. */
  ahead({ step }: Pattern): number {
    return this.lead === 0 ? 0 : ((step as number) * this.lead) / LANES
  }

  /** The terms, other than the lane axis itself, that differ from lane to lane. */
  uneven(index: Index): Term[] {
    return index.terms.filter(({ atom }) => atom.kind !== 'axis' && this.terms.atomAxes(atom).has(this.lane as Axis))
  }

  /** Pushes the index of each of four lanes. */
  indices(index: Index): void {
    const { code } = this
    const pattern = this.pattern(index)
    if (pattern) {
      const ahead = this.ahead(pattern)
      const [a, b, c, d] = pattern.lanes.map((at) => at + ahead) as [number, number, number, number]
      this.index(index)
      code.op('i32x4.splat')
      if (a || b || c || d) code.v128([a, b, c, d]).op('i32x4.add')
      return
    }
    const uneven = this.uneven(index)
    this.index(index, uneven)
    this.ramp(coefOf(index, this.lane as Axis))
    for (const { coef, atom } of uneven) {
      this.atoms(atom as Exclude<Atom, { kind: 'axis' }>)
      if (coef !== 1) code.v128(four(coef)).op('i32x4.mul')
      code.op('i32x4.add')
    }
  }

  /** Pushes an atom for each of four lanes. */
  atoms(atom: Exclude<Atom, { kind: 'axis' }>): void {
    const { code } = this
    switch (atom.kind) {
      case 'value':
        this.emit(atom.value, 'vector')
        break
      case 'div':
      case 'mod': {
        const local = this.remembered(`${this.terms.atomKey(atom)}:vector`, () => {
          const made = this.fresh('v128')
          this.indices(atom.of)
          this.divide(atom.by, atom.kind)
          code.set(made)
          return made
        })
        code.get(local)
        break
      }
      default:
        unreachable(atom)
    }
  }

  /** ⌊x / by⌋ or x mod by of the four on the stack, 0 ≤ x < 2³¹: a product with ⌊2^(31+s) / by⌋ + 1 (Granlund and Montgomery), 2ˢ ≥ by. */
  divide(by: number, kind: 'div' | 'mod'): void {
    const { code } = this
    const s = Math.ceil(Math.log2(by))
    if (by === 1) {
      if (kind === 'mod') code.op('drop').v128(four(0))
      return
    }
    if (2 ** s === by) {
      if (kind === 'div') code.i32(s).op('i32x4.shr_u')
      else code.v128(four(by - 1)).op('v128.and')
      return
    }
    const factor = Number((1n << BigInt(31 + s)) / BigInt(by)) + 1
    const x = this.fresh('v128')
    code.tee(x).v128(four(factor)).op('i64x2.extmul_low_i32x4_u')
    code.get(x).v128(four(factor)).op('i64x2.extmul_high_i32x4_u')
    code.shuffle(HIGH_WORDS)
    if (s > 1) code.i32(s - 1).op('i32x4.shr_u')
    if (kind === 'div') return
    const quotient = this.fresh('v128')
    code.set(quotient).get(x).get(quotient).v128(four(by)).op('i32x4.mul').op('i32x4.sub')
  }

  /** Pushes an index (of lane 0, where a vector is computed), without the terms in `left`, which no base contains. */
  index(index: Index, left: readonly Term[] = []): void {
    const key = `base ${this.terms.indexInfo(index).id}`
    const base = this.find(key)
    if (!base) {
      this.sum(
        index.offset,
        index.terms.filter((t) => !left.includes(t)),
      )
      return
    }
    const done = this.parts.get(base) as ReadonlySet<string>
    const rest = index.terms.filter((t) => !left.includes(t) && !done.has(this.terms.atomKey(t.atom)))
    this.code.get(base)
    if (rest.length > 0) {
      this.sum(0, rest)
      this.code.op('i32.add')
    }
  }

  /**
   * Pushes the address of an element, or of one that stands `ahead` elements from it; what has to be added as an offset is returned, in bytes. An address
   * that may lie outside is replaced by that of the first element (of which `slack` may lie in front).
   */
  address(buffer: number, index: Index, ahead = 0, slack = 0): number {
    const code = this.code
    const dtype = this.kernel.buffers[buffer]?.dtype as DType
    const length = this.lengths[buffer] as number
    const { bytes } = dtypeInfo[dtype]
    const shift = Math.log2(bytes)
    this.index(index)
    const outside = this.outside(buffer, index)
    const added = ahead < 0 || outside
    if (added && ahead !== 0) code.i32(ahead).op('i32.add')
    if (outside) {
      const at = this.fresh('i32')
      code.tee(at).i32(0)
      code
        .get(at)
        .i32(slack)
        .op('i32.add')
        .i32(length + slack)
        .op('i32.lt_u')
        .op('select')
    }
    if (shift > 0) code.i32(shift).op('i32.shl')
    code.get(this.buffers[buffer] as Local).op('i32.add')
    return added ? 0 : ahead * bytes
  }

  outside(buffer: number, index: Index): boolean {
    const [low, high] = rangeOf(index)
    return !(low >= 0 && high < (this.lengths[buffer] as number))
  }

  /** From the value where the lane axis stands to those of the vector's four lanes, `step` apart. */
  ramp(step: number): void {
    const from = this.lead * step
    this.code.op('i32x4.splat')
    if (step !== 0) this.code.v128([from, from + step, from + 2 * step, from + 3 * step]).op('i32x4.add')
  }

  // ── what stands in front of a loop ──

  /** Computes into locals what the roots need that depends on none of the axes in `inner`. */
  hoist(roots: readonly (Expr | Index)[], inner: ReadonlySet<Axis>, mode: Mode): void {
    const seen = new Set<string>()
    const free = (axes: ReadonlySet<Axis>): boolean => {
      for (const a of axes) if (inner.has(a)) return false
      return true
    }
    const bound = (e: Expr): boolean => this.usesAcc(e)
    const index = (i: Index): void => {
      const key = `@${this.terms.indexInfo(i).id}`
      if (seen.has(key)) return
      seen.add(key)
      const uneven = mode === 'vector' && !this.pattern(i) ? this.uneven(i) : []
      const still = i.terms.filter((t) => !uneven.includes(t) && this.termFree(t, free))
      if (still.length > 0 && this.ready(still)) this.base(i, still)
      for (const { atom } of i.terms) {
        const part = insideAtom(atom)
        if (part) root(part)
      }
    }
    const expr = (e: Expr): void => {
      const info = this.terms.info(e)
      const key = `${info.id}`
      if (seen.has(key) || e.kind === 'const') return
      seen.add(key)
      if (e.kind === 'acc') return
      if (free(info.axes) && !bound(e) && this.axesReady(info.axes)) {
        if (mode === 'vector' && this.lane && info.axes.has(this.lane)) this.keep(e, 'vector')
        else this.keep(e, 'scalar')
        return
      }
      const own = indexOf(e)
      if (own) index(own)
      // A wrong index counts only where it is chosen
      else if (e.kind === 'where' && info.checked) expr(e.test)
      else for (const child of childrenOf(e)) expr(child)
    }
    const root = (part: Expr | Index): void => (isIndex(part) ? index(part) : expr(part))
    for (const part of roots) root(part)
  }

  axesReady(axes: ReadonlySet<Axis>): boolean {
    for (const a of axes) if (!this.axes.has(a)) return false
    return true
  }

  ready(terms: readonly Term[]): boolean {
    return terms.every(({ atom }) => this.axesReady(this.terms.atomAxes(atom)))
  }

  termFree({ atom }: Term, free: (axes: ReadonlySet<Axis>) => boolean): boolean {
    const part = insideAtom(atom)
    const inside = part === undefined ? [] : isIndex(part) ? underIndex(part) : [part]
    return free(this.terms.atomAxes(atom)) && !inside.some((e) => this.usesAcc(e))
  }
}
