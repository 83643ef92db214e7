/**
 * @file The one place that every op passes, by its name, with its inputs, outputs and parameters: defined ops, views and `autograd.Function`. Here outputs are
 * checked, and an entry goes on the tape where a gradient is wanted. What wants to know of every op is called from {@link record}; the compositions that an
 * op is a part of are the scopes around it (`src/base/scope.ts`).
 */
import { checkElements, enterScope, isFloat, leaveScope, MOST_ELEMENTS, replaceScope, type Shape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { isGradEnabled } from './modes.ts'
import { type Backward, GradEdge, TapeEntry, type TapeOp } from './tape.ts'
import { share, type Tensor } from './tensor.ts'
import type { ViewRule } from './views.ts'

/** What an op may have beside its name and its gradients. */
export interface OpTraits {
  /** Bit i is set where input i has a gradient. Default: all have. */
  readonly differentiable?: number
  /** For each input, the positions (of inputs, then outputs) that its gradient reads, in bits. Default: nothing is read. */
  readonly reads?: readonly number[]
  /** PyTorch gives a view of the first input here: how it is one. */
  readonly view?: ViewRule<Tensor> | undefined
  /** The result is a view that its only readers reduce, never a value of its own: it may have more elements than a tensor. */
  readonly virtual?: boolean
}

/** An op, as it is recorded. */
export class Op implements TapeOp<Tensor> {
  readonly name: string
  readonly backward: Backward<Tensor>
  readonly differentiable: number
  readonly reads: readonly number[]
  readonly view: ViewRule<Tensor> | undefined
  readonly virtual: boolean

  constructor(name: string, backward: Backward<Tensor>, { differentiable = -1, reads = [], view, virtual = false }: OpTraits = {}) {
    this.name = name
    this.backward = backward
    this.differentiable = differentiable
    this.reads = reads
    this.view = view
    this.virtual = virtual
  }
}

type Inputs = (Tensor | undefined)[]

/** Sees each op that is recorded. */
export type Observer = (op: Op, inputs: readonly (Tensor | undefined)[], outputs: readonly Tensor[], params: unknown) => void
let observed: Observer | undefined

/** Runs `fn`; `observer` sees each op that it records, and so does who saw them before. */
export function observe<T>(observer: Observer, fn: () => T): T {
  const outer = observed
  observed = outer
    ? (...recorded) => {
        observer(...recorded)
        outer(...recorded)
      }
    : observer
  try {
    return fn()
  } finally {
    observed = outer
  }
}

/** Sees what is computed, wherever it comes from, also in async functions. */
export interface Follower {
  readonly op: Observer
  /** A gradient rule was given gradients, and gave some. */
  rule(entry: TapeEntry<Tensor>, flowed: readonly (Tensor | undefined)[], found: readonly (Tensor | undefined)[]): void
  /** What arrived at an edge, or at a leaf in several walks, was summed. */
  sum(edge: GradEdge<Tensor>, parts: readonly Tensor[], total: Tensor): void
}
let follower: Follower | undefined
export const followed = (): Follower | undefined => follower
/** From now on `by` sees all that is recorded; nobody without it. */
export function follow(by: Follower | undefined): void {
  follower = by
}

/**
 * Records that `op` made `outputs` of `inputs`, an array that is the tape's from now on. Returns the entry, where there is one on the tape.
 * @throws ShapeError where an output is too large
 */
export function record(op: Op, inputs: Inputs, outputs: readonly Tensor[], params: unknown): TapeEntry<Tensor> | undefined {
  for (const out of outputs) {
    const same = inputs.find((x) => x?._node === out._node)
    if (!settle(op, same ?? inputs[0], inputs[1], out, params)) refuse(op, inputs, outputs, out)
  }
  const tracked = inputs.some((x, i) => x?._edge !== undefined && op.differentiable & (1 << i))
  const traced = tracked && outputs.some((out) => isFloat(out._node.dtype)) && isGradEnabled()
  // (of the array itself the tape keeps only what gradients read)
  const given = observed !== undefined || follower !== undefined ? inputs.slice() : inputs
  const entry = traced ? trace(op, inputs, outputs, params) : undefined
  if (observed !== undefined) observed(op, given, outputs, params)
  if (follower !== undefined) follower.op(op, given, outputs, params)
  if (graph.waitingNodes() > MOST_WAITING.plain) limitWaiting(op.name)
  return entry
}

/** As {@link record}, of one output of one tensor or two, which is what nearly all ops have: arrays are made only for the tape. */
export function recordOne(op: Op, a: Tensor, b: Tensor | undefined, out: Tensor, params: unknown): void {
  if (!settle(op, a, b, out, params)) refuse(op, inputsOf(a, b), [out], out)
  const { differentiable } = op
  const tracked = (a._edge !== undefined && differentiable & 1) || (b?._edge !== undefined && differentiable & 2)
  if (tracked && isFloat(out._node.dtype) && isGradEnabled()) trace(op, inputsOf(a, b), [out], params)
  if (observed !== undefined) observed(op, inputsOf(a, b), [out], params)
  if (follower !== undefined) follower.op(op, inputsOf(a, b), [out], params)
  if (graph.waitingNodes() > MOST_WAITING.plain) limitWaiting(op.name)
}

const inputsOf = (a: Tensor, b: Tensor | undefined): Inputs => (b === undefined ? [a] : [a, b])

/** Settles whether an output is a value of its own or another handle on that of `a` or `b`. Returns whether a tensor may be so large. */
function settle(op: Op, a: Tensor | undefined, b: Tensor | undefined, out: Tensor, params: unknown): boolean {
  const node = out._node
  const { shape } = node
  const x = a?._node
  const y = b?._node
  if (x === node || y === node) share(node)
  if (op.view !== undefined) out._viewOf(a as Tensor, op.view, params)
  if (shape.length === 0) keepScalar(node)
  else if (x?.shape !== shape && y?.shape !== shape && rules === 0 && !op.virtual) return sizeOf(shape) <= MOST_ELEMENTS
  return true
}

/** Puts an entry on the tape, with what the gradients of the tracked inputs will read. */
function trace(op: Op, inputs: Inputs, outputs: readonly Tensor[], params: unknown): TapeEntry<Tensor> {
  const { reads, differentiable } = op
  const n = inputs.length
  const edges: (GradEdge<Tensor> | undefined)[] = n === 1 ? [undefined] : n === 2 ? [undefined, undefined] : new Array(n)
  let read = 0
  for (let i = 0; i < n; i++) {
    const edge = differentiable & (1 << i) ? inputs[i]?._edge : undefined
    edges[i] = edge
    if (edge !== undefined && i < reads.length) read |= reads[i] as number
  }
  const entry = new TapeEntry<Tensor>(op, params, edges)
  noteTape()
  entry.outputs = outputs.length === 1 ? [edgeTo(entry, outputs[0] as Tensor)] : outputs.map((out) => edgeTo(entry, out))
  if (read !== 0) entry.save(savedFor(read, inputs, outputs))
  return entry
}

/** The inputs and outputs at the positions of `read`, which has a bit for each. */
function savedFor(read: number, inputs: Inputs, outputs: readonly Tensor[]): Inputs {
  const n = inputs.length
  // (no other array where no output is read, which is what most ops are like)
  const saved = read < 1 << n ? inputs : n === 1 && outputs.length === 1 ? [inputs[0], outputs[0]] : inputs.concat(outputs)
  for (let k = 0; k < saved.length; k++) if (!(read & (1 << k))) saved[k] = undefined
  return saved
}

function edgeTo(entry: TapeEntry<Tensor>, out: Tensor): GradEdge<Tensor> {
  const { shape, dtype } = out._node
  const edge = new GradEdge<Tensor>(shape, dtype, entry, undefined)
  if (isFloat(dtype)) out._edge = edge
  return edge
}

// ── sizes ──

/** How many gradient rules are being applied, one within another: what they make on the way to a gradient is never a value of its own. */
let rules = 0

/** Enters the scope of a gradient rule. Returns what {@link leaveRule} takes. */
export function enterRule(name: string): number {
  rules++
  return replaceScope(name)
}
export function leaveRule(entered: number): void {
  rules--
  leaveScope(entered)
}

/** Throws where a result would have more elements than a tensor may, and is not on the way to a gradient. */
export function checkSize(op: string, shape: Shape): void {
  if (rules === 0) checkElements(op, shape)
}

/** Throws for an output that is too large; all and what led to them are given up. */
function refuse(op: Op, inputs: Inputs, outputs: readonly Tensor[], large: Tensor): void {
  for (const each of outputs) graph.forget(each._node)
  // What only this call has read so far is stored as if it had not been read
  for (const x of inputs) if (x) graph.keep(x._node)
  checkSize(op.name, large.shape)
}

// ── how much may wait ──

/**
 * So many nodes may wait to be computed. On the tape there may be more: what the gradients will read is not stored where the graph is cut, but computed again.
 * (Tests set other numbers.)
 */
export const MOST_WAITING = { plain: 4096, tape: 64 * 4096 }
/** The node that had been recorded last when something last went on the tape, or came from it. */
let lastOfTape = 0

/** What is recorded now belongs to the tape. */
export function noteTape(): void {
  lastOfTape = graph.recordedNodes()
}

/** Has what waits computed, where it is too much. Within a function that is made of others only a walk of the tape asks for it. */
export function limitWaiting(op: string, walking = false): void {
  if (functions > 0 && !walking) return
  const bound = lastOfTape > graph.lastTaken() ? MOST_WAITING.tape : MOST_WAITING.plain
  if (graph.waitingNodes() > bound) runtime.runAhead(op, bound)
}

// ── intermediate results ──

/** How many functions are being run whose results on the way are their own: nobody can hold them. */
let functions = 0

/** A 0-d result may be a loss that is read at any later time: it is stored with its step. */
export function keepScalar(node: graph.Node): void {
  if (functions > 0 || node.storage !== undefined) return
  if (graph.roleOf(node) !== 'source') graph.keep(node)
}

/** Calls `fn` in the scope of `op`. What it makes on the way is intermediate. */
export function partOf<A extends readonly unknown[], T>(op: string, fn: (...args: A) => T, args: A): T {
  const entered = enterScope(op)
  functions++
  try {
    return fn(...args)
  } finally {
    functions--
    leaveScope(entered)
  }
}

/** As {@link partOf}, in the name of `op` whatever it is a part of: a walk of the tape, an optimizer's step. */
export function recordedAs<T>(op: string, fn: () => T): T {
  const entered = replaceScope(op)
  functions++
  try {
    return fn()
  } finally {
    functions--
    leaveScope(entered)
  }
}
