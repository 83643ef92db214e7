/** @file Rows in order: elements are ordered by keys, whole numbers whose order is theirs (see radix-sort.ts). */
import { sizeOf } from '../../../base/index.ts'
import type { RoutineCall, RoutineOf, TensorType } from '../../../kernel/index.ts'
import { PlanWriter, type RoutinePlan } from '../../routine-plan.ts'
import type { RoutineChoices } from '../strategy.ts'
import type { PrintedKernel } from '../wgsl-kernel.ts'
import { radixSort } from './radix-sort.ts'
import { bind, eachPoint } from './routine-kernel.ts'

type Call = RoutineCall<RoutineOf<'sort'>>

/** The key of an element, given as a word. */
function keyText({ routine: { descending, bits }, inputs }: Call, word: string): string {
  const [{ dtype }] = inputs as readonly [TensorType]
  const key = dtype === 'float32' ? `float_key(${word})` : dtype === 'int32' && bits === undefined ? `(${word} ^ 0x80000000u)` : word
  return descending ? `~${key}` : key
}

export function sort(call: Call, { chooseLoops: choose }: RoutineChoices): RoutinePlan<PrintedKernel> {
  const [{ shape }] = call.inputs as readonly [TensorType]
  const plan = new PlanWriter<PrintedKernel>(call)
  const points = sizeOf(shape)
  if (points === 0) return plan.plan()
  const size = shape.at(-1) as number
  const each = { label: call.label, points, size }
  const [x] = plan.inputs as readonly [number]
  const from = { keys: plan.scratch('uint32', points), positions: plan.scratch('int32', points) }
  // Elements are read and moved as words, so that no driver flushes a number or changes a NaN on its way
  const keys = `b1[i] = ${keyText(call, 'b0[i]')};\n  b2[i] = i32(i % each().size);`
  plan.run(eachPoint(each, choose, [bind('u32'), bind('u32', true), bind('i32', true)], keys), [x, from.keys, from.positions])
  const [values, positionsTo] = plan.outputs
  const sorted = radixSort(plan, { label: call.label, rows: points / size, size, bits: call.routine.bits ?? 32, from, positionsTo }, choose)
  if (values !== undefined) {
    const take = 'b2[i] = b0[i - i % each().size + u32(b1[i])];'
    plan.run(eachPoint(each, choose, [bind('u32'), bind('i32'), bind('u32', true)], take), [x, sorted.positions, values])
  }
  return plan.plan()
}
