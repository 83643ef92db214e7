/**
 * @file Where values stand in rows that are in order, by halving, without a branch: how many elements stand before is a sum of powers of two, each of which is
 * taken or not. A few values are looked for side by side, so that one waits for memory while others compare.
 */
import { sizeOf } from '../../../../base/index.ts'
import { type RoutineCall, type RoutineOf, type TensorType, valueTypeOf } from '../../../../kernel/index.ts'
import { PlanWriter, type RoutinePlan } from '../../../routine-plan.ts'
import type { Code, Local } from '../assembler/assembler.ts'
import type { KernelCode } from '../kernel-code.ts'
import { address, copy, loopKernel } from './loop-kernel.ts'

type Call = RoutineCall<RoutineOf<'search'>>

/** Values that are looked for side by side. */
const TOGETHER = 8
/** Longer rows are searched by way of every 16th element: these first, whose every 16th come before them. What lies far apart is in no cache. */
const NEAR = 4096
const APART = 16

/** The instructions for elements of a type. */
interface Elements {
  readonly local: 'i32' | 'f32' | 'f64'
  readonly load: 'i32.load' | 'f32.load' | 'f64.load'
  readonly before: 'i32.lt_s' | 'i32.le_s' | 'i32.lt_u' | 'i32.le_u' | 'f32.lt' | 'f32.le' | 'f64.lt' | 'f64.le'
  /** Whether a value is NaN, where it may be. */
  readonly differs?: 'f32.ne' | 'f64.ne'
  readonly shift: 2 | 3
}

function elementsOf({ dtype }: TensorType, right: boolean): Elements {
  if (dtype === 'float64') return { local: 'f64', load: 'f64.load', before: right ? 'f64.le' : 'f64.lt', differs: 'f64.ne', shift: 3 }
  const type = valueTypeOf(dtype)
  if (type === 'float') return { local: 'f32', load: 'f32.load', before: right ? 'f32.le' : 'f32.lt', differs: 'f32.ne', shift: 2 }
  const signed = type === 'i32'
  return { local: 'i32', load: 'i32.load', before: right ? (signed ? 'i32.le_s' : 'i32.le_u') : signed ? 'i32.lt_s' : 'i32.lt_u', shift: 2 }
}

/** A value that is looked for: itself, its row, where its search has begun, and the address behind what is known to stand before. */
interface Sought {
  readonly value: Local
  /** Of one row, none. */
  readonly row: Local | undefined
  readonly begin: Local
  readonly found: Local
  readonly to: Local
}

/** Moves each of the values `by` elements further, where the one that is `step − 1` behind stands before. */
function further(code: Code, sought: readonly Sought[], { load, before, shift }: Elements, step: number, by: number): void {
  for (const { value, found } of sought) {
    code
      .get(found)
      .memory(load, (step - 1) << shift)
      .get(value)
      .op(before)
    if (2 ** Math.floor(Math.log2(by)) === by) code.i32(Math.log2(by) + shift).op('i32.shl')
    else code.i32(by << shift).op('i32.mul')
    code.get(found).op('i32.add').set(found)
  }
}

/** Rows of `size` elements: those that are given, or every APARTth of longer ones. */
interface Level {
  readonly buffer: number
  readonly size: number
}

/** Looks through whole rows. */
function searchWhole(code: Code, sought: readonly Sought[], elements: Elements, base: Local, size: number): void {
  for (const { row, begin, found } of sought) {
    code.get(base)
    if (row)
      code
        .get(row)
        .i32(size << elements.shift)
        .op('i32.mul')
        .op('i32.add')
    code.tee(begin).set(found)
  }
  if (size === 0) return
  // Of the size + 1 places the first `places` are left, or the last
  const places = 2 ** Math.floor(Math.log2(size))
  further(code, sought, elements, places, size - places + 1)
  for (let step = places / 2; step >= 1; step /= 2) further(code, sought, elements, step, step)
}

/** Goes on from what was found among every APARTth element: one of APART places is left. */
function searchNear(code: Code, sought: readonly Sought[], elements: Elements, base: Local, size: number): void {
  const { shift } = elements
  const start = code.local('i32')
  for (const { row, begin, found } of sought) {
    code.get(found).get(begin).op('i32.sub').i32(Math.log2(APART)).op('i32.shl').set(start)
    // (the last places are those of a whole part, too)
    const last = (size - APART + 1) << shift
    code.get(start).i32(last).get(start).i32(last).op('i32.lt_u').op('select').set(start)
    code.get(base)
    if (row)
      code
        .get(row)
        .i32(size << shift)
        .op('i32.mul')
        .op('i32.add')
    code.tee(begin).get(start).op('i32.add').set(found)
  }
  for (let step = APART / 2; step >= 1; step /= 2) further(code, sought, elements, step, step)
}

