/**
 * @file Padding: one value around a tensor, or its own elements: mirrored at the edge, the edge itself, or from the other end. These are found by arithmetic on positions,
 * one load for an element; the gradient adds up the places to which an element went, which are few slices.
 */
import {
  ArgumentError,
  choice,
  counted,
  held,
  listOf,
  NUMBER,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  underName,
  WHOLE,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, NamedArguments, TENSOR, Tensor } from '../tensor/index.ts'
import { clone } from './convert.ts'
import { defineOp } from './define.ts'
import { add } from './elementwise.ts'
import { scatterAlong } from './gather.ts'
import { sum } from './reduce.ts'
import { padZeros, sliceBy } from './slice.ts'

// ── one value around ──

interface PadParams {
  readonly before: readonly number[]
  readonly sizes: Shape
  readonly value: number
}

const padWith = defineOp('pad', {
  inputs: ['x'],
  forward: (x, p: PadParams) => {
    const inner = graph.pad(x, p.before, p.sizes)
    if (p.value === 0) return inner
    const inside = graph.pad(graph.expand(graph.constant(1, 'bool', x.placement), x.shape), p.before, p.sizes)
    return graph.where(inside, inner, graph.scalar(p.value, x.dtype))
  },
  vjp: { x: (g, { shape }, p) => sliceBy(g, { start: p.before, step: p.before.map(() => 1), sizes: shape }) },
  half: 'keep',
})

/** So many elements in front of a dim and behind it; negative numbers cut. */
type Ends = readonly [before: number, after: number]

function constantPad(op: string, x: Tensor, ends: readonly Ends[], value: number): Tensor {
  let y = x
  if (ends.flat().some((n) => n < 0)) {
    y = sliceBy(x, {
      start: ends.map(([before]) => Math.max(0, -before)),
      step: ends.map(() => 1),
      sizes: x.shape.map((s, i) => leftOf(s, ends[i] as Ends)),
    })
  }
  return padWith(y, {
    before: ends.map(([before]) => Math.max(0, before)),
    sizes: x.shape.map((s, i) => sizeWith(s, ends[i] as Ends)),
    value: held(op, 'value', value, x.dtype),
  })
}

const sizeWith = (size: number, [before, after]: Ends): number => size + before + after
/** What negative ends leave. */
const leftOf = (size: number, [before, after]: Ends): number => size + Math.min(0, before) + Math.min(0, after)

// ── its own elements around ──

/** How {@link pad} fills with elements of the tensor. */
type Around = 'reflect' | 'replicate' | 'circular'

/** A dim that is padded, of the size that it has before. */
interface PaddedDim {
  readonly dim: number
  readonly size: number
  readonly ends: Ends
}

/** A run of positions of a padded dim that shows elements one after the other, in either direction, or one element again and again. */
interface Run {
  /** Where it begins in the padded dim, and its length there. */
  readonly at: number
  readonly length: number
  /** The element at the lower end, in the dim itself. */
  readonly from: number
  readonly step: 1 | -1 | 0
}

/** The position in a dim of which each position of the padded dim shows the element; int32, [padded size]. */
function positionsOf(mode: Around, { size, ends }: PaddedDim): graph.Node {
  const [before] = ends
  const whole = (n: number): graph.Node => graph.scalar(n, 'int32')
  const moved = (n: number): graph.Node => graph.binary('sub', graph.iota(sizeWith(size, ends)), whole(n))
  if (mode === 'replicate') return graph.binary('min', graph.binary('max', moved(before), whole(0)), whole(size - 1))
  if (mode === 'reflect') {
    // (n − 1) − |(n − 1) − |i||
    const last = whole(size - 1)
    return graph.binary('sub', last, graph.unary('abs', graph.binary('sub', last, graph.unary('abs', moved(before)))))
  }
  // What is left after cutting comes again and again
  const period = leftOf(size, ends)
  const [cut, lead] = [Math.max(0, -before), Math.max(0, before)]
  const round = graph.binary('mod', moved(lead - Math.ceil(lead / period) * period), whole(period))
  return cut === 0 ? round : graph.binary('add', round, whole(cut))
}

/** The runs of a padded dim: each element of it is in one. */
function runsOf(mode: Around, { size, ends }: PaddedDim): Run[] {
  const [before, after] = ends
  const total = sizeWith(size, ends)
  const runs: Run[] = []
  /** The run that shows, at i = first … first + length − 1, counted from the first element of the dim, what begins at `from`; as far as the padded dim reaches. */
  const run = (first: number, length: number, from: number, step: Run['step']): void => {
    const [start, end] = [Math.max(0, first + before), Math.min(total, first + before + length)]
    if (end <= start) return
    const skipped = start - (first + before)
    // (a run backwards is named by its lower end, the last that it shows)
    const lower = step === -1 ? from - skipped - (end - start - 1) : from + step * skipped
    runs.push({ at: start, length: end - start, from: lower, step })
  }
  if (mode === 'reflect') {
    run(1 - size, size - 1, size - 1, -1)
    run(0, size, 0, 1)
    run(size, size - 1, size - 2, -1)
  } else if (mode === 'replicate') {
    run(-before, before, 0, 0)
    run(0, size, 0, 1)
    run(size, after, size - 1, 0)
  } else {
    const period = leftOf(size, ends)
    const cut = Math.max(0, -before)
    for (let first = cut - Math.ceil(Math.max(0, before) / period) * period; first + before < total; first += period)
      run(first, period, cut, 1)
  }
  return runs
}

