/**
 * @file The extreme along an axis and its position, as kernels of the IR: one search for the position, and the element there. Few long rows are searched in
 * parts, which threads share, and the parts' results by a second kernel.
 */
import { sizeOf } from '../../../../base/index.ts'
import {
  type Axis,
  aroundDim,
  type BufferUse,
  type Expr,
  type Index,
  type Kernel,
  type RoutineCall,
  type RoutineOf,
  type Store,
  type TensorType,
  type Term,
  valueTypeOf,
} from '../../../../kernel/index.ts'
import type { RoutinePlan } from '../../../routine-plan.ts'
import { codeOf, type KernelCode } from '../kernel-code.ts'

type Call = RoutineCall<RoutineOf<'reduceWithIndex'>>

/** Rows of fewer elements than this are searched whole; so are all where there are many. */
const LONG = 2 ** 16
const MANY = 16
/** The least elements of a part. */
const PART = 2 ** 13

/** Into how many parts of equal length each row is taken: 1 where it is searched whole. */
function partsOf(rows: number, size: number): number {
  if (rows >= MANY || size < LONG) return 1
  for (let parts = Math.min(MANY, Math.floor(size / PART)); parts > 1; parts--) if (size % parts === 0) return parts
  return 1
}

const term = (coef: number, axis: Axis): Term => ({ coef, atom: { kind: 'axis', axis } })
/** Axes of one position are not mentioned. */
const at = (offset: number, ...terms: readonly Term[]): Index => ({
  offset,
  terms: terms.filter(({ coef, atom }) => coef !== 0 && !(atom.kind === 'axis' && atom.axis.size === 1)),
})

/** Where the search of `reduceWithIndex` goes on, and what it answers. */
interface Search {
  readonly grid: readonly Axis[]
  readonly along: Axis
  /** The first element of a row, and how far the next one is. */
  readonly first: readonly Term[]
  readonly stride: number
  /** Where the row's results are stored. */
  readonly to: readonly Term[]
}

/** Buffers: what is searched, maybe the positions of what is searched, and the outputs. */
function search(call: Call, { grid, along, first, stride, to }: Search, position: (found: Expr) => Expr, reads: number): Kernel {
  const { op } = call.routine
  const [x] = call.inputs as readonly [TensorType]
  const type = valueTypeOf(x.dtype)
  const found: Expr = { kind: 'acc', stage: 0, slot: 0, type: 'i32' }
  const load = (step: Term): Expr => ({ kind: 'load', buffer: 0, index: at(0, ...first, step), type })
  const results = [load({ coef: stride, atom: { kind: 'value', value: found } }), position(found)]
  const buffers: BufferUse[] = [{ dtype: x.dtype, access: 'read' }]
  if (reads === 2) buffers.push({ dtype: 'int32', access: 'read' })
  const stores = call.outputs.flatMap((output, i): Store[] => {
    if (!output) return []
    return [{ buffer: buffers.push({ dtype: output.dtype, access: 'write' }) - 1, index: at(0, ...to), value: results[i] as Expr }]
  })
  const value = load(term(stride, along))
  return {
    label: call.label,
    grid: grid.filter(({ size }) => size > 1),
    stages: [
      { kind: 'reduce', axes: [along], reductions: [{ op: op === 'max' ? 'argmax' : 'argmin', value, type: 'i32' }] },
      { kind: 'store', axes: [], stores },
    ],
    buffers,
    sites: [],
  }
}

const axesOf = (...sizes: readonly number[]): Axis[] => sizes.map((size, id) => ({ id, size }))

/** All of a row at once. */
function whole(call: Call): RoutinePlan<KernelCode> {
  const [x] = call.inputs as readonly [TensorType]
  const { outer, size, inner } = aroundDim(x.shape, call.routine.dim)
  const [o, i, k] = axesOf(outer, inner, size) as [Axis, Axis, Axis]
  const kernel = search(
    call,
    { grid: [o, i], along: k, first: [term(size * inner, o), term(1, i)], stride: inner, to: [term(inner, o), term(1, i)] },
    (found) => found,
    1,
  )
  const outputs = call.outputs.filter((output) => output).length
  const lengths = [outer * size * inner, ...new Array<number>(outputs).fill(outer * inner)]
  return { scratch: [], dispatches: [{ kernel: codeOf(kernel, lengths, false), buffers: lengths.map((_, b) => b) }] }
}

/** The parts of each row, then their results. */
function inParts(call: Call, parts: number): RoutinePlan<KernelCode> {
  const [x] = call.inputs as readonly [TensorType]
  const { outer, size, inner } = aroundDim(x.shape, call.routine.dim)
  const rows = outer * inner
  const length = size / parts
  const both = {
    ...call,
    outputs: [
      { dtype: x.dtype, shape: [rows, parts] },
      { dtype: 'int32', shape: [rows, parts] },
    ],
  } as const
  const [o, i, p, k] = axesOf(outer, inner, parts, length) as [Axis, Axis, Axis, Axis]
  const partial = search(
    both,
    {
      grid: [o, i, p],
      along: k,
      first: [term(size * inner, o), term(1, i), term(length * inner, p)],
      stride: inner,
      to: [term(inner * parts, o), term(parts, i), term(1, p)],
    },
    (found) => {
      const start: Expr = { kind: 'position', index: at(0, term(length, p)), type: 'i32' }
      return { kind: 'binary', op: 'add', a: start, b: found, type: 'i32' }
    },
    1,
  )
  const [row, part] = axesOf(rows, parts) as [Axis, Axis]
  const joined = search(
    call,
    { grid: [row], along: part, first: [term(parts, row)], stride: 1, to: [term(1, row)] },
    (found) => ({
      kind: 'load',
      buffer: 1,
      index: at(0, term(parts, row), { coef: 1, atom: { kind: 'value', value: found } }),
      type: 'i32',
    }),
    2,
  )
  const outputs = call.outputs.filter((output) => output).map((_, n) => 1 + n)
  const scratch = [1 + outputs.length, 2 + outputs.length]
  const partials = rows * parts
  return {
    scratch: [
      { dtype: x.dtype, length: partials },
      { dtype: 'int32', length: partials },
    ],
    dispatches: [
      { kernel: codeOf(partial, [rows * size, partials, partials], false), buffers: [0, ...scratch] },
      { kernel: codeOf(joined, [partials, partials, ...outputs.map(() => rows)], false), buffers: [...scratch, ...outputs] },
    ],
  }
}

export function reduceWithIndex(call: Call): RoutinePlan<KernelCode> {
  const [{ shape }] = call.inputs as readonly [TensorType]
  const size = shape[call.routine.dim] as number
  if (sizeOf(shape) === 0) return { scratch: [], dispatches: [] }
  const parts = partsOf(sizeOf(shape) / size, size)
  return parts === 1 ? whole(call) : inParts(call, parts)
}
