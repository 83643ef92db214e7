/** @file Histograms: how many elements, or how much of their weights, lie in each bin. Bins are found by search, and counted by the routine that scatters. */
import {
  ArgumentError,
  BOOLEAN,
  DTypeError,
  options as describe,
  FINITE,
  isHalf,
  isPlainObject,
  listOf,
  nullable,
  type Options,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  sameShape,
  showShape,
  signature,
  sizeOf,
  underName,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, knownValues, MAYBE_TENSOR, TENSOR, Tensor } from '../tensor/index.ts'
import { minimum } from './clamp.ts'
import { eq, isfinite, le, logicalAnd, lt } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, div, mul, sub, where } from './elementwise.ts'
import { amax, amin } from './extremes.ts'
import { countsOf } from './gather.ts'
import { checkFloat, lit, number } from './promote.ts'
import { sum } from './reduce.ts'
import { floor, round } from './rounding.ts'
import { searchsorted } from './search.ts'
import { narrowTo, select } from './slice.ts'
import { reshapeTo } from './view.ts'

const BINS = whole(1)

// ── between which bounds ──

/** The bounds of equal bins, 0-d. */
interface Bounds {
  readonly least: Tensor
  readonly most: Tensor
}

/** Those of the elements of `x`, or 0 and 1 where there are none. */
function boundsOf(op: string, x: Tensor): Bounds {
  if (x.numel() === 0) return { least: lit(0, x), most: lit(1, x) }
  for (const v of knownValues(x) ?? [])
    if (!Number.isFinite(v)) throw new ArgumentError(op, `x holds ${v}, so that it does not say where bins begin and end. Give a range`)
  return { least: amin(x), most: amax(x) }
}

/** Bounds that are equal, each half a unit further out. */
function apart({ least, most }: Bounds): Bounds {
  const by = where(eq(least, most), lit(0.5, least), lit(0, least))
  return { least: sub(least, by), most: add(most, by) }
}

/** NaN in place of all counts where the bounds, of values that only the device has, are not finite. */
const unlessUnbounded = (counts: Tensor, { least, most }: Bounds): Tensor =>
  where(logicalAnd(isfinite(least), isfinite(most)), counts, lit(Number.NaN, counts))

// ── histc ──

/** Options of {@link histc}. */
export interface HistcOptions {
  /** How many bins: 100 by default. */
  readonly bins?: number
  /** Where the first begins: 0 by default. */
  readonly min?: number
  /** Where the last ends: 0 by default. */
  readonly max?: number
}

const HISTC_OPTIONS: Options<HistcOptions> = describe<HistcOptions>({ bins: BINS, min: FINITE, max: FINITE })
const HISTC = signature('histc', {
  x: TENSOR,
  bins: optional(oneOf(BINS, HISTC_OPTIONS)),
  min: optional(FINITE),
  max: optional(FINITE),
})

/** The number of the bin of each element, of `bins` equal ones. A quotient of the device's that is an ulp off moves nothing that stands on an edge. */
function equalBin(x: Tensor, bins: number, { least, most }: Bounds): Tensor {
  const width = sub(most, least)
  const scaled = mul(sub(x, least), lit(bins, x))
  const quotient = div(scaled, width)
  const nearest = round(quotient)
  return where(eq(mul(nearest, width), scaled), nearest, floor(quotient))
}

/**
 * How many elements lie in each of `bins` equal bins from `min` to `max`, both included: [bins], in the dtype of `x`. Where `min` and `max` are equal (they are 0
 * by default), the smallest and the largest element take their place. What lies outside, and NaN, is not counted. There is no gradient.
 * @throws ArgumentError where `min` is above `max`, or `x` holds NaN or ±∞ and has to say the range (of values that only the device has, the counts are then NaN);
 * DTypeError for integers and bools.
 * @see https://pytorch.org/docs/stable/generated/torch.histc.html
 * @example await tensor([1, 2, 1]).histc(4, 0, 3).toArray() // [0, 2, 1, 0]
 */
