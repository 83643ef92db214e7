/** @file Repetition and broadcasting: repeat, tile, repeatInterleave, broadcastTensors, and sumToSize, which goes back. */
import {
  ArgumentError,
  broadcastShapes as broadcastOf,
  COUNT,
  checkElements,
  expandsTo,
  IndexError,
  type Kind,
  listOf,
  normalizeDim,
  oneOf,
  optional,
  SHAPE,
  type Shape,
  ShapeError,
  type Signature,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, DIM, hostValues, NamedArguments, TENSOR, Tensor, type TensorList, tensorList } from '../tensor/index.ts'
import { checkDevices, defineComposition } from './define.ts'
import { indexTensor, selectRows } from './indexing.ts'
import { sum } from './reduce.ts'
import { cumsum } from './scan.ts'
import { checkedIndex, indexAdd } from './scatter.ts'
import { expandTo, listed, reshapeTo, type SizeArguments } from './view.ts'

const REPEAT = signature('repeat', { x: TENSOR, sizes: SHAPE })

/** `x` repeated `sizes[i]` times along each dim; dims may be added in front. @see https://pytorch.org/docs/stable/generated/torch.Tensor.repeat.html */
export function repeat(x: Tensor, ...sizes: SizeArguments): Tensor {
  return underName('repeat', () => {
    const times = listed(REPEAT, x, sizes)
    if (times.length < x.ndim)
      throw new ShapeError('repeat', `${x.ndim} or more counts are wanted for ${showShape(x.shape)}, got ${showShape(times)}`, [x.shape])
    return repeated('repeat', x, times)
  })
}

const TILE = signature('tile', { x: TENSOR, sizes: SHAPE })

/** `x` repeated `sizes[i]` times along each dim, counted from the last; dims may be added in front. @see https://pytorch.org/docs/stable/generated/torch.tile.html */
export function tile(x: Tensor, ...sizes: SizeArguments): Tensor {
  const times = listed(TILE, x, sizes)
  return underName('tile', () => repeated('tile', x, [...x.shape.slice(times.length).map(() => 1), ...times]))
}

/** {@link repeat}, its list checked to be one of counts. */
function repeated(op: string, x: Tensor, times: Shape): Tensor {
  const shape = [...times.slice(x.ndim).map(() => 1), ...x.shape]
  const whole = shape.map((s, i) => s * (times[i] as number))
  checkSize(op, whole)
  const interleaved = reshapeTo(
    x,
    shape.flatMap((s) => [1, s]),
  )
  const grown = expandTo(
    interleaved,
    shape.flatMap((s, i) => [times[i] as number, s]),
  )
  const own = reshapeTo(grown, whole)
  own._owned()
  return own
}

// ── repeatInterleave ──

/** Along which dim, and how long the result is. */
export interface RepeatInterleaveOptions {
  /** The dim: without one, the elements in row-major order. */
  readonly dim?: number
  /** Where `repeats` are a tensor whose values only the device has: their sum. */
  readonly outputSize?: number
}
/** (dim), or by name. */
export type RepeatInterleaveArguments =
  | [dim?: number, options?: Pick<RepeatInterleaveOptions, 'outputSize'>]
  | [options: RepeatInterleaveOptions]

const REPEATS: Kind = optional(oneOf(COUNT, TENSOR))
const REPEAT_INTERLEAVE = new NamedArguments<RepeatInterleaveOptions>(
  'repeatInterleave',
  { x: TENSOR, repeats: REPEATS },
  { dim: DIM, outputSize: COUNT },
)

/**
 * Each position of a dim as often as `repeats` says, one behind the other: a number, or a tensor with a number for each position.
 * Of one tensor alone, `repeatInterleave(repeats)`, the positions themselves.
 * @param repeats integers ≥ 0. Where only the device has them, `outputSize` says what they sum to.
 * @throws ArgumentError where `outputSize` is needed and not given; IndexError (at the next await) where it is not the sum, or a number is negative.
 * @see https://pytorch.org/docs/stable/generated/torch.repeat_interleave.html
 * @example tensor([1, 2]).repeatInterleave(2) // [1, 1, 2, 2]
 */
