/**
 * @file `Optimizer`: parameter groups, gradients' end, state, and the step. A subclass says by a formula over flat tensors how values and what
 * is remembered follow from gradients; the base lays parameters out in arenas, so that the formula runs once for all of them.
 */
import {
  ANYTHING,
  ArgumentError,
  atLeast,
  BOOLEAN,
  COUNT,
  type DType,
  options as describe,
  FUNCTION,
  ITERABLE,
  isFloat,
  isHalf,
  isPlainObject,
  type Kind,
  listOf,
  mismatch,
  Options,
  optional,
  type Signature,
  sameShape,
  showArgument,
  showShape,
  signature,
} from '../base/index.ts'
import { cast, detach, gt, neg, reshape, where, zerosLike } from '../ops/index.ts'
import {
  beginStep,
  closeStep,
  enableGrad,
  knownValues,
  noteChange,
  recordedAs,
  retire,
  TENSOR,
  Tensor,
  withoutAutocast,
  ZERO_GRAD_OPTIONS,
  type ZeroGradOptions,
} from '../tensor/index.ts'
import { type Arena, layOut, type Resident, type Slots, toDeviceOf } from './arena.ts'
import { NextCounts, type StepCount, tensorOf } from './step-count.ts'

/** What every group has. */
export interface GroupOptions {
  /** The learning rate, ≥ 0. */
  lr: number
  /** How strongly parameters are drawn to 0, ≥ 0: 0 unless the optimizer says otherwise. */
  weightDecay: number
  /** Steps along the gradient instead of against it: false by default. */
  maximize: boolean
}

/** The kinds of {@link GroupOptions}. */
export const GROUP = { lr: atLeast(0), weightDecay: atLeast(0), maximize: BOOLEAN } as const

const PARAMS: Kind = {
  fits: 'a list of tensors or of groups { params, … }',
  accepts: (x) => ITERABLE.accepts(x) && !(x instanceof Tensor),
  hint: (x) => {
    if (x instanceof Tensor) return 'One tensor goes into an array: [w]'
    return typeof (x as { parameters?: unknown } | undefined)?.parameters === 'function' ? 'Of a module, give its parameters()' : undefined
  },
}

/** What an optimizer takes, described: options of groups, those that belong to no group, and the names of what it remembers of a parameter. */
export interface OptimizerKinds<O> {
  readonly given: Signature
  readonly group: Options<O>
  readonly slots: readonly string[]
}

/** Describes an optimizer: the kinds of its groups' options, and the names under which it remembers things (PyTorch's). */
export function optimizerKinds<O extends GroupOptions>(
  name: string,
  kinds: { readonly [K in keyof O & string]-?: Kind },
  slots: readonly string[],
): OptimizerKinds<O> {
  const all = new Options<O & MemoryOptions>({ ...kinds, keepPrevious: BOOLEAN } as Record<keyof (O & MemoryOptions) & string, Kind>)
  return { given: signature(name, { params: PARAMS, options: optional(all) }), group: describe<O>(kinds), slots }
}

/** Parameters and how they are updated; the options may be changed between steps. */
export type ParamGroup<O extends GroupOptions = GroupOptions> = O & {
  /** The tensors that are updated. */
  readonly params: readonly Tensor[]
}

/** A group as it is given: options that are left out are the optimizer's. */
export type GivenGroup<O extends GroupOptions = GroupOptions> = Partial<Readonly<O>> & {
  /** The tensors that are updated: leaves of a float dtype. */
  readonly params: Tensor | Iterable<Tensor>
}

/** What an optimizer takes: parameters, or groups of them. */
export type Params<O extends GroupOptions = GroupOptions> = Iterable<Tensor> | Iterable<GivenGroup<O>>

const ZERO_GRAD = signature('Optimizer.zeroGrad', { options: optional(ZERO_GRAD_OPTIONS) })
const STEP = signature('Optimizer.step', { closure: optional(FUNCTION) })
const NUMBERS = listOf(COUNT)
const LOAD: Kind = {
  fits: 'what stateDict() gave: { state, paramGroups }',
  accepts: (x) =>
    isPlainObject(x) &&
    isPlainObject(x.state) &&
    Array.isArray(x.paramGroups) &&
    x.paramGroups.every((group) => isPlainObject(group) && NUMBERS.accepts(group.params)) &&
    Object.values(x.state).every(isPlainObject),
}
const LOAD_STATE_DICT = signature('Optimizer.loadStateDict', { state: LOAD })

