/**
 * @file Where values stand in rows that are in order: each by itself, by halving. Longer rows are searched by way of every 16th element: those first, whose every
 * 16th come before them, so that what lies far apart, and in no cache, is read last and seldom.
 */
import { sizeOf } from '../../../base/index.ts'
import { type RoutineCall, type RoutineOf, type TensorType, valueTypeOf } from '../../../kernel/index.ts'
import { PlanWriter, type RoutinePlan } from '../../routine-plan.ts'
import { wgslType } from '../arithmetic.ts'
import type { RoutineChoices } from '../strategy.ts'
import type { PrintedKernel } from '../wgsl-kernel.ts'
import { apart, bind, eachPoint, routineKernel } from './routine-kernel.ts'

type Call = RoutineCall<RoutineOf<'search'>>

/** The longest rows that are searched whole. */
const NEAR = 4096
const APART = 16

/** How `count` goes on in the rows of one level: from among all of them, or from what every APARTth of them say. */
function levelText(level: number, isFirst: boolean): string {
  const size = level === 0 ? 'size' : `(size >> ${Math.log2(APART) * level}u)`
  const at = (step: string): string => `is_before(b${2 + level}[row * ${size} + count + ${step} - 1u], b)`
  const begin = isFirst
    ? `step = 1u << firstLeadingBit(${size});
  count = select(0u, ${size} - step + 1u, ${at('step')});
  step /= 2u;`
    : `count = min(count * ${APART}u, ${size} - ${APART - 1}u);
  step = ${APART / 2}u;`
  return `${begin}
  for (; step > 0u; step /= 2u) {
    count += select(0u, step, ${at('step')});
  }`
}

export function search(call: Call, { chooseLoops: choose }: RoutineChoices): RoutinePlan<PrintedKernel> {
  const { label } = call
  const [sorted, values] = call.inputs as readonly [TensorType, TensorType]
  const [rows, size] = sorted.shape as readonly [number, number]
  const points = sizeOf(values.shape)
  const plan = new PlanWriter<PrintedKernel>(call)
  if (points === 0) return plan.plan()
  const type = valueTypeOf(sorted.dtype)
  const its = wgslType[type]
  const levels = [plan.inputs[0] as number]
  for (let last = size; last > NEAR; last = Math.floor(last / APART)) {
    const next = Math.floor(last / APART)
    const to = plan.scratch(sorted.dtype, rows * next)
    const text = `let size = each().size;
  let next = size / ${APART}u;
  b1[i] = b0[i / next * size + i % next * ${APART}u + ${APART - 1}u];`
    const one = { label, points: rows * next, size: last }
    plan.run(eachPoint(one, choose, [bind(its), bind(its, true)], text), [levels.at(-1) as number, to])
    levels.push(to)
  }
  const isFloat = type === 'float'
  const steps = levels.map((_, i) => levelText(levels.length - 1 - i, i === 0))
  const kernel = routineKernel({
    label,
    shader: 'search',
    strategy: apart(choose(points, Math.ceil(Math.log2(size + 1)))),
    sizes: ['search', 'Search', { points, size, perRow: values.shape[1] as number }],
    buffers: [bind(its), bind('i32', true), ...levels.map(() => bind(its))],
    functions: [
      `alias T = ${its};`,
      'fn value(i: u32) -> T {\n  return b0[i];\n}',
      'fn store(i: u32, count: u32) {\n  b1[i] = i32(count);\n}',
      `fn is_before(a: T, b: T) -> bool {\n  return ${isFloat ? '!is_nan(a) && ' : ''}a ${call.routine.right ? '<=' : '<'} b;\n}`,
      `fn is_last(b: T) -> bool {\n  return ${isFloat ? 'is_nan(b)' : 'false'};\n}`,
      `fn find(b: T, row: u32) -> u32 {\n  let size = search().size;\n  var count = 0u;\n  var step = 0u;\n  ${steps.join('\n  ')}\n  return count;\n}`,
    ],
  })
  plan.run(kernel, [plan.inputs[1] as number, plan.outputs[0] as number, ...levels])
  return plan.plan()
}
