/** @file Normalization of each example by itself: over its last dims, over groups of channels, over single channels, and across neighbouring channels. */
import {
  BOOLEAN,
  DTypeError,
  options as describe,
  FINITE,
  halfFormats,
  isHalf,
  type Kind,
  nullable,
  onesAt,
  optional,
  SHAPE,
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
import { MAYBE_TENSOR, TENSOR, type Tensor, withGrad } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition, defineMultiOutputOp } from './define.ts'
import { add, div, mul, neg, pow, square, sub } from './elementwise.ts'
import { averaged, batchNorm, checkChannels, EPS, follow } from './norm.ts'
import { pad } from './pad.ts'
import { avgPool2d } from './pool.ts'
import { checkFloat } from './promote.ts'
import { mean, variance } from './reduce.ts'
import { reshape } from './view.ts'

const KEEP = { keepdim: true } as const

interface Rows {
  /** The dims that are normalized together, ascending. */
  readonly dims: readonly number[]
  readonly eps: number
  /** Whether the mean is taken off. */
  readonly centered: boolean
}

/**
 * Over `dims`: (x − mean) · rstd, and rstd, which is 1 / √(variance + eps), or 1 / √(mean of x² + eps) where nothing is taken off. With g of the values and
 * r of rstd, and n elements in a row, x gets rstd · (g − Σg / n − y · Σ(g y) / n) − r · rstd² · y / n (J. L. Ba et al., arXiv:1607.06450, section 6 and
 * supplement; the mean of g falls away where nothing is taken off).
 */
const normalizeRows = defineMultiOutputOp('normalizeRows', {
  inputs: ['x'],
  outputs: ['y', 'rstd'],
  forward: (x, { dims, eps, centered }: Rows) => {
    if (sizeOf(x.shape) === 0) return [x, graph.expand(graph.constant(0, x.dtype, x.placement), onesAt(x.shape, dims))]
    let away = x
    if (centered) {
      // Of the distance from the first of the row: differences of values near each other are exact, so that a mean far from 0 costs no digits
      const first = graph.slice(
        x,
        x.shape.map(() => 0),
        onesAt(x.shape, dims),
      )
      const moved = graph.binary('sub', x, first)
      away = graph.binary('sub', moved, averaged(moved, dims))
    }
    const power = averaged(graph.binary('mul', away, away), dims)
    const rstd = graph.unary('rsqrt', graph.binary('add', power, graph.scalar(eps, x.dtype)))
    return [graph.binary('mul', away, rstd), rstd]
  },
  saves: { x: ['y', 'rstd'] },
  vjp: {
    x: ([g, r], { y, rstd, shape }, { dims, centered }) => {
      const n = dims.reduce((size, d) => size * (shape[d] as number), 1)
      let inner: Tensor | undefined
      if (g) {
        const along = sub(g, mul(y, mean(mul(g, y), dims, KEEP)))
        inner = mul(rstd, centered ? sub(along, mean(g, dims, KEEP)) : along)
      }
      if (!r) return inner as Tensor
      const ofScale = mul(y, div(mul(neg(r), square(rstd)), n))
      return inner ? add(inner, ofScale) : ofScale
    },
  },
})

/** Throws unless `t`, where there is one, has this shape, and the dtype of x (or float32 beside halves, or the half that x was). */
function checkAffine(op: string, role: string, t: Tensor | null | undefined, x: Tensor, shape: Shape): void {
  if (t === null || t === undefined) return
  checkDevices(op, ['x', role], [x, t])
  if (!sameShape(t.shape, shape))
    throw new ShapeError(op, `${role} must be ${showShape(shape)} for x ${showShape(x.shape)}, got ${showShape(t.shape)}`, [
      x.shape,
      t.shape,
    ])
  if (t.dtype !== x.dtype && !(isHalf(x.dtype) && t.dtype === 'float32'))
    throw new DTypeError(op, `${role} is ${t.dtype}, x is ${x.dtype}. Convert one with .to('${x.dtype}')`)
}

