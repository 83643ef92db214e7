/**
 * @file What has been recorded and not yet computed: the sinks. A node that nothing consumes is a sink (a loss, a metric, a detached
 * state); consuming it makes it interior, unless it is kept.
 */
import { type Node, recordedNodes } from './node.ts'

const SINK = 1
const KEPT = 2
const PINNED = 4

/**
 * The first `length` are the sinks in the order in which they were recorded, between others that are sinks no longer. One array for good, emptied by hand:
 * the tables that a Set leaves behind as it grows and is cleared hold on to nodes until the next full garbage collection.
 */
const list: (Node | undefined)[] = []
let length = 0
let sinks = 0
/** So many places may be taken by what is no sink, beside one for every sink. */
const SLACK = 1024

/** Nodes that were recorded since sinks were last taken. */
let waiting = 0
/** How much has been recorded and not handed over. */
export const waitingNodes = (): number => waiting

function add(node: Node): void {
  if (length >= 2 * sinks + SLACK) compact()
  node.pending |= SINK
  list[length++] = node
  sinks++
}

function compact(): void {
  const before = length
  length = 0
  for (let i = 0; i < before; i++) {
    const node = list[i] as Node
    if (node.pending & SINK) list[length++] = node
  }
  list.fill(undefined, length, before)
}

/** Called once for every new node. */
export function recorded(node: Node): void {
  waiting++
  const { inputs } = node
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i] as Node
    if ((input.pending & (SINK | KEPT)) !== SINK) continue
    input.pending &= ~SINK
    sinks--
  }
  add(node)
}

/** The node is to be stored by the next flush even where it is consumed: a 0-d result, a detached state. */
export function keep(node: Node): void {
  if (node.storage) return
  node.pending |= KEPT
  if (!(node.pending & SINK)) add(node)
}

/** Whether the node waits to be computed for its own sake. */
export const isSink = (node: Node): boolean => (node.pending & SINK) !== 0

export const isKept = (node: Node): boolean => node.storage === undefined && (node.pending & KEPT) !== 0

/** The node is no more than an intermediate result: another has taken its place. */
export function unkeep(node: Node): void {
  forget(node)
  node.pending &= ~KEPT
}

/** As `keep`, and the values stay on the device however small they are: an arena, which every step reads and replaces. */
export function pin(node: Node): void {
  keep(node)
  node.pending |= PINNED
}

export const isPinned = (node: Node): boolean => (node.pending & PINNED) !== 0

/** Nobody will read the node: it need not be computed for its own sake. */
export function forget(node: Node): void {
  if (!(node.pending & SINK)) return
  node.pending &= ~SINK
  if (--sinks === 0) compact()
}

/** What was recorded after the node of number `last` is wanted only as far as others read it. */
export function forgetSince(last: number): void {
  for (const node of pendingSinks()) if (node.id > last) unkeep(node)
}

/** The node that had been recorded last when sinks were last taken. */
let taken = 0
/** Of the nodes up to this one, all that were sinks have been taken. */
export const lastTaken = (): number => taken

/** The sinks, in the order in which they were recorded. */
export function pendingSinks(): Node[] {
  const found: Node[] = []
  for (let i = 0; i < length; i++) if ((list[i] as Node).pending & SINK) found.push(list[i] as Node)
  return found
}

/** Those of the sinks that have been recorded up to the node of number `last`; the others remain. */
export function takeSinksUpTo(last: number): Node[] {
  const found = pendingSinks().filter((node) => node.id <= last)
  for (const node of found) node.pending &= ~SINK
  sinks -= found.length
  compact()
  taken = Math.max(taken, last)
  waiting = Math.min(waiting, recordedNodes() - last)
  return found
}

/** All sinks, in the order in which they were recorded; there are none afterwards. */
export function takeSinks(): Node[] {
  const found: Node[] = []
  for (let i = 0; i < length; i++) {
    const node = list[i] as Node
    list[i] = undefined
    if (!(node.pending & SINK)) continue
    node.pending &= ~SINK
    found.push(node)
  }
  length = 0
  sinks = 0
  taken = recordedNodes()
  waiting = 0
  return found
}

/** Whether anything waits to be computed. */
export const hasSinks = (): boolean => sinks > 0
