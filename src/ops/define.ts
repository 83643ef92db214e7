/**
 * @file The one mechanism that makes ops. A definition says what the op computes in primitives of the graph, and one gradient rule per input, in
 * other ops, so that gradients of gradients come by themselves. Un-broadcasting, casting back and accumulating are the driver's (`src/autograd`).
 */
import { DeviceError, type DType, enterScope, isHalf, leaveScope, renamed, type Shape, showShape } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { type Backward, keepScalar, Op, partOf, record, recordOne, Tensor } from '../tensor/index.ts'
import { type AutocastClass, type Autocasting, isOptions, listWithClass, withClass } from './autocast.ts'
import { floatType } from './promote.ts'
import { type AnyRule, applyRules, backwardOf, rolesOf, type Saved } from './rules.ts'

/** What tests derive from a definition. */
export interface OpDefinition {
  readonly name: string
  /** `op` has gradient rules of its own; `composition` is made of ops. */
  readonly kind: 'op' | 'composition'
  readonly inputs: readonly string[]
  /** The inputs that have a gradient rule (empty for a composition, whose ops have theirs). */
  readonly differentiable: readonly string[]
  readonly half: HalfPolicy
}

/**
 * What becomes of operands of float16 and bfloat16. `widen`, the default: they are computed in float32, gradients too, and the result is rounded once, at its end, so that no
 * sum, square or count on the way has to fit in a half. `keep`: they are left as they are; for what moves elements or chooses among them, and for
 * functions of single elements, whose definitions see to it (`define-elementwise.ts`).
 */
export type HalfPolicy = 'widen' | 'keep'

const registry = new Map<string, OpDefinition>()
/** Every op and composition, by name. */
export const opRegistry: ReadonlyMap<string, OpDefinition> = registry

function register(definition: OpDefinition): void {
  if (registry.has(definition.name)) throw new Error(`op ${definition.name} is defined twice`)
  registry.set(definition.name, definition)
}

// ── definitions ──

type Each<K extends readonly string[], T> = { [I in keyof K]: T }
type Call<K extends readonly string[], P, R> = (...args: [...Each<K, Tensor>, P]) => R

/** From the gradient of the result to that of one input (broadcast and dtype as they come). `p` is what the op was called with. */
export type Rule<K extends string, P> = (g: Tensor, saved: Saved<K | 'y'>, p: P) => Tensor

/** How an op's result is a view of its input: {@link ViewRule}, of the op's own parameters. */
export interface ViewSpec<P> {
  readonly write: (base: () => Tensor, value: Tensor, p: P, shape: Shape) => Tensor
  readonly overlaps?: (from: Shape, to: Shape, p: P) => boolean
  readonly strides: (of: readonly number[], from: Shape, to: Shape, p: P) => readonly number[] | undefined
}

/** What ops of one output and of several have in common; `R` are the names of the outputs. */
interface OpTensors<K extends readonly string[], R extends string, P> {
  /** Names of the tensors that the op takes. */
  readonly inputs: K
  /** For each input, what its rule reads: only that is kept, and only when that gradient is wanted. */
  readonly saves?: { readonly [I in K[number]]?: readonly (K[number] | R)[] }
  /** PyTorch gives a view here: how it is one. In place on it writes its base. */
  readonly view?: ViewSpec<P>
  /** Default: `widen`, and `keep` for views. */
  readonly half?: HalfPolicy
  /** What autocast does with the op: by default nothing, it is computed in the types that it is given. */
  readonly autocast?: AutocastClass
  /** The result is a view that its only readers reduce, never a value of its own: it may have more elements than a tensor. */
  readonly virtual?: boolean
}

export interface OpSpec<K extends readonly string[], P> extends OpTensors<K, 'y', P> {
  /** Whether a call says its dtype itself, so that autocast leaves it alone. */
  readonly asked?: (p: P) => boolean
  readonly forward: (...args: [...Each<K, graph.Node>, P]) => graph.Node
  /** A gradient rule for every input; `none` where there is no gradient. */
  readonly vjp: Readonly<Record<K[number], Rule<K[number], P> | 'none'>>
}

