/** @file Rows of a table by their numbers: embedding, and embeddingBag, which joins the rows of each bag. */
import {
  ArgumentError,
  atLeast,
  BOOLEAN,
  choice,
  counted,
  DTypeError,
  options as describe,
  isHalf,
  isPlainObject,
  NUMBER,
  nullable,
  type Options,
  oneOf,
  optional,
  ShapeError,
  showShape,
  signature,
  underName,
  WHOLE,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { MAYBE_TENSOR, noGrad, TENSOR, Tensor } from '../tensor/index.ts'
import { maximum } from './clamp.ts'
import { eq, gt, le, logicalNot } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { div, mul, sub, where } from './elementwise.ts'
import { max } from './extremes.ts'
import { gatherAlong, joinedRows, scatterAlong } from './gather.ts'
import { checkIndices, indexTensor, ownShape, selectRows } from './indexing.ts'
import { copy_ } from './inplace.ts'
import { renormFactor } from './norms.ts'
import { checkFloat, lit, number } from './promote.ts'
import { sum } from './reduce.ts'
import { checkedIndex, scatterCount } from './scatter.ts'
import { searchsorted } from './search.ts'
import { narrowTo } from './slice.ts'
import { expandTo, reshapeTo } from './view.ts'

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** The row that gets no gradient; −1 is the last. None by default. */
  readonly paddingIdx?: number | null
  /** The largest norm of a row: rows of `input` whose norm is larger are scaled down to it, in `weight` itself. None by default. */
  readonly maxNorm?: number | null
  /** The order of that norm: 2 by default. */
  readonly normType?: number
  /** Whether the gradient of a row is divided by how often it is in `input`: false by default. */
  readonly scaleGradByFreq?: boolean
}

/** What each of them is, for the layer. */
export const EMBEDDING_KINDS = {
  paddingIdx: nullable(WHOLE),
  maxNorm: nullable(atLeast(0)),
  normType: NUMBER,
  scaleGradByFreq: BOOLEAN,
} as const
const EMBEDDING = signature('embedding', {
  input: TENSOR,
  weight: TENSOR,
  options: optional(describe<EmbeddingOptions>(EMBEDDING_KINDS)),
})

/** Numbers of rows, [n], of a table [rows, features]. */
interface Lookup {
  readonly op: string
  readonly flat: Tensor
  readonly rows: number
  readonly features: number
  /** The row that is left out, counted from the front. */
  readonly padding: number | null
}

/** What `input` looks up in `weight`: checked. */
function lookup(op: string, input: Tensor, weight: Tensor, { paddingIdx }: EmbeddingOptions): Lookup {
  const index = indexTensor(op, 'input', input)
  checkDevices(op, ['input', 'weight'], [input, weight])
  if (weight.ndim !== 2) throw new ShapeError(op, `weight must be [rows, features], got ${showShape(weight.shape)}`, [weight.shape])
  const [rows, features] = weight.shape as readonly [number, number]
  checkIndices(op, input, rows)
  const padding = paddingIdx ?? null
  if (padding !== null && (padding < -rows || padding >= rows))
    throw new ArgumentError(op, `paddingIdx ${padding} is out of range for the ${rows} rows of weight`)
  const flat = reshapeTo(index, [index.numel()])
  return { op, flat, rows, features, padding: padding !== null && padding < 0 ? padding + rows : padding }
}

/** Which of the numbers is that of the row that is left out, bool [n]. */
const isPadding = ({ flat }: Lookup, padding: number): Tensor => eq(flat, number(padding, 'int32'))

/** Scales rows that are looked up down to `maxNorm`, in the table itself. */
function shrinkRows({ op, flat, rows }: Lookup, weight: Tensor, maxNorm: number, normType: number): void {
  checkFloat(op, 'weight', weight)
  if (flat.numel() === 0) return
  noGrad(() => {
    const wide = weight.dtype === 'float64' ? weight : cast(weight, 'float32')
    const factor = renormFactor(op, wide, normType, [1], maxNorm) // [rows, 1]
    const used = gt(scatterCount(checkedIndex(op, flat, rows), { dim: 0, shape: [rows], op }), number(0, 'int32'))
    copy_(weight, mul(wide, where(reshapeTo(used, [rows, 1]), factor, lit(1, factor))))
  })
}

