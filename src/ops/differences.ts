/** @file Differences of neighbours, integrals by trapezoids, and slopes of samples. */
import {
  ArgumentError,
  COUNT,
  counted,
  DTypeError,
  options as describe,
  FINITE,
  listOf,
  NUMBER,
  normalizeDim,
  normalizeDims,
  nullable,
  type Options,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  underName,
  whole,
} from '../base/index.ts'
import { DIM, DIMS, MAYBE_TENSOR, TENSOR, Tensor } from '../tensor/index.ts'
import { logicalXor } from './compare.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, div, mul, sub } from './elementwise.ts'
import { cat } from './join.ts'
import { floatOf, number } from './promote.ts'
import { type Dims, sum } from './reduce.ts'
import { cumsum } from './scan.ts'
import { narrowTo } from './slice.ts'
import { reshapeTo } from './view.ts'

/** All but the last along `d`, and all but the first. */
function neighbours(x: Tensor, d: number): [before: Tensor, after: Tensor] {
  const rest = Math.max(0, (x.shape[d] as number) - 1)
  return [narrowTo(x, d, 0, rest), narrowTo(x, d, (x.shape[d] as number) - rest, rest)]
}

// ── diff ──

/** Options of {@link diff}. */
export interface DiffOptions {
  /** How many times differences are taken: 1 by default. */
  readonly n?: number
  /** The dim along which: the last one by default. */
  readonly dim?: number
  /** What is put in front of `x` along the dim. */
  readonly prepend?: Tensor | null
  /** What is put behind `x` along the dim. */
  readonly append?: Tensor | null
}

const DIFF_OPTIONS: Options<DiffOptions> = describe<DiffOptions>({ n: COUNT, dim: DIM, prepend: MAYBE_TENSOR, append: MAYBE_TENSOR })
const DIFF = signature('diff', { x: TENSOR, n: optional(oneOf(COUNT, DIFF_OPTIONS)), options: optional(DIFF_OPTIONS) })

/**
 * Each element less the one before along `dim`, `n` times: n elements fewer. Of bools it is whether the two differ.
 * @throws ShapeError for a 0-d tensor.
 * @see https://pytorch.org/docs/stable/generated/torch.diff.html
 */
export const diff: (x: Tensor, n?: number | DiffOptions, options?: DiffOptions) => Tensor = defineComposition(
  'diff',
  (x: Tensor, n?: number | DiffOptions, options?: DiffOptions) => {
    DIFF.check(x, n, options)
    if (typeof n === 'object' && options !== undefined) throw new ArgumentError('diff', 'the options come last')
    const named = options ?? (typeof n === 'object' ? n : undefined)
    if (x.ndim === 0) throw new ShapeError('diff', 'x must have at least one dim, got a 0-d tensor', [x.shape])
    const d = normalizeDim('diff', named?.dim ?? -1, x.ndim)
    const parts = [named?.prepend, x, named?.append].filter((part) => part !== undefined && part !== null)
    let y = parts.length > 1 ? cat(parts, d) : x
    // (as often as there is something left)
    const times = Math.min((typeof n === 'number' ? n : named?.n) ?? 1, y.shape[d] as number)
    for (let i = 0; i < times; i++) {
      const [before, after] = neighbours(y, d)
      y = y.dtype === 'bool' ? logicalXor(after, before) : sub(after, before)
    }
    return y
  },
)

// ── integrals ──

/** Options of {@link trapezoid}. */
export interface TrapezoidOptions {
  /** The places of the samples: [n], or a shape that broadcasts with that of `y`. */
  readonly x?: Tensor | null
  /** The distance of samples where no `x` is given: 1 by default. */
  readonly dx?: number
  /** The dim along which: the last one by default. */
  readonly dim?: number
}

const TRAPEZOID_OPTIONS: Options<TrapezoidOptions> = describe<TrapezoidOptions>({ x: MAYBE_TENSOR, dx: FINITE, dim: DIM })

/** The widths between samples at `x`, in a shape that broadcasts with that of `y`. */
function widths(op: string, y: Tensor, x: Tensor, d: number): Tensor {
  if (x.dtype === 'bool') throw new DTypeError(op, `x is bool, which ${op} does not take. Convert with .float()`)
  checkDevices(op, ['y', 'x'], [y, x])
  let shape: Shape = x.shape
  if (x.ndim === 1) {
    if (x.shape[0] !== y.shape[d])
      throw new ShapeError(op, `x ${showShape(x.shape)} must have as many places as y ${showShape(y.shape)} samples in dim ${d}`, [
        x.shape,
        y.shape,
      ])
    shape = y.shape.map((_, i) => (i === d ? (x.shape[0] as number) : 1))
  } else if (x.ndim < y.ndim) shape = [...new Array<number>(y.ndim - x.ndim).fill(1), ...x.shape]
  const [before, after] = neighbours(reshapeTo(x, shape), d)
  return sub(after, before)
}

