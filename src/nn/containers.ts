/** @file Modules made of modules: one after the other, or a list to choose from. */
import { ArgumentError } from '../base/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { Module } from './module.ts'

/** A list of modules, whose names are their places in it. */
abstract class Indexed extends Module {
  #length = 0

  protected append(modules: Iterable<Module>): void {
    for (const module of modules) {
      if (!(module instanceof Module)) {
        throw new ArgumentError(
          this.constructor.name,
          `place ${this.#length} is no Module. Functions go into the forward of a class of one's own`,
        )
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

  /** The module at a place; places below 0 count from the end. */
  at(index: number): Module {
    const module = [...this][index < 0 ? index + this.#length : index]
    if (module === undefined)
      throw new ArgumentError(`${this.constructor.name}.at`, `there is no place ${index}: there are ${this.#length} modules`)
    return module
  }

  [Symbol.iterator](): Iterator<Module> {
    return Array.from({ length: this.#length }, (_, i) => (this as unknown as Record<number, Module>)[i] as Module)[Symbol.iterator]()
  }
}

/**
 * Modules one after the other: each gets what the one before it gave.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 * @example new nn.Sequential(new nn.Linear(64, 32), new nn.ReLU(), new nn.Linear(32, 10)).forward(zeros([8, 64])).shape // [8, 10]
 */
export class Sequential extends Indexed {
  constructor(...modules: readonly Module[]) {
    super()
    this.append(modules)
  }

  forward(x: Tensor): Tensor {
    let y: unknown = x
    for (const module of this) y = (module as unknown as { forward(x: unknown): unknown }).forward(y)
    return y as Tensor
  }
}

/**
 * Modules in a list, found by their places: what a module keeps instead of a plain array. It has no forward of its own.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
 * @example readonly blocks = new nn.ModuleList(Array.from({ length: 6 }, () => new Block()))
 */
export class ModuleList<M extends Module = Module> extends Indexed {
  constructor(modules: Iterable<M> = []) {
    super()
    this.append(modules)
  }

  /** Adds a module at the end. */
  push(module: M): this {
    this.append([module])
    return this
  }

  override at(index: number): M {
    return super.at(index) as M
  }

  override [Symbol.iterator](): Iterator<M> {
    return super[Symbol.iterator]() as Iterator<M>
  }

  /** @throws ArgumentError always: a list is no function. */
  forward(..._input: never[]): never {
    throw new ArgumentError('ModuleList', 'a list has no forward. Call its modules one by one, or use Sequential')
  }
}
