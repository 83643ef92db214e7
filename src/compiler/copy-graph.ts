/** @file Graphs for planning that are not quite those that were recorded. */
import { afterFence, Fence, Node, type Primitive, Storage } from '../graph/index.ts'

/**
 * Copies of nodes, by what they are copies of.
 * @param order topological
 * @param primitiveOf what the copy of a node computes
 * @param read for each node, whether it is stored in the copy although it is not itself
 */
export function copyGraph(
  order: readonly Node[],
  primitiveOf: (node: Node, position: number) => Primitive,
  read?: readonly boolean[],
): ReadonlyMap<Node, Node> {
  const copies = new Map<Node, Node>()
  const fences = new Map<Fence, Fence>()
  /** A fence in the copy: gates that come later than it are none of this graph. */
  const fenceOf = (fence: Fence | undefined): Fence | undefined => {
    if (fence === undefined) return undefined
    const known = fences.get(fence)
    if (known) return known
    const copy = new Fence(
      fence.gates.flatMap((gate) => copies.get(gate) ?? []),
      fenceOf(fence.before),
    )
    fences.set(fence, copy)
    return copy
  }
  const copied = (node: Node, i: number): void => {
    const stored = node.storage !== undefined || read?.[i]
    const inputs = stored ? [] : node.inputs.map((input) => copies.get(input) as Node)
    const copy = new Node(stored ? { kind: 'leaf' } : primitiveOf(node, i), inputs, node.shape, node.dtype, node.placement)
    if (stored) copy.storage = new Storage({})
    copy.op = node.op
    copy.place = i
    copies.set(node, copy)
  }
  order.forEach((node, i) => {
    if (node.after === undefined) copied(node, i)
    else afterFence(fenceOf(node.after), () => copied(node, i))
  })
  return copies
}
