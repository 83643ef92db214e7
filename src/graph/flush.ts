/** @file What is computed together, and what remains of it where not everything can be computed. */
import { DeviceError, DeviceLostError, DTypeError, OutOfMemoryError, StaleTensorError } from '../base/index.ts'
import { flush } from './compute.ts'
import { type Replaced, revert } from './journal.ts'
import { settleDisposed } from './keeping.ts'
import { isView, type Node } from './node.ts'
import { takeSinks } from './pending.ts'
import type { Task } from './queue.ts'
import { isSource } from './rewrite.ts'
import { viewBase } from './units.ts'

/** Pending sinks that need storing. A view of something that stays is as good as stored. */
export function readySinks(): Node[] {
  return takeSinks().filter((node) => {
    if (node.storage) return false
    if (!isView(node)) return true
    const base = viewBase(node)
    if (!base.storage) return !isSource(base) && base.primitive.kind !== 'random'
    return base.storage.buffer !== undefined && base.primitive.kind !== 'leaf'
  })
}

const NONE: ReadonlySet<Node> = new Set()

/** Errors that need not be everybody's. */
const APART = [StaleTensorError, DeviceError, DeviceLostError, DTypeError, OutOfMemoryError]

/** What a flush may overwrite, and which handles have what it computes. */
export interface FlushOptions {
  readonly given?: ReadonlySet<Node>
  readonly replaced: readonly Replaced[]
}

/**
 * Computes `first` and the other sinks together. What cannot be computed stands in nobody's way: it says so when it is read, and handles that it was
 * put behind have their old values again.
 */
export function flushAll(first: readonly Node[], sinks: readonly Node[], { given = NONE, replaced }: FlushOptions): void | Promise<void> {
  const apart = (e: unknown): void | Promise<void> => {
    if (!APART.some((type) => e instanceof type)) throw e
    let failed: unknown
    let missing: unknown
    const tasks: Task[] = sinks.map((sink) => () => flush([sink]))
    if (first.length > 0 && sinks.length > 0)
      tasks.unshift(() =>
        note(
          () => flush(first, given),
          (error) => (failed = error),
        ),
      )
    else if (first.length > 0) failed = e
    for (const entry of replaced)
      tasks.push(() =>
        note(
          () => flush([entry.present()]),
          () => revert([entry]),
        ),
      )
    const end = (): void => {
      settleDisposed()
      if (failed) throw failed
      // whoever waits for everything hears of what is missing
      if (first.length === 0 && missing instanceof OutOfMemoryError) throw missing
    }
    const pending = sequence(tasks, (error) => {
      missing ??= error
    })
    return pending ? pending.then(end) : end()
  }
  let pending: void | Promise<void>
  try {
    pending = flush([...first, ...sinks], given)
  } catch (e) {
    return apart(e)
  }
  return pending ? pending.then(settleDisposed, apart) : settleDisposed()
}

/** Hears of a task's failure on its way. */
function note(task: Task, hear: (e: unknown) => void): void | Promise<void> {
  const fail = (e: unknown): never => {
    hear(e)
    throw e
  }
  try {
    return task()?.catch(fail)
  } catch (e) {
    fail(e)
  }
}

/** Runs tasks one after another, also where one fails. */
function sequence(tasks: readonly Task[], failed: (e: unknown) => void = () => {}): void | Promise<void> {
  for (let i = 0; i < tasks.length; i++) {
    try {
      const pending = (tasks[i] as Task)()
      if (pending) return pending.catch(failed).then(() => sequence(tasks.slice(i + 1), failed))
    } catch (e) {
      failed(e)
    }
  }
}

/** Computes what can be computed. */
export function settleApart(nodes: readonly Node[]): void | Promise<void> {
  return sequence(nodes.map((node) => () => flush([node])))
}
