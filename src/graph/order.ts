/** @file Orders of nodes and of clusters: what is read comes before what reads it. Iterative, so that depth costs no stack. */
import type { Cluster } from './cluster.ts'
import type { Node } from './node.ts'
import { isSource } from './rewrite.ts'

/** The nodes below `roots`, inputs before users. `stop` keeps from going below a node. */
export function topological(roots: readonly Node[], stop: (node: Node) => boolean = isSource): Node[] {
  const order: Node[] = []
  const seen = new Set<Node>()
  const stack: { node: Node; next: number }[] = []
  for (const root of roots) {
    if (seen.has(root)) continue
    seen.add(root)
    stack.push({ node: root, next: 0 })
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: Node; next: number }
      const input = stop(top.node) ? undefined : top.node.inputs[top.next++]
      if (input === undefined) {
        order.push(top.node)
        stack.pop()
      } else if (!seen.has(input)) {
        seen.add(input)
        stack.push({ node: input, next: 0 })
      }
    }
  }
  return order
}

/** Whether `from` reads, directly or through others, what `on` computes. */
export function dependsOnCluster(from: Cluster, on: Cluster): boolean {
  const seen = new Set<Cluster>()
  const stack = [from]
  while (stack.length > 0) {
    const c = stack.pop() as Cluster
    if (c === on) return true
    if (seen.has(c)) continue
    seen.add(c)
    stack.push(...c.deps)
  }
  return false
}

/** Clusters with what they read before them (packs have no kernel, but pass dependence on). */
export function orderClusters(clusters: readonly Cluster[]): Cluster[] {
  const real = new Set(clusters)
  const order: Cluster[] = []
  const seen = new Set<Cluster>()
  for (const root of clusters) {
    if (seen.has(root)) continue
    seen.add(root)
    const stack = [{ cluster: root, deps: root.deps.values() }]
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const { value: dep, done } = top.deps.next()
      if (done) {
        if (real.has(top.cluster)) order.push(top.cluster)
        stack.pop()
      } else if (!seen.has(dep)) {
        seen.add(dep)
        stack.push({ cluster: dep, deps: dep.deps.values() })
      }
    }
  }
  return order
}
