/** @file Functions that kernels call and that are no instructions. A module gets those that its kernel calls, and what they call. */
import { floatFunctions } from '../../arithmetic.ts'
import type { Code, Func, Local, ModuleBuilder } from '../assembler/assembler.ts'
import { LANEWISE, type Name, VECTOR_FUNCTIONS } from './math.ts'

/** Bytes of a function from which on it calls what it would have had inside. */
export const LONG = 8192

/** Sets new locals to the vectors on the stack. */
export function takeVectors(code: Code, count: number): Local[] {
  const args = Array.from({ length: count }, () => code.local('v128'))
  for (const arg of args.toReversed()) code.set(arg)
  return args
}

export class Library {
  /** What the module must be given. */
  readonly imports: Record<string, (...x: number[]) => number> = {}
  /** Whether a thread finds what is imported by itself: mathematical functions of the language. */
  portable = true
  readonly #module: ModuleBuilder
  readonly #functions = new Map<string, Func>()

  constructor(module: ModuleBuilder) {
    this.#module = module
  }

  /**
   * The function of a name: `exp4` of vectors of four float32, `exp` of a float32 (lane 0 of the former, so that a result does not depend on where
   * vectors end), `exp64` and `expOfOne` JavaScript's own, of a double and of a float32.
   */
  call(name: string): Func {
    const known = this.#functions.get(name)
    if (known) return known
    const made = this.#make(name)
    this.#functions.set(name, made)
    return made
  }

  /** Writes a function of the vectors on the stack where it is used: a loop then has its constants in front, and nothing has to be saved for a call. */
  inline(code: Code, name: Name): void {
    if (code.bytes.length > LONG) {
      code.call(this.call(`${name}4`))
      return
    }
    VECTOR_FUNCTIONS[name](code, takeVectors(code, floatFunctions[name].length), this)
  }

  #make(name: string): Func {
    const [, base, suffix] = /^([a-z0-9]+?)(4|64|OfOne|)$/.exec(name) ?? []
    const own = floatFunctions[base as Name]
    if (!own) throw new Error(`library: there is no ${name}`)
    const params = <T>(type: T): T[] => new Array<T>(own.length).fill(type)
    if (suffix === '64' || suffix === 'OfOne') {
      const type = suffix === '64' ? 'f64' : 'f32'
      this.imports[name] = own
      if ((Math as unknown as Record<string, unknown>)[base as Name] !== own) this.portable = false
      return this.#module.import(name, params(type), [type])
    }
    if (suffix === '' && LANEWISE.has(base as Name)) return this.call(`${base}OfOne`)
    if (suffix === '4') {
      const code = this.#module.function(params('v128' as const), ['v128'])
      VECTOR_FUNCTIONS[base as Name](code, code.params, this)
      return code
    }
    const code: Code = this.#module.function(params('f32' as const), ['f32'])
    for (const p of code.params) code.get(p as Local).op('f32x4.splat')
    return code.call(this.call(`${base}4`)).lane('f32x4.extract_lane', 0)
  }
}
