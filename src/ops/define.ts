/**
 * @file The one mechanism that makes ops. A definition says what the op computes in primitives of the graph, and one gradient rule per input, in
 * other ops, so that gradients of gradients come by themselves. Un-broadcasting, casting back and accumulating are the driver's (`src/autograd`).
 */
import {
  beginRecording,
  checkElements,
  DeviceError,
  type DType,
  endRecording,
  isFloat,
  MOST_ELEMENTS,
  recordedAs,
  renamed,
  replaceRecording,
  type Shape,
  showShape,
  sizeOf,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { enterQuiet, GradEdge, isGradEnabled, isQuiet, leaveQuiet, share, TapeEntry, type TapeOp, Tensor } from '../tensor/index.ts'
import { floatType } from './promote.ts'

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
 * What becomes of float16 operands. `widen`, the default: they are computed in float32, gradients too, and the result is rounded once, at its end, so that no
 * sum, square or count on the way has to fit in a half. `keep`: they are left as they are; for what moves elements, and for arithmetic on single elements,
 * which is done in float32 in any case and rounded where it is stored.
 */
export type HalfPolicy = 'widen' | 'keep'

const registry = new Map<string, OpDefinition>()
/** Every op and composition, by name. */
export const opRegistry: ReadonlyMap<string, OpDefinition> = registry

function register(definition: OpDefinition): void {
  if (registry.has(definition.name)) throw new Error(`op ${definition.name} is defined twice`)
  registry.set(definition.name, definition)
}

/** What a rule may read: the inputs that `saves` names, the result `y` where it is named, and the shape of the input whose gradient is wanted. */
export type Saved<K extends string> = Readonly<Record<K | 'y', Tensor>> & { readonly shape: Shape }
/** From the gradient of the result to that of one input (broadcast and dtype as they come). `p` is what the op was called with. */
export type Rule<K extends string, P> = (g: Tensor, saved: Saved<K>, p: P) => Tensor

type NodesOf<K extends readonly string[]> = { [I in keyof K]: graph.Node }
type TensorsOf<K extends readonly string[]> = { [I in keyof K]: Tensor }

export interface OpSpec<K extends readonly string[], P> {
  /** Names of the tensors that the op takes: one to three. */
  readonly inputs: K
  readonly forward: (...args: [...NodesOf<K>, P]) => graph.Node
  /** A gradient rule for every input; `none` where there is no gradient. */
  readonly vjp: Readonly<Record<K[number], Rule<K[number], P> | 'none'>>
  /** For each input, what its rule reads: only that is kept, and only when that gradient is wanted. */
  readonly saves?: { readonly [I in K[number]]?: readonly (K[number] | 'y')[] }
  /** PyTorch gives a view here; in place on it would not reach the original, and is refused. */
  readonly view?: boolean
  /** Default: `widen`, and `keep` for views. */
  readonly half?: HalfPolicy
  /** The result is a view that its only readers reduce, never a value of its own: it may have more elements than a tensor. */
  readonly virtual?: boolean
}

/** How many rules are being applied: what they make on the way to a gradient is never a value of its own. */
let applying = 0

/** Throws where a result would have more elements than a tensor may, and is not on the way to a gradient. */
export function checkSize(op: string, shape: Shape): void {
  if (applying === 0) checkElements(op, shape)
}

/** As {@link checkSize}, of a result that has been recorded: it and what led to it are given up. */
function refuse(op: string, node: graph.Node, operands: readonly (graph.Node | undefined)[]): void {
  graph.forget(node)
  // What only this call has read so far is stored as if it had not been read
  for (const operand of operands) if (operand) graph.keep(operand)
  checkSize(op, node.shape)
}

const isTooLarge = (node: graph.Node): boolean => applying === 0 && sizeOf(node.shape) > MOST_ELEMENTS

/** Applies a gradient rule of an op; `name` says so. */
function ruled<T>(name: string, rule: () => T): T {
  applying++
  try {
    return recordedAs(name, rule)
  } finally {
    applying--
  }
}

type AnyRule = (g: Tensor, saved: Saved<string>, p: unknown) => Tensor

/** What errors call the gradient rules of an op. */
const ruleName = (op: string): string => `backward of ${op}`

class Op implements TapeOp<Tensor> {
  readonly name: string
  readonly ruleName: string
  readonly inputs: readonly string[]
  readonly rules: readonly (AnyRule | undefined)[]
  /** For each input, the positions that its rule reads as a bit mask; the position after the last input is the result. */
  readonly reads: readonly number[]
  /** Bit mask of the inputs that have a rule. */
  readonly mask: number
  /** What errors call the inputs, and behind them the result. */
  readonly roles: readonly string[]
  readonly view: boolean
  readonly virtual: boolean

  constructor(
    name: string,
    inputs: readonly string[],
    rules: readonly (AnyRule | undefined)[],
    saves: Readonly<Record<string, readonly string[] | undefined>>,
    view: boolean,
    virtual: boolean,
  ) {
    this.name = name
    this.ruleName = ruleName(name)
    this.inputs = inputs
    this.roles = [...inputs.map((k) => `input ${k} of ${name}`), `the result of ${name}`]
    this.rules = rules
    this.view = view
    this.virtual = virtual
    this.reads = inputs.map((k) => (saves[k] ?? []).reduce((bits, s) => bits | (1 << (s === 'y' ? inputs.length : inputs.indexOf(s))), 0))
    this.mask = rules.reduce((bits, rule, i) => (rule ? bits | (1 << i) : bits), 0)
  }

  /** Wraps the recorded node, and puts the op on the tape where a gradient is wanted. */
  finish(node: graph.Node, params: unknown, a: Tensor, b: Tensor | undefined, c: Tensor | undefined): Tensor {
    if (node.shape !== a._node.shape && !this.virtual && isTooLarge(node)) refuse(this.name, node, [a._node, b?._node, c?._node])
    const out = new Tensor(node)
    if (this.view) out._viewOf(a)
    if (node === a._node) share(node)
    if ((a._edge !== undefined || b?._edge !== undefined || c?._edge !== undefined) && this.mask !== 0 && isGradEnabled()) {
      this.record(out, params, a, b, c)
    }
    if (node.shape.length === 0) keepScalar(node)
    return out
  }

  record(out: Tensor, params: unknown, a: Tensor, b: Tensor | undefined, c: Tensor | undefined): void {
    const wanted = this.mask & ((a._edge ? 1 : 0) | (b?._edge ? 2 : 0) | (c?._edge ? 4 : 0))
    if (wanted === 0 || !isFloat(out._node.dtype)) return
    const n = this.inputs.length
    const pa = wanted & 1 ? a._edge : undefined
    const pb = wanted & 2 ? b?._edge : undefined
    const pc = wanted & 4 ? c?._edge : undefined
    const entry = new TapeEntry(this, params, n === 1 ? [pa] : n === 2 ? [pa, pb] : [pa, pb, pc])
    let save = 0
    for (let i = 0; i < n; i++) if (wanted & (1 << i)) save |= this.reads[i] as number
    if (save !== 0) {
      if (save & 1) entry.save(0, a)
      if (save & 2) entry.save(1, n === 1 ? out : (b as Tensor))
      if (save & 4) entry.save(2, n === 2 ? out : (c as Tensor))
      if (save & 8) entry.save(3, out)
    }
    const edge = new GradEdge(out._node.shape, out._node.dtype, entry, undefined)
    entry.outputs = [edge]
    out._edge = edge
  }

  backward(
    entry: TapeEntry<Tensor>,
    grads: readonly (Tensor | undefined)[],
    needed: (input: number) => boolean,
  ): readonly (Tensor | undefined)[] {
    const saved: Record<string, Tensor | Shape | undefined> = {}
    let unpacked = 0
    const { inputs } = entry
    const answers = new Array<Tensor | undefined>(inputs.length)
    const outer = replaceRecording(this.ruleName)
    applying++
    try {
      for (let i = 0; i < inputs.length; i++) {
        const edge = inputs[i]
        const rule = this.rules[i]
        if (edge === undefined || rule === undefined || !needed(i)) continue
        const reads = this.reads[i] as number
        for (let k = 0; k <= this.inputs.length; k++) {
          if (!(reads & ~unpacked & (1 << k))) continue
          const role = this.inputs[k] ?? 'y'
          saved[role] = entry.unpack(k, this.roles[k] as string)
        }
        unpacked |= reads
        saved.shape = edge.shape
        answers[i] = rule(grads[0] as Tensor, saved as Saved<string>, entry.params)
      }
    } finally {
      applying--
      endRecording(outer)
    }
    return answers
  }
}

/** A 0-d result may be a loss that is read at any later time: it is stored with its step. */
function keepScalar(node: graph.Node): void {
  if (isQuiet() || node.storage !== undefined) return
  const { kind } = node.primitive
  if (kind !== 'constant' && kind !== 'scalar' && kind !== 'leaf') graph.keep(node)
}

/**
 * Defines an op of one to three tensors and a parameter object. What comes back records it: `op(a, b, params)`. Arguments have been checked by the
 * public function around it.
 */
export function defineOp<const K extends readonly string[], P>(
  name: string,
  spec: OpSpec<K, P>,
): (...args: [...TensorsOf<K>, P]) => Tensor {
  const vjp = spec.vjp as Readonly<Record<string, AnyRule | 'none'>>
  const rules = spec.inputs.map((k) => {
    const rule = vjp[k]
    return rule === 'none' ? undefined : rule
  })
  const half = spec.half ?? (spec.view ? 'keep' : 'widen')
  register({ name, kind: 'op', inputs: spec.inputs, differentiable: spec.inputs.filter((_, i) => rules[i]), half })
  const op = new Op(
    name,
    spec.inputs,
    rules,
    (spec.saves ?? {}) as Readonly<Record<string, readonly string[]>>,
    spec.view ?? false,
    spec.virtual ?? false,
  )
  type F = (...args: [...TensorsOf<K>, P]) => Tensor
  const keep = half === 'keep'
  if (spec.inputs.length === 1) {
    const forward = spec.forward as unknown as (a: graph.Node, p: P) => graph.Node
    const apply = (a: Tensor, p: P): Tensor => {
      const outer = beginRecording(name)
      try {
        return op.finish(forward(a._node, p), p, a, undefined, undefined)
      } finally {
        endRecording(outer)
      }
    }
    if (keep) return apply as unknown as F
    return ((a: Tensor, p: P) => (isHalf(a) ? inFloat32(name, [a], ([x]) => apply(x, p)) : apply(a, p))) as unknown as F
  }
  if (spec.inputs.length === 2) {
    const forward = spec.forward as unknown as (a: graph.Node, b: graph.Node, p: P) => graph.Node
    const apply = (a: Tensor, b: Tensor, p: P): Tensor => {
      const outer = beginRecording(name)
      try {
        return op.finish(forward(a._node, b._node, p), p, a, b, undefined)
      } finally {
        endRecording(outer)
      }
    }
    return ((a: Tensor, b: Tensor, p: P) => {
      if (a._node.placement !== b._node.placement) checkDevices(name, spec.inputs, [a, b])
      if (keep || !(isHalf(a) || isHalf(b))) return apply(a, b, p)
      return inFloat32(name, [a, b], ([x, y]) => apply(x, y, p))
    }) as unknown as F
  }
  const forward = spec.forward as unknown as (a: graph.Node, b: graph.Node, c: graph.Node, p: P) => graph.Node
  const apply = (a: Tensor, b: Tensor, c: Tensor, p: P): Tensor => {
    const outer = beginRecording(name)
    try {
      return op.finish(forward(a._node, b._node, c._node, p), p, a, b, c)
    } finally {
      endRecording(outer)
    }
  }
  return ((a: Tensor, b: Tensor, c: Tensor, p: P) => {
    const { placement } = a._node
    if (placement !== b._node.placement || placement !== c._node.placement) checkDevices(name, spec.inputs, [a, b, c])
    if (keep || !(isHalf(a) || isHalf(b) || isHalf(c))) return apply(a, b, c, p)
    return inFloat32(name, [a, b, c], ([x, y, z]) => apply(x, y, z, p))
  }) as unknown as F
}

/** An op of any number of tensors of one role (`cat`): one rule gives the gradient of the i-th. */
export interface ListOpSpec<P> {
  readonly forward: (nodes: readonly graph.Node[], p: P) => graph.Node
  readonly vjp: (g: Tensor, i: number, shape: Shape, p: P) => Tensor
  readonly half?: HalfPolicy
}

export function defineListOp<P>(name: string, spec: ListOpSpec<P>): (list: readonly Tensor[], p: P) => Tensor {
  const { half = 'widen' } = spec
  register({ name, kind: 'op', inputs: ['tensors'], differentiable: ['tensors'], half })
  const op: TapeOp<Tensor> = {
    name,
    backward: (entry, grads, needed) =>
      entry.inputs.map((edge, i) =>
        edge && needed(i) ? ruled(ruleName(name), () => spec.vjp(grads[0] as Tensor, i, edge.shape, entry.params as P)) : undefined,
      ),
  }
  const apply = (list: readonly Tensor[], p: P): Tensor => {
    const node = spec.forward(
      list.map((t) => t._node),
      p,
    )
    if (isTooLarge(node)) refuse(name, node, node.inputs)
    const out = new Tensor(node)
    if (isFloat(node.dtype) && list.some((t) => t._edge) && isGradEnabled()) {
      const entry = new TapeEntry(
        op,
        p,
        list.map((t) => t._edge),
      )
      out._edge = new GradEdge(node.shape, node.dtype, entry, undefined)
      entry.outputs = [out._edge]
    }
    return out
  }
  return (list, p) => {
    checkDevices(name, 'tensors', list)
    return recorded(name, () => (half === 'keep' || !list.some(isHalf) ? apply(list, p) : inFloat32(name, list, (wide) => apply(wide, p))))
  }
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
  const op: TapeOp<Tensor> = {
    name,
    backward: (entry, grads, needed) => {
      const saved = Object.fromEntries(roles.map((role, i) => [role, entry.unpack(i, `input ${role} of ${name}`)]))
      const wanted = (role: K | O): boolean => entry.inputs[roles.indexOf(role)] !== undefined && needed(roles.indexOf(role))
      const found = ruled(ruleName(name), () => spec.vjp(grads[0] as Tensor, saved as Joint<K, O, Tensor>, wanted, entry.params as P))
      return roles.map((role) => found[role])
    },
  }
  const apply = (list: readonly (Tensor | undefined)[], p: P): Tensor => {
    const nodes = Object.fromEntries(roles.map((role, i) => [role, list[i]?._node]))
    const out = new Tensor(spec.forward(nodes as Joint<K, O, graph.Node>, p))
    if (!isGradEnabled()) return out
    const edges = roles.map((role, i) => (differentiable.includes(role) ? list[i]?._edge : undefined))
    if (edges.every((edge) => edge === undefined)) return out
    const entry = new TapeEntry<Tensor>(op, p, edges)
    list.forEach((x, i) => {
      if (x) entry.save(i, x)
    })
    out._edge = new GradEdge(out._node.shape, out._node.dtype, entry, undefined)
    entry.outputs = [out._edge]
    return out
  }
  return (tensors, p) => {
    const list = roles.map((role): Tensor | undefined => tensors[role])
    checkDevices(name, roles, list)
    return recorded(name, () => (list.some(isHalf) ? inFloat32(name, list, (wide) => apply(wide, p)) : apply(list, p)))
  }
}

/** Registers a function made of other ops. Its intermediates are its own: of 0-d results only the last is kept for reading. */
export function defineComposition<A extends unknown[]>(
  name: string,
  fn: (...args: A) => Tensor,
  { half = 'widen' }: { readonly half?: HalfPolicy } = {},
): (...args: A) => Tensor {
  register({ name, kind: 'composition', inputs: [], differentiable: [], half })
  const whole = (...args: A): Tensor => {
    const outer = beginRecording(name)
    enterQuiet()
    let out: Tensor
    try {
      out = fn(...args)
    } catch (e) {
      throw renamed(e, name)
    } finally {
      leaveQuiet()
      endRecording(outer)
    }
    if (out._node.shape.length === 0) keepScalar(out._node)
    return out
  }
  return half === 'keep' ? whole : widening(name, whole)
}

/** Runs `fn`, which records as `name` where it is no part of another function. */
function recorded<T>(name: string, fn: () => T): T {
  const outer = beginRecording(name)
  try {
    return fn()
  } finally {
    endRecording(outer)
  }
}

/** Runs what makes intermediate results that nobody can hold. */
function quietly<T>(fn: () => T): T {
  enterQuiet()
  try {
    return fn()
  } finally {
    leaveQuiet()
  }
}

// ── float16 ──

/** `x` in another dtype; on the tape. */
export const castTo: (x: Tensor, dtype: DType) => Tensor = defineOp('cast', {
  inputs: ['x'],
  forward: (x, dtype: DType) => graph.cast(x, dtype),
  vjp: { x: (g) => g }, // the driver casts back
  half: 'keep',
})

const isHalf = (x: unknown): boolean => x instanceof Tensor && x._node.dtype === 'float16'

/**
 * `fn` of `tensors`, with float32 in place of float16, and its result rounded where the common dtype of the tensors is float16. Backward goes through the
 * same casts, so that gradient rules are computed in float32 too, of values that were not rounded yet.
 */
function inFloat32<const T extends readonly (Tensor | undefined)[]>(name: string, tensors: T, fn: (wide: T) => Tensor): Tensor {
  return recorded(name, () => {
    const out = quietly(() => fn(tensors.map((x) => (x && isHalf(x) ? castTo(x, 'float32') : x)) as unknown as T))
    if (out._node.dtype === 'float32' && floatType(tensors) === 'float16') return castTo(out, 'float16')
    if (out.ndim === 0) keepScalar(out._node)
    return out
  })
}

/** {@link inFloat32} for a function whose tensors are among its arguments, or among the options there. */
function widening<A extends unknown[]>(name: string, fn: (...args: A) => Tensor): (...args: A) => Tensor {
  return (...args) => {
    if (!holdHalf(args)) return fn(...args)
    const list = [...new Set(args.flatMap(tensorsOf))]
    return inFloat32(name, list, (wide) => {
      const replaced = (x: unknown): unknown => (x instanceof Tensor ? wide[list.indexOf(x)] : x)
      return fn(...(args.map((x) => (isOptions(x) ? mapped(x, replaced) : replaced(x))) as A))
    })
  }
}

/** Whether a tensor of halves is among the arguments of a function, or among the options there. */
function holdHalf(args: readonly unknown[]): boolean {
  for (let i = 0; i < args.length; i++) {
    const x = args[i]
    if (x instanceof Tensor) {
      if (isHalf(x)) return true
    } else if (isOptions(x)) for (const key in x) if (isHalf((x as Record<string, unknown>)[key])) return true
  }
  return false
}

const isOptions = (x: unknown): x is object => typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype
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
