/** @file Resizing of images and sequences, axis by axis: which positions of the input each position of the output is a weighted sum of. */
import {
  ArgumentError,
  BOOLEAN,
  COUNT,
  checkElements,
  choice,
  type DType,
  options as describe,
  type Kind,
  nullable,
  ShapeError,
  showShape,
  signature,
  whole,
} from '../base/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { adaptiveMeans } from './adaptive.ts'
import { clone } from './convert.ts'
import { defineComposition } from './define.ts'
import { checkFloat } from './promote.ts'
import { type Resampling, resample, type Taps } from './resample.ts'
import { AXES, type Rank } from './spatial.ts'

/** How values between the input's are found. */
export type InterpolateMode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'bicubic' | 'trilinear' | 'area'

/** The output's size, or how much larger it is; one of them. */
export interface UpsampleSize {
  /** One number for all axes, or one for each. */
  readonly size?: number | readonly number[] | null
  /** What sizes are multiplied by (and rounded down): one number for all axes, or one for each. */
  readonly scaleFactor?: number | readonly number[] | null
}

/** Options of {@link upsample}. */
export interface UpsampleOptions extends UpsampleSize {
  /** `nearest` by default. */
  readonly mode?: InterpolateMode
  /** Of linear and cubic modes: whether the outermost elements of input and output lie on each other (and not the outer edges): false by default. */
  readonly alignCorners?: boolean | null
}

/** Options of {@link interpolate}. */
export interface InterpolateOptions extends UpsampleOptions {
  /** Takes the ratio of the sizes, and not `scaleFactor` itself, as the distance of neighbours: they differ where the size was rounded. False by default. */
  readonly recomputeScaleFactor?: boolean | null
  /** Of bilinear and bicubic: takes all elements of a wider window where the output is smaller. False by default. */
  readonly antialias?: boolean
}

const LINEAR_MODES: readonly InterpolateMode[] = ['linear', 'bilinear', 'bicubic', 'trilinear']
/** How many axes a mode is for; the others take one to three. */
const RANK_OF: Readonly<Partial<Record<InterpolateMode, Rank>>> = { linear: 1, bilinear: 2, bicubic: 2, trilinear: 3 }

const oneOrMore = (fits: string, one: (x: unknown) => boolean): Kind => ({
  fits: `${fits}, or one for each axis`,
  accepts: (x) => one(x) || (Array.isArray(x) && x.length >= 1 && x.length <= 3 && Array.from(x).every(one)),
})
const SIZE: Kind = nullable(oneOrMore(whole(1).fits, (x) => COUNT.accepts(x) && x !== 0))
const FACTOR: Kind = nullable(oneOrMore('a number > 0', (x) => Number.isFinite(x) && (x as number) > 0))
const MODE: Kind = choice(['nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear', 'area'])
const UPSAMPLE_SIZE = { size: SIZE, scaleFactor: FACTOR } as const
const UPSAMPLE = { ...UPSAMPLE_SIZE, mode: MODE, alignCorners: nullable(BOOLEAN) } as const
const INTERPOLATE = { ...UPSAMPLE, recomputeScaleFactor: nullable(BOOLEAN), antialias: BOOLEAN } as const

/** One axis that is resized: its lengths, and how far apart neighbours of the output are in the input. */
interface Axis {
  readonly from: number
  readonly to: number
  readonly step: number
  readonly aligned: boolean
}

const range = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i))
const clamped = (i: number, n: number): number => Math.min(Math.max(i, 0), n - 1)

/** Where the middle of output i lies in the input. */
const middle = ({ step, aligned }: Axis, i: number): number => (aligned ? step * i : step * (i + 0.5) - 0.5)

/**
 * One element for each: i · step (or (i + ½) · step) rounded down. Where that is near a whole number it depends on rounding: it is computed in the tensor's
 * own precision, as in PyTorch.
 */
function nearestTaps({ from, to, step }: Axis, dtype: DType, exact: boolean): Taps {
  const round = dtype === 'float64' ? (x: number): number => x : Math.fround
  const s = round(step)
  return { from, positions: range(to, (i) => [Math.min(Math.floor(round((exact ? i + 0.5 : i) * s)), from - 1)]) }
}

function linearTaps(axis: Axis): Taps {
  const { from, to } = axis
  const at = range(to, (i) => Math.max(0, middle(axis, i)))
  const low = at.map((x) => Math.min(Math.floor(x), from - 1))
  const positions = low.map((j) => [j, Math.min(j + 1, from - 1)])
  const weights = at.map((x, i) => {
    const t = Math.min(Math.max(x - (low[i] as number), 0), 1)
    return [1 - t, t]
  })
  return { from, positions, weights }
}

