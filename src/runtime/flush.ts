/** @file What is computed together, and what remains of it where not everything can be computed. */
import { BacklogError, CompilationError, OutOfMemoryError } from '../base/index.ts'
import { isSource, isView, type Node, rowOf, takeSinks, viewBase } from '../graph/index.ts'
import { flush } from './execute.ts'
import { type Replaced, restoreLater, revert } from './journal.ts'
import type { Task } from './queue.ts'

/** Pending sinks that need storing. A view of something that stays is as good as stored. */
export function readySinks(): Node[] {
  return takeSinks().filter((node) => {
    if (node.storage) return false
    if (!isView(node)) return true
    const base = viewBase(node)
    if (!base.storage) return !isSource(base) && !rowOf(base.primitive).recomputed
    return base.storage.buffer !== undefined && base.primitive.kind !== 'leaf'
  })
}

const NONE: ReadonlySet<Node> = new Set()

/** What a flush may overwrite, and which handles have what it computes. */
export interface FlushOptions {
  readonly given?: ReadonlySet<Node>
  readonly replaced: readonly Replaced[]
}

/**
 * Computes `first` and the other sinks together. What cannot be computed stands in no other's way, and says so when it is read. Where this throws, handles
 * that such a value was put behind have their old values again; else they wait for the next flush with it.
 * @throws what kept `first` from being computed; where there is none, OutOfMemoryError and CompilationError of the others: who waits for everything is told
 */
export function flushAll(first: readonly Node[], sinks: readonly Node[], { given = NONE, replaced }: FlushOptions): void | Promise<void> {
  return attempt(
    () => flush([...first, ...sinks], given),
    (e) => flushApart(e, first, sinks, { given, replaced }),
  )
}

function flushApart(e: unknown, first: readonly Node[], sinks: readonly Node[], { given, replaced }: FlushOptions): void | Promise<void> {
  if (e instanceof BacklogError) throw e // nothing has been tried
  let failed: unknown = sinks.length === 0 ? e : undefined
  let missing: unknown
  const alone = (): void | Promise<void> =>
    first.length === 0 || failed !== undefined
      ? undefined
      : attempt(
          () => flush(first, given),
          (error) => {
            failed = error
          },
        )
  const others = (): void | Promise<void> =>
    settleApart(sinks, (error) => {
      missing ??= error
    })
  const lost: Replaced[] = []
  const handles = replaced.map(
    (entry) => () =>
      attempt(
        () => flush([entry.present()]),
        () => void lost.push(entry),
      ),
  )
  const end = (): void => {
    const told =
      failed ?? (first.length === 0 && (missing instanceof OutOfMemoryError || missing instanceof CompilationError) ? missing : undefined)
    if (told === undefined) {
      for (const entry of lost) restoreLater(entry)
      return
    }
    revert(lost)
    throw told
  }
  return sequence([alone, others, ...handles, end])
}

/** Runs a task; what it fails with goes to `failed`. */
function attempt(task: Task, failed: (e: unknown) => void | Promise<void>): void | Promise<void> {
  try {
    return task()?.catch(failed)
  } catch (e) {
    return failed(e)
  }
}

/** Runs tasks one after another. */
function sequence(tasks: readonly Task[], from = 0): void | Promise<void> {
  for (let i = from; i < tasks.length; i++) {
    const pending = (tasks[i] as Task)()
    if (pending) return pending.then(() => sequence(tasks, i + 1))
  }
}

/** Computes what can be computed: all together, and where that fails, each half by itself. */
export function settleApart(nodes: readonly Node[], failed: (e: unknown) => void = () => {}): void | Promise<void> {
  return attempt(
    () => flush(nodes),
    (e) => {
      if (nodes.length <= 1) return failed(e)
      const middle = nodes.length >> 1
      return sequence([nodes.slice(0, middle), nodes.slice(middle)].map((half) => () => settleApart(half, failed)))
    },
  )
}
