/**
 * @file How a function in place puts another value behind a handle, and behind that of which it is a view. On the tape a handle becomes the op's result; what was
 * saved before notices by the version.
 */
import { AutogradError, DTypeError, kindRank, ShapeError, sameShape, showShape } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { isGradEnabled, isShared, isUndoing, replace, Tensor } from '../tensor/index.ts'
import { cast } from './convert.ts'
import { defineOp } from './define.ts'

/** The tensor whose memory `x` would share: `x` itself, unless it is a view. */
export const baseOf = (x: Tensor): Tensor => x._source?.root ?? x

/** A handle on the present value of `x`, which stays. */
function present(x: Tensor): Tensor {
  const old = new Tensor(x._node)
  old._edge = x._edge
  return old
}

/** Checks that `x` may be changed, and returns a handle on its present value. */
export function begin(op: string, x: Tensor): Tensor {
  if (x._source !== undefined) checkView(op, x)
  refuseLeaf(op, x)
  return present(x)
}

/** Throws for a leaf that requires grad, and for a view of one, while recording. */
export function refuseLeaf(op: string, x: Tensor): void {
  const base = baseOf(x)
  if (!isGradEnabled() || !base.requiresGrad || !base.isLeaf) return
  const what = base === x ? 'a leaf that requires grad' : 'a view of a leaf that requires grad'
  throw new AutogradError(op, `${what} may not be changed in place while recording. Wrap the change in noGrad(() => …)`)
}

/** Throws for a view through which its base cannot be changed. */
function checkView(op: string, x: Tensor): void {
  const { root, taken, overlaps } = x._source as NonNullable<Tensor['_source']>
  const shown = showShape(x.shape)
  if (root === undefined)
    throw new AutogradError(op, `x ${shown} is a view behind more than 32 others. Take it of the base itself, or change a clone()`)
  if (overlaps)
    throw new AutogradError(
      op,
      `x ${shown} is an expanded view: several of its elements are one of the tensor ${showShape(root.shape)}. Use clone() first`,
    )
  if (taken !== root.version)
    throw new AutogradError(
      op,
      `x ${shown} is a view of a tensor ${showShape(root.shape)} that was changed in place since: the view shows version ${taken}, the tensor is at version ${root.version}. Take the view again`,
    )
  if (isGradEnabled() && root.requiresGrad && !x.requiresGrad)
    throw new AutogradError(
      op,
      `x ${shown} is a view that was taken under noGrad, of a tensor that requires grad: no gradient would reach what is done to it. Take the view again, or wrap the change in noGrad(() => …)`,
    )
}

/** `value` in place of all of `x`, whose gradient is 0 then. */
const overwrite = defineOp('overwrite', {
  inputs: ['x', 'value'],
  forward: (_, value, _params: undefined) => value,
  vjp: {
    x: (g) => new Tensor(graph.expand(graph.constant(0, g.dtype, g._node.placement), g.shape)),
    value: (g) => g,
  },
  half: 'keep',
})

/** Puts `value` behind `x`, and into that of which `x` is a view. */
export function finish(op: string, x: Tensor, value: Tensor): Tensor {
  const fits = fitting(op, x, value)
  // What had a gradient keeps its place on the tape, whatever it is replaced by
  const y = isGradEnabled() && x.requiresGrad && !x.isLeaf && !fits.requiresGrad ? overwrite(present(x), fits, undefined) : fits
  const source = x._source
  if (source === undefined) {
    put(x, y)
    x.version++
    return x
  }
  const root = source.root as Tensor
  put(root, source.write(present(root), y))
  show(x, y)
  root.version++
  source.taken = root.version
  return x
}

/** `value` in the dtype of `x`, which has to hold it. */
function fitting(op: string, x: Tensor, value: Tensor): Tensor {
  if (!sameShape(value.shape, x.shape))
    throw new ShapeError(op, `the result is ${showShape(value.shape)}, which does not fit x ${showShape(x.shape)}`, [x.shape, value.shape])
  if (value.dtype === x.dtype) return value
  if (kindRank(value.dtype) > kindRank(x.dtype))
    throw new DTypeError(op, `the result is ${value.dtype}, which ${x.dtype} does not hold. Convert x first`)
  return cast(value, x.dtype)
}

/** Notes the value of `x`, and shows another. */
function show(x: Tensor, y: Tensor): graph.Node {
  const before = x._node
  replace(x)
  x._node = y._node
  if (isGradEnabled()) x._edge = y._edge
  return before
}

/** As {@link show}, of a tensor that is no view. */
function put(x: Tensor, y: Tensor): void {
  const before = show(x, y)
  // Off the tape only results of this iteration can need the old value: it goes when the next one has ended.
  if ((!x._edge || !isGradEnabled()) && !isShared(before) && !isUndoing()) runtime.replaced(before, y._node)
}