export function repeatInterleave(x: Tensor, repeats?: number | Tensor, ...rest: RepeatInterleaveArguments): Tensor {
  const { dim, outputSize } = REPEAT_INTERLEAVE.read(x, repeats, ...rest)
  return underName('repeatInterleave', () => {
    if (repeats === undefined) {
      if (dim !== undefined) throw new ArgumentError('repeatInterleave', 'repeats must be given beside dim')
      if (x.ndim !== 1) throw new ShapeError('repeatInterleave', `repeats must have one dim, got ${showShape(x.shape)}`, [x.shape])
      return positionsFor(x, x.shape[0] as number, outputSize)
    }
    const [y, d] =
      dim === undefined || x.ndim === 0 ? [reshapeTo(x, [sizeOf(x.shape)]), 0] : [x, normalizeDim('repeatInterleave', dim, x.ndim)]
    if (dim !== undefined && x.ndim === 0) normalizeDim('repeatInterleave', dim, 0)
    const n = y.shape[d] as number
    if (typeof repeats === 'number') {
      if (outputSize !== undefined && outputSize !== n * repeats)
        throw new ArgumentError('repeatInterleave', `outputSize is ${outputSize}, the result has ${n * repeats} along dim ${d}`)
      return interleaved(y, d, repeats)
    }
    checkDevices('repeatInterleave', ['x', 'repeats'], [x, repeats])
    const single = sizeOf(repeats.shape) === 1 && n !== 1
    if (repeats.ndim > 1 || (!single && sizeOf(repeats.shape) !== n))
      throw new ShapeError(
        'repeatInterleave',
        `repeats ${showShape(repeats.shape)} must have one element, or one for each of the ${n} along dim ${d} of ${showShape(y.shape)}`,
        [x.shape, repeats.shape],
      )
    const each = single ? expandTo(repeats, [n]) : reshapeTo(repeats, [n])
    return selectRows(y, d, positionsFor(each, n, outputSize, repeats), 'repeatInterleave')
  })
}

/** [.., n, ..] → [.., n, 1, ..] → [.., n, repeats, ..] → [.., n · repeats, ..] */
function interleaved(x: Tensor, d: number, repeats: number): Tensor {
  const [before, n, after] = [x.shape.slice(0, d), x.shape[d] as number, x.shape.slice(d + 1)]
  checkSize('repeatInterleave', [...before, n * repeats, ...after])
  const own = reshapeTo(expandTo(reshapeTo(x, [...before, n, 1, ...after]), [...before, n, repeats, ...after]), [
    ...before,
    n * repeats,
    ...after,
  ])
  own._owned()
  return own
}

/** Each of 0 … n − 1 as often as `repeats`, [n], says: int32, [outputSize]. `known` is the tensor that the host may have. */
function positionsFor(repeats: Tensor, n: number, outputSize: number | undefined, known = repeats): Tensor {
  const counts = indexTensor('repeatInterleave', 'repeats', repeats)
  const values = hostValues(known)
  if (values !== undefined) {
    const single = values.length === 1 && n !== 1
    const found: number[] = []
    for (let i = 0; i < n; i++) {
      const times = values[single ? 0 : i] as number
      if (times < 0) throw new ArgumentError('repeatInterleave', `repeats must be ≥ 0, got ${times}`)
      checkElements('repeatInterleave', [found.length + times])
      for (let k = 0; k < times; k++) found.push(i)
    }
    if (outputSize !== undefined && outputSize !== found.length)
      throw new ArgumentError('repeatInterleave', `outputSize is ${outputSize}, repeats sum to ${found.length}`)
    return new Tensor(graph.leaf(Int32Array.from(found), [found.length], 'int32', repeats._node.placement))
  }
  if (outputSize === undefined)
    throw new ArgumentError(
      'repeatInterleave',
      'outputSize must be given where only the device has repeats: the shape of the result follows from their sum. Read them first: tensor(await repeats.data())',
    )
  if (n === 0 && outputSize > 0) throw new IndexError('repeatInterleave', `outputSize is ${outputSize}, repeats sum to 0`)
  return positionsOnDevice(counts, n, outputSize)
}