/** Of more runs than this, the gradient is sent to the positions instead. */
const MOST_RUNS = 8

/** What the elements of a dim receive of the gradient of the padded dim. */
function gathered(g: Tensor, mode: Around, padded: PaddedDim): Tensor {
  const { dim, size } = padded
  const runs = runsOf(mode, padded)
  if (runs.length > MOST_RUNS) {
    const index = new Tensor(positionsOf(mode, padded))
    return scatterAlong(g, index, { dim, op: 'pad', shape: g.shape.with(dim, size) })
  }
  return runs.map((run) => received(g, run, dim, size)).reduce((a, b) => add(a, b))
}

/** What one run brings. */
function received(g: Tensor, { at, length, from, step }: Run, dim: number, size: number): Tensor {
  const along = (n: number, others: number): number[] => g.shape.map((_, d) => (d === dim ? n : others))
  const lowest = step === -1 ? at + length - 1 : at
  const part = sliceBy(g, { start: along(lowest, 0), step: along(step || 1, 1), sizes: g.shape.with(dim, length) })
  const one = step === 0 && length > 1 ? sum(part, dim, { keepdim: true }) : part
  return padZeros(one, { before: along(from, 0), sizes: g.shape.with(dim, size) })
}

interface AroundParams {
  readonly mode: Around
  readonly dims: readonly PaddedDim[]
}

/** `x` padded to `shape`: the dims from the first to the last that is padded are taken as one, in which each element has its place. */
function rearranged(x: graph.Node, mode: Around, dims: readonly PaddedDim[], shape: Shape): graph.Node {
  const [first, end] = [(dims[0] as PaddedDim).dim, (dims.at(-1) as PaddedDim).dim + 1]
  const within = shape.slice(first, end)
  let places: graph.Node | undefined
  for (let d = first; d < end; d++) {
    const size = x.shape[d] as number
    const padded = dims.find(({ dim }) => dim === d)
    const along = graph.reshape(
      padded ? positionsOf(mode, padded) : graph.iota(size),
      within.map((s, k) => (k === d - first ? s : 1)),
    )
    places = places ? graph.binary('add', graph.binary('mul', places, graph.scalar(size, 'int32')), along) : along
  }
  const joined = (of: Shape, size: number): number[] => [...of.slice(0, first), size, ...of.slice(end)]
  const flat = joined(shape, sizeOf(within))
  const index = graph.reshape(
    graph.expand(places as graph.Node, within),
    flat.map((s, d) => (d === first ? s : 1)),
  )
  const source = graph.reshape(x, joined(x.shape, sizeOf(x.shape.slice(first, end))))
  return graph.reshape(graph.gather(source, first, graph.expand(index, flat), 'pad'), shape)
}

const padAround = defineOp('padAround', {
  inputs: ['x'],
  forward: (x, { mode, dims }: AroundParams) => {
    const shape = dims.reduce<Shape>((s, { dim, size, ends }) => s.with(dim, sizeWith(size, ends)), x.shape)
    if (sizeOf(shape) === 0) return graph.expand(graph.constant(0, x.dtype, x.placement), shape)
    return rearranged(x, mode, dims, shape)
  },
  // (the last dim was padded last)
  vjp: { x: (g, _, { mode, dims }) => dims.reduceRight((h, padded) => gathered(h, mode, padded), g) },
})

/** Throws where a tensor has too little to be padded with. */
function checkAround(mode: Around, x: Tensor, { dim, size, ends }: PaddedDim): void {
  const [before, after] = ends
  const shown = `dim ${dim} of ${showShape(x.shape)} (size ${size})`
  const most = Math.max(before, after)
  if (mode === 'reflect' && most >= size)
    throw new ShapeError(
      'pad',
      `in mode 'reflect' padding must be less than the size, which is mirrored without its edge: got [${before}, ${after}] for ${shown}`,
      [x.shape],
    )
  if (mode === 'circular' && most > size)
    throw new ShapeError('pad', `in mode 'circular' padding may be no more than the size: got [${before}, ${after}] for ${shown}`, [
      x.shape,
    ])
  if (sizeWith(size, ends) < 1 || (mode !== 'reflect' && size === 0) || (mode === 'circular' && leftOf(size, ends) < 1))
    throw new ShapeError('pad', `mode '${mode}' has no element to pad with: [${before}, ${after}] leaves none of ${shown}`, [x.shape])
}

