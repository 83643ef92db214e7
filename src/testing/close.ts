/** @file `assertClose`: are two tensors the same, up to rounding? Says where they are not. */
import {
  ANYTHING,
  atLeast,
  BOOLEAN,
  type DType,
  options as describe,
  isFloat,
  mismatch,
  type Options,
  optional,
  renamed,
  type Shape,
  sameShape,
  showShape,
  signature,
  TapegradError,
} from '../base/index.ts'
import { tensor } from '../ops/index.ts'
import { type HostData, TENSOR, Tensor } from '../tensor/index.ts'

/** What the assertions of `tapegrad/testing` throw. */
export class AssertionError extends TapegradError {}

/** |actual − expected| ≤ atol + rtol · |expected|. */
export interface Tolerance {
  /** In proportion to |expected|. */
  readonly rtol: number
  /** In any case. */
  readonly atol: number
}

/** PyTorch's tolerances; integers and bools must be equal. */
const TOLERANCE: Readonly<Record<DType, Tolerance>> = {
  float64: { rtol: 1e-7, atol: 1e-7 },
  float32: { rtol: 1.3e-6, atol: 1e-5 },
  float16: { rtol: 1e-3, atol: 1e-5 },
  bfloat16: { rtol: 1.6e-2, atol: 1e-5 },
  int32: { rtol: 0, atol: 0 },
  uint32: { rtol: 0, atol: 0 },
  int8: { rtol: 0, atol: 0 },
  uint8: { rtol: 0, atol: 0 },
  bool: { rtol: 0, atol: 0 },
}

/** How a comparison is made; tolerances follow the dtype by default. */
export interface CloseOptions extends Partial<Tolerance> {
  /** Whether NaN equals NaN: false by default. */
  readonly equalNan?: boolean
  /** Whether the dtypes must be equal too (default), where both are tensors. */
  readonly checkDtype?: boolean
}

const CLOSE: Options<CloseOptions> = describe<CloseOptions>({ rtol: atLeast(0), atol: atLeast(0), equalNan: BOOLEAN, checkDtype: BOOLEAN })
// What `expected` may be is judged where a tensor is made of it.
const ASSERT_CLOSE = signature('assertClose', { actual: TENSOR, expected: ANYTHING, options: optional(CLOSE) })

/** What a comparison came to. */
export interface Comparison {
  readonly pass: boolean
  /** What differs and where; empty when nothing does. */
  readonly message: string
}

/** Compares shape, dtype and values. */
export async function compareTensors(actual: Tensor, expected: Tensor | HostData, options: CloseOptions = {}): Promise<Comparison> {
  if (!(actual instanceof Tensor)) return { pass: false, message: mismatch(TENSOR, 'actual', actual) }
  // Numbers are rounded as the tensor's are; beside integers they keep their fraction.
  const dtype = isFloat(actual.dtype) ? actual.dtype : 'float64'
  const other = expected instanceof Tensor ? expected : tensor(expected, { dtype, device: 'cpu' })
  if (!sameShape(actual.shape, other.shape)) {
    return { pass: false, message: `shapes differ: actual is ${showShape(actual.shape)}, expected ${showShape(other.shape)}` }
  }
  if (expected instanceof Tensor && (options.checkDtype ?? true) && actual.dtype !== expected.dtype) {
    return {
      pass: false,
      message: `dtypes differ: actual is ${actual.dtype}, expected ${expected.dtype} (shape ${showShape(actual.shape)})`,
    }
  }
  const [a, b] = [TOLERANCE[actual.dtype], expected instanceof Tensor ? TOLERANCE[expected.dtype] : { rtol: 0, atol: 0 }]
  const rtol = options.rtol ?? Math.max(a.rtol, b.rtol)
  const atol = options.atol ?? Math.max(a.atol, b.atol)
  const { shape, dtype: found } = actual
  const [got, want] = await Promise.all([actual.data(), other.data()])
  return compareValues(got, want, shape, `${showShape(shape)} ${found}`, { rtol, atol }, options.equalNan ?? false)
}

interface Worst {
  at: number
  value: number
}

function compareValues(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  shape: Shape,
  what: string,
  { rtol, atol }: Tolerance,
  equalNan: boolean,
): Comparison {
  let wrong = 0
  const excess: Worst = { at: 0, value: Number.NEGATIVE_INFINITY }
  const absolute: Worst = { at: 0, value: -1 }
  const relative: Worst = { at: 0, value: -1 }
  const note = (worst: Worst, at: number, value: number): void => {
    if (!(value > worst.value)) return
    worst.at = at
    worst.value = value
  }
  for (let i = 0; i < want.length; i++) {
    const [g, w] = [got[i] as number, want[i] as number]
    if (g === w || (equalNan && Number.isNaN(g) && Number.isNaN(w))) continue
    const difference = Number.isNaN(g - w) ? Number.POSITIVE_INFINITY : Math.abs(g - w)
    const over = difference === Number.POSITIVE_INFINITY ? difference : difference - (atol + rtol * Math.abs(w))
    note(absolute, i, difference)
    note(relative, i, difference / Math.abs(w))
    if (over <= 0) continue
    wrong++
    note(excess, i, over)
  }
  if (wrong === 0) return { pass: true, message: '' }
  const place = (i: number): string => showShape(position(i, shape))
  const at = excess.at
  return {
    pass: false,
    message: [
      `${wrong} of ${want.length} elements of ${what} differ (rtol ${rtol}, atol ${atol})`,
      `  worst at ${place(at)}: actual ${got[at]}, expected ${want[at]}`,
      `  largest absolute difference ${absolute.value} at ${place(absolute.at)}, largest relative ${relative.value} at ${place(relative.at)}`,
      `  around the worst: actual ${around(got, at)}, expected ${around(want, at)}`,
    ].join('\n'),
  }
}

/** The place of a row-major position. */
export function position(i: number, shape: Shape): number[] {
  const place: number[] = []
  let rest = i
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d] as number
    place.unshift(rest % size)
    rest = Math.floor(rest / size)
  }
  return place
}

/** An element between its neighbours, three on each side. */
function around(values: ArrayLike<number>, at: number): string {
  const from = Math.max(0, at - 3)
  const to = Math.min(values.length, at + 4)
  const part = Array.from({ length: to - from }, (_, i) => values[from + i])
  return `[${from > 0 ? '…, ' : ''}${part.join(', ')}${to < values.length ? ', …' : ''}]`
}

/**
 * Throws unless `actual` has the shape, the dtype and, up to `atol + rtol · |expected|`, the values of `expected`. Tolerances follow the dtype unless given.
 * @throws AssertionError that names the worst element and its neighbours.
 * @see https://pytorch.org/docs/stable/testing.html#torch.testing.assert_close
 * @example await assertClose(x.softmax(1).sum(1), [1, 1, 1])
 */
export async function assertClose(actual: Tensor, expected: Tensor | HostData, options?: CloseOptions): Promise<void> {
  ASSERT_CLOSE.check(actual, expected, options)
  const { pass, message } = await compareTensors(actual, expected, options).catch((error: unknown) => {
    throw renamed(error, 'assertClose')
  })
  if (!pass) throw new AssertionError('assertClose', message)
}
