/** @file Functions that kernels call and that are no instructions: JavaScript's own, for single numbers. */
import { floatFunctions } from '../arithmetic.ts'
import type { Func, ModuleBuilder } from './assembler.ts'

/** All that kernels may call, by name; `64` for doubles. Imports come before a module's own functions, so all are declared. */
const NAMES = ['exp', 'expm1', 'log', 'log1p', 'sin', 'cos', 'tanh', 'erf', 'sign', 'pow'] as const

export class Library {
  readonly imports: Record<string, (...x: number[]) => number> = {}
  readonly #functions = new Map<string, Func>()

  constructor(module: ModuleBuilder) {
    for (const name of NAMES) {
      for (const [suffix, type] of [
        ['', 'f32'],
        ['64', 'f64'],
      ] as const) {
        this.#functions.set(`${name}${suffix}`, module.import(`${name}${suffix}`, name === 'pow' ? [type, type] : [type], [type]))
        this.imports[`${name}${suffix}`] = floatFunctions[name]
      }
    }
  }

  call(name: string): Func {
    const found = this.#functions.get(name)
    if (!found) throw new Error(`library: there is no ${name}`)
    return found
  }
}
