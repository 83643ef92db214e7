/** @file `nn.utils`: what is done to parameters between backward and step. */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  ITERABLE,
  isHalf,
  type Kind,
  listOf,
  mismatch,
  optional,
  signature,
} from '../base/index.ts'
import { abs, add, amax, cast, clamp, div, mul, pow, sqrt, square, stack, sum, zeros } from '../ops/index.ts'
import { noGrad, TENSOR, Tensor } from '../tensor/index.ts'

/** Which norm {@link clipGradNorm_} takes, and what it does where that is not finite. */
export interface ClipGradNormOptions {
  /** p of the p-norm: 2 by default, any number > 0; `Infinity` for the largest absolute value. */
  readonly normType?: number
  /** Reject, and leave the gradients as they are, where the norm is NaN or infinite. The norm has to be read for it: the result is then a promise. */
  readonly errorIfNonfinite?: boolean
}

const PARAMETERS: Kind = {
  fits: 'a Tensor or a list of them',
  accepts: ITERABLE.accepts,
  hint: (x) =>
    typeof (x as { readonly parameters?: unknown } | undefined)?.parameters === 'function'
      ? 'Of a module, give its parameters()'
      : TENSOR.hint?.(x),
}
const TENSOR_LIST = listOf(TENSOR)
const BOUND: Kind = { fits: 'a number ≥ 0, or Infinity', accepts: (x) => typeof x === 'number' && x >= 0 }
const CLIP_GRAD_NORM = signature('clipGradNorm_', {
  parameters: PARAMETERS,
  maxNorm: BOUND,
  options: optional(
    describe<ClipGradNormOptions>({
      normType: { fits: 'a number > 0, or Infinity', accepts: (x) => typeof x === 'number' && x > 0 },
      errorIfNonfinite: BOOLEAN,
    }),
  ),
})
const CLIP_GRAD_VALUE = signature('clipGradValue_', { parameters: PARAMETERS, clipValue: BOUND })

/** The tensors that `parameters` are, gone through once. */
function listed(op: string, parameters: Tensor | Iterable<Tensor>): readonly Tensor[] {
  const list = parameters instanceof Tensor ? [parameters] : [...parameters]
  if (!TENSOR_LIST.accepts(list)) throw new ArgumentError(op, mismatch(TENSOR_LIST, 'parameters', list))
  return list
}

/** Halves as float32: norms are sums, and the factor that follows is too small for a half. */
const widened = (x: Tensor): Tensor => (isHalf(x.dtype) ? cast(x, 'float32') : x)

/** (Σ |x|ᵖ)^(1/p), 0-d. */
function vectorNorm(x: Tensor, p: number): Tensor {
  if (p === 2) return sqrt(sum(square(x)))
  const size = abs(x)
  if (p === Number.POSITIVE_INFINITY) return x.numel() === 0 ? sum(size) : amax(size)
  return p === 1 ? sum(size) : pow(sum(pow(size, p)), 1 / p)
}

/**
 * Scales all gradients together so that their norm is at most `maxNorm`. The norm is computed in float32 (float64 for float64) whatever the gradients are.
 * @returns the norm before, 0-d; a promise of it under `errorIfNonfinite`
 * @throws ArgumentError for a `maxNorm` below 0, a `normType` that is not above 0, or options of other names
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
 * @example clipGradNorm_(model.parameters(), 1, { normType: Infinity })
 */
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: ClipGradNormOptions & { readonly errorIfNonfinite?: false },
): Tensor
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options: ClipGradNormOptions & { readonly errorIfNonfinite: true },
): Promise<Tensor>
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: ClipGradNormOptions,
): Tensor | Promise<Tensor>
export function clipGradNorm_(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options?: ClipGradNormOptions,
): Tensor | Promise<Tensor> {
  const op = 'clipGradNorm_'
  CLIP_GRAD_NORM.check(parameters, maxNorm, options)
  const { normType = 2, errorIfNonfinite = false } = options ?? {}
  const list = listed(op, parameters)
  const withGrad = list.filter((p) => p.grad !== null)
  const grads = withGrad.map((p) => p.grad as Tensor)
  const norm = noGrad(() =>
    grads.length === 0 ? zeros([]) : vectorNorm(stack(grads.map((g) => vectorNorm(widened(g), normType))), normType),
  )
  const scale = (): Tensor =>
    noGrad(() => {
      // 1e-6 as in PyTorch: norms of 0 stay 0
      const factor = clamp(div(maxNorm, add(norm, 1e-6)), null, 1)
      withGrad.forEach((p, i) => {
        const g = grads[i] as Tensor
        p.grad = cast(mul(widened(g), factor), g.dtype)
      })
      return norm
    })
  if (!errorIfNonfinite) return scale()
  return norm.item().then((value) => {
    if (Number.isFinite(value)) return scale()
    throw new ArgumentError(op, `the norm of order ${normType} of the gradients is ${value}, so they cannot be scaled by it`)
  })
}

/**
 * Cuts every element of the gradients to ±`clipValue`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html
 */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  CLIP_GRAD_VALUE.check(parameters, clipValue)
  const list = listed('clipGradValue_', parameters)
  noGrad(() => {
    for (const p of list) if (p.grad) p.grad = clamp(p.grad, -clipValue, clipValue)
  })
}
