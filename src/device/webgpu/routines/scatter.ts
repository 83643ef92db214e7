/**
 * @file What rows are sent, joined without atomics: the senders are sorted by their targets, so that those of a row are neighbours, in their order. A row
 * joins its own; of many, blocks have been joined before, so that no invocation has a long way to go.
 */
import { identityOf, type RoutineCall, type RoutineOf, reduceOps, type TensorType, valueTypeOf } from '../../../kernel/index.ts'
import { PlanWriter, type RoutinePlan } from '../../routine-plan.ts'
import { binaryText, constantText, wgslType } from '../arithmetic.ts'
import { type ChooseLoops, LANES, type RoutineChoices, type ScatterStrategy } from '../strategy.ts'
import type { PrintedKernel } from '../wgsl-kernel.ts'
import { type Keys, radixSort } from './radix-sort.ts'
import { apart, type Bound, bind, eachPoint, routineKernel } from './routine-kernel.ts'

type Call = RoutineCall<RoutineOf<'scatter'>>

/** Elements of a block. */
const WIDTH = 64

/** What kernels of a call have in common. */
interface Scatter {
  readonly label: string
  readonly op: RoutineOf<'scatter'>['op']
  readonly rows: number
  readonly targets: number
  readonly features: number
  readonly type: string
  /** fn join and fn identity. */
  readonly functions: readonly string[]
}

function scatterOf({ label, routine, inputs }: Call): Scatter {
  const [, { dtype, shape }] = inputs as readonly [TensorType, TensorType]
  const [targets, features] = shape as readonly [number, number]
  const value = valueTypeOf(dtype)
  const type = wgslType[value]
  const identity = constantText(identityOf(routine.op, dtype), value, (v) => `float_of(${v > 0 ? '0x7f800000u' : '0xff800000u'})`)
  return {
    label,
    op: routine.op,
    rows: routine.rows,
    targets,
    features,
    type,
    functions: [
      `alias T = ${type};`,
      `const WIDTH = ${WIDTH}u;`,
      `fn join(a: T, b: T) -> T {\n  return ${binaryText(reduceOps[routine.op].joins, value, 'a', 'b')};\n}`,
      `fn identity() -> T {\n  return ${identity};\n}`,
    ],
  }
}

/** Targets as keys, sorted. */
function sortTargets(plan: PlanWriter<PrintedKernel>, { label, rows, targets }: Scatter, choose: ChooseLoops): Keys {
  const from = { keys: plan.scratch('uint32', targets), positions: plan.scratch('int32', targets) }
  const text = 'b1[i] = u32(b0[i]);\n  b2[i] = i32(i);'
  const kernel = eachPoint({ label, points: targets, size: targets }, choose, [bind('i32'), bind('u32', true), bind('i32', true)], text)
  plan.run(kernel, [plan.inputs[0] as number, from.keys, from.positions])
  const bits = Math.max(1, Math.ceil(Math.log2(rows)))
  return radixSort(plan, { label, rows: 1, size: targets, bits, from }, choose)
}

/** Where the segment of each row begins, and behind the last one where all end: the first key that is not less. */
function findBegins(plan: PlanWriter<PrintedKernel>, { label, rows, targets }: Scatter, keys: number, choose: ChooseLoops): number {
  const begins = plan.scratch('uint32', rows + 1)
  const text = `var low = 0u;
  var high = each().size;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (b0[middle] < i) { low = middle + 1u; } else { high = middle; }
  }
  b1[i] = low;`
  const kernel = eachPoint({ label, points: rows + 1, size: targets }, choose, [bind('u32'), bind('u32', true)], text)
  plan.run(kernel, [keys, begins])
  return begins
}

/** Joins blocks, level by level; undefined where there are too few elements for it. */
function joinParts(plan: PlanWriter<PrintedKernel>, of: Scatter, sorted: Keys, choose: ChooseLoops): number | undefined {
  const { label, targets, features, type } = of
  const levels: number[] = []
  for (let blocks = Math.floor(targets / WIDTH); blocks > 0; blocks = Math.floor(blocks / WIDTH)) levels.push(blocks)
  if (targets < 2 * WIDTH) return undefined
  const all = levels.reduce((sum, blocks) => sum + blocks, 0)
  const parts = plan.scratch(of.type === 'f32' ? 'float32' : of.type === 'i32' ? 'int32' : 'uint32', all * features)
  let base = 0
  levels.forEach((blocks, level) => {
    const points = blocks * features
    const isFirst = level === 0
    const below = isFirst ? 0 : base - (levels[level - 1] as number)
    const buffers: Bound[] = [bind('u32'), bind(type, true)]
    if (isFirst) buffers.push(bind('i32'), bind(type))
    const element = isFirst ? 'b3[u32(b2[i]) * parts().features + f]' : 'b1[(parts().below + i) * parts().features + f]'
    const kernel = routineKernel({
      label,
      shader: 'segment_parts',
      strategy: apart(choose(points, WIDTH)),
      sizes: ['parts', 'Parts', { points, features, span: WIDTH ** (level + 1), base, below }],
      buffers,
      functions: [
        ...of.functions,
        'fn key(i: u32) -> u32 {\n  return b0[i];\n}',
        `fn element(i: u32, f: u32) -> T {\n  return ${element};\n}`,
        'fn store(i: u32, value: T) {\n  b1[i] = value;\n}',
      ],
    })
    plan.run(kernel, [sorted.keys, parts, ...(isFirst ? [sorted.positions, plan.inputs[1] as number] : [])])
    base += blocks
  })
  return parts
}

