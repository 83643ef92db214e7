/** @file Adam, and AdamW, which takes its weight decay apart from the gradient. */
import { atLeast, BOOLEAN, type Kind, listOf, within } from '../base/index.ts'
import { add, div, expm1, maximum, mul, neg, sqrt, square, sub, zerosLike } from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import type { Slots } from './arena.ts'
import {
  GROUP,
  type GroupOptions,
  type MemoryOptions,
  Optimizer,
  type OptimizerKinds,
  optimizerKinds,
  type ParamGroup,
  type Params,
  type Update,
} from './optimizer.ts'
import type { StepCount } from './step-count.ts'

/** Options of {@link Adam} and {@link AdamW}. */
export interface AdamOptions extends GroupOptions {
  /** How much of the means of the gradient and of its square stays in a step, each from 0 to below 1: [0.9, 0.999] by default. */
  betas: readonly [number, number]
  /** Added to the root of the second mean, ≥ 0: 1e-8 by default. */
  eps: number
  /** Divide by the largest second mean so far: false by default. */
  amsgrad: boolean
}

const BETAS = listOf(within(0, 1, 'open'))
const TWO_BETAS: Kind = {
  fits: 'two numbers from 0 to below 1',
  accepts: (x) => BETAS.accepts(x) && (x as readonly number[]).length === 2,
  problem: (role, x) => (Array.isArray(x) && x.length === 2 ? BETAS.problem?.(role, x) : undefined),
}
const kindsOf = (name: string): OptimizerKinds<AdamOptions> =>
  optimizerKinds<AdamOptions>(name, { ...GROUP, betas: TWO_BETAS, eps: atLeast(0), amsgrad: BOOLEAN }, [
    'exp_avg',
    'exp_avg_sq',
    'max_exp_avg_sq',
  ])
const ADAM = kindsOf('Adam')
const ADAM_W = kindsOf('AdamW')

/** What {@link shareOfSteps} gave for a count of a step: all parameters with that count have it in common. */
const shares = new WeakMap<Tensor, Map<number, Tensor>>()

/** 1 − βᵗ: how much of a mean that began at 0 comes from its t steps. */
function shareOfSteps(beta: number, step: StepCount): number | Tensor {
  if (typeof step === 'number') return 1 - beta ** step
  const byBeta = shares.get(step) ?? new Map<number, Tensor>()
  shares.set(step, byBeta)
  const share = byBeta.get(beta) ?? neg(expm1(mul(step, Math.log(beta))))
  byBeta.set(beta, share)
  return share
}

/** What both have in common: the step of the means. PyTorch's order of operations. */
abstract class Adams extends Optimizer<AdamOptions> {
  constructor(params: Params<AdamOptions>, options: Partial<Readonly<AdamOptions>> & MemoryOptions, weightDecayByDefault: number) {
    const {
      lr = 1e-3,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = weightDecayByDefault,
      amsgrad = false,
      maximize = false,
      ...memory
    } = options
    super(params, { lr, betas, eps, weightDecay, amsgrad, maximize }, memory)
  }

  // No option depends on another
  protected check(): void {}

  /** Values and gradients after weight decay. */
  protected abstract decay(values: Tensor, gradients: Tensor, group: ParamGroup<AdamOptions>): readonly [Tensor, Tensor]

  protected update(before: Tensor, gradients: Tensor, slots: Slots, step: StepCount, group: ParamGroup<AdamOptions>): Update {
    const { lr, eps, amsgrad } = group
    const [beta1, beta2] = group.betas
    const [values, g] = this.decay(before, gradients, group)
    const mean = add(mul(slots.exp_avg ?? zerosLike(values), beta1), mul(g, 1 - beta1))
    const meanSquare = add(mul(slots.exp_avg_sq ?? zerosLike(values), beta2), mul(square(g), 1 - beta2))
    const largest = amsgrad ? maximum(slots.max_exp_avg_sq ?? zerosLike(values), meanSquare) : meanSquare
    // both means began at 0: they are corrected for it
    const [share1, share2] = [shareOfSteps(beta1, step), shareOfSteps(beta2, step)]
    const scale = add(div(sqrt(largest), typeof share2 === 'number' ? Math.sqrt(share2) : sqrt(share2)), eps)
    const ratio = div(mean, scale)
    return {
      values: sub(values, typeof share1 === 'number' ? mul(ratio, lr / share1) : div(mul(ratio, lr), share1)),
      slots: { exp_avg: mean, exp_avg_sq: meanSquare, ...(amsgrad ? { max_exp_avg_sq: largest } : {}) },
    }
  }
}

/**
 * m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², p ← p − lr · m̂ / (√v̂ + eps), where m̂ and v̂ are m and v over 1 − βᵗ. Weight decay is added to g.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
 * @see D. P. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, arXiv:1412.6980
 */
export class Adam extends Adams {
  constructor(params: Params<AdamOptions>, options: Partial<Readonly<AdamOptions>> & MemoryOptions = {}) {
    ADAM.given.checkAs(new.target.name, params, options)
    super(params, options, 0)
  }

  /** @internal */
  protected override get kinds(): OptimizerKinds<AdamOptions> {
    return ADAM
  }

  protected decay(values: Tensor, gradients: Tensor, { weightDecay }: ParamGroup<AdamOptions>): readonly [Tensor, Tensor] {
    return [values, weightDecay === 0 ? gradients : add(gradients, mul(values, weightDecay))]
  }
}

/**
 * As {@link Adam}, but weight decay shrinks the parameters themselves: p ← (1 − lr · weightDecay) p before the step. It is 0.01 by default.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html
 * @see I. Loshchilov and F. Hutter, Decoupled Weight Decay Regularization, arXiv:1711.05101
 */
export class AdamW extends Adams {
  constructor(params: Params<AdamOptions>, options: Partial<Readonly<AdamOptions>> & MemoryOptions = {}) {
    ADAM_W.given.checkAs(new.target.name, params, options)
    super(params, options, 0.01)
  }

  /** @internal */
  protected override get kinds(): OptimizerKinds<AdamOptions> {
    return ADAM_W
  }

  protected decay(values: Tensor, gradients: Tensor, { lr, weightDecay }: ParamGroup<AdamOptions>): readonly [Tensor, Tensor] {
    return [weightDecay === 0 ? values : mul(values, 1 - lr * weightDecay), gradients]
  }
}
