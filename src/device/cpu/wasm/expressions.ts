/** @file Expressions of the kernel IR as instructions, of one point or of four neighbours along one axis. */
import { type DType, dtypeInfo } from '../../../base/index.ts'
import {
  type Atom,
  type Axis,
  type Expr,
  type Index,
  type Kernel,
  type Stage,
  type Term,
  Terms,
  type ValueType,
} from '../../../kernel/index.ts'
import { childrenOf, coefOf, type Root, rangeOf } from './analysis.ts'
import type { Code, Local } from './assembler.ts'
import type { Library } from './library.ts'
import { writeBinary, writeCast, writeUnary } from './operators.ts'
import { LANES, type Mode, Unsupported, type Writer } from './writer.ts'

interface Scope {
  readonly known: Map<string, Local>
}

/** Where a reduction stands: a number, or four of them; `position` for those that answer one. */
export interface Accumulator {
  readonly local: Local
  readonly vector: boolean
  readonly position: Local | undefined
}

const isConst = (e: Expr): e is Extract<Expr, { kind: 'const' }> => e.kind === 'const'

/** Writes expressions into one function. What has been computed is known by name until its loop ends. */
export class Expressions implements Writer {
  readonly kernel: Kernel
  readonly code: Code
  readonly terms: Terms
  readonly library: Library
  /** Whether floats are doubles: where one of the buffers has them. */
  readonly wide: boolean
  readonly axes = new Map<Axis, Local>()
  readonly accs = new Map<string, Accumulator>()
  /** The axis that runs in vectors where the mode is `vector`. */
  lane: Axis | undefined
  readonly args: Local
  readonly lengths: readonly number[]
  readonly buffers: Local[] = []
  readonly scopes: Scope[] = [{ known: new Map() }]

  /** @param lengths elements of each buffer */
  constructor(kernel: Kernel, lengths: readonly number[], code: Code, library: Library) {
    this.kernel = kernel
    this.lengths = lengths
    this.code = code
    this.library = library
    const named = new Map<Axis, string>()
    this.terms = new Terms(kernel, (axis) => {
      const name = named.get(axis) ?? `x${named.size}`
      named.set(axis, name)
      return name
    })
    this.wide = kernel.buffers.some((b) => b.dtype === 'float64')
    if (kernel.buffers.some((b) => b.dtype === 'float16')) throw new Unsupported('float16')
    this.args = code.params[0] as Local
    kernel.buffers.forEach((_, i) => {
      const local = code.local('i32')
      code
        .get(this.args)
        .memory('i32.load', 4 * i)
        .set(local)
      this.buffers.push(local)
    })
  }

  /** Runs `body` in a scope of its own: what it computes is forgotten after. */
  scoped(body: () => void): void {
    this.scopes.push({ known: new Map() })
    body()
    this.scopes.pop()
  }

  fresh(type: 'i32' | 'f32' | 'f64' | 'v128'): Local {
    return this.code.local(type)
  }

  // ── what stands in front of a loop ──

