/**
 * @file Steps as transactions. While a step is recorded it is noted what it changes: handles that are given another value (in place, by an optimizer). When it
 * closes, its results are computed. Where they cannot be, it did not happen: it and the steps that were recorded after it are rolled back.
 */
import { BacklogError, CompilationError, OutOfMemoryError } from '../base/index.ts'
import { stepErrors } from '../device/index.ts'
import { isPinned, isSource, isView, keep, type Node, rowOf, takeSinks, viewBase } from '../graph/index.ts'
import { flush } from './execute.ts'
import { donorsOf, endStep, expire, postpone, reclaim } from './lifetime.ts'
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

/** The changes of the step that is recorded, by target. */
let open = new Map<object, Write>()

/** A step that has closed and is not certain to be computed. */
interface Closing {
  readonly number: number
  readonly writes: readonly Write[]
}
/** In their order. */
const closing: Closing[] = []

/** Notes a change, for the case that what it leads to cannot be computed. Of several changes of one target the first counts. */
export function noteWrite(write: Write): void {
  if (!open.has(write.target)) open.set(write.target, write)
}

/** What was changed since the last work was handed over, and is about to be computed; nothing afterwards. */
export function takeWrites(): readonly Write[] {
  if (open.size === 0) return NONE
  const writes = [...open.values()]
  open = new Map()
  return writes
}

/** Takes changes back, the last one first. */
function revert(writes: readonly Write[]): void {
  for (const { value, restore } of [...writes].reverse()) {
    if (value?.old.storage?.released) continue
    if (value) reclaim(value.old)
    restore()
  }
}

/** Takes back a step that is closing, and those recorded after it. */
function rollBack(step: Closing): void {
  const at = closing.indexOf(step)
  while (at >= 0 && closing.length > at) {
    const { number, writes } = closing.pop() as Closing
    revert(writes)
    postpone(number)
  }
}

/** Ends a step: computes every sink, and gives back what was retired a step ago. Where that fails the step is rolled back; its other results are computed all the same. */
export function closeStep(): void {
  const sinks = readySinks()
  const arenas = sinks.filter(isPinned)
  const others = sinks.filter((n) => !isPinned(n))
  const step: Closing = { number: endStep(), writes: takeWrites() }
  closing.push(step)
  const finish = (): void => {
    const at = closing.indexOf(step)
    if (at >= 0) closing.splice(at, 1)
    expire(step.number)
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
  const compute: Task = () => (closing.includes(step) ? flushAll(arenas, others, step.writes, donorsOf(step.number)) : settleApart(others))
  let done: Promise<void> | undefined
  try {
    done = enqueue(() => andThen(attempt(compute, fail), finish), false)
  } catch (e) {
    if (closing.includes(step)) void fail(e) // refused: it has not been tried
    throw e
  }
  // What fails here is carried by the next promise of the library.
  done?.catch((e: unknown) => stepErrors.add(e instanceof Error ? e : new Error(String(e))))
}

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

const NO_DONORS: ReadonlySet<Node> = new Set()

/**
 * Computes `first` and the other sinks together. What cannot be computed stands in no other's way, and says so when it is read. Where this throws, handles
 * that such a value was put behind have their old values again; else they wait for the next flush with it.
 * @throws what kept `first` from being computed; where there is none, OutOfMemoryError and CompilationError of the others, for `synchronize`, which waits for everything
 */
export function flushAll(
  first: readonly Node[],
  sinks: readonly Node[],
  writes: readonly Write[],
  donors: ReadonlySet<Node> = NO_DONORS,
): void | Promise<void> {
  return attempt(
    () => flush([...first, ...sinks], donors),
    (e) => flushApart(e, first, sinks, writes, donors),
  )
}

function flushApart(
  e: unknown,
  first: readonly Node[],
  sinks: readonly Node[],
  writes: readonly Write[],
  donors: ReadonlySet<Node>,
): void | Promise<void> {
  if (e instanceof BacklogError) throw e // nothing has been tried
  let failed: unknown = sinks.length === 0 ? e : undefined
  let missing: unknown
  const alone: Task = () =>
    first.length === 0 || failed !== undefined
      ? undefined
      : attempt(
          () => flush(first, donors),
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
    const thrown =
      failed ?? (first.length === 0 && (missing instanceof OutOfMemoryError || missing instanceof CompilationError) ? missing : undefined)
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
