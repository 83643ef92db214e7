/** @file Sampling of images at places that a tensor gives, and the places of an affine map. */
import {
  BOOLEAN,
  choice,
  options as describe,
  listOf,
  nullable,
  type Options,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { eq, ge, gt, logicalAnd, lt } from './compare.ts'
import { cast, detach } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, div, mul, sub, where } from './elementwise.ts'
import { takeAlong } from './gather.ts'
import { matmul } from './matmul.ts'
import { checkFloat, commonType, number } from './promote.ts'
import { sum } from './reduce.ts'
import { floor, round } from './rounding.ts'
import { select } from './slice.ts'
import type { Rank } from './spatial.ts'
import { expand, permute, reshape, transpose } from './view.ts'

/** Options of {@link gridSample}. */
export interface GridSampleOptions {
  /** How values between elements are found: `bilinear` (default; of volumes it is trilinear), `nearest`, or `bicubic`, of images alone. */
  readonly mode?: 'bilinear' | 'nearest' | 'bicubic'
  /** What is outside of the image: zeros (default), its outermost elements, or its mirror image. */
  readonly paddingMode?: 'zeros' | 'border' | 'reflection'
  /** Whether −1 and 1 are the middles of the outermost elements (and not their outer edges): false by default. */
  readonly alignCorners?: boolean | null
}

/** Options of {@link affineGrid}. */
export interface AffineGridOptions {
  /** Whether −1 and 1 are the middles of the outermost elements (and not their outer edges): false by default. */
  readonly alignCorners?: boolean | null
}

const GRID_SAMPLE_OPTIONS: Options<GridSampleOptions> = describe<GridSampleOptions>({
  mode: choice(['bilinear', 'nearest', 'bicubic']),
  paddingMode: choice(['zeros', 'border', 'reflection']),
  alignCorners: nullable(BOOLEAN),
})
const GRID_SAMPLE = signature('gridSample', { x: TENSOR, grid: TENSOR, options: optional(GRID_SAMPLE_OPTIONS) })

/** One axis of the image that is sampled. */
interface Axis {
  readonly size: number
  readonly padding: 'zeros' | 'border' | 'reflection'
  readonly aligned: boolean
}

/** From −1 … 1 to positions. */
const unnormalized = (g: Tensor, { size, aligned }: Axis): Tensor =>
  aligned ? mul(div(add(g, 1), 2), size - 1) : div(sub(mul(add(g, 1), size), 1), 2)

/** The nearest position within; those on the edge and beyond have no gradient, NaN is position 0. */
function clipped(x: Tensor, size: number): Tensor {
  const [first, last] = [number(0, x.dtype), number(size - 1, x.dtype)]
  return where(logicalAnd(gt(x, first), lt(x, last)), x, where(ge(x, last), last, first))
}

/** Positions beyond the edges, mirrored as often as it takes. */
function reflected(x: Tensor, { size, aligned }: Axis): Tensor {
  const [low, span] = aligned ? [0, size - 1] : [-0.5, size]
  if (span === 0) return where(lt(x, x), x, number(0, x.dtype))
  const away = where(lt(x, low), sub(low, x), sub(x, low))
  const flips = floor(div(detach(away), span))
  const extra = sub(away, mul(flips, span))
  const isEven = eq(mul(floor(div(flips, 2)), 2), flips)
  return where(isEven, add(extra, low), sub(span + low, extra))
}

/** Positions as the padding has them. */
function placed(x: Tensor, axis: Axis): Tensor {
  if (axis.padding === 'zeros') return x
  return clipped(axis.padding === 'border' ? x : reflected(x, axis), axis.size)
}

/** The elements along one axis that a sample is made of, [N, 1 … taps … 1, P]: where they are, whether they are in the image, and what they count. */
interface Reach {
  readonly at: Tensor
  readonly isInside: Tensor
  readonly weight: Tensor | undefined
}

/** Numbers, as a tensor beside `like`. */
const constants = (values: readonly number[], like: Tensor): Tensor =>
  cast(new Tensor(graph.leaf(Float32Array.from(values), [values.length, 1], 'float32', like._node.placement)), like.dtype)

/** The weights of four neighbours of a place that lies t behind the second: a cubic with a = −3/4. */
function cubicWeights(t: Tensor): Tensor {
  const a = -0.75
  const x = add(mul(constants([1, 1, -1, -1], t), t), constants([1, 0, 1, 2], t))
  const near = add(mul(mul(sub(mul(x, a + 2), a + 3), x), x), 1)
  const far = sub(mul(add(mul(sub(mul(x, a), 5 * a), x), 8 * a), x), 4 * a)
  return where(gt(constants([0, 1, 1, 0], t), 0), near, far)
}

