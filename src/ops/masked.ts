/** @file Values where a mask holds: maskedFill, maskedScatter. */
import { broadcastShapes, DTypeError, held, ShapeError, showShape, signature, sizeOf, underName } from '../base/index.ts'
import { OPERAND, TENSOR, Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { checkDevices } from './define.ts'
import { sub, where } from './elementwise.ts'
import { gatherAlong } from './gather.ts'
import { cat } from './join.ts'
import { lit, number, type Operand } from './promote.ts'
import { cumsum } from './scan.ts'
import { expandTo, reshapeTo } from './view.ts'

/** A value as a tensor of the dtype of `x`, which has to hold it where it is a number. */
export function valueFor(op: string, role: string, x: Tensor, value: Operand): Tensor {
  if (!(value instanceof Tensor)) return number(held(op, role, Number(value), x.dtype), x.dtype)
  checkDevices(op, ['x', role], [x, value])
  return cast(value, x.dtype)
}

const MASKED_FILL = signature('maskedFill', { x: TENSOR, mask: TENSOR, value: OPERAND })

/**
 * `x` with `value` where `mask` holds; the two broadcast.
 * @param mask bool
 * @param value a number that the dtype of `x` holds, or a 0-d tensor
 * @throws DTypeError for a mask that is not bool; ShapeError for a value with dims.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.masked_fill.html
 */
export function maskedFill(x: Tensor, mask: Tensor, value: Operand): Tensor {
  MASKED_FILL.check(x, mask, value)
  return underName('maskedFill', () => {
    checkMask('maskedFill', mask)
    checkDevices('maskedFill', ['x', 'mask'], [x, mask])
    if (value instanceof Tensor && value.ndim > 0)
      throw new ShapeError(
        'maskedFill',
        `value must be a number or a 0-d tensor, got ${showShape(value.shape)}. Use where(mask, value, x)`,
        [value.shape],
      )
    return where(mask, valueFor('maskedFill', 'value', x, value), x)
  })
}

export function checkMask(op: string, mask: Tensor): void {
  if (mask.dtype !== 'bool') throw new DTypeError(op, `mask must be bool, got ${mask.dtype}. Compare first: x.ne(0)`)
}

const MASKED_SCATTER = signature('maskedScatter', { x: TENSOR, mask: TENSOR, source: TENSOR })

/**
 * `x` with the elements of `source`, in row-major order, where `mask` holds; `x` and `mask` broadcast.
 * @param mask bool
 * @param source at least as many elements as are chosen, of the dtype of `x`
 * @throws DTypeError for other dtypes; IndexError, at the next await, where `source` has too few elements.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.masked_scatter_.html
 */
export function maskedScatter(x: Tensor, mask: Tensor, source: Tensor): Tensor {
  MASKED_SCATTER.check(x, mask, source)
  return underName('maskedScatter', () => {
    checkMask('maskedScatter', mask)
    checkDevices('maskedScatter', ['x', 'mask', 'source'], [x, mask, source])
    if (source.dtype !== x.dtype)
      throw new DTypeError(
        'maskedScatter',
        `source must have the dtype of x (${x.dtype}), got ${source.dtype}. Convert it: source.to('${x.dtype}')`,
      )
    const shape = broadcastShapes('maskedScatter', x.shape, mask.shape)
    const flat = [sizeOf(shape)]
    const chosen = reshapeTo(expandTo(mask, shape), flat)
    const rank = cumsum(cast(chosen, 'int32'), 0) // 1 for the first that is chosen
    // (a source without elements has room for none: any rank is past its end)
    const given = reshapeTo(source, [source.numel()])
    const room = source.numel() > 0 ? given : cat([given, expandTo(lit(0, x), [1])])
    const position = where(chosen, source.numel() > 0 ? sub(rank, lit(1, rank)) : rank, lit(0, rank))
    const sent = gatherAlong(room, position, { dim: 0, op: 'maskedScatter' })
    const y = where(mask, reshapeTo(sent, shape), x)
    y._owned()
    return y
  })
}