// ── the functions ──

/** How {@link pad} fills. */
export interface PadOptions {
  /**
   * What stands around: one value (`constant`, the default), the elements mirrored at the edge, which is not repeated (`reflect`), the element at the edge (`replicate`), or
   * those from the other end (`circular`).
   */
  readonly mode?: 'constant' | 'reflect' | 'replicate' | 'circular'
  /** The value of mode `constant`: 0 by default. */
  readonly value?: number
}
/** (mode, value), the last ones by name where that is wanted. */
export type PadArguments =
  | [mode?: PadOptions['mode'], value?: number]
  | [options: PadOptions]
  | [mode: PadOptions['mode'], options: Pick<PadOptions, 'value'>]

const PAD = new NamedArguments<PadOptions>(
  'pad',
  { x: TENSOR, padding: listOf(WHOLE) },
  { mode: choice(['constant', 'reflect', 'replicate', 'circular']), value: NUMBER },
)

/** The ends of each dim of `x`, of a list that begins with those of the last one. */
function endsOf(op: string, role: string, x: Tensor, padding: readonly number[]): Ends[] {
  if (padding.length % 2 !== 0 || padding.length > 2 * x.ndim) {
    throw new ArgumentError(op, `${role} must have 2 numbers for each of at most ${counted(x.ndim, 'dim')}, got ${padding.length}`)
  }
  return x.shape.map((_, i) => [padding[2 * (x.ndim - 1 - i)] ?? 0, padding[2 * (x.ndim - 1 - i) + 1] ?? 0])
}

/**
 * `x` with something around it: `padding` is [before, after] of the last dim, then of the one in front of it, and so on; negative numbers cut. `mode` says what stands around: one
 * `value` (`constant`), the elements mirrored at the edge (`reflect`), the edge (`replicate`), or the other end (`circular`).
 * @param x any shape: modes other than `constant` are not tied to the last 1 to 3 of 2 to 5 dims
 * @param padding less than the size of its dim in mode `reflect`, no more than that in mode `circular`
 * @returns each size with what is put in front and behind
 * @throws ArgumentError for an odd or too long list, a value beside another mode, or one that the dtype cannot hold; ShapeError where more is cut than there is, or there is too little to
 * pad with.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
 * @example pad(zeros([2, 3]), [1, 1]).shape // [2, 5]
 * @example pad(tensor([1, 2, 3]), [2, 1], 'reflect') // [3, 2, 1, 2, 3, 2]
 */
export function pad(x: Tensor, padding: readonly number[], ...how: PadArguments): Tensor {
  const { mode = 'constant', value } = PAD.read(x, padding, ...how)
  const ends = endsOf('pad', 'padding', x, padding)
  if (mode === 'constant') {
    checkCut('pad', x, padding, ends)
    return constantPad('pad', x, ends, value ?? 0)
  }
  if (value !== undefined) throw new ArgumentError('pad', `mode '${mode}' takes no value: it pads with elements of x`)
  return underName('pad', () => {
    const dims = ends.flatMap((of, dim): PaddedDim[] =>
      of[0] === 0 && of[1] === 0 ? [] : [{ dim, size: x.shape[dim] as number, ends: of }],
    )
    for (const padded of dims) checkAround(mode, x, padded)
    checkSize(
      'pad',
      x.shape.map((s, i) => sizeWith(s, ends[i] as Ends)),
    )
    return dims.length === 0 ? clone(x) : padAround(x, { mode, dims })
  })
}

/** What is cut must be there, whatever is put elsewhere. */
function checkCut(op: string, x: Tensor, padding: readonly number[], ends: readonly Ends[]): void {
  if (x.shape.some((s, i) => leftOf(s, ends[i] as Ends) < 0))
    throw new ShapeError(op, `padding ${showShape(padding)} leaves less than nothing of ${showShape(x.shape)}`, [x.shape])
}

const CONSTANT_PAD_ND = signature('constantPadNd', { x: TENSOR, pad: listOf(WHOLE), value: optional(NUMBER) })

/**
 * As {@link pad} in mode `constant`.
 * @throws ArgumentError for an odd or too long list, or a value that the dtype cannot hold; ShapeError where more is cut than there is.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
 */
export function constantPadNd(x: Tensor, pad: readonly number[], value = 0): Tensor {
  CONSTANT_PAD_ND.check(x, pad, value)
  return underName('constantPadNd', () => {
    const ends = endsOf('constantPadNd', 'pad', x, pad)
    checkCut('constantPadNd', x, pad, ends)
    return constantPad('constantPadNd', x, ends, value)
  })
}
