/** @file Stochastic gradient descent. */
import { ArgumentError, checkOptions } from '../base/index.ts'
import { add, mul, sub } from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import type { Slots } from './arena.ts'
import { atLeastZero, type GroupOptions, type MemoryOptions, Optimizer, type ParamGroup, type Params, type Update } from './optimizer.ts'

export interface SGDOptions extends GroupOptions {
  momentum: number
  /** How much of a gradient the momentum leaves out. */
  dampening: number
  nesterov: boolean
}

const SGD_OPTIONS = ['lr', 'momentum', 'dampening', 'weightDecay', 'nesterov', 'maximize', 'keepPrevious']

/**
 * b ← momentum · b + (1 − dampening) · g, then p ← p − lr · b, with g the gradient plus weightDecay · p. The first b is g. With `nesterov` the
 * step is g + momentum · b instead of b.
 * @see https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
 * @example new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 })
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: Params<SGDOptions>, options: Partial<Readonly<SGDOptions>> & MemoryOptions = {}) {
    checkOptions(new.target.name, options, SGD_OPTIONS)
    const { lr = 1e-3, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false, maximize = false, ...memory } = options
    super(params, { lr, momentum, dampening, weightDecay, nesterov, maximize }, memory)
  }

  protected check({ momentum, dampening, nesterov }: SGDOptions): void {
    atLeastZero('SGD', 'momentum', momentum)
    if (nesterov && (momentum === 0 || dampening !== 0))
      throw new ArgumentError('SGD', `nesterov needs a momentum and no dampening, got ${momentum} and ${dampening}`)
  }

  protected update(values: Tensor, gradients: Tensor, slots: Slots, _step: number, group: ParamGroup<SGDOptions>): Update {
    const { lr, momentum, dampening, nesterov, weightDecay } = group
    const g = weightDecay === 0 ? gradients : add(gradients, mul(values, weightDecay))
    if (momentum === 0) return { values: sub(values, mul(g, lr)), slots: {} }
    const before = slots.momentum_buffer
    const buffer = before === undefined ? g : add(mul(before, momentum), mul(g, 1 - dampening))
    const direction = nesterov ? add(g, mul(buffer, momentum)) : buffer
    // The first buffer is the gradients themselves, whose arena is given up before the buffer is.
    return { values: sub(values, mul(direction, lr)), slots: { momentum_buffer: buffer === gradients ? mul(g, 1) : buffer } }
  }
}