/** y · weight + bias, of what is given. */
function scaled(y: Tensor, weight: Tensor | null | undefined, bias: Tensor | null | undefined): Tensor {
  const z = weight ? mul(y, weight) : y
  return bias ? add(z, bias) : z
}

/** Throws unless `x` ends in `normalizedShape`; gives the dims that are normalized. */
function lastDims(op: string, x: Tensor, normalizedShape: Shape): number[] {
  checkFloat(op, 'x', x)
  const k = normalizedShape.length
  if (k === 0) throw new ShapeError(op, 'normalizedShape must have at least one dim, got []', [x.shape])
  if (k > x.ndim || !sameShape(x.shape.slice(x.ndim - k), normalizedShape))
    throw new ShapeError(op, `x must end in normalizedShape ${showShape(normalizedShape)}, got x ${showShape(x.shape)}`, [x.shape])
  return normalizedShape.map((_, i) => x.ndim - k + i)
}

/** Options of {@link layerNorm} and {@link groupNorm}. */
export interface AffineNormOptions {
  /** A factor: of the normalized shape, or one for each channel. */
  readonly weight?: Tensor | null
  /** What is added, of the shape of `weight`. */
  readonly bias?: Tensor | null
  /** Added to the variance, against division by 0: 1e-5 by default. */
  readonly eps?: number
}

const AFFINE = { weight: MAYBE_TENSOR, bias: MAYBE_TENSOR, eps: EPS } as const
const LAYER_NORM = signature('layerNorm', { x: TENSOR, normalizedShape: SHAPE, options: optional(describe<AffineNormOptions>(AFFINE)) })

const ofLastDims = defineComposition(
  'layerNorm',
  (x: Tensor, dims: readonly number[], { weight, bias, eps = 1e-5 }: AffineNormOptions) =>
    scaled(normalizeRows(x, { dims, eps, centered: true })[0], weight, bias),
  { autocast: 'float32' },
)

/**
 * (x − mean) / √(variance + eps) · weight + bias, where mean and variance (divided by n) are those of the last dims.
 * @param x [..., ...normalizedShape]; float16 and bfloat16 are computed in float32
 * @param normalizedShape the sizes of the last dims
 * @returns the shape of `x`
 * @throws ShapeError where `x` does not end in `normalizedShape`, or weight or bias are not of it; DTypeError for integers, and for a weight of another dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html
 * @example layerNorm(randn([8, 16]), [16]).shape // [8, 16]
 */
export function layerNorm(x: Tensor, normalizedShape: Shape, options: AffineNormOptions = {}): Tensor {
  LAYER_NORM.check(x, normalizedShape, options)
  const dims = lastDims('layerNorm', x, normalizedShape)
  checkAffine('layerNorm', 'weight', options.weight, x, normalizedShape)
  checkAffine('layerNorm', 'bias', options.bias, x, normalizedShape)
  return ofLastDims(x, dims, options)
}

/** Options of {@link rmsNorm}. */
export interface RmsNormOptions {
  /** A factor, of the normalized shape. */
  readonly weight?: Tensor | null
  /** Added to the mean of the squares, against division by 0: by default, and for null, the distance from 1 to the next number of x's dtype. */
  readonly eps?: number | null
}

const RMS_NORM = signature('rmsNorm', {
  x: TENSOR,
  normalizedShape: SHAPE,
  options: optional(describe<RmsNormOptions>({ weight: MAYBE_TENSOR, eps: nullable(EPS) })),
})

/** The distance from 1 to the next number. */
const spacingOf = (x: Tensor): number =>
  isHalf(x.dtype) ? 2 ** (1 - halfFormats[x.dtype].significand) : x.dtype === 'float64' ? Number.EPSILON : 2 ** -23

const byRootMeanSquare = defineComposition('rmsNorm', (x: Tensor, dims: readonly number[], eps: number, weight?: Tensor | null) =>
  scaled(normalizeRows(x, { dims, eps, centered: false })[0], weight, null),
)

/**
 * x / √(mean of x² + eps) · weight, over the last dims (B. Zhang and R. Sennrich, arXiv:1910.07467).
 * @param x [..., ...normalizedShape]; float16 and bfloat16 are computed in float32
 * @returns the shape of `x`
 * @throws as {@link layerNorm}
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.rms_norm.html
 */
