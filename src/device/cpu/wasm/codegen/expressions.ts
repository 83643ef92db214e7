/** @file Expressions of the kernel IR as instructions, of one point or of four neighbours along one axis. */
import { type DType, dtypeInfo } from '../../../../base/index.ts'
import {
  type Axis,
  dtypeOfValue,
  type Expr,
  type Index,
  type Stage,
  unreachable,
  type ValueType,
  valueTypeOf,
} from '../../../../kernel/index.ts'
import { four, type Local } from '../assembler/assembler.ts'
import type { Accumulator } from './codegen-context.ts'
import { ELEMENTS, vectorsOf } from './elements.ts'
import { IndexWriter } from './indices.ts'
import { isRun, type Part, type Pattern, spanOf, wrapOf } from './lane-strides.ts'
import { convert, writeBinary, writeCast, writeUnary } from './operators.ts'
import { writeChecked, writePhilox } from './special.ts'
import { LANES, type Mode, type Writer } from './writer.ts'

/** Writes expressions into one function. */
export class Expressions extends IndexWriter implements Writer {
  /** Pushes a value: of one point, or of four. */
  emit(e: Expr, mode: Mode): void {
    const code = this.code
    if (e.kind === 'const') {
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

  /** Computes a value that is pushed later, in places of which none is known to come first. */
  known(e: Expr, mode: Mode): void {
    this.emit(e, mode)
    this.code.op('drop')
  }

  splat(type: ValueType): void {
    switch (type) {
      case 'float':
        this.code.op('f32x4.splat')
        break
      case 'i32':
      case 'u32':
        this.code.op('i32x4.splat')
        break
      case 'bool':
        this.code.i32(0).op('i32.ne').i32(0).op('i32.eq').i32(1).op('i32.sub').op('i32x4.splat')
        break
      default:
        unreachable(type)
    }
  }

  constant({ value, type }: Extract<Expr, { kind: 'const' }>, mode: Mode): void {
    const { code } = this
    const vector = mode === 'vector'
    switch (type) {
      case 'float':
        if (vector) code.f32(value).op('f32x4.splat')
        else this.wide ? code.f64(value) : code.f32(value)
        break
      case 'i32':
      case 'u32':
        vector ? code.v128(four(value)) : code.i32(value)
        break
      case 'bool':
        vector ? code.v128(four(value ? -1 : 0)) : code.i32(value ? 1 : 0)
        break
      default:
        unreachable(type)
    }
  }

  /** Pushes a number that the kernel is given. */
  scalar({ slot, type }: Extract<Expr, { kind: 'scalar' }>): void {
    const { code } = this
    code.get(this.args).memory('i32.load', 4 * this.kernel.buffers.length)
    if (type === 'float') {
      code.memory('f64.load', 8 * slot)
      if (!this.wide) code.op('f32.demote_f64')
    } else code.memory('i32.load', 8 * slot)
  }

  protected compute(e: Expr, mode: Mode): void {
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
        vector ? this.indices(e.index) : this.index(e.index)
        return
      case 'inside':
        if (vector) {
          this.indices(e.index)
          code.v128(four(e.size)).op('i32x4.lt_u')
        } else {
          this.index(e.index)
          code.i32(e.size).op('i32.lt_u')
        }
        return
      case 'scalar':
        this.scalar(e)
        if (vector) this.splat(e.type)
        return
      case 'checked':
        writeChecked(this, e, mode)
        return
      case 'philox':
        writePhilox(this, e, mode)
        return
      case 'unary':
        writeUnary(this, e, mode)
        return
      case 'binary':
        writeBinary(this, e, mode)
        return
      case 'where':
        this.where(e, mode)
        return
      case 'cast':
        writeCast(this, e, mode)
        return
      default:
        unreachable(e)
    }
  }

  where(expr: Extract<Expr, { kind: 'where' }>, mode: Mode): void {
    const { test, a, b, type } = expr
    const { code } = this
    const vector = mode === 'vector'
    const branches = [a, b]
    if (!branches.some((e) => this.terms.info(e).checked)) {
      for (const e of [a, b, test]) this.emit(e, mode)
      code.op(vector ? 'v128.bitselect' : 'select')
      return
    }
    for (const shared of this.terms.sharedBranches(expr)) this.known(shared, mode)
    if (!vector) {
      this.emit(test, mode)
      const [then, otherwise] = branches.map((e) => () => this.scoped(() => this.emit(e, mode))) as [() => void, () => void]
      code.if(then, otherwise, this.scalarType(type))
      return
    }
    // Both are computed; a wrong index counts in the lanes that are chosen
    const chosen = this.fresh('v128')
    const outer = this.mask
    this.emit(test, mode)
    code.set(chosen)
    for (const [n, e] of branches.entries()) {
      this.mask = this.fresh('v128')
      if (outer) code.get(outer)
      else code.v128(four(-1))
      code
        .get(chosen)
        .op(n === 0 ? 'v128.and' : 'v128.andnot')
        .set(this.mask)
      this.scoped(() => this.emit(e, mode))
    }
    this.mask = outer
    code.get(chosen).op('v128.bitselect')
  }

  load(e: Extract<Expr, { kind: 'load' }>, mode: Mode): void {
    const { code } = this
    const dtype = this.kernel.buffers[e.buffer]?.dtype as DType
    if (mode === 'scalar') {
      this.address(e.buffer, e.index)
      ELEMENTS[dtype].load(this)
    } else {
      const pattern = this.pattern(e.index)
      if (pattern && isRun(pattern)) {
        const vectors = vectorsOf(dtype)
        vectors.load(code, this.address(e.buffer, e.index, this.ahead(pattern), LANES - 1))
        vectors.fromWords(this)
      } else if (dtypeInfo[dtype].bytes !== 4 || this.outside(e.buffer, e.index)) this.gather(e.buffer, e.index, dtype)
      else if (pattern) this.loadApart(e, pattern)
      else {
        const wrap = this.lead === 0 ? wrapOf(e.index, this.lane as Axis, this.terms) : undefined
        if (wrap) this.loadAround(e, wrap)
        else this.gather(e.buffer, e.index, dtype)
      }
    }
    const own = valueTypeOf(dtype)
    if (e.type !== own) convert(this, own, dtypeOfValue[e.type], mode)
  }

  /** Four words that are not neighbours, or not in order, all of them inside their buffer. */
  loadApart({ buffer, index }: Extract<Expr, { kind: 'load' }>, pattern: Pattern): void {
    const { code } = this
    const at = this.fresh('i32')
    const first = Math.min(...pattern.lanes)
    const offset = this.address(buffer, index, this.ahead(pattern) + first)
    code.set(at)
    const lanes = pattern.lanes.map((lane) => lane - first)
    const span = spanOf(pattern)
    if (span === 0) {
      code.get(at).memory('v128.load32_splat', offset)
      return
    }
    if (span < 2 * LANES) {
      const low = this.fresh('v128')
      code.get(at).memory('v128.load', offset).tee(low)
      if (span < LANES) code.get(low)
      else code.get(at).memory('v128.load', offset + 16)
      code.shuffle(lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]))
      return
    }
    const result = this.fresh('v128')
    for (let lane = 0; lane < this.count; lane++) {
      const place = offset + 4 * (lanes[lane] as number)
      code.get(at)
      if (lane === 0) code.memory('v128.load32_zero', place)
      else code.get(result).laneMemory('v128.load32_lane', lane, place)
      code.set(result)
    }
    code.get(result)
  }

  /** Four neighbouring words, of which some may lie behind the end of what is repeated: these are read from its front. */
  loadAround({ buffer, index }: Extract<Expr, { kind: 'load' }>, wrap: Part): void {
    const { code } = this
    const { by } = wrap
    const [place, at] = [this.fresh('i32'), this.fresh('i32')]
    this.atom(wrap)
    code.set(place)
    this.index(
      index,
      index.terms.filter(({ atom }) => atom === wrap),
    )
    code
      .get(place)
      .op('i32.add')
      .i32(2)
      .op('i32.shl')
      .get(this.buffers[buffer] as Local)
      .op('i32.add')
      .set(at)
    // Where nothing is behind the end, the same vector twice
    code
      .get(at)
      .i32(4 * by)
      .op('i32.sub')
      .get(at)
    code
      .get(place)
      .i32(by - LANES)
      .op('i32.gt_u')
      .op('select')
      .memory('v128.load')
    code.get(at).memory('v128.load')
    code.get(place).op('i32x4.splat').v128([0, 1, 2, 3]).op('i32x4.add').v128(four(by)).op('i32x4.ge_u').op('v128.bitselect')
  }

  /** Pushes the elements at four indices that are not neighbours, each loaded by itself. */
  gather(buffer: number, index: Index, dtype: DType): void {
    const { code } = this
    const base = this.buffers[buffer] as Local
    const { bytes } = dtypeInfo[dtype]
    const vectors = vectorsOf(dtype)
    const addresses = this.fresh('v128')
    const result = this.fresh('v128')
    this.indices(index)
    if (this.outside(buffer, index) || this.count < LANES) {
      code.tee(addresses).get(addresses)
      code.v128(four(this.lengths[buffer] as number)).op('i32x4.lt_u')
      code.op('v128.and')
    }
    if (bytes > 1) code.i32(Math.log2(bytes)).op('i32x4.shl')
    code.get(base).op('i32x4.splat').op('i32x4.add').set(addresses)
    for (let lane = 0; lane < LANES; lane++) {
      if (bytes === 4) {
        code.get(addresses).lane('i32x4.extract_lane', lane)
        if (lane === 0) code.memory('v128.load32_zero')
        else code.get(result).laneMemory('v128.load32_lane', lane)
      } else {
        if (lane === 0) code.v128(four(0))
        else code.get(result)
        code.get(addresses).lane('i32x4.extract_lane', lane)
        code.memory(vectors.loadWord)
        code.lane('i32x4.replace_lane', lane)
      }
      code.set(result)
    }
    code.get(result)
    vectors.fromWords(this)
  }

  stores(stores: Extract<Stage, { kind: 'store' }>['stores'], mode: Mode): void {
    const code = this.code
    // All values come first, so that an operand overwritten in place is read before.
    const values = stores.map(({ buffer, value }) => {
      const { dtype } = this.kernel.buffers[buffer] as { dtype: DType }
      if (value.type !== valueTypeOf(dtype)) throw new Error(`cpu: kernel ${this.kernel.label} stores ${value.type} in a ${dtype} buffer`)
      const local = this.fresh(mode === 'vector' ? 'v128' : this.scalarType(value.type))
      this.emit(value, mode)
      code.set(local)
      return local
    })
    stores.forEach(({ buffer, index }, n) => {
      const dtype = this.kernel.buffers[buffer]?.dtype as DType
      if (mode === 'scalar') {
        this.address(buffer, index)
        code.get(values[n] as Local)
        ELEMENTS[dtype].store(this)
        return
      }
      this.storeFour(dtype, buffer, index, values[n] as Local)
    })
  }

  storeFour(dtype: DType, buffer: number, index: Index, value: Local): void {
    const { code } = this
    const vectors = vectorsOf(dtype)
    const { bytes } = dtypeInfo[dtype]
    const ahead = this.ahead(this.pattern(index) as Pattern)
    if (this.count < LANES) {
      const at = this.fresh('i32')
      const offset = this.address(buffer, index, ahead)
      code.set(at).get(value)
      vectors.toWords(this)
      code.set(value)
      for (let lane = 0; lane < this.count; lane++)
        code
          .get(at)
          .get(value)
          .laneMemory(vectors.storeLane, (4 / bytes) * lane, offset + bytes * lane)
      return
    }
    const offset = this.address(buffer, index, ahead)
    code.get(value)
    vectors.toWords(this)
    vectors.store(code, offset)
  }
}