export const histc: (x: Tensor, bins?: number | HistcOptions, min?: number, max?: number) => Tensor = defineComposition(
  'histc',
  (x: Tensor, bins?: number | HistcOptions, min?: number, max?: number) => {
    HISTC.check(x, bins, min, max)
    const named = isPlainObject(bins)
    if (named && (min !== undefined || max !== undefined)) throw new ArgumentError('histc', 'the options come last')
    const given = named ? (bins as HistcOptions) : { bins: bins as number | undefined, min, max }
    const [n, from, to] = [given.bins ?? 100, given.min ?? 0, given.max ?? 0]
    checkFloat('histc', 'x', x)
    if (from > to) throw new ArgumentError('histc', `min must not be above max, got ${from} and ${to}`)
    checkSize('histc', [n])
    const flat = reshapeTo(stopGradient(x), [x.numel()])
    const bounds = apart(from === to ? boundsOf('histc', flat) : { least: number(from, x.dtype), most: number(to, x.dtype) })
    const inside = logicalAnd(le(bounds.least, flat), le(flat, bounds.most))
    const bin = minimum(equalBin(flat, n, bounds), lit(n - 1, x))
    const target = where(inside, cast(where(inside, bin, lit(0, x)), 'int32'), lit(n, number(0, 'int32')))
    return unlessUnbounded(cast(narrowTo(countsOf(target, undefined, n + 1), 0, 0, n), x.dtype), bounds)
  },
)

// ── histogram and histogramdd ──

/** Options of {@link histogram}. */
export interface HistogramOptions {
  /** Where equal bins begin and end, both included: the smallest and the largest element by default. */
  readonly range?: readonly [least: number, most: number] | null
  /** What each element counts, in its dtype: 1 by default. */
  readonly weight?: Tensor | null
  /** Whether counts are divided by their sum and by the width of their bin: false by default. */
  readonly density?: boolean
}
/** Options of {@link histogramdd}. */
export interface HistogramddOptions extends Omit<HistogramOptions, 'range'> {
  /** Where equal bins begin and end, two numbers for each dim: the smallest and the largest element there by default. */
  readonly range?: readonly number[] | null
}

/** Counts and edges: an object that is also a tuple. */
export type Histogram<E = Tensor> = readonly [hist: Tensor, binEdges: E] & {
  /** The counts, one for each bin. */
  readonly hist: Tensor
  /** Where bins begin and end: one more than there are bins. */
  readonly binEdges: E
}
const histogramOf = <E>(hist: Tensor, binEdges: E): Histogram<E> => Object.assign([hist, binEdges] as const, { hist, binEdges })

const COMMON = { weight: MAYBE_TENSOR, density: BOOLEAN, range: nullable(listOf(FINITE)) } as const
const HISTOGRAM = signature('histogram', {
  x: TENSOR,
  bins: oneOf(BINS, TENSOR),
  options: optional(describe<HistogramOptions>(COMMON)),
})
const HISTOGRAMDD = signature('histogramdd', {
  x: TENSOR,
  bins: oneOf(BINS, listOf(oneOf(BINS, TENSOR))),
  options: optional(describe<HistogramddOptions>(COMMON)),
})

/** The bins of one coordinate: their edges [bins + 1], and for equal ones the bounds that they were made of. */
interface Axis {
  readonly edges: Tensor
  readonly bounds: Bounds | undefined
}

/** `bins` equal ones, whose edges are counted from the nearer end, so that both ends are exact. */
function equalAxis(op: string, x: Tensor, bins: number, range: readonly number[] | undefined): Axis {
  checkSize(op, [bins + 1])
  const [from, to] = range ?? []
  if (from !== undefined && to !== undefined && from > to) throw new ArgumentError(op, `range must ascend, got [${from}, ${to}]`)
  const bounds = apart(range ? { least: number(from as number, x.dtype), most: number(to as number, x.dtype) } : boundsOf(op, x))
  const i = cast(new Tensor(graph.iota(bins + 1, x._node.placement)), x.dtype)
  const step = div(sub(bounds.most, bounds.least), lit(bins, x))
  const up = add(bounds.least, mul(i, step))
  const down = sub(bounds.most, mul(sub(lit(bins, x), i), step))
  return { edges: where(lt(i, lit((bins + 1) / 2, x)), up, down), bounds }
}

