/**
 * @file Errors that arrive late: kept until a promise of the library can carry them, printed at exit if none came.
 *
 * An index error belongs to the results of the run that made it: as long as somebody can still read one of them, it waits for that, and reads of
 * other results do not carry it. `synchronize` carries it at once.
 */
import { nodeProcess } from './environment.ts'

const unreported = new Set<Error>()
/** What has reached the user is not reported again by what was computed from it. */
const known = new WeakSet<Error>()
let listening = false

export const isReported = (error: Error): boolean => known.has(error)

/** The error has reached the user, if only as the cause of another. */
export function markReported(error: Error): void {
  unreported.delete(error)
  known.add(error)
}

function printAtExit(): void {
  if (listening || !nodeProcess) return
  listening = true
  const process = nodeProcess
  process.on('exit', () => {
    for (const e of unreported) console.error(`Uncaught by any promise: ${e.name}: ${e.message}`)
    if (unreported.size > 0) process.exitCode = process.exitCode || 1
  })
}

interface Kept {
  readonly error: Error
  /** The results that carry the error themselves; undefined where the next promise does. */
  readonly carriers: readonly WeakRef<object>[] | undefined
}

export class DeferredErrors {
  #kept: Kept | undefined
  #owned: Kept[] = []

  /** Keeps the first error until it is reported. A `quiet` one is not printed at exit. */
  add(error: Error, quiet = false): void {
    if ((this.#kept && !known.has(this.#kept.error)) || known.has(error) || this.#owned.some((k) => k.error === error)) return
    this.#kept = { error, carriers: undefined }
    if (!quiet) this.#remember(error)
  }

  /** Keeps an error that `results` carry. Of many that nobody reads the first are kept. */
  addOwned(error: Error, results: readonly object[]): void {
    if (known.has(error)) return
    const carriers = results.map((r) => new WeakRef(r))
    const same = this.#owned.findIndex((k) => k.error === error)
    if (same >= 0) {
      const earlier = this.#owned[same]?.carriers?.filter((c) => c.deref()) ?? []
      this.#owned[same] = { error, carriers: [...earlier, ...carriers] }
      return
    }
    if (this.#owned.length >= OWNED) return
    this.#owned.push({ error, carriers })
    this.#remember(error)
  }

  #remember(error: Error): void {
    unreported.add(error)
    printAtExit()
  }

  /** Throws a kept error, once: also one whose results could still be read, where `all` is asked for. */
  raise(all = false): void {
    if (this.#kept && known.has(this.#kept.error)) this.#kept = undefined
    const next = this.#kept ?? this.#owned.find(({ carriers }) => all || !carriers?.some((c) => c.deref()))
    if (!next) return
    // the first index error stands for all that were found so far
    if (all && next.carriers) for (const { error } of this.#owned) this.reported(error)
    this.reported(next.error)
    throw next.error
  }

  /** The error has reached the user in another way. */
  reported(error: Error): void {
    markReported(error)
    if (this.#kept?.error === error) this.#kept = undefined
    this.#owned = this.#owned.filter((k) => k.error !== error)
  }
}

/** Index errors that may wait for their results to be read. */
const OWNED = 64
