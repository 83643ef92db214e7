/**
 * @file In place, what changes the shape of a tensor itself: t_, transpose_, squeeze_, unsqueeze_. Values stay where they are, so views and results taken before stay as they
 * were; a view stays one of its base, through which it is written.
 */
import { AutogradError, type Kind, optional, showShape, signature, underName } from '../base/index.ts'
import { DIM, DIMS, isGradEnabled, replace, reshapeLeaf, TENSOR, type Tensor } from '../tensor/index.ts'
import { refuseLeaf } from './commit.ts'
import { squeeze, t, transpose, unsqueeze } from './view.ts'

/** The in-place form of an op that shows all elements of `x` under another shape. `others` describes the arguments behind `x`. */
function inPlaceView<A extends unknown[]>(
  label: string,
  others: Readonly<Record<string, Kind>>,
  op: (x: Tensor, ...args: A) => Tensor,
): (x: Tensor, ...args: A) => Tensor {
  const given = signature(label, { x: TENSOR, ...others })
  return (x, ...args) => {
    given.check(x, ...args)
    refuseLeaf(label, x)
    if (!isGradEnabled() && x.requiresGrad) checkGradient(label, x)
    const source = x._source
    const fresh = source?.root !== undefined && source.taken === source.root.version
    const y = underName(label, () => op(x, ...args))
    replace(x)
    x._node = y._node
    if (x.isLeaf) reshapeLeaf(x)
    else x._edge = y._edge
    // (of a tensor that is no view, y alone is one: of x as it was)
    if (source !== undefined) x._source = y === x ? source : y._source
    x.version++
    if (fresh && x._source?.root !== undefined) x._source.taken = x._source.root.version
    return x
  }
}

/** Off the tape, what requires grad changes its shape only where no gradient has the former one. */
function checkGradient(op: string, x: Tensor): void {
  const shown = showShape(x.shape)
  if (!x.isLeaf)
    throw new AutogradError(
      op,
      `x ${shown} is a recorded result, whose gradient has this shape. Change its shape while recording, or that of x.detach()`,
    )
  if (x.grad !== null)
    throw new AutogradError(op, `x ${shown} has a gradient of this shape, to which others would be added. Set x.grad = null first`)
}

/** As {@link t}, with `x` itself transposed. @see https://pytorch.org/docs/stable/generated/torch.Tensor.t_.html */
export const t_: typeof t = inPlaceView('t_', {}, t)
/** As {@link transpose}, with the dims of `x` itself exchanged. @see https://pytorch.org/docs/stable/generated/torch.Tensor.transpose_.html */
export const transpose_: typeof transpose = inPlaceView('transpose_', { dim0: DIM, dim1: DIM }, transpose)
/** As {@link squeeze}, of `x` itself. @see https://pytorch.org/docs/stable/generated/torch.Tensor.squeeze_.html */
export const squeeze_: typeof squeeze = inPlaceView('squeeze_', { dim: optional(DIMS) }, squeeze)
/** As {@link unsqueeze}, of `x` itself. @see https://pytorch.org/docs/stable/generated/torch.Tensor.unsqueeze_.html */
export const unsqueeze_: typeof unsqueeze = inPlaceView('unsqueeze_', { dim: DIM }, unsqueeze)
