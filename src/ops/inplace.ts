/** @file In place: another value behind one handle. On the tape the handle becomes the op's result; what was saved before notices by the version. */
import { held, type Kind, ShapeError, showShape, signature, underName } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { isUndoing, keepTensor, OPERAND, share, TENSOR, Tensor, withAutocast } from '../tensor/index.ts'
import { baseOf, begin, finish } from './commit.ts'
import { cast, to } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { where } from './elementwise.ts'
import { number, type Operand } from './promote.ts'
import { expand } from './view.ts'

/** An in-place function of a tensor alone. */
export type InPlace = (x: Tensor) => Tensor
/** An in-place function of a tensor and another, or a number. */
export type InPlaceWith = (x: Tensor, other: Operand) => Tensor

/**
 * The in-place form of an op: `x.add_(y)`. `others` describes the arguments behind `x`. With `moves`, the op brings its arguments to the device of `x` itself.
 */
export function inPlace<A extends unknown[]>(
  label: string,
  others: Readonly<Record<string, Kind>>,
  op: (x: Tensor, ...args: A) => Tensor,
  moves = false,
): (x: Tensor, ...args: A) => Tensor {
  const given = signature(label, { x: TENSOR, ...others })
  return (x, ...args) => {
    given.check(x, ...args)
    const old = begin(label, x)
    if (!moves) for (const a of args) if (a instanceof Tensor) checkDevices(label, ['x', 'the other tensor'], [x, a])
    const others = args.includes(x) ? (args.map((a) => (a === x ? old : a)) as A) : args // y.mul_(y)
    // (a leaf that requires grad is changed under noGrad only: by an update)
    const base = baseOf(x)
    const updates = base.requiresGrad && base.isLeaf && !isUndoing()
    if (updates) runtime.beginUpdate(base)
    // (autocast leaves what is changed in place in its dtype)
    underName(label, () => withAutocast(undefined, () => finish(label, x, op(old, ...others))))
    if (updates) runtime.endUpdate()
    if (args.some((a) => a instanceof Tensor && a._node === x._node)) {
      // copy_: the source's own value, which may be a window onto what a later step gives up
      share(x._node)
      keepTensor(x)
    }
    return x
  }
}

/** The values of `source` as `x` would hold them. */
function spread(x: Tensor, source: Tensor): Tensor {
  const { placement } = x._node
  const here = placement === 'auto' ? source : to(source, { device: placement.name, dtype: x.dtype })
  return cast(expand(here, x.shape), x.dtype)
}

/** The values of `source`, broadcast, converted, and moved to the device of `x`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.copy_.html */
export const copy_: (x: Tensor, source: Tensor) => Tensor = inPlace('copy_', { source: TENSOR }, spread, true)
/** `value` in all places of `x`, as its dtype holds it. */
function filling(op: string, x: Tensor, value: Operand): Tensor {
  if (!(value instanceof Tensor)) return expand(number(held(op, 'value', Number(value), x.dtype), x.dtype), x.shape)
  if (value.ndim > 0) throw new ShapeError(op, `value must be a number or 0-d, got ${showShape(value.shape)}. Use copy_`, [value.shape])
  return spread(x, value)
}

/**
 * All elements `value`, which the dtype of `x` has to hold; that of a tensor is converted, and moved to the device of `x`.
 * @throws ShapeError for a tensor that is not 0-d.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.fill_.html
 */
export const fill_: (x: Tensor, value: Operand) => Tensor = inPlace(
  'fill_',
  { value: OPERAND },
  (x: Tensor, value: Operand) => filling('fill_', x, value),
  true,
)

const FILL = signature('fill', { x: TENSOR, value: OPERAND })

/**
 * `value` in the shape and the dtype of `x`: as {@link fill_}, with a result of its own. The gradient of `x` is 0.
 * @throws ShapeError for a tensor that is not 0-d.
 */
export const fill: (x: Tensor, value: Operand) => Tensor = defineComposition(
  'fill',
  (x: Tensor, value: Operand) => {
    FILL.check(x, value)
    const everywhere = new Tensor(graph.constant(1, 'bool', x._node.placement))
    return where(everywhere, filling('fill', x, value), x)
  },
  { half: 'keep' },
)
/** All elements 0. @see https://pytorch.org/docs/stable/generated/torch.Tensor.zero_.html */
export const zero_: (x: Tensor) => Tensor = inPlace(
  'zero_',
  {},
  (x: Tensor) => new Tensor(graph.expand(graph.constant(0, x.dtype, x._node.placement), x.shape)),
)
