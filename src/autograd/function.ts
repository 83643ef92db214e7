/** @file `autograd.Function`: an op of one's own, forward and backward written in tensor functions. */
import { AutogradError, BOOLEAN, counted, DeviceError, listOf, mismatch, nullable, showArgument, signature } from '../base/index.ts'
import { zeros } from '../ops/index.ts'
import { alias, type Backward, type NodePlace, Op, record, type TapeEntry, TENSOR, Tensor, withGrad } from '../tensor/index.ts'

const SAVE = signature('saveForBackward', { tensors: listOf(TENSOR) })
const MARK = signature('markNonDifferentiable', { outputs: listOf(TENSOR) })
const MATERIALIZE = signature('setMaterializeGrads', { value: BOOLEAN })
const GRADIENT = nullable(TENSOR)

/** What `forward` leaves for `backward`. Any other field may be set on it too. */
export class FunctionContext {
  /** Which arguments of `apply` want a gradient, by position. */
  readonly needsInputGrad: readonly boolean[]
  /** Anything but tensors (a flag, a shape) may be kept here. */
  readonly extra: Record<string, unknown> = {}
  /** @internal Results without a gradient. */
  readonly nonDifferentiable: Set<Tensor> = new Set()
  /** @internal Whether backward is given zeros where nothing flowed to a result, not null. */
  materializeGrads = true
  #saved: readonly Tensor[] = []
  #read: (() => readonly Tensor[]) | undefined

  constructor(needsInputGrad: readonly boolean[]) {
    this.needsInputGrad = needsInputGrad
  }

  /** Keeps inputs or results of `forward` until backward. */
  saveForBackward(...tensors: readonly Tensor[]): void {
    SAVE.check(tensors)
    this.#saved = tensors
  }

  /** Results of `forward` that have no gradient. @see https://pytorch.org/docs/stable/generated/torch.autograd.function.FunctionCtx.mark_non_differentiable.html */
  markNonDifferentiable(...outputs: readonly Tensor[]): void {
    MARK.check(outputs)
    for (const x of outputs) this.nonDifferentiable.add(x)
  }

  /**
   * With false, `backward` is given null for a result to which no gradient flowed, in place of zeros.
   * @see https://pytorch.org/docs/stable/generated/torch.autograd.function.FunctionCtx.set_materialize_grads.html
   */
  setMaterializeGrads(value: boolean): void {
    MATERIALIZE.check(value)
    this.materializeGrads = value
  }

  /** What was kept, each still with the value it had. */
  get savedTensors(): readonly Tensor[] {
    return this.#read ? this.#read() : this.#saved
  }

