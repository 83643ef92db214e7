/** @file What users call: `backward`, `grad`, and hooks. */
import {
  ArgumentError,
  AutogradError,
  BOOLEAN,
  counted,
  DTypeError,
  options as describe,
  FUNCTION,
  isFloat,
  isPlainObject,
  listOf,
  nullable,
  type Options,
  oneOf,
  optional,
  ShapeError,
  sameShape,
  showArgument,
  showShape,
  signature,
} from '../base/index.ts'
import { cast, checkDevices, onesLike, zerosLike } from '../ops/index.ts'
import { type GradEdge, type GradHook, optionsIn, TENSOR, TENSORS, type Tensor, type TensorList, tensorList } from '../tensor/index.ts'
import { edgeOf, walk } from './backward.ts'

/** Options of {@link backward}. */
export interface BackwardOptions {
  /** Keep what the ops saved, for another backward over the same graph. Default: `createGraph`. */
  readonly retainGraph?: boolean
  /** Record the gradients' own ops, so that they can be differentiated: false by default. */
  readonly createGraph?: boolean
}

const BACKWARD = { retainGraph: BOOLEAN, createGraph: BOOLEAN } as const
const BACKWARD_OPTIONS: Options<BackwardOptions> = describe<BackwardOptions>(BACKWARD)
/** One gradient or several, null for those that are implied. */
const GRADIENTS = nullable(oneOf(TENSOR, listOf(nullable(TENSOR))))

const list = <T>(x: T | readonly T[]): readonly T[] => (Array.isArray(x) ? (x as readonly T[]) : [x as T])

/** The gradient to start from: given, or 1 for a result of one element. */
function startGradient(op: string, x: Tensor, gradient: Tensor | null | undefined): Tensor {
  if (gradient === undefined || gradient === null) {
    if (x.numel() !== 1) {
      throw new AutogradError(
        op,
        `a gradient is implied only for results of one element; this one is ${showShape(x.shape)}. Reduce it (x.sum().backward()), or pass a gradient of its shape`,
      )
    }
    return onesLike(x)
  }
  if (!sameShape(gradient.shape, x.shape))
    throw new ShapeError(op, `the gradient is ${showShape(gradient.shape)}, the tensor ${showShape(x.shape)}`, [gradient.shape, x.shape])
  checkDevices(op, ['the tensor', 'its gradient'], [x, gradient])
  if (!isFloat(gradient.dtype)) throw new DTypeError(op, `the gradient must be of a float dtype, got ${gradient.dtype}`)
  return cast(gradient, x.dtype)
}

const OF_BACKWARD = signature('backward', {
  tensors: TENSORS,
  gradient: oneOf(GRADIENTS, BACKWARD_OPTIONS),
  options: optional(BACKWARD_OPTIONS),
})

/**
 * Sums the gradient of `tensors` with respect to every leaf that requires grad into the leaf's `grad`.
 * @param gradient the gradient of each tensor; 1 for a tensor of one element
 * @throws AutogradError without a gradient for more than one element, through a freed graph, or over a tensor that was changed in place.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.backward.html
 */
export function backward(
  tensors: Tensor | readonly Tensor[],
  gradient?: Tensor | null | readonly (Tensor | null)[] | BackwardOptions,
  options?: BackwardOptions,
): void {
  OF_BACKWARD.check(tensors, gradient, options)
  if (Array.isArray(gradient) && !Array.isArray(tensors))
    throw new ArgumentError('backward', `gradient must be a Tensor, or null, for one tensor, got ${showArgument(gradient)}`)
  const roots = list(tensors)
  const named = isPlainObject(gradient) ? optionsIn<BackwardOptions>('backward', gradient, options) : options
  const { createGraph = false, retainGraph = createGraph } = named ?? {}
  const given = isPlainObject(gradient) ? [] : gradientsFor('backward', roots, gradient as Gradients)
  for (const x of roots) edgeOf(x)
  walk(
    roots,
    roots.map((x, i) => startGradient('backward', x, given[i])),
    { retainGraph, createGraph },
  )
}