/** As {@link OpSpec}, of an op that makes several tensors. */
export interface MultiOutputSpec<K extends readonly string[], P, O extends readonly string[]> extends OpTensors<K, O[number], P> {
  /** Their names. */
  readonly outputs: O
  readonly forward: (...args: [...Each<K, graph.Node>, P]) => Each<O, graph.Node>
  /** From the gradients of all outputs, undefined where nothing flowed, to that of an input. */
  readonly vjp: Readonly<
    Record<K[number], ((g: Each<O, Tensor | undefined>, saved: Saved<K[number] | O[number]>, p: P) => Tensor) | 'none'>
  >
}

/**
 * Defines an op of any number of tensors and a parameter object. What comes back records it: `op(a, b, params)`. Arguments have been checked by the
 * public function around it.
 */
export function defineOp<const K extends readonly string[], P>(name: string, spec: OpSpec<K, P>): Call<K, P, Tensor> {
  const { autocast, asked } = spec
  const op = define(name, spec as unknown as AnySpec, ['y']) as Call<K, P, Tensor>
  return autocast ? autocasted(name, autocast, op, asked && ((args) => asked(args[spec.inputs.length] as P))) : op
}

/** As {@link defineOp}, of an op with several outputs, which it gives as a tuple. */
export function defineMultiOutputOp<const K extends readonly string[], P, const O extends readonly string[]>(
  name: string,
  spec: MultiOutputSpec<K, P, O>,
): Call<K, P, Each<O, Tensor>> {
  const op = define(name, spec as unknown as AnySpec, spec.outputs) as Call<K, P, Each<O, Tensor>>
  return spec.autocast ? autocasted(name, spec.autocast, op) : op
}

interface AnySpec extends OpTensors<readonly string[], string, unknown> {
  readonly forward: (...args: unknown[]) => graph.Node | readonly graph.Node[]
  readonly vjp: Readonly<Record<string, AnyRule | 'none'>>
}

type Inputs = readonly (Tensor | undefined)[]
/** Makes the nodes of an op's outputs. */
type Forward<P> = (inputs: Inputs, p: P) => graph.Node | readonly graph.Node[]

/** Bits at the positions. */
function bits(positions: readonly number[]): number {
  if (positions.some((i) => i > 30)) throw new Error('an op of more than 31 tensors is one of a list (defineListOp)')
  return positions.reduce((sum, i) => sum | (1 << i), 0)
}

function define(name: string, spec: AnySpec, outputs: readonly string[]): unknown {
  const { inputs, forward, vjp, saves = {}, view, virtual = false, half = view ? 'keep' : 'widen' } = spec
  const rules = inputs.map((k): AnyRule | undefined => {
    const rule = vjp[k]
    return rule === 'none' ? undefined : rule
  })
  register({ name, kind: 'op', inputs, differentiable: inputs.filter((_, i) => rules[i]), half })
  const positions = [...inputs, ...outputs]
  const reads = inputs.map((k) => bits((saves[k] ?? []).map((role) => positions.indexOf(role))))
  const differentiable = bits(inputs.flatMap((_, i) => (rules[i] ? [i] : [])))
  const viewRule = view && {
    ...view,
    apply: (x: Tensor, p: unknown): Tensor => one(op, x, undefined, forward(x._node, p) as graph.Node, p),
  }
  const op: Op = new Op(name, backwardOf(name, inputs, outputs, rules, reads), { differentiable, reads, view: viewRule, virtual })
  const keep = half === 'keep'
  // One tensor and two, which nearly all ops take, go without arrays and closures made at the call
  if (inputs.length === 1) {
    const apply = (a: Tensor, p: unknown): Tensor | Tensor[] => {
      const entered = enterScope(name)
      try {
        const made = forward(a._node, p)
        return made instanceof graph.Node ? one(op, a, undefined, made, p) : several(op, [a], made, p)
      } finally {
        leaveScope(entered)
      }
    }
    return (a: Tensor, p: unknown) => (keep || !isHalfTensor(a) ? apply(a, p) : inFloat32(name, [a], ([x]) => apply(x as Tensor, p)))
  }
  if (inputs.length === 2) {
    const apply = (a: Tensor, b: Tensor, p: unknown): Tensor | Tensor[] => {
      const entered = enterScope(name)
      try {
        const made = forward(a._node, b._node, p)
        return made instanceof graph.Node ? one(op, a, b, made, p) : several(op, [a, b], made, p)
      } finally {
        leaveScope(entered)
      }
    }
    return (a: Tensor, b: Tensor, p: unknown) => {
      if (a._node.placement !== b._node.placement) checkDevices(name, inputs, [a, b])
      if (keep || !(isHalfTensor(a) || isHalfTensor(b))) return apply(a, b, p)
      return inFloat32(name, [a, b], ([x, y]) => apply(x as Tensor, y as Tensor, p))
    }
  }
  const apply = operation(op, inputs, half, (x, p) => forward(...x.map((t) => t?._node), p))
  return (...args: unknown[]) => apply(args.slice(0, -1) as Tensor[], args.at(-1))
}

