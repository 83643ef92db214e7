/** @file What depends on values in its shape or its result: read first, hence promises. */
import {
  BOOLEAN,
  broadcastShapes,
  DTypeError,
  options as describe,
  optional,
  ShapeError,
  sameShape,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import { alias, hostValues, type NodePlace, ownValue, TENSOR, type Tensor } from '../tensor/index.ts'
import { CLOSE, type CloseOptions, closeness } from './close.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { tensor } from './create.ts'
import { checkDevices } from './define.ts'
import { all } from './extremes.ts'
import { indexSelect } from './indexing.ts'
import { expand, reshape } from './view.ts'

/** A leaf of positions at a place. */
function indicesAt(placement: NodePlace, values: Int32Array, shape: readonly number[]): Tensor {
  return tensor(values, { shape, ...(placement === 'auto' ? {} : { device: placement.name }) })
}

/** Row-major positions of the elements that are ≠ 0. */
async function positionsOf(x: Tensor): Promise<Int32Array> {
  const values = await cast(x, 'bool').data()
  const found: number[] = []
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) found.push(i)
  return Int32Array.from(found)
}

/** The value of `x` as it is at the call, whatever becomes of `x`. */
function snapshot(x: Tensor): Tensor {
  const now = hostValues(x) ? alias(x) : ownValue(x)
  now._edge = x._edge
  return now
}

const MASKED_SELECT = signature('maskedSelect', { x: TENSOR, mask: TENSOR })

/**
 * The elements of `x` where `mask` holds, [n], in row-major order; the two broadcast. The gradient reaches the chosen elements. The mask is read by
 * the host, hence the promise.
 * @throws DTypeError when `mask` is not bool.
 * @see https://pytorch.org/docs/stable/generated/torch.masked_select.html
 * @example await maskedSelect(x, x.gt(0))
 */
export async function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor> {
  MASKED_SELECT.check(x, mask)
  checkDevices('maskedSelect', ['x', 'mask'], [x, mask])
  if (mask.dtype !== 'bool') throw new DTypeError('maskedSelect', `mask must be bool, got ${mask.dtype}. Compare first: x.ne(0)`)
  const shape = broadcastShapes('maskedSelect', x.shape, mask.shape)
  const now = snapshot(x)
  const found = await positionsOf(expand(mask, shape))
  return underName('maskedSelect', () =>
    indexSelect(reshape(expand(now, shape), [sizeOf(shape)]), 0, indicesAt(now._node.placement, found, [found.length])),
  )
}

/** In what form {@link nonzero} gives positions. */
export interface NonzeroOptions {
  /** Whether one vector a dim is wanted, as `at` takes them, in place of one row a position: false by default. */
  readonly asTuple?: boolean
}

/** {@link nonzero}, whose result follows from what is asked for. */
export interface NonzeroFunction {
  /** One int32 vector [n] a dim; of a 0-d tensor one. */
  (x: Tensor, options: NonzeroOptions & { readonly asTuple: true }): Promise<readonly Tensor[]>
  /** int32 [n, dims]. */
  (x: Tensor, options?: NonzeroOptions & { readonly asTuple?: false }): Promise<Tensor>
}

const NONZERO = signature('nonzero', { x: TENSOR, options: optional(describe<NonzeroOptions>({ asTuple: BOOLEAN })) })

/** Positions of the elements that are ≠ 0 along each dim, in row-major order: a column for each dim. */
async function columnsOf(x: Tensor): Promise<{ readonly n: number; readonly columns: readonly Int32Array[] }> {
  const { shape } = x
  const left = await positionsOf(x)
  const n = left.length
  const columns = shape.map(() => new Int32Array(n))
  for (let d = shape.length - 1; d >= 0; d--) {
    const [size, column] = [shape[d] as number, columns[d] as Int32Array]
    for (let row = 0; row < n; row++) {
      const position = left[row] as number
      column[row] = position % size
      left[row] = Math.floor(position / size)
    }
  }
  return { n, columns }
}

/** As rows, int32 [n, dims]. */
async function rowsOf(op: string, x: Tensor): Promise<Tensor> {
  const { ndim, _node } = x
  const { n, columns } = await columnsOf(x)
  const rows = new Int32Array(n * ndim)
  columns.forEach((column, d) => {
    for (let row = 0; row < n; row++) rows[row * ndim + d] = column[row] as number
  })
  return underName(op, () => indicesAt(_node.placement, rows, [n, ndim]))
}

/**
 * The positions of the elements that are ≠ 0, in row-major order: one a row, int32 [n, dims], or with `{ asTuple: true }` one vector [n] a dim. The values are read
 * by the host, hence the promise.
 * @see https://pytorch.org/docs/stable/generated/torch.nonzero.html
 */
export const nonzero: NonzeroFunction = (async (x: Tensor, options?: NonzeroOptions) => {
  NONZERO.check(x, options)
  if (!options?.asTuple) return rowsOf('nonzero', x)
  const { placement } = x._node
  const { n, columns } = await columnsOf(x.ndim === 0 ? reshape(x, [1]) : x)
  return underName('nonzero', () => columns.map((column) => indicesAt(placement, column, [n])))
}) as NonzeroFunction

const ARGWHERE = signature('argwhere', { x: TENSOR })

/**
 * The positions of the elements that are ≠ 0, one a row, int32 [n, dims], in row-major order. The values are read by the host, hence the promise.
 * @see https://pytorch.org/docs/stable/generated/torch.argwhere.html
 */
export async function argwhere(x: Tensor): Promise<Tensor> {
  ARGWHERE.check(x)
  return rowsOf('argwhere', x)
}

const EQUAL = signature('equal', { a: TENSOR, b: TENSOR })

/** Whether shapes and all values are the same; NaN equals nothing. @see https://pytorch.org/docs/stable/generated/torch.equal.html */
export async function equal(a: Tensor, b: Tensor): Promise<boolean> {
  EQUAL.check(a, b)
  checkDevices('equal', ['a', 'b'], [a, b])
  return sameShape(a.shape, b.shape) && (await all(eq(a, b)).item()) === 1
}

const IS_NONZERO = signature('isNonzero', { x: TENSOR })

/**
 * Whether the only element is ≠ 0. The value is read by the host, hence the promise.
 * @throws ShapeError where there is none, or more than one.
 * @see https://pytorch.org/docs/stable/generated/torch.is_nonzero.html
 */
export async function isNonzero(x: Tensor): Promise<boolean> {
  IS_NONZERO.check(x)
  if (x.numel() !== 1)
    throw new ShapeError('isNonzero', `x must have one element, got ${showShape(x.shape)}. Ask for all or any: x.all(), x.any()`)
  return (await cast(x, 'bool').data())[0] === 1
}

const ALLCLOSE = signature('allclose', { a: TENSOR, b: TENSOR, options: optional(CLOSE) })

/**
 * Whether |a − b| ≤ atol + rtol · |b| everywhere; the two broadcast.
 * @see https://pytorch.org/docs/stable/generated/torch.allclose.html
 */
export async function allclose(a: Tensor, b: Tensor, options?: CloseOptions): Promise<boolean> {
  ALLCLOSE.check(a, b, options)
  const close = underName('allclose', () => closeness('allclose', a, b, options))
  return (await all(close).item()) === 1
}
