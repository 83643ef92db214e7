/** @file Unpooling: the largest of windows back at their positions, zeros elsewhere. */
import {
  ArgumentError,
  COUNT,
  checkElements,
  DTypeError,
  options as describe,
  isInteger,
  listOf,
  nullable,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { gatherAlong, type ScatterParams } from './gather.ts'
import { checkedIndex, scatterLast } from './scatter.ts'
import { batched, type Pair, type Rank, SIZES, SIZES_OR_ZERO, type Single, type Sizes, sizesOf, type Triple } from './spatial.ts'
import { reshape } from './view.ts'

/** How windows lay over what was pooled; `S` is one number for all axes, or one for each. */
export interface MaxUnpoolOptions<S extends Sizes = Pair> {
  /** From window to window; by default the kernel size. */
  readonly stride?: S | null
  /** What was around it: 0 by default. */
  readonly padding?: S
  /** The sizes of what was pooled, with or without batch and channels: they differ by less than the stride from (n − 1) · stride − 2 · padding + kernelSize, the default. */
  readonly outputSize?: readonly number[] | null
}

/** Elements of `x` [n, pooled] at positions `index` of [n, places]; `last` says which is the last at each. */
const placeAt: (x: Tensor, index: Tensor, last: Tensor, p: ScatterParams) => Tensor = defineOp('maxUnpool', {
  inputs: ['x', 'index', 'last'],
  forward: (x, _, last, { shape, op }: ScatterParams) => {
    const at = graph.reshape(graph.binary('max', last, 0), [sizeOf(shape)])
    const picked = graph.reshape(graph.gather(graph.reshape(x, [sizeOf(x.shape)]), 0, at, op), shape)
    return graph.where(graph.binary('le', 0, last), picked, 0)
  },
  saves: { x: ['index'] },
  // (as PyTorch has it: of several at one place each takes the gradient)
  vjp: { x: (g, { index }, { dim, op }) => gatherAlong(g, index, { dim, op }), index: 'none', last: 'none' },
  half: 'keep',
})

/** The sizes of the result, along the pooled axes. */
function unpooledSize(op: string, x: Tensor, rank: Rank, kernel: Shape, options: MaxUnpoolOptions<Sizes>): Shape {
  const stride = sizesOf(options.stride ?? (kernel as Sizes), rank)
  const padding = sizesOf(options.padding ?? 0, rank)
  const usual = x.shape.slice(-rank).map((n, d) => (n - 1) * (stride[d] as number) - 2 * (padding[d] as number) + (kernel[d] as number))
  const given = options.outputSize ?? undefined
  if (given === undefined) return usual
  if (given.length !== rank && given.length !== rank + 2)
    throw new ArgumentError(op, `outputSize must have ${rank} or ${rank + 2} elements, got ${showShape(given)}`)
  const size = given.slice(-rank)
  if (size.some((n, d) => Math.abs(n - (usual[d] as number)) >= (stride[d] as number)))
    throw new ArgumentError(
      op,
      `outputSize ${showShape(size)} must differ by less than the stride ${showShape(stride)} from ${showShape(usual)}, each size by itself`,
    )
  return size
}

function defineMaxUnpool<S extends Sizes>(
  op: string,
  rank: Rank,
): (x: Tensor, indices: Tensor, kernelSize: S, options?: MaxUnpoolOptions<S>) => Tensor {
  const SIGNATURE = signature(op, {
    x: TENSOR,
    indices: TENSOR,
    kernelSize: SIZES[rank],
    options: optional(
      describe<MaxUnpoolOptions<S>>({
        stride: nullable(SIZES[rank]),
        padding: SIZES_OR_ZERO[rank],
        outputSize: nullable({ ...listOf(COUNT), fits: 'an array of whole numbers ≥ 0' }),
      }),
    ),
  })
  return defineComposition(
    op,
    (x: Tensor, indices: Tensor, kernelSize: S, options?: MaxUnpoolOptions<S>) => {
      SIGNATURE.check(x, indices, kernelSize, options)
      batched(op, x, rank)
      if (!isInteger(indices.dtype)) throw new DTypeError(op, `indices must be integers, got ${indices.dtype}`)
      if (showShape(indices.shape) !== showShape(x.shape))
        throw new ShapeError(op, `indices must have the shape of x ${showShape(x.shape)}, got ${showShape(indices.shape)}`, [
          x.shape,
          indices.shape,
        ])
      checkDevices(op, ['x', 'indices'], [x, indices])
      const size = unpooledSize(op, x, rank, sizesOf(kernelSize, rank), options ?? {})
      if (size.some((n) => n < 1))
        throw new ShapeError(op, `nothing is left: the output would be ${showShape(size)} for x ${showShape(x.shape)}`, [x.shape])
      const lead = x.shape.slice(0, -rank)
      checkElements(op, [...lead, ...size])
      const [n, pooled] = [sizeOf(lead), sizeOf(x.shape.slice(-rank))]
      const index = reshape(checkedIndex(op, indices, sizeOf(size)), [n, pooled])
      const p = { dim: 1, shape: [n, sizeOf(size)], op }
      return reshape(placeAt(reshape(x, [n, pooled]), index, scatterLast(index, p), p), [...lead, ...size])
    },
    { half: 'keep' },
  )
}

/**
 * The inverse of {@link maxPool1d} as far as there is one: each element at its position, zeros elsewhere.
 * @param x [batch, channels, L] or [channels, L]
 * @param indices the positions that `maxPool1d` gives with `returnIndices`, in the shape of x; of several at one place the last counts
 * @param kernelSize of the windows
 * @returns [batch, channels, (L − 1) · stride − 2 · padding + kernelSize], or `outputSize`
 * @throws ShapeError or ArgumentError for shapes and sizes that do not fit; IndexError for a position out of range: at the call where the host knows it, else at the
 * next await.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool1d.html
 */
export const maxUnpool1d: (x: Tensor, indices: Tensor, kernelSize: Single, options?: MaxUnpoolOptions<Single>) => Tensor =
  defineMaxUnpool<Single>('maxUnpool1d', 1)
/**
 * The inverse of {@link maxPool2d} as far as there is one, of [batch, channels, H, W] or [channels, H, W], as {@link maxUnpool1d}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool2d.html
 */
export const maxUnpool2d: (x: Tensor, indices: Tensor, kernelSize: Pair, options?: MaxUnpoolOptions) => Tensor = defineMaxUnpool<Pair>(
  'maxUnpool2d',
  2,
)
/**
 * The inverse of {@link maxPool3d} as far as there is one, of [batch, channels, D, H, W] or [channels, D, H, W], as {@link maxUnpool1d}.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool3d.html
 */
export const maxUnpool3d: (x: Tensor, indices: Tensor, kernelSize: Triple, options?: MaxUnpoolOptions<Triple>) => Tensor =
  defineMaxUnpool<Triple>('maxUnpool3d', 3)
