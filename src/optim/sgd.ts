/** @file Stochastic gradient descent. */
import { ArgumentError, atLeast, BOOLEAN, FINITE } from '../base/index.ts'
import { add, le, mul, sub, where } from '../ops/index.ts'
import { Tensor } from '../tensor/index.ts'
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

/** Options of {@link SGD}. */
export interface SGDOptions extends GroupOptions {
  /** How much of the direction stays from step to step, ≥ 0: 0 by default, none. */
  momentum: number
  /** How much of a gradient the momentum leaves out: 0 by default. */
  dampening: number
  /** Whether the step looks ahead along the momentum: false by default. */
  nesterov: boolean
}

const KINDS = optimizerKinds<SGDOptions>('SGD', { ...GROUP, momentum: atLeast(0), dampening: FINITE, nesterov: BOOLEAN }, [
  'momentum_buffer',
])

/**
 * b ← momentum · b + (1 − dampening) · g, then p ← p − lr · b, with g the gradient plus weightDecay · p. The first b is g. With `nesterov` the
 * step is g + momentum · b instead of b.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
 * @example new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: Params<SGDOptions>, options: Partial<Readonly<SGDOptions>> & MemoryOptions = {}) {
    KINDS.given.checkAs(new.target.name, params, options)
    const { lr = 1e-3, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false, maximize = false, ...memory } = options
    super(params, { lr, momentum, dampening, weightDecay, nesterov, maximize }, memory)
  }

  /** @internal */
  protected override get kinds(): OptimizerKinds<SGDOptions> {
    return KINDS
  }

  protected check({ momentum, dampening, nesterov }: SGDOptions): void {
    if (nesterov && (momentum === 0 || dampening !== 0))
      throw new ArgumentError('SGD', `nesterov needs a momentum and no dampening, got ${momentum} and ${dampening}`)
  }

  protected update(values: Tensor, gradients: Tensor, slots: Slots, step: StepCount, group: ParamGroup<SGDOptions>): Update {
    const { lr, momentum, dampening, nesterov, weightDecay } = group
    const g = weightDecay === 0 ? gradients : add(gradients, mul(values, weightDecay))
    if (momentum === 0) return { values: sub(values, mul(g, lr)), slots: {} }
    const before = slots.momentum_buffer
    const later = before === undefined ? g : add(mul(before, momentum), mul(g, 1 - dampening))
    // (a first step that was left out has put zeros there)
    const buffer = step instanceof Tensor && dampening !== 0 ? where(le(step, 1), g, later) : later
    const direction = nesterov ? add(g, mul(buffer, momentum)) : buffer
    // The first buffer is the gradients themselves, whose arena is given up before the buffer is.
    return { values: sub(values, mul(direction, lr)), slots: { momentum_buffer: buffer === gradients ? mul(g, 1) : buffer } }
  }
}
