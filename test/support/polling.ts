/**
 * @file Dawn's binding for Node asks for events with `setImmediate`, in every turn of the event loop for as long as anything is awaited of the GPU. That takes
 * a whole core, on which a software adapter would compile and run its kernels. Here it asks some times at once, for what does not take long, and then every
 * millisecond. Uses of `setImmediate` by the library and by tests stay as they are.
 */
const AT_ONCE = 20
const PAUSE_MS = 1

type Callback = (...args: unknown[]) => void

const immediate = globalThis.setImmediate
const timeout = globalThis.setTimeout

/** Functions of the binding take no argument. (What resolves a promise is native too, and takes one.) */
const isBinding = (callback: Callback): boolean =>
  callback.length === 0 && Function.prototype.toString.call(callback).includes('[native code]')

/** Questions in a row, each asked for by the answer to the one before it. */
let asked = 0
let goesOn = false

function ask(callback: Callback): void {
  goesOn = false
  callback()
  if (!goesOn) asked = 0
}

/** Asks Dawn for events less often. */
export function pollInIntervals(): void {
  const polling = (callback: Callback, ...args: unknown[]): unknown => {
    if (!isBinding(callback)) return immediate(callback, ...args)
    goesOn = true
    return asked++ < AT_ONCE ? immediate(ask, callback) : timeout(ask, PAUSE_MS, callback)
  }
  globalThis.setImmediate = Object.assign(polling, immediate) as typeof setImmediate
}
