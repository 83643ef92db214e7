/**
 * @file The one queue of work, in the order in which it was asked for. As long as nothing has to be waited for (a device that is being opened,
 * values that come from another device) a task runs at once, synchronously.
 */
import { BacklogError } from '../base/index.ts'
import { always, type Task } from './maybe-async.ts'

const queue: Task[] = []
let draining = false
/** Tasks are numbered in the order in which they were asked for. */
let asked = 0
let running = 0

let finished = 0
let whenFinished: () => void = () => {}

/** The number of the task that was asked for last. */
export const lastTask = (): number => asked
/** The number of the task that runs. */
export const runningTask = (): number => running
/** The number of the task that ended last: all before it have ended too. */
export const finishedTask = (): number => finished

/** Calls `fn` behind every task. */
export function afterTasks(fn: () => void): void {
  whenFinished = fn
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
    whenFinished()
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
