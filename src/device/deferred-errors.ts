/**
 * @file Errors that arrive late, of work that no promise was returned for: the one place where they are kept until a promise of the library can carry them.
 * They are printed at exit if none came.
 *
 * What a result says of itself comes before all of them. Of those that are kept, that of a failed step comes first, since others may follow from it; then
 * what a device reported, its loss included; then index errors. An index error belongs to the results of the run that made it: as long as somebody can still
 * read one of them, it waits for that, and reads of other results do not carry it. `synchronize` carries it at once.
 */
import { DeviceLostError } from '../base/index.ts'
import { nodeProcess } from './environment.ts'

interface Deferred {
  readonly error: Error
  readonly source: DeferredErrors
  /** The results that carry the error themselves; undefined where the next promise does. */
  readonly carriers: readonly WeakRef<object>[] | undefined
  /** Whether it is left out at exit. */
  readonly quiet: boolean
}

let deferred: Deferred[] = []
/** What has reached the user is not reported again by what was computed from it. */
const known = new WeakSet<Error>()
/** Index errors that may wait for their results to be read. */
const OWNED = 64
let listening = false

function printAtExit(): void {
  if (listening || !nodeProcess) return
  listening = true
  const process = nodeProcess
  process.on('exit', () => {
    const loud = deferred.filter(({ quiet }) => !quiet)
    for (const { error } of loud) console.error(`Uncaught by any promise: ${error.name}: ${error.message}`)
    if (loud.length > 0) process.exitCode = process.exitCode || 1
  })
}

function put(entry: Deferred): void {
  deferred.push(entry)
  if (!entry.quiet) printAtExit()
}

/** The error has reached the user, if only as the cause of another. */
function reported(error: Error): void {
  known.add(error)
  if (deferred.length > 0) deferred = deferred.filter((d) => d.error !== error)
}

/** Throws an error that is kept, once; also one whose results could still be read, where `all` is asked for. */
function raise(all: boolean, from?: DeferredErrors): void {
  if (deferred.length === 0) return
  const due = deferred.filter(({ source, carriers }) => (!from || source === from) && (all || !carriers?.some((c) => c.deref())))
  const next = due.find(({ source }) => source === stepErrors) ?? due.find(({ carriers }) => !carriers) ?? due[0]
  if (!next) return
  // the first index error stands for all that were found so far
  if (all && next.carriers) for (const { error } of due) reported(error)
  reported(next.error)
  throw next.error
}

/** Throws, once, an error that is kept, wherever it comes from, and that no result can carry. */
export const raiseDeferred = (): void => raise(false)

/** The errors of one source: a device, or the steps. */
export class DeferredErrors {
  /** Keeps the first error until it is reported, and the loss of the device. A `quiet` one is not printed at exit. */
  add(error: Error, quiet = false): void {
    const first = error instanceof DeviceLostError || !deferred.some(({ source, carriers }) => source === this && !carriers)
    if (!first || known.has(error) || deferred.some((d) => d.error === error)) return
    put({ error, source: this, carriers: undefined, quiet })
  }

  /** Keeps an error that `results` carry. Of many that nobody reads the first are kept. */
  addOwned(error: Error, results: readonly object[]): void {
    if (known.has(error)) return
    const carriers = results.map((r) => new WeakRef(r))
    const same = deferred.findIndex((d) => d.error === error && d.carriers)
    if (same >= 0) {
      const before = deferred[same] as Deferred
      deferred[same] = { ...before, carriers: [...(before.carriers ?? []).filter((c) => c.deref()), ...carriers] }
    } else if (deferred.filter(({ source, carriers }) => source === this && carriers).length < OWNED)
      put({ error, source: this, carriers, quiet: false })
  }

  /** Throws a kept error of this source, once: also one whose results could still be read, where `all` is asked for. */
  raise(all = false): void {
    raise(all, this)
  }

  /** The error has reached the user in another way. */
  reported(error: Error): void {
    reported(error)
  }
}

/** Of steps that were closed, and computed later. */
export const stepErrors: DeferredErrors = new DeferredErrors()

/** Runs work whose errors reach the user. That of a step comes first: the work may have failed because of it, and will fail again. */
export async function withDeferredErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (e) {
    const step = deferred.find(({ source }) => source === stepErrors)?.error
    if (step) reported(step)
    const first = e instanceof DeviceLostError && step instanceof DeviceLostError ? e : (step ?? e)
    if (first instanceof DeviceLostError && first.cause) reported(first.cause as Error)
    throw first
  }
}
