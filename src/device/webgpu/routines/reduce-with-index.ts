/** @file The extreme along an axis and its position: one kernel, or for few long rows two, of which the first searches parts of rows. */
import {
  aroundDim,
  type Extreme,
  type RoutineCall,
  type RoutineOf,
  type TensorType,
  type ValueType,
  valueTypeOf,
} from '../../../kernel/index.ts'
import type { RoutinePlan } from '../../routine-plan.ts'
import { WORDS, wgslType } from '../arithmetic.ts'
import { shaders } from '../shaders.generated.ts'
import type { LoopStrategy, RoutineChoices } from '../strategy.ts'
import { Params } from '../uniforms.ts'
import { decide } from '../unroll.ts'
import { assembleText, fold, type PrintedKernel } from '../wgsl-kernel.ts'

type Call = RoutineCall<RoutineOf<'reduceWithIndex'>>

/** Rows of fewer elements are searched whole, and so are all where there are as many as this. */
const LONG = 4096
const MANY = 64
/** The least elements of a part, and the most. */
const [SHORTEST, LONGEST] = [64, 4096]

const beatsText = (op: Extreme, type: ValueType): string => {
  const more = `a ${op === 'max' ? '>' : '<'} b`
  return type === 'float' ? `!is_nan(b) && (is_nan(a) || ${more})` : more
}

/** What one kernel searches. */
interface Search {
  readonly call: Call
  readonly points: number
  readonly size: number
  readonly inner: number
  readonly parts: number
  readonly part: number
  /** Whether a buffer says where the elements stand, behind that of the elements. */
  readonly positions: boolean
}

function kernel({ call, positions, ...sizes }: Search, strategy: LoopStrategy): PrintedKernel {
  const [x] = call.inputs as readonly [TensorType]
  const type = wgslType[valueTypeOf(x.dtype)]
  const params = new Params()
  const shared = strategy.kind === 'group'
  const sweep = shared ? 1 : (strategy.sweep ?? 1)
  const list = (['points', 'size', 'inner', 'parts', 'part'] as const).map((name) => params.use(name, sizes[name]))
  list.push(params.use('sweep', sweep))
  const buffers = [{ type: WORDS[x.dtype].type, writable: false }]
  if (positions) buffers.push({ type: 'i32', writable: false })
  const stores = call.outputs.map((output, i) => {
    if (!output) return ''
    return `b${buffers.push({ type: WORDS[output.dtype].type, writable: true }) - 1}[i] = ${i === 0 ? 'value' : 'position'};`
  })
  const prelude = [
    `alias T = ${type};`,
    `const WORKGROUP = ${strategy.workgroup}u;`,
    `fn search() -> Search {\n  return Search(${list.join(', ')});\n}`,
    'fn load(i: u32) -> T {\n  return b0[i];\n}',
    `fn position(i: u32, k: u32) -> i32 {\n  return ${positions ? 'b1[i]' : 'i32(k)'};\n}`,
    `fn beats(a: T, b: T) -> bool {\n  return ${beatsText(call.routine.op, valueTypeOf(x.dtype))};\n}`,
    `fn store(i: u32, value: T, position: i32) {\n  ${stores.filter((s) => s !== '').join('\n  ')}\n}`,
  ]
  const main = `${prelude.join('\n\n')}\n\n${decide(shaders.reduce_with_index as string, { SHARED: shared })}`
  const groups = shared ? sizes.points : Math.ceil(sizes.points / (strategy.workgroup * sweep))
  return assembleText({ label: call.label, buffers, params, main, workgroups: fold(groups) })
}

export function reduceWithIndex(call: Call, { chooseLoops: choose }: RoutineChoices): RoutinePlan<PrintedKernel> {
  const [x] = call.inputs as readonly [TensorType]
  const { outer, size, inner } = aroundDim(x.shape, call.routine.dim)
  const rows = outer * inner
  const outputs = call.outputs.filter((output) => output).map((_, n) => 1 + n)
  if (rows >= MANY || size < LONG) {
    const one = { call, points: rows, size, inner, parts: 1, part: size, positions: false }
    return { scratch: [], dispatches: [{ kernel: kernel(one, choose(rows, size)), buffers: [0, ...outputs] }] }
  }
  const wanted = Math.max(Math.min(MANY, Math.ceil(size / SHORTEST)), Math.ceil(size / LONGEST))
  const part = Math.ceil(size / wanted)
  const parts = Math.ceil(size / part)
  const points = rows * parts
  const both: Call = { ...call, outputs: [x, { dtype: 'int32', shape: [points] }] }
  const scratch = [1 + outputs.length, 2 + outputs.length]
  return {
    scratch: [
      { dtype: x.dtype, length: points },
      { dtype: 'int32', length: points },
    ],
    dispatches: [
      {
        kernel: kernel({ call: both, points, size, inner, parts, part, positions: false }, choose(points, part)),
        buffers: [0, ...scratch],
      },
      {
        kernel: kernel({ call, points: rows, size: parts, inner: 1, parts: 1, part: parts, positions: true }, choose(rows, parts)),
        buffers: [...scratch, ...outputs],
      },
    ],
  }
}
