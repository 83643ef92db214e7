/** @file The entry `tapegrad/einops`: tensors rearranged, reduced, repeated, packed and multiplied in the notation of einops. @see https://openreview.net/forum?id=oapKSVM2bcj */
import '../fluent.ts'
import { choice, FUNCTION, isPlainObject, type Kind, listOf, oneOf, optional, STRING, signature, underName } from '../base/index.ts'
import { stack } from '../ops/index.ts'
import { TENSOR, TENSORS, Tensor } from '../tensor/index.ts'
import { type AxisSizes, REDUCTIONS, type Reduction, transform } from './transform.ts'

export { einsum, parseShape } from './names.ts'
export { pack, unpack } from './packing.ts'
export type { AxisSizes, Reduction } from './transform.ts'

/** A tensor, or tensors of one shape, whose first axis is then the list. */
export type TensorOrList = Tensor | readonly Tensor[]

const INPUT: Kind = { ...oneOf(TENSORS, listOf(TENSOR, 1)), accepts: (x) => TENSOR.accepts(x) || listOf(TENSOR, 1).accepts(x) }
const SIZES: Kind = optional({ fits: 'sizes of axes by name, as { h: 4 }', accepts: isPlainObject })
const REARRANGE = signature('einops.rearrange', { x: INPUT, pattern: STRING, sizes: SIZES })
const REDUCE = signature('einops.reduce', { x: INPUT, pattern: STRING, reduction: oneOf(choice(REDUCTIONS), FUNCTION), sizes: SIZES })
const REPEAT = signature('einops.repeat', { x: INPUT, pattern: STRING, sizes: SIZES })

const whole = (x: TensorOrList): Tensor => (x instanceof Tensor ? x : stack(x))

/**
 * The elements of `x` in other dims: axes that the left side of the pattern names, in the order of the right. Parentheses take a dim apart on the left and put one
 * together on the right; `1` and `()` are dims of size 1; `...` stands for any. Views only.
 * @param sizes of axes that do not follow from the shape
 * @throws ArgumentError for a pattern that cannot be read; ShapeError where the shape does not fit it.
 * @see https://einops.rocks/api/rearrange/
 * @example einops.rearrange(zeros([2, 12, 3]), 'b (h w) c -> b c h w', { h: 4 }).shape // [2, 3, 4, 3]
 */
export function rearrange(x: TensorOrList, pattern: string, sizes: AxisSizes = {}): Tensor {
  REARRANGE.check(x, pattern, sizes)
  return underName('einops.rearrange', () => transform('einops.rearrange', whole(x), pattern, sizes, {}))
}

/**
 * As {@link rearrange}, and axes that the right side lacks are reduced.
 * @param reduction `mean`, `max`, `min`, `sum`, `prod`, `any`, `all`, or a function of the tensor and the dims
 * @see https://einops.rocks/api/reduce/
 * @example einops.reduce(zeros([2, 8, 6]), 'b (h 2) (w 2) -> b h w', 'max').shape // [2, 4, 3]
 */
export function reduce(x: TensorOrList, pattern: string, reduction: Reduction, sizes: AxisSizes = {}): Tensor {
  REDUCE.check(x, pattern, reduction, sizes)
  return underName('einops.reduce', () => transform('einops.reduce', whole(x), pattern, sizes, { reduction }))
}

/**
 * As {@link rearrange}, and along axes that the left side lacks, elements are repeated. A number is such an axis without a name.
 * @see https://einops.rocks/api/repeat/
 * @example einops.repeat(zeros([4, 5]), 'h w -> (h 2) w c', { c: 3 }).shape // [8, 5, 3]
 */
export function repeat(x: TensorOrList, pattern: string, sizes: AxisSizes = {}): Tensor {
  REPEAT.check(x, pattern, sizes)
  return underName('einops.repeat', () => transform('einops.repeat', whole(x), pattern, sizes, { repeats: true }))
}