/** Buffers: values, places, and the levels, of which the last is searched whole. */
function searchKernel(call: Call, levels: readonly Level[]): KernelCode {
  const [sorted, values] = call.inputs as readonly [TensorType, TensorType]
  const [n, m] = [sorted.shape[1] as number, values.shape[1] as number]
  const total = sizeOf(values.shape)
  const elements = elementsOf(sorted, call.routine.right)
  const { local, load, differs, shift } = elements
  return loopKernel({
    label: call.label,
    buffers: 2 + levels.length,
    rows: Math.ceil(total / TOGETHER),
    work: total * (2 + Math.log2(n + 1)),
    body: ({ code, buffers: [wanted, out, ...bases], row: group }) => {
      const sought = Array.from({ length: TOGETHER }, (_, k): Sought => {
        const [at, begin, found, to] = [0, 1, 2, 3].map(() => code.local('i32')) as [Local, Local, Local, Local]
        const value = code.local(local)
        const row = total > m ? code.local('i32') : undefined
        // (what is behind the last is the last, once more)
        code.get(group).i32(TOGETHER).op('i32.mul').i32(k).op('i32.add').set(at)
        code
          .get(at)
          .i32(total - 1)
          .get(at)
          .i32(total)
          .op('i32.lt_u')
          .op('select')
          .set(at)
        address(code, wanted as Local, at, shift)
          .memory(load)
          .set(value)
        address(code, out as Local, at, 2).set(to)
        if (row) code.get(at).i32(m).op('i32.div_u').set(row)
        return { value, row, begin, found, to }
      })
      for (let i = levels.length - 1; i >= 0; i--) {
        const search = i === levels.length - 1 ? searchWhole : searchNear
        search(code, sought, elements, bases[i] as Local, (levels[i] as Level).size)
      }
      for (const { value, begin, found, to } of sought) {
        code.get(to)
        if (differs) code.i32(n)
        code.get(found).get(begin).op('i32.sub').i32(shift).op('i32.shr_u')
        if (differs) code.get(value).get(value).op(differs).op('select')
        code.memory('i32.store')
      }
    },
  })
}

/** Every APARTth element of rows. Buffers: rows, those. */
function everyKernel(label: string, rows: number, from: number, to: number, shift: 2 | 3): KernelCode {
  return loopKernel({
    label,
    buffers: 2,
    rows: rows * to,
    work: 2 * rows * to,
    body: ({ code, buffers: [source, target], row }) => {
      const at = code.local('i32')
      code.get(row)
      if (rows > 1) code.i32(to).op('i32.rem_u')
      code
        .i32(APART)
        .op('i32.mul')
        .i32(APART - 1)
        .op('i32.add')
      if (rows > 1) code.get(row).i32(to).op('i32.div_u').i32(from).op('i32.mul').op('i32.add')
      code.set(at)
      copy(
        code,
        shift,
        () => address(code, target as Local, row, shift),
        () => address(code, source as Local, at, shift),
      )
    },
  })
}

export function search(call: Call): RoutinePlan<KernelCode> {
  const [sorted, values] = call.inputs as readonly [TensorType, TensorType]
  const [rows, n] = sorted.shape as readonly [number, number]
  const plan = new PlanWriter<KernelCode>(call)
  if (sizeOf(values.shape) === 0) return plan.plan()
  const { shift } = elementsOf(sorted, call.routine.right)
  const levels: Level[] = [{ buffer: plan.inputs[0] as number, size: n }]
  for (let last = levels[0] as Level; last.size > NEAR; last = levels.at(-1) as Level) {
    const size = Math.floor(last.size / APART)
    const buffer = plan.scratch(sorted.dtype, rows * size)
    plan.run(everyKernel(call.label, rows, last.size, size, shift), [last.buffer, buffer])
    levels.push({ buffer, size })
  }
  plan.run(searchKernel(call, levels), [plan.inputs[1] as number, plan.outputs[0] as number, ...levels.map(({ buffer }) => buffer)])
  return plan.plan()
}
