/**
 * @file Scopes: the function in whose name something is recorded. Every function, composition, op and rule enters one by name. Errors name the outermost, at
 * the call and when what was recorded is computed.
 */
import { renamed } from './errors.ts'

/** The scopes around what is recorded now, and what each was entered from. They are read up to `depth`: leaving one takes nothing off. */
const path: string[] = []
const outer: string[] = []
let depth = 0
let scope = ''
/** So many functions have been called, from outside of all. */
let calls = 0

/** The number of the call that records now. */
export const recordingCall = (): number => calls

/** What tells in which module ops are recorded. */
let moduleNow: (() => () => string) | undefined
/** `now` is asked when an op is recorded; what it answers gives the module's path when that is wanted. */
export function namesModules(now: () => () => string): void {
  moduleNow = now
}
const NO_MODULE = (): string => ''
/** The module in which ops are recorded now. */
export const recordingModule = (): (() => string) => moduleNow?.() ?? NO_MODULE

/** The function that was called and records now: of functions that are made of others, the outermost; '' outside of all. */
export const recordingFunction = (): string => scope

/** The scopes around what is recorded now, the outermost first: a walk of the tape, a gradient rule, a composition, an op. */
export const recordingPath = (): string[] => path.slice(0, depth)

/** Enters the scope of `op`, which has a name of its own where it is no part of another function. Returns what {@link leaveScope} takes. */
export function enterScope(op: string): number {
  path[depth] = op
  outer[depth] = scope
  if (scope === '') {
    scope = op
    calls++
  }
  return depth++
}

export function leaveScope(entered: number): void {
  depth = entered
  scope = outer[entered] as string
}

/** As {@link enterScope}, in the name of `op` whatever it is a part of. */
export function replaceScope(op: string): number {
  const entered = enterScope(op)
  scope = op
  return entered
}

/** Runs `fn`, whose errors are those of `op`, now and when what it records is computed. */
export function underName<T>(op: string, fn: () => T): T {
  const entered = enterScope(op)
  try {
    return fn()
  } catch (error) {
    throw renamed(error, op)
  } finally {
    leaveScope(entered)
  }
}