  /** @internal From now on saved tensors come from the tape. */
  attach(entry: TapeEntry<Tensor>): void {
    const n = this.#saved.length
    if (n > 0) entry.save([...this.#saved])
    this.#saved = []
    if (n > 0) this.#read = () => Array.from({ length: n }, (_, i) => entry.unpack(i, `saved tensor ${i} of ${entry.op.name}`) as Tensor)
  }
}

/** What `forward` of a `Function` may return: a tensor, or several. */
export type FunctionResult = Tensor | readonly Tensor[]
/** What `backward` of a `Function` may return: a gradient for each argument of forward (or for each tensor among them), null or undefined where there is none. */
export type FunctionGradients = Tensor | null | undefined | readonly (Tensor | null | undefined)[]

/** What a subclass of `Function` defines. */
export interface FunctionClass<A extends readonly unknown[], R extends FunctionResult> {
  /** Of the class; errors and anomaly reports show it. */
  readonly name: string
  /** Computes the result, off the tape. */
  forward(ctx: FunctionContext, ...args: A): R
  /** From the gradient of each result, those of the arguments. */
  backward(ctx: FunctionContext, ...grads: Tensor[]): FunctionGradients
}

const callBackward: Backward<Tensor> = (entry, grads) => {
  const { cls, ctx, tensors, args, homes, placements } = entry.params as Call
  // Nothing flowed to an output: zeros where the output is; one whose device is not settled goes with the others.
  const elsewhere = grads.find((g) => g !== undefined && g._node.placement !== 'auto')?._node.placement
  const full = entry.outputs.map((edge, i) => {
    if (!ctx.materializeGrads) return grads[i] ?? (null as unknown as Tensor) // (who asks for null says so in the types of backward)
    const place = placements[i] === 'auto' ? elsewhere : placements[i]
    return grads[i] ?? zeros(edge.shape, { dtype: edge.dtype, ...(place === undefined || place === 'auto' ? {} : { device: place.name }) })
  })
  const answer = cls.backward(ctx, ...full)
  const list = Array.isArray(answer) ? (answer as readonly (Tensor | null | undefined)[]) : [answer as Tensor | null | undefined]
  if (list.length !== args && list.length !== tensors.length) {
    throw new AutogradError(
      cls.name,
      `backward returned ${counted(list.length, 'gradient')} for ${counted(args, 'argument')} of forward. Return one for each, null where there is none`,
    )
  }
  for (const [i, grad] of list.entries())
    if (!GRADIENT.accepts(grad)) throw new AutogradError(cls.name, `backward: ${mismatch(GRADIENT, `gradient ${i}`, grad)}`)
  const byArgument = list.length === args
  return tensors.map((at, i) => {
    const grad = list[byArgument ? at : i] ?? undefined
    const [home, there] = [homes[i], grad?._node.placement ?? 'auto']
    if (home !== 'auto' && there !== 'auto' && home !== there)
      throw new DeviceError(
        cls.name,
        `argument ${at} is on ${home}, the gradient that backward returned for it on ${there}. Move it with .to('${home}')`,
      )
    return grad
  })
}

/** A handle on the tensor's value and edge as they are now. */
function atPresent(x: Tensor): Tensor {
  const now = new Tensor(x._node)
  now._edge = x._edge
  return now
}

interface Call {
  readonly cls: FunctionClass<readonly unknown[], FunctionResult>
  readonly ctx: FunctionContext
  /** Positions of the tensors among the arguments. */
  readonly tensors: readonly number[]
  readonly args: number
  /** Where each tensor among the arguments is. */
  readonly homes: readonly NodePlace[]
  /** Where each output is. */
  readonly placements: readonly NodePlace[]
}

/**
 * An op of one's own. Backward is written in tensor functions, so gradients of gradients come by themselves.
 * @see https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function
 * @example
 * class Cube extends autograd.Function {
 *   static forward(ctx: autograd.FunctionContext, x: Tensor) { ctx.saveForBackward(x); return x.pow(3) }
 *   static backward(ctx: autograd.FunctionContext, g: Tensor) { const [x] = ctx.savedTensors; return g.mul(x!.square()).mul(3) }
 * }
 * const y = Cube.apply(x)
 */
// biome-ignore lint/complexity/noStaticOnlyClass: PyTorch's form, a class to extend
export class OwnFunction {
  /** Runs `forward` off the tape, and puts `backward` on it. */
  static apply<A extends readonly unknown[], R extends FunctionResult>(this: FunctionClass<A, R>, ...args: A): R {
    for (const method of ['forward', 'backward'] as const) {
      // biome-ignore lint/complexity/noThisInStatic: `this` is the subclass
      const given: unknown = this?.[method]
      if (typeof given !== 'function')
        throw new AutogradError(
          'Function',
          `a class of static forward and backward is wanted; ${method} is ${showArgument(given)}. Call it as Cube.apply(x)`,
        )
    }
    const tensors = args.flatMap((x, i) => (x instanceof Tensor ? [i] : []))
    const inputs = tensors.map((i) => atPresent(args[i] as Tensor)) // before forward changes one in place
    const ctx = new FunctionContext(args.map((x) => x instanceof Tensor && x.requiresGrad))
    // biome-ignore-start lint/complexity/noThisInStatic: `this` is the subclass
    const result = withGrad(false, () => this.forward(ctx, ...args))
    const list: readonly unknown[] = Array.isArray(result) ? result : [result]
    const outputs = list.map((x): Tensor => {
      if (!(x instanceof Tensor)) throw new AutogradError(this.name, `forward: ${mismatch(TENSOR, 'each result', x)}`)
      return args.includes(x) ? alias(x) : x // an input handed through is a result of its own
    })
    const cls = this as unknown as FunctionClass<readonly unknown[], FunctionResult>
    // biome-ignore-end lint/complexity/noThisInStatic: the subclass is known from here on
    const homes = inputs.map((x) => x._node.placement)
    const placements = outputs.map((x) => x._node.placement)
    const call: Call = { cls, ctx, tensors, args: args.length, homes, placements }
    const entry = record(new Op(cls.name, callBackward), inputs, outputs, call)
    if (entry) ctx.attach(entry)
    list.forEach((x, i) => {
      if (ctx.nonDifferentiable.has(x as Tensor)) (outputs[i] as Tensor)._edge = undefined
    })
    return (Array.isArray(result) ? outputs : outputs[0]) as R
  }
}
