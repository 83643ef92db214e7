/** @file Orders of nodes and of groups: what is read comes before what reads it. Iterative, so that depth costs no stack. */
import { type Fence, isSource, type Node } from '../graph/index.ts'
import type { FusionGroup } from './fusion-groups.ts'

let walks = 0
/** The path down to a node, and for each node on it the next input to visit. */
const path: Node[] = []
const next: number[] = []
/** Whether a node has been found that comes after a fence. */
let fenced = false

/**
 * The nodes below `roots`, inputs before users, and of those the gates of a fence before what comes after it. `stop` keeps from going below a node; it walks nowhere
 * itself.
 * @param asNow what has taken the place of a gate
 */
export function topological(
  roots: readonly Node[],
  stop: (node: Node) => boolean = isSource,
  asNow: (gate: Node) => Node | undefined = asItIs,
): Node[] {
  fenced = false
  const order = walkInputs(roots, stop)
  return fenced ? walkFenced(roots, stop, asNow) : order
}

const asItIs = (gate: Node): Node => gate

function walkInputs(roots: readonly Node[], stop: (node: Node) => boolean): Node[] {
  const walk = ++walks
  const order: Node[] = []
  path.length = 0
  next.length = 0
  for (let r = 0; r < roots.length; r++) {
    enter(roots[r] as Node, walk, stop, order)
    for (let top = path.length - 1; top >= 0; top = path.length - 1) {
      const node = path[top] as Node
      const { inputs } = node
      const k = next[top] as number
      if (k < inputs.length) {
        next[top] = k + 1
        enter(inputs[k] as Node, walk, stop, order)
      } else {
        order.push(node)
        path.pop()
        next.pop()
      }
    }
  }
  return order
}

function enter(node: Node, walk: number, stop: (node: Node) => boolean, order: Node[]): void {
  if (node.walk === walk) return
  node.walk = walk
  if (stop(node)) order.push(node)
  else {
    if (node.after !== undefined) fenced = true
    path.push(node)
    next.push(0)
  }
}

/** What a node waits for: its inputs, or, of a fence, those of its gates that are among what was found. */
interface Waiting {
  readonly node: Node | undefined
  readonly inputs: readonly Node[]
  readonly fence: Fence | undefined
}

/** The nodes of the walk before, in an order in which gates come before what comes after their fence. */
function walkFenced(roots: readonly Node[], stop: (node: Node) => boolean, asNow: (gate: Node) => Node | undefined): Node[] {
  const among = walks
  const walk = ++walks
  const order: Node[] = []
  const stack: { readonly of: Waiting; next: number }[] = []
  const enterFenced = (node: Node): void => {
    if (node.walk !== among) return
    node.walk = walk
    if (stop(node)) order.push(node)
    else stack.push({ of: { node, inputs: node.inputs, fence: node.after }, next: node.after ? -1 : 0 })
  }
  const pass = (fence: Fence): void => {
    if (fence.walk === walk) return
    fence.walk = walk
    const gates = fence.gates.flatMap((gate) => asNow(gate) ?? [])
    stack.push({ of: { node: undefined, inputs: gates, fence: fence.before }, next: fence.before ? -1 : 0 })
  }
  for (const root of roots) {
    enterFenced(root)
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const { node, inputs, fence } = top.of
      const k = top.next++
      if (k < 0) pass(fence as Fence)
      else if (k < inputs.length) enterFenced(inputs[k] as Node)
      else {
        if (node) order.push(node)
        stack.pop()
      }
    }
  }
  return order
}

/** Positions of nodes, the one that was recorded first first. */
export function byTime(order: readonly Node[]): Float64Array {
  const { length } = order
  // (an array of numbers is sorted without calls of a function; what is divided by a power of two is exact, and much quicker than a remainder)
  const scale = 2 ** Math.ceil(Math.log2(length))
  const keys = new Float64Array(length)
  for (let i = 0; i < length; i++) keys[i] = (order[i] as Node).id * scale + i
  keys.sort()
  for (let i = 0; i < length; i++) {
    const key = keys[i] as number
    keys[i] = key - Math.floor(key / scale) * scale
  }
  return keys
}

/** Groups with what they read before them (packs have no kernel, but pass dependence on). */
export function orderGroups(groups: Iterable<FusionGroup>): FusionGroup[] {
  const real = new Set(groups)
  const order: FusionGroup[] = []
  const seen = new Set<FusionGroup>()
  for (const root of real) {
    if (seen.has(root)) continue
    seen.add(root)
    const stack = [{ group: root, deps: root.deps.values() }]
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const { value: dep, done } = top.deps.next()
      if (done) {
        if (real.has(top.group)) order.push(top.group)
        stack.pop()
      } else if (!seen.has(dep)) {
        seen.add(dep)
        stack.push({ group: dep, deps: dep.deps.values() })
      }
    }
  }
  return order
}
