/** @file Compiled kernels of one device: programs share them, and so do the layers of a model. */
import { LruMap } from '../base/index.ts'
import { callKey, type Kernel, kernelKey, type RoutineCall } from '../kernel/index.ts'
import type { RoutinePlan } from './routine-plan.ts'

const MOST = 384

/** @typeParam K a kernel as the device has it */
export class KernelCache<K> {
  readonly #kernels = new LruMap<string, K>(MOST)
  readonly #routines = new LruMap<string, RoutinePlan<K>>(MOST)
  // What is compiled again is most often the same object: a part of a graph that comes again
  readonly #ofKernel = new WeakMap<Kernel, { readonly lengths: readonly number[]; readonly compiled: K }>()
  readonly #ofCall = new WeakMap<RoutineCall, RoutinePlan<K>>()

  /** @param lengths elements of each of the kernel's buffers */
  kernel(kernel: Kernel, lengths: readonly number[], make: () => K): K {
    const same = this.#ofKernel.get(kernel)
    if (same && isEqual(same.lengths, lengths)) return same.compiled
    const key = `${lengths.join()}|${kernelKey(kernel)}`
    let compiled = this.#kernels.get(key)
    if (compiled === undefined) {
      compiled = make()
      this.#kernels.set(key, compiled)
    }
    this.#ofKernel.set(kernel, { lengths, compiled })
    return compiled
  }

  routine(call: RoutineCall, make: () => RoutinePlan<K>): RoutinePlan<K> {
    const same = this.#ofCall.get(call)
    if (same) return same
    const key = callKey(call)
    let plan = this.#routines.get(key)
    if (!plan) {
      plan = make()
      this.#routines.set(key, plan)
    }
    this.#ofCall.set(call, plan)
    return plan
  }
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
