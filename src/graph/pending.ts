/**
 * @file What has been recorded and not yet computed: the sinks. A node that nothing consumes is a sink (a loss, a metric, a detached
 * state); consuming it makes it interior, unless it is kept.
 */
import type { Node } from './node.ts'

const sinks = new Set<Node>()
const kept = new WeakSet<Node>()

/** Called once for every new node. */
export function recorded(node: Node): void {
  for (const input of node.inputs) {
    if (!kept.has(input)) sinks.delete(input)
  }
  sinks.add(node)
}

/** The node is to be stored by the next flush even where it is consumed: a 0-d result, a detached state. */
export function keep(node: Node): void {
  if (node.storage) return
  kept.add(node)
  sinks.add(node)
}

const pinned = new WeakSet<Node>()

/** As `keep`, and the values stay on the device however small they are: an arena, which every step reads and replaces. */
export function pin(node: Node): void {
  keep(node)
  pinned.add(node)
}

export const isPinned = (node: Node): boolean => pinned.has(node)

/** Nobody will read the node: it need not be computed for its own sake. */
export function forget(node: Node): void {
  sinks.delete(node)
}

/** All sinks, in the order in which they were recorded; the set is empty afterwards. */
export function takeSinks(): Node[] {
  const list = [...sinks]
  sinks.clear()
  return list
}

/** Whether anything waits to be computed. */
export const hasSinks = (): boolean => sinks.size > 0
