/**
 * @file Results that take the place of what a program itself has made: where a kernel of points is the last to read a value, and reads it at no other place than it writes a
 * result of as many elements of its dtype, both are one buffer.
 */
import { buffersOf, type KernelStep, type Program, type ProgramStep } from '../device/index.ts'
import { type BufferUse, bufferOf, type Index, indexOf, type Kernel, Renamer, type Store, sameIndex, visitExprs } from '../kernel/index.ts'
import { largeSlots } from './free-early.ts'

/** Whether every load of `buffer` in these stores is at exactly `index`. */
export function readsOnlyAt(stores: readonly Store[], buffer: number, index: Index): boolean {
  let fits = true
  visitExprs([{ kind: 'store', axes: [], stores }], (e) => {
    if (bufferOf(e) === buffer && !sameIndex(indexOf(e) as Index, index)) fits = false
  })
  return fits
}

/** A kernel that writes a result over an operand, and which of the buffers of the one that does not are left. */
interface Overwriting {
  readonly kernel: Kernel
  readonly kept: readonly number[]
}

/** By kernel and by what takes which place; undefined where that cannot be. Plans of parts share kernels, and so do those that overwrite. */
const known = new WeakMap<Kernel, Map<string, Overwriting | undefined>>()

function overwriting(kernel: Kernel, from: number, to: number): Overwriting | undefined {
  const own = known.get(kernel) ?? new Map<string, Overwriting | undefined>()
  known.set(kernel, own)
  const key = `${from} ${to}`
  if (!own.has(key)) own.set(key, fits(kernel, from, to) ? merged(kernel, from, to) : undefined)
  return own.get(key)
}

function fits({ stages }: Kernel, from: number, to: number): boolean {
  const [stage] = stages
  if (stages.length !== 1 || stage?.kind !== 'store' || stage.axes.length > 0) return false
  return stage.stores.every((store) => store.buffer !== to || readsOnlyAt(stage.stores, from, store.index))
}

function merged(kernel: Kernel, from: number, to: number): Overwriting {
  const kept = kernel.buffers.map((_, b) => b).filter((b) => b !== from)
  const numbers = new Map(kept.map((old, now) => [old, now]))
  const renamer = new Renamer({ buffer: (b) => numbers.get(b === from ? to : b) as number })
  const buffers = kept.map((b): BufferUse => {
    const use = kernel.buffers[b] as BufferUse
    return b === to ? { dtype: use.dtype, access: 'readwrite' } : use
  })
  return { kernel: { ...kernel, stages: kernel.stages.map((stage) => renamer.stage(stage)), buffers }, kept }
}

/** A program that writes large results over what it needs no more. */
export function inPlace(program: Program): Program {
  const { slots, steps } = program
  const bytes = largeSlots(program)
  const last = new Int32Array(slots.length)
  const writers = new Int32Array(slots.length)
  for (const [k, step] of steps.entries()) for (const s of step.slots) last[s] = k
  for (const step of steps) for (const s of written(step)) writers[s] = (writers[s] as number) + 1
  /** The slot that each takes the place of, or itself. */
  const place = slots.map((_, s) => s)
  const isOwn = (s: number): boolean => slots[s]?.kind === 'scratch' && (bytes[s] as number) > 0

  /** A result of a step, and an operand whose place it can take. */
  const pairOf = ({ kernel, slots: bound }: KernelStep, k: number): { from: number; made: Overwriting } | undefined => {
    for (const [to, { access, dtype }] of kernel.buffers.entries()) {
      const result = bound[to] as number
      if (access !== 'write' || !isOwn(result) || writers[result] !== 1) continue
      for (const [from, operand] of kernel.buffers.entries()) {
        const s = bound[from] as number
        if (operand.access !== 'read' || operand.dtype !== dtype || !isOwn(s) || last[s] !== k) continue
        const made = slots[s]?.length === slots[result]?.length ? overwriting(kernel, from, to) : undefined
        if (!made) continue
        place[result] = place[s] as number
        return { from, made }
      }
    }
    return undefined
  }
  const now = steps.map((step, k): ProgramStep => {
    let own = step
    while (own.kind === 'kernel') {
      const pair: ReturnType<typeof pairOf> = pairOf(own, k)
      if (!pair) break
      const { slots: bound } = own
      own = { ...own, kernel: pair.made.kernel, slots: pair.made.kept.map((b) => bound[b] as number) }
    }
    return own.slots.some((s) => place[s] !== s) ? { ...own, slots: own.slots.map((s) => place[s] as number) } : own
  })
  return { ...program, steps: now }
}

function written(step: ProgramStep): readonly number[] {
  const buffers = buffersOf(step)
  return step.slots.filter((_, b) => buffers[b]?.access !== 'read')
}