/** Rows, whose gradients are divided by how often their numbers are in `index`, [n]. */
const scaleByFrequency: (x: Tensor, index: Tensor, rows: number) => Tensor = defineOp('scaleGradByFreq', {
  inputs: ['x', 'index'],
  forward: (x) => graph.alias(x),
  saves: { x: ['index'] },
  vjp: {
    x: (g, { index }, rows) => {
      const p = { dim: 0, shape: [rows], op: 'embedding' }
      return div(g, reshapeTo(gatherAlong(cast(scatterCount(index, p), g.dtype), index, p), [g.shape[0] as number, 1]))
    },
    index: 'none',
  },
  half: 'keep',
})

/** The rows that are looked up, [n, features]. */
function rowsOf({ op, flat, rows }: Lookup, weight: Tensor, { scaleGradByFreq }: EmbeddingOptions): Tensor {
  const y = selectRows(weight, 0, flat, op)
  return scaleGradByFreq ? scaleByFrequency(y, flat, rows) : y
}

/**
 * Rows of `weight` for each index of `input`.
 * @param input integers, any shape
 * @param weight [rows, features]; `maxNorm` changes it in place, also where it requires grad
 * @returns [...input.shape, features]
 * @throws IndexError as {@link gather}
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html
 */
export const embedding: (input: Tensor, weight: Tensor, options?: EmbeddingOptions) => Tensor = defineComposition(
  'embedding',
  (input: Tensor, weight: Tensor, options?: EmbeddingOptions) => {
    EMBEDDING.check(input, weight, options)
    const { maxNorm, normType = 2, scaleGradByFreq = false } = options ?? {}
    const found = lookup('embedding', input, weight, options ?? {})
    if (maxNorm !== undefined && maxNorm !== null) shrinkRows(found, weight, maxNorm, normType)
    // (what divides gradients of halves does so in front of their sum, which is rounded once)
    let y = cast(
      rowsOf(found, scaleGradByFreq && isHalf(weight.dtype) ? cast(weight, 'float32') : weight, { scaleGradByFreq }),
      weight.dtype,
    )
    if (found.padding !== null) y = where(reshapeTo(isPadding(found, found.padding), [y.shape[0] as number, 1]), stopGradient(y), y)
    return ownShape(y, [...input.shape, found.features])
  },
  { half: 'keep' },
)

// ── bags ──

/** How {@link embeddingBag} joins the rows of a bag. */
export type BagMode = 'sum' | 'mean' | 'max'

/** Options of {@link embeddingBag}. */
export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** Where each bag begins in an `input` of one dim. */
  readonly offsets?: Tensor | null
  /** How the rows of a bag are joined: `mean` by default. */
  readonly mode?: BagMode
  /** Factors of the rows, in the shape of `input` and the dtype of `weight`; for `sum` only. */
  readonly perSampleWeights?: Tensor | null
  /** Whether the last of the offsets is where the last bag ends: false by default. */
  readonly includeLastOffset?: boolean
}

const BAG_OPTIONS: Options<EmbeddingBagOptions> = describe<EmbeddingBagOptions>({
  ...EMBEDDING_KINDS,
  offsets: MAYBE_TENSOR,
  mode: choice(['sum', 'mean', 'max']),
  perSampleWeights: MAYBE_TENSOR,
  includeLastOffset: BOOLEAN,
})
const EMBEDDING_BAG = signature('embeddingBag', {
  input: TENSOR,
  weight: TENSOR,
  offsets: nullable(oneOf(TENSOR, BAG_OPTIONS)),
  options: optional(BAG_OPTIONS),
})

const OP = 'embeddingBag'

/** Throws where options do not go together. */
function checkBag(input: Tensor, weight: Tensor, { mode = 'mean', perSampleWeights, scaleGradByFreq }: EmbeddingBagOptions): void {
  checkFloat(OP, 'weight', weight)
  if (mode === 'max' && scaleGradByFreq) throw new ArgumentError(OP, "scaleGradByFreq is for the modes 'sum' and 'mean'")
  if (!perSampleWeights) return
  if (mode !== 'sum') throw new ArgumentError(OP, `perSampleWeights are for the mode 'sum', got '${mode}'`)
  if (perSampleWeights.dtype !== weight.dtype)
    throw new DTypeError(OP, `perSampleWeights must have the dtype of weight (${weight.dtype}), got ${perSampleWeights.dtype}`)
  if (perSampleWeights.shape.join() !== input.shape.join())
    throw new ShapeError(
      OP,
      `perSampleWeights ${showShape(perSampleWeights.shape)} must have the shape of input, ${showShape(input.shape)}`,
      [perSampleWeights.shape, input.shape],
    )
}