type Gradients = Tensor | null | undefined | readonly (Tensor | null)[]

/** The gradient given for each tensor, in a list of as many. */
function gradientsFor(op: string, roots: readonly Tensor[], gradients: Gradients): readonly (Tensor | null)[] {
  const given = gradients === undefined || gradients === null ? [] : list(gradients as Tensor | readonly (Tensor | null)[])
  if (given.length > 0 && given.length !== roots.length)
    throw new AutogradError(
      op,
      `${counted(given.length, 'gradient')} ${given.length === 1 ? 'is' : 'are'} given for ${counted(roots.length, 'tensor')}: one for each is wanted`,
    )
  return given
}

/** Options of {@link grad}. */
export interface GradOptions extends BackwardOptions {
  /** The gradient of each output; 1 for an output of one element. */
  readonly gradOutputs?: Tensor | readonly (Tensor | null)[] | null
  /** Whether an input that the outputs do not depend on has null for its gradient, instead of being an error: false by default. */
  readonly allowUnused?: boolean
  /** Zeros instead of null for such an input: false by default. */
  readonly materializeGrads?: boolean
}

const OF_GRAD = signature('grad', {
  outputs: TENSORS,
  inputs: TENSORS,
  options: optional(describe<GradOptions>({ ...BACKWARD, gradOutputs: GRADIENTS, allowUnused: BOOLEAN, materializeGrads: BOOLEAN })),
})

/**
 * The gradients of `outputs` with respect to `inputs`, which may be interior tensors; no `grad` is touched.
 * @throws AutogradError when an input is not reached and `allowUnused` is not set.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.grad.html
 * @example const [dx] = grad(y.sum(), [x], { createGraph: true })
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions & { readonly allowUnused: true },
): TensorList<Tensor | null>
export function grad(outputs: Tensor | readonly Tensor[], inputs: Tensor | readonly Tensor[], options?: GradOptions): TensorList
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): TensorList<Tensor | null> {
  OF_GRAD.check(outputs, inputs, options)
  const roots = list(outputs)
  const wanted = list(inputs)
  const { createGraph = false, retainGraph = createGraph, materializeGrads = false, allowUnused = materializeGrads } = options
  const given = gradientsFor('grad', roots, options.gradOutputs)
  for (const x of roots) edgeOf(x, 'grad')
  const edges = wanted.map((x, i): GradEdge<Tensor> => {
    if (x._edge) return x._edge
    throw new AutogradError('grad', `inputs[${i}] [${x.shape.join(', ')}] does not require grad`)
  })
  const results = walk(
    roots,
    roots.map((x, i) => startGradient('grad', x, given[i])),
    { retainGraph, createGraph, targets: new Set(edges) },
  )
  const gradients = edges.map((edge, i): Tensor | null => {
    const g = results.get(edge)
    if (g) return g
    if (materializeGrads) return zerosLike(wanted[i] as Tensor)
    if (allowUnused) return null
    throw new AutogradError(
      'grad',
      `inputs[${i}] [${edge.shape.join(', ')}] was not used to make the outputs. Pass { allowUnused: true } if that is meant`,
    )
  })
  return tensorList(gradients)
}

/** What `registerHook` returns. */
export interface RemovableHandle {
  /** The hook is called no more. */
  remove(): void
}

const REGISTER_HOOK = signature('registerHook', { x: TENSOR, hook: FUNCTION })

/**
 * Calls `hook` with the tensor's gradient in each backward; what it returns takes the gradient's place.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html
 */
export function registerHook(x: Tensor, hook: GradHook<Tensor>): RemovableHandle {
  REGISTER_HOOK.check(x, hook)
  const edge = x._edge
  if (edge === undefined) throw new AutogradError('registerHook', 'the tensor does not require grad')
  edge.hooks = [...(edge.hooks ?? []), hook]
  return {
    remove() {
      edge.hooks = edge.hooks?.filter((h) => h !== hook)
    },
  }
}
