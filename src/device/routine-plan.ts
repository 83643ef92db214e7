/** @file What a routine is to a device that computes it: kernels of that device, over the routine's buffers and scratch memory of its own. */
import type { DType } from '../base/index.ts'
import type { RoutineCall } from '../kernel/index.ts'
import {
  type KernelStep,
  type MakerOf,
  type Piece,
  type Program,
  type ProgramStep,
  type RoutineStep,
  type Slot,
  writtenBy,
} from './device.ts'

/** How a device computes a routine: kernels that run one after the other. */
export interface RoutinePlan<K> {
  /** Memory that it needs while it runs. */
  readonly scratch: readonly Pick<Slot, 'dtype' | 'length'>[]
  readonly dispatches: readonly {
    readonly kernel: K
    /** For each buffer of the kernel: a position among inputs, outputs that are wanted, and scratch memory, in this order. */
    readonly buffers: readonly number[]
  }[]
}

/** Writes a plan, kernel by kernel. */
export class PlanWriter<K> {
  /** The buffers of the inputs, and of the outputs: undefined where one is not wanted. */
  readonly inputs: readonly number[]
  readonly outputs: readonly (number | undefined)[]
  readonly #first: number
  readonly #scratch: { readonly dtype: DType; readonly length: number }[] = []
  readonly #dispatches: { readonly kernel: K; readonly buffers: readonly number[] }[] = []

  constructor({ inputs, outputs }: RoutineCall) {
    this.inputs = inputs.map((_, i) => i)
    let next = inputs.length
    this.outputs = outputs.map((output) => (output ? next++ : undefined))
    this.#first = next
  }

  /** A buffer of scratch memory. */
  scratch(dtype: DType, length: number): number {
    return this.#first + this.#scratch.push({ dtype, length }) - 1
  }

  /** A kernel that runs when those before it are done. */
  run(kernel: K, buffers: readonly number[]): void {
    this.#dispatches.push({ kernel, buffers })
  }

  plan(): RoutinePlan<K> {
    return { scratch: this.#scratch, dispatches: this.#dispatches }
  }
}

/** A kernel, the slots that its buffers are bound to, and which of the program's numbers it reads. */
export interface Dispatch<K> {
  readonly kernel: K
  readonly slots: readonly number[]
  /** For each of them, what of it is bound, where that is not all; undefined where all of all of them is. */
  readonly pieces: readonly (Piece | undefined)[] | undefined
  readonly scalars: readonly number[]
}

/** A program in the kernels of a device. */
export interface PlacedProgram<K> {
  /** As it was given, and with slots for the scratch memory of routines behind its own. */
  readonly program: Program
  /** What each step comes to. */
  readonly dispatches: readonly (readonly Dispatch<K>[])[]
  /** Whom errors name that concern any of the slots, by whom they name where one concerns a slot of the program as it was given. */
  readonly makerIn: (makerOf: MakerOf) => MakerOf
}

export function placeProgram<K>(
  program: Program,
  kernelOf: (step: KernelStep) => K,
  planOf: (step: RoutineStep) => RoutinePlan<K>,
): PlacedProgram<K> {
  const own = program.slots.length
  /** Scratch memory of routines, and for each piece of it a slot of the program as it was given that is made along with it. */
  const scratchSlots: Slot[] = []
  const along: number[] = []
  const place = (step: ProgramStep): Dispatch<K>[] => {
    switch (step.kind) {
      case 'kernel':
        return [{ kernel: kernelOf(step), slots: step.slots, pieces: undefined, scalars: step.scalars }]
      case 'routine': {
        const plan = planOf(step)
        const scratch = plan.scratch.map(({ dtype, length }) => {
          along.push(writtenBy(step))
          return own + scratchSlots.push({ kind: 'scratch', dtype, length }) - 1
        })
        const all = [...step.slots, ...scratch]
        return plan.dispatches.map(({ kernel, buffers }) => {
          const pieces = buffers.map((b) => step.pieces[b])
          return {
            kernel,
            slots: buffers.map((b) => all[b] as number),
            pieces: pieces.some((piece) => piece) ? pieces : undefined,
            scalars: [],
          }
        })
      }
    }
  }
  const dispatches = program.steps.map(place)
  const placed = scratchSlots.length === 0 ? program : { ...program, slots: [...program.slots, ...scratchSlots] }
  return { program: placed, dispatches, makerIn: makersBy(own, along) }
}

/** (Outside of the function above: a closure in it would keep what it was given for as long as the program, and with that the nodes of the first graph.) */
const makersBy =
  (own: number, along: readonly number[]) =>
  (makerOf: MakerOf): MakerOf =>
  (slot) =>
    makerOf(slot < own ? slot : (along[slot - own] as number))
