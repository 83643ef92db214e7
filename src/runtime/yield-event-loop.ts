/**
 * @file The event loop's turn. Where a device answers at once, a loop that awaits every result never leaves the microtasks: timers and sockets would
 * starve, finalizers would not run, and what a WeakRef was made of would be held for ever. So now and then a promise waits for a turn.
 */

/** Milliseconds after which the loop is due. */
const DUE = 10
let last = performance.now()

/** The browser's; Node's types know another. */
interface Channel {
  readonly port1: { onmessage: (() => void) | null; close(): void }
  readonly port2: { postMessage(message: unknown): void }
}

const next = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve)
      return
    }
    // (browsers hold back a setTimeout that follows another)
    const { port1, port2 } = new MessageChannel() as unknown as Channel
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(0)
  })

/** Waits for a turn of the event loop if none has been waited for lately. */
export async function turn(): Promise<void> {
  if (performance.now() - last < DUE) return
  await next()
  last = performance.now()
}
