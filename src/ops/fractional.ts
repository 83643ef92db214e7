/** @file Fractional max pooling: windows at random distances, so that an output is any fraction of the input (Graham, 2014, https://arxiv.org/abs/1412.6071). */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  type Kind,
  nullable,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, mul, sub, where } from './elementwise.ts'
import { type ValuesIndices, valuesIndices } from './extremes.ts'
import { gatherAlong } from './gather.ts'
import type { Generator } from './generator.ts'
import { largestTap, type MaxPoolFunction, type MaxPoolIndicesFunction } from './pool.ts'
import { checkFloat, lit, number } from './promote.ts'
import { bitsOf, GENERATOR, uniformNode } from './random.ts'
import { trunc } from './rounding.ts'
import { select } from './slice.ts'
import { batched, eachAxis, type Pair, type Rank, SIZES, type Sizes, sizesOf, type Triple } from './spatial.ts'
import { reshape } from './view.ts'

/** Options of a `fractionalMaxPool…WithIndices`; `S` is one number for all axes, or one for each. Either `outputSize` or `outputRatio` is needed. */
export interface FractionalPoolOptions<S extends Sizes = Pair> {
  /** The sizes of the output. */
  readonly outputSize?: S | null
  /** Its sizes as fractions of the input's, between 0 and 1. */
  readonly outputRatio?: S | null
  /** Where windows begin: [batch, channels, 2 or 3] of numbers in [0, 1). Random by default. */
  readonly randomSamples?: Tensor | null
  /** Whose random numbers to take: by default those that `manualSeed` seeds. */
  readonly generator?: Generator
}

/** Options of {@link fractionalMaxPool2d} and {@link fractionalMaxPool3d}. */
export interface FractionalMaxPoolOptions<S extends Sizes = Pair> extends FractionalPoolOptions<S> {
  /** Returns the positions too, row-major in the pooled axes (int32). */
  readonly returnIndices?: boolean
}

const ratioKind = (rank: Rank): Kind => eachAxis(rank, 'a number between 0 and 1', (x) => typeof x === 'number' && x > 0 && x < 1)
const kinds = (rank: Rank): Readonly<Record<keyof FractionalPoolOptions, Kind>> => ({
  outputSize: nullable(SIZES[rank]),
  outputRatio: nullable(ratioKind(rank)),
  randomSamples: nullable(TENSOR),
  generator: GENERATOR,
})

/** What a fractional pooling was called for, checked. */
interface Fractional {
  readonly kernel: Shape
  readonly out: Shape
  readonly samples: Tensor
}

function outputOf(op: string, size: Shape, kernel: Shape, options: FractionalPoolOptions<Sizes>): Shape {
  const rank = size.length as Rank
  const { outputSize = null, outputRatio = null } = options
  if ((outputSize === null) === (outputRatio === null))
    throw new ArgumentError(
      op,
      outputSize === null ? 'outputSize or outputRatio must be given' : 'outputSize and outputRatio exclude each other: give one',
    )
  const ratios = outputRatio === null ? undefined : sizesOf(outputRatio, rank)
  const out = outputSize === null ? size.map((n, d) => Math.trunc(n * (ratios?.[d] as number))) : sizesOf(outputSize, rank)
  if (out.some((n, d) => n < 1 || n + (kernel[d] as number) - 1 > (size[d] as number)))
    throw new ShapeError(
      op,
      `an output ${showShape(out)} of windows ${showShape(kernel)} does not fit an input ${showShape(size)}: output + window − 1 is at most the input, and the output at least 1`,
      [size],
    )
  return out
}

/** Numbers in [0, 1), for each image, channel and axis. */
function samplesOf(op: string, x: Tensor, rank: Rank, options: FractionalPoolOptions<Sizes>): Tensor {
  const [batch, channels] = x.ndim === rank + 2 ? (x.shape as readonly [number, number]) : [1, x.shape[0] as number]
  const shape = [batch, channels, rank]
  const given = options.randomSamples ?? undefined
  const dtype = x.dtype === 'float64' ? 'float64' : 'float32'
  if (given === undefined) return new Tensor(uniformNode(bitsOf(options.generator, shape, x._node.placement), dtype))
  checkFloat(op, 'randomSamples', given)
  if (showShape(given.shape) !== showShape(shape))
    throw new ShapeError(op, `randomSamples must be ${showShape(shape)} for x ${showShape(x.shape)}, got ${showShape(given.shape)}`, [
      x.shape,
      given.shape,
    ])
  checkDevices(op, ['x', 'randomSamples'], [x, given])
  return cast(given, dtype)
}

/** Where windows begin along an axis, int32 [n, out]: the i-th at ⌊(i + u) · α⌋ − ⌊u · α⌋, with α the mean distance; the last one ends with the input. */
function startsOf(u: Tensor, size: number, kernel: number, out: number): Tensor {
  const i = new Tensor(graph.iota(out, u._node.placement))
  const last = number(size - kernel, 'int32')
  if (out === 1) return add(mul(cast(u, 'int32'), 0), last)
  const alpha = (size - kernel) / (out - 1)
  const begun = sub(trunc(mul(add(cast(i, u.dtype), u), alpha)), trunc(mul(u, alpha)))
  return where(eq(i, lit(out - 1, i)), last, cast(begun, 'int32'))
}

