/**
 * @file A graph cut into parts that are planned one by one, so that what comes again, in another graph or in another place of the same one, is planned once. A
 * part is a contraction or a routine with what follows from it and from what was computed before. So the parts of a time step, of a node of a tree and of one of
 * many equal layers are the same, whatever else the graph is made of.
 */
import { isSource, isView, isWidening, type Node, roleOf, rowOf } from '../graph/index.ts'
import { topological } from './order.ts'

/** Primitives of a part, from which on another is begun. */
const LONGEST_PART = 128

export interface Part {
  /** What is computed and what it is made of, topological; views are in each part that looks through them. */
  readonly order: readonly Node[]
  /** Nodes of `order` that other parts compute. */
  readonly read: ReadonlySet<Node>
  /** What other parts read, or is wanted. */
  readonly targets: Node[]
}

/**
 * @param order topological, sources included
 * @param targets what is wanted
 * @returns parts in an order in which each comes after those that it reads
 */
export function partition(order: readonly Node[], targets: ReadonlySet<Node>): Part[] {
  const home = assign(order, targets)
  const parts: { nodes: Node[]; part?: Part }[] = []
  const recorded = order.filter((node) => home.has(node)).sort((a, b) => a.id - b.id)
  for (const node of recorded) {
    const at = home.get(node) as number
    while (parts.length <= at) parts.push({ nodes: [] })
    parts[at]?.nodes.push(node)
  }
  const wanted = new Set<Node>()
  const made = parts.flatMap(({ nodes }, at) => {
    if (nodes.length === 0) return []
    const read = new Set<Node>()
    const own = topological(nodes, (node) => {
      if (isSource(node)) return true
      const other = home.get(node)
      if (other === undefined || other === at) return false
      read.add(node)
      wanted.add(node)
      return true
    })
    return [{ order: own, read, nodes }]
  })
  return made.map(({ order: own, read, nodes }) => ({ order: own, read, targets: nodes.filter((n) => targets.has(n) || wanted.has(n)) }))
}

/** Whether a node is computed where it is read, in every part that reads it: a float16 is widened there. */
const floats = (node: Node, targets: ReadonlySet<Node>): boolean =>
  (isView(node) || isWidening(node) || rowOf(node.primitive).recomputed) && !targets.has(node)

/** The part of each node that is computed in one. */
function assign(order: readonly Node[], targets: ReadonlySet<Node>): ReadonlyMap<Node, number> {
  const home = new Map<Node, number>()
  /** For all nodes, the last part that they need. */
  const needs = new Map<Node, number>()
  const sizes: number[] = []
  /** The part in which one goes on that is long enough. */
  const rest: number[] = []
  const begin = (): number => sizes.push(0) - 1
  let before: Node | undefined
  for (const node of [...order].sort((a, b) => a.id - b.id)) {
    let at = -1
    for (const input of node.inputs) at = Math.max(at, needs.get(input) ?? -1)
    if (!isSource(node) && !floats(node, targets)) {
      at = begins(node)
        ? sameRoutine(node, before)
          ? (home.get(before as Node) as number)
          : begin()
        : at >= 0
          ? at
          : Math.max(0, sizes.length - 1)
      if (sizes.length === 0) begin()
      while ((sizes[at] as number) >= LONGEST_PART) at = rest[at] ??= begin()
      sizes[at] = (sizes[at] as number) + 1
      home.set(node, at)
      before = node
    }
    needs.set(node, at)
  }
  return home
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
function sameRoutine(node: Node, before: Node | undefined): boolean {
  const [a, b] = [node.primitive, before?.primitive]
  return a.kind === 'routine' && b?.kind === 'routine' && a.routine === b.routine && node.inputs === before?.inputs
}
