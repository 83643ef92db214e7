/**
 * @file Steps as transactions. While a step is recorded it is noted what it changes: handles that are given another value (in place, by an optimizer). When it
 * closes, its results are computed. Where they cannot be, it did not happen: it and the steps that were recorded after it are rolled back.
 *
 * A step closes where an optimizer updates, and at the end of `tidy`. Leaves that are updated by hand close one when they come a second time, of what was
 * recorded until the last of the updates before: so the graph is that of an optimizer's step, forward, backward and updates.
 */
import { BacklogError, CompilationError, CustomOpError, callSite, OutOfMemoryError, thrownAt } from '../base/index.ts'
import { topological } from '../compiler/index.ts'
import { stepErrors } from '../device/index.ts'
import {
  isPinned,
  isSource,
  isView,
  keep,
  lastTaken,
  type Node,
  pendingSinks,
  recordedNodes,
  rowOf,
  takeSinks,
  takeSinksUpTo,
  viewBase,
} from '../graph/index.ts'
import { flush, type GivenUp } from './execute.ts'
import { comesAgain, endIteration, extendEnded, iterationsEnded } from './iterations.ts'
import { donorsOf, endStep, expireStep, expiringWith, isExpiring, iterationsDone, postpone, reclaim } from './lifetime.ts'
import { andThen, attempt, enqueue, sequence, type Task } from './queue.ts'

/** A change that can be taken back. */
export interface Write {
  /** What is changed: a tensor's handle, an optimizer. */
  readonly target: object
  /** Takes the change back. */
  readonly restore: () => void
  /** Of a handle that was given another value: the one before, and the present one. It is taken back only while the former is there. */
  readonly value?: { readonly old: Node; readonly present: () => Node }
}

const NONE: readonly Write[] = []

/** The changes of the step that is recorded, by target: until the last leaf that was updated by hand, and since. */
let open = new Map<object, Write>()
const since = new Map<object, Write>()
/** The node that had been recorded last when a leaf was last updated by hand. */
let lastUpdate = 0

/** A step that has closed and is not certain to be computed. */
interface Closing {
  readonly number: number
  readonly writes: readonly Write[]
}
/** In their order. */
const closing: Closing[] = []

/** Notes a change, for the case that what it leads to cannot be computed. Of several changes of one target the first counts. */
export function noteWrite(write: Write): void {
  if (!since.has(write.target)) since.set(write.target, write)
}

/** What was noted belongs to what was updated. */
function joinWrites(): void {
  for (const [target, write] of since) if (!open.has(target)) open.set(target, write)
  since.clear()
}

/** What was changed up to the last update by hand. */
function takeUpdated(): readonly Write[] {
  if (open.size === 0) return NONE
  const writes = [...open.values()]
  open = new Map()
  return writes
}

/** What was changed since the last work was handed over, and is about to be computed; nothing afterwards. */
export function takeWrites(): readonly Write[] {
  joinWrites()
  return takeUpdated()
}

/** Takes changes back, the last one first. */
function revert(writes: readonly Write[]): void {
  for (const { value, restore } of [...writes].reverse()) {
    if (value?.old.storage?.released) continue
    if (value) reclaim(value.old)
    restore()
  }
}

/** Takes back a step that is closing, and what was recorded after it. */
function rollBack(step: Closing): void {
  revert(takeWrites())
  const at = closing.indexOf(step)
  while (at >= 0 && closing.length > at) {
    const { number, writes } = closing.pop() as Closing
    revert(writes)
    postpone(number)
  }
}

/** An optimizer begins to update; `closeStep` is the end of it. */
export function beginStep(optimizer: object): void {
  comesAgain(optimizer, { stepsOnce: true })
}

/**
 * Ends a step, of an `optimizer` that has updated, or (where there is none) with the iteration: computes every sink. Where that fails the step is rolled back;
 * its other results are computed all the same.
 */
export function closeStep(optimizer?: object): void {
  if (optimizer) extendEnded()
  else endIteration()
  close(readySinks(), takeWrites(), iterationsEnded(), closeStep)
}

/**
 * A leaf is about to be updated by hand; `endUpdate` is the end of it. Where that ends the iteration, the step until the last update before is closed. What
 * has been recorded since waits for the next.
 */
export function beginUpdate(leaf: object): void {
  if (!comesAgain(leaf, { stepsOnce: false })) return
  const last = Math.max(lastUpdate, lastTaken())
  const sinks = takeSinksUpTo(last).filter(needsStoring)
  for (const node of readFromBefore(last)) sinks.push(node)
  close(sinks, takeUpdated(), iterationsEnded() - 1, beginUpdate)
}

export function endUpdate(): void {
  joinWrites()
  lastUpdate = recordedNodes()
  extendEnded()
}

