/**
 * @file The one queue of work, in the order in which it was asked for. As long as nothing has to be waited for (a device that is being opened,
 * values that come from another device) a task runs at once, synchronously; control flow is written once for both.
 */
import { BacklogError } from '../base/index.ts'

// ── tasks ──

/** Work that has ended when it returns, or when its promise resolves. */
export type Task = () => void | Promise<void>

/** Runs `next` once `pending` has resolved: now, where it is no promise. */
export const andThen = (pending: void | Promise<void>, next: Task): void | Promise<void> => (pending ? pending.then(next) : next())

/** Runs a task; `failed` takes what it fails with. */
export function attempt(task: Task, failed: (e: unknown) => void | Promise<void>): void | Promise<void> {
  try {
    return task()?.catch(failed)
  } catch (e) {
    return failed(e)
  }
}

/** Runs a task, and `end` behind it, whether it fails or not. */
function always(task: Task, end: () => void): void | Promise<void> {
  let pending: void | Promise<void>
  try {
    pending = task()
  } catch (e) {
    end()
    throw e
  }
  return pending ? pending.finally(end) : end()
}

/** Runs tasks one after another. */
export function sequence(tasks: readonly Task[], from = 0): void | Promise<void> {
  for (let i = from; i < tasks.length; i++) {
    const pending = (tasks[i] as Task)()
    if (pending) return pending.then(() => sequence(tasks, i + 1))
  }
}

// ── their order ──

const queue: Task[] = []
let draining = false
/** Tasks are numbered in the order in which they were asked for. */
let asked = 0
let running = 0
/** The task that ended last: all before it have ended too. */
let finished = 0

/** The number of the task that was asked for last. */
export const lastTask = (): number => asked
/** The number of the task that runs. */
export const runningTask = (): number => running

/** What is to be done behind tasks, in order. */
const behind: { readonly task: number; readonly act: () => void }[] = []

/** Does something once a task and all before it have ended: now, where they have. */
export function afterTask(task: number, act: () => void): void {
  behind.push({ task, act })
  doBehind()
}

function doBehind(): void {
  for (let next = behind[0]; next && next.task <= finished; next = behind[0]) {
    behind.shift()
    next.act()
  }
}

/** Steps that may wait for a device that has not been opened yet. */
const MAX_WAITING = 2048

/** Runs a task after all earlier ones: now, if there are none. `awaited` tasks are never refused: whoever waits lets the queue drain. */
export function enqueue(task: Task, awaited: boolean): Promise<void> | undefined {
  if (!awaited && queue.length >= MAX_WAITING) {
    throw new BacklogError(
      'step',
      `${queue.length} steps are waiting for a device that cannot open while JavaScript never yields. Call await init() before the loop, or await something in it`,
    )
  }
  const number = ++asked
  const end = (): void => {
    finished = number
    doBehind()
  }
  const begin: Task = () => {
    running = number
    return always(task, end)
  }
  if (!draining && queue.length === 0) {
    const pending = begin()
    if (!pending) return undefined
    draining = true
    return pending.finally(() => {
      draining = false
      void drain()
    })
  }
  return new Promise((resolve, reject) => {
    queue.push(() => {
      try {
        const pending = begin()
        if (!pending) return resolve()
        return pending.then(resolve, reject)
      } catch (e) {
        reject(e)
      }
    })
  })
}

async function drain(): Promise<void> {
  if (draining) return
  draining = true
  try {
    for (let task = queue.shift(); task; task = queue.shift()) await task()
  } finally {
    draining = false
  }
}