/** Where bags of an `input` of one dim begin, as int32: checked as far as the host has them. */
function checkedOffsets(input: Tensor, given: Tensor | null, includeLast: boolean): Tensor | null {
  if (input.ndim === 2) {
    if (given) throw new ArgumentError(OP, `offsets are for an input of one dim: the rows of input ${showShape(input.shape)} are its bags`)
    return null
  }
  if (input.ndim !== 1) throw new ShapeError(OP, `input must be [n], or [bags, n], got ${showShape(input.shape)}`, [input.shape])
  if (!given) throw new ArgumentError(OP, `offsets must say where the bags of input ${showShape(input.shape)} begin. One bag? tensor([0])`)
  const offsets = indexTensor(OP, 'offsets', given)
  if (given.ndim !== 1 || (includeLast && given.numel() === 0))
    throw new ShapeError(OP, `offsets must be ${includeLast ? '[bags + 1]' : '[bags]'}, got ${showShape(given.shape)}`, [given.shape])
  const known = runtime.hostValues(given._node)
  if (!known) return offsets
  const n = input.numel()
  for (let i = 0; i < known.length; i++) {
    const v = known[i] as number
    if (i === 0 && v !== 0) throw new ArgumentError(OP, `the first of the offsets must be 0, got ${v}`)
    if (v > n) throw new ArgumentError(OP, `offsets[${i}] is ${v}, input has ${counted(n, 'element')}`)
    if (i > 0 && v < (known[i - 1] as number)) throw new ArgumentError(OP, `offsets must ascend, got ${known[i - 1]} before ${v}`)
  }
  return offsets
}

/** The bag of each element of an `input` of one dim, int32 [n]; `bags` for what is in none. */
function bagOf(found: Lookup, offsets: Tensor, bags: number): Tensor {
  const { flat, padding } = found
  const n = flat.numel()
  const at = new Tensor(graph.iota(n, flat._node.placement))
  // (offsets on the device may begin behind 0: what is in front of the first is in its bag)
  const bag = maximum(sub(searchsorted(offsets, at, { right: true }), number(1, 'int32')), number(0, 'int32'))
  return padding === null ? bag : where(isPadding(found, padding), number(bags, 'int32'), bag)
}

/** Which of `rows` [n, features] is the first of the largest in each bag, int32 [bags, features]; n or more where a bag is empty. NaN is the largest. */
const firstLargest: (rows: Tensor, bag: Tensor, bags: number) => Tensor = defineOp('embeddingBagMax', {
  inputs: ['rows', 'bag'],
  forward: (rows, bag, bags: number) => {
    const [n, features] = rows.shape as readonly [number, number]
    const largest = joinedRows('max', bags, bag, rows)
    const own = graph.gather(largest, 0, graph.expand(graph.reshape(bag, [n, 1]), [n, features]), OP)
    const isLargest = graph.binary('or', graph.binary('eq', rows, own), graph.binary('ne', rows, rows))
    const places = graph.where(isLargest, graph.expand(graph.reshape(graph.iota(n, rows.placement), [n, 1]), [n, features]), n)
    return joinedRows('min', bags, bag, places)
  },
  vjp: { rows: 'none', bag: 'none' },
})

/** `rows` [n, features] joined by their bags, [bags, features]. `all` counts one more, where what is in no bag goes. */
function joinBags(rows: Tensor, bag: Tensor, bags: number, all: number, mode: BagMode): Tensor {
  const [n, features] = rows.shape as readonly [number, number]
  const there = (x: Tensor): Tensor => (all === bags ? x : narrowTo(x, 0, 0, bags))
  if (mode === 'max') {
    const first = there(firstLargest(stopGradient(rows), bag, all))
    const last = number(n - 1, 'int32')
    const isThere = le(first, last)
    return where(isThere, gatherAlong(rows, where(isThere, first, last), { dim: 0, op: OP }), lit(0, rows))
  }
  const joined = there(scatterAlong(rows, bag, { dim: 0, shape: [all, features], op: OP }))
  if (mode === 'sum') return joined
  const counts = there(scatterCount(bag, { dim: 0, shape: [all], op: OP }))
  return div(joined, reshapeTo(cast(maximum(counts, number(1, 'int32')), rows.dtype), [bags, 1]))
}