/** The weights of the four neighbours of a place that lies t behind the second (convolution by a cubic with a = −3/4). */
export function cubicWeights(t: number): number[] {
  const a = -0.75
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1
  const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
  return [far(t + 1), near(t), near(1 - t), far(2 - t)]
}

function cubicTaps(axis: Axis): Taps {
  const { from, to } = axis
  const at = range(to, (i) => middle(axis, i))
  const positions = at.map((x) => range(4, (t) => clamped(Math.floor(x) - 1 + t, from)))
  return { from, positions, weights: at.map((x) => cubicWeights(x - Math.floor(x))) }
}

/** The filters of {@link antialiasedTaps}: a triangle, and a cubic with a = −1/2. */
const FILTERS = {
  bilinear: { reach: 1, at: (x: number): number => (x < 1 ? 1 - x : 0) },
  bicubic: {
    reach: 2,
    at: (x: number): number => {
      const a = -0.5
      return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    },
  },
} as const

/** A filter as wide as the step, over the elements that lie under it. */
function antialiasedTaps({ from, to, step }: Axis, mode: 'bilinear' | 'bicubic'): Taps {
  const { reach, at } = FILTERS[mode]
  const wide = Math.max(step, 1)
  const positions: number[][] = []
  const weights: number[][] = []
  for (let i = 0; i < to; i++) {
    const center = step * (i + 0.5)
    const first = Math.max(Math.trunc(center - reach * wide + 0.5), 0)
    const end = Math.min(Math.trunc(center + reach * wide + 0.5), from)
    const list = range(end - first, (t) => at(Math.abs((first + t - center + 0.5) / wide)))
    const total = list.reduce((sum, w) => sum + w, 0)
    positions.push(range(end - first, (t) => first + t))
    weights.push(total === 0 ? list : list.map((w) => w / total))
  }
  return { from, positions, weights }
}

/** The taps of an axis; undefined where it stays as it is. */
function tapsOf(axis: Axis, mode: Exclude<InterpolateMode, 'area'>, antialias: boolean, dtype: DType): Taps | undefined {
  switch (mode) {
    case 'nearest':
    case 'nearest-exact':
      return nearestTaps(axis, dtype, mode === 'nearest-exact')
    case 'linear':
    case 'trilinear':
      return axis.from === axis.to ? undefined : linearTaps(axis)
    case 'bilinear':
      return antialias ? antialiasedTaps(axis, mode) : axis.from === axis.to ? undefined : linearTaps(axis)
    case 'bicubic':
      return antialias ? antialiasedTaps(axis, mode) : cubicTaps(axis)
  }
}

// ── functions ──

/** A number for each axis. */
function eachOf(op: string, role: string, given: number | readonly number[], rank: number): readonly number[] {
  if (typeof given === 'number') return range(rank, () => given)
  if (given.length !== rank)
    throw new ArgumentError(
      op,
      `${role} must have ${rank} element${rank === 1 ? '' : 's'}, one for each axis of x, got [${given.join(', ')}]`,
    )
  return given
}

function checkMode(op: string, x: Tensor, mode: InterpolateMode, options: InterpolateOptions): Rank {
  if (x.ndim < 3 || x.ndim > 5)
    throw new ShapeError(op, `x must be [batch, channels, ...axes] with one to three axes, got ${showShape(x.shape)}`, [x.shape])
  const rank = (x.ndim - 2) as Rank
  const wanted = RANK_OF[mode]
  if (wanted !== undefined && wanted !== rank)
    throw new ShapeError(op, `mode '${mode}' takes x [batch, channels, ${AXES[wanted].join(', ')}], got ${showShape(x.shape)}`, [x.shape])
  if (typeof options.alignCorners === 'boolean' && !LINEAR_MODES.includes(mode))
    throw new ArgumentError(op, `alignCorners goes with the modes ${LINEAR_MODES.map((m) => `'${m}'`).join(', ')}, not with '${mode}'`)
  if (options.antialias && mode !== 'bilinear' && mode !== 'bicubic')
    throw new ArgumentError(op, `antialias goes with the modes 'bilinear' and 'bicubic', not with '${mode}'`)
  return rank
}