/** For each window and tap the position in [...size], int32 [n, ...kernel, ...out]. */
function positionsOf({ kernel, out, samples }: Fractional, size: Shape): Tensor {
  const rank = kernel.length
  const u = reshape(samples, [sizeOf(samples.shape) / rank, rank])
  const n = u.shape[0] as number
  return size
    .map((length, d) => {
      // (of images the first number is the width's)
      const start = startsOf(reshape(select(u, 1, rank === 2 ? 1 - d : d), [n, 1]), length, kernel[d] as number, out[d] as number)
      const only = (k: number): number[] => Array.from({ length: rank }, (_, i) => (i === d ? k : 1))
      const tap = new Tensor(graph.reshape(graph.iota(kernel[d] as number), [...only(kernel[d] as number), ...only(1)]))
      return add(reshape(start, [n, ...only(1), ...only(out[d] as number)]), tap)
    })
    .reduce((row, at, d) => add(mul(row, size[d] as number), at))
}

function largest(x: Tensor, f: Fractional): { readonly values: Tensor; readonly indices: Tensor } {
  const rank = f.kernel.length
  const [lead, size] = [x.shape.slice(0, -rank), x.shape.slice(-rank)]
  const n = sizeOf(lead)
  const [taps, places] = [sizeOf(f.kernel), sizeOf(f.out)]
  const at = reshape(positionsOf(f, size), [n, taps * places])
  const views = reshape(gatherAlong(reshape(x, [n, sizeOf(size)]), at, { dim: 1, op: 'fractionalMaxPool' }), [n, ...f.kernel, ...f.out])
  const found = largestTap(views, rank)
  const indices = gatherAlong(reshape(at, [n, taps, places]), reshape(found.taps, [n, 1, places]), { dim: 1, op: 'fractionalMaxPool' })
  const shape = [...lead, ...f.out]
  return { values: reshape(found.values, shape), indices: reshape(indices, shape) }
}

function defineFractional<S extends Sizes>(
  op: string,
  rank: Rank,
  always: boolean,
): (x: Tensor, kernelSize: S, options?: FractionalMaxPoolOptions<S>) => Tensor | ValuesIndices {
  const described = always
    ? describe<FractionalPoolOptions<S>>(kinds(rank))
    : describe<FractionalMaxPoolOptions<S>>({ ...kinds(rank), returnIndices: BOOLEAN })
  const SIGNATURE = signature(op, { x: TENSOR, kernelSize: SIZES[rank], options: optional(described) })
  const values = (x: Tensor, f: Fractional): Tensor => largest(x, f).values
  const pooled = always ? values : defineComposition(op, values, { half: 'keep' })
  return (x, kernelSize, options = {}) =>
    underName(op, () => {
      SIGNATURE.check(x, kernelSize, options)
      batched(op, x, rank)
      checkFloat(op, 'x', x)
      const kernel = sizesOf(kernelSize, rank)
      const out = outputOf(op, x.shape.slice(-rank), kernel, options)
      const f = { kernel, out, samples: samplesOf(op, x, rank, options) }
      if (!always && !options.returnIndices) return pooled(x, f)
      const found = largest(x, f)
      return valuesIndices(found.values, found.indices)
    })
}

/**
 * The largest of windows that begin at random, one for each element of an output of any size. The gradient goes to the first such in the window.
 * @param x [batch, channels, H, W] or [channels, H, W]
 * @param kernelSize of the window: one number or [height, width]
 * @param options `outputSize` or `outputRatio` is needed
 * @returns [batch, channels, ...outputSize]; with `returnIndices` { values, indices }
 * @throws ShapeError where windows do not fit; ArgumentError without a size; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html
 * @example F.fractionalMaxPool2d(zeros([1, 4, 10, 10]), 2, { outputRatio: 0.7 }).shape // [1, 4, 7, 7]
 */
export const fractionalMaxPool2d: MaxPoolFunction<Pair, FractionalMaxPoolOptions> = defineFractional<Pair>(
  'fractionalMaxPool2d',
  2,
  false,
) as MaxPoolFunction<Pair, FractionalMaxPoolOptions>
/**
 * The largest of windows that begin at random, of [batch, channels, D, H, W] or [channels, D, H, W], as {@link fractionalMaxPool2d}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html
 */
export const fractionalMaxPool3d: MaxPoolFunction<Triple, FractionalMaxPoolOptions<Triple>> = defineFractional<Triple>(
  'fractionalMaxPool3d',
  3,
  false,
) as MaxPoolFunction<Triple, FractionalMaxPoolOptions<Triple>>
/** {@link fractionalMaxPool2d} with `returnIndices`. @see https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html */
export const fractionalMaxPool2dWithIndices: MaxPoolIndicesFunction<Pair, FractionalPoolOptions> = defineFractional<Pair>(
  'fractionalMaxPool2dWithIndices',
  2,
  true,
) as MaxPoolIndicesFunction<Pair, FractionalPoolOptions>
/** {@link fractionalMaxPool3d} with `returnIndices`. @see https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html */
export const fractionalMaxPool3dWithIndices: MaxPoolIndicesFunction<Triple, FractionalPoolOptions<Triple>> = defineFractional<Triple>(
  'fractionalMaxPool3dWithIndices',
  3,
  true,
) as MaxPoolIndicesFunction<Triple, FractionalPoolOptions<Triple>>
