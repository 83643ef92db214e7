/**
 * @file Modes: is the tape recording, and are ops autocast? A mode set around an async callback follows that callback alone, through `AsyncLocalStorage`
 * where the platform has it; elsewhere such a callback throws.
 */
import { AsyncLocal, BOOLEAN, FUNCTION, type HalfDType, isThenable, refusePromise, type Signature, signature } from '../base/index.ts'
import type { Node } from '../graph/index.ts'
import type { GradEdge } from './tape.ts'
import type { Tensor } from './tensor.ts'

/** A stretch of code whose ops are autocast (`src/ops/autocast.ts`). */
export interface Autocast {
  readonly dtype: HalfDType
  /** Casts of leaves, shared by all that are nested, until the outermost ends; undefined where nothing is kept. */
  readonly casts: Map<Tensor, CachedCast> | undefined
  /** The one around it. */
  readonly outer: Autocast | undefined
  /** Whether it has ended: what its callback has left running is in the mode around it. */
  ended: boolean
}

/** A leaf's cast, and what the leaf was when it was made: a value that is put behind it in place, as by an optimizer's step, is cast anew. */
export interface CachedCast {
  readonly node: Node
  readonly edge: GradEdge<Tensor>
  readonly cast: Tensor
}

/** What an async context carries. */
interface Modes {
  readonly grad: boolean
  readonly autocast: Autocast | undefined
}

const storage = AsyncLocal && new AsyncLocal<Modes>()

/** The modes of a stretch of code that runs synchronously; they win over what the async context says. Undefined: as the context says. */
let forcedGrad: boolean | undefined
let forcedAutocast: Autocast | 'off' | undefined
/** So many autocasts have begun and not ended: with none, no op asks further. */
let autocasts = 0

/** Whether ops are recorded on the tape here and now. */
export function isGradEnabled(): boolean {
  return forcedGrad ?? storage?.getStore()?.grad ?? true
}

/** The autocast of the ops that are recorded here and now. */
export function currentAutocast(): Autocast | undefined {
  if (autocasts === 0 || forcedAutocast === 'off') return undefined
  let mode = forcedAutocast ?? storage?.getStore()?.autocast
  while (mode?.ended) mode = mode.outer
  return mode
}

/** Runs synchronous library code with recording on or off. */
export function withGrad<T>(enabled: boolean, fn: () => T): T {
  const before = forcedGrad
  forcedGrad = enabled
  try {
    return fn()
  } finally {
    forcedGrad = before
  }
}

/** Runs synchronous library code under an autocast, or under none. */
export function withAutocast<T>(mode: Autocast | undefined, fn: () => T): T {
  const before = forcedAutocast
  forcedAutocast = mode ?? 'off'
  if (mode) autocasts++
  try {
    return fn()
  } finally {
    forcedAutocast = before
    if (mode) autocasts--
  }
}

/** Runs library code that walks the tape, or updates: with recording on or off, in the dtypes of what it is given. */
export function withoutAutocast<T>(grad: boolean, fn: () => T): T {
  return withAutocast(undefined, () => withGrad(grad, fn))
}

/** Runs a callback of the user's in the modes; where it is async, it keeps them to its end. */
function runIn<T>(name: string, modes: Modes, fn: () => T): T {
  const before = [forcedGrad, forcedAutocast] as const
  if (storage) forcedGrad = forcedAutocast = undefined
  else {
    forcedGrad = modes.grad
    forcedAutocast = modes.autocast ?? 'off'
  }
  try {
    const result = storage ? storage.run(modes, fn) : fn()
    if (!storage) refusePromise(name, result)
    return result
  } finally {
    ;[forcedGrad, forcedAutocast] = before
  }
}

/** How a callback of the user's is autocast: not at all without a dtype. `cache` is whether casts of leaves are kept. */
export interface AutocastSetting {
  readonly dtype: HalfDType | undefined
  readonly cache: boolean
}

/** Runs `fn` under an autocast of its own. `name` is the public function. */
export function autocasting<T>(name: string, { dtype, cache }: AutocastSetting, fn: () => T): T {
  const grad = isGradEnabled()
  if (dtype === undefined) return runIn(name, { grad, autocast: undefined }, fn)
  const outer = currentAutocast()
  const mode: Autocast = { dtype, casts: cache ? (outer?.casts ?? new Map()) : undefined, outer, ended: false }
  const end = (): void => {
    mode.ended = true
    autocasts--
    if (mode.casts !== outer?.casts) mode.casts?.clear()
  }
  autocasts++
  let result: T
  try {
    result = runIn(name, { grad, autocast: mode }, fn)
  } catch (error) {
    end()
    throw error
  }
  if (!isThenable(result)) {
    end()
    return result
  }
  return Promise.resolve(result).finally(end) as T
}

const NO_GRAD = signature('noGrad', { fn: FUNCTION })
const ENABLE_GRAD = signature('enableGrad', { fn: FUNCTION })
const SET_GRAD_ENABLED = signature('setGradEnabled', { mode: BOOLEAN, fn: FUNCTION })
const INFERENCE_MODE = signature('inferenceMode', { fn: FUNCTION })

function scoped<T>(given: Signature, enabled: boolean, fn: () => T): T {
  given.check(fn)
  return recording(given.name, enabled, fn)
}
function recording<T>(name: string, enabled: boolean, fn: () => T): T {
  return runIn(name, { grad: enabled, autocast: currentAutocast() }, fn)
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

/**
 * Runs `fn` with recording on or off, as `mode` says: {@link enableGrad} or {@link noGrad}. (PyTorch's function sets it for what follows; here it holds for `fn` alone.)
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.grad_mode.set_grad_enabled.html
 */
export function setGradEnabled<T>(mode: boolean, fn: () => T): T {
  SET_GRAD_ENABLED.check(mode, fn)
  return recording('setGradEnabled', mode, fn)
}

/** As {@link noGrad}: results are values already, so there is nothing more to save. @see https://pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html */
export function inferenceMode<T>(fn: () => T): T {
  return scoped(INFERENCE_MODE, false, fn)
}
