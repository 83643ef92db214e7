/** @file What names of axes do besides: the sizes of a tensor by name, and sums of products. */
import { ArgumentError, counted, mismatch, ShapeError, STRING, showShape, signature, underName } from '../base/index.ts'
import { einsumOf } from '../ops/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { DOTS, type Group, isNumber, parseSide, refuse, type Side, SKIPPED } from './notation.ts'

const PARSE_SHAPE = signature('einops.parseShape', { x: TENSOR, pattern: STRING })

/** Each dim of a side as one axis: undefined for a dim of size 1. @throws ArgumentError for dims of several axes */
function singles(op: string, pattern: string, { groups, dots }: Side): (string | undefined)[] {
  return groups.map((group: Group, i) => {
    if (group.length > 1 || (group.includes(DOTS) && i !== dots))
      throw refuse(op, pattern, `(${group.join(' ')}) is a dim of several axes, which only rearrange, reduce and repeat take`)
    return group[0]
  })
}

/**
 * Sizes of `x` by the names of its dims. `_` stands for a dim that is left out, `...` for any dims that are; `1` and `()` have size 1, and a number is a size.
 * @returns an object that the other functions take as sizes of axes
 * @throws ArgumentError for a pattern that cannot be read; ShapeError where the shape does not fit it.
 * @see https://einops.rocks/api/parse_shape/
 * @example einops.parseShape(zeros([2, 3, 5, 7]), 'batch _ h w') // { batch: 2, h: 5, w: 7 }
 */
export function parseShape(x: Tensor, pattern: string): Record<string, number> {
  PARSE_SHAPE.check(x, pattern)
  const op = 'einops.parseShape'
  const side = parseSide(op, pattern, pattern, { underscores: true })
  const axes = singles(op, pattern, side)
  const rank = x.ndim - axes.length + (side.dots < 0 ? 0 : 1)
  if (side.dots < 0 ? rank !== 0 : rank < 0)
    throw new ShapeError(
      op,
      `'${pattern}' is for ${side.dots < 0 ? counted(axes.length, 'dim') : `at least ${counted(axes.length - 1, 'dim')}`}, x is ${showShape(x.shape)}`,
      [x.shape],
    )
  const dims = axes.flatMap((axis) => (axis === DOTS ? new Array<string>(rank).fill(SKIPPED) : [axis]))
  const sizes: Record<string, number> = {}
  dims.forEach((axis, d) => {
    const size = x.shape[d] as number
    const wanted = axis === undefined ? 1 : isNumber(axis) ? Number(axis) : size
    if (wanted !== size)
      throw new ShapeError(op, `'${pattern}': dim ${d} of x ${showShape(x.shape)} has size ${size}, ${wanted} is wanted`, [x.shape])
    if (axis !== undefined && axis !== SKIPPED && !isNumber(axis)) sizes[axis] = size
  })
  return sizes
}

/** The names of one side of an einsum. */
function termsOf(op: string, pattern: string, text: string): string[] {
  const axes = singles(op, pattern, parseSide(op, pattern, text, { underscores: true, repeated: true }))
  return axes.map((axis) => {
    if (axis === undefined || isNumber(axis)) throw refuse(op, pattern, `${axis ?? 1} is no name: in an einsum each dim has one`)
    return axis
  })
}

/**
 * Sums of products by names of any length: dims of one name go together, and what stands on the left of `->` only is summed. A name twice in one operand is its
 * diagonal; `...` stands for any dims, which broadcast. The tensors come first, then the pattern, with commas between what is said of them.
 * @throws ArgumentError for a pattern that cannot be read; ShapeError where numbers of dims or sizes do not fit it.
 * @see https://einops.rocks/api/einsum/
 * @example einops.einsum(zeros([7, 2, 3]), zeros([2, 3, 5]), 'batch h w, h w channel -> batch channel').shape // [7, 5]
 */
export function einsum(...tensorsAndPattern: readonly [...tensors: readonly Tensor[], pattern: string]): Tensor {
  const op = 'einops.einsum'
  const pattern = tensorsAndPattern.at(-1)
  const tensors = tensorsAndPattern.slice(0, -1)
  if (typeof pattern !== 'string')
    throw new ArgumentError(
      op,
      mismatch({ ...STRING, fits: "a string as 'i j, j k -> i k', behind the tensors" }, 'the last argument', pattern),
    )
  tensors.forEach((x, i) => {
    if (!(x instanceof Tensor)) throw new ArgumentError(op, mismatch(TENSOR, `operand ${i}`, x))
  })
  const sides = pattern.split('->')
  if (sides.length !== 2) throw refuse(op, pattern, "one '->' is wanted between the operands and the result")
  const [left, right] = sides as [string, string]
  const inputs = left.split(',').map((text) => termsOf(op, pattern, text))
  const output = termsOf(op, pattern, right)
  if (inputs.length !== tensors.length)
    throw refuse(op, pattern, `it is of ${inputs.length} operand${inputs.length === 1 ? '' : 's'}, got ${tensors.length}`)
  return underName(op, () => einsumOf({ text: pattern, inputs, output, between: ' ' }, ...(tensors as readonly Tensor[])))
}
