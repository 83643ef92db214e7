/** @file Choosing elements by position: gather, indexSelect, oneHot. */
import {
  ArgumentError,
  checkElements,
  DTypeError,
  options as describe,
  IndexError,
  isInteger,
  normalizeDim,
  oneOf,
  type Shape,
  ShapeError,
  showShape,
  signature,
  type TypedArray,
  underName,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { checkSize, DIM, TENSOR, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { gatherAlong, takeAlong } from './gather.ts'
import { saturated } from './promote.ts'
import { reshape, unsqueeze } from './view.ts'

/** The least and the largest of many values on the host, which never change: a loop may index by the same in every step. */
const extents = new WeakMap<TypedArray, { readonly least: number; readonly most: number }>()
/** Up to so many, going through them takes no longer than finding what is known of them. */
const FEW = 256

/** Whether all of some values that the host has are in 0 … size−1. */
export function areWithin(values: TypedArray, size: number): boolean {
  let known = values.length > FEW ? extents.get(values) : undefined
  if (!known) {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (let i = 0; i < values.length; i++) {
      const v = values[i] as number
      if (v < least) least = v
      if (v > most) most = v
    }
    known = { least, most }
    if (values.length > FEW) extents.set(values, known)
  }
  return values.length === 0 || (known.least >= 0 && known.most < size)
}

/** Throws where the host knows an index to be out of range; the device finds the others. `ignore` is let through. */
export function checkIndices(op: string, index: Tensor, size: number, ignore?: number): void {
  const values = runtime.hostValues(index._node)
  if (values === undefined || areWithin(values, size)) return
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number
    if ((v < 0 || v >= size) && v !== ignore) throw outOfRange(op, v, size)
  }
}
const outOfRange = (op: string, v: number, size: number): IndexError =>
  new IndexError(op, `index ${v} is out of range for size ${size} (expected 0 to ${size - 1})`)

/** An integer tensor as int32; what int32 does not hold stays out of range. */
export function indexTensor(op: string, role: string, index: Tensor): Tensor {
  if (index.dtype === 'bool')
    throw new DTypeError(op, `${role} must be integers, got bool. To choose by a mask: await x.maskedSelect(mask)`)
  if (!isInteger(index.dtype)) throw new DTypeError(op, `${role} must be integers, got ${index.dtype}. Make them with { dtype: 'int32' }`)
  return index.dtype === 'int32' ? index : new Tensor(saturated(index._node, 'int32'))
}

/** Positions of an axis of size n, of which negative ones count from its end, as positions from its beginning; what is out of range stays so, for the device to find. */
export function fromEnd(op: string, role: string, given: Tensor, n: number): Tensor {
  const index = indexTensor(op, role, given)
  const known = runtime.hostValues(index._node)
  // Where none is counted from the end, the positions are what they were, on whatever device they lie
  if (known) return areWithin(known, n) ? index : positionsFromHost(op, known, index.shape, n, index._node.placement)
  const { _node: node } = index
  const size = graph.scalar(n, 'int32')
  const negative = graph.binary('and', graph.binary('lt', node, 0), graph.binary('le', graph.unary('neg', size), node))
  return new Tensor(graph.where(negative, graph.binary('add', node, size), node))
}

/** As {@link fromEnd}, of values on the host. @throws IndexError for one that is out of range. */
export function positionsFromHost(
  op: string,
  values: TypedArray | readonly number[],
  shape: Shape,
  n: number,
  placement: graph.NodePlace,
): Tensor {
  const positions = new Int32Array(values.length)
  for (let i = 0; i < positions.length; i++) {
    const v = values[i] as number
    const at = v < 0 ? v + n : v
    if (at < 0 || at >= n) throw new IndexError(op, `index ${v} is out of range for size ${n} (expected ${-n} to ${n - 1})`)
    positions[i] = at
  }
  return new Tensor(graph.leaf(positions, shape, 'int32', placement))
}

const GATHER = signature('gather', { x: TENSOR, dim: DIM, index: TENSOR })

/**
 * out[…, i, …] = x[…, index[…, i, …], …] along `dim`.
 * @param index integers with as many dims as `x`, no larger than `x` in the other dims
 * @returns the shape of `index`
 * @throws IndexError for an index out of range: at the call where the host knows it, else at the next await.
 * @see https://pytorch.org/docs/stable/generated/torch.gather.html
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  GATHER.check(x, dim, index)
  const i = indexTensor('gather', 'index', index)
  const d = normalizeDim('gather', dim, x.ndim)
  if (i.ndim !== x.ndim || i.shape.some((s, k) => k !== d && s > (x.shape[k] as number))) {
    throw new ShapeError(
      'gather',
      `index ${showShape(i.shape)} must have the dims of x ${showShape(x.shape)} and be no larger outside dim ${d}`,
      [x.shape, i.shape],
    )
  }
  checkIndices('gather', index, x.shape[d] ?? 1)
  if (x.ndim === 0) return reshape(gatherAlong(reshape(x, [1]), reshape(i, [1]), { dim: 0, op: 'gather' }), [])
  return gatherAlong(x, i, { dim: d, op: 'gather' })
}

/** Positions `index` (int32, [n], checked) of dim `d`. */
export function selectRows(x: Tensor, d: number, index: Tensor, op: string): Tensor {
  checkSize(
    op,
    x.shape.map((s, i) => (i === d ? (index.shape[0] as number) : s)),
  )
  return takeAlong(x, index, { dim: d, op })
}

const INDEX_SELECT = signature('indexSelect', { x: TENSOR, dim: DIM, index: TENSOR })

/**
 * The positions `index` of dim `dim`.
 * @param index integers, [n]
 * @returns the shape of `x` with n along `dim`
 * @throws IndexError as {@link gather}
 * @see https://pytorch.org/docs/stable/generated/torch.index_select.html
 */
export function indexSelect(x: Tensor, dim: number, index: Tensor): Tensor {
  INDEX_SELECT.check(x, dim, index)
  return underName('indexSelect', () => {
    const i = indexTensor('indexSelect', 'index', index)
    const d = normalizeDim('indexSelect', dim, x.ndim)
    if (i.ndim > 1) throw new ShapeError('indexSelect', `index must have one dim, got ${showShape(i.shape)}`, [i.shape])
    checkDevices('indexSelect', ['x', 'index'], [x, index])
    checkIndices('indexSelect', index, x.shape[d] ?? 1)
    if (x.ndim === 0) return reshape(selectRows(reshape(x, [1]), 0, reshape(i, [-1]), 'indexSelect'), [])
    return selectRows(x, d, reshape(i, [i.numel()]), 'indexSelect')
  })
}

/** Another shape for a result that is no view of anything the caller has. */
export function ownShape(y: Tensor, shape: Shape): Tensor {
  const out = reshape(y, shape)
  out._owned()
  return out
}

/** How many classes {@link oneHot} has. Required: the largest index is known to the device only. */
export interface OneHotOptions {
  /** The number of classes: the size of the last dim of the result. */
  readonly numClasses: number
}

const CLASSES = whole(1)
const ONE_HOT = signature('oneHot', { x: TENSOR, numClasses: oneOf(CLASSES, describe<OneHotOptions>({ numClasses: CLASSES })) })

/**
 * 1 at the position of each index, else 0 (int32).
 * @returns [...x.shape, numClasses]
 * @throws IndexError as {@link gather}
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html
 */
export const oneHot: (x: Tensor, options: OneHotOptions | number) => Tensor = defineComposition(
  'oneHot',
  (x: Tensor, options: OneHotOptions | number) => {
    ONE_HOT.check(x, options)
    const index = indexTensor('oneHot', 'x', x)
    const n = typeof options === 'number' ? options : options.numClasses
    if (n === undefined) throw new ArgumentError('oneHot', 'numClasses must be given: the largest index is known to the device only')
    checkElements('oneHot', [...x.shape, n])
    checkIndices('oneHot', x, n)
    // Looked up in 0 … n−1, each index is itself, and checked.
    const checked = ownShape(
      selectRows(new Tensor(graph.iota(n, index._node.placement)), 0, reshape(index, [index.numel()]), 'oneHot'),
      x.shape,
    )
    return cast(eq(unsqueeze(checked, -1), new Tensor(graph.iota(n))), 'int32')
  },
)
