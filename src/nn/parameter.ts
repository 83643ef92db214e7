/** @file The tensors that a module owns: parameters, which optimizers update, and buffers, which are only saved and moved with the module. */
import { BOOLEAN, options as describe, optional, type Signature, signature, underName } from '../base/index.ts'
import { ownValue, TENSOR, Tensor } from '../tensor/index.ts'

/** How a {@link Parameter} begins. */
export interface ParameterOptions {
  /** Whether `backward()` brings a gradient to it, and an optimizer changes it: true by default. */
  readonly requiresGrad?: boolean
}

/** How a {@link Buffer} is kept. */
export interface BufferOptions {
  /** Whether it is part of the module's `stateDict()`: true by default. */
  readonly persistent?: boolean
}

const PARAMETER = signature('Parameter', { data: TENSOR, options: optional(describe<ParameterOptions>({ requiresGrad: BOOLEAN })) })
const BUFFER = signature('Buffer', { data: TENSOR, options: optional(describe<BufferOptions>({ persistent: BOOLEAN })) })

/** A value of its own for a handle that lives long: stored by the next run, and no other handle's. */
function ownNode(given: Signature, data: Tensor, options: unknown): Tensor['_node'] {
  given.check(data, options)
  return ownValue(data)._node
}

/**
 * A tensor that a module learns: as a field of a `Module` it is found by `parameters()` and `stateDict()`. It is a leaf with the value of `data`.
 * @throws DTypeError when `requiresGrad` is on (the default) and `data` is of no float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
 * @example class Scale extends nn.Module { readonly weight = new nn.Parameter(ones([1])) … }
 */
export class Parameter extends Tensor {
  /** @param data its first value, any shape, of a float dtype; later changes of `data` do not reach it */
  constructor(data: Tensor, options?: ParameterOptions) {
    super(ownNode(PARAMETER, data, options))
    underName('Parameter', () => {
      this.requiresGrad = options?.requiresGrad ?? true
    })
  }
}

/**
 * A tensor that belongs to a module's state without being learned (a running mean, a mask). One that is not `persistent` is moved with the
 * module, but left out of its `stateDict()`.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.parameter.Buffer.html
 */
export class Buffer extends Tensor {
  /** Whether it is part of the module's `stateDict()`. */
  readonly persistent: boolean
  /** @param data its first value, any shape and dtype; later changes of `data` do not reach it */
  constructor(data: Tensor, options?: BufferOptions) {
    super(ownNode(BUFFER, data, options))
    this.persistent = options?.persistent ?? true
  }
}
