/**
 * @file Values that hold while a callback runs. One that is set around an async callback follows that callback alone, through `AsyncLocalStorage` where the
 * platform has it; elsewhere such a callback throws.
 */
import { AutogradError } from './errors.ts'

/** A value of an async context, as `node:async_hooks` has it. */
interface AsyncStorage<T> {
  run<R>(store: T, fn: () => R): R
  getStore(): T | undefined
}
interface Platform {
  readonly process?: {
    readonly getBuiltinModule?: (name: string) => { readonly AsyncLocalStorage?: new <T>() => AsyncStorage<T> } | undefined
  }
}

/** `AsyncLocalStorage`, where the platform has it. Asked for at run time: an import would not resolve in a browser bundle. */
export const AsyncLocal = (globalThis as Platform).process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage

/** Whether what a callback returned is a promise of its result. */
export const isThenable = (x: unknown): x is PromiseLike<unknown> =>
  typeof (x as { then?: unknown } | null | undefined)?.then === 'function'

/** Throws where a callback is async, on a platform that cannot follow it. `name` is the public function. */
export function refusePromise(name: string, result: unknown): void {
  if (!isThenable(result)) return
  throw new AutogradError(
    name,
    'the callback returned a promise, and this platform cannot follow it (no AsyncLocalStorage). Await outside, and wrap the synchronous part',
  )
}

/** A value that code finds by where it is called from. */
export class Context<T extends object> {
  readonly #storage = AsyncLocal && new AsyncLocal<{ readonly value: T | undefined }>()
  /** In code that runs synchronously; it wins over what the async context says. */
  #forced: { readonly value: T | undefined } | undefined
  /** Callbacks that have begun and not ended: with none, nobody asks further. */
  #running = 0

  /** The value here and now; undefined outside of all callbacks. */
  get current(): T | undefined {
    if (this.#running === 0) return undefined
    return (this.#forced ?? this.#storage?.getStore())?.value
  }

  /** Runs synchronous code with a value, or with none. */
  force<R>(value: T | undefined, fn: () => R): R {
    const before = this.#forced
    this.#forced = { value }
    this.#running++
    try {
      return fn()
    } finally {
      this.#running--
      this.#forced = before
    }
  }

  /** Runs a callback of the user's with a value; an async one keeps it to its end. `name` is the public function. */
  run<R>(name: string, value: T | undefined, fn: () => R): R {
    const before = this.#forced
    this.#forced = this.#storage ? undefined : { value }
    this.#running++
    let result: R | undefined
    try {
      result = this.#storage ? this.#storage.run({ value }, fn) : fn()
      if (!this.#storage) refusePromise(name, result)
    } finally {
      this.#forced = before
      if (!isThenable(result)) this.#running--
    }
    if (!isThenable(result)) return result
    const end = (): void => void this.#running--
    result.then(end, end)
    return result
  }
}