/** `rows` [bags, n, features] joined over n; `isThere` [bags, n, 1] says which of them count. */
function joinDim(rows: Tensor, isThere: Tensor | null, mode: BagMode): Tensor {
  const n = rows.shape[1] as number
  if (mode === 'max' && n > 0) {
    if (!isThere) return max(rows, 1).values
    const largest = max(where(isThere, rows, lit(Number.NEGATIVE_INFINITY, rows)), 1).values
    return where(gt(sum(cast(isThere, 'int32'), 1), number(0, 'int32')), largest, lit(0, rows))
  }
  const joined = sum(isThere ? where(isThere, rows, lit(0, rows)) : rows, 1)
  if (mode !== 'mean' || n === 0) return joined
  const counts = isThere ? maximum(sum(cast(isThere, 'int32'), 1), number(1, 'int32')) : number(n, 'int32')
  return div(joined, cast(counts, rows.dtype))
}

/** Zeros for bags of which none has any row. */
const emptyBags = (rows: Tensor, bags: number): Tensor =>
  expandTo(sum(narrowTo(rows, 0, 0, 0), 0, { keepdim: true }), [bags, rows.shape[1] as number])

const joined = defineComposition(
  OP,
  (weight: Tensor, { perSampleWeights, ...options }: EmbeddingBagOptions, found: Lookup, input: Tensor, offsets: Tensor | null): Tensor => {
    const { mode = 'mean', includeLastOffset = false } = options
    const { padding, features } = found
    let rows = rowsOf(found, weight, options)
    const n = found.flat.numel()
    if (perSampleWeights) rows = mul(rows, reshapeTo(perSampleWeights, [n, 1]))
    if (!offsets) {
      const [bags, each] = input.shape as readonly [number, number]
      const isThere = padding === null ? null : reshapeTo(logicalNot(isPadding(found, padding)), [bags, each, 1])
      return joinDim(reshapeTo(rows, [bags, each, features]), isThere, mode)
    }
    const bags = offsets.numel() - (includeLastOffset ? 1 : 0)
    if (n === 0 || bags === 0) return emptyBags(rows, bags)
    const all = bags + (includeLastOffset || padding !== null ? 1 : 0)
    return joinBags(rows, bagOf(found, offsets, bags), bags, all, mode)
  },
)

/**
 * Rows of `weight` for the indices of each bag, joined: their sum, mean or largest elements. A bag of nothing gives 0. Elements
 * of `paddingIdx` are in no bag; of equal elements the first takes the gradient of `max`, and NaN is the largest.
 * @param input integers [bags, n], or [n] with `offsets`
 * @param weight [rows, features] of a float dtype; `maxNorm` changes it in place, also where it requires grad
 * @param offsets where each bag begins in `input`: integers from 0 in ascending order, [bags], or [bags + 1] with `includeLastOffset`. Only what the host has is checked.
 * @returns [bags, features]
 * @throws IndexError as {@link gather}; ArgumentError for offsets out of order, and for options that do not go together.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html
 * @example embeddingBag(tensor([1, 2, 4], { dtype: 'int32' }), zeros([5, 3]), tensor([0, 2], { dtype: 'int32' }), { mode: 'sum' }).shape // [2, 3]
 */
export function embeddingBag(
  input: Tensor,
  weight: Tensor,
  offsets?: Tensor | null | EmbeddingBagOptions,
  options?: EmbeddingBagOptions,
): Tensor {
  EMBEDDING_BAG.check(input, weight, offsets, options)
  const isOptions = isPlainObject(offsets)
  if (isOptions && options !== undefined) throw new ArgumentError(OP, 'the options come last')
  const named: EmbeddingBagOptions = (isOptions ? (offsets as EmbeddingBagOptions) : options) ?? {}
  return underName(OP, () => {
    const found = lookup(OP, input, weight, named)
    checkBag(input, weight, named)
    const { maxNorm, normType = 2, perSampleWeights, includeLastOffset = false } = named
    const begins = checkedOffsets(
      input,
      (isOptions ? null : (offsets as Tensor | null | undefined)) ?? named.offsets ?? null,
      includeLastOffset,
    )
    checkDevices(OP, ['input', 'weight', 'offsets', 'perSampleWeights'], [input, weight, begins, perSampleWeights])
    if (maxNorm !== undefined && maxNorm !== null) shrinkRows(found, weight, maxNorm, normType)
    return joined(weight, named, found, input, begins)
  })
}