export function rmsNorm(x: Tensor, normalizedShape: Shape, options: RmsNormOptions = {}): Tensor {
  RMS_NORM.check(x, normalizedShape, options)
  const dims = lastDims('rmsNorm', x, normalizedShape)
  checkAffine('rmsNorm', 'weight', options.weight, x, normalizedShape)
  return byRootMeanSquare(x, dims, options.eps ?? spacingOf(x), options.weight)
}

const GROUP_NORM = signature('groupNorm', { x: TENSOR, numGroups: whole(1), options: optional(describe<AffineNormOptions>(AFFINE)) })

/** [C] as [C, 1, …] beside [N, C, …]. */
const besideChannels = (t: Tensor | null | undefined, x: Tensor): Tensor | null | undefined =>
  t && reshape(t, [t.numel(), ...new Array<number>(x.ndim - 2).fill(1)])

/** [N, C, …], of whose channels each of `groups` parts is normalized by itself. */
function ofGroups(x: Tensor, groups: number, { weight, bias, eps = 1e-5 }: AffineNormOptions): Tensor {
  const [n, c] = x.shape as readonly [number, number]
  const rows = reshape(x, [n, groups, (c / groups) * sizeOf(x.shape.slice(2))])
  const y = reshape(normalizeRows(rows, { dims: [2], eps, centered: true })[0], x.shape)
  return scaled(y, besideChannels(weight, x), besideChannels(bias, x))
}

const byGroups = defineComposition('groupNorm', ofGroups, { autocast: 'float32' })

/**
 * (x − mean) / √(variance + eps) · weight + bias, where mean and variance (divided by n) are those of each of `numGroups` groups of neighbouring channels.
 * @param x [N, C, …]; float16 and bfloat16 are computed in float32
 * @param options weight and bias are [C]
 * @returns the shape of `x`
 * @throws ShapeError where `numGroups` does not divide C, or weight or bias are not [C]; DTypeError for integers, and for a weight of another dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.group_norm.html
 */
export function groupNorm(x: Tensor, numGroups: number, options: AffineNormOptions = {}): Tensor {
  const op = 'groupNorm'
  GROUP_NORM.check(x, numGroups, options)
  checkFloat(op, 'x', x)
  if (x.ndim < 2) throw new ShapeError(op, `x must be [N, C, …], got ${showShape(x.shape)}`, [x.shape])
  const channels = x.shape[1] as number
  if (channels % numGroups !== 0)
    throw new ShapeError(op, `numGroups ${numGroups} must divide the ${channels} channels (dim 1) of x ${showShape(x.shape)}`, [x.shape])
  checkAffine(op, 'weight', options.weight, x, [channels])
  checkAffine(op, 'bias', options.bias, x, [channels])
  return byGroups(x, numGroups, options)
}

/** Options of {@link instanceNorm}. */
export interface InstanceNormOptions extends AffineNormOptions {
  /** Running means to follow, or to use, [C]. */
  readonly runningMean?: Tensor | null
  /** Running variances, [C]. */
  readonly runningVar?: Tensor | null
  /** Whether each channel of each example is normalized by its own statistics (default), or by the running ones. */
  readonly useInputStats?: boolean
  /** The share of the batch in the running statistics: 0.1 by default. */
  readonly momentum?: number
}

const INSTANCE_NORM = signature('instanceNorm', {
  x: TENSOR,
  options: optional(
    describe<InstanceNormOptions>({
      ...AFFINE,
      runningMean: MAYBE_TENSOR,
      runningVar: MAYBE_TENSOR,
      useInputStats: BOOLEAN,
      momentum: FINITE,
    }),
  ),
})
const byChannels = defineComposition('instanceNorm', (x: Tensor, options: AffineNormOptions) => ofGroups(x, x.shape[1] as number, options))