/** An op of any number of tensors of one role (`cat`): one rule gives the gradient of the i-th. */
export interface ListOpSpec<P> {
  readonly forward: (nodes: readonly graph.Node[], p: P) => graph.Node
  readonly vjp: (g: Tensor, i: number, shape: Shape, p: P) => Tensor
  readonly half?: HalfPolicy
  readonly autocast?: AutocastClass
}

export function defineListOp<P>(name: string, spec: ListOpSpec<P>): (list: readonly Tensor[], p: P) => Tensor {
  const { half = 'widen' } = spec
  register({ name, kind: 'op', inputs: ['tensors'], differentiable: ['tensors'], half })
  const op = new Op(name, (entry, grads, needed) =>
    applyRules(name, () =>
      entry.inputs.map((edge, i) => (edge && needed(edge) ? spec.vjp(grads[0] as Tensor, i, edge.shape, entry.params as P) : undefined)),
    ),
  )
  const forward: Forward<P> = (list, p) =>
    spec.forward(
      list.map((t) => (t as Tensor)._node),
      p,
    )
  const apply = operation(op, 'tensors', half, forward) as (list: readonly Tensor[], p: P) => Tensor
  return spec.autocast ? autocasted(name, spec.autocast, apply) : apply
}

/** An op of any number of tensors whose gradients share work, so that one rule gives them all; `optional` tensors may be left out. */
export interface JointOpSpec<K extends string, O extends string, P> {
  readonly inputs: readonly K[]
  readonly optional: readonly O[]
  /** Inputs that are functions of the others: the rule gives the others the total derivative, and these nothing. */
  readonly dependent: readonly K[]
  readonly forward: (nodes: Joint<K, O, graph.Node>, p: P) => graph.Node
  /** From the gradient of the result to those of the inputs that `needed` names. It may read all inputs. */
  readonly vjp: (g: Tensor, saved: Joint<K, O, Tensor>, needed: (role: K | O) => boolean, p: P) => { readonly [R in K | O]?: Tensor }
  readonly autocast?: AutocastClass
}

type Joint<K extends string, O extends string, T> = Readonly<Record<K, T>> & { readonly [R in O]?: T | undefined }

