/** @file What becomes of the results of runs that cannot be computed, whole or in part: they stay without values, and have the error instead. */
import { CompilationError } from '../../base/index.ts'
import type { BufferPool } from './buffer-pool.ts'
import { type DeviceErrors, fromGpu } from './device-errors.ts'
import { RunOutcome } from './error-propagation.ts'
import type { Failures } from './executable.ts'
import type { GpuBuffer, RunJob } from './jobs.ts'
import type { GpuHostCopy } from './readback.ts'

/** What the run's results wait for: its own index flag, and those of runs that it uses. */
export function outcomeOf({ executable, inputs }: RunJob, doubtful: boolean): RunOutcome | undefined {
  const open = new Set<RunOutcome>()
  for (const input of inputs) if ('buffer' in input && input.buffer.outcome?.isOpen) open.add(input.buffer.outcome)
  if (!executable.checks && !doubtful && open.size === 0) return undefined
  const outcome = new RunOutcome((executable.checks ? 1 : 0) + (doubtful ? 1 : 0))
  for (const other of open) outcome.follow(other)
  return outcome
}

/** Why none of a run's results can be computed, where that is so. */
export function failureOfAll({ executable }: RunJob, { slots }: Failures): Error | undefined {
  if (slots.size === 0 || executable.outputs.some((slot) => !slots.has(slot))) return undefined
  return slots.values().next().value
}

export class RunFailures {
  readonly #pool: BufferPool
  readonly #errors: DeviceErrors

  constructor(pool: BufferPool, errors: DeviceErrors) {
    this.#pool = pool
    this.#errors = errors
  }

  /** The outputs of a run that cannot be: they stay without values, and say why. */
  abandon({ inputs, outputs, copies, evacuate, executable }: RunJob, error: Error): void {
    if (error instanceof CompilationError) this.#errors.addOwned(error, [...outputs.filter((o) => !evacuate.includes(o)), ...copies])
    else this.#errors.add(error)
    for (const output of outputs) output.failed = error
    for (const copy of copies) copy.fail(error)
    for (const input of inputs) if ('uploaded' in input) this.#pool.give(input.uploaded)
    // an operand to be overwritten is given up all the same: its values are neither old nor new
    for (const slot of executable.program.slots) {
      const input = slot.donor === undefined ? undefined : inputs[executable.inputs.indexOf(slot.donor)]
      if (input && 'buffer' in input) input.buffer.free(this.#pool)
    }
  }

  /** The results of a run that kernels would have written which cannot be run: they say why, and no other result does. */
  failPart({ executable, inputs, outputs, evacuate, copies }: RunJob, { slots }: Failures): void {
    const results = new Map<Error, (GpuBuffer | GpuHostCopy)[]>()
    executable.outputs.forEach((slot, i) => {
      const error = slots.get(slot)
      if (!error) return
      const donor = executable.program.slots[slot]?.donor
      const given = donor === undefined ? undefined : inputs[executable.inputs.indexOf(donor)]
      if (given && 'buffer' in given) given.buffer.free(this.#pool)
      const output = outputs[i] as GpuBuffer
      const copy = copies[evacuate.indexOf(output)]
      output.failed = error
      copy?.fail(error)
      results.set(error, [...(results.get(error) ?? []), copy ?? output])
    })
    for (const [error, owners] of results) this.#errors.addOwned(error, owners)
  }

  /** Watches a run that may prove invalid (its first, or one with new buffers). @param scopes what was found in each slice of it */
  watch(
    { executable, outputs, copies, op }: RunJob,
    scopes: readonly Promise<GPUError | null>[],
    proof: Promise<boolean> | undefined,
  ): void {
    const check = Promise.all(scopes).then(async (errors) => {
      const found = errors.find((error) => error)
      if ((await proof) === false) return // no memory, which has been said
      if (!found) {
        executable.proven = true
        return
      }
      await executable.whenReady()
      const { broken } = executable // (it was not known yet when the run had to begin)
      const error = broken ?? fromGpu(found, op)
      if (broken) this.#errors.addOwned(error, [...outputs, ...copies])
      else this.#errors.add(error)
      for (const output of outputs) output.failed = error
      for (const copy of copies) copy.fail(error)
    })
    this.#errors.watch(check)
  }
}
