/**
 * @file Whether a run's indices were inside their axes, and whether there was memory for it. It is known once the run's flag and the
 * allocator's result are on the host; until then, runs that use its results follow it, so that an error reaches everything that was computed from it.
 */
import type { TapegradError } from '../../base/index.ts'
import { checkError } from '../checked.ts'

/** Words of the flag: whether it is taken, the error code, the index, the size of its axis. */
export const FLAG_BYTES = 16

/** A buffer, or a value on its way to the host. */
interface Result {
  outcome: RunOutcome | undefined
  fail(error: Error): void
}

export class RunOutcome {
  /** Held weakly: what has been dropped cannot be read. */
  readonly #results: WeakRef<Result>[] = []
  #followers: RunOutcome[] = []
  /** What is still to be learned: of the run itself, and of what it follows. */
  #open: number
  error: Error | undefined

  /** `open`: how many things of its own are to be learned. */
  constructor(open: number) {
    this.#open = open
  }

  get isOpen(): boolean {
    return this.#open > 0
  }

  follow(other: RunOutcome): void {
    this.#open++
    other.#followers.push(this)
  }

  /** Results that share the outcome. */
  holds(...results: readonly Result[]): void {
    for (const result of results) {
      result.outcome = this
      this.#results.push(new WeakRef(result))
    }
  }

  /** The results that can still be read. */
  results(): object[] {
    return this.#results.flatMap((r) => r.deref() ?? [])
  }

  /** One of the things to be learned is known. */
  settle(error: Error | undefined): void {
    const next: [RunOutcome, Error | undefined][] = [[this, error]]
    for (let item = next.pop(); item; item = next.pop()) {
      const [outcome, found] = item
      outcome.#open--
      if (found) outcome.#fail(found)
      if (outcome.#open > 0) continue
      for (const follower of outcome.#followers) next.push([follower, outcome.error])
      outcome.#followers = []
    }
  }

  #fail(error: Error): void {
    if (this.error) return
    this.error = error
    for (const result of this.#results) result.deref()?.fail(error)
  }
}

/** The error that a flag reports. `ops`: by code − 1. */
export function errorOf([taken, code, index, size]: Uint32Array, ops: readonly string[]): TapegradError | undefined {
  if (!taken) return undefined
  return checkError(ops[(code as number) - 1] ?? 'index', (index as number) | 0, size as number)
}
