/** @file How many steps an optimizer has taken: a number, or, where the device has decided whether one was taken, a tensor. */
import type { DType } from '../base/index.ts'
import { add, cast, number, where } from '../ops/index.ts'
import { Tensor } from '../tensor/index.ts'

/** How many steps were taken: a number, or, under a `GradScaler`, which leaves steps out on the device, a 0-d tensor. */
export type StepCount = number | Tensor

export const tensorOf = (count: StepCount): Tensor | undefined => (count instanceof Tensor ? count : undefined)

/** The counts after a step, on one device: parameters that have taken equally many steps go on with one count, which is computed once. */
export class NextCounts {
  /** 0-d bool: the step is left out. Undefined where it is not. */
  readonly #skipped: Tensor | undefined
  readonly #next = new Map<number | Tensor['_node'], StepCount>()
  readonly #converted = new Map<StepCount, Map<DType, Tensor>>()

  constructor(skipped: Tensor | undefined) {
    this.#skipped = skipped
  }

  /** The count after that of `step`. */
  after(step: StepCount): StepCount {
    const key = step instanceof Tensor ? step._node : step
    const known = this.#next.get(key)
    if (known !== undefined) return known
    const next = this.#after(step)
    this.#next.set(key, next)
    return next
  }

  #after(step: StepCount): StepCount {
    if (this.#skipped === undefined) return step instanceof Tensor ? add(step, 1) : step + 1
    const before = step instanceof Tensor ? step : number(step, 'int32')
    return where(this.#skipped, before, add(before, 1))
  }

  /** A count as formulas take it: a tensor in the dtype that they compute in. */
  in(dtype: DType, count: StepCount): StepCount {
    if (!(count instanceof Tensor)) return count
    const byDtype = this.#converted.get(count) ?? new Map<DType, Tensor>()
    this.#converted.set(count, byDtype)
    const known = byDtype.get(dtype) ?? cast(count, dtype)
    byDtype.set(dtype, known)
    return known
  }
}
