/**
 * @file A kernel as JavaScript closures: one for each expression, called once for each point. Meant to be read beside `kernel/ir.ts` and found
 * right; it checks what a GPU would let pass (reads and writes outside a buffer, stores of a wrong type).
 */
import type { TypedArray } from '../../base/index.ts'
import {
  type Atom,
  type Axis,
  childrenOf,
  dtypeOfValue,
  type Expr,
  type Index,
  isIndex,
  type Kernel,
  positionOf,
  reductionsOf,
  rootsOf,
  type Stage,
  underIndex,
  valueTypeOf,
} from '../../kernel/index.ts'
import { binary, cast, loaded, reduction, stored, unary, wrap } from './arithmetic.ts'
import type { Block } from './block.ts'
import { philox } from './special.ts'

type Get = () => number

/** What one run of a kernel gives its closures. */
export interface Bindings {
  /** For each of `kernel.buffers`. */
  readonly data: readonly Block[]
  readonly scalars: readonly number[]
  /** Called for a `checked` value outside 0 … size−1. */
  readonly fail: (site: number, value: number, size: number) => void
}

export type CompiledKernel = (bindings: Bindings) => void

/** Calls `body` for every point of the axes, row-major, with the axes' values in `at` by axis id. */
function forEachPoint(axes: readonly Axis[], at: Int32Array, body: (position: number) => void): void {
  let count = 1
  for (const axis of axes) {
    at[axis.id] = 0
    count *= axis.size
  }
  for (let position = 0; position < count; position++) {
    body(position)
    for (let i = axes.length - 1; i >= 0; i--) {
      const { id, size } = axes[i] as Axis
      const next = (at[id] as number) + 1
      if (next < size) {
        at[id] = next
        break
      }
      at[id] = 0
    }
  }
}

