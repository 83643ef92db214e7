/**
 * @file What a graph that is planned whole rounds to a half again. Autocast rounds what a product takes; the product of the backward pass takes the same half, which
 * would be kept until then beside the value that it was made of, where backward reads that too.
 */
import { Fence, isSource, isView, isWidening, type Node, roleOf, viewBase } from '../graph/index.ts'
import { bytesOf, INSTEAD, isRounding, OriginSearch, rounding } from './origin.ts'

/** A half that is computed again, for readers that come much later. */
export interface RoundedAgain {
  readonly half: Node
  /** What is computed again with it, on the way from what is stored; the half itself is the first. */
  readonly way: readonly Node[]
  readonly after: Fence
}

/**
 * What is computed again, by the nodes that read it then, views among them: halves that products read much later than others do, where that holds on to what they are
 * made of for less, in bytes and nodes, than it saves.
 * @param order topological
 */
export function roundedLater(order: readonly Node[], targets: ReadonlySet<Node>): ReadonlyMap<Node, RoundedAgain> {
  const halves = order.filter((node) => !isSource(node) && isRounding(node) && !targets.has(node))
  const later = new Map<Node, RoundedAgain>()
  if (halves.length === 0) return later
  const places = new Map(order.map((node, i) => [node, i]))
  const placeOf = (node: Node): number => places.get(node) as number
  const last = lastReads(order, placeOf)
  const readers = readersOf(order, halves)
  /** What is stored in any case; and what is read late may be. */
  const isStored = (node: Node): boolean => isSource(node) || targets.has(node) || !isElementwise(node)
  const isKept = (node: Node): boolean => isStored(node) || (last[placeOf(node)] as number) - placeOf(node) > rounding.nodes
  const searches = [isKept, isStored].map((ends) => new OriginSearch(ends, true))
  for (const half of halves) {
    const late = lateReaders(half, readers, (reader) => placeOf(reader) - placeOf(half) > rounding.nodes)
    const gate = late.length === 0 ? undefined : gateOf(half, late, readers, placeOf)
    if (!gate) continue
    const search = searches.find((each) => each.originOf(half, INSTEAD))
    const origin = search?.originOf(half, INSTEAD)
    if (!search || !origin) continue
    const base = viewBase(origin)
    const [until, first] = [last[placeOf(half)] as number, placeOf(half)]
    const longer = isSource(base) ? 0 : until - Math.max(last[placeOf(base)] as number, placeOf(base))
    if (2 * longer * bytesOf(base) >= (until - first) * bytesOf(half)) continue
    const again = { half, way: search.way, after: new Fence([gate], late[0]?.after) }
    for (const reader of late) later.set(reader, again)
  }
  return later
}

/** Whether a node shows a half: a view, or the half as a float, as which products take it. */
const shows = (node: Node): boolean => isView(node) || isWidening(node)

/** What a node shows. */
export function shownBy(node: Node): Node {
  let base = node
  while (!isSource(base) && shows(base)) base = base.inputs[0] as Node
  return base
}

const isElementwise = (node: Node): boolean => roleOf(node) === 'pointwise' || isView(node)

/** By place, where a node is read last, through views and as a float. */
function lastReads(order: readonly Node[], placeOf: (node: Node) => number): Int32Array {
  const last = new Int32Array(order.length)
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node
    if (isSource(node)) continue
    const by = shows(node) ? (last[i] as number) : i
    for (const input of node.inputs) last[placeOf(input)] = Math.max(last[placeOf(input)] as number, by)
  }
  return last
}

/** What reads halves, and views of them. */
function readersOf(order: readonly Node[], halves: readonly Node[]): ReadonlyMap<Node, readonly Node[]> {
  const readers = new Map<Node, Node[]>(halves.map((half) => [half, []]))
  for (const node of order) {
    if (isSource(node)) continue
    for (const input of node.inputs) {
      const known = readers.get(input)
      if (!known) continue
      known.push(node)
      if (shows(node)) readers.set(node, readers.get(node) ?? [])
    }
  }
  return readers
}

/** What reads a half late, itself or an early view of it. */
function lateReaders(half: Node, readers: ReadonlyMap<Node, readonly Node[]>, isLate: (reader: Node) => boolean): Node[] {
  const late = new Set<Node>()
  const visit = (node: Node): void => {
    for (const reader of readers.get(node) ?? []) {
      if (isLate(reader)) late.add(reader)
      else if (shows(reader)) visit(reader)
    }
  }
  visit(half)
  return [...late]
}

/**
 * What the first of late readers, which are to be products, takes beside the half: with it done, the half is wanted. (It cannot depend on one of them.)
 * @param late views among them
 */
function gateOf(
  half: Node,
  late: readonly Node[],
  readers: ReadonlyMap<Node, readonly Node[]>,
  placeOf: (node: Node) => number,
): Node | undefined {
  let first: Node | undefined
  const visit = (reader: Node): boolean => {
    if (shows(reader)) return (readers.get(reader) ?? []).every(visit)
    if (roleOf(reader) !== 'contract') return false
    if (!first || placeOf(reader) < placeOf(first)) first = reader
    return true
  }
  if (!late.every(visit) || !first) return undefined
  const others = first.inputs.map(shownBy).filter((base) => base !== half && !isSource(base))
  return others.length === 1 ? others[0] : undefined
}
