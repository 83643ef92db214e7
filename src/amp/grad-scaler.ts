/**
 * @file `amp.GradScaler`: losses are scaled so that small gradients do not vanish in a half, and a step whose gradients have overflowed is left out. The scale,
 * how long it has gone well, and whether something overflowed live on the device, and optimizers choose there between old and new: nothing is read.
 * @see https://pytorch.org/docs/stable/amp.html#gradient-scaling
 * @see P. Micikevicius et al., Mixed Precision Training, arXiv:1710.03740
 */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  instanceOf,
  isPlainObject,
  type Kind,
  listOf,
  mismatch,
  oneOf,
  optional,
  signature,
  whole,
} from '../base/index.ts'
import { add, cast, eq, gt, isfinite, logicalAnd, maximum, mul, reciprocal, reshape, tensor, to, where } from '../ops/index.ts'
import { Optimizer } from '../optim/index.ts'
import {
  alias,
  computeLater,
  knownValues,
  partOf,
  pinTensor,
  recordedAs,
  reinstate,
  retire,
  TENSOR,
  Tensor,
  withoutAutocast,
} from '../tensor/index.ts'

/** How the scale begins and moves. */
export interface GradScalerOptions {
  /** The first scale, > 0: 65,536 by default. */
  readonly initScale?: number
  /** What the scale is multiplied by after `growthInterval` steps in a row without an overflow, > 1: 2 by default. */
  readonly growthFactor?: number
  /** What it is multiplied by after a step with one, between 0 and 1: 0.5 by default. */
  readonly backoffFactor?: number
  /** A whole number ≥ 1: 2,000 by default. */
  readonly growthInterval?: number
  /** Without, nothing is scaled and every step is taken: true by default. */
  readonly enabled?: boolean
}

/**
 * What `stateDict()` gives, by PyTorch's names: `scale`, `growth_factor`, `backoff_factor`, `growth_interval` and `_growth_tracker`, of which scale and tracker may be 0-d
 * tensors; empty of a scaler that is not enabled.
 */
export type GradScalerState = Readonly<Record<string, number | Tensor>>

/** A number that float32 holds, with a test. */
const held = (fits: string, test: (x: number) => boolean): Kind => ({
  fits: `${fits}, within float32`,
  accepts: (x) => typeof x === 'number' && Number.isFinite(Math.fround(x)) && test(Math.fround(x)),
})
const SCALE = held('a number > 0', (x) => x > 0)
const GROWTH = held('a number > 1', (x) => x > 1)
const BACKOFF = held('a number between 0 and 1', (x) => x > 0 && x < 1)
const INTERVAL = whole(1)
const SCALER = signature('GradScaler', {
  options: optional(
    describe<GradScalerOptions>({
      initScale: SCALE,
      growthFactor: GROWTH,
      backoffFactor: BACKOFF,
      growthInterval: INTERVAL,
      enabled: BOOLEAN,
    }),
  ),
})
const OPTIMIZER: Kind = instanceOf(Optimizer, 'an optimizer')
const SCALED = signature('GradScaler.scale', { outputs: oneOf(TENSOR, listOf(TENSOR)) })
const UNSCALE = signature('GradScaler.unscale_', { optimizer: OPTIMIZER })
const STEP = signature('GradScaler.step', { optimizer: OPTIMIZER })
const UPDATE = signature('GradScaler.update', { newScale: optional(oneOf(SCALE, TENSOR)) })
const SET_GROWTH = signature('GradScaler.setGrowthFactor', { factor: GROWTH })
const SET_BACKOFF = signature('GradScaler.setBackoffFactor', { factor: BACKOFF })
const SET_INTERVAL = signature('GradScaler.setGrowthInterval', { interval: INTERVAL })
const LOAD = signature('GradScaler.loadStateDict', { state: { fits: 'what stateDict() gave', accepts: isPlainObject } })

/** Where an optimizer is between two updates of the scale, and what was found of its gradients: 1 or 0 for each arena. */
interface Progress {
  readonly stage: 'unscaled' | 'stepped'
  readonly found: readonly Tensor[]
}

/** The scale (float32) and the number of steps since it last changed (int32), 0-d. */
interface Present {
  readonly scale: Tensor
  readonly tracker: Tensor
}
const PRESENT = ['scale', 'tracker'] as const