/** The areas of the trapezoids between samples, twice. */
function areas(op: string, y: Tensor, d: number, { x, dx = 1 }: TrapezoidOptions): Tensor {
  const [before, after] = neighbours(y, d)
  const heights = add(before, after)
  return x ? mul(heights, widths(op, y, x, d)) : Number.isInteger(dx) ? mul(heights, dx) : mul(heights, number(dx, floatOf(y.dtype)))
}

function defineTrapezoid(name: string, join: (parts: Tensor, d: number) => Tensor) {
  const given = signature(name, {
    y: TENSOR,
    x: optional(oneOf(TENSOR, TRAPEZOID_OPTIONS)),
    options: optional(TRAPEZOID_OPTIONS),
  })
  return defineComposition(name, (y: Tensor, x?: Tensor | TrapezoidOptions, options?: TrapezoidOptions) => {
    given.check(y, x, options)
    const places = x instanceof Tensor ? x : undefined
    if (x !== undefined && places === undefined && options !== undefined) throw new ArgumentError(name, 'the options come last')
    const named: TrapezoidOptions = options ?? (places ? {} : ((x ?? {}) as TrapezoidOptions))
    const at = places ?? named.x
    if (at && named.dx !== undefined) throw new ArgumentError(name, 'x and dx exclude each other')
    if (y.dtype === 'bool') throw new DTypeError(name, `y is bool, which ${name} does not take. Convert with .float()`)
    if (y.ndim === 0) throw new ShapeError(name, 'y must have at least one dim, got a 0-d tensor', [y.shape])
    const d = normalizeDim(name, named.dim ?? -1, y.ndim)
    return div(join(areas(name, y, d, { ...named, ...(at && { x: at }) }), d), 2)
  })
}

/** An integral of `y` over points `x`, or over steps of `dx`. */
export type TrapezoidFunction = (y: Tensor, x?: Tensor | TrapezoidOptions, options?: TrapezoidOptions) => Tensor

/**
 * The integral of samples `y` along `dim` by the trapezoidal rule; the dim leaves the shape.
 * @param x the places of the samples, [n] or a shape that broadcasts; without it they are `dx` apart
 * @throws DTypeError for bools, ShapeError for a 0-d tensor.
 * @see https://pytorch.org/docs/stable/generated/torch.trapezoid.html
 */
export const trapezoid: TrapezoidFunction = defineTrapezoid('trapezoid', (parts, d) => sum(parts, d))
/** Another name of {@link trapezoid}. @see https://pytorch.org/docs/stable/generated/torch.trapz.html */
export const trapz: TrapezoidFunction = defineTrapezoid('trapz', (parts, d) => sum(parts, d))
/** The integrals up to each sample but the first; as {@link trapezoid}. @see https://pytorch.org/docs/stable/generated/torch.cumulative_trapezoid.html */
export const cumulativeTrapezoid: TrapezoidFunction = defineTrapezoid('cumulativeTrapezoid', (parts, d) => cumsum(parts, d))

// ── slopes ──

/** Options of {@link gradient}. */
export interface GradientOptions {
  /** The distance of samples, of all dims or of each; or for each dim the places of its samples, [n]: 1 by default. */
  readonly spacing?: number | readonly number[] | readonly Tensor[]
  /** The dims along which: all by default. */
  readonly dim?: Dims | null
  /** The order of the estimate at the ends: 1 (default) or 2. */
  readonly edgeOrder?: number
}

const GRADIENT = signature('gradient', {
  x: TENSOR,
  options: optional(
    describe<GradientOptions>({ spacing: oneOf(NUMBER, listOf(NUMBER), listOf(TENSOR)), dim: nullable(DIMS), edgeOrder: whole(1, 2) }),
  ),
})

/** Samples from `start` on along `d`, `length` of them. */
type Part = (start: number, length: number) => Tensor

/** The slopes of parabolas through three neighbours, at the first, the middle or the last of them; `a` and `b` are the widths between them. */
const SLOPES = {
  first: (f: readonly Tensor[], a: Tensor, b: Tensor) =>
    combined(f, [div(add(add(a, a), b), mul(a, add(a, b))), div(add(a, b), mul(a, b)), div(a, mul(b, add(a, b)))], [-1, 1, -1]),
  middle: (f: readonly Tensor[], a: Tensor, b: Tensor) =>
    combined(f, [div(b, mul(a, add(a, b))), div(sub(b, a), mul(a, b)), div(a, mul(b, add(a, b)))], [-1, 1, 1]),
  last: (f: readonly Tensor[], a: Tensor, b: Tensor) =>
    combined(f, [div(b, mul(a, add(a, b))), div(add(a, b), mul(a, b)), div(add(a, add(b, b)), mul(b, add(a, b)))], [1, -1, 1]),
} as const