/** `place` is [N, 1, P]; what comes back has the taps in the middle. */
function reachOf(place: Tensor, axis: Axis, mode: 'bilinear' | 'nearest' | 'bicubic'): Reach {
  const within = (at: Tensor, weight: Tensor | undefined): Reach => ({
    at: cast(clipped(at, axis.size), 'int32'),
    isInside: logicalAnd(ge(at, 0), ge(number(axis.size - 1, at.dtype), at)),
    weight,
  })
  if (mode === 'nearest') return within(round(detach(placed(place, axis))), undefined)
  if (mode === 'bilinear') {
    const x = placed(place, axis)
    const low = floor(detach(x))
    const t = sub(x, low)
    return within(add(low, constants([0, 1], x)), add(mul(constants([-1, 1], t), t), constants([1, 0], t)))
  }
  const low = floor(detach(place))
  return within(placed(add(low, constants([-1, 0, 1, 2], place)), axis), cubicWeights(sub(place, low)))
}

/** [N, taps, P] of axis d among `rank` as [N, 1 … taps … 1, P]. */
function inTurn(x: Tensor, d: number, rank: number): Tensor {
  const [n, taps, places] = x.shape as readonly [number, number, number]
  return reshape(x, [n, ...Array.from({ length: rank }, (_, k) => (k === d ? taps : 1)), places])
}

function checkSampled(op: string, x: Tensor, grid: Tensor, mode: string | undefined): Rank {
  if (x.ndim !== 4 && x.ndim !== 5)
    throw new ShapeError(
      op,
      `x must be [batch, channels, height, width] or [batch, channels, depth, height, width], got ${showShape(x.shape)}`,
      [x.shape],
    )
  const rank = (x.ndim - 2) as Rank
  if (grid.ndim !== x.ndim || grid.shape[0] !== x.shape[0] || grid.shape.at(-1) !== rank)
    throw new ShapeError(
      op,
      `grid must be [${x.shape[0]}, ${rank === 2 ? 'height, width, 2' : 'depth, height, width, 3'}] for x ${showShape(x.shape)}, got ${showShape(grid.shape)}`,
      [x.shape, grid.shape],
    )
  if (mode === 'bicubic' && rank === 3)
    throw new ShapeError(op, `mode 'bicubic' takes x [batch, channels, height, width], got ${showShape(x.shape)}`, [x.shape])
  if (x.shape.slice(2).some((n) => n === 0)) throw new ShapeError(op, `there is nothing to sample: x is ${showShape(x.shape)}`, [x.shape])
  return rank
}

/** The sum over the elements that samples reach, [N, C, P]. */
function sampled(x: Tensor, reaches: readonly Reach[]): Tensor {
  const rank = reaches.length
  const [n, channels, ...sizes] = x.shape as readonly number[] as [number, number, ...number[]]
  const each = <T>(of: (reach: Reach) => T): T[] => reaches.map(of)
  const image = reshape(new Tensor(graph.iota(n, x._node.placement)), [n, ...new Array<number>(rank + 1).fill(1)])
  const rows = each((r) => r.at).reduce((row, at, d) => add(mul(row, sizes[d] as number), inTurn(at, d, rank)), image)
  const isInside = each((r) => r.isInside)
    .map((inside, d) => inTurn(inside, d, rank))
    .reduce(logicalAnd)
  const shape = rows.shape
  const pixels = reshape(permute(x, [0, ...sizes.map((_, d) => 2 + d), 1]), [n * sizeOf(sizes), channels])
  const taken = reshape(takeAlong(pixels, reshape(rows, [sizeOf(shape)]), { dim: 0, op: 'gridSample' }), [...shape, channels])
  let terms = where(reshape(isInside, [...shape, 1]), taken, number(0, x.dtype))
  const weights = each((r) => r.weight).flatMap((w, d) => (w ? [inTurn(w, d, rank)] : []))
  if (weights.length > 0) terms = mul(terms, reshape(expand(weights.reduce(mul), shape), [...shape, 1]))
  return transpose(
    sum(
      terms,
      Array.from({ length: rank }, (_, d) => 1 + d),
    ),
    1,
    2,
  )
}

/**
 * Values of images at the places of a grid, whose coordinates go from −1 to 1 across each axis, x (along the width) first. In mode `nearest` the grid has no gradient.
 * @param x [batch, channels, H, W] or [batch, channels, D, H, W]
 * @param grid [batch, height, width, 2] or [batch, depth, height, width, 3]
 * @returns [batch, channels, height, width] or [batch, channels, depth, height, width]
 * @throws ShapeError where grid and x do not fit, and for `bicubic` of volumes; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html
 * @example gridSample(x, affineGrid(theta, x.shape)) // x turned, scaled, moved
 */
