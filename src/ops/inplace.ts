/** @file In place: another value behind one handle. On the tape the handle becomes the op's result; what was saved before notices by the version. */
import { AutogradError, DTypeError, kindRank, ShapeError, sameShape, showShape } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { isGradEnabled, isShared, replace, share, Tensor } from '../tensor/index.ts'
import { cast, to } from './convert.ts'
import { checkDevices, checkTensor } from './define.ts'
import {
  type AlphaOptions,
  add,
  type ClampOptions,
  clamp,
  type DivOptions,
  div,
  exp,
  mul,
  neg,
  pow,
  relu,
  sigmoid,
  sqrt,
  sub,
  tanh,
} from './elementwise.ts'
import type { Generator } from './generator.ts'
import { number, type Operand } from './promote.ts'
import { bitsOf, normalNode, uniformNode } from './random.ts'
import { expand } from './view.ts'

/** Checks that `x` may be changed, and answers a handle on its present value. */
function begin(op: string, x: Tensor): Tensor {
  checkTensor(op, 'x', x)
  if (x._view) {
    throw new AutogradError(
      op,
      `x ${showShape(x.shape)} is a view of another tensor, and views are values here: the other would not change. Use clone() first`,
    )
  }
  if (isGradEnabled() && x.requiresGrad && x.isLeaf) {
    throw new AutogradError(op, 'a leaf that requires grad may not be changed in place while recording. Wrap the change in noGrad(() => …)')
  }
  const old = new Tensor(x._node)
  old._point = x._point
  return old
}

/** Puts `value` behind `x`. */
function finish(op: string, x: Tensor, value: Tensor): Tensor {
  if (!sameShape(value.shape, x.shape))
    throw new ShapeError(op, `the result is ${showShape(value.shape)}, which does not fit x ${showShape(x.shape)}`, [x.shape, value.shape])
  let y = value
  if (y.dtype !== x.dtype) {
    if (kindRank(y.dtype) > kindRank(x.dtype))
      throw new DTypeError(op, `the result is ${y.dtype}, which ${x.dtype} does not hold. Convert x first`)
    y = cast(y, x.dtype)
  }
  const before = x._node
  replace(x)
  x._node = y._node
  if (isGradEnabled()) x._point = y._point
  // Off the tape nobody but results of this step can want the old value: it goes when the next one closes.
  if ((!x._point || !isGradEnabled()) && !isShared(before)) graph.retire(before)
  x.version++
  return x
}

/** The in-place form of an op: `x.add_(y)`. With `moves`, the op brings its arguments to the device of `x` itself. */
function inPlace<A extends unknown[]>(
  name: string,
  op: (x: Tensor, ...args: A) => Tensor,
  moves = false,
): (x: Tensor, ...args: A) => Tensor {
  const label = `${name}_`
  return (x, ...args) => {
    const old = begin(label, x)
    if (!moves) for (const a of args) if (a instanceof Tensor) checkDevices(label, ['x', 'the other tensor'], [x, a])
    const others = args.includes(x) ? (args.map((a) => (a === x ? old : a)) as A) : args // y.mul_(y)
    finish(label, x, op(old, ...others))
    if (args.some((a) => a instanceof Tensor && a._node === x._node)) share(x._node) // copy_: the source's own value
    return x
  }
}

export const add_: (x: Tensor, other: Operand, options?: AlphaOptions) => Tensor = inPlace('add', add)
export const sub_: (x: Tensor, other: Operand, options?: AlphaOptions) => Tensor = inPlace('sub', sub)
export const mul_: (x: Tensor, other: Operand) => Tensor = inPlace('mul', mul)
export const div_: (x: Tensor, other: Operand, options?: DivOptions) => Tensor = inPlace('div', div)
export const pow_: (x: Tensor, exponent: Operand) => Tensor = inPlace('pow', pow)
export const neg_: (x: Tensor) => Tensor = inPlace('neg', neg)
export const exp_: (x: Tensor) => Tensor = inPlace('exp', exp)
export const sqrt_: (x: Tensor) => Tensor = inPlace('sqrt', sqrt)
export const relu_: (x: Tensor) => Tensor = inPlace('relu', relu)
export const tanh_: (x: Tensor) => Tensor = inPlace('tanh', tanh)
export const sigmoid_: (x: Tensor) => Tensor = inPlace('sigmoid', sigmoid)
export const clamp_: (x: Tensor, min?: Operand | null | ClampOptions, max?: Operand | null) => Tensor = inPlace('clamp', clamp)

/** The values of `source` as `x` would hold them. */
function spread(x: Tensor, source: Tensor): Tensor {
  const { placement } = x._node
  const here = placement === 'auto' ? source : to(source, { device: placement, dtype: x.dtype })
  return cast(expand(here, x.shape), x.dtype)
}

/** The values of `source`, broadcast, converted, and moved to the device of `x`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.copy_.html */
export const copy_: (x: Tensor, source: Tensor) => Tensor = inPlace(
  'copy',
  (x: Tensor, source: Tensor) => {
    checkTensor('copy_', 'source', source)
    return spread(x, source)
  },
  true,
)
/** All elements `value`; that of a tensor is moved to the device of `x`. */
export const fill_: (x: Tensor, value: number | Tensor) => Tensor = inPlace(
  'fill',
  (x: Tensor, value: number | Tensor) => (value instanceof Tensor ? spread(x, value) : expand(number(value, x.dtype), x.shape)),
  true,
)
/** All elements 0. */
export const zero_: (x: Tensor) => Tensor = inPlace(
  'zero',
  (x: Tensor) => new Tensor(graph.expand(graph.constant(0, x.dtype, x._node.placement), x.shape)),
)

/** Whose numbers an in-place random fill takes. */
export interface FillOptions {
  readonly generator?: Generator
}

/** Uniform in [from, to). @see https://pytorch.org/docs/stable/generated/torch.Tensor.uniform_.html */
export const uniform_: (x: Tensor, from?: number, to?: number, options?: FillOptions) => Tensor = inPlace(
  'uniform',
  (x: Tensor, from = 0, to = 1, options?: FillOptions) => {
    const u = uniformNode(bitsOf(options?.generator, x.shape, x._node.placement), x.dtype)
    return new Tensor(graph.binary('add', graph.binary('mul', u, graph.scalar(to - from, x.dtype)), graph.scalar(from, x.dtype)))
  },
)

/** Normal with the given mean and standard deviation. @see https://pytorch.org/docs/stable/generated/torch.Tensor.normal_.html */
export const normal_: (x: Tensor, mean?: number, std?: number, options?: FillOptions) => Tensor = inPlace(
  'normal',
  (x: Tensor, mean = 0, std = 1, options?: FillOptions) => {
    const z = normalNode(options?.generator, x.shape, x.dtype, x._node.placement)
    return new Tensor(graph.binary('add', graph.binary('mul', z, graph.scalar(std, x.dtype)), graph.scalar(mean, x.dtype)))
  },
)