/**
 * Scales losses, so that gradients in float16 neither vanish nor stay infinite. In each step: `scaler.scale(loss).backward()`, `scaler.step(optimizer)`, which
 * brings gradients back to their size and leaves the step out where one of them is not finite, and `scaler.update()`, which halves the scale after such a step
 * and doubles it after 2,000 others.
 * @see https://pytorch.org/docs/stable/amp.html#torch.cuda.amp.GradScaler
 * @example
 * const scaler = new amp.GradScaler()
 * optimizer.zeroGrad()
 * const loss = amp.autocast(() => F.crossEntropy(model.forward(x), y))
 * scaler.scale(loss).backward()
 * scaler.step(optimizer)
 * scaler.update()
 */
export class GradScaler {
  readonly #enabled: boolean
  #growthFactor: number
  #backoffFactor: number
  #growthInterval: number
  /** What the scale and the count begin with, until a loss shows where they belong. */
  #initial: { readonly scale: number | Tensor; readonly tracker: number | Tensor }
  #present: Present | undefined
  readonly #progress = new Map<Optimizer, Progress>()

  constructor(options: GradScalerOptions = {}) {
    SCALER.check(options)
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000, enabled = true } = options
    this.#enabled = enabled
    this.#growthFactor = growthFactor
    this.#backoffFactor = backoffFactor
    this.#growthInterval = growthInterval
    this.#initial = { scale: initScale, tracker: 0 }
  }

  /** Whether losses are scaled at all. */
  isEnabled(): boolean {
    return this.#enabled
  }

  /** A loss, or several, times the scale. */
  scale(outputs: Tensor): Tensor
  scale<T extends Tensor | readonly Tensor[]>(outputs: T): T extends Tensor ? Tensor : Tensor[]
  scale(outputs: Tensor | readonly Tensor[]): Tensor | Tensor[] {
    SCALED.check(outputs)
    if (!this.#enabled) return outputs instanceof Tensor ? outputs : [...outputs]
    const one = (x: Tensor): Tensor => recordedScale(x, on(this.#placed(x).scale, x))
    return outputs instanceof Tensor ? one(outputs) : outputs.map(one)
  }

  /**
   * Brings the gradients of an optimizer's parameters back to their size, for who looks at them before the step, as `clipGradNorm_` does. Called by `step`
   * where it was not called before. At most once for each optimizer in each step, when all its gradients are there.
   * @throws ArgumentError the second time, after `step`, before any `scale`, and for float16 gradients, which have lost what scaling was to save
   */
  unscale_(optimizer: Optimizer): void {
    UNSCALE.check(optimizer)
    if (this.#enabled) this.#unscale('GradScaler.unscale_', optimizer)
  }

  #unscale(op: string, optimizer: Optimizer): Progress {
    const { scale } = this.#started(op)
    const known = this.#progress.get(optimizer)
    if (known?.stage === 'unscaled')
      throw new ArgumentError(op, 'the gradients of this optimizer have been unscaled since the last update()')
    if (known?.stage === 'stepped')
      throw new ArgumentError(op, 'this optimizer has made its step. unscale_ comes before step, update() after it')
    for (const { params } of optimizer.paramGroups) {
      for (const { grad } of params) {
        if (grad?.dtype === 'float16')
          throw new ArgumentError(
            op,
            'a gradient is float16, which cannot be unscaled. Keep parameters in float32, and let autocast lower them',
          )
      }
    }
    const inverse = new Map<string, Tensor>()
    const found = optimizer._unscale(op, (x) => {
      const { device } = x
      const there = inverse.get(device) ?? reciprocal(on(scale, x))
      inverse.set(device, there)
      return computeLater(there)
    })
    // (a sink of the step where nothing else reads it: clipping and update come later)
    for (const each of found) pinTensor(each)
    const progress: Progress = { stage: 'unscaled', found }
    this.#progress.set(optimizer, progress)
    return progress
  }

  /**
   * A step of the optimizer, with gradients brought back to their size; it is left out where one of them was infinite or NaN: then parameters, what the optimizer
   * remembers and its count of steps stay as they are, to the bit. The device decides, so nothing is waited for.
   * @throws ArgumentError the second time without an `update` between, and where no parameter has a gradient
   */
  step(optimizer: Optimizer): void {
    STEP.check(optimizer)
    if (!this.#enabled) {
      optimizer.step()
      return
    }
    const op = 'GradScaler.step'
    const before = this.#started(op)
    const known = this.#progress.get(optimizer)
    if (known?.stage === 'stepped') throw new ArgumentError(op, 'this optimizer has made its step since the last update()')
    const { found } = known ?? this.#unscale(op, optimizer)
    const any = quietly(op, () => combined(found))
    if (any === undefined) throw new ArgumentError(op, 'no parameter of this optimizer has a gradient')
    optimizer._stepUnless(any, () => {
      this.#progress.delete(optimizer)
      this.#restore(before)
    })
    this.#progress.set(optimizer, { stage: 'stepped', found: [pinTensor(any)] })
  }

  /**
   * Moves the scale: down where a gradient of any optimizer overflowed, up after enough steps without (while what it grows to is finite). Or sets it.
   * @throws ArgumentError where nothing was unscaled or stepped since the last time
   */
  update(newScale?: number | Tensor): void {
    UPDATE.check(newScale)
    if (!this.#enabled) return
    const op = 'GradScaler.update'
    const before = this.#started(op)
    const found = [...this.#progress.values()].flatMap((progress) => progress.found)
    const next = quietly(op, () => {
      if (newScale !== undefined) return { scale: scalar(op, 'newScale', newScale, 'float32', before.scale), tracker: before.tracker }
      const any = combined(found.map((each) => on(each, before.scale)))
      if (any === undefined) throw new ArgumentError(op, 'no optimizer has been unscaled or stepped since the last update()')
      return this.#moved(before, gt(any, 0))
    })
    for (const each of found) retire(each)
    this.#progress.clear()
    this.#replace(next)
  }

  /** The scale and the count after a step, in which something overflowed or not. */
  #moved({ scale, tracker }: Present, overflowed: Tensor): Present {
    const steps = add(tracker, 1)
    const due = eq(steps, this.#growthInterval)
    const grown = mul(scale, this.#growthFactor)
    const up = where(logicalAnd(due, isfinite(grown)), grown, scale)
    return {
      scale: where(overflowed, mul(scale, this.#backoffFactor), up),
      tracker: where(overflowed, 0, where(due, 0, steps)),
    }
  }

  #replace(next: Present): void {
    const before = this.#present
    this.#present = { scale: pinTensor(next.scale), tracker: pinTensor(next.tracker) }
    if (before === undefined) return
    for (const name of PRESENT) if (before[name] !== next[name]) retire(before[name])
  }

  /** Takes back an update that followed a step which could not be computed. */
  #restore(before: Present): void {
    for (const name of PRESENT) reinstate(before[name], this.#present?.[name])
    this.#present = before
  }

  /** The scale and the count, placed where the first loss is. */
  #placed(x: Tensor): Present {
    if (this.#present) return this.#present
    const { scale, tracker } = this.#initial
    const op = 'GradScaler'
    const present = quietly(op, () => ({
      scale: scalar(op, 'scale', scale, 'float32', x),
      tracker: scalar(op, '_growth_tracker', tracker, 'int32', x),
    }))
    this.#present = present
    return present
  }

  #started(op: string): Present {
    if (this.#present) return this.#present
    throw new ArgumentError(op, 'there is no scale yet. Call scaler.scale(loss).backward() first')
  }

  /** The scale; 1 where the scaler is not enabled. */
  async getScale(): Promise<number> {
    if (!this.#enabled) return 1
    const scale = this.#present?.scale ?? this.#initial.scale
    return typeof scale === 'number' ? scale : scale.item()
  }

  /** What the scale grows by. */
  getGrowthFactor(): number {
    return this.#growthFactor
  }
  /** Sets what the scale grows by, > 1. */
  setGrowthFactor(factor: number): void {
    SET_GROWTH.check(factor)
    this.#growthFactor = factor
  }
  /** What it shrinks by. */
  getBackoffFactor(): number {
    return this.#backoffFactor
  }
  /** Sets what it shrinks by, between 0 and 1. */
  setBackoffFactor(factor: number): void {
    SET_BACKOFF.check(factor)
    this.#backoffFactor = factor
  }
  /** After how many steps in a row without an overflow it grows. */
  getGrowthInterval(): number {
    return this.#growthInterval
  }
  /** Sets after how many it grows, ≥ 1. */
  setGrowthInterval(interval: number): void {
    SET_INTERVAL.check(interval)
    this.#growthInterval = interval
  }

  /** What a continued training needs, by PyTorch's names: its values now, for `saveState`. Empty where the scaler is not enabled. */
  stateDict(): GradScalerState {
    if (!this.#enabled) return {}
    const value = (x: number | Tensor): number | Tensor => (x instanceof Tensor ? alias(x) : x)
    const { scale, tracker } = this.#present ?? this.#initial
    return {
      scale: value(scale),
      growth_factor: this.#growthFactor,
      backoff_factor: this.#backoffFactor,
      growth_interval: this.#growthInterval,
      _growth_tracker: value(tracker),
    }
  }

  /**
   * Continues from a `stateDict()`. A scaler that is not enabled takes nothing.
   * @throws ArgumentError for the empty state of a scaler that was not enabled, and for values that do not fit
   */
  loadStateDict(state: GradScalerState): void {
    LOAD.check(state)
    if (!this.#enabled) return
    const op = 'GradScaler.loadStateDict'
    if (Object.keys(state).length === 0)
      throw new ArgumentError(op, 'the state is empty: perhaps it was saved from a scaler that was not enabled')
    const kinds = {
      scale: oneOf(SCALE, TENSOR),
      growth_factor: GROWTH,
      backoff_factor: BACKOFF,
      growth_interval: INTERVAL,
      _growth_tracker: oneOf(whole(0), TENSOR),
    } as const
    for (const [name, kind] of Object.entries(kinds)) {
      const value = state[name as keyof typeof kinds]
      if (!kind.accepts(value)) throw new ArgumentError(op, mismatch(kind, name, value))
    }
    const { scale, growth_factor, backoff_factor, growth_interval, _growth_tracker } = state as Readonly<Record<keyof typeof kinds, number>> // (or tensors)
    const given = { scale: hosted(op, 'scale', scale), tracker: hosted(op, '_growth_tracker', _growth_tracker) }
    this.#growthFactor = growth_factor
    this.#backoffFactor = backoff_factor
    this.#growthInterval = growth_interval
    for (const each of this.#present ? [this.#present.scale, this.#present.tracker] : []) retire(each)
    this.#present = undefined
    this.#initial = given
  }

  /** The scaler, its numbers, and not the scale, which is on the device. */
  toString(): string {
    const { scale } = this.#initial
    const numbers = {
      initScale: typeof scale === 'number' ? scale : 'loaded',
      growthFactor: this.#growthFactor,
      backoffFactor: this.#backoffFactor,
    }
    const texts = Object.entries({ ...numbers, growthInterval: this.#growthInterval, enabled: this.#enabled })
    return `GradScaler(${texts.map(([name, value]) => `${name}=${value}`).join(', ')})`
  }
}

/** Runs arithmetic of the scaler in its name, off the tape. */
const quietly = <T>(op: string, work: () => T): T => withoutAutocast(false, () => recordedAs(op, work))

/** `x` on the device of `other`. */
const on = (x: Tensor, other: Tensor): Tensor =>
  other.device === 'auto' || x.device === other.device ? x : to(x, { device: other.device })

/** A loss times the scale. Only its gradient is wanted: the value is computed where somebody reads it. */
const recordedScale = (x: Tensor, scale: Tensor): Tensor => computeLater(partOf('GradScaler.scale', mul, [x, scale]))

/** Whether something was found: the largest of some 0-d tensors, on the device of the first; undefined of none. */
function combined(found: readonly Tensor[]): Tensor | undefined {
  const [first, ...rest] = found
  return first && rest.reduce((any, each) => maximum(any, on(each, first)), first)
}

/** A number where the host has it. */
function hosted(op: string, role: string, x: number | Tensor): number | Tensor {
  if (typeof x === 'number') return x
  if (x.numel() !== 1) throw new ArgumentError(op, `${role} must be a number, or a tensor of one element, got [${x.shape.join(', ')}]`)
  const known = knownValues(x)?.[0]
  return known === undefined ? alias(x) : Number(known)
}

/** A number as a 0-d tensor on the device of `beside`. */
function scalar(op: string, role: string, x: number | Tensor, dtype: 'float32' | 'int32', beside: Tensor): Tensor {
  const value = hosted(op, role, x)
  if (value instanceof Tensor) return cast(reshape(on(value, beside), []), dtype)
  return tensor(value, { dtype, ...(beside.device === 'auto' ? {} : { device: beside.device }) })
}
