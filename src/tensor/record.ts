/**
 * @file The one place that every op passes, by its name, with its inputs, outputs and parameters: defined ops, views and `autograd.Function`. Here outputs are
 * checked, and an entry goes on the tape where a gradient is wanted. What wants to know of every op is called from {@link record}; the compositions that an
 * op is a part of are the scopes around it (`src/base/scope.ts`).
 */
import { checkElements, enterScope, isFloat, leaveScope, MOST_ELEMENTS, replaceScope, type Shape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { isGradEnabled } from './modes.ts'
import { type Backward, GradEdge, TapeEntry, type TapeOp } from './tape.ts'
import { share, type Tensor } from './tensor.ts'

/** What an op may have beside its name and its gradients. */
export interface OpTraits {
  /** For each input, the positions (of inputs, then outputs) that its gradient reads; undefined where there is no gradient. Default: gradients for all, which read nothing. */
  readonly reads?: readonly (readonly number[] | undefined)[]
  /** PyTorch gives a view of the first input here; in place on it would not reach the original, and is refused. */
  readonly view?: boolean
  /** The result is a view that its only readers reduce, never a value of its own: it may have more elements than a tensor. */
  readonly virtual?: boolean
}

/** An op, as it is recorded. */
export class Op implements TapeOp<Tensor> {
  readonly name: string
  readonly backward: Backward<Tensor>
  readonly reads: OpTraits['reads']
  readonly view: boolean
  readonly virtual: boolean

  constructor(name: string, backward: Backward<Tensor>, { reads, view = false, virtual = false }: OpTraits = {}) {
    this.name = name
    this.backward = backward
    this.reads = reads
    this.view = view
    this.virtual = virtual
  }
}

/** Records that `op` made `outputs` of `inputs`. Returns the entry, where there is one on the tape. @throws ShapeError where an output is too large */
export function record(
  op: Op,
  inputs: readonly (Tensor | undefined)[],
  outputs: readonly Tensor[],
  params: unknown,
): TapeEntry<Tensor> | undefined {
  const { reads } = op
  let tracked = false
  for (let i = 0; i < inputs.length; i++) {
    if (inputs[i]?._edge !== undefined && (reads === undefined || reads[i] !== undefined)) tracked = true
  }
  for (let k = 0; k < outputs.length; k++) settle(op, inputs, outputs[k] as Tensor, outputs)
  return tracked && isGradEnabled() ? trace(op, inputs, outputs, params) : undefined
}

/** Settles what an output is: a value of its own, or another handle on an input's; of a size that a tensor may have. */
function settle(op: Op, inputs: readonly (Tensor | undefined)[], out: Tensor, outputs: readonly Tensor[]): void {
  const node = out._node
  const { shape } = node
  for (let i = 0; i < inputs.length; i++) if (inputs[i]?._node === node) share(node)
  if (shape.length === 0) keepScalar(node)
  else if (rules === 0 && shape !== inputs[0]?._node.shape && !op.virtual && sizeOf(shape) > MOST_ELEMENTS) refuse(op, inputs, out, outputs)
  if (op.view) out._viewOf(inputs[0] as Tensor)
}

/** Puts an entry on the tape, with what the gradients of the tracked inputs will read. */
function trace(
  op: Op,
  inputs: readonly (Tensor | undefined)[],
  outputs: readonly Tensor[],
  params: unknown,
): TapeEntry<Tensor> | undefined {
  if (!outputs.some(isDifferentiable)) return undefined
  const { reads } = op
  const n = inputs.length
  const edges = new Array<GradEdge<Tensor> | undefined>(n)
  for (let i = 0; i < n; i++) edges[i] = reads === undefined || reads[i] !== undefined ? inputs[i]?._edge : undefined
  const entry = new TapeEntry<Tensor>(op, params, edges)
  entry.outputs = outputs.length === 1 ? [edgeTo(entry, outputs[0] as Tensor)] : outputs.map((out) => edgeTo(entry, out))
  if (reads === undefined) return entry
  for (let i = 0; i < n; i++) {
    if (edges[i] === undefined) continue
    const positions = reads[i] as readonly number[]
    for (let j = 0; j < positions.length; j++) {
      const k = positions[j] as number
      const x = k < n ? inputs[k] : outputs[k - n]
      if (x !== undefined) entry.save(k, x)
    }
  }
  return entry
}

const isDifferentiable = (x: Tensor): boolean => isFloat(x._node.dtype)

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
export function enterRule(name: string): string {
  rules++
  return replaceScope(name)
}
export function leaveRule(outer: string): void {
  rules--
  leaveScope(outer)
}

/** Throws where a result would have more elements than a tensor may, and is not on the way to a gradient. */
export function checkSize(op: string, shape: Shape): void {
  if (rules === 0) checkElements(op, shape)
}

/** Throws for a result that is too large; it and what led to it are given up. */
function refuse(op: Op, inputs: readonly (Tensor | undefined)[], out: Tensor, outputs: readonly Tensor[]): void {
  for (const each of outputs) graph.forget(each._node)
  // What only this call has read so far is stored as if it had not been read
  for (const x of inputs) if (x) graph.keep(x._node)
  checkSize(op.name, out.shape)
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
  const outer = enterScope(op)
  functions++
  try {
    return fn(...args)
  } finally {
    functions--
    leaveScope(outer)
  }
}

/** As {@link partOf}, in the name of `op` whatever it is a part of: a walk of the tape, an optimizer's step. */
export function recordedAs<T>(op: string, fn: () => T): T {
  const outer = replaceScope(op)
  functions++
  try {
    return fn()
  } finally {
    functions--
    leaveScope(outer)
  }
}
