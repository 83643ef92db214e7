/**
 * @file `Module`: a piece of a network that owns parameters, buffers and other modules, found from its fields. Its `forward` is a method of the
 * subclass; every instance calls it through a wrapper that runs the hooks and, when something goes wrong, adds the module's path to the error.
 */
import {
  ArgumentError,
  BOOLEAN,
  DEVICE,
  DTYPE,
  type DType,
  options as describe,
  FUNCTION,
  isDType,
  isFloat,
  namesModules,
  oneOf,
  optional,
  STRING,
  signature,
} from '../base/index.ts'
import { detach, to, zerosLike } from '../ops/index.ts'
import { assign, type DeviceName, keepTensor, Tensor, ZERO_GRAD_OPTIONS, type ZeroGradOptions } from '../tensor/index.ts'
import { type LoadResult, type LoadStateDictOptions, loadState, STATE, type StateDict } from './module-state.ts'
import { isAbove, join, MAX_DEPTH, tooDeep, walk } from './module-tree.ts'
import { Buffer, Parameter } from './parameter.ts'

/** Where a module's tensors go, by name. */
export interface ModuleTargetOptions {
  /** A float dtype, for the tensors that have one: their own by default. */
  readonly dtype?: DType
  /** The device: where each is by default. */
  readonly device?: DeviceName
}

/** Where a module's tensors go: a device, a float dtype, or both. */
export type ModuleTarget = DType | DeviceName | ModuleTargetOptions

const LOAD_STATE_DICT = signature('loadStateDict', { state: STATE, options: optional(describe<LoadStateDictOptions>({ strict: BOOLEAN })) })
const ZERO_GRAD = signature('Module.zeroGrad', { options: optional(ZERO_GRAD_OPTIONS) })
const TRAIN = signature('Module.train', { mode: optional(BOOLEAN) })
const REQUIRES_GRAD = signature('Module.requiresGrad_', { requiresGrad: optional(BOOLEAN) })
const TO = signature('Module.to', {
  target: oneOf(DTYPE, DEVICE, describe<ModuleTargetOptions>({ dtype: DTYPE, device: DEVICE })),
})
const APPLY = signature('Module.apply', { fn: FUNCTION })
const PRE_HOOK = signature('registerForwardPreHook', { hook: FUNCTION })
const POST_HOOK = signature('registerForwardHook', { hook: FUNCTION })
const NAMED_MODULES = signature('namedModules', { prefix: optional(STRING) })

/** What a `register…Hook` call gives back. */
export interface RemovableHandle {
  /** The hook runs no more. */
  remove(): void
}

type PreHook = (module: BaseModule, input: readonly unknown[]) => unknown
type PostHook = (module: BaseModule, input: readonly unknown[], output: unknown) => unknown
type Forward = (...input: readonly unknown[]) => unknown

/** Modules whose `forward` is running, outermost first. */
const running: BaseModule[] = []
/** Errors that already say where they come from. */
const located = new WeakSet<Error>()

/**
 * The base of everything in `nn`, and of networks of one's own: fields that are a `Parameter`, a `Buffer` or a `Module` are found by themselves
 * (not those in plain arrays, nor `#private` ones; a list of modules is a `ModuleList`). `forward` is a method, not an arrow field.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Module.html
 * @example
 * class Net extends nn.Module {
 *   readonly fc1 = new nn.Linear(784, 128)
 *   readonly fc2 = new nn.Linear(128, 10)
 *   forward(x: Tensor): Tensor { return this.fc2.forward(F.relu(this.fc1.forward(x))) }   // [n, 784] → [n, 10]
 * }
 */
export abstract class BaseModule {
  /** Whether layers that behave differently in training (dropout) do so; set by `train()` and `eval()`. */
  training = true
  readonly #preHooks = new Map<symbol, PreHook>()
  readonly #postHooks = new Map<symbol, PostHook>()
  /** Fields that have been seen to be parameters; undefined until they are first looked for. */
  #parameterNames: Set<string> | undefined

  constructor() {
    // On the instance, so that super.forward(x) in a subclass is the plain method, and hooks run once.
    Object.defineProperty(this, 'forward', {
      value: (...input: readonly unknown[]) => this.#run(input),
      writable: true,
      configurable: true,
    })
  }