/** Defines an op whose gradients come together (`batchNorm`); it is called with its tensors by name. */
export function defineJointOp<const K extends string, const O extends string, P>(
  name: string,
  spec: JointOpSpec<K, O, P>,
): (tensors: Joint<K, O, Tensor>, p: P) => Tensor {
  const roles: readonly (K | O)[] = [...spec.inputs, ...spec.optional]
  const differentiable = roles.filter((role) => !(spec.dependent as readonly string[]).includes(role))
  register({ name, kind: 'op', inputs: roles, differentiable, half: 'widen' })
  const called = rolesOf(name, roles, [])
  const backward: Backward<Tensor> = (entry, grads, needed) => {
    const saved = Object.fromEntries(roles.map((role, i) => [role, entry.unpack(i, called[i] as string)])) as Joint<K, O, Tensor>
    const wanted = (role: K | O): boolean => needed(entry.inputs[roles.indexOf(role)])
    const found = applyRules(name, () => spec.vjp(grads[0] as Tensor, saved, wanted, entry.params as P))
    return roles.map((role) => found[role])
  }
  const all = bits(roles.map((_, i) => i))
  const op = new Op(name, backward, {
    differentiable: bits(differentiable.map((role) => roles.indexOf(role))),
    reads: roles.map(() => all),
  })
  const named = (list: Inputs): Joint<K, O, graph.Node> =>
    Object.fromEntries(roles.map((role, i) => [role, list[i]?._node])) as Joint<K, O, graph.Node>
  const apply = operation<P>(op, roles, 'widen', (list, p) => spec.forward(named(list), p))
  const byName = (tensors: Joint<K, O, Tensor>, p: P): Tensor =>
    apply(
      roles.map((role) => tensors[role]),
      p,
    ) as Tensor
  return spec.autocast ? autocasted(name, spec.autocast, byName) : byName
}

// ── calls ──

/** The tensor of the node that an op made, recorded. */
function one(op: Op, a: Tensor, b: Tensor | undefined, made: graph.Node, p: unknown): Tensor {
  const out = new Tensor(made)
  recordOne(op, a, b, out, p)
  return out
}

/** As {@link one}, of any numbers of inputs and outputs. */
function several(op: Op, inputs: (Tensor | undefined)[], made: readonly graph.Node[], p: unknown): Tensor[] {
  const outputs = made.map((each) => new Tensor(each))
  record(op, inputs, outputs, p)
  return outputs
}

/** What records an op of any number of tensors: it checks where they are, takes care of halves and makes the nodes. */
function operation<P>(
  op: Op,
  roles: readonly string[] | string,
  half: HalfPolicy,
  forward: Forward<P>,
): (inputs: Inputs, p: P) => Tensor | Tensor[] {
  const { name } = op
  const apply = (inputs: Inputs, p: P): Tensor | Tensor[] => {
    const entered = enterScope(name)
    try {
      const made = forward(inputs, p)
      return made instanceof graph.Node ? (several(op, inputs.slice(), [made], p)[0] as Tensor) : several(op, inputs.slice(), made, p)
    } finally {
      leaveScope(entered)
    }
  }
  return (inputs, p) => {
    checkDevices(name, roles, inputs)
    if (half === 'keep' || !inputs.some(isHalfTensor)) return apply(inputs, p)
    return inFloat32(name, inputs, (wide) => apply(wide, p))
  }
}

/** Registers a function made of other ops. Its intermediates are its own: of 0-d results only the last is kept for reading. */
export function defineComposition<A extends unknown[]>(
  name: string,
  fn: (...args: A) => Tensor,
  { half = 'widen', autocast }: { readonly half?: HalfPolicy; readonly autocast?: AutocastClass } = {},
): (...args: A) => Tensor {
  register({ name, kind: 'composition', inputs: [], differentiable: [], half })
  const whole = (args: A): Tensor => {
    let out: Tensor
    try {
      out = partOf(name, fn, args)
    } catch (e) {
      throw renamed(e, name)
    }
    if (out._node.shape.length === 0) keepScalar(out._node)
    return out
  }
  const keep = half === 'keep'
  const call = (args: A): Tensor => (keep || !holdHalf(args) ? whole(args) : widened(name, whole, args))
  const looked = autocast ? listWithClass({ name, autocast, cast: castFor(name) }, call) : call
  return (...args) => looked(args)
}

// ── autocast ──

/**
 * `fn`, the op or function of this name, as autocast wants it. Called by the definitions above; by a public function itself only where it is no op or does
 * something with dtypes before its op is called (`pow`, `stack`).
 */
export function autocasted<A extends readonly unknown[], R>(
  name: string,
  autocast: AutocastClass,
  fn: (...args: A) => R,
  keeps?: (args: A) => boolean,
): (...args: A) => R {
  return withClass({ name, autocast, cast: castFor(name), keeps }, fn)
}