/**
 * Each channel of each example normalized by its own mean and variance, then scaled by `weight` and moved by `bias`. Where running statistics are given, they
 * follow the means over the batch, in place (the variance without bias); with `useInputStats: false` they are used instead.
 * @param x [N, C, …] with at least one dim behind the channels; float16 and bfloat16 are computed in float32
 * @returns the shape of `x`
 * @throws ShapeError for one element per channel, which has no variance, and for statistics, weight or bias that are not [C]; ArgumentError where running
 * statistics are to be used and are not given; DTypeError as {@link layerNorm}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.instance_norm.html
 */
export function instanceNorm(x: Tensor, options: InstanceNormOptions = {}): Tensor {
  const op = 'instanceNorm'
  INSTANCE_NORM.check(x, options)
  checkFloat(op, 'x', x)
  const { runningMean = null, runningVar = null, useInputStats = true, momentum = 0.1, weight = null, bias = null, eps = 1e-5 } = options
  if (x.ndim < 2) throw new ShapeError(op, `x must be [N, C, …], got ${showShape(x.shape)}`, [x.shape])
  const dtype = isHalf(x.dtype) ? 'float32' : x.dtype
  const perChannel = { runningMean, runningVar, weight, bias }
  for (const [role, t] of Object.entries(perChannel)) checkChannels(op, role, t, x, dtype)
  checkDevices(op, ['x', ...Object.keys(perChannel)], [x, ...Object.values(perChannel)])
  if (!useInputStats) return underName(op, () => batchNorm(x, runningMean, runningVar, { weight, bias, eps }))
  const inner = x.shape.slice(2)
  if (sizeOf(inner) === 1)
    throw new ShapeError(op, `more than 1 element per channel is wanted, got x ${showShape(x.shape)}: one has no variance`, [x.shape])
  if (sizeOf(x.shape) > 0) {
    const dims = inner.map((_, i) => i + 2)
    underName(op, () =>
      withGrad(false, () => {
        const values = cast(x, dtype)
        if (runningMean) follow(runningMean, mean(mean(values, dims), 0)._node, momentum)
        if (runningVar) follow(runningVar, mean(variance(values, dims), 0)._node, momentum)
      }),
    )
  }
  return byChannels(x, { weight, bias, eps })
}

/** Options of {@link localResponseNorm}. */
export interface LocalResponseNormOptions {
  /** The factor of the mean of the squares: 1e-4 by default. */
  readonly alpha?: number
  /** The exponent: 0.75 by default. */
  readonly beta?: number
  /** What is added: 1 by default. */
  readonly k?: number
}

const POSITIVE: Kind = whole(1)
const LOCAL_RESPONSE_NORM = signature('localResponseNorm', {
  x: TENSOR,
  size: POSITIVE,
  options: optional(describe<LocalResponseNormOptions>({ alpha: FINITE, beta: FINITE, k: FINITE })),
})

/**
 * x / (k + alpha · mean of x² over the `size` channels around)^beta, where channels that are not there count as 0 (A. Krizhevsky et al., NeurIPS 2012).
 * @param x [N, C, …] with at least one dim behind the channels
 * @returns the shape of `x`
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.local_response_norm.html
 */
export const localResponseNorm: (x: Tensor, size: number, options?: LocalResponseNormOptions) => Tensor = defineComposition(
  'localResponseNorm',
  (x: Tensor, size: number, options?: LocalResponseNormOptions) => {
    const op = 'localResponseNorm'
    LOCAL_RESPONSE_NORM.check(x, size, options)
    checkFloat(op, 'x', x)
    if (x.ndim < 3) throw new ShapeError(op, `x must be [N, C, …] with at least 3 dims, got ${showShape(x.shape)}`, [x.shape])
    if (sizeOf(x.shape) === 0) return x
    const [n, c] = x.shape as readonly [number, number]
    const { alpha = 1e-4, beta = 0.75, k = 1 } = options ?? {}
    const squares = reshape(square(x), [n, 1, c, sizeOf(x.shape.slice(2))])
    const padded = pad(squares, [0, 0, Math.floor(size / 2), Math.floor((size - 1) / 2)])
    const around = reshape(avgPool2d(padded, [size, 1], { stride: 1 }), x.shape)
    return div(x, pow(add(mul(around, alpha), k), beta))
  },
)