  /** What the module computes; its inputs and output are the subclass's. Called with hooks around it. */
  abstract forward(...input: never[]): unknown

  #run(given: readonly unknown[]): unknown {
    running.push(this)
    try {
      this.#checkParameters()
      let input = given
      for (const hook of this.#preHooks.values()) {
        const changed = hook(this, input)
        if (changed !== undefined) input = Array.isArray(changed) ? changed : [changed]
      }
      let output = (Object.getPrototypeOf(this) as { forward: Forward }).forward.apply(this, input as unknown[])
      for (const hook of this.#postHooks.values()) output = hook(this, input, output) ?? output
      return output
    } catch (e) {
      throw locate(e)
    } finally {
      running.pop()
    }
  }

  /**
   * Calls `hook(module, input)` before each `forward`; what it returns (an array of inputs, or the only one) takes the inputs' place.
   * @see https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_pre_hook
   */
  registerForwardPreHook<I extends readonly unknown[] = Parameters<this['forward']>>(
    // biome-ignore lint/suspicious/noConfusingVoidType: a hook may return nothing, as in PyTorch
    hook: (module: this, input: I) => readonly I[number][] | I[0] | undefined | void,
  ): RemovableHandle {
    PRE_HOOK.check(hook)
    return register(this.#preHooks, hook as unknown as PreHook)
  }

  /**
   * Calls `hook(module, input, output)` after each `forward`; what it returns takes the output's place.
   * @see https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_hook
   */
  registerForwardHook<I extends readonly unknown[] = Parameters<this['forward']>, O = ReturnType<this['forward']>>(
    // biome-ignore lint/suspicious/noConfusingVoidType: a hook may return nothing, as in PyTorch
    hook: (module: this, input: I, output: O) => O | undefined | void,
  ): RemovableHandle {
    POST_HOOK.check(hook)
    return register(this.#postHooks, hook as unknown as PostHook)
  }

  // ── what it owns ──

  /** Throws where a plain tensor has been put over a parameter: no optimizer would find it, and no state would have it. */
  #checkParameters(): void {
    if (this.#parameterNames === undefined) this.#parameterNames = new Set(entriesOf(this, Parameter).map(([name]) => name))
    for (const name of this.#parameterNames) {
      const value = (this as unknown as Record<string, unknown>)[name]
      if (!(value instanceof Tensor) || value instanceof Parameter) continue
      throw new ArgumentError(
        this.constructor.name,
        `cannot assign Tensor as parameter '${name}' (a Parameter or null is wanted). Wrap it: new nn.Parameter(tensor), or change the value: noGrad(() => module.${name}.copy_(tensor))`,
      )
    }
  }

  #fields<T>(kind: abstract new (...args: never[]) => T): [string, T][] {
    const fields = entriesOf(this, kind)
    if ((kind as unknown) === Parameter) {
      this.#checkParameters()
      for (const [name] of fields) this.#parameterNames?.add(name)
    }
    return fields
  }

  /** The modules that are fields of this one, with their names. */
  namedChildren(): [string, BaseModule][] {
    return this.#fields(BaseModule)
  }

  /** The modules that are fields of this one. */
  children(): BaseModule[] {
    return this.namedChildren().map(([, child]) => child)
  }

  /** This module (named by `prefix`) and all below it, each once, parents first. Names are paths: `encoder.2.fc1`. */
  namedModules(prefix = ''): [string, BaseModule][] {
    NAMED_MODULES.check(prefix)
    const found = new Map<BaseModule, string>()
    for (const { module, path } of walk<BaseModule>(this, prefix, (child) => !found.has(child))) found.set(module, path)
    return [...found].map(([module, path]) => [path, module])
  }

  /** This module and all below it. */
  modules(): BaseModule[] {
    return this.namedModules().map(([, module]) => module)
  }

  #named<T>(kind: abstract new (...args: never[]) => T): [string, T][] {
    const found = new Map<T, string>()
    for (const [path, module] of this.namedModules()) {
      for (const [name, tensor] of module.#fields(kind)) if (!found.has(tensor)) found.set(tensor, join(path, name))
    }
    return [...found].map(([tensor, path]) => [path, tensor])
  }

  /** The parameters of this module and of all below it, each once, with their paths. */
  namedParameters(): [string, Parameter][] {
    return this.#named(Parameter)
  }

  /** The parameters of this module and of all below it, each once: what an optimizer takes. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter)
  }

  /** The buffers of this module and of all below it, each once, with their paths. */
  namedBuffers(): [string, Buffer][] {
    return this.#named(Buffer)
  }

  /** The buffers of this module and of all below it. */
  buffers(): Buffer[] {
    return this.namedBuffers().map(([, buffer]) => buffer)
  }

  // ── state ──

  /** All that is saved, under every path by which it can be reached (tied weights appear twice, as in PyTorch). */
  #state(op: string): Map<string, Parameter | Buffer> {
    const state = new Map<string, Parameter | Buffer>()
    for (const { module, path, above } of walk<BaseModule>(this, '')) {
      if (isAbove(module, above)) {
        throw new ArgumentError(
          op,
          `'${path}' of ${this.constructor.name} is a module that contains itself: its state has no end. Keep what is not a part of a module in a #private field`,
        )
      }
      for (const [name, parameter] of module.#fields(Parameter)) state.set(join(path, name), parameter)
      for (const [name, buffer] of module.#fields(Buffer)) if (buffer.persistent) state.set(join(path, name), buffer)
    }
    return state
  }

  /** The present values of parameters and persistent buffers, by path. Later steps do not change them (in PyTorch they would). */
  stateDict(): StateDict {
    return Object.fromEntries([...this.#state('stateDict')].map(([name, tensor]) => [name, detach(tensor)]))
  }

  /**
   * Puts the values of `state` into the parameters and buffers, in their dtype and on their device. Nothing is changed when it throws.
   * @param options `strict: false` lets missing and unexpected keys pass, and returns them
   * @throws ArgumentError that lists all keys that are missing, unexpected or of another shape.
   */
  loadStateDict(state: Readonly<StateDict>, options?: LoadStateDictOptions): LoadResult {
    LOAD_STATE_DICT.check(state, options)
    return loadState(this.constructor.name, this.#state('loadStateDict'), state, options?.strict ?? true)
  }

  // ── modes, gradients, places ──

  /** Training behaviour on (or off) for this module and all below it. */
  train(mode = true): this {
    TRAIN.check(mode)
    for (const module of this.modules()) module.training = mode
    return this
  }

  /** `train(false)`. */
  eval(): this {
    return this.train(false)
  }

  /** Whether gradients are wanted for all parameters: `requiresGrad_(false)` freezes them. */
  requiresGrad_(requiresGrad = true): this {
    REQUIRES_GRAD.check(requiresGrad)
    for (const parameter of this.parameters()) parameter.requiresGrad = requiresGrad
    return this
  }

  /** Forgets all gradients; with `setToNone: false` they become zeros. */
  zeroGrad(options?: ZeroGradOptions): void {
    ZERO_GRAD.check(options)
    const setToNone = options?.setToNone ?? true
    for (const p of this.parameters()) p.grad = setToNone || p.grad === null ? null : zerosLike(p.grad)
  }

  /**
   * Moves parameters and buffers to a device, or changes the float ones' dtype. The tensors stay the same objects, so an optimizer goes on working.
   * @example model.to('webgpu'); model.to('float16'); model.to({ device: 'cpu', dtype: 'float64' })
   */
  to(target: ModuleTarget): this {
    TO.check(target)
    const { dtype, device } =
      typeof target === 'object' ? target : isDType(target) ? { dtype: target, device: undefined } : { dtype: undefined, device: target }
    if (dtype !== undefined && !isFloat(dtype))
      throw new ArgumentError('Module.to', `a float dtype is wanted, got ${dtype}. Convert single tensors with tensor.to('${dtype}')`)
    const convert = (x: Tensor): Tensor => {
      const options = { ...(device === undefined ? {} : { device }), ...(dtype === undefined || !isFloat(x.dtype) ? {} : { dtype }) }
      return to(x, options)
    }
    for (const tensor of [...this.parameters(), ...this.buffers()]) {
      const moved = convert(detach(tensor))
      const grad = tensor.grad
      replace(tensor, keepTensor(moved))
      if (grad) tensor.grad = convert(grad)
    }
    return this
  }

  /** Calls `fn` with every module below this one, each once, and then with this one, as initialisation does. */
  apply(fn: (module: BaseModule) => void): this {
    APPLY.check(fn)
    const seen = new Set<BaseModule>()
    const visit = (module: BaseModule, depth: number): void => {
      if (seen.has(module)) return
      seen.add(module)
      if (depth > MAX_DEPTH) tooDeep(this)
      for (const child of module.children()) visit(child, depth + 1)
      fn(module)
    }
    visit(this, 0)
    return this
  }

  // ── text ──

  /** What stands between the brackets of {@link toString}: `inFeatures=784, outFeatures=10, bias=true`. */
  extraRepr(): string {
    return ''
  }

  /** The module and those below it, one a line, indented, as PyTorch prints them. */
  toString(): string {
    const name = this.constructor.name
    const extra = this.extraRepr()
    const children = this.namedChildren()
    if (children.length === 0) return `${name}(${extra})`
    if (printing.length >= MAX_SHOWN || printing.includes(this)) return `${name}(…)`
    printing.push(this)
    try {
      const lines = children.map(([key, child]) => `  (${key}): ${child.toString().replaceAll('\n', '\n  ')}`)
      return [`${name}(`, ...(extra ? [`  ${extra}`] : []), ...lines, ')'].join('\n')
    } finally {
      printing.pop()
    }
  }
}

/**
 * A module as a value: `nn.Module` takes one tensor and gives one, and its `forward` can be called; `nn.Module<[Tensor, Tensor], Tensor>` says what others
 * take and give. Any module at all is a {@link BaseModule}.
 * @example class Block extends nn.Module { constructor(readonly shortcut: nn.Module) { super() } … }
 */
export type Module<In extends readonly unknown[] = [x: Tensor], Out = Tensor> = BaseModule & {
  /** What the module computes, with hooks around it. */
  forward(...input: In): Out
}

/** The class to extend: see {@link BaseModule}. */
export const Module: typeof BaseModule = BaseModule

/** What `console.log(model)` shows in Node. */
Object.defineProperty(BaseModule.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: BaseModule): string {
    return this.toString()
  },
})

/** Deeper ones are not shown. */
const MAX_SHOWN = 100

/** Modules that are being turned into text, outermost first. */
const printing: BaseModule[] = []

const entriesOf = <T>(module: BaseModule, kind: abstract new (...args: never[]) => T): [string, T][] =>
  Object.entries(module).filter((field): field is [string, T] => field[1] instanceof kind)

function register<H>(hooks: Map<symbol, H>, hook: H): RemovableHandle {
  const key = Symbol('hook')
  hooks.set(key, hook)
  return { remove: () => void hooks.delete(key) }
}

/** The path of the innermost of nested modules. One that is kept in a plain array has none: its nearest parent that has one is named. */
function pathOf(nested: readonly BaseModule[]): string | undefined {
  const names = new Map(nested[0]?.namedModules().map(([path, module]) => [module, path]))
  return nested.map((module) => names.get(module)).findLast((name) => name !== undefined)
}

namesModules(() => {
  const now = running.slice()
  return () => pathOf(now) ?? ''
})

/** Puts the path of the module that was running in front of an error's message. */
function locate(e: unknown): unknown {
  if (!(e instanceof Error) || located.has(e)) return e
  located.add(e)
  let path: string | undefined
  try {
    path = pathOf(running)
  } catch (nested) {
    return e instanceof RangeError ? nested : e // modules of such a depth exhaust the stack
  }
  if (!path) return e
  const { message, stack } = e // the stack is read first: its text may be made on demand, from the message as it is then
  e.message = `${path}: ${message}`
  if (stack) e.stack = stack.replace(message, () => e.message)
  return e
}

/** Puts another value behind a parameter or buffer, of another dtype perhaps. */
function replace(tensor: Tensor, value: Tensor): void {
  if (value.dtype === tensor.dtype) {
    assign(tensor, value)
    return
  }
  const { requiresGrad } = tensor
  tensor.requiresGrad = false // its place on the tape is for the old dtype
  tensor._node = value._node
  tensor.version++
  tensor.requiresGrad = requiresGrad
}