/** What belongs to the optimizer and to no group. */
export interface MemoryOptions {
  /**
   * Whether the parameters before a step are kept until the next one (default), so that logits of the step can be read after it. Without,
   * parameters take half the memory, and such a read throws StaleTensorError.
   */
  readonly keepPrevious?: boolean
}

/** `stateDict()`: what is remembered by each parameter's number, counted through all groups, and the groups' options. */
export interface OptimizerState {
  /**
   * What is remembered of each parameter, by its number: tensors by PyTorch's names (`exp_avg`), and its count of steps, which is a tensor too where a
   * `GradScaler` has left steps out.
   */
  readonly state: Readonly<Record<number, Readonly<Record<string, Tensor | number>>>>
  /** The options of each group, and the numbers of its parameters. */
  readonly paramGroups: readonly (Readonly<Record<string, unknown>> & { readonly params: readonly number[] })[]
}

/** The outcome of an update: new values, and what is remembered now. */
export interface Update {
  /** The parameters after the step. */
  readonly values: Tensor
  /** What is remembered after the step, by name. */
  readonly slots: Slots
}

/**
 * The base of all optimizers. A parameter without a gradient is left alone, and one that does not require grad never changes.
 * @see https://pytorch.org/docs/stable/optim.html
 */
export abstract class Optimizer<O extends GroupOptions = GroupOptions> {
  /** The groups; `optimizer.paramGroups[0].lr = 1e-4` holds from the next step on. */
  readonly paramGroups: ParamGroup<O>[] = []
  readonly #defaults: O
  readonly #keepPrevious: boolean
  readonly #known = new Set<Tensor>()
  #arenas: Arena<ParamGroup<O>>[] = []

