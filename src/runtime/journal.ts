/** @file Which handles were given another value since the last work was handed over: for the case that it cannot be computed. */
import type { Node } from '../graph/index.ts'
import { reclaim } from './keeping.ts'

/** A handle that was given another value in place. */
export interface Replaced {
  readonly handle: object
  /** Its present value. */
  readonly present: () => Node
  readonly old: Node
  /** Puts the old value behind it again. */
  readonly restore: () => void
}

let journal = new Map<object, Replaced>()

/** Notes that a handle has another value from now on; of several changes the first counts. */
export function replaced(entry: Replaced): void {
  if (!journal.has(entry.handle)) journal.set(entry.handle, entry)
}

/** The value that was put behind a handle could not be computed so far: the next flush tries again, or has the one from before back. */
export function restoreLater(entry: Replaced): void {
  journal.set(entry.handle, entry)
}

/** What was replaced by what is about to be computed. */
export function takeReplaced(): Replaced[] {
  if (journal.size === 0) return NOTHING
  const entries = [...journal.values()]
  journal = new Map()
  return entries
}
const NOTHING: Replaced[] = []

/** Puts old values back, where they are still there. */
export function revert(entries: readonly Replaced[]): void {
  for (const { old, restore } of entries) {
    if (old.storage?.released) continue
    reclaim(old)
    restore()
  }
}
