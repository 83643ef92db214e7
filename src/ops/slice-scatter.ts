/** @file Another value where a part was: selectScatter and sliceScatter, the inverses of `select` and of a slice. */
import { normalizeDim, type Shape, ShapeError, sameShape, showShape, signature, underName, WHOLE, whole } from '../base/index.ts'
import { DIM, NamedArguments, TENSOR, type Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { checkDevices } from './define.ts'
import { writeSlice } from './slice.ts'
import { reshapeTo } from './view.ts'

/** `x` with `src`, of the shape `wanted`, at every so many positions of dim `d` from `start` on. */
function written(op: string, x: Tensor, src: Tensor, wanted: Shape, p: { d: number; start: number; step: number; size: number }): Tensor {
  checkDevices(op, ['x', 'src'], [x, src])
  if (!sameShape(src.shape, wanted))
    throw new ShapeError(op, `src ${showShape(src.shape)} must have the shape of what it replaces, ${showShape(wanted)}`, [
      x.shape,
      src.shape,
    ])
  const sizes = x.shape.with(p.d, p.size)
  const at = (there: number, elsewhere: number): number[] => x.shape.map((_, d) => (d === p.d ? there : elsewhere))
  const y = writeSlice(x, reshapeTo(cast(src, x.dtype), sizes), { start: at(p.start, 0), step: at(p.step, 1), sizes })
  y._owned()
  return y
}

const SELECT_SCATTER = signature('selectScatter', { x: TENSOR, src: TENSOR, dim: DIM, index: WHOLE })

/**
 * `x` with `src` at position `index` of dim `dim`.
 * @param src the shape of `x` without that dim
 * @throws ShapeError for another shape, or past the end.
 * @see https://pytorch.org/docs/stable/generated/torch.select_scatter.html
 */
export function selectScatter(x: Tensor, src: Tensor, dim: number, index: number): Tensor {
  SELECT_SCATTER.check(x, src, dim, index)
  return underName('selectScatter', () => {
    if (x.ndim === 0) throw new ShapeError('selectScatter', 'a tensor with dims is wanted, x is 0-d', [x.shape])
    const d = normalizeDim('selectScatter', dim, x.ndim)
    const size = x.shape[d] as number
    if (index < -size || index >= size)
      throw new ShapeError('selectScatter', `index ${index} is out of range for dim ${d} of ${showShape(x.shape)} (size ${size})`, [
        x.shape,
      ])
    const start = index < 0 ? index + size : index
    return written('selectScatter', x, src, x.shape.toSpliced(d, 1), { d, start, step: 1, size: 1 })
  })
}

/** Which positions, as in `start:end:step`. */
export interface SliceScatterOptions {
  /** The dim: the first by default. */
  readonly dim?: number
  /** The first position: 0 by default. */
  readonly start?: number
  /** Where it ends, in front of that position: behind the last by default. */
  readonly end?: number
  /** Every so many positions: 1 by default. */
  readonly step?: number
}
/** (dim, start, end, step), the last ones by name where that is wanted. */
export type SliceScatterArguments =
  | [dim?: number, start?: number, end?: number, step?: number]
  | [options: SliceScatterOptions]
  | [dim: number, options: SliceScatterOptions]
  | [dim: number, start: number, options: SliceScatterOptions]
  | [dim: number, start: number, end: number, options: SliceScatterOptions]

const SLICE_SCATTER = new NamedArguments<SliceScatterOptions>(
  'sliceScatter',
  { x: TENSOR, src: TENSOR },
  { dim: DIM, start: WHOLE, end: WHOLE, step: whole(1) },
)

/**
 * `x` with `src` at the positions `start:end:step` of dim `dim`.
 * @param src the shape of that slice
 * @throws ShapeError for another shape.
 * @see https://pytorch.org/docs/stable/generated/torch.slice_scatter.html
 */
export function sliceScatter(x: Tensor, src: Tensor, ...which: SliceScatterArguments): Tensor {
  const { dim = 0, start = 0, end, step = 1 } = SLICE_SCATTER.read(x, src, ...which)
  return underName('sliceScatter', () => {
    if (x.ndim === 0) throw new ShapeError('sliceScatter', 'a tensor with dims is wanted, x is 0-d', [x.shape])
    const d = normalizeDim('sliceScatter', dim, x.ndim)
    const n = x.shape[d] as number
    const within = (i: number): number => Math.min(n, Math.max(0, i < 0 ? i + n : i))
    const from = within(start)
    const size = Math.max(0, Math.ceil((within(end ?? n) - from) / step))
    return written('sliceScatter', x, src, x.shape.with(d, size), { d, start: size === 0 ? 0 : from, step, size })
  })
}