/** The axes that are resized, and by how much. */
function axesOf(op: string, x: Tensor, mode: InterpolateMode, options: InterpolateOptions, rank: Rank): Axis[] {
  const { size = null, scaleFactor = null, recomputeScaleFactor } = options
  if ((size === null) === (scaleFactor === null))
    throw new ArgumentError(op, size === null ? 'size or scaleFactor must be given' : 'size and scaleFactor exclude each other: give one')
  if (recomputeScaleFactor && size !== null) throw new ArgumentError(op, 'recomputeScaleFactor goes with scaleFactor, not with size')
  const sizes = size === null ? undefined : eachOf(op, 'size', size, rank)
  const factors = scaleFactor === null ? undefined : eachOf(op, 'scaleFactor', scaleFactor, rank)
  const aligned = options.alignCorners ?? false
  return range(rank, (d) => {
    const from = x.shape[2 + d] as number
    const factor = factors?.[d]
    const to = factor === undefined ? (sizes?.[d] as number) : Math.floor(from * factor)
    if (from === 0 || to === 0)
      throw new ShapeError(op, `sizes must be at least 1: ${AXES[rank][d]} goes from ${from} to ${to} for x ${showShape(x.shape)}`, [
        x.shape,
      ])
    const ratio = factor === undefined || recomputeScaleFactor || mode === 'area' ? from / to : 1 / factor
    return { from, to, aligned, step: aligned ? (to > 1 ? (from - 1) / (to - 1) : 0) : ratio }
  })
}

function resized(op: string, x: Tensor, options: InterpolateOptions): Tensor {
  const { mode = 'nearest', antialias = false } = options
  const rank = checkMode(op, x, mode, options)
  if (!(x.dtype === 'uint8' && mode.startsWith('nearest'))) checkFloat(op, 'x', x)
  const axes = axesOf(op, x, mode, options, rank)
  checkElements(op, [...x.shape.slice(0, 2), ...axes.map((a) => a.to)])
  if (mode === 'area')
    return adaptiveMeans(
      x,
      axes.map((a) => a.to),
    )
  const dims = axes.flatMap((axis, d): Resampling[] => {
    const taps = tapsOf(axis, mode, antialias, x.dtype)
    return taps ? [{ dim: 2 + d, taps }] : []
  })
  // (an axis that becomes shorter first)
  dims.sort((a, b) => a.taps.positions.length / a.taps.from - b.taps.positions.length / b.taps.from)
  return dims.length > 0 ? resample(x, dims) : clone(x)
}

const INTERPOLATE_CALL = signature('interpolate', { x: TENSOR, options: describe<InterpolateOptions>(INTERPOLATE) })
const UPSAMPLE_CALL = signature('upsample', { x: TENSOR, options: describe<UpsampleOptions>(UPSAMPLE) })
const UPSAMPLE_NEAREST = signature('upsampleNearest', { x: TENSOR, options: describe<UpsampleSize>(UPSAMPLE_SIZE) })
const UPSAMPLE_BILINEAR = signature('upsampleBilinear', { x: TENSOR, options: describe<UpsampleSize>(UPSAMPLE_SIZE) })

/**
 * `x` resized along its last axes.
 * @param x [batch, channels, L], [batch, channels, H, W] or [batch, channels, D, H, W]
 * @param options `size` or `scaleFactor`, and the mode: `nearest` (default), `nearest-exact` and `area` for one to three axes, `linear` for one, `bilinear` and
 * `bicubic` for two, `trilinear` for three. uint8 is taken by the nearest modes.
 * @returns [batch, channels, ...size]
 * @throws ShapeError for a number of axes that the mode does not take; ArgumentError for options that do not go together; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html
 * @example interpolate(zeros([1, 3, 8, 8]), { scaleFactor: 2, mode: 'bilinear' }).shape // [1, 3, 16, 16]
 */
export const interpolate: (x: Tensor, options: InterpolateOptions) => Tensor = defineComposition(
  'interpolate',
  (x: Tensor, options: InterpolateOptions) => {
    INTERPOLATE_CALL.check(x, options)
    return resized('interpolate', x, options)
  },
  { autocast: 'float32' },
)
/**
 * {@link interpolate} without its last two options, by its former name.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.upsample.html
 */
export const upsample: (x: Tensor, options: UpsampleOptions) => Tensor = defineComposition(
  'upsample',
  (x: Tensor, options: UpsampleOptions) => {
    UPSAMPLE_CALL.check(x, options)
    return interpolate(x, options)
  },
  { half: 'keep' },
)
/** {@link interpolate} in mode `nearest`, by its former name. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.upsample_nearest.html */
export const upsampleNearest: (x: Tensor, options: UpsampleSize) => Tensor = defineComposition(
  'upsampleNearest',
  (x: Tensor, options: UpsampleSize) => {
    UPSAMPLE_NEAREST.check(x, options)
    return interpolate(x, options)
  },
  { half: 'keep' },
)
/**
 * {@link interpolate} in mode `bilinear` with `alignCorners`, by its former name.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.upsample_bilinear.html
 */
export const upsampleBilinear: (x: Tensor, options: UpsampleSize) => Tensor = defineComposition(
  'upsampleBilinear',
  (x: Tensor, options: UpsampleSize) => {
    UPSAMPLE_BILINEAR.check(x, options)
    return interpolate(x, { ...options, mode: 'bilinear', alignCorners: true })
  },
  { half: 'keep' },
)
