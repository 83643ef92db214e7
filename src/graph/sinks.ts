/**
 * @file What has been recorded and not yet computed: the sinks. A node that nothing consumes is a sink (a loss, a metric, a detached
 * state); consuming it makes it interior, unless it is kept.
 */
import type { Node } from './node.ts'

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

/** All sinks, in the order in which they were recorded; there are none afterwards. */
export function takeSinks(): Node[] {
  const taken: Node[] = []
  for (let i = 0; i < length; i++) {
    const node = list[i] as Node
    list[i] = undefined
    if (!(node.pending & SINK)) continue
    node.pending &= ~SINK
    taken.push(node)
  }
  length = 0
  sinks = 0
  return taken
}

/** Whether anything waits to be computed. */
export const hasSinks = (): boolean => sinks > 0
