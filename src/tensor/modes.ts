/**
 * @file Modes: is the tape recording? A mode set around an async callback follows that callback alone, through `AsyncLocalStorage`
 * where the platform has it; elsewhere such a callback throws.
 */
import { AutogradError, FUNCTION, type Signature, signature } from '../base/index.ts'

interface AsyncStorage {
  run<T>(store: boolean, fn: () => T): T
  getStore(): boolean | undefined
}
interface Platform {
  readonly process?: { readonly getBuiltinModule?: (name: string) => { readonly AsyncLocalStorage?: new () => AsyncStorage } | undefined }
}

// Asked for at run time: an import would not resolve in a browser bundle.
const Local = (globalThis as Platform).process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage
const storage = Local && new Local()

/** The mode of a stretch of code that runs synchronously; it wins over what the async context says. */
let forced: boolean | undefined

/** Whether ops are recorded on the tape here and now. */
export function isGradEnabled(): boolean {
  return forced ?? (storage === undefined ? true : (storage.getStore() ?? true))
}

/** Runs synchronous library code with recording on or off. */
export function withGrad<T>(enabled: boolean, fn: () => T): T {
  const before = forced
  forced = enabled
  try {
    return fn()
  } finally {
    forced = before
  }
}

const NO_GRAD = signature('noGrad', { fn: FUNCTION })
const ENABLE_GRAD = signature('enableGrad', { fn: FUNCTION })
const INFERENCE_MODE = signature('inferenceMode', { fn: FUNCTION })

function scoped<T>(given: Signature, enabled: boolean, fn: () => T): T {
  given.check(fn)
  const { name } = given
  const before = forced
  forced = storage ? undefined : enabled
  try {
    const result = storage ? storage.run(enabled, fn) : fn()
    if (!storage && typeof (result as { then?: unknown } | undefined)?.then === 'function') {
      throw new AutogradError(
        name,
        'the callback returned a promise, and this platform cannot follow it (no AsyncLocalStorage). Await outside, and wrap the synchronous part',
      )
    }
    return result
  } finally {
    forced = before
  }
}

/**
 * Runs `fn` without recording: results do not require grad. An async `fn` is followed to its end, and nothing else is affected.
 * @see https://pytorch.org/docs/stable/generated/torch.no_grad.html
 * @example const accuracy = await noGrad(async () => (await model.forward(x).argmax(1).eq(y).sum().item()) / n)
 */
export function noGrad<T>(fn: () => T): T {
  return scoped(NO_GRAD, false, fn)
}

/** Runs `fn` with recording on, inside `noGrad`. @see https://pytorch.org/docs/stable/generated/torch.enable_grad.html */
export function enableGrad<T>(fn: () => T): T {
  return scoped(ENABLE_GRAD, true, fn)
}

/** As {@link noGrad}: results are values already, so there is nothing more to save. @see https://pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html */
export function inferenceMode<T>(fn: () => T): T {
  return scoped(INFERENCE_MODE, false, fn)
}
