/**
 * @file Work that is computed while it is recorded: where nothing is read and nothing updated, what has been recorded would pile up (a
 * simulation, a net that is unrolled without end). It ends no step and no iteration: results are stored sooner, and what can be read stays as it is.
 *
 * A loop is cut where it was cut before, so that its parts are alike and share a plan. The place is known by the ops that lead to it.
 */
import { openDevices } from '../device/index.ts'
import { keep, waitingNodes } from '../graph/index.ts'
import { flush } from './execute.ts'
import { iterationsEnded } from './iterations.ts'
import { iterationsDone } from './lifetime.ts'
import { andThen, attempt, enqueue } from './queue.ts'
import { readySinks } from './transaction.ts'

/** So many ops are compared. */
const PLACE = 16
/** The ops that led to the last cut, and those since the bound was passed. */
let place: readonly string[] = []
let recent: string[] = []

/** Called with each op that is recorded while more nodes wait than `bound`. */
export function runAhead(op: string, bound: number): void {
  recent.push(op)
  if (recent.length < PLACE || openDevices().length === 0) return
  if (recent.length > PLACE) recent.shift()
  if (place.length > 0 && waitingNodes() < 2 * bound && recent.some((name, i) => name !== place[i])) return
  place = recent
  recent = []
  computeWaiting()
}

function computeWaiting(): void {
  const sinks = readySinks()
  const ended = iterationsEnded()
  const again = (): void => {
    // A read of them throws
    for (const node of sinks) keep(node)
  }
  const work = (): void | Promise<void> => andThen(flush(sinks), () => iterationsDone(ended))
  void enqueue(() => attempt(work, again), true)
}