export const gridSample: (x: Tensor, grid: Tensor, options?: GridSampleOptions) => Tensor = defineComposition(
  'gridSample',
  (x: Tensor, grid: Tensor, options: GridSampleOptions = {}) => {
    const op = 'gridSample'
    GRID_SAMPLE.check(x, grid, options)
    checkFloat(op, 'x', x)
    checkFloat(op, 'grid', grid)
    checkDevices(op, ['x', 'grid'], [x, grid])
    const { mode = 'bilinear', paddingMode: padding = 'zeros', alignCorners } = options
    const rank = checkSampled(op, x, grid, mode)
    const dtype = commonType(x, grid)
    const [values, places] = [cast(x, dtype), cast(grid, dtype)]
    const out = grid.shape.slice(1, -1)
    const reaches = x.shape.slice(2).map((size, d) => {
      const axis = { size, padding, aligned: alignCorners ?? false }
      const place = reshape(select(places, -1, rank - 1 - d), [x.shape[0] as number, 1, sizeOf(out)])
      return reachOf(unnormalized(place, axis), axis, mode)
    })
    return reshape(sampled(values, reaches), [...x.shape.slice(0, 2), ...out])
  },
  { autocast: 'widest' },
)

const AFFINE_GRID = signature('affineGrid', {
  theta: TENSOR,
  size: { ...listOf(whole(1)), fits: 'an array of whole numbers ≥ 1' },
  options: optional(describe<AffineGridOptions>({ alignCorners: nullable(BOOLEAN) })),
})

/** The middles of n elements, from −1 to 1. */
function middles(n: number, aligned: boolean): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => (n === 1 ? 0 : (-1 + (2 * i) / (n - 1)) * (aligned ? 1 : (n - 1) / n)))
}

/** [places, axes + 1]: the coordinates of each element, the width first, and 1. */
function baseGrid(theta: Tensor, sizes: Shape, aligned: boolean): Tensor {
  const rank = sizes.length
  const all = sizes.toReversed().map((n, k) => {
    const values = middles(n, aligned)
    const list = theta.dtype === 'float64' ? values : Float32Array.from(values)
    const dtype = theta.dtype === 'float64' ? 'float64' : 'float32'
    const shape = [n, ...new Array<number>(k + 1).fill(1)]
    return new Tensor(graph.leaf(list, shape, dtype, theta._node.placement))
  })
  const column = new Tensor(graph.iota(rank + 1, theta._node.placement))
  const one = number(1, (all[0] as Tensor).dtype)
  const grid = all.reduceRight((rest, along, k) => where(eq(column, k), along, rest), one)
  return reshape(cast(expand(grid, [...sizes, rank + 1]), theta.dtype), [sizeOf(sizes), rank + 1])
}

/**
 * The places at which {@link gridSample} samples to apply affine maps.
 * @param theta [batch, 2, 3] or [batch, 3, 4]: for each image the map of (x, y, 1) or (x, y, z, 1) from output to input
 * @param size of the output: [batch, channels, H, W] or [batch, channels, D, H, W]
 * @returns [batch, H, W, 2] or [batch, D, H, W, 3]
 * @throws ShapeError where theta and size do not fit; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.affine_grid.html
 * @example affineGrid(tensor([[[1, 0, 0], [0, 1, 0]]]), [1, 3, 8, 8]).shape // [1, 8, 8, 2], which changes nothing
 */
export const affineGrid: (theta: Tensor, size: Shape, options?: AffineGridOptions) => Tensor = defineComposition(
  'affineGrid',
  (theta: Tensor, size: Shape, options: AffineGridOptions = {}) => {
    const op = 'affineGrid'
    AFFINE_GRID.check(theta, size, options)
    checkFloat(op, 'theta', theta)
    if (size.length !== 4 && size.length !== 5)
      throw new ShapeError(
        op,
        `size must be [batch, channels, height, width] or [batch, channels, depth, height, width], got ${showShape(size)}`,
        [size],
      )
    const rank = size.length - 2
    const wanted = [size[0] as number, rank, rank + 1]
    if (theta.ndim !== 3 || theta.shape.some((n, d) => n !== wanted[d]))
      throw new ShapeError(op, `theta must be ${showShape(wanted)} for size ${showShape(size)}, got ${showShape(theta.shape)}`, [
        theta.shape,
        size,
      ])
    const sizes = size.slice(2)
    const places = matmul(baseGrid(theta, sizes, options.alignCorners ?? false), transpose(theta, 1, 2))
    return reshape(places, [size[0] as number, ...sizes, rank])
  },
)
