/**
 * @file Backward: the tape walked from the results to the leaves. Entries are visited in descending serial order, so every gradient is complete before it
 * is handed on. The driver fits each rule's result to its input (sums what was broadcast, casts back), and sums what arrives from several sides.
 */
import { AutogradError, isHalf, ShapeError, sameShape, showShape } from '../base/index.ts'
import { Fence, recordedNodes } from '../graph/index.ts'
import { add, cast, checkDevices, sumTo } from '../ops/index.ts'
import {
  alias,
  beginRound,
  followed,
  type GradEdge,
  inWalk,
  limitWaiting,
  noteTape,
  recordedAs,
  type TapeEntry,
  type TapeWalk,
  Tensor,
  withoutAutocast,
} from '../tensor/index.ts'

type Edge = GradEdge<Tensor>
type Entry = TapeEntry<Tensor>

export interface Walk {
  /** Keep what the entries saved, for another backward. */
  readonly retainGraph: boolean
  /** Record the gradients' own ops, for gradients of gradients. */
  readonly createGraph: boolean
  /** Only these edges are wanted, and no leaf's `grad` is touched; without it, all leaves are. */
  readonly targets?: ReadonlySet<Edge>
}

let walks = 0

/** What code is part of whose `backward()` would be run twice, by its public name. */
let runTwice: string | undefined

/** Runs what may run a second time, so that gradients may not be accumulated in it. `name` is the public function. */
export function refusingBackward<T>(name: string, fn: () => T): T {
  const before = runTwice
  runTwice = name
  try {
    return fn()
  } finally {
    runTwice = before
  }
}

/** Throws for a leaf that has changed its shape (`squeeze_`) since it was used. */
function checkLeaf(edge: Edge, leaf: Tensor): void {
  if (edge.reshaped === (leaf._edge ?? edge).reshaped && sameShape(edge.shape, leaf.shape)) return
  throw new AutogradError(
    'backward',
    `a leaf ${showShape(leaf.shape)} has changed its shape in place since it was used, when it was ${showShape(edge.shape)}: its gradient would be that of then`,
  )
}

/** Every entry from which gradient can reach a wanted edge, by descending serial; the edges wanted on the way. */
function plan(roots: readonly Edge[], targets: ReadonlySet<Edge> | undefined): { entries: Entry[]; wanted: ReadonlySet<Edge> | undefined } {
  const walk = ++walks
  const entries: Entry[] = []
  const visit = (edge: Edge | undefined): void => {
    if (edge?.leaf !== undefined) checkLeaf(edge, edge.leaf)
    const entry = edge?.entry
    if (entry === undefined || entry.walk === walk) return
    entry.walk = walk
    entries.push(entry)
  }
  for (const root of roots) visit(root)
  for (let i = 0; i < entries.length; i++) {
    const { inputs } = entries[i] as Entry
    for (let k = 0; k < inputs.length; k++) visit(inputs[k])
  }
  entries.sort((a, b) => b.serial - a.serial)
  if (targets === undefined) return { entries, wanted: undefined }

  // From the leaves upwards: an entry is on a path when one of its inputs is wanted, and then so are its outputs.
  const wanted = new Set(targets)
  const onPath = entries.reverse().filter((entry) => {
    // (a freed entry has no inputs any more; the walk will say so)
    const reaches = entry.freed || entry.inputs.some((edge) => edge !== undefined && wanted.has(edge))
    if (reaches) for (const output of entry.outputs) wanted.add(output)
    return reaches
  })
  return { entries: onPath.reverse(), wanted }
}

/** A rule's result summed over broadcast dims, to the shape of the input it is for; of halves in float32. */
function sumBroadcast(grad: Tensor, edge: Edge): Tensor {
  if (sameShape(grad.shape, edge.shape)) return grad
  return sumTo(isHalf(grad.dtype) ? cast(grad, 'float32') : grad, edge.shape)
}

/** An edge's complete gradient, after its hooks. */
function settle(edge: Edge, grad: Tensor): Tensor {
  if (edge.hooks === undefined && edge.retained === undefined) return grad
  let g = grad
  for (const hook of edge.hooks ?? []) {
    const answer = hook(g)
    if (answer === undefined) continue
    if (!(answer instanceof Tensor))
      throw new AutogradError(
        'registerHook',
        'a hook answers a Tensor or nothing (an async function answers a promise, which comes too late)',
      )
    if (!sameShape(answer.shape, edge.shape)) {
      throw new ShapeError('registerHook', `the hook answered ${showShape(answer.shape)} for a gradient of ${showShape(edge.shape)}`, [
        answer.shape,
        edge.shape,
      ])
    }
    checkDevices('registerHook', ['the gradient', "the hook's answer"], [g, answer])
    g = cast(sumBroadcast(answer, edge), edge.dtype)
  }
  if (edge.retained) edge.retained.grad = alias(g)
  return g
}

