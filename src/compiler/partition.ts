/**
 * @file A graph cut into parts that are planned one by one, so that what comes again, in another graph or in another place of the same one, is planned once. A
 * part is a contraction or a routine with what follows from it and from what was computed before. So the parts of a time step, of a node of a tree and of one of
 * many equal layers are the same, whatever else the graph is made of.
 */
import { isSource, isView, isWidening, type Node, roleOf, rowOf } from '../graph/index.ts'
import { topological } from './order.ts'
import { transposesProduct } from './rewrite.ts'

/** Primitives of a part, from which on another is begun. */
const LONGEST_PART = 128

export interface Part {
  /** What is computed and what it is made of, topological; views are in each part that looks through them. */
  readonly order: readonly Node[]
  /** Where the nodes of `order` stand in the graph's order. */
  readonly places: Int32Array
  /** Nodes of `order` that other parts compute. */
  readonly read: ReadonlySet<Node>
  /** What other parts read, or is wanted. */
  readonly targets: readonly Node[]
}

/**
 * @param order topological, sources included; each node's `place` is its position in it
 * @param targets what is wanted
 * @returns parts in an order in which each comes after those that it reads
 */
export function partition(order: readonly Node[], targets: ReadonlySet<Node>): Part[] {
  const { home, members } = assign(order, targets)
  const wanted = new Uint8Array(order.length)
  for (const target of targets) wanted[target.place] = 1
  const made = members.map((nodes, at) => {
    const read = new Set<Node>()
    const own = topological(nodes, (node) => {
      if (isSource(node)) return true
      const other = home[node.place] as number
      if (other === at || other === FLOATING) return false
      read.add(node)
      wanted[node.place] = 1
      return true
    })
    return { order: own, places: Int32Array.from(own, (node) => node.place), read, nodes }
  })
  return made.map(({ nodes, ...part }) => ({ ...part, targets: nodes.filter((node) => wanted[node.place]) }))
}

/** The home of what is in no part of its own. */
const FLOATING = -1

/** Whether a node is computed where it is read, in every part that reads it: a float16 is widened there. */
const floats = (node: Node, targets: ReadonlySet<Node>): boolean =>
  (isView(node) || isWidening(node) || rowOf(node.primitive).recomputed) && !targets.has(node)

/** The part of each node that is computed in one, by the node's place, and the nodes of each part in the order in which they were recorded. */
function assign(order: readonly Node[], targets: ReadonlySet<Node>): { readonly home: Int32Array; readonly members: readonly Node[][] } {
  const home = new Int32Array(order.length).fill(FLOATING)
  const readers = new Int32Array(order.length)
  for (const { inputs } of order) for (const input of inputs) readers[input.place] = (readers[input.place] as number) + 1
  /** Whether a node is a product, which is computed the way it is wanted; those of halves are rounded apart. */
  const isTurned = (node: Node): boolean => {
    const [x] = node.inputs as readonly [Node]
    return isView(node) && transposesProduct(node, x) && node.dtype !== 'float16' && readers[x.place] === 1 && !targets.has(x)
  }
  /** For all nodes, the last part that they need. */
  const needs = new Int32Array(order.length).fill(-1)
  const members: Node[][] = []
  /** The part in which one goes on that is long enough. */
  const rest: (number | undefined)[] = []
  const begin = (): number => members.push([]) - 1
  const sliceUnder = slicesOfMany(order)
  /** What is made of one of many slices of a value: the parts begun for them. */
  const ofSlice = new Map<Node, number>()
  const beginOf = (slice: Node): number => {
    const known = ofSlice.get(slice) ?? begin()
    ofSlice.set(slice, known)
    return known
  }
  let before: Node | undefined
  for (const node of [...order].sort((a, b) => a.id - b.id)) {
    if (isSource(node)) continue
    let at = -1
    for (const input of node.inputs) at = Math.max(at, needs[input.place] as number)
    if (!floats(node, targets) || isTurned(node)) {
      if (begins(node) || joinsParts(node, needs)) at = before && sameRoutine(node, before) ? (home[before.place] as number) : begin()
      else {
        for (const input of node.inputs) {
          const slice = sliceUnder.get(input)
          if (slice) at = Math.max(at, beginOf(slice))
        }
        if (at < 0) at = members.length > 0 ? members.length - 1 : begin()
      }
      while ((members[at] as Node[]).length >= LONGEST_PART) at = rest[at] ??= begin()
      members[at]?.push(node)
      home[node.place] = at
      before = node
    }
    needs[node.place] = at
  }
  return { home, members }
}

/** Views of a value from which on each slice is one of many: of a sequence, not of gates. */
const MANY = 8

/** The slice that each view shows, where it is one of many of a value: what follows from each of them is a part, whose like comes again for the others. */
function slicesOfMany(order: readonly Node[]): ReadonlyMap<Node, Node> {
  const counts = new Map<Node, number>()
  const isSlice = ({ storage, primitive }: Node): boolean => !storage && primitive.kind === 'slice'
  for (const node of order) {
    if (!isSlice(node)) continue
    const [base] = node.inputs as readonly [Node]
    counts.set(base, (counts.get(base) ?? 0) + 1)
  }
  const shown = new Map<Node, Node>()
  for (const node of order) {
    if (node.storage || !isView(node)) continue
    const [x] = node.inputs as readonly [Node]
    const slice = isSlice(node) && (counts.get(x) as number) > MANY ? node : shown.get(x)
    if (slice) shown.set(node, slice)
  }
  return shown
}

/** Whether a node adds what two parts compute: in sums over a path or a tree, as gradients are, their number changes, and each addition is the same part. */
function joinsParts({ primitive, inputs }: Node, needs: Int32Array): boolean {
  if (primitive.kind !== 'binary' || primitive.op !== 'add') return false
  const [a, b] = inputs.map(({ place }) => needs[place] as number) as [number, number]
  return a >= 0 && b >= 0 && a !== b
}

/** Whether a node is the first of a part. */
function begins(node: Node): boolean {
  switch (roleOf(node)) {
    case 'contract':
    case 'routine':
      return true
    case 'source':
    case 'view':
    case 'pointwise':
    case 'reduce':
    case 'pack':
    case 'transfer':
      return false
  }
}

/** Whether two nodes are outputs of one routine, which are computed together. */
function sameRoutine(node: Node, before: Node): boolean {
  const [a, b] = [node.primitive, before.primitive]
  return a.kind === 'routine' && b.kind === 'routine' && a.routine === b.routine && node.inputs === before.inputs
}