/** The bins between given edges. */
function givenAxis(op: string, x: Tensor, edges: Tensor): Axis {
  if (edges.ndim !== 1 || edges.numel() < 2)
    throw new ShapeError(op, `bins must be a number, or edges [n] of which there are at least two, got ${showShape(edges.shape)}`, [
      edges.shape,
    ])
  checkSame(op, x, 'bins', edges)
  return { edges: new Tensor(graph.alias(wide(edges)._node)), bounds: undefined }
}

function checkSame(op: string, x: Tensor, role: string, other: Tensor): void {
  if (other.dtype !== x.dtype)
    throw new DTypeError(op, `${role} must have the dtype of x (${x.dtype}), got ${other.dtype}. Convert with .to('${x.dtype}')`)
  checkDevices(op, ['x', role], [x, other])
}

/** Halves as float32, in which bins are found and weights summed. */
const wide = (x: Tensor): Tensor => stopGradient(isHalf(x.dtype) ? cast(x, 'float32') : x)

/** Bins by number, and whether there is one: a bin holds its left edge, the last its right one too. */
function binOf(x: Tensor, { edges }: Axis): { bin: Tensor; inside: Tensor } {
  const bins = edges.numel() - 1
  const [first, last] = [select(edges, 0, 0), select(edges, 0, bins)]
  const place = searchsorted(edges, x, { right: true })
  return { bin: minimum(sub(place, 1), bins - 1), inside: logicalAnd(le(first, x), le(x, last)) }
}

/** The counts of points, whose coordinates are `columns` [n], in the bins of `axes`. */
function counted(
  op: string,
  columns: readonly Tensor[],
  axes: readonly Axis[],
  like: Tensor,
  options: HistogramddOptions | undefined,
): Tensor {
  const shape = axes.map(({ edges }) => edges.numel() - 1)
  checkSize(op, shape)
  const total = sizeOf(shape)
  const found = columns.map((x, d) => binOf(x, axes[d] as Axis))
  const at = found.reduce<Tensor | undefined>((before, { bin }, d) => (before ? add(mul(before, shape[d] as number), bin) : bin), undefined)
  const inside = found.map((each) => each.inside).reduce(logicalAnd)
  const target = where(inside, at as Tensor, total)
  const weight = options?.weight
  const values = weight ? wide(reshapeTo(weight, [weight.numel()])) : undefined
  const flat = narrowTo(countsOf(target, values, total + 1), 0, 0, total)
  let hist = reshapeTo(cast(flat, (axes[0] as Axis).edges.dtype), shape)
  for (const { bounds } of axes) if (bounds) hist = unlessUnbounded(hist, bounds)
  return cast(options?.density ? densityOf(hist, axes) : hist, like.dtype)
}

/** Counts over their sum and the volumes of bins. */
function densityOf(hist: Tensor, axes: readonly Axis[]): Tensor {
  let density = div(hist, sum(hist))
  for (const [d, { edges }] of axes.entries()) {
    const bins = edges.numel() - 1
    const width = sub(narrowTo(edges, 0, 1, bins), narrowTo(edges, 0, 0, bins))
    density = div(
      density,
      reshapeTo(
        width,
        hist.shape.map((s, i) => (i === d ? s : 1)),
      ),
    )
  }
  return density
}

function checkWeight(op: string, x: Tensor, shape: Shape, weight: Tensor | null | undefined): void {
  if (!weight) return
  if (!sameShape(weight.shape, shape))
    throw new ShapeError(
      op,
      `weight ${showShape(weight.shape)} must be ${showShape(shape)}, one for each that is counted of x ${showShape(x.shape)}`,
      [weight.shape, x.shape],
    )
  checkSame(op, x, 'weight', weight)
}