/** Runs backward from `roots`, whose gradients are `grads`; returns the gradients of the targets, if there are any. */
export function walk(roots: readonly Tensor[], grads: readonly Tensor[], options: Walk): Map<Edge, Tensor> {
  const { createGraph, retainGraph, targets } = options
  if (runTwice !== undefined && targets === undefined) {
    throw new AutogradError(
      'backward',
      `inside a function given to ${runTwice}, which runs it again, gradients would be accumulated twice. Use grad(), or call backward() outside`,
    )
  }
  const arrived = new Map<Edge, Tensor>()
  const results = new Map<Edge, Tensor>()
  /** What arrived, before it was summed, for who follows. */
  const parts = followed() && new Map<Edge, Tensor[]>()
  const arrive = (edge: Edge, part: Tensor): void => {
    parts?.set(edge, [...(parts.get(edge) ?? []), part])
    const grad = sumBroadcast(part, edge)
    const before = arrived.get(edge)
    // (of halves in float32)
    arrived.set(edge, before ? add(isHalf(before.dtype) ? cast(before, 'float32') : before, grad) : grad)
  }
  /** Takes an edge's gradient, complete, out of what arrived. */
  const complete = (edge: Edge): Tensor | undefined => {
    const grad = arrived.get(edge)
    if (grad === undefined) return undefined
    arrived.delete(edge)
    const whole = cast(grad, edge.dtype) // rounded once, when all of it is there
    followed()?.sum(edge, parts?.get(edge) ?? [grad], whole)
    parts?.delete(edge)
    const g = settle(edge, whole)
    if (targets?.has(edge)) results.set(edge, g)
    return g
  }

  /** The gradients for which the rules are applied now. */
  let flowing: readonly (Tensor | undefined)[] = roots
  let last: Fence | undefined
  const here: TapeWalk = {
    fence: () => {
      // What had been recorded at the last fence was found by then
      const isNew = (x: Tensor): boolean => x._node.storage === undefined && x._node.id > (last?.at ?? 0)
      const found = [...(last ? [] : roots), ...arrived.values(), ...flowing.flatMap((g) => g ?? [])]
      last = new Fence(
        found.filter(isNew).map((x) => x._node),
        last,
      )
      return last
    },
  }
  const before = recordedNodes()
  const brought = new Set<unknown>()
  const work = (): Map<Edge, Tensor> =>
    withoutAutocast(createGraph, () => {
      const { entries, wanted } = plan(
        roots.map((root) => edgeOf(root)),
        targets,
      )
      roots.forEach((root, i) => {
        arrive(edgeOf(root), grads[i] as Tensor)
      })
      const needed = (edge: Edge | undefined): boolean => edge !== undefined && (wanted === undefined || wanted.has(edge))
      for (const entry of entries) {
        const flowed = gradientsOf(entry, complete)
        if (flowed === undefined) continue
        if (entry.freed) {
          throw new AutogradError(
            'backward',
            `the graph was walked before, and what ${entry.name} saved has been freed. Pass { retainGraph: true } to the first backward()${sited(entry)}`,
          )
        }
        flowing = flowed
        const found = entry.op.backward(entry, flowed, needed)
        followed()?.rule(entry, flowed, found)
        noteTape()
        limitWaiting(entry.op.name, true)
        const { inputs } = entry
        for (let i = 0; i < inputs.length; i++) {
          const edge = inputs[i]
          const g = found[i]
          if (edge !== undefined && g !== undefined && needed(edge)) arrive(edge, g)
        }
        if (!retainGraph) entry.free()
      }
      // What is left arrived at leaves.
      for (const edge of [...arrived.keys()]) {
        const g = complete(edge) as Tensor
        const leaf = edge.leaf
        if (leaf === undefined || targets) continue
        const total = leaf.grad ? add(leaf.grad, g) : g
        if (leaf.grad) followed()?.sum(edge, [leaf.grad, g], total)
        // A handle of its own: changing p.grad in place must not reach another tensor
        const shared = createGraph || edge.hooks !== undefined || edge.retained !== undefined || total._node.id <= before
        leaf._bring(total._node, shared || brought.has(total._node))
        brought.add(total._node)
        ;(leaf.grad as Tensor)._edge = total._edge
      }
      return results
    })
  beginRound()
  return recordedAs(targets ? 'grad' : 'backward', () => inWalk(here, work))
}

/** The complete gradients of an entry's outputs; undefined where nothing flowed to any. */
function gradientsOf(entry: Entry, complete: (edge: Edge) => Tensor | undefined): readonly (Tensor | undefined)[] | undefined {
  const { outputs } = entry
  const flowed = new Array<Tensor | undefined>(outputs.length)
  let any = false
  for (let i = 0; i < outputs.length; i++) {
    const g = complete(outputs[i] as Edge)
    flowed[i] = g
    if (g !== undefined) any = true
  }
  return any ? flowed : undefined
}

const sited = ({ site }: Entry): string => (site ? `. It was recorded by ${site.path.join(' > ')}, called at ${site.line}` : '')

export function edgeOf(x: Tensor, op = 'backward'): Edge {
  if (x._edge) return x._edge
  throw new AutogradError(
    op,
    `nothing to differentiate: the tensor ${showShape(x.shape)} does not require grad, and no op that does made it (is it a detach(), or made under noGrad?)`,
  )
}
