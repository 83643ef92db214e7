/**
 * @file Errors that arrive late: kept until a promise of the library can carry them, printed at exit if none came.
 *
 * An index error belongs to the results of the run that made it: as long as somebody can still read one of them, it waits for that, and reads of
 * other results do not carry it. `synchronize` carries it at once.
 */
import { nodeProcess } from './environment.ts'

const untold = new Set<Error>()
let listening = false

function printAtExit(): void {
  if (listening || !nodeProcess) return
  listening = true
  const process = nodeProcess
  process.on('exit', () => {
    for (const e of untold) console.error(`Uncaught by any promise: ${e.name}: ${e.message}`)
    if (untold.size > 0) process.exitCode = process.exitCode || 1
  })
}

interface Kept {
  readonly error: Error
  /** The results that carry the error themselves; undefined where the next promise does. */
  readonly carriers: readonly WeakRef<object>[] | undefined
}

export class LateErrors {
  #kept: Kept | undefined
  #owned: Kept[] = []
  /** What has reached the user is not told again by what was computed from it. */
  readonly #told = new WeakSet<Error>()

  /** Keeps the first error until it is told. */
  add(error: Error): void {
    if (this.#kept || this.#told.has(error) || this.#owned.some((k) => k.error === error)) return
    this.#kept = { error, carriers: undefined }
    this.#remember(error)
  }

  /** Keeps an error that `results` carry. Of many that nobody reads the first are kept. */
  addOwned(error: Error, results: readonly object[]): void {
    if (this.#owned.length >= OWNED) return
    this.#owned.push({ error, carriers: results.map((r) => new WeakRef(r)) })
    this.#remember(error)
  }

  #remember(error: Error): void {
    untold.add(error)
    printAtExit()
  }

  /** Throws a kept error, once: also one whose results could still be read, where `all` is asked for. */
  raise(all = false): void {
    const next = this.#kept ?? this.#owned.find(({ carriers }) => all || !carriers?.some((c) => c.deref()))
    if (!next) return
    // the first index error stands for all that were found so far
    if (all && next.carriers) for (const { error } of this.#owned) this.told(error)
    this.told(next.error)
    throw next.error
  }

  /** The error has reached the user in another way. */
  told(error: Error): void {
    untold.delete(error)
    this.#told.add(error)
    if (this.#kept?.error === error) this.#kept = undefined
    this.#owned = this.#owned.filter((k) => k.error !== error)
  }
}

/** Index errors that may wait for their results to be read. */
const OWNED = 64
