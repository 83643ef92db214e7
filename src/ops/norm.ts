/** @file Normalization over a batch: its statistics, its gradient in closed form, and the running statistics that evaluation uses. */
import {
  ArgumentError,
  atLeast,
  BOOLEAN,
  DTypeError,
  options as describe,
  FINITE,
  isHalf,
  oneOf,
  onesAt,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { MAYBE_TENSOR, pinTensor, TENSOR, TENSOR_OR_NULL, Tensor, withGrad } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { checkDevices, defineJointOp, defineOp } from './define.ts'
import { add, div, mul, rsqrt, square, sub } from './elementwise.ts'
import { add_ } from './inplace-elementwise.ts'
import { checkFloat } from './promote.ts'
import { sum } from './reduce.ts'
import { expand, reshape } from './view.ts'

/** Options of {@link batchNorm}. */
export interface BatchNormOptions {
  /** A factor for each channel, [C]. */
  readonly weight?: Tensor | null
  /** What is added to each channel, [C]. */
  readonly bias?: Tensor | null
  /** Whether the statistics are the batch's, which the running ones then follow (default: false, the running ones are used). */
  readonly training?: boolean
  /** The share of the batch in the running statistics: 0.1 by default. A 0-d tensor where only the device knows it. */
  readonly momentum?: number | Tensor
  /** Added to the variance, against division by 0: 1e-5 by default. */
  readonly eps?: number
}

/** The kind of an eps: added against division by 0. */
export const EPS = atLeast(0)
const BATCH_NORM = signature('batchNorm', {
  x: TENSOR,
  runningMean: TENSOR_OR_NULL,
  runningVar: TENSOR_OR_NULL,
  options: optional(
    describe<BatchNormOptions>({
      weight: MAYBE_TENSOR,
      bias: MAYBE_TENSOR,
      training: BOOLEAN,
      momentum: oneOf(FINITE, TENSOR),
      eps: EPS,
    }),
  ),
})
const KEEP = { keepdim: true } as const

/**
 * From this many values per channel on, each example's are reduced first: rows that lie together in memory, and enough of them for a whole device. Below it
 * one kernel does a channel at once.
 */
const LONG = 4096

/** Where the channels of [N, C, …] are, and how many values each has. */
interface Channels {
  /** All dims but the channels'. */
  readonly dims: readonly number[]
  /** The dims inside an example. */
  readonly inner: readonly number[]
  /** Values per channel. */
  readonly count: number
  /** [1, C, 1, …] */
  readonly wide: Shape
}

function channelsOf(shape: Shape): Channels {
  const dims = shape.map((_, i) => i).filter((i) => i !== 1)
  return {
    dims,
    inner: dims.slice(1),
    count: dims.reduce((n, d) => n * (shape[d] as number), 1),
    wide: shape.map((s, i) => (i === 1 ? s : 1)),
  }
}

const isLong = ({ count }: Channels, shape: Shape): boolean => count >= LONG && count > (shape[0] as number)

/** Σ over all but the channels, which stay: [1, C, 1, …]. */
function channelSum(x: Tensor, c: Channels): Tensor {
  return isLong(c, x.shape) ? sum(sum(x, c.inner, KEEP), 0, KEEP) : sum(x, c.dims, KEEP)
}

/** The mean over `dims`, which stay as 1. */
export function averaged(x: graph.Node, dims: readonly number[]): graph.Node {
  const n = dims.reduce((size, d) => size * (x.shape[d] as number), 1)
  const kept = onesAt(x.shape, dims)
  const total = graph.reshape(graph.reduce('sum', x, dims), kept)
  return graph.binary('div', total, graph.scalar(n, x.dtype)) // n as data: another batch size is no other kernel
}

/** What a batch is normalized by, [1, C, 1, …]. */
interface Statistics extends Channels {
  readonly mean: graph.Node
  /** Divided by n. */
  readonly variance: graph.Node
  /** 1 / √(variance + eps) */
  readonly rstd: graph.Node
}

/**
 * The statistics of every channel. The variance is taken about the mean, never as E[x²] − E[x]². In two levels where channels are long, as T. Chan,
 * G. Golub and R. LeVeque combine variances (COMPSTAT 1982): it is the mean of those of the examples plus that of their means.
 */
function statisticsOf(x: graph.Node, c: Channels, eps: number): Statistics {
  const square = (d: graph.Node): graph.Node => graph.binary('mul', d, d)
  let mean: graph.Node
  let variance: graph.Node
  if (isLong(c, x.shape)) {
    const centers = averaged(x, c.inner) // [N, C, 1, …]
    const within = averaged(square(graph.binary('sub', x, centers)), c.inner)
    mean = averaged(centers, [0])
    variance = averaged(graph.binary('add', within, square(graph.binary('sub', centers, mean))), [0])
  } else {
    mean = averaged(x, c.dims)
    variance = averaged(square(graph.binary('sub', x, mean)), c.dims)
  }
  return { ...c, mean, variance, rstd: graph.unary('rsqrt', graph.binary('add', variance, graph.scalar(eps, x.dtype))) }
}

// The statistics on the tape: backward goes by their gradients only when it is itself differentiated.

const batchMean = defineOp('batchMean', {
  inputs: ['x'],
  forward: (_x, p: Statistics) => p.mean,
  vjp: { x: (g, { shape }, p) => expand(div(g, p.count), shape) },
})

const batchRstd = defineOp('batchRstd', {
  inputs: ['x', 'mean'],
  forward: (_x, _mean, p: Statistics) => p.rstd,
  saves: { x: ['x', 'mean', 'y'] },
  vjp: { x: (g, { x, mean, y }, p) => mul(sub(x, mean), div(mul(g, mul(square(y), y)), -p.count)), mean: 'none' },
})

/**
 * (x − mean) · rstd · weight + bias, where mean and rstd are x's own. With x̂ the normalized x and n values per channel, the gradient of x is
 * weight · rstd · (g − Σg / n − x̂ · Σ(g x̂) / n), and the two sums are those of bias and weight (S. Ioffe and C. Szegedy, arXiv:1502.03167). It is written
 * as scale · g − slope · x + shift, with three numbers for each channel, which are computed where the sums end.
 */
const normalizeBatch = defineJointOp('batchNorm', {
  inputs: ['x', 'mean', 'rstd'],
  optional: ['weight', 'bias'],
  dependent: ['mean', 'rstd'],
  forward: ({ x, mean, rstd, weight, bias }, { wide }: Channels) => {
    let y = graph.binary('mul', graph.binary('sub', x, mean), rstd)
    if (weight) y = graph.binary('mul', y, graph.reshape(weight, wide))
    return bias ? graph.binary('add', y, graph.reshape(bias, wide)) : y
  },
  vjp: (g, { x, mean, rstd, weight, bias }, needed, c) => {
    const total = channelSum(g, c)
    const along = mul(rstd, channelSum(mul(g, sub(x, mean)), c))
    const scale = weight ? mul(rstd, reshape(weight, c.wide)) : rstd
    const toX = (): Tensor => {
      const slope = div(mul(mul(scale, rstd), along), c.count)
      const shift = sub(mul(slope, mean), div(mul(scale, total), c.count))
      return add(sub(mul(scale, g), mul(slope, x)), shift)
    }
    return {
      ...(needed('x') ? { x: toX() } : {}),
      ...(weight && needed('weight') ? { weight: reshape(along, weight.shape) } : {}),
      ...(bias && needed('bias') ? { bias: reshape(total, bias.shape) } : {}),
    }
  },
})

/** handle ← handle + momentum · (value − handle), off the tape. It stays on the device however small it is: the next step reads it. */
export function follow(handle: Tensor, value: graph.Node, momentum: number | Tensor): void {
  const { dtype, shape } = handle
  const share = typeof momentum === 'number' ? graph.scalar(momentum, dtype) : graph.cast(momentum._node, dtype)
  const away = graph.binary('sub', graph.cast(graph.reshape(value, shape), dtype), handle._node)
  pinTensor(withGrad(false, () => add_(handle, new Tensor(graph.binary('mul', away, share)))))
}

/**
 * Each channel of a batch normalized to mean 0 and variance 1, then scaled by `weight` and moved by `bias`. In training the statistics are the
 * batch's, and `runningMean` and `runningVar` follow them in place (the variance without bias, n − 1); else they are the running ones.
 * @param x [N, C, …]; float16 and bfloat16 are computed in float32
 * @param runningMean, runningVar [C]; null where nothing is to be followed, which only training allows
 * @returns the shape of `x`
 * @throws ShapeError for statistics, weight or bias that are not [C], and in training for one value per channel, which has no variance. ArgumentError
 * for options out of range, and outside training where a running statistic is null. DTypeError for statistics, weight or bias of another dtype than x's.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html
 * @example batchNorm(randn([8, 3, 32, 32]), zeros([3]), ones([3]), { training: true }).shape // [8, 3, 32, 32]
 */
export function batchNorm(x: Tensor, runningMean: Tensor | null, runningVar: Tensor | null, options: BatchNormOptions = {}): Tensor {
  const op = 'batchNorm'
  BATCH_NORM.check(x, runningMean, runningVar, options)
  checkFloat(op, 'x', x)
  if (x.ndim < 2) throw new ShapeError(op, `x must be [N, C, …], got ${showShape(x.shape)}`, [x.shape])
  const { training = false, momentum = 0.1, eps = 1e-5 } = options
  if (typeof momentum !== 'number' && momentum.ndim !== 0)
    throw new ShapeError(op, `momentum must be a number or a 0-d Tensor, got ${showShape(momentum.shape)}`, [momentum.shape])
  const dtype = isHalf(x.dtype) ? 'float32' : x.dtype
  const perChannel = { runningMean, runningVar, weight: options.weight, bias: options.bias }
  for (const [role, t] of Object.entries(perChannel)) checkChannels(op, role, t, x, dtype)
  const others = typeof momentum === 'number' ? perChannel : { ...perChannel, momentum }
  checkDevices(op, ['x', ...Object.keys(others)], [x, ...Object.values(others)])
  const c = channelsOf(x.shape)
  if (training && c.count === 1) {
    throw new ShapeError(
      op,
      `expected more than 1 value per channel when training, got x ${showShape(x.shape)}. Use more examples, or eval()`,
      [x.shape],
    )
  }

  const wide = (t: Tensor): Tensor => reshape(cast(t, dtype), c.wide)
  const weight = options.weight ? cast(options.weight, dtype) : undefined
  const bias = options.bias ? cast(options.bias, dtype) : undefined
  const values = cast(x, dtype)
  if (!training || x.numel() === 0) {
    if (!training && !(runningMean && runningVar)) {
      throw new ArgumentError(
        op,
        `${runningMean ? 'runningVar' : 'runningMean'} is null: outside training both are needed. Pass them, or { training: true } for the statistics of the batch`,
      )
    }
    let y = training ? values : sub(values, wide(runningMean as Tensor))
    const rstd = training ? undefined : rsqrt(add(wide(runningVar as Tensor), eps))
    const scale = rstd && weight ? mul(rstd, wide(weight)) : (rstd ?? (weight && wide(weight)))
    if (scale) y = mul(y, scale)
    return cast(bias ? add(y, wide(bias)) : y, x.dtype)
  }

  // Everything is computed of the distance from some value of the channel, its first, so that a mean far from 0 costs no digits: differences of values
  // that are near each other are exact, and no value is further than √n standard deviations from the mean. Gradients do not depend on the choice.
  // (Where that value is infinite, the running mean is NaN as the variance is.)
  const origin = graph.slice(
    values._node,
    values.shape.map(() => 0),
    c.wide,
  )
  const away = sub(values, new Tensor(origin))
  const p = statisticsOf(away._node, c, eps)
  if (runningMean) follow(runningMean, graph.binary('add', origin, p.mean), momentum)
  if (runningVar) follow(runningVar, graph.binary('mul', p.variance, graph.scalar(c.count / (c.count - 1), dtype)), momentum)
  const center = batchMean(away, p)
  return cast(normalizeBatch({ x: away, mean: center, rstd: batchRstd(away, center, p), weight, bias }, p), x.dtype)
}

/** What is one number for each channel: [C], of x's dtype (or float32 beside halves). */
export function checkChannels(op: string, role: string, t: Tensor | null | undefined, x: Tensor, dtype: string): void {
  if (t === null || t === undefined) return
  const channels = x.shape[1] as number
  if (t.ndim !== 1 || t.shape[0] !== channels) {
    throw new ShapeError(op, `${role} must be [${channels}], one for each channel of x ${showShape(x.shape)}, got ${showShape(t.shape)}`, [
      x.shape,
      t.shape,
    ])
  }
  if (t.dtype !== x.dtype && t.dtype !== dtype)
    throw new DTypeError(op, `${role} is ${t.dtype}, x is ${x.dtype}. Convert one with .to('${x.dtype}')`)
}