function combined(f: readonly Tensor[], weights: readonly Tensor[], signs: readonly number[]): Tensor {
  return f.map((value, i) => mul(value, mul(weights[i] as Tensor, signs[i] as number))).reduce((total, term) => add(total, term))
}

/** The slopes along `d`: those inside of parabolas, those at the ends of lines or parabolas. `width` are the widths between samples, all one where it is even. */
function slopesAlong(x: Tensor, d: number, width: Part, isEven: boolean, edgeOrder: number): Tensor {
  const n = x.shape[d] as number
  const f: Part = (start, length) => narrowTo(x, d, start, length)
  const inner = (): Tensor =>
    isEven
      ? div(sub(f(2, n - 2), f(0, n - 2)), mul(width(0, 1), 2))
      : SLOPES.middle([f(0, n - 2), f(1, n - 2), f(2, n - 2)], width(0, n - 2), width(1, n - 2))
  const inside = n > 2 ? [inner()] : []
  const line = (at: number): Tensor => div(sub(f(at + 1, 1), f(at, 1)), width(at, 1))
  const three = (from: number): Tensor[] => [f(from, 1), f(from + 1, 1), f(from + 2, 1)]
  const [first, last] =
    edgeOrder === 1
      ? [line(0), line(n - 2)]
      : [SLOPES.first(three(0), width(0, 1), width(1, 1)), SLOPES.last(three(n - 3), width(n - 3, 1), width(n - 2, 1))]
  return cat([first, ...inside, last], d)
}

function widthsOf(x: Tensor, d: number, spacing: number | Tensor): Part {
  const dtype = floatOf(x.dtype)
  if (typeof spacing === 'number') {
    const every = reshapeTo(
      number(spacing, dtype),
      x.shape.map(() => 1),
    )
    return () => every
  }
  checkDevices('gradient', ['x', 'spacing'], [x, spacing])
  if (spacing.ndim !== 1 || spacing.shape[0] !== x.shape[d])
    throw new ShapeError(
      'gradient',
      `spacing ${showShape(spacing.shape)} must be [${x.shape[d]}], the places in dim ${d} of x ${showShape(x.shape)}`,
      [spacing.shape, x.shape],
    )
  const [before, after] = neighbours(
    reshapeTo(
      spacing,
      x.shape.map((_, i) => (i === d ? (x.shape[d] as number) : 1)),
    ),
    d,
  )
  const all = sub(after, before)
  return (start, length) => narrowTo(all, d, start, length)
}

const slopes = defineComposition(
  'gradient',
  (x: Tensor, p: { readonly dim: number; readonly spacing: number | Tensor; readonly edgeOrder: number }) =>
    slopesAlong(x, p.dim, widthsOf(x, p.dim, p.spacing), typeof p.spacing === 'number', p.edgeOrder),
)

/**
 * The slopes of samples along each dim, a tensor like `x` for each: inside of parabolas through neighbours, at the ends of lines, or with `edgeOrder` 2 of parabolas.
 * @throws ShapeError for a dim of less than edgeOrder + 1 samples.
 * @see https://pytorch.org/docs/stable/generated/torch.gradient.html
 */
export function gradient(x: Tensor, options?: GradientOptions): Tensor[] {
  GRADIENT.check(x, options)
  const { spacing = 1, dim, edgeOrder = 1 } = options ?? {}
  const list = typeof dim === 'number' ? [dim] : dim
  const dims = list ? list.map((d) => normalizeDim('gradient', d, x.ndim)) : normalizeDims('gradient', null, x.ndim)
  normalizeDims('gradient', dims, x.ndim) // (none twice)
  if (typeof spacing !== 'number' && spacing.length !== dims.length)
    throw new ArgumentError(
      'gradient',
      `spacing must be a number, or have one for each of ${counted(dims.length, 'dim')}, got ${spacing.length}`,
    )
  const few = dims.find((d) => (x.shape[d] as number) < edgeOrder + 1)
  if (few !== undefined)
    throw new ShapeError('gradient', `dim ${few} of x ${showShape(x.shape)} must have at least ${edgeOrder + 1} samples`, [x.shape])
  return underName('gradient', () =>
    dims.map((d, i) => slopes(x, { dim: d, spacing: typeof spacing === 'number' ? spacing : (spacing[i] as number | Tensor), edgeOrder })),
  )
}
