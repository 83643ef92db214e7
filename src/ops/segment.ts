/** @file Reductions of segments: consecutive parts along a dim, whose lengths or ends are given. */
import {
  ArgumentError,
  BOOLEAN,
  choice,
  options as describe,
  NUMBER,
  normalizeDim,
  nullable,
  type Options,
  optional,
  ShapeError,
  sameShape,
  showShape,
  signature,
  sizeOf,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, knownValues, MAYBE_TENSOR, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, gt, le, logicalAnd, logicalNot, lt, ne } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, div, mul, sub, where } from './elementwise.ts'
import { all } from './extremes.ts'
import { gatherAlong, scatterAlong } from './gather.ts'
import { indexTensor } from './indexing.ts'
import { checkFloat, lit, number } from './promote.ts'
import { cumsum } from './scan.ts'
import { type ScatterReduction, scatterReduce } from './scatter.ts'
import { searchsorted } from './search.ts'
import { narrowTo, padZeros } from './slice.ts'
import { expandTo, reshapeTo } from './view.ts'

/** How {@link segmentReduce} joins the elements of a segment. */
export type SegmentReduction = 'sum' | 'mean' | 'max' | 'min' | 'prod'

/** Options of {@link segmentReduce}. */
export interface SegmentReduceOptions {
  /** How long each segment is, integers [..., segments]. */
  readonly lengths?: Tensor | null
  /** In place of lengths, where segments begin, and where the last ends: integers [..., segments + 1]. */
  readonly offsets?: Tensor | null
  /** The dim that is cut into segments: the last of `lengths`, 0 by default. */
  readonly axis?: number
  /** Whether segments may leave elements out: false by default. */
  readonly unsafe?: boolean
  /** What each result begins with: what a reduction of nothing gives by default (0, 1, ∓∞; NaN of a mean). */
  readonly initial?: number | null
}

const SEGMENT_OPTIONS: Options<SegmentReduceOptions> = describe<SegmentReduceOptions>({
  lengths: MAYBE_TENSOR,
  offsets: MAYBE_TENSOR,
  axis: DIM,
  unsafe: BOOLEAN,
  initial: nullable(NUMBER),
})
const SEGMENT_REDUCE = signature('segmentReduce', {
  data: TENSOR,
  reduce: choice(['sum', 'mean', 'max', 'min', 'prod']),
  options: optional(SEGMENT_OPTIONS),
})

/** Segments as rows: `rows` pieces of `size` elements along the axis, each cut at its `offsets` [rows, segments + 1]. */
interface Cuts {
  readonly offsets: Tensor
  readonly rows: number
  readonly size: number
  readonly segments: number
}

/** Where segments begin, [..., segments + 1], whichever way it was said. */
function offsetsOf(options: SegmentReduceOptions | undefined): { given: Tensor; role: string; offsets: Tensor } {
  const { lengths, offsets } = options ?? {}
  if ((lengths && offsets) || !(lengths || offsets))
    throw new ArgumentError('segmentReduce', 'one of lengths and offsets must be given: { lengths: tensor([2, 1], { dtype: "int32" }) }')
  const role = lengths ? 'lengths' : 'offsets'
  const given = (lengths ?? offsets) as Tensor
  const index = stopGradient(indexTensor('segmentReduce', role, given))
  if (!lengths) return { given, role, offsets: index }
  const d = given.ndim - 1
  if (d < 0) throw new ShapeError('segmentReduce', 'lengths must be [..., segments], got a 0-d tensor', [given.shape])
  const before = given.shape.map((_, i) => (i === d ? 1 : 0))
  const ends = sizeOf(given.shape) === 0 ? index : cumsum(index, d)
  return { given, role, offsets: padZeros(ends, { before, sizes: given.shape.map((s, i) => (i === d ? s + 1 : s)) }) }
}

