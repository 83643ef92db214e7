/** @file Where values belong in an order: searchsorted, bucketize, isin. */
import {
  ArgumentError,
  BOOLEAN,
  choice,
  options as describe,
  isFloat,
  isInteger,
  NUMBER,
  type Options,
  oneOf,
  optional,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  thresholdOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { MAYBE_TENSOR, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, logicalNot } from './compare.ts'
import { stopGradient } from './convert.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { gatherAlong } from './gather.ts'
import { checkIndices, indexTensor } from './indexing.ts'
import { commonOrder, compared } from './order.ts'
import { number } from './promote.ts'
import { sort } from './sort.ts'
import { reshapeTo } from './view.ts'

/** How many elements of each row of `sorted` [..., n] stand before each of `values` [..., m]: of one dtype by a routine, else by halving, all values at once. */
function before(sorted: graph.Node, values: graph.Node, right: boolean): graph.Node {
  const dtype = commonOrder(sorted.dtype, values.dtype)
  if (dtype === undefined) return halving(sorted, values, right)
  const rows = (x: graph.Node): graph.Node =>
    graph.reshape(graph.cast(x, dtype), [sizeOf(x.shape) / (x.shape.at(-1) as number), x.shape.at(-1) as number])
  const [count] = graph.routine({ kind: 'search', right }, [rows(sorted), rows(values)]) as [graph.Node]
  return graph.reshape(count, values.shape)
}

/** As the routine, of two dtypes that no dtype of their device holds both of. */
function halving(sorted: graph.Node, values: graph.Node, right: boolean): graph.Node {
  const last = sorted.shape.length - 1
  const n = sorted.shape[last] as number
  const plus = (a: graph.Node, b: number): graph.Node => (b === 0 ? a : graph.binary('add', a, b))
  /** How many places further, where the element at a position stands before. (Of a `where`, each branch would have the index checked by itself.) */
  const further = (position: graph.Node, by: number): graph.Node => {
    const isBefore = compared(right ? 'le' : 'lt', graph.gather(sorted, last, position, 'searchsorted'), values)
    return graph.binary('mul', graph.cast(isBefore, 'int32'), by)
  }
  const places = 2 ** Math.floor(Math.log2(n))
  // Of the n + 1 places the first `places` are left, or the last: where they begin, and the sum of the lower powers of two that are taken
  let count = further(graph.expand(graph.scalar(places - 1, 'int32'), values.shape), n - places + 1)
  for (let step = places / 2; step >= 1; step /= 2) count = graph.binary('add', count, further(plus(count, step - 1), step))
  return isFloat(values.dtype) ? graph.where(graph.binary('ne', values, values), n, count) : count
}

interface SearchParams {
  /** Whether equal elements stand before the place. */
  readonly right: boolean
}

/** How many elements of each row of `sorted` [..., n] stand before each of `values` [..., m], int32. NaN is the largest, and stands behind all. */
const places = defineOp('searchsorted', {
  inputs: ['sorted', 'values'],
  forward: (sorted, values, { right }: SearchParams) => before(sorted, values, right),
  vjp: { sorted: 'none', values: 'none' },
  half: 'keep',
})

/** Options of {@link bucketize}. */
export interface BucketizeOptions {
  /** Whether a value stands behind the elements that equal it: false by default. */
  readonly right?: boolean
  /** Whether positions are int32: they are in any case. */
  readonly outInt32?: boolean
}
/** Options of {@link searchsorted}. */
export interface SearchsortedOptions extends BucketizeOptions {
  /** `left` (default) or `right`: the same as `right`, by name. */
  readonly side?: 'left' | 'right'
  /** Positions that put `sorted` in order, where it is not: int32, in its shape. */
  readonly sorter?: Tensor | null
}

const BUCKETIZE_OPTIONS: Options<BucketizeOptions> = describe<BucketizeOptions>({ right: BOOLEAN, outInt32: BOOLEAN })
const SEARCH_OPTIONS: Options<SearchsortedOptions> = describe<SearchsortedOptions>({
  right: BOOLEAN,
  outInt32: BOOLEAN,
  side: choice(['left', 'right']),
  sorter: MAYBE_TENSOR,
})
const SEARCHSORTED = signature('searchsorted', { sorted: TENSOR, values: oneOf(TENSOR, NUMBER), options: optional(SEARCH_OPTIONS) })
const BUCKETIZE = signature('bucketize', { x: oneOf(TENSOR, NUMBER), boundaries: TENSOR, options: optional(BUCKETIZE_OPTIONS) })

/** A number as a 0-d tensor that compares with `like` as the number does. */
function asOperand(value: Tensor | number, like: Tensor): Tensor {
  if (value instanceof Tensor) return value
  const fits = isFloat(like.dtype) || (isInteger(like.dtype) && typeof thresholdOf('eq', value, like.dtype) === 'number')
  return number(value, fits ? like.dtype : 'float32')
}

/** Places of `values` in rows of `sorted`, in the shape of `values`. */
function search(op: string, sorted: Tensor, values: Tensor, right: boolean): Tensor {
  if (sizeOf(values.shape) === 0 || sizeOf(sorted.shape) === 0)
    return new Tensor(graph.expand(graph.constant(0, 'int32', values._node.placement), values.shape))
  return underName(op, () => {
    const rows = sorted.ndim === 1 ? reshapeTo(values, [values.numel()]) : values
    return reshapeTo(places(stopGradient(sorted), stopGradient(rows), { right }), values.shape)
  })
}

/**
 * Where each of `values` belongs in the rows of `sorted`, so that these stay in order: the int32 number of elements that are less, or with `right` not larger.
 * NaN counts as the largest, in `sorted` too, as `sort` puts it.
 * @param sorted [n], or [..., n] in ascending order
 * @param values any shape for [n], else [..., m]; a number is a 0-d tensor
 * @returns int32 in the shape of `values`
 * @throws ShapeError where leading dims differ.
 * @see https://pytorch.org/docs/stable/generated/torch.searchsorted.html
 */
export function searchsorted(sorted: Tensor, values: Tensor | number, options?: SearchsortedOptions): Tensor {
  SEARCHSORTED.check(sorted, values, options)
  const { right, side, sorter } = options ?? {}
  if (right === true && side === 'left') throw new ArgumentError('searchsorted', "right: true and side: 'left' exclude each other")
  const v = asOperand(values, sorted)
  checkDevices('searchsorted', ['sorted', 'values', 'sorter'], [sorted, v, sorter])
  const isBatch = sorted.ndim > 1
  if (sorted.ndim === 0 || (isBatch && (v.ndim !== sorted.ndim || v.shape.slice(0, -1).join() !== sorted.shape.slice(0, -1).join())))
    throw new ShapeError(
      'searchsorted',
      `sorted ${showShape(sorted.shape)} must be [n], or have the dims of values ${showShape(v.shape)} but for the last`,
      [sorted.shape, v.shape],
    )
  return search('searchsorted', inOrder(sorted, sorter), v, right === true || side === 'right')
}

/** `sorted` as `sorter` orders it. */
function inOrder(sorted: Tensor, sorter: Tensor | null | undefined): Tensor {
  if (!sorter) return sorted
  const index = indexTensor('searchsorted', 'sorter', sorter)
  if (sorter.shape.join() !== sorted.shape.join())
    throw new ShapeError('searchsorted', `sorter ${showShape(sorter.shape)} must be as sorted, ${showShape(sorted.shape)}`, [sorter.shape])
  const dim = sorted.ndim - 1
  checkIndices('searchsorted', sorter, sorted.shape[dim] as number)
  return gatherAlong(stopGradient(sorted), index, { dim, op: 'searchsorted' })
}

/**
 * The int32 number of the bucket in which each element lies, between `boundaries` in ascending order: {@link searchsorted} with the operands exchanged.
 * @param boundaries [n]
 * @see https://pytorch.org/docs/stable/generated/torch.bucketize.html
 */
export function bucketize(x: Tensor | number, boundaries: Tensor, options?: BucketizeOptions): Tensor {
  BUCKETIZE.check(x, boundaries, options)
  const v = asOperand(x, boundaries)
  checkDevices('bucketize', ['x', 'boundaries'], [v, boundaries])
  if (boundaries.ndim !== 1)
    throw new ShapeError('bucketize', `boundaries must have one dim, got ${showShape(boundaries.shape)}`, [boundaries.shape])
  return search('bucketize', boundaries, v, options?.right ?? false)
}

/** Options of {@link isin}. */
export interface IsinOptions {
  /** Whether both are free of duplicates: it makes no difference here. */
  readonly assumeUnique?: boolean
  /** Whether those are meant that are not there: false by default. */
  readonly invert?: boolean
}

const ISIN = signature('isin', {
  elements: oneOf(TENSOR, NUMBER),
  testElements: oneOf(TENSOR, NUMBER),
  options: optional(describe<IsinOptions>({ assumeUnique: BOOLEAN, invert: BOOLEAN })),
})

/**
 * Whether each of `elements` is among `testElements`, bool in the shape of `elements`. NaN equals nothing.
 * @see https://pytorch.org/docs/stable/generated/torch.isin.html
 */
export const isin: (elements: Tensor | number, testElements: Tensor | number, options?: IsinOptions) => Tensor = defineComposition(
  'isin',
  (elements: Tensor | number, testElements: Tensor | number, options?: IsinOptions) => {
    ISIN.check(elements, testElements, options)
    const given = [elements, testElements].find((x) => x instanceof Tensor) as Tensor | undefined
    if (given === undefined) throw new ArgumentError('isin', 'one of elements and testElements must be a Tensor')
    const [x, list] = [asOperand(elements, given), asOperand(testElements, given)]
    checkDevices('isin', ['elements', 'testElements'], [x, list])
    const n = list.numel()
    const found = n === 0 ? new Tensor(graph.expand(graph.constant(0, 'bool', x._node.placement), x.shape)) : among(x, list, n)
    return options?.invert ? logicalNot(found) : found
  },
  { half: 'keep' },
)

function among(x: Tensor, list: Tensor, n: number): Tensor {
  if (sizeOf(x.shape) === 0) return eq(x, x)
  const { values } = sort(stopGradient(reshapeTo(list, [n])), 0)
  const flat = reshapeTo(stopGradient(x), [x.numel()])
  const at = new Tensor(graph.binary('min', places(values, flat, { right: false })._node, n - 1))
  return reshapeTo(eq(gatherAlong(values, at, { dim: 0, op: 'isin' }), flat), x.shape)
}