  /**
   * @param defaults the options of every group that does not say otherwise
   * @throws ArgumentError for no parameters, a parameter twice, or one that is no leaf of a float dtype.
   */
  constructor(params: Params<O>, defaults: O, memory: MemoryOptions = {}) {
    this.#defaults = defaults
    this.#keepPrevious = memory.keepPrevious ?? true
    const list: readonly unknown[] = [...this.#iterable(params)]
    if (list.length === 0) throw new ArgumentError(this.#name, 'there are no parameters to optimize')
    if (list.every((p) => p instanceof Tensor)) this.addParamGroup({ params: list } as unknown as GivenGroup<O>)
    else for (const group of list) this.addParamGroup(group as GivenGroup<O>)
  }

  /** @internal What the options may be (`optimizerKinds`); an optimizer of one's own checks them in `check` instead. */
  protected get kinds(): OptimizerKinds<O> | undefined {
    return undefined
  }

  get #name(): string {
    return this.constructor.name
  }

  #iterable(params: unknown): Iterable<unknown> {
    if (!PARAMS.accepts(params)) throw new ArgumentError(this.#name, mismatch(PARAMS, 'params', params))
    return params as Iterable<unknown>
  }

  /** Throws unless the options of a group are what they may be: at first, and before each step, since they may be changed. */
  #checkGroup(group: O): void {
    for (const [name, kind] of this.kinds?.group.kinds ?? GROUP_KINDS) {
      const value: unknown = (group as unknown as Record<string, unknown>)[name]
      if (!kind.accepts(value)) throw new ArgumentError(this.#name, mismatch(kind, name, value))
    }
    this.check(group)
  }

  /**
   * The formula: from values, gradients and what is remembered (nothing before the first step) to what they are after step `step` (from 1). All
   * are flat and of one length; what lies between two parameters is unspecified. Under a `GradScaler`, which may leave steps out, `step` is a 0-d tensor of
   * the dtype of `values`.
   */
  protected abstract update(values: Tensor, gradients: Tensor, slots: Slots, step: StepCount, group: ParamGroup<O>): Update

  /** Throws for options out of range. */
  protected abstract check(options: O): void

  /** Adds parameters: with options of their own, or later than the others. */
  addParamGroup(group: GivenGroup<O>): void {
    const name = this.#name
    if (!isPlainObject(group)) throw new ArgumentError(name, `a group is { params: […], … }, got ${showArgument(group)}`)
    const { params: given, ...options } = group as GivenGroup<O>
    const own = new Options(
      Object.fromEntries(Object.keys(this.#defaults).map((key) => [key, this.kinds?.group.kinds.get(key) ?? ANYTHING])),
    )
    if (!own.accepts(options)) throw new ArgumentError(name, mismatch(own, 'a group', options))
    if (given === undefined) throw new ArgumentError(name, 'a group is { params: […], … }; params is missing')
    const params = given instanceof Tensor ? [given] : ([...this.#iterable(given)] as Tensor[])
    if (params.length === 0) throw new ArgumentError(name, 'params of a group is empty')
    const complete = { ...this.#defaults, ...withoutUndefined(options) } as O
    this.#checkGroup(complete)
    const fresh = new Set<Tensor>()
    params.forEach((p, i) => {
      if (!(p instanceof Tensor)) throw new ArgumentError(name, mismatch(TENSOR, `params[${i}]`, p))
      if (!isFloat(p.dtype))
        throw new ArgumentError(name, `parameter ${i} ${showShape(p.shape)} is ${p.dtype}: only float tensors can be optimized`)
      if (!p.isLeaf)
        throw new ArgumentError(
          name,
          `parameter ${i} ${showShape(p.shape)} is the result of an op. Make it a leaf: p.detach().requiresGrad_()`,
        )
      if (this.#known.has(p) || fresh.has(p))
        throw new ArgumentError(name, `parameter ${i} ${showShape(p.shape)} is there already: each belongs to one group, once`)
      fresh.add(p)
    })
    for (const p of fresh) this.#known.add(p)
    this.paramGroups.push({ ...complete, params })
  }

  /** Forgets the gradients of all parameters; with `setToNone: false` they become zeros. */
  zeroGrad(options?: ZeroGradOptions): void {
    ZERO_GRAD.checkAs(`${this.#name}.zeroGrad`, options)
    const setToNone = options?.setToNone ?? true
    for (const p of this.#known) p.grad = setToNone || p.grad === null ? null : zerosLike(p.grad)
  }

  /**
   * Updates every parameter that has a gradient, and ends the step: what was recorded is computed. A `closure` is run first, to compute the loss
   * (and its gradients) that is returned. A step that cannot be computed did not happen: parameters, what is remembered of them and the count of steps
   * are as before.
   * @throws OutOfMemoryError here, or from the next promise where the device reports it later
   */
  step(closure?: undefined): void
  step<T>(closure: () => T): T
  step<T>(closure?: () => T): T | undefined {
    STEP.checkAs(`${this.#name}.step`, closure)
    return this.#run(closure)
  }

  /**
   * @internal As `step`, where the 0-d tensor `found` is 0; where it is not, nothing changes: parameters, what is remembered of them, the count of steps.
   * `takenBack` is called where the step cannot be computed.
   */
  _stepUnless(found: Tensor, takenBack: () => void): void {
    this.#run(undefined, { found, takenBack })
  }

  /**
   * @internal Multiplies the gradients by a factor, which `factorFor` gives where a tensor is.
   * @returns for each arena whether a gradient is not finite: 1 or 0, 0-d
   */
  _unscale(op: string, factorFor: (x: Tensor) => Tensor): readonly Tensor[] {
    return quietly(op, () => this.#active().map((arena) => arena.unscale(factorFor(arena.params[0] as Tensor))))
  }

  #run<T>(closure: (() => T) | undefined, scaled?: { readonly found: Tensor; readonly takenBack: () => void }): T | undefined {
    for (const group of this.paramGroups) this.#checkGroup(group)
    const loss = closure ? enableGrad(closure) : undefined
    if (typeof (loss as { then?: unknown } | undefined)?.then === 'function') {
      throw new ArgumentError(
        `${this.#name}.step`,
        'the closure answered a promise: an async closure has no gradients yet when the step is taken. Compute the loss before, and call step() without one',
      )
    }
    const undo = scaled ? [scaled.takenBack] : []
    const op = `${this.#name}.step`
    beginStep(this)
    quietly(op, () => {
      const arenas = this.#active()
      const before = arenas.map((arena) => arena.step)
      const decisions = new Map<string, Decision>()
      for (const arena of arenas) undo.push(this.#advance(arena, decisionFor(arena, scaled?.found, decisions)))
      this.#retireCounts(before)
    })
    noteChange(this, () =>
      quietly(op, () => {
        for (const takeBack of undo.reverse()) takeBack()
      }),
    )
    closeStep(this)
    return loss
  }

  /** Updates an arena; returns what takes that back. */
  #advance(arena: Arena<ParamGroup<O>>, { skipped, counts }: Decision): () => void {
    const { group } = arena
    const values = arena.values(this.#keepPrevious)
    const undo = arena.checkpoint()
    const gradients = arena.gradients()
    // (of a step that is left out the formula's result is not looked at, so that its count may be the last one's)
    const step = counts.after(arena.step)
    const computed = isHalf(values.dtype) ? 'float32' : values.dtype
    const count = counts.in(computed, step)
    const next = this.#inFloat32(values, group.maximize ? neg(gradients) : gradients, arena.slots, count, group)
    const unless = (old: Tensor | undefined, now: Tensor): Tensor => (skipped ? where(skipped, old ?? zerosLike(now), now) : now)
    const slots = Object.fromEntries(Object.entries(next.slots).map(([name, now]) => [name, unless(arena.slots[name], now)]))
    arena.replace(unless(values, next.values), slots, step, this.#keepPrevious)
    return undo
  }

  /** Gives up counts of steps that no parameter has any more. */
  #retireCounts(before: readonly StepCount[]): void {
    const present = new Set(this.#arenas.map((arena) => arena.step))
    for (const count of new Set(before)) {
      const gone = present.has(count) ? undefined : tensorOf(count)
      if (gone) retire(gone, { keepPrevious: false })
    }
  }

  /** The formula, of halves in float32: the square of a half is seldom one, and neither is 1e-8. What is kept is rounded once. */
  #inFloat32(values: Tensor, gradients: Tensor, slots: Slots, step: StepCount, group: ParamGroup<O>): Update {
    const { dtype } = values
    if (!isHalf(dtype)) return this.update(values, gradients, slots, step, group)
    const all = (of: Slots, to: DType): Slots => Object.fromEntries(Object.entries(of).map(([name, slot]) => [name, cast(slot, to)]))
    const next = this.update(cast(values, 'float32'), cast(gradients, 'float32'), all(slots, 'float32'), step, group)
    return { values: cast(next.values, dtype), slots: all(next.slots, dtype) }
  }

  /** The arenas of this step: those whose parameters all have gradients, after the others have been laid out anew. */
  #active(): Arena<ParamGroup<O>>[] {
    const hasGrad = (p: Tensor): boolean => p.grad !== null
    const seen = new Set<Tensor>()
    this.#arenas = this.#arenas.flatMap((arena) => {
      for (const p of arena.params) seen.add(p)
      const active = arena.params.filter(hasGrad).length
      if (active === 0 || (active === arena.params.length && arena.fits)) return [arena]
      const residents = residentsOf(arena)
      const parts = [true, false].map((wanted) =>
        layOut(
          arena.group,
          residents.filter((r) => hasGrad(r.param) === wanted),
        ),
      )
      arena.dissolve(this.#keepPrevious)
      for (const resting of parts[1] ?? []) resting.settle()
      return parts.flat()
    })
    for (const group of this.paramGroups) {
      const fresh = group.params.filter((p) => hasGrad(p) && !seen.has(p))
      this.#arenas.push(
        ...layOut(
          group,
          fresh.map((param) => ({ param, step: 0, slots: {} })),
        ),
      )
    }
    return this.#arenas.filter((arena) => arena.params.every(hasGrad))
  }

  /** Everything that a continued training needs: options, and what is remembered (its values now; later steps do not change them). */
  stateDict(): OptimizerState {
    const order = [...this.#known]
    const number = new Map(order.map((p, i) => [p, i]))
    const state: Record<number, Record<string, Tensor | number>> = {}
    for (const { param, step, slots } of this.#arenas.flatMap(residentsOf)) {
      const own = Object.entries(slots).map(([name, slot]) => [name, detach(slot)] as const)
      const taken = step instanceof Tensor ? detach(step) : step
      if (own.length > 0) state[number.get(param) as number] = { step: taken, ...Object.fromEntries(own) }
    }
    const paramGroups = this.paramGroups.map(({ params, ...options }) => ({
      ...options,
      params: params.map((p) => number.get(p) as number),
    }))
    return { state, paramGroups }
  }

  /**
   * Continues from a `stateDict()` of an optimizer with the same groups; its options replace the present ones.
   * @throws ArgumentError when groups, shapes or what is remembered do not fit: the state of another optimizer.
   */
  loadStateDict(saved: OptimizerState): void {
    LOAD_STATE_DICT.checkAs(`${this.#name}.loadStateDict`, saved)
    const fail = (message: string): never => {
      throw new ArgumentError(`${this.#name}.loadStateDict`, message)
    }
    const sizes = (groups: readonly { readonly params: readonly unknown[] }[]): string => groups.map((g) => g.params.length).join(', ')
    const [here, there] = [sizes(this.paramGroups), sizes(saved.paramGroups)]
    if (here !== there) fail(`the groups have ${there} parameters there, ${here} here`)
    const order = this.paramGroups.flatMap((group) => [...group.params])
    const numbers = saved.paramGroups.flatMap((group) => [...group.params])
    const loaded = new Map<Tensor, Resident>()
    order.forEach((param, i) => {
      const entry = saved.state[numbers[i] as number]
      if (entry === undefined) return
      const slots: Record<string, Tensor> = {}
      for (const [name, value] of Object.entries(entry)) {
        if (name === 'step') continue
        if (!(value instanceof Tensor)) fail(mismatch(TENSOR, `${name} of parameter ${i}`, value))
        if (this.kinds && !this.kinds.slots.includes(name))
          fail(`the state remembers ${showArgument(name)}, ${this.#name} ${this.#remembered()}: it is of another optimizer`)
        if (!sameShape((value as Tensor).shape, param.shape))
          fail(`${name} of parameter ${i} is ${showShape((value as Tensor).shape)} there, the parameter ${showShape(param.shape)} here`)
        slots[name] = detach(value as Tensor)
      }
      loaded.set(param, { param, step: countOf(entry.step, param) ?? fail(mismatch(STEPS, `step of parameter ${i}`, entry.step)), slots })
    })
    const checked = saved.paramGroups.map(({ params: _, ...options }, i) => {
      const group = this.paramGroups[i] as ParamGroup<O>
      const unknown = Object.keys(options).find((key) => !(key in this.#defaults))
      if (unknown !== undefined)
        fail(`group ${i} has an option ${showArgument(unknown)}, which ${this.#name} has not: it is of another optimizer`)
      this.#checkGroup({ ...group, ...withoutUndefined(options) })
      return [group, options] as const
    })
    for (const [group, options] of checked) Object.assign(group, options)

    const old = this.#arenas
    this.#arenas = this.paramGroups.flatMap((group) =>
      layOut(
        group,
        group.params.flatMap((p) => loaded.get(p) ?? []),
      ),
    )
    for (const arena of this.#arenas) arena.settle()
    // Parameters that are not in the saved state lie in none of the new arenas; their values must outlive the old ones.
    for (const arena of old) {
      arena.release(arena.params.filter((p) => !loaded.has(p)))
      arena.dissolve(this.#keepPrevious)
    }
    this.#retireCounts(old.map((arena) => arena.step))
  }

  #remembered(): string {
    const slots = this.kinds?.slots ?? []
    return slots.length === 0 ? 'remembers nothing' : `remembers ${slots.join(', ')}`
  }

  /** The optimizer and its groups' options. */
  toString(): string {
    const groups = this.paramGroups.map(({ params: _, ...options }, i) => {
      const lines = Object.entries(options)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => `    ${name}: ${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}`)
      return [`Parameter Group ${i}`, ...lines].join('\n')
    })
    return `${this.#name} (\n${groups.join('\n\n')}\n)`
  }
}

/** Whether a step is left out on a device, and the counts after it. */
interface Decision {
  /** 0-d bool; undefined where no step is left out. */
  readonly skipped: Tensor | undefined
  readonly counts: NextCounts
}

/** The decision for an arena, from what was found: one for all of its device. */
function decisionFor<G>(arena: Arena<G>, found: Tensor | undefined, decisions: Map<string, Decision>): Decision {
  const beside = arena.params[0] as Tensor
  const known = decisions.get(beside.device)
  if (known) return known
  const skipped = found && gt(toDeviceOf(found, beside), 0)
  const decision = { skipped, counts: new NextCounts(skipped) }
  decisions.set(beside.device, decision)
  return decision
}

/** Runs work of an optimizer in its name, off the tape. */
const quietly = <T>(op: string, work: () => T): T => withoutAutocast(false, () => recordedAs(op, work))

const STEPS: Kind = { fits: 'a number of steps, or a tensor of one', accepts: () => true }

/** A saved count of steps for a parameter; undefined for what is none. It is a number where the host has it. */
function countOf(saved: unknown, param: Tensor): StepCount | undefined {
  if (saved === undefined) return 1
  if (!(saved instanceof Tensor)) return COUNT.accepts(saved) ? (saved as number) : undefined
  if (saved.numel() !== 1) return undefined
  const known = knownValues(saved)?.[0]
  return known === undefined ? detach(cast(reshape(toDeviceOf(saved, param), []), 'int32')) : Number(known)
}

const residentsOf = <G>(arena: Arena<G>): Resident[] => {
  const pieces = arena.pieces()
  return arena.params.map((param, i) => ({ param, step: arena.step, slots: pieces[i] as Slots }))
}

const withoutUndefined = (options: object): object => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

const GROUP_KINDS: Iterable<readonly [string, Kind]> = Object.entries(GROUP)
