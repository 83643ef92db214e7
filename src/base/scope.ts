/**
 * @file Scopes: the function in whose name something is recorded. Every function, composition, op and rule enters one by name. Errors name the outermost, at
 * the call and when what was recorded is computed.
 */
import { renamed } from './errors.ts'

let scope = ''

/** The function that was called and records now: of functions that are made of others, the outermost; '' outside of all. */
export const recordingFunction = (): string => scope

/** Enters the scope of `op`, which has a name of its own where it is no part of another function. Returns what {@link leaveScope} takes. */
export function enterScope(op: string): string {
  const outer = scope
  if (outer === '') scope = op
  return outer
}

export function leaveScope(outer: string): void {
  scope = outer
}

/** As {@link enterScope}, in the name of `op` whatever it is a part of. */
export function replaceScope(op: string): string {
  const outer = scope
  scope = op
  return outer
}

/** Runs `fn`, whose errors are those of `op`, now and when what it records is computed. */
export function underName<T>(op: string, fn: () => T): T {
  const outer = enterScope(op)
  try {
    return fn()
  } catch (error) {
    throw renamed(error, op)
  } finally {
    leaveScope(outer)
  }
}
