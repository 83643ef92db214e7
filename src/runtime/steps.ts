/** @file The end of a step: its results are computed, or it did not happen. */
import { BacklogError } from '../base/index.ts'
import { isPinned, keep, type Node } from '../graph/index.ts'
import { fail as failLater } from './deferred-errors.ts'
import { flushAll, readySinks, settleApart } from './flush.ts'
import { type Replaced, revert, takeReplaced } from './journal.ts'
import { endEpoch, keepDonors, releaseDonors, takeDonors } from './keeping.ts'
import { enqueue } from './queue.ts'

/** A step that is closing: what takes back its updates, until it is certain that they are computed. */
interface Closing {
  readonly undo: () => void
  readonly replaced: readonly Replaced[]
  readonly given: Set<Node>
}
const closing: Closing[] = []

/**
 * Ends a step: computes every sink, gives back what was retired a step ago. Where that fails the step did not happen: `undo` puts the values before
 * it behind handles again (`reclaim`), as do those of the steps recorded after it; the other results are computed all the same.
 */
export function closeStep(undo: () => void = () => {}): void {
  const sinks = readySinks()
  const arenas = sinks.filter(isPinned)
  const others = sinks.filter((n) => !isPinned(n))
  const replaced = takeReplaced()
  const given = takeDonors()
  const end = endEpoch()
  const step: Closing = { undo, replaced, given }
  closing.push(step)
  const finish = (): void => {
    const at = closing.indexOf(step)
    if (at >= 0) closing.splice(at, 1)
    // The order in which buffers come back is the order in which they are taken: this one makes the same steps bind the same buffers soonest.
    end()
    releaseDonors(given)
  }
  const fail = (e: unknown): void | Promise<void> => {
    const later = e instanceof BacklogError
    const at = closing.indexOf(step)
    for (const late of at < 0 ? [] : closing.splice(at).reverse()) {
      late.undo()
      revert(late.replaced)
      keepDonors(late.given)
    }
    const rethrow = (): never => {
      throw e
    }
    if (later) {
      for (const node of others) keep(node)
      return rethrow()
    }
    return settleApart([...readySinks(), ...others])?.then(rethrow) ?? rethrow()
  }
  const task = (): void | Promise<void> => {
    let pending: void | Promise<void>
    try {
      pending = closing.includes(step) ? flushAll(arenas, others, { given, replaced }) : settleApart(others)
    } catch (e) {
      return fail(e)
    }
    return pending ? pending.then(finish, fail) : finish()
  }
  let done: Promise<void> | undefined
  try {
    done = enqueue(task, false)
  } catch (e) {
    if (closing.includes(step)) void fail(e) // refused: it has not been tried
    throw e
  }
  // What fails here is told by the next promise that somebody waits for.
  done?.catch(failLater)
}
