/** @file Modules made of modules: one after the other, or a list to choose from. */
import { ArgumentError, ITERABLE, optional, signature, underName, WHOLE } from '../base/index.ts'
import { BaseModule, Module } from './module.ts'

const AT = signature('at', { index: WHOLE })
const MODULE_LIST = signature('ModuleList', { modules: optional(ITERABLE) })

/** A list of modules, whose names are their places in it. */
abstract class Indexed<M extends BaseModule> extends Module {
  #length = 0

  /** Adds modules at the end. @throws ArgumentError for what is no module */
  protected append(modules: Iterable<M>): void {
    for (const module of modules) {
      if (!(module instanceof BaseModule)) {
        const hint = Array.isArray(module)
          ? `${this.constructor.name}(...list) takes the modules of a list as arguments`
          : "Functions go into the forward of a class of one's own"
        throw new ArgumentError(this.constructor.name, `place ${this.#length} is no Module. ${hint}`)
      }
      // A field, so that it is found as every module is.
      Object.defineProperty(this, this.#length, { value: module, enumerable: true, configurable: true })
      this.#length++
    }
  }

  /** How many modules there are. */
  get length(): number {
    return this.#length
  }

  /** The module at a place. @throws ArgumentError where there is none */
  protected place(index: number): M {
    AT.checkAs(`${this.constructor.name}.at`, index)
    const module = [...this][index < 0 ? index + this.#length : index]
    if (module === undefined)
      throw new ArgumentError(`${this.constructor.name}.at`, `there is no place ${index}: there are ${this.#length} modules`)
    return module
  }

  /** The modules in their order. */
  [Symbol.iterator](): Iterator<M> {
    return Array.from({ length: this.#length }, (_, i) => (this as unknown as Record<number, M>)[i] as M)[Symbol.iterator]()
  }
}

/** What the first of a list of modules takes. */
export type SequentialInput<M extends readonly BaseModule[]> = M extends readonly [infer First extends BaseModule, ...unknown[]]
  ? Parameters<First['forward']>
  : Parameters<M[number]['forward']>
/** What the last of a list of modules gives. */
export type SequentialOutput<M extends readonly BaseModule[]> = M extends readonly [...unknown[], infer Last extends BaseModule]
  ? ReturnType<Last['forward']>
  : ReturnType<M[number]['forward']>

/** The module at place `I`: any of them, where the place is not known to the compiler. */
export type ModuleAt<M extends readonly BaseModule[], I extends number> = number extends I | M['length']
  ? M[number]
  : `${I}` extends keyof M
    ? M[I]
    : M[number]

/**
 * Modules one after the other: each gets what the one before it gave. It takes what the first takes, and gives what the last gives.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 * @example new nn.Sequential(new nn.Linear(64, 32), new nn.ReLU(), new nn.Linear(32, 10)).forward(zeros([8, 64])).shape // [8, 10]
 */
export class Sequential<out M extends readonly BaseModule[] = readonly Module[]> extends Indexed<M[number]> {
  /** @param modules each as an argument; those of a list as `...list` */
  constructor(...modules: M) {
    super()
    this.append(modules)
  }

  /** The module at a place; places below 0 count from the end. @throws ArgumentError where there is none. */
  at<List extends readonly BaseModule[], I extends number>(this: Sequential<List>, index: I): ModuleAt<List, I> {
    return this.place(index) as ModuleAt<List, I>
  }

  /** What the last module gives, when each gets what the one before it gave. */
  forward(...input: SequentialInput<M>): SequentialOutput<M> {
    let values: readonly unknown[] = input
    const modules = this as unknown as Readonly<Record<number, { forward(...input: readonly unknown[]): unknown }>>
    for (let i = 0; i < this.length; i++) values = [(modules[i] as (typeof modules)[number]).forward(...values)]
    return values[0] as SequentialOutput<M>
  }
}

/**
 * Modules in a list, found by their places: what a module keeps instead of a plain array. It has no forward of its own.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
 * @example readonly blocks = new nn.ModuleList(Array.from({ length: 6 }, () => new Block()))
 */
export class ModuleList<M extends BaseModule = Module> extends Indexed<M> {
  constructor(modules: Iterable<M> = []) {
    super()
    MODULE_LIST.check(modules)
    underName('ModuleList', () => this.append(modules))
  }

  /** Adds a module at the end. */
  push(module: M): this {
    this.append([module])
    return this
  }

  /** The module at a place; places below 0 count from the end. @throws ArgumentError where there is none. */
  at(index: number): M {
    return this.place(index)
  }

  /** @throws ArgumentError always: a list is no function. */
  forward(..._input: never[]): never {
    throw new ArgumentError('ModuleList', 'a list has no forward. Call its modules one by one, or use Sequential')
  }
}
