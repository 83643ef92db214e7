/** @file `autograd.graph`: what becomes of the tensors that ops save for backward. */
import { AutogradError, FUNCTION, mismatch, type Shape, sameShape, showShape, signature } from '../base/index.ts'
import { type SavedHooks, savedHooks, TENSOR, Tensor, withoutAutocast } from '../tensor/index.ts'

const SAVED_TENSORS_HOOKS = signature('savedTensorsHooks', { pack: FUNCTION, unpack: FUNCTION, fn: FUNCTION })

/**
 * Runs `fn`; each tensor that its ops save for backward goes through `pack`, and what that returns (anything) is kept in the tensor's place. A gradient rule that reads it gets what
 * `unpack` makes of that: a tensor of the same shape and dtype, on the same device. Of nested hooks the innermost count. `pack` must not change the tensor in place; it and `unpack` run
 * without recording. An async `fn` is followed to its end.
 * @throws AutogradError in backward where `unpack` returns something else.
 * @see https://pytorch.org/docs/stable/autograd.html#torch.autograd.graph.saved_tensors_hooks
 * @example const loss = autograd.graph.savedTensorsHooks((x) => x.to('float16'), (h) => h.to('float32'), () => model.forward(x).mean())
 */
export function savedTensorsHooks<P, T>(pack: (x: Tensor) => P, unpack: (packed: P) => Tensor, fn: () => T): T {
  SAVED_TENSORS_HOOKS.check(pack, unpack, fn)
  const hooks: SavedHooks<Tensor> = {
    save: ({ _node: node, _edge: edge, shape, dtype }) => {
      const packed = withoutAutocast(false, () => pack(new Tensor(node)))
      return () => {
        const value = withoutAutocast(false, () => unpack(packed))
        checkUnpacked(value, shape, dtype)
        const x = new Tensor(value._node)
        x._edge = edge
        return x
      }
    },
  }
  return savedHooks.run('savedTensorsHooks', hooks, fn)
}

function checkUnpacked(value: Tensor, shape: Shape, dtype: string): void {
  if (!(value instanceof Tensor)) throw new AutogradError('savedTensorsHooks', mismatch(TENSOR, 'what unpack returns', value))
  if (sameShape(value.shape, shape) && value.dtype === dtype) return
  throw new AutogradError(
    'savedTensorsHooks',
    `unpack returned a ${showShape(value.shape)} ${value.dtype} tensor, for one that was ${showShape(shape)} ${dtype} when it was saved`,
  )
}
