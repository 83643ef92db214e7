/** @file `amp.autocast`: the ops of a callback in a mix of dtypes. Which op is computed in which is in the ops' definitions (`src/ops/autocast.ts`). */
import { ArgumentError, BOOLEAN, options as describe, FUNCTION, type HalfDType, named, oneOf, optional, signature } from '../base/index.ts'
import { autocasting, currentAutocast } from '../tensor/index.ts'

/** How ops are autocast. */
export interface AutocastOptions {
  /** What ops that gain by it are computed in: float16 by default. */
  readonly dtype?: HalfDType
  /** Whether autocast is on in the callback: true by default. False inside another one turns that off. */
  readonly enabled?: boolean
  /** Whether the cast of a leaf is kept until the outermost autocast ends, for other ops that read the leaf: true by default. */
  readonly cacheEnabled?: boolean
}

const LOWER = named('a dtype that autocast computes in', ['float16', 'bfloat16'])
const OPTIONS = describe<AutocastOptions>({ dtype: LOWER, enabled: BOOLEAN, cacheEnabled: BOOLEAN })
const AUTOCAST = signature('autocast', {
  options: oneOf(FUNCTION, OPTIONS),
  fn: optional(FUNCTION),
})

/**
 * Runs `fn` with its ops autocast: products, convolutions and other ops that gain by it are computed in a 16-bit dtype, with sums in float32; ops whose range or
 * accuracy suffers are computed in float32; the others in the types that they are given (docs/amp.md lists them). float64 and integers are left alone, and
 * so is whatever is changed in place. Each gradient is computed in the types of its forward, and that of a float32 leaf arrives in float32: call `backward()`
 * and `step()` outside. An async `fn` is followed to its end, and nothing else is affected.
 * @returns what `fn` returns
 * @throws AutogradError where `fn` returns a promise and the platform cannot follow it (no AsyncLocalStorage)
 * @see https://pytorch.org/docs/stable/amp.html#torch.autocast
 * @example const loss = amp.autocast(() => F.crossEntropy(model.forward(x), y))
 */
export function autocast<T>(fn: () => T): T
export function autocast<T>(options: AutocastOptions, fn: () => T): T
export function autocast<T>(first: AutocastOptions | (() => T), second?: () => T): T {
  AUTOCAST.check(first, second)
  const [options, fn] = typeof first === 'function' ? [{}, first] : [first, second]
  if (fn === undefined) throw new ArgumentError('autocast', 'fn is missing: autocast({ dtype }, () => …)')
  if (typeof first === 'function' && second !== undefined)
    throw new ArgumentError('autocast', 'two functions were given. Options come first: autocast({ dtype }, () => …)')
  const { dtype = 'float16', enabled = true, cacheEnabled = true } = options
  return autocasting('autocast', { dtype: enabled ? dtype : undefined, cache: cacheEnabled }, fn)
}

/** Whether ops are autocast here and now. @see https://pytorch.org/docs/stable/generated/torch.is_autocast_enabled.html */
export function isAutocastEnabled(): boolean {
  return currentAutocast() !== undefined
}