/** What the nodes after number `last` read of those before, and will not find. */
function readFromBefore(last: number): Set<Node> {
  const found = new Set<Node>()
  const order = topological(pendingSinks(), (node) => node.id <= last || isSource(node))
  for (const node of order) {
    if (node.id > last || isSource(node)) continue
    const base = viewBase(node)
    if (base.storage ? isExpiring(base, iterationsEnded()) : !isSource(base) && !rowOf(base.primitive).recomputed)
      found.add(base.storage ? node : base)
  }
  return found
}

/** Computes `sinks`, as the end of a step by which `iterations` have ended, and gives back what was retired an iteration ago. Errors are thrown by `above`. */
function close(sinks: readonly Node[], writes: readonly Write[], iterations: number, above: (...args: never[]) => unknown): void {
  const arenas = sinks.filter(isPinned)
  const others = sinks.filter((n) => !isPinned(n))
  const step: Closing = { number: endStep(), writes }
  const ended = iterationsEnded()
  closing.push(step)
  const finish = (): void => {
    const at = closing.indexOf(step)
    if (at >= 0) closing.splice(at, 1)
    expireStep(step.number, ended)
    iterationsDone(iterations)
  }
  const fail = (e: unknown): void | Promise<void> => {
    rollBack(step)
    const rethrow = (): never => {
      throw e
    }
    if (e instanceof BacklogError) {
      for (const node of others) keep(node)
      return rethrow()
    }
    return andThen(settleApart([...readySinks(), ...others]), rethrow)
  }
  const givenUp = (): GivenUp => ({ donors: donorsOf(step.number), going: expiringWith(step.number, ended) })
  const compute: Task = () => (closing.includes(step) ? flushAll(arenas, others, step.writes, givenUp()) : settleApart(others))
  let returned = false
  // What fails once the step has returned is carried by the next promise of the library: kept before work that waits behind the step can ask for it
  const late = (e: unknown): never => {
    if (returned) stepErrors.add(e instanceof Error ? e : new Error(String(e)))
    throw e
  }
  try {
    enqueue(() => attempt(() => andThen(attempt(compute, fail), finish), late), false)?.catch(() => {})
  } catch (e) {
    if (closing.includes(step)) void fail(e) // refused: it has not been tried
    throw thrownAt(e, callSite(above))
  }
  returned = true
}

/** Pending sinks that need storing. */
export const readySinks = (): Node[] => takeSinks().filter(needsStoring)

/** A view of something that stays is as good as stored. */
function needsStoring(node: Node): boolean {
  if (node.storage) return false
  if (!isView(node)) return true
  const base = viewBase(node)
  if (!base.storage) return !isSource(base) && !rowOf(base.primitive).recomputed
  return base.storage.buffer !== undefined && base.primitive.kind !== 'leaf'
}

/**
 * Computes `first` and the other sinks together. What cannot be computed stands in no other's way, and says so when it is read. Where this throws, handles
 * that such a value was put behind have their old values again; else they wait for the next flush with it.
 * @throws what kept `first` from being computed; where there is none, OutOfMemoryError, CompilationError and CustomOpError of the others, for `synchronize`, which
 * waits for everything
 */
export function flushAll(first: readonly Node[], sinks: readonly Node[], writes: readonly Write[], given?: GivenUp): void | Promise<void> {
  return attempt(
    () => flush([...first, ...sinks], given),
    (e) => flushApart(e, first, sinks, writes, given),
  )
}

function flushApart(
  e: unknown,
  first: readonly Node[],
  sinks: readonly Node[],
  writes: readonly Write[],
  given: GivenUp | undefined,
): void | Promise<void> {
  if (e instanceof BacklogError) throw e // nothing has been tried
  let failed: unknown = sinks.length === 0 ? e : undefined
  let missing: unknown
  const alone: Task = () =>
    first.length === 0 || failed !== undefined
      ? undefined
      : attempt(
          () => flush(first, given && { donors: given.donors, going: [] }),
          (error) => {
            failed = error
          },
        )
  const others: Task = () =>
    settleApart(sinks, (error) => {
      missing ??= error
    })
  const lost: Write[] = []
  const handles = writes.map((write): Task => {
    const { value } = write
    if (!value) return () => {}
    return () =>
      attempt(
        () => flush([value.present()]),
        () => void lost.push(write),
      )
  })
  const end = (): void => {
    const told = missing instanceof OutOfMemoryError || missing instanceof CompilationError || missing instanceof CustomOpError
    const thrown = failed ?? (first.length === 0 && told ? missing : undefined)
    if (thrown === undefined) {
      // The next flush tries again, or takes them back
      for (const write of lost) open.set(write.target, write)
      return
    }
    revert(lost)
    throw thrown
  }
  return sequence([alone, others, ...handles, end])
}

/** Computes what can be computed: all together, and where that fails, each half by itself. */
function settleApart(nodes: readonly Node[], failed: (e: unknown) => void = () => {}): void | Promise<void> {
  return attempt(
    () => flush(nodes),
    (e) => {
      if (nodes.length <= 1) return failed(e)
      const middle = nodes.length >> 1
      return sequence([nodes.slice(0, middle), nodes.slice(middle)].map((half) => () => settleApart(half, failed)))
    },
  )
}
