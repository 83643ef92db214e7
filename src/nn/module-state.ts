/** @file What is saved of a module: its kind as an argument, and putting one into a module. */
import { ArgumentError, isPlainObject, type Kind, mismatch, sameShape, showShape } from '../base/index.ts'
import { detach, to } from '../ops/index.ts'
import { assign, TENSOR, Tensor } from '../tensor/index.ts'

/** The values of a module by name, as `stateDict()` gives and `loadStateDict()` takes them. */
export type StateDict = Record<string, Tensor>

/** How strictly a state must fit. */
export interface LoadStateDictOptions {
  /** Whether missing and unexpected keys are an error: true by default. */
  readonly strict?: boolean
}

/** What was not where `loadStateDict` looked for it (only with `strict: false`; else it throws). */
export interface LoadResult {
  /** Keys of the module that the state has not. */
  readonly missingKeys: readonly string[]
  /** Keys of the state that the module has not. */
  readonly unexpectedKeys: readonly string[]
}

export const STATE: Kind = {
  fits: 'an object of tensors by name, as stateDict() gives it',
  accepts: (x) => isPlainObject(x) && Object.values(x).every((v) => v instanceof Tensor),
  problem(role, x) {
    if (!isPlainObject(x)) return undefined
    const entry = Object.entries(x).find(([, v]) => !(v instanceof Tensor))
    if (entry === undefined) return undefined
    const nested = isPlainObject(entry[1])
      ? `. The state of a module is one of a file's parts: loadStateDict(saved.${entry[0].slice(0, 40)})`
      : ''
    return `${mismatch(TENSOR, `${role}['${entry[0].slice(0, 40)}']`, entry[1])}${nested}`
  },
}

/**
 * Puts the values of `state` into a module's own tensors, by path. Nothing is changed when it throws.
 * @param name the module's class
 * @throws ArgumentError that lists all keys that are missing, unexpected or of another shape
 */
export function loadState(name: string, own: ReadonlyMap<string, Tensor>, state: Readonly<StateDict>, strict: boolean): LoadResult {
  const missingKeys = [...own.keys()].filter((key) => !Object.hasOwn(state, key))
  const unexpectedKeys = Object.keys(state).filter((key) => !own.has(key))
  const misshapen: string[] = []
  for (const [key, tensor] of own) {
    const value = state[key]
    if (value !== undefined && !sameShape(value.shape, tensor.shape)) {
      misshapen.push(`${key} is ${showShape(value.shape)} there, ${showShape(tensor.shape)} here`)
    }
  }
  const wrong: string[] = []
  if (strict) {
    if (missingKeys.length > 0) wrong.push(`missing: ${missingKeys.join(', ')}`)
    if (unexpectedKeys.length > 0) wrong.push(`unexpected: ${unexpectedKeys.join(', ')}`)
  }
  if (misshapen.length > 0) wrong.push(`of another shape: ${misshapen.join('; ')}`)
  if (wrong.length > 0) throw new ArgumentError('loadStateDict', `the state does not fit ${name}. ${wrong.join('. ')}`)
  for (const [key, tensor] of own) {
    const value = state[key]
    if (value !== undefined) assign(tensor, detach(like(value, tensor)))
  }
  return { missingKeys, unexpectedKeys }
}

/** `value` in the dtype and on the device of `tensor`. */
function like(value: Tensor, tensor: Tensor): Tensor {
  const { device, dtype } = tensor
  return to(value, device === 'auto' || value.device === device ? { dtype } : { device, dtype })
}
