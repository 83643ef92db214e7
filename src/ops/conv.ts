/** @file Convolutions and transposed convolutions over one, two and three axes. */
import {
  ArgumentError,
  COUNT,
  checkElements,
  type DType,
  options as describe,
  isPlainObject,
  type Kind,
  type Options,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  showShape,
  signature,
  whole,
} from '../base/index.ts'
import { MAYBE_TENSOR, TENSOR, type Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { convolution, convolutionInput } from './convolution.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add } from './elementwise.ts'
import { ownShape } from './indexing.ts'
import { checkFloat, commonType } from './promote.ts'
import {
  AXES,
  batched,
  channelsHint,
  fit,
  type Pair,
  paddingKind,
  type Rank,
  SIZES,
  SIZES_OR_ZERO,
  type Single,
  type Sizes,
  settled,
  sizesOf,
  type Triple,
} from './spatial.ts'
import { permute, reshape } from './view.ts'

/** How a convolution goes over its input; `S` is one number for all axes, or one for each. */
export interface ConvOptions<S extends Sizes = Pair> {
  /** From window to window: 1 by default. */
  readonly stride?: S
  /** Zeros around the input; 'same' (stride 1 only) gives the output the input's size, 'valid' is 0. */
  readonly padding?: S | 'same' | 'valid'
  /** From tap to tap of a window: 1 by default. */
  readonly dilation?: S
  /** Channels fall into so many groups that see only themselves; with as many as channels it is depthwise. 1 by default. */
  readonly groups?: number
}

/** How a transposed convolution goes over its output: each option is that of the convolution whose adjoint it is. */
export interface ConvTransposeOptions<S extends Sizes = Pair> {
  /** From window to window of the output: 1 by default. */
  readonly stride?: S
  /** What is cut off on each side of the output: 0 by default. */
  readonly padding?: S
  /** How much longer the output is, behind: below the stride or the dilation. It chooses among sizes that one convolution takes to the input's. 0 by default. */
  readonly outputPadding?: S
  /** Into how many groups channels are split: 1 by default. */
  readonly groups?: number
  /** From tap to tap of a window: 1 by default. */
  readonly dilation?: S
}

/** The kinds of {@link ConvOptions}. */
export const convKinds = (rank: Rank): Readonly<Record<keyof ConvOptions, Kind>> => ({
  stride: SIZES[rank],
  padding: paddingKind(rank),
  dilation: SIZES[rank],
  groups: whole(1),
})
const transposeKinds = (rank: Rank): Readonly<Record<keyof ConvTransposeOptions, Kind>> => ({
  ...convKinds(rank),
  padding: SIZES_OR_ZERO[rank],
  outputPadding: SIZES_OR_ZERO[rank],
})

/** The forms of a convolution: without a bias the options may come in its place. */
export interface ConvFunction<O> {
  (x: Tensor, weight: Tensor, bias?: Tensor | null, options?: O): Tensor
  (x: Tensor, weight: Tensor, options: O): Tensor
}

/** What a convolution was called with, checked: all but the channels. */
interface Called<O> {
  readonly x: Tensor
  readonly weight: Tensor
  readonly bias: Tensor | null | undefined
  readonly options: Partial<O>
}

const describeConv = <O>(op: string, kinds: Options<O>): Signature =>
  signature(op, { x: TENSOR, weight: TENSOR, bias: MAYBE_TENSOR, options: optional(kinds) })

/** The arguments of a convolution. @throws ArgumentError, ShapeError, DTypeError or DeviceError for wrong ones; channels and options are not looked at. */
function calledWith<O>(
  SIGNATURE: Signature,
  rank: Rank,
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | O | undefined,
  fourth: O | undefined,
): Called<O> {
  const op = SIGNATURE.name
  const [bias, given] =
    fourth === undefined && isPlainObject(third) ? [undefined, third as O] : [third as Tensor | null | undefined, fourth]
  SIGNATURE.check(x, weight, bias, given)
  batched(op, x, rank)
  for (const [role, t] of [['x', x] as const, ['weight', weight] as const, ['bias', bias] as const]) if (t) checkFloat(op, role, t)
  checkDevices(op, ['x', 'weight', 'bias'], [x, weight, bias])
  return { x, weight, bias, options: given ?? {} }
}

/** The weight's shape, and the kernel's. `lead` says what its first two dims are. @throws ShapeError for another number of dims, or an empty window. */
function kernelOf(op: string, weight: Tensor, rank: Rank, lead: string): Shape {
  const shown = showShape(weight.shape)
  if (weight.ndim !== rank + 2) throw new ShapeError(op, `weight must be [${lead}, ${AXES[rank].join(', ')}], got ${shown}`, [weight.shape])
  const kernel = weight.shape.slice(2)
  if (kernel.some((n) => n === 0)) throw new ShapeError(op, `the window is empty: weight is ${shown}`, [weight.shape])
  return kernel
}

/** @throws ShapeError where x has not the channels that the weight takes. */
function checkChannels(op: string, x: Tensor, weight: Tensor, rank: Rank, taken: number, shownTaken: string): void {
  const channels = x.shape[x.ndim - 1 - rank] as number
  if (channels !== taken)
    throw new ShapeError(
      op,
      `channels differ: x is ${showShape(x.shape)} (channels ${channels}), weight is ${showShape(weight.shape)} (${shownTaken})${channelsHint(x, taken, rank)}`,
      [x.shape, weight.shape],
    )
}

/** @throws ShapeError where channels of a weight do not divide into the groups. */
function checkGroups(op: string, weight: Tensor, groups: number, what: string): void {
  const n = weight.shape[0] as number
  if (n % groups !== 0)
    throw new ShapeError(op, `weight ${showShape(weight.shape)} has ${n} ${what}, which do not divide into ${groups} groups`, [
      weight.shape,
    ])
}

/** @throws ShapeError for a bias that is not [out]. */
function checkBias(op: string, weight: Tensor, bias: Tensor | null | undefined, out: number): void {
  if (bias && (bias.ndim !== 1 || bias.shape[0] !== out))
    throw new ShapeError(op, `bias must be [${out}] for weight ${showShape(weight.shape)}, got ${showShape(bias.shape)}`, [
      bias.shape,
      weight.shape,
    ])
}

/** Zeros in front and behind. */
function paddingOf(
  op: string,
  padding: Sizes | 'same' | 'valid' | undefined,
  sliding: { readonly kernel: Shape; readonly stride: Shape; readonly dilation: Shape },
): [Shape, Shape] {
  const none = sliding.kernel.map(() => 0)
  if (padding === undefined || padding === 'valid') return [none, none]
  if (padding !== 'same') {
    const around = sizesOf(padding, sliding.kernel.length as Rank)
    return [around, around]
  }
  if (sliding.stride.some((s) => s !== 1))
    throw new ArgumentError(op, `padding 'same' needs stride 1, got ${showShape(sliding.stride)}: give the padding as a number`)
  const total = sliding.kernel.map((k, d) => (k - 1) * (sliding.dilation[d] as number))
  const before = total.map((n) => Math.floor(n / 2))
  return [before, total.map((n, d) => n - (before[d] as number))]
}

/** `fn` of x and weight in the dtype in which they meet, x with a batch; the bias is added, and the batch taken off again where there was none. */
function biased<O>({ x, weight, bias }: Called<O>, rank: Rank, fn: (x: Tensor, weight: Tensor) => Tensor): Tensor {
  const dtype: DType = commonType(x, weight)
  const hasBatch = x.ndim === rank + 2
  let y = fn(cast(hasBatch ? x : reshape(x, [1, ...x.shape]), dtype), cast(weight, dtype))
  if (bias) y = add(y, reshape(bias, [bias.shape[0] as number, ...new Array<number>(rank).fill(1)]))
  return hasBatch ? y : ownShape(y, y.shape.slice(1))
}

function defineConv<S extends Sizes>(op: string, rank: Rank): ConvFunction<ConvOptions<S>> {
  const SIGNATURE = describeConv(op, describe<ConvOptions<S>>(convKinds(rank)))
  return defineComposition(
    op,
    (...args: [x: Tensor, weight: Tensor, third?: Tensor | null | ConvOptions<S>, fourth?: ConvOptions<S>]) => {
      const called = calledWith<ConvOptions<S>>(SIGNATURE, rank, args[0], args[1], args[2], args[3])
      const { x, weight, bias, options } = called
      const { groups = 1 } = options
      const kernel = kernelOf(op, weight, rank, 'out, in / groups')
      const inner = weight.shape[1] as number
      checkChannels(op, x, weight, rank, inner * groups, `${inner}${groups > 1 ? ` · ${groups} groups = ${inner * groups}` : ''}`)
      checkGroups(op, weight, groups, 'outputs')
      checkBias(op, weight, bias, weight.shape[0] as number)
      const sliding = { kernel, stride: sizesOf(options.stride ?? 1, rank), dilation: sizesOf(options.dilation ?? 1, rank) }
      const [before, after] = paddingOf(op, options.padding, sliding)
      const p = { ...fit(op, x.shape, { ...sliding, before, after }), groups }
      return biased(called, rank, (input, w) => convolution(input, w, p))
    },
    { autocast: 'lower' },
  )
}

/** How long the output of a transposed convolution is, along each axis. */
function transposedSize(
  op: string,
  out: Shape,
  sliding: { readonly kernel: Shape; readonly stride: Shape; readonly dilation: Shape; readonly before: Shape },
  longer: Shape,
): Shape {
  const { kernel, stride, dilation, before } = sliding
  const wide = longer.findIndex((n, d) => n >= Math.max(stride[d] as number, dilation[d] as number))
  if (wide >= 0)
    throw new ArgumentError(
      op,
      `outputPadding must be below the stride or the dilation: it is ${showShape(longer)}, the stride ${showShape(stride)}, the dilation ${showShape(dilation)}`,
    )
  return out.map(
    (n, d) =>
      (n - 1) * (stride[d] as number) -
      2 * (before[d] as number) +
      (dilation[d] as number) * ((kernel[d] as number) - 1) +
      (longer[d] as number) +
      1,
  )
}

function defineConvTranspose<S extends Sizes>(op: string, rank: Rank): ConvFunction<ConvTransposeOptions<S>> {
  const SIGNATURE = describeConv(op, describe<ConvTransposeOptions<S>>(transposeKinds(rank)))
  return defineComposition(
    op,
    (...args: [x: Tensor, weight: Tensor, third?: Tensor | null | ConvTransposeOptions<S>, fourth?: ConvTransposeOptions<S>]) => {
      const called = calledWith<ConvTransposeOptions<S>>(SIGNATURE, rank, args[0], args[1], args[2], args[3])
      const { x, weight, bias, options } = called
      const { groups = 1 } = options
      const kernel = kernelOf(op, weight, rank, 'in, out / groups')
      const taken = weight.shape[0] as number
      checkChannels(op, x, weight, rank, taken, String(taken))
      checkGroups(op, weight, groups, 'inputs')
      checkBias(op, weight, bias, (weight.shape[1] as number) * groups)
      const [stride, dilation] = [options.stride, options.dilation].map((n) => sizesOf(n ?? 1, rank)) as [Shape, Shape]
      const [before, longer] = [options.padding, options.outputPadding].map((n) => sizesOf(n ?? 0, rank)) as [Shape, Shape]
      const out = x.shape.slice(-rank)
      const size = transposedSize(op, out, { kernel, stride, dilation, before }, longer)
      if (size.some((n) => n < 1) || out.some((n) => n < 1))
        throw new ShapeError(op, `nothing is left: the output would be ${showShape(size)} long for x ${showShape(x.shape)}`, [x.shape])
      checkElements(op, [...x.shape.slice(0, -1 - rank), (weight.shape[1] as number) * groups, ...size])
      const p = { ...settled({ kernel, stride, dilation, before, after: before, size, out }), groups }
      return biased(called, rank, (input, w) => convolutionInput(input, w, p))
    },
    { autocast: 'lower' },
  )
}

/**
 * One-dimensional convolution (cross-correlation): y[n, o, i] = bias[o] + Σ over c, a of weight[o, c, a] · x[n, c, i · stride + a · dilation − padding].
 * Summed in float32 or wider.
 * @param x [batch, in, L] or [in, L]
 * @param weight [out, in / groups, length]
 * @param bias [out]; may be left out: `conv1d(x, weight, { padding: 1 })`
 * @returns [batch, out, ⌊(L + 2 · padding − dilation · (length − 1) − 1) / stride⌋ + 1]
 * @throws ShapeError when channels do not fit or the window is larger than the padded input; ArgumentError for other options; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html
 * @example conv1d(zeros([8, 4, 100]), zeros([16, 4, 5]), null, { padding: 2 }).shape // [8, 16, 100]
 */
export const conv1d: ConvFunction<ConvOptions<Single>> = defineConv<Single>('conv1d', 1)

/**
 * Two-dimensional convolution (cross-correlation): y[n, o, i, j] = bias[o] + Σ over c, a, b of weight[o, c, a, b] ·
 * x[n, c, i · stride + a · dilation − padding, j · stride + b · dilation − padding]. Summed in float32 or wider.
 * @param x [batch, in, H, W] or [in, H, W]
 * @param weight [out, in / groups, height, width]
 * @param bias [out]; may be left out: `conv2d(x, weight, { padding: 1 })`
 * @returns [batch, out, ⌊(H + 2 · padding − dilation · (height − 1) − 1) / stride⌋ + 1, …]
 * @throws ShapeError when channels do not fit or the window is larger than the padded input; ArgumentError for other options; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
 * @example conv2d(zeros([8, 1, 28, 28]), zeros([16, 1, 3, 3]), null, { padding: 1 }).shape // [8, 16, 28, 28]
 */
export const conv2d: ConvFunction<ConvOptions> = defineConv<Pair>('conv2d', 2)

/**
 * Three-dimensional convolution (cross-correlation), as {@link conv2d} over [depth, height, width].
 * @param x [batch, in, D, H, W] or [in, D, H, W]
 * @param weight [out, in / groups, depth, height, width]
 * @param bias [out]; may be left out: `conv3d(x, weight, { padding: 1 })`
 * @returns [batch, out, ⌊(D + 2 · padding − dilation · (depth − 1) − 1) / stride⌋ + 1, …]
 * @throws ShapeError when channels do not fit or the window is larger than the padded input; ArgumentError for other options; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html
 * @example conv3d(zeros([2, 1, 8, 8, 8]), zeros([4, 1, 3, 3, 3]), null, { padding: 1 }).shape // [2, 4, 8, 8, 8]
 */
export const conv3d: ConvFunction<ConvOptions<Triple>> = defineConv<Triple>('conv3d', 3)

/**
 * One-dimensional transposed convolution: the adjoint of {@link conv1d} in its input. Each element of x adds its multiple of the weight to a window of the output.
 * @param x [batch, in, L] or [in, L]
 * @param weight [in, out / groups, length]
 * @param bias [out]; may be left out: `convTranspose1d(x, weight, { stride: 2 })`
 * @returns [batch, out, (L − 1) · stride − 2 · padding + dilation · (length − 1) + outputPadding + 1]
 * @throws ShapeError when channels do not fit or nothing is left of the output; ArgumentError for other options; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html
 * @example convTranspose1d(zeros([8, 4, 10]), zeros([4, 2, 4]), null, { stride: 2, padding: 1 }).shape // [8, 2, 20]
 */
export const convTranspose1d: ConvFunction<ConvTransposeOptions<Single>> = defineConvTranspose<Single>('convTranspose1d', 1)

/**
 * Two-dimensional transposed convolution: the adjoint of {@link conv2d} in its input. Each element of x adds its multiple of the weight to a window of the output.
 * @param x [batch, in, H, W] or [in, H, W]
 * @param weight [in, out / groups, height, width]
 * @param bias [out]; may be left out: `convTranspose2d(x, weight, { stride: 2 })`
 * @returns [batch, out, (H − 1) · stride − 2 · padding + dilation · (height − 1) + outputPadding + 1, …]
 * @throws ShapeError when channels do not fit or nothing is left of the output; ArgumentError for other options; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
 * @example convTranspose2d(zeros([8, 4, 7, 7]), zeros([4, 2, 4, 4]), null, { stride: 2, padding: 1 }).shape // [8, 2, 14, 14]
 */
export const convTranspose2d: ConvFunction<ConvTransposeOptions> = defineConvTranspose<Pair>('convTranspose2d', 2)

/**
 * Three-dimensional transposed convolution, as {@link convTranspose2d} over [depth, height, width].
 * @param x [batch, in, D, H, W] or [in, D, H, W]
 * @param weight [in, out / groups, depth, height, width]
 * @param bias [out]; may be left out: `convTranspose3d(x, weight, { stride: 2 })`
 * @returns [batch, out, (D − 1) · stride − 2 · padding + dilation · (depth − 1) + outputPadding + 1, …]
 * @throws ShapeError when channels do not fit or nothing is left of the output; ArgumentError for other options; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose3d.html
 * @example convTranspose3d(zeros([1, 4, 3, 3, 3]), zeros([4, 2, 2, 2, 2]), null, { stride: 2 }).shape // [1, 2, 6, 6, 6]
 */
export const convTranspose3d: ConvFunction<ConvTransposeOptions<Triple>> = defineConvTranspose<Triple>('convTranspose3d', 3)

const CONV_TBC = signature('convTbc', { x: TENSOR, weight: TENSOR, bias: TENSOR, pad: optional(COUNT) })

/**
 * One-dimensional convolution of sequences whose time comes first: y[t, n, o] = bias[o] + Σ over a, c of weight[a, c, o] · x[t + a − pad, n, c].
 * @param x [time, batch, in]
 * @param weight [length, in, out]
 * @param bias [out]
 * @param pad zeros on both sides of the time: 0 by default
 * @returns [time + 2 · pad − length + 1, batch, out]
 * @throws ShapeError when channels do not fit or the window is longer than the padded time; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.conv_tbc.html
 * @example convTbc(zeros([10, 2, 3]), zeros([3, 3, 5]), zeros([5]), 1).shape // [10, 2, 5]
 */
export const convTbc: (x: Tensor, weight: Tensor, bias: Tensor, pad?: number) => Tensor = defineComposition(
  'convTbc',
  (x: Tensor, weight: Tensor, bias: Tensor, pad = 0) => {
    const op = 'convTbc'
    CONV_TBC.check(x, weight, bias, pad)
    if (x.ndim !== 3) throw new ShapeError(op, `x must be [time, batch, in], got ${showShape(x.shape)}`, [x.shape])
    if (weight.ndim !== 3) throw new ShapeError(op, `weight must be [length, in, out], got ${showShape(weight.shape)}`, [weight.shape])
    if (x.shape[2] !== weight.shape[1])
      throw new ShapeError(
        op,
        `channels differ: x is ${showShape(x.shape)} (channels ${x.shape[2]}), weight is ${showShape(weight.shape)} (${weight.shape[1]})`,
        [x.shape, weight.shape],
      )
    checkBias(op, weight, bias, weight.shape[2] as number)
    return permute(conv1d(permute(x, [1, 2, 0]), permute(weight, [2, 1, 0]), bias, { padding: pad }), [2, 0, 1])
  },
  { autocast: 'lower' },
)
