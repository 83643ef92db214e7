/** @file Work that is done at once where nothing has to be waited for, and later where something has: control flow, written once for both. */

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
export function always(task: Task, end: () => void): void | Promise<void> {
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