/** Joins what is sent range by range, in one dispatch. */
function joinRanges(plan: PlanWriter<PrintedKernel>, of: Scatter, joined: number, { ranges, lanes }: Ranges): void {
  const { label, rows, targets, features, type } = of
  const [targetsAt, sentAt] = plan.inputs as readonly [number, number]
  const counts = plan.outputs[1]
  const sums = sumsBlocks(of)
  const large = sums && targets >= WIDTH ** 2
  const counted = sums || counts !== undefined
  const buffers = [bind('i32'), bind(type), bind(type, true)]
  const slots = [targetsAt, sentAt, joined]
  const functions = [
    ...of.functions,
    'fn row_of(t: u32) -> u32 {\n  return u32(b0[t]);\n}',
    'fn element(i: u32) -> T {\n  return b1[i];\n}',
    'fn joined(i: u32) -> T {\n  return b2[i];\n}',
    'fn store(i: u32, value: T) {\n  b2[i] = value;\n}',
  ]
  /** Binds one more buffer. @returns its name */
  const more = (slot: number, its: string): string => {
    slots.push(slot)
    return `b${buffers.push(bind(its, true)) - 1}`
  }
  /** Memory of the routine's own, and the functions that read and write it. */
  const kept = (name: string, length: number, its: 'u32' | 'T'): void => {
    const buffer = more(plan.scratch(its === 'T' ? 'float32' : 'uint32', length), its === 'T' ? type : its)
    functions.push(
      `fn ${name}(i: u32) -> ${its} {\n  return ${buffer}[i];\n}`,
      `fn set_${name}(i: u32, value: ${its}) {\n  ${buffer}[i] = value;\n}`,
    )
  }
  if (counted) kept('sent', rows * lanes, 'u32')
  if (sums) kept('block', rows * features, 'T')
  if (large) kept('large', rows * features, 'T')
  if (counts !== undefined) functions.push(`fn store_count(row: u32, n: u32) {\n  ${more(counts, 'i32')}[row] = i32(n);\n}`)
  const kernel = routineKernel({
    label,
    shader: 'scatter_ranges',
    strategy: { kind: 'point', workgroup: LANES, elements: 1 },
    sizes: ['ranges', 'Ranges', { points: ranges * lanes, rows, targets, features, span: Math.ceil(rows / ranges), lanes }],
    buffers,
    functions,
    constants: { SUMS: sums, LARGE: large, COUNTED: counted, COUNTS: counts !== undefined },
  })
  plan.run(kernel, slots)
}

type Ranges = Extract<ScatterStrategy, { kind: 'ranges' }>

/** Whether sums are made in blocks, for which there is memory beside them. */
const sumsBlocks = ({ op, type, targets }: Scatter): boolean => op === 'sum' && type === 'f32' && targets >= WIDTH

/** Elements of sums in blocks, at most, for which memory is taken two or three times (16 MiB each). */
const MOST_SUMS = 2 ** 22

export function scatter(call: Call, { chooseLoops: choose, chooseScatter }: RoutineChoices): RoutinePlan<PrintedKernel> {
  const plan = new PlanWriter<PrintedKernel>(call)
  const of = scatterOf(call)
  const { label, rows, targets, features, type } = of
  const [joined, counts] = plan.outputs
  if (rows === 0) return plan.plan()
  const strategy = chooseScatter(features)
  const fits = !sumsBlocks(of) || rows * features <= MOST_SUMS
  if (strategy.kind === 'ranges' && joined !== undefined && features > 0 && targets > 0 && fits) {
    joinRanges(plan, of, joined, strategy)
    return plan.plan()
  }
  const sorted = targets > 0 ? sortTargets(plan, of, choose) : { keys: plan.inputs[0] as number, positions: plan.inputs[0] as number }
  const begins = findBegins(plan, of, sorted.keys, choose)
  if (counts !== undefined) {
    const text = 'b1[i] = i32(b0[i + 1u] - b0[i]);'
    plan.run(eachPoint({ label, points: rows, size: rows }, choose, [bind('u32'), bind('i32', true)], text), [begins, counts])
  }
  const points = rows * features
  if (joined === undefined || points === 0) return plan.plan()
  const parts = joinParts(plan, of, sorted, choose)
  const isPart = parts !== undefined
  const kernel = routineKernel({
    label,
    shader: 'segment_join',
    strategy: apart(choose(points, WIDTH)),
    sizes: ['segments', 'Segments', { points, features, length: targets }],
    buffers: [bind('u32'), bind('i32'), bind(type), bind(type, true), ...(isPart ? [bind(type)] : [])],
    functions: [
      ...of.functions,
      'fn begin(s: u32) -> u32 {\n  return b0[s];\n}',
      'fn element(i: u32, f: u32) -> T {\n  return b2[u32(b1[i]) * segments().features + f];\n}',
      ...(isPart ? ['fn part(i: u32, f: u32) -> T {\n  return b4[i * segments().features + f];\n}'] : []),
      'fn store(i: u32, value: T) {\n  b3[i] = value;\n}',
    ],
    constants: { PARTS: isPart },
  })
  plan.run(kernel, [begins, sorted.positions, plan.inputs[1] as number, joined, ...(isPart ? [parts] : [])])
  return plan.plan()
}
