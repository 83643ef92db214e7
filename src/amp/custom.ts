/** @file What a `Function` of one's own says of autocast: `static forward = amp.customFwd(…)` and `static backward = amp.customBwd(…)`. */

import type { FunctionContext } from '../autograd/index.ts'
import {
  ArgumentError,
  type DType,
  options as describe,
  FUNCTION,
  isFloat,
  isPlainObject,
  named,
  oneOf,
  optional,
  signature,
} from '../base/index.ts'
import { cast } from '../ops/index.ts'
import { type Autocast, currentAutocast, Tensor, withAutocast } from '../tensor/index.ts'

/** How forward's tensors are cast under autocast. */
export interface CustomFwdOptions {
  /** The dtype of all float tensors but those of float64, for a forward that runs without autocast. By default they stay as they are, and it runs under autocast. */
  readonly castInputs?: DType
}

const FLOATS = named('a float dtype', ['float32', 'float16', 'bfloat16'])
const OPTIONS = describe<CustomFwdOptions>({ castInputs: FLOATS })
const FWD = signature('customFwd', {
  options: oneOf(FUNCTION, OPTIONS),
  fn: optional(FUNCTION),
})
const BWD = signature('customBwd', { fn: FUNCTION })

/** What each forward ran under, for its backward. */
const ranUnder = new WeakMap<FunctionContext, Autocast | undefined>()

/** A forward or a backward: of a context, and arguments. */
export type ContextFunction<A extends readonly unknown[], R> = (ctx: FunctionContext, ...args: A) => R

/**
 * A `forward` for `autograd.Function` whose `backward`, marked by {@link customBwd}, runs under the same autocast. With `castInputs`, under autocast, all float
 * tensors among the arguments (in arrays and plain objects, too) are cast first, and both run without autocast; outside of autocast nothing changes.
 * @see https://pytorch.org/docs/stable/amp.html#torch.amp.custom_fwd
 * @example
 * class Cube extends autograd.Function {
 *   static forward = amp.customFwd({ castInputs: 'float32' }, (ctx, x: Tensor) => { ctx.saveForBackward(x); return x.pow(3) })
 *   static backward = amp.customBwd((ctx, g: Tensor) => g.mul(ctx.savedTensors[0]!.square()).mul(3))
 * }
 */
export function customFwd<A extends readonly unknown[], R>(fn: ContextFunction<A, R>): ContextFunction<A, R>
export function customFwd<A extends readonly unknown[], R>(options: CustomFwdOptions, fn: ContextFunction<A, R>): ContextFunction<A, R>
export function customFwd<A extends readonly unknown[], R>(
  first: CustomFwdOptions | ContextFunction<A, R>,
  second?: ContextFunction<A, R>,
): ContextFunction<A, R> {
  FWD.check(first, second)
  const [options, fn] = typeof first === 'function' ? [{} as CustomFwdOptions, first] : [first, second]
  if (fn === undefined) throw new ArgumentError('customFwd', 'fn is missing: customFwd({ castInputs }, (ctx, x) => …)')
  if (typeof first === 'function' && second !== undefined)
    throw new ArgumentError('customFwd', 'two functions were given. Options come first: customFwd({ castInputs }, (ctx, x) => …)')
  const { castInputs } = options
  return (ctx, ...args) => {
    const mode = currentAutocast()
    ranUnder.set(ctx, castInputs === undefined ? mode : undefined)
    if (castInputs === undefined || mode === undefined) return fn(ctx, ...args)
    return withAutocast(undefined, () => fn(ctx, ...(args.map((x) => castIn(x, castInputs)) as unknown as A)))
  }
}

/**
 * A `backward` for `autograd.Function` that runs under the autocast that its forward, marked by {@link customFwd}, ran under. Without, it runs without autocast,
 * as all gradients do.
 * @see https://pytorch.org/docs/stable/amp.html#torch.amp.custom_bwd
 */
export function customBwd<A extends readonly unknown[], R>(fn: ContextFunction<A, R>): ContextFunction<A, R> {
  BWD.check(fn)
  return (ctx, ...grads) => {
    const mode = ranUnder.get(ctx)
    // Casts of leaves belong to the step of the forward, which may be over
    return withAutocast(mode && { ...mode, casts: undefined, ended: false }, () => fn(ctx, ...grads))
  }
}

/** The float tensors in `x` that are not float64, in another dtype. */
function castIn(x: unknown, dtype: DType): unknown {
  if (x instanceof Tensor) return isFloat(x.dtype) && x.dtype !== 'float64' ? cast(x, dtype) : x
  if (Array.isArray(x)) return x.map((v) => castIn(v, dtype))
  return isPlainObject(x) ? Object.fromEntries(Object.entries(x).map(([key, v]) => [key, castIn(v, dtype)])) : x
}