/**
 * How many elements lie in each bin, or what their weights come to: `{ hist, binEdges }`, which is also a tuple, of shapes [n] and [n + 1] in the dtype of `x`. A bin
 * holds its left edge, the last one its right edge too. What lies outside, and NaN, is not counted. There is no gradient.
 * @param bins how many equal ones, or their edges in ascending order, [n + 1]
 * @throws ArgumentError for a range that descends or stands beside edges, or where `x` holds NaN or ±∞ and has to say the range (of values that only the device
 * has, the counts are then NaN); DTypeError for integers and bools, and where dtypes differ; ShapeError where `weight` is not as `x`.
 * @see https://pytorch.org/docs/stable/generated/torch.histogram.html
 * @example const { hist, binEdges } = tensor([1, 2, 1]).histogram(4, { range: [0, 3] })
 */
export function histogram(x: Tensor, bins: number | Tensor, options?: HistogramOptions): Histogram {
  HISTOGRAM.check(x, bins, options)
  checkFloat('histogram', 'x', x)
  const range = options?.range ?? undefined
  if (range && range.length !== (2 as number))
    throw new ArgumentError('histogram', `range must be [least, most], got ${range.length} numbers`)
  if (range && bins instanceof Tensor) throw new ArgumentError('histogram', 'edges say the range: give a number of bins, or no range')
  checkWeight('histogram', x, x.shape, options?.weight)
  return underName('histogram', () => {
    const flat = reshapeTo(wide(x), [x.numel()])
    const axis = bins instanceof Tensor ? givenAxis('histogram', x, bins) : equalAxis('histogram', flat, bins, range)
    return histogramOf(counted('histogram', [flat], [axis], x, options), cast(axis.edges, x.dtype))
  })
}

/**
 * How many points, the rows of `x` [..., dims], lie in each bin of a grid, or what their weights come to: `{ hist, binEdges }`, which is also a tuple; counts with a dim for
 * each coordinate, and a list of edges. As {@link histogram} in all else.
 * @param bins how many equal ones, for all dims or for each; or the edges of each
 * @throws as {@link histogram} does; ShapeError also where `x` has fewer than two dims, or `bins` are not one for each coordinate.
 * @see https://pytorch.org/docs/stable/generated/torch.histogramdd.html
 */
export function histogramdd(
  x: Tensor,
  bins: number | readonly (number | Tensor)[],
  options?: HistogramddOptions,
): Histogram<readonly Tensor[]> {
  HISTOGRAMDD.check(x, bins, options)
  checkFloat('histogramdd', 'x', x)
  if (x.ndim < 2)
    throw new ShapeError('histogramdd', `x must be [..., dims], points of several coordinates, got ${showShape(x.shape)}`, [x.shape])
  const dims = x.shape[x.ndim - 1] as number
  const each = typeof bins === 'number' ? new Array<number>(dims).fill(bins) : bins
  if (dims === 0 || each.length !== dims)
    throw new ShapeError(
      'histogramdd',
      `bins must be one for each of the ${dims} coordinates of x ${showShape(x.shape)}, got ${each.length}`,
      [x.shape],
    )
  const range = options?.range ?? undefined
  if (range && range.length !== 2 * dims)
    throw new ArgumentError('histogramdd', `range must be ${2 * dims} numbers, least and most for each coordinate, got ${range.length}`)
  if (range && each.some((b) => b instanceof Tensor))
    throw new ArgumentError('histogramdd', 'edges say the range: give numbers of bins, or no range')
  checkWeight('histogramdd', x, x.shape.slice(0, -1), options?.weight)
  return underName('histogramdd', () => {
    const points = reshapeTo(wide(x), [x.numel() / dims, dims])
    const columns = each.map((_, d) => select(points, 1, d))
    const axes = each.map((b, d) =>
      b instanceof Tensor
        ? givenAxis('histogramdd', x, b)
        : equalAxis('histogramdd', columns[d] as Tensor, b, range?.slice(2 * d, 2 * d + 2)),
    )
    return histogramOf(
      counted('histogramdd', columns, axes, x, options),
      axes.map(({ edges }) => cast(edges, x.dtype)),
    )
  })
}
