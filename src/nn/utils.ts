/** @file `nn.utils`: what is done to parameters between backward and step. */
import { ArgumentError } from '../base/index.ts'
import { add, clamp, div, mul, sqrt, square, stack, sum, zeros } from '../ops/index.ts'
import { noGrad, Tensor } from '../tensor/index.ts'

/**
 * Scales all gradients together so that their norm is at most `maxNorm`.
 * @returns their norm before, 0-d
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
 */
export function clipGradNorm_(parameters: Tensor | Iterable<Tensor>, maxNorm: number): Tensor {
  if (!(maxNorm >= 0)) throw new ArgumentError('clipGradNorm_', `maxNorm must be a number ≥ 0, got ${String(maxNorm)}`)
  const list = parameters instanceof Tensor ? [parameters] : [...parameters]
  const withGrad = list.filter((p) => p.grad !== null)
  return noGrad(() => {
    const grads = withGrad.map((p) => p.grad as Tensor)
    if (grads.length === 0) return zeros([])
    const norm = sqrt(sum(stack(grads.map((g) => sum(square(g))))))
    // 1e-6 as in PyTorch: norms of 0 stay 0
    const factor = clamp(div(maxNorm, add(norm, 1e-6)), null, 1)
    withGrad.forEach((p, i) => {
      p.grad = mul(grads[i] as Tensor, factor)
    })
    return norm
  })
}

/**
 * Cuts every element of the gradients to ±`clipValue`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html
 */
export function clipGradValue_(parameters: Tensor | Iterable<Tensor>, clipValue: number): void {
  if (!(clipValue >= 0)) throw new ArgumentError('clipGradValue_', `clipValue must be a number ≥ 0, got ${String(clipValue)}`)
  const list = parameters instanceof Tensor ? [parameters] : parameters
  noGrad(() => {
    for (const p of list) if (p.grad) p.grad = clamp(p.grad, -clipValue, clipValue)
  })
}