/** `data` cut as the options say. @throws where shapes do not fit, or lengths that the host has do not. */
function cutsOf(data: Tensor, options: SegmentReduceOptions | undefined): Cuts {
  const { given, role, offsets } = offsetsOf(options)
  const axis = given.ndim - 1
  const d = data.ndim === 0 ? 0 : normalizeDim('segmentReduce', options?.axis ?? 0, data.ndim)
  if (given.ndim > data.ndim || d !== axis || !sameShape(given.shape.slice(0, axis), data.shape.slice(0, axis)))
    throw new ShapeError(
      'segmentReduce',
      `${role} ${showShape(given.shape)} must have the dims of data ${showShape(data.shape)} up to axis ${d}, which is cut`,
      [given.shape, data.shape],
    )
  checkDevices('segmentReduce', ['data', role], [data, given])
  const [rows, size, segments] = [sizeOf(data.shape.slice(0, axis)), data.shape[axis] as number, (offsets.shape[axis] as number) - 1]
  if (segments < 0)
    throw new ShapeError('segmentReduce', `offsets ${showShape(given.shape)} must be one more than there are segments`, [given.shape])
  if (!options?.unsafe) checkKnown(given, role, size)
  return { offsets: reshapeTo(offsets, [rows, segments + 1]), rows, size, segments }
}

/** Throws where lengths or offsets that the host has leave elements out, or want more. */
function checkKnown(given: Tensor, role: string, size: number): void {
  const values = knownValues(given)
  if (!values) return
  const n = given.shape[given.ndim - 1] as number
  for (let row = 0; row < sizeOf(given.shape.slice(0, -1)); row++) {
    const own = Array.from(values.subarray(row * n, row * n + n) as ArrayLike<number | bigint>, Number)
    const steps = role === 'lengths' ? own : own.map((v, i) => (i === 0 ? v : v - (own[i - 1] as number)))
    if (steps.some((v) => v < 0))
      throw new ArgumentError('segmentReduce', `${role} must not ${role === 'lengths' ? 'be negative' : 'descend'}, got [${own}]`)
    const total = steps.reduce((a, b) => a + b, 0)
    if (total !== size || (role === 'offsets' && own[0] !== 0))
      throw new ArgumentError(
        'segmentReduce',
        `${role} must ${role === 'lengths' ? 'add up' : 'go from 0'} to the ${size} elements along the axis, got [${own}]. { unsafe: true } leaves elements out`,
      )
  }
}

/** 0 where offsets go from 0 to the end and never descend; else the device reports an index out of range. */
function checkedOffsets({ offsets, size, segments }: Cuts): Tensor {
  const first = narrowTo(offsets, 1, 0, 1)
  const last = narrowTo(offsets, 1, segments, 1)
  const ascend = all(le(narrowTo(offsets, 1, 0, segments), narrowTo(offsets, 1, 1, segments)))
  const fits = logicalAnd(ascend, logicalAnd(all(eq(first, 0)), all(eq(last, size))))
  const only = new Tensor(graph.iota(1, offsets._node.placement))
  return gatherAlong(only, reshapeTo(cast(logicalNot(fits), 'int32'), [1]), { dim: 0, op: 'segmentReduce' })
}

/** The segment of each element, [rows · size]; of those that are in none, one behind the last. */
function segmentIds(cuts: Cuts, isChecked: boolean): Tensor {
  const { offsets, rows, size, segments } = cuts
  const { placement } = offsets._node
  const position = expandTo(reshapeTo(new Tensor(graph.iota(size, placement)), [1, size]), [rows, size])
  const own = sub(searchsorted(offsets, position, { right: true }), 1)
  const row = reshapeTo(new Tensor(graph.iota(rows, placement)), [rows, 1])
  const isIn = logicalAnd(le(lit(0, own), own), lt(own, lit(segments, own)))
  const ids = reshapeTo(where(isIn, add(own, mul(row, lit(segments, row))), lit(rows * segments, own)), [rows * size])
  return isChecked ? add(ids, checkedOffsets(cuts)) : ids
}

