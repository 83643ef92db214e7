/**
 * @file How long stored values stay: what a step retires, what is lent until the next step, what is disposed of.
 *
 * Steps are counted by their closes. What is retired in one step is given back when the next one closes, so that recipes which use it can be
 * followed until then; in a loop that never closes a step (a training loop without an optimizer) a number of tasks stands for it. Recording may be
 * many steps ahead of the work (a device that is being opened, values that travel between devices), so both are counted as they were recorded.
 */
import { dtypeInfo, type TypedArray } from '../base/index.ts'
import type { Device } from '../device/index.ts'
import { forget, hasSinks, type Node } from '../graph/index.ts'
import { unwatch, watch } from './lifetime.ts'
import { afterTasks, finishedTask, lastTask, runningTask } from './queue.ts'

/** Steps whose work is done. */
let epoch = 0
/** Steps that were closed, as recorded. */
let closes = 0
/** After this many tasks that computed something, what was retired before them goes, closed or not. */
const TASKS_KEPT = 16

interface Retired {
  readonly node: Node
  readonly step: number
  /** The task that had been asked for last. */
  readonly task: number
  /** Later tasks that computed something. */
  later: number
}
let retired: Retired[] = []

/** Gives up a node's stored values when the step after the one that is recorded now closes. */
export function retire(node: Node): void {
  retired.push({ node, step: closes, task: lastTask(), later: 0 })
}

/** A value that was given up is wanted again. */
export function reclaim(node: Node): void {
  retired = retired.filter((r) => r.node !== node)
}

/** A result that is stored although its recipe stays: its buffer can go at any time. */
interface Loan {
  readonly inputs: readonly Node[]
  readonly epoch: number
}
const loans = new Map<Node, Loan>()
let lentBytes = 0
const LENT_BUDGET = 256 * 1024 * 1024

const bytesOf = (node: Node): number => (node.storage?.buffer?.length ?? 0) * dtypeInfo[node.dtype].bytes

/** Keeps a stored interior result until the next step has closed. */
export function lend(node: Node): void {
  loans.set(node, { inputs: node.inputs, epoch })
  lentBytes += bytesOf(node)
  if (lentBytes > LENT_BUDGET) for (const lent of [...loans.keys()]) takeBack(lent)
}

/** What a later step than its own uses is no intermediate result: it stays while it can be reached. */
export function used(node: Node): void {
  const loan = loans.get(node)
  if (!loan || loan.epoch === epoch) return
  loans.delete(node)
  lentBytes -= bytesOf(node)
  const { storage } = node
  if (storage?.buffer) watch(node, storage.owner as Device, storage.buffer)
}

function takeBack(node: Node): void {
  const loan = loans.get(node) as Loan
  loans.delete(node)
  const { storage } = node
  if (!storage?.buffer || storage.released) return
  lentBytes -= bytesOf(node)
  storage.owner?.release(storage.buffer)
  node.storage = undefined
  node.inputs = loan.inputs
}

/** Whether a stored result is on loan. */
export const isLent = (node: Node): boolean => loans.has(node)

/** Ends a step; what is to be done once its work has been handed to the device is answered. */
export function endEpoch(): () => void {
  const closing = epoch
  const step = closes++
  return () => {
    epoch = Math.max(epoch, closing + 1)
    retired = retired.filter((r) => {
      if (r.step < step) release(r.node, 'step')
      return r.step >= step
    })
    for (const [node, loan] of [...loans]) if (loan.epoch < closing) takeBack(node)
  }
}

let counted = 0

/** Called after every run: a task may need several. */
export function countRun(): void {
  const task = runningTask()
  if (task === counted) return
  counted = task
  for (const r of retired) if (r.task < task) r.later++
  if (retired.length === 0 || (retired[0] as Retired).later < TASKS_KEPT) return
  retired = retired.filter((r) => {
    if (r.later < TASKS_KEPT) return true
    release(r.node, 'step')
    return false
  })
}

/** Gives a node's stored values back. */
export function release(node: Node, how: 'step' | 'dispose'): void {
  const { storage } = node
  if (!storage || storage.released) return
  const { buffer, owner } = storage
  // What the host holds costs the device nothing, and the collector sees it.
  if (how === 'step' && !buffer) return
  loans.delete(node)
  delete storage.buffer
  delete storage.host
  delete storage.copy
  storage.released = how
  if (!buffer) return
  unwatch(buffer)
  owner?.release(buffer)
}

/** The values are on the host now: the device's copy goes. @returns whether the node has them there */
export function moveToHost(node: Node, host: TypedArray): boolean {
  const { storage } = node
  if (!storage?.buffer || isLent(node)) return false
  const { buffer, owner } = storage
  delete storage.buffer
  storage.host = host
  unwatch(buffer)
  owner?.release(buffer)
  return true
}

/** What is to be freed behind a task: results that were recorded before, and reads that were asked for, may need it until then. */
interface Disposed {
  readonly node: Node
  readonly task: number
}
const disposed: Disposed[] = []

/** Frees a node's values: now, or once what was recorded and asked for before has been computed from them. A later use throws StaleTensorError. */
export function disposeNode(node: Node): void {
  forget(node)
  // What has been recorded is computed by the next task
  disposed.push({ node, task: lastTask() + (hasSinks() ? 1 : 0) })
  settleDisposed()
}

function settleDisposed(): void {
  const waiting = disposed.findIndex(({ task }) => task > finishedTask())
  for (const { node } of disposed.splice(0, waiting < 0 ? disposed.length : waiting)) {
    if (node.storage) {
      release(node, 'dispose')
    } else {
      node.storage = { released: 'dispose', uploads: 0 }
      node.inputs = []
    }
  }
}
afterTasks(settleDisposed)
