/** @file The tensors that a module owns: parameters, which optimizers update, and buffers, which are only saved and moved with the module. */
import { ArgumentError, checkOptions } from '../base/index.ts'

import { ownValue, Tensor } from '../tensor/index.ts'

/** A value of its own for a handle that lives long: stored by the next run, and no other handle's. */
function checked(name: string, data: Tensor): Tensor {
  if (!(data instanceof Tensor))
    throw new ArgumentError(name, `a Tensor is wanted, got ${data === null ? 'null' : typeof data}. Make one with tensor(…)`)
  return ownValue(data)
}

/**
 * A tensor that a module learns: as a field of a `Module` it is found by `parameters()` and `stateDict()`. It is a leaf with the value of `data`.
 * @throws DTypeError when `requiresGrad` is on (the default) and `data` is of no float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
 * @example class Scale extends nn.Module { readonly weight = new nn.Parameter(ones([1])) … }
 */
export class Parameter extends Tensor {
  constructor(data: Tensor, options?: { readonly requiresGrad?: boolean }) {
    super(checked('Parameter', data)._node)
    checkOptions('Parameter', options, ['requiresGrad'])
    this.requiresGrad = options?.requiresGrad ?? true
  }
}

/**
 * A tensor that belongs to a module's state without being learned (a running mean, a mask). One that is not `persistent` is moved with the
 * module, but left out of its `stateDict()`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.parameter.Buffer.html
 */
export class Buffer extends Tensor {
  readonly persistent: boolean
  constructor(data: Tensor, options?: { readonly persistent?: boolean }) {
    super(checked('Buffer', data)._node)
    checkOptions('Buffer', options, ['persistent'])
    this.persistent = options?.persistent ?? true
  }
}