class Compiler {
  readonly #kernel: Kernel
  /** Whether the kernel reads and writes no double, so that other engines compute its floats in float32. */
  readonly #isSingle: boolean
  readonly #at: Int32Array
  readonly #accumulators: Float64Array[]
  readonly #closures = new Map<Expr, Get>()
  readonly #uses = new Map<Expr, number>()
  #bindings: Bindings = { data: [], scalars: [], fail: () => {} }
  #arrays: readonly TypedArray[] = []
  /** Counts the points visited: what was computed at this point need not be computed again. */
  #tick = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    this.#isSingle = kernel.buffers.every((b) => b.dtype !== 'float64')
    const axes = [...kernel.grid, ...kernel.stages.flatMap((s) => s.axes)]
    this.#at = new Int32Array(Math.max(0, ...axes.map((a) => a.id + 1)))
    this.#accumulators = kernel.stages.map((s) => new Float64Array(reductionsOf(s).length))
    for (const root of rootsOf(kernel.stages)) for (const e of isIndex(root) ? underIndex(root) : [root]) this.#count(e)
  }

  #count(e: Expr): void {
    const uses = this.#uses.get(e) ?? 0
    this.#uses.set(e, uses + 1)
    if (uses === 0) for (const child of childrenOf(e)) this.#count(child)
  }

  compile(): CompiledKernel {
    const { stages, grid } = this.#kernel
    const steps = stages.map((stage, i) => this.#stage(stage, i))
    return (bindings) => {
      this.#bindings = bindings
      this.#arrays = bindings.data.map((block) => block.values)
      forEachPoint(grid, this.#at, () => {
        for (const step of steps) step()
      })
    }
  }

  #stage(stage: Stage, number: number): () => void {
    switch (stage.kind) {
      case 'reduce':
        return this.#reduce(stage, this.#accumulators[number] as Float64Array)
      case 'store':
        return this.#store(stage)
    }
  }

  #reduce({ axes, reductions }: Extract<Stage, { kind: 'reduce' }>, accumulators: Float64Array): () => void {
    const joins = reductions.map((r, slot) => {
      const value = this.#value(r.value)
      const { start, join } = reduction(r.op, r.value.type)
      if (!positionOf(r.op)) {
        return (position: number): void => {
          accumulators[slot] = join(position === 0 ? start : (accumulators[slot] as number), value())
        }
      }
      let extreme = start
      return (position: number): void => {
        const v = value()
        // The first of equals wins; a NaN is unequal to everything, and after it the search is over.
        if (position > 0 && (Number.isNaN(extreme) || join(extreme, v) === extreme)) return
        extreme = v
        accumulators[slot] = position
      }
    })
    return () =>
      forEachPoint(axes, this.#at, (position) => {
        this.#tick++
        for (const join of joins) join(position)
      })
  }

  #store({ axes, stores }: Extract<Stage, { kind: 'store' }>): () => void {
    const values = stores.map((s) => this.#value(s.value))
    const writes = stores.map((s) => this.#write(s.buffer, s.index, s.value))
    const computed = new Float64Array(values.length)
    return () =>
      forEachPoint(axes, this.#at, () => {
        this.#tick++
        // First all values, then all writes: a buffer may be overwritten in place.
        for (let i = 0; i < values.length; i++) computed[i] = (values[i] as Get)()
        for (let i = 0; i < writes.length; i++) (writes[i] as (v: number) => void)(computed[i] as number)
      })
  }

  #write(buffer: number, to: Index, value: Expr): (v: number) => void {
    const index = this.#index(to)
    const { dtype } = this.#use(buffer)
    if (value.type !== valueTypeOf(dtype)) throw new Error(`cpu: kernel ${this.#kernel.label} stores ${value.type} in a ${dtype} buffer`)
    const convert = stored[dtype]
    return (v) => {
      const data = this.#arrays[buffer] as TypedArray
      const i = index()
      if (!(i >= 0 && i < data.length)) throw this.#outside('writes', buffer, i, data.length)
      data[i] = convert ? convert(v) : v
    }
  }

  #use(buffer: number): Kernel['buffers'][number] {
    const use = this.#kernel.buffers[buffer]
    if (!use) throw new Error(`cpu: kernel ${this.#kernel.label} has no buffer ${buffer}`)
    return use
  }

  #outside(verb: string, buffer: number, at: number, length: number): Error {
    return new Error(`cpu: kernel ${this.#kernel.label} ${verb} element ${at} of buffer ${buffer}, which has ${length}`)
  }

  #index({ offset, terms }: Index): Get {
    const parts = terms.map(({ coef, atom }) => this.#term(coef, atom))
    const [first, second] = parts
    if (!first) return () => offset
    if (!second) return () => offset + first()
    if (parts.length === 2) return () => offset + first() + second()
    return () => {
      let sum = offset
      for (const part of parts) sum += part()
      return sum
    }
  }

  #term(coef: number, atom: Atom): Get {
    switch (atom.kind) {
      case 'axis': {
        const at = this.#at
        const { id } = atom.axis
        return () => coef * (at[id] as number)
      }
      case 'value': {
        const value = this.#value(atom.value)
        return () => coef * value()
      }
      case 'div': {
        const of = this.#index(atom.of)
        return () => coef * Math.floor(of() / atom.by)
      }
      case 'mod': {
        const of = this.#index(atom.of)
        return () => coef * (of() % atom.by)
      }
    }
  }

  /** The closure of an expression; a value used in several places is computed once for each point. */
  #value(e: Expr): Get {
    let get = this.#closures.get(e)
    if (!get) {
      get = this.#compute(e)
      if ((this.#uses.get(e) ?? 0) > 1 && childrenOf(e).length > 0) get = this.#remember(get)
      this.#closures.set(e, get)
    }
    return get
  }

  #remember(get: Get): Get {
    let value = 0
    let known = -1
    return () => {
      if (known !== this.#tick) {
        value = get()
        known = this.#tick
      }
      return value
    }
  }

  #compute(e: Expr): Get {
    switch (e.kind) {
      case 'const': {
        const value = wrap[e.type](e.value)
        return () => value
      }
      case 'scalar': {
        const narrow = wrap[e.type]
        return () => narrow(this.#bindings.scalars[e.slot] as number)
      }
      case 'acc': {
        const stage = this.#accumulators[e.stage] as Float64Array
        return () => stage[e.slot] as number
      }
      case 'load':
        return this.#load(e)
      case 'position': {
        const index = this.#index(e.index)
        return () => index() | 0
      }
      case 'inside': {
        const index = this.#index(e.index)
        return () => {
          const i = index()
          return i >= 0 && i < e.size ? 1 : 0
        }
      }
      case 'checked': {
        const value = this.#value(e.value)
        return () => {
          const v = value()
          if (v >>> 0 < e.size) return v
          this.#bindings.fail(e.site, v, e.size)
          return 0
        }
      }
      case 'unary': {
        const x = this.#value(e.x)
        const f = unary(e.op, e.type)
        return () => f(x())
      }
      case 'binary': {
        const a = this.#value(e.a)
        const b = this.#value(e.b)
        const f = binary(e.op, e.a.type)
        // A value and what was stored of it, as the largest of a row, are equal again
        if (this.#isSingle && e.a.type === 'float' && e.type === 'bool') return () => f(Math.fround(a()), Math.fround(b()))
        return () => f(a(), b())
      }
      case 'where': {
        const test = this.#value(e.test)
        const a = this.#value(e.a)
        const b = this.#value(e.b)
        return () => (test() ? a() : b())
      }
      case 'cast': {
        const x = this.#value(e.x)
        const f = cast(e.from, e.to)
        return () => f(x())
      }
      case 'philox': {
        const [k0, k1, c0, c1, c2, c3] = [...e.key, ...e.counter].map((part) => this.#value(part)) as [Get, Get, Get, Get, Get, Get]
        return () => philox([k0(), k1()], [c0(), c1(), c2(), c3()])[e.word] as number
      }
    }
  }

  #load(e: Extract<Expr, { kind: 'load' }>): Get {
    const index = this.#index(e.index)
    const { buffer } = e
    const { dtype } = this.#use(buffer)
    const read = (): number => {
      const data = this.#arrays[buffer] as TypedArray
      const i = index()
      const v = data[i]
      if (v === undefined) throw this.#outside('reads', buffer, i, data.length)
      return v
    }
    // from the dtype's own value type to the expression's (usually the same)
    const convert = e.type === valueTypeOf(dtype) ? undefined : cast(dtype, dtypeOfValue[e.type])
    const value = loaded[dtype]
    const get = value ? () => value(read()) : read
    return convert ? () => convert(get()) : get
  }
}

/** Compiled once; runs as often as wanted. */
export const interpretKernel = (kernel: Kernel): CompiledKernel => new Compiler(kernel).compile()