  /** Computes into locals what the roots need that depends on none of the axes in `inner`. */
  hoist(roots: readonly Root[], inner: ReadonlySet<Axis>, mode: Mode): void {
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
      const still = i.terms.filter((t) => this.termFree(t, free))
      if (still.length > 0 && this.ready(still)) this.base(i, still)
      for (const { atom } of i.terms) {
        if (atom.kind === 'value') expr(atom.value)
        else if (atom.kind !== 'axis') index(atom.of)
      }
    }
    const expr = (e: Expr): void => {
      const info = this.terms.info(e)
      const key = `${info.id}`
      if (seen.has(key) || isConst(e)) return
      seen.add(key)
      if (e.kind === 'acc') return
      if (free(info.axes) && !bound(e) && this.axesReady(info.axes)) {
        if (mode === 'vector' && this.lane && info.axes.has(this.lane)) this.keep(e, 'vector')
        else this.keep(e, 'scalar')
        return
      }
      if (e.kind === 'load' || e.kind === 'position' || e.kind === 'inside') index(e.index)
      else for (const child of childrenOf(e)) expr(child)
    }
    for (const root of roots) root.kind === 'index' ? index(root.index) : expr(root.expr)
  }

  axesReady(axes: ReadonlySet<Axis>): boolean {
    for (const a of axes) if (!this.axes.has(a)) return false
    return true
  }

  ready(terms: readonly Term[]): boolean {
    return terms.every(({ atom }) =>
      atom.kind === 'axis'
        ? this.axes.has(atom.axis)
        : atom.kind === 'value'
          ? this.axesReady(this.terms.info(atom.value).axes)
          : this.axesReady(this.terms.indexInfo(atom.of).axes),
    )
  }

  termFree({ atom }: Term, free: (axes: ReadonlySet<Axis>) => boolean): boolean {
    if (atom.kind === 'axis') return free(new Set([atom.axis]))
    if (atom.kind === 'value') return !this.usesAcc(atom.value) && free(this.terms.info(atom.value).axes)
    return free(this.terms.indexInfo(atom.of).axes)
  }

  readonly accUse = new Map<Expr, boolean>()
  usesAcc(e: Expr): boolean {
    let known = this.accUse.get(e)
    if (known === undefined) {
      known = e.kind === 'acc' || childrenOf(e).some((c) => this.usesAcc(c))
      this.accUse.set(e, known)
    }
    return known
  }

  find(key: string): Local | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const local = this.scopes[i]?.known.get(key)
      if (local) return local
    }
    return undefined
  }

  keep(e: Expr, mode: Mode): Local {
    const key = `${this.terms.info(e).id}:${mode}`
    const known = this.find(key)
    if (known) return known
    const local = this.fresh(mode === 'vector' ? 'v128' : this.scalarType(e.type))
    this.compute(e, mode)
    this.code.set(local)
    this.scopes.at(-1)?.known.set(key, local)
    return local
  }

  // ── indices ──

  /** The part of an index that is known in front of a loop, as a local. */
  base(index: Index, terms: readonly Term[]): void {
    const key = `base ${this.terms.indexInfo(index).id}`
    // A later loop knows more of it: the innermost base counts
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
    if (atom.kind === 'axis') {
      if (atom.axis.size === 1) code.i32(0)
      else code.get(this.axes.get(atom.axis) as Local)
      return
    }
    if (atom.kind === 'value') {
      this.emit(atom.value, 'scalar')
      return
    }
    this.index(atom.of)
    code.i32(atom.by).op(atom.kind === 'div' ? 'i32.div_u' : 'i32.rem_u')
  }

  /** Pushes an index (of lane 0, where a vector is computed). */
  index(index: Index): void {
    const key = `base ${this.terms.indexInfo(index).id}`
    const base = this.find(key)
    if (!base) {
      this.sum(index.offset, index.terms)
      return
    }
    const done = this.parts.get(base) as ReadonlySet<string>
    const rest = index.terms.filter((t) => !done.has(this.terms.atomKey(t.atom)))
    this.code.get(base)
    if (rest.length > 0) {
      this.sum(0, rest)
      this.code.op('i32.add')
    }
  }

  /** Pushes the address of an element. One that may lie outside is replaced by the first (of which `slack` may lie in front). */
  address(buffer: number, index: Index, slack = 0): void {
    const code = this.code
    const dtype = this.kernel.buffers[buffer]?.dtype as DType
    const length = this.lengths[buffer] as number
    const shift = Math.log2(dtypeInfo[dtype].bytes)
    this.index(index)
    const [low, high] = rangeOf(index)
    if (low < 0 || high >= length) {
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
  }

  // ── expressions ──

  scalarType(type: ValueType): 'i32' | 'f32' | 'f64' {
    return type === 'float' ? (this.wide ? 'f64' : 'f32') : 'i32'
  }

  /** Pushes a value: of one point, or of four. */
  emit(e: Expr, mode: Mode): void {
    const code = this.code
    if (isConst(e)) {
      this.constant(e, mode)
      return
    }
    if (e.kind === 'acc') {
      const acc = this.accs.get(`${e.stage}.${e.slot}`) as Accumulator
      code.get(acc.position ?? acc.local)
      if (mode === 'vector' && !acc.vector) this.splat(e.type)
      return
    }
    const info = this.terms.info(e)
    const uniform = mode === 'vector' && this.lane && !info.axes.has(this.lane) && !this.usesAcc(e)
    if (uniform) {
      const key = `${info.id}:splat`
      const known = this.find(key)
      if (known) {
        code.get(known)
        return
      }
      this.emit(e, 'scalar')
      this.splat(e.type)
      return
    }
    const key = `${info.id}:${mode}`
    const known = this.find(key)
    if (known) {
      code.get(known)
      return
    }
    if (info.uses > 1) code.get(this.keep(e, mode))
    else this.compute(e, mode)
  }

  splat(type: ValueType): void {
    if (type === 'float') this.code.op('f32x4.splat')
    else if (type === 'bool') this.code.i32(0).op('i32.ne').i32(0).op('i32.eq').i32(1).op('i32.sub').op('i32x4.splat')
    else this.code.op('i32x4.splat')
  }

  constant({ value, type }: Extract<Expr, { kind: 'const' }>, mode: Mode): void {
    const code = this.code
    if (mode === 'scalar') {
      if (type === 'float') this.wide ? code.f64(value) : code.f32(value)
      else code.i32(type === 'bool' ? (value ? 1 : 0) : value)
      return
    }
    if (type === 'float') code.f32(value).op('f32x4.splat')
    else {
      const word = type === 'bool' ? (value ? -1 : 0) : value
      code.v128([word, word, word, word])
    }
  }

  compute(e: Expr, mode: Mode): void {
    const code = this.code
    const vector = mode === 'vector'
    switch (e.kind) {
      case 'const':
      case 'acc':
        throw new Error('kernel: an accumulator is no expression to compute')
      case 'load':
        this.load(e, mode)
        return
      case 'position':
        this.index(e.index)
        if (vector) this.ramp(coefOf(e.index, this.lane as Axis))
        return
      case 'inside':
        this.index(e.index)
        if (vector) {
          this.ramp(coefOf(e.index, this.lane as Axis))
          code.v128([e.size, e.size, e.size, e.size]).op('i32x4.lt_u')
        } else code.i32(e.size).op('i32.lt_u')
        return
      case 'scalar':
        code.get(this.args).memory('i32.load', 4 * this.kernel.buffers.length)
        if (e.type === 'float') {
          code.memory('f64.load', 8 * e.slot)
          if (!this.wide) code.op('f32.demote_f64')
        } else code.memory('i32.load', 8 * e.slot)
        if (vector) this.splat(e.type)
        return
      case 'checked':
      case 'philox':
        throw new Unsupported(e.kind)
      case 'unary':
        writeUnary(this, e, mode)
        return
      case 'binary':
        writeBinary(this, e, mode)
        return
      case 'where':
        if (vector) {
          this.emit(e.a, mode)
          this.emit(e.b, mode)
          this.emit(e.test, mode)
          code.op('v128.bitselect')
        } else {
          this.emit(e.a, mode)
          this.emit(e.b, mode)
          this.emit(e.test, mode)
          code.op('select')
        }
        return
      case 'cast':
        writeCast(this, e, mode)
    }
  }

  /** From the value of lane 0 to those of four, `step` apart. */
  ramp(step: number): void {
    this.code.op('i32x4.splat')
    if (step !== 0) this.code.v128([0, step, 2 * step, 3 * step]).op('i32x4.add')
  }

  load(e: Extract<Expr, { kind: 'load' }>, mode: Mode): void {
    const code = this.code
    const dtype = this.kernel.buffers[e.buffer]?.dtype as DType
    if (mode === 'scalar') {
      this.address(e.buffer, e.index)
      switch (dtype) {
        case 'float32':
          code.memory('f32.load')
          if (this.wide) code.op('f64.promote_f32')
          break
        case 'float64':
          code.memory('f64.load')
          break
        case 'int8':
          code.memory('i32.load8_s')
          break
        case 'uint8':
        case 'bool':
          code.memory('i32.load8_u')
          break
        default:
          code.memory('i32.load')
      }
      return
    }
    const step = coefOf(e.index, this.lane as Axis)
    const [low, high] = rangeOf(e.index)
    const safe = low >= 0 && high < (this.lengths[e.buffer] as number)
    if (step === 1) {
      this.address(e.buffer, e.index, LANES - 1)
      switch (dtype) {
        case 'float32':
        case 'int32':
        case 'uint32':
          code.memory('v128.load')
          break
        case 'bool':
        case 'uint8':
          code.memory('v128.load32_zero').op('i16x8.extend_low_i8x16_u').op('i32x4.extend_low_i16x8_u')
          if (dtype === 'bool') code.op('i32x4.neg')
          break
        case 'int8':
          code.memory('v128.load32_zero').op('i16x8.extend_low_i8x16_s').op('i32x4.extend_low_i16x8_s')
          break
        default:
          throw new Unsupported(dtype)
      }
      return
    }
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'uint32') throw new Unsupported(`strided ${dtype}`)
    if (!safe) throw new Unsupported('a strided load that may lie outside')
    const at = this.fresh('i32')
    this.address(e.buffer, e.index)
    code.tee(at).memory('v128.load32_zero')
    const rest = this.fresh('v128')
    code.set(rest)
    for (let l = 1; l < LANES; l++)
      code
        .get(at)
        .i32(4 * step * l)
        .op('i32.add')
        .get(rest)
        .laneMemory('v128.load32_lane', l)
        .set(rest)
    code.get(rest)
  }

  stores(stores: Extract<Stage, { kind: 'store' }>['stores'], mode: Mode): void {
    const code = this.code
    // All values come first, so that an operand overwritten in place is read before.
    const values = stores.map(({ value }) => {
      const local = this.fresh(mode === 'vector' ? 'v128' : this.scalarType(value.type))
      this.emit(value, mode)
      code.set(local)
      return local
    })
    stores.forEach(({ buffer, index, value }, n) => {
      const dtype = this.kernel.buffers[buffer]?.dtype as DType
      if (mode === 'scalar') {
        this.address(buffer, index)
        code.get(values[n] as Local)
        this.storeScalar(dtype, value.type)
        return
      }
      if (coefOf(index, this.lane as Axis) !== 1) throw new Unsupported('a strided store of a vector')
      this.address(buffer, index)
      code.get(values[n] as Local)
      switch (dtype) {
        case 'float32':
        case 'int32':
        case 'uint32':
          code.memory('v128.store')
          break
        case 'bool':
        case 'uint8':
        case 'int8':
          if (dtype === 'bool') code.v128([1, 1, 1, 1]).op('v128.and')
          else code.v128([255, 255, 255, 255]).op('v128.and')
          code.v128([0, 0, 0, 0]).op('i16x8.narrow_i32x4_u').v128([0, 0, 0, 0]).op('i8x16.narrow_i16x8_u')
          code.laneMemory('v128.store32_lane', 0)
          break
        default:
          throw new Unsupported(dtype)
      }
    })
  }

  storeScalar(dtype: DType, from: ValueType): void {
    const code = this.code
    switch (dtype) {
      case 'float32':
        if (this.wide) code.op('f32.demote_f64')
        code.memory('f32.store')
        break
      case 'float64':
        code.memory('f64.store')
        break
      case 'int32':
      case 'uint32':
        code.memory('i32.store')
        break
      case 'bool':
      case 'int8':
      case 'uint8':
        code.memory('i32.store8')
        break
      default:
        throw new Unsupported(`${dtype} from ${from}`)
    }
  }
}
