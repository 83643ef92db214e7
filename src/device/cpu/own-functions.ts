/**
 * @file Functions of a program's own in a run (`customOp`), which may throw anything: that is known in the middle of a run, when operands that it overwrites may have
 * new values already. So these are kept as long as such a function is still to be called, and written back where one throws: then the run has changed nothing.
 */
import { CustomOpError, type TypedArray } from '../../base/index.ts'
import { buffersOf, type Program, type ProgramStep } from '../device.ts'
import type { Block } from './block.ts'

/** The op of one's own that a step computes, if it is one. */
export const ownName = (step: ProgramStep): string | undefined =>
  step.kind === 'routine' && step.call.routine.kind === 'custom' ? step.call.routine.definition.name : undefined

/** What the function of an op has thrown, as an error of that op. */
export const thrownBy = (name: string, e: unknown): CustomOpError =>
  new CustomOpError(name, `its cpu function threw: ${e instanceof Error ? `${e.name}: ${e.message}` : String(e)}`, e)

export class Overwritten {
  readonly #program: Program
  readonly #data: readonly Block[]
  /** The last step that may throw. */
  readonly #last: number
  readonly #old = new Map<Block, TypedArray>()

  /** `data`: the memory of the program's slots. */
  constructor(program: Program, data: readonly Block[]) {
    this.#program = program
    this.#data = data
    this.#last = program.steps.findLastIndex((step) => ownName(step) !== undefined)
  }

  /** Keeps what a step is about to overwrite, where it may have to be written back. */
  before(at: number): void {
    if (at >= this.#last) return
    const { steps, slots } = this.#program
    const step = steps[at] as ProgramStep
    const buffers = buffersOf(step)
    step.slots.forEach((slot, b) => {
      const block = this.#data[slot] as Block
      if (buffers[b]?.access === 'read' || slots[slot]?.donor === undefined || this.#old.has(block)) return
      this.#old.set(block, block.values.slice())
    })
  }

  restore(): void {
    for (const [block, values] of this.#old) block.values.set(values)
  }
}