/** The position at j is how many of the running sums are ≤ j; −1, for the device to refuse, where the last one is not `outputSize`. */
function positionsOnDevice(counts: Tensor, n: number, outputSize: number): Tensor {
  const ends = cumsum(counts, 0)
  const last = graph.slice(ends._node, [n - 1], [1])
  const least = graph.reduce('min', counts._node, [0])
  const size = graph.scalar(outputSize, 'int32')
  const fits = graph.binary('and', graph.binary('eq', last, size), graph.binary('le', 0, least))
  // (1 at each end counts one position on, for all that follow)
  const steps = indexAdd(
    new Tensor(graph.expand(graph.constant(0, 'int32', counts._node.placement), [outputSize + 1])),
    0,
    new Tensor(graph.where(fits, ends._node, size)),
    new Tensor(graph.expand(graph.constant(1, 'int32'), [n])),
  )
  const found = graph.slice(cumsum(steps, 0)._node, [0], [outputSize])
  return checkedIndex(
    'repeatInterleave: outputSize is not the sum of repeats, or one of them is below 0',
    new Tensor(graph.where(fits, found, -1)),
    n,
  )
}

// ── broadcasting ──

/** Tensors as arguments or as one list. */
export type TensorArguments = Tensor[] | [tensors: readonly Tensor[]]
/** The list that {@link TensorArguments} means, checked: `given` describes (tensors). */
export function tensorsOf(given: Signature, args: TensorArguments): readonly Tensor[] {
  const list = args.length === 1 && Array.isArray(args[0]) ? (args[0] as readonly Tensor[]) : (args as Tensor[])
  given.check(list)
  return list
}

const BROADCAST_TENSORS = signature('broadcastTensors', { tensors: listOf(TENSOR) })

/** The tensors, each expanded to the shape that all broadcast to. @throws ShapeError where they do not. @see https://pytorch.org/docs/stable/generated/torch.broadcast_tensors.html */
export function broadcastTensors(...tensors: TensorArguments): TensorList {
  const list = tensorsOf(BROADCAST_TENSORS, tensors)
  return underName('broadcastTensors', () => {
    const shape = list.reduce<Shape>((s, x) => broadcastOf('broadcastTensors', s, x.shape), [])
    checkSize('broadcastTensors', shape)
    return tensorList(list.map((x) => expandTo(x, shape)))
  })
}

const BROADCAST_SHAPES = signature('broadcastShapes', { shapes: listOf(oneOf(COUNT, SHAPE)) })

/** The shape that shapes broadcast to; a number is a shape of one dim. @throws ShapeError where they do not. @see https://pytorch.org/docs/stable/generated/torch.broadcast_shapes.html */
export function broadcastShapes(...shapes: (Shape | number)[]): Shape {
  BROADCAST_SHAPES.check(shapes)
  return [...shapes.reduce<Shape>((s, shape) => broadcastOf('broadcastShapes', s, typeof shape === 'number' ? [shape] : shape), [])]
}

const SUM_TO_SIZE = signature('sumToSize', { x: TENSOR, sizes: SHAPE })

/**
 * `x` summed over the dims along which a tensor of these sizes would be broadcast to it.
 * @throws ShapeError where it would not.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.sum_to_size.html
 */
export const sumToSize: (x: Tensor, ...sizes: SizeArguments) => Tensor = defineComposition(
  'sumToSize',
  (x: Tensor, ...sizes: SizeArguments) => {
    const to = listed(SUM_TO_SIZE, x, sizes)
    if (!expandsTo(to, x.shape))
      throw new ShapeError('sumToSize', `${showShape(to)} does not broadcast to ${showShape(x.shape)}`, [x.shape, to])
    const lead = x.ndim - to.length
    const dims = x.shape.flatMap((s, d) => (d < lead || (to[d - lead] === 1 && s !== 1) ? [d] : []))
    const y = dims.length === 0 ? x : reshapeTo(sum(x, dims, { dtype: x.dtype }), to)
    y._owned()
    return y
  },
)