/** The reduction of nothing. */
const EMPTY: Readonly<Record<SegmentReduction, number>> = {
  sum: 0,
  mean: 0,
  prod: 1,
  max: Number.NEGATIVE_INFINITY,
  min: Number.POSITIVE_INFINITY,
}
const JOINED: Readonly<Record<Exclude<SegmentReduction, 'sum' | 'mean'>, ScatterReduction>> = { max: 'amax', min: 'amin', prod: 'prod' }

/** What each of `count` segments receives of `flat` [n, features], without an initial value: [count, features]. */
function joined(flat: Tensor, ids: Tensor, count: number, reduce: SegmentReduction): Tensor {
  const [n, features] = flat.shape as readonly [number, number]
  const shape = [count + 1, features]
  if (sizeOf(flat.shape) === 0 || count === 0) return expandTo(lit(EMPTY[reduce], flat), [count, features])
  const all =
    reduce === 'sum' || reduce === 'mean'
      ? scatterAlong(flat, ids, { dim: 0, op: 'segmentReduce', shape })
      : scatterReduce(expandTo(lit(EMPTY[reduce], flat), shape), 0, expandTo(reshapeTo(ids, [n, 1]), [n, features]), flat, JOINED[reduce], {
          includeSelf: false,
        })
  return narrowTo(all, 0, 0, count)
}

/** With what each result begins. */
function begun(y: Tensor, initial: number, reduce: SegmentReduction): Tensor {
  const start = number(initial, y.dtype)
  switch (reduce) {
    case 'sum':
    case 'mean':
      return add(y, start)
    case 'prod':
      return mul(y, start)
    case 'max':
      return where(gt(start, y), start, y)
    case 'min':
      return where(lt(start, y), start, y)
  }
}

/** Sums over how many elements they are of; of none, the initial value or NaN. */
function averaged(total: Tensor, { offsets, rows, segments }: Cuts, initial: number | undefined): Tensor {
  const lengths = sub(narrowTo(offsets, 1, 1, segments), narrowTo(offsets, 1, 0, segments))
  const counts = reshapeTo(cast(lengths, total.dtype), [rows * segments, 1])
  const some = ne(counts, lit(0, counts))
  return where(some, div(total, where(some, counts, lit(1, counts))), number(initial ?? Number.NaN, total.dtype))
}

/**
 * The sum, mean, maximum, minimum or product of each segment of `data` along an axis: its shape with the number of segments there. Equal extremes share the gradient.
 * @param data floats, [..., n, ...]
 * @throws ArgumentError for lengths that do not add up to n or are negative; of lengths that only the device has, IndexError at the next await. ShapeError unless `lengths` have the
 * dims of `data` up to the axis.
 * @see https://pytorch.org/docs/1.13/generated/torch.segment_reduce.html
 * @example segmentReduce(data, 'max', { lengths: tensor([2, 1], { dtype: 'int32' }) })
 */
export const segmentReduce: (data: Tensor, reduce: SegmentReduction, options?: SegmentReduceOptions) => Tensor = defineComposition(
  'segmentReduce',
  (data: Tensor, reduce: SegmentReduction, options?: SegmentReduceOptions) => {
    SEGMENT_REDUCE.check(data, reduce, options)
    checkFloat('segmentReduce', 'data', data)
    const cuts = cutsOf(data, options)
    const { rows, size, segments } = cuts
    const axis = normalizeDim('segmentReduce', options?.axis ?? 0, data.ndim)
    const rest = data.shape.slice(axis + 1)
    const initial = options?.initial ?? undefined
    const flat = reshapeTo(data, [rows * size, sizeOf(rest)])
    const plain = joined(flat, segmentIds(cuts, !options?.unsafe), rows * segments, reduce)
    const total = initial === undefined ? plain : begun(plain, initial, reduce)
    const y = reduce === 'mean' ? averaged(total, cuts, initial) : total
    return reshapeTo(y, [...data.shape.slice(0, axis), segments, ...rest])
  },
)
