/** @file In which order a program's steps run, and which results overwrite what the program needs no more. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { large } from '../../src/compiler/free-early.ts'
import { freeingEarly, inPlace } from '../../src/compiler/index.ts'
import type { KernelStep, Program, Slot } from '../../src/device/index.ts'
import type { Axis, Expr, Index, Kernel } from '../../src/kernel/index.ts'

const { least } = large
beforeEach(() => {
  large.least = 1
})
afterEach(() => {
  large.least = least
})

const axisOf = (size: number): Axis => ({ id: 0, size })
const at = (axis: Axis, offset = 0): Index => ({ offset, terms: [{ coef: 1, atom: { kind: 'axis', axis } }] })

/** A kernel that writes to each of its results the sum of all its operands, read `offset` elements on. */
function step(reads: readonly number[], writes: readonly number[], size = 4, offset = 0): KernelStep {
  const axis = axisOf(size)
  const load = (buffer: number): Expr => ({ kind: 'load', buffer, index: at(axis, offset), type: 'float' })
  const none: Expr = { kind: 'const', value: 1, type: 'float' }
  const value = reads.map((_, b) => load(b)).reduce((a, b): Expr => ({ kind: 'binary', op: 'add', a, b, type: 'float' }), none)
  const stores = writes.map((_, i) => ({ buffer: reads.length + i, index: at(axis), value }))
  const kernel: Kernel = {
    label: `${reads} > ${writes}`,
    grid: [axis],
    stages: [{ kind: 'store', axes: [], stores }],
    buffers: [
      ...reads.map(() => ({ dtype: 'float32', access: 'read' }) as const),
      ...writes.map(() => ({ dtype: 'float32', access: 'write' }) as const),
    ],
    sites: [],
  }
  return { kind: 'kernel', kernel, slots: [...reads, ...writes], scalars: [] }
}

const slot = (kind: Slot['kind'], length: number): Slot => ({ kind, dtype: 'float32', length })
const labels = (steps: Program['steps']): string[] => steps.map((s) => (s as KernelStep).kernel.label)

/** The most that scratch takes at once, in elements. */
function mostInUse({ slots, steps }: Program): number {
  const first = slots.map((_, s) => steps.findIndex((each) => each.slots.includes(s)))
  const last = slots.map((_, s) => steps.findLastIndex((each) => each.slots.includes(s)))
  const inUse = (k: number): number =>
    slots.reduce(
      (n, { kind, length }, s) => (kind === 'scratch' && (first[s] as number) <= k && k <= (last[s] as number) ? n + length : n),
      0,
    )
  return Math.max(...steps.map((_, k) => inUse(k)))
}

/** A random program: each step reads some of what was made, and makes one or two values of one of three sizes. */
function randomProgram(seed: number): Program {
  let state = seed
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const slots: Slot[] = [slot('input', 4), slot('input', 16)]
  const steps: KernelStep[] = []
  for (let k = 0; k < 40; k++) {
    const reads = [...new Set(Array.from({ length: 1 + below(3) }, () => Math.max(0, slots.length - 1 - below(12))))]
    const writes = Array.from({ length: 1 + below(2) }, () => slots.push(slot(below(9) ? 'scratch' : 'output', 4 ** (1 + below(3)))) - 1)
    steps.push(step(reads, writes))
  }
  return { slots, steps, scalars: [] }
}

describe('the order of steps', () => {
  it('has a step that frees more than it makes run as soon as it can', () => {
    const slots = [slot('input', 4), slot('scratch', 64), slot('scratch', 64), slot('scratch', 4), slot('output', 4)]
    const [make, grow, shrink, end] = [step([0], [1]), step([0], [2]), step([1], [3]), step([2, 3], [4])] as const
    const steps = freeingEarly({ slots, steps: [make, grow, shrink, end], scalars: [] })
    expect(steps).toEqual([make, shrink, grow, end])
  })

  it('stays where nothing is to be gained: for what others still read, or where as much is made', () => {
    const slots = [
      slot('input', 4),
      slot('scratch', 64),
      slot('scratch', 64),
      slot('scratch', 64),
      ...[4, 4, 4].map((n) => slot('output', n)),
    ]
    const equal = [step([0], [1]), step([0], [2]), step([1], [3]), step([2, 3], [4])]
    expect(freeingEarly({ slots, steps: equal, scalars: [] })).toBe(equal)
    const shared = [step([0], [1]), step([0], [6]), step([1], [4]), step([1], [5])]
    expect(freeingEarly({ slots, steps: shared, scalars: [] })).toBe(shared)
  })

  it('has every value made before it is read, takes no more memory at any time, and less in many cases', () => {
    let less = 0
    for (let seed = 1; seed <= 200; seed++) {
      const program = randomProgram(seed)
      const steps = freeingEarly(program)
      expect(labels(steps).sort()).toEqual(labels(program.steps).sort())
      const made = new Set([0, 1])
      for (const each of steps) {
        const { buffers } = (each as KernelStep).kernel
        for (const [b, s] of each.slots.entries()) if (buffers[b]?.access === 'read') expect(made.has(s)).toBe(true)
        for (const [b, s] of each.slots.entries()) if (buffers[b]?.access !== 'read') made.add(s)
      }
      const [before, after] = [mostInUse(program), mostInUse({ ...program, steps })]
      expect(after).toBeLessThanOrEqual(before)
      if (after < before) less++
    }
    expect(less).toBeGreaterThan(20)
  })

  it('is as it was where everything is small', () => {
    large.least = least
    const { steps, ...rest } = randomProgram(3)
    expect(freeingEarly({ steps, ...rest })).toBe(steps)
  })
})

describe('a result', () => {
  const slots = [slot('input', 4), slot('scratch', 4), slot('scratch', 4), slot('scratch', 4), slot('output', 4)]
  const placed = (...steps: KernelStep[]): (readonly number[])[] => inPlace({ slots, steps, scalars: [] }).steps.map((each) => each.slots)

  it('takes the place of what its kernel is the last to read, one after the other', () => {
    expect(placed(step([0], [1]), step([1], [2]), step([2, 0], [3]), step([3], [4]))).toEqual([[0, 1], [1], [0, 1], [1, 4]])
    const [, second] = inPlace({ slots, steps: [step([0], [1]), step([1], [2]), step([2], [4])], scalars: [] }).steps
    expect((second as KernelStep).kernel.buffers).toEqual([{ dtype: 'float32', access: 'readwrite' }])
  })

  it.each([
    ['others still read that', step([1, 2], [4])],
    ['it is read elsewhere than it would be written', step([2], [4]), step([1], [2], 4, 1)],
  ])('has memory of its own where %s', (_, last, made = step([1], [2])) => {
    const steps = [step([0], [1]), made, last]
    expect(inPlace({ slots, steps, scalars: [] }).steps).toEqual(steps)
  })

  it('has memory of its own where it is an output, and takes that of no input', () => {
    const steps = [step([0], [1]), step([1], [4])]
    expect(inPlace({ slots, steps, scalars: [] }).steps).toEqual(steps)
  })
})
