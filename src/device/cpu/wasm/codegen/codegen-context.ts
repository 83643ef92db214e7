import { type Axis, childrenOf, type Expr, type Kernel, ValueNumbering, type ValueType } from '../../../../kernel/index.ts'
import type { Code, Local, ValType } from '../assembler/assembler.ts'
import type { Helpers } from './helpers.ts'
import type { Library } from './library.ts'
import { LANES, type Mode } from './writer.ts'

/** What is known by name. */
export interface CodegenScope {
  readonly known: Map<string, Local>
}

/** Where a reduction stands: a number, or four of them; `position` for those that give one. */
export interface Accumulator {
  readonly local: Local
  readonly vector: boolean
  readonly position: Local | undefined
}

/** What the code of one function has: locals of axes and accumulators, and what is known by name until its loop ends. */
export abstract class CodegenContext {
  readonly kernel: Kernel
  readonly code: Code
  readonly terms: ValueNumbering
  readonly library: Library
  readonly helpers: Helpers
  /** Whether floats are doubles: where one of the buffers has them. */
  readonly wide: boolean
  readonly axes = new Map<Axis, Local>()
  accs = new Map<string, Accumulator>()
  /** The axis that runs in vectors where the mode is `vector`. */
  lane: Axis | undefined
  /** How far along it the vector begins that is being written, from where its local stands: several vectors of one iteration share addresses. */
  lead = 0
  /** Whether vectors begin at multiples of four along it. */
  aligned = false
  /** Whether the products of a contraction are added in one instruction with the multiplication. */
  fuses = false
  /** Lanes that count, at the end of the axis: the others may read what lies behind, and are not stored. */
  count = LANES
  /** The lanes that the `where`s around choose; all of them where undefined. */
  mask: Local | undefined
  readonly args: Local
  readonly lengths: readonly number[]
  readonly buffers: Local[] = []
  readonly scopes: CodegenScope[] = [{ known: new Map() }]

  /** @param lengths elements of each buffer */
  constructor(kernel: Kernel, lengths: readonly number[], code: Code, library: Library, helpers: Helpers) {
    this.kernel = kernel
    this.lengths = lengths
    this.code = code
    this.library = library
    this.helpers = helpers
    const named = new Map<Axis, string>()
    this.terms = new ValueNumbering(kernel, (axis) => {
      const name = named.get(axis) ?? `x${named.size}`
      named.set(axis, name)
      return name
    })
    this.wide = kernel.buffers.some((b) => b.dtype === 'float64')
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
    this.within({ known: new Map() }, body)
  }

  /** Runs `body` in a scope that may be entered again. */
  within(scope: CodegenScope, body: () => void): void {
    this.scopes.push(scope)
    body()
    this.scopes.pop()
  }

  fresh(type: ValType): Local {
    return this.code.local(type)
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

  /** The local known by a name in this scope, or the one that `make` computes. */
  remembered(key: string, make: () => Local): Local {
    const known = this.find(key)
    if (known) return known
    const local = make()
    this.scopes.at(-1)?.known.set(key, local)
    return local
  }

  keyOf(e: Expr): string {
    return `${this.terms.info(e).id}`
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

  scalarType(type: ValueType): 'i32' | 'f32' | 'f64' {
    switch (type) {
      case 'float':
        return this.wide ? 'f64' : 'f32'
      case 'i32':
      case 'u32':
      case 'bool':
        return 'i32'
    }
  }

  /** Pushes a value: of one point, or of four. */
  abstract emit(e: Expr, mode: Mode): void
  /** As `emit`, for a value that is not known yet. */
  protected abstract compute(e: Expr, mode: Mode): void
}
