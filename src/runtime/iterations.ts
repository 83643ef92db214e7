/**
 * @file Iterations of a training loop, as they show in its updates: steps of optimizers, and leaves that are changed in place by hand.
 *
 * Updates with no backward between them are one *round*: all parameters of a net, and a projection of them afterwards. An iteration ends with the round in
 * which an optimizer, or a leaf, comes a second time. So a loop has one end in each turn, however many optimizers there are; and a backward ends nothing by
 * itself, because gradients may be summed.
 */
import { recordedNodes } from '../graph/index.ts'

/** The round of updates: a backward begins another. */
let round = 0
/** The round that ended the last iteration: what has been updated in it, or since, has been updated in the iteration that is recorded. */
let first = 0
/** How many iterations have ended: the number of the one that is recorded. */
let ended = 0
/** Whether the present round has ended an iteration: what it still updates belongs to that one. */
let ending = false
/** The round in which each optimizer or leaf was last updated. */
const updated = new WeakMap<object, number>()

/** The last node of each of the iterations that ended last. */
const lastNodes: number[] = []
/** Nodes that are older than so many iterations need not be told apart. */
const MOST_LAST_NODES = 8

/** Called by every backward: the updates behind it follow from other gradients than those before. */
export function beginRound(): void {
  round++
  ending = false
}

/** Ends the iteration that is recorded with the node that was recorded last. */
export function endIteration(): void {
  ended++
  first = round
  lastNodes.push(recordedNodes())
  if (lastNodes.length > MOST_LAST_NODES) lastNodes.shift()
}

/**
 * Notes that `target` is updated. Whether that ends the iteration: it is the second time in it. Of a leaf, updates of one round are one; an optimizer steps
 * once in a round, whatever its gradients come from.
 */
export function comesAgain(target: object, { stepsOnce }: { readonly stepsOnce: boolean }): boolean {
  const last = updated.get(target)
  if (stepsOnce && last === round) beginRound()
  updated.set(target, round)
  const again = last !== undefined && last >= first && last < round
  if (again) {
    endIteration()
    ending = true
  }
  return again
}

/** The iteration that has been ended by this round goes as far as the node that was recorded last. */
export function extendEnded(): void {
  if (ending) lastNodes[lastNodes.length - 1] = recordedNodes()
}

/** How many iterations have ended as far as has been recorded. */
export const iterationsEnded = (): number => ended

/** The iteration with whose end a value goes that is replaced now: the one after the last that could use it. */
export const lastUse = (): number => (ending ? ended : ended + 1)

/** The iteration in which a node was recorded; of old ones, one that ended long ago. */
export function iterationOf(node: { readonly id: number }): number {
  let iteration = ended
  for (let i = lastNodes.length - 1; i >= 0 && node.id <= (lastNodes[i] as number); i--) iteration--
  return iteration
}