/** Casts in front of an op, in its name. */
const castFor =
  (name: string): Autocasting<readonly unknown[]>['cast'] =>
  (x, dtype) =>
    partOf(name, castTo, [x, dtype])

// ── halves: float16 and bfloat16 ──

/** `x` in another dtype; on the tape. */
export const castTo: (x: Tensor, dtype: DType) => Tensor = defineOp('cast', {
  inputs: ['x'],
  forward: (x, dtype: DType) => graph.cast(x, dtype),
  vjp: { x: (g) => g }, // the driver casts back
  half: 'keep',
})

const isHalfTensor = (x: unknown): x is Tensor => x instanceof Tensor && isHalf(x._node.dtype)

/**
 * `fn` of `tensors`, with float32 in place of halves, and its results rounded where the common dtype of the tensors is one. Backward goes through the
 * same casts, so that gradient rules are computed in float32 too, of values that were not rounded yet.
 */
function inFloat32<T extends Tensor | Tensor[]>(name: string, tensors: Inputs, fn: (wide: Inputs) => T): T {
  const entered = enterScope(name)
  try {
    const wide = (list: Inputs): T => fn(list.map((x) => (isHalfTensor(x) ? castTo(x as Tensor, 'float32') : x)))
    const made = partOf(name, wide, [tensors])
    const common = floatType(tensors)
    const rounded = (out: Tensor): Tensor => {
      if (isHalf(common) && out._node.dtype === 'float32') return castTo(out, common)
      if (out.ndim === 0) keepScalar(out._node)
      return out
    }
    return (made instanceof Tensor ? rounded(made) : made.map(rounded)) as T
  } finally {
    leaveScope(entered)
  }
}

/** {@link inFloat32} for a function whose tensors are among its arguments, or among the options there. */
function widened<A extends unknown[]>(name: string, fn: (args: A) => Tensor, args: A): Tensor {
  const list = [...new Set(args.flatMap(tensorsOf))]
  return inFloat32(name, list, (wide) => {
    const replaced = (x: unknown): unknown => (x instanceof Tensor ? wide[list.indexOf(x)] : x)
    return fn(args.map((x) => (isOptions(x) ? mapped(x, replaced) : replaced(x))) as A)
  })
}

/** Whether a tensor of halves is among the arguments of a function, or among the options there. */
function holdHalf(args: readonly unknown[]): boolean {
  for (let i = 0; i < args.length; i++) {
    const x = args[i]
    if (x instanceof Tensor) {
      if (isHalfTensor(x)) return true
    } else if (isOptions(x)) for (const key in x) if (isHalfTensor((x as Record<string, unknown>)[key])) return true
  }
  return false
}

const tensorsOf = (x: unknown): Tensor[] =>
  x instanceof Tensor ? [x] : isOptions(x) ? Object.values(x).filter((v) => v instanceof Tensor) : []
const mapped = (x: object, f: (value: unknown) => unknown): object =>
  Object.fromEntries(Object.entries(x).map(([key, value]) => [key, f(value)]))

/**
 * Throws when two of the tensors are on different devices: before anything is recorded, so that nothing half done is left. `auto` goes with
 * anything. `roles` names each, or the list that they are in.
 */
export function checkDevices(op: string, roles: readonly string[] | string, tensors: readonly (Tensor | null | undefined)[]): void {
  let first = -1
  for (let i = 0; i < tensors.length; i++) {
    const x = tensors[i]
    const placement = x?._node.placement ?? 'auto'
    if (placement === 'auto') continue
    if (first < 0) first = i
    const known = tensors[first] as Tensor
    if (known._node.placement === placement) continue
    const say = (t: Tensor, k: number): string =>
      `${typeof roles === 'string' ? `${roles}[${k}]` : roles[k]} ${showShape(t.shape)} is on ${t._node.placement}`
    throw new DeviceError(
      op,
      `${say(known, first)}, ${say(x as Tensor, i)}. Move one with .to('${known._node.placement}') or .to('${placement}')`,
    )
  }
}
