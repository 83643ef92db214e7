/** @file Orders of nodes and of groups: what is read comes before what reads it. Iterative, so that depth costs no stack. */
import { isSource, type Node } from '../graph/index.ts'
import type { FusionGroup } from './fusion-groups.ts'

let walks = 0

/** The nodes below `roots`, inputs before users. `stop` keeps from going below a node. */
export function topological(roots: readonly Node[], stop: (node: Node) => boolean = isSource): Node[] {
  const walk = ++walks
  const order: Node[] = []
  /** The path down to a node, and for each node on it the next input to visit. */
  const path: Node[] = []
  const next: number[] = []
  const visit = (node: Node): void => {
    if (node.walk === walk) return
    node.walk = walk
    if (stop(node)) order.push(node)
    else {
      path.push(node)
      next.push(0)
    }
  }
  for (const root of roots) {
    visit(root)
    for (let top = path.length - 1; top >= 0; top = path.length - 1) {
      const node = path[top] as Node
      const input = node.inputs[(next[top] as number)++]
      if (input) visit(input)
      else {
        order.push(node)
        path.pop()
        next.pop()
      }
    }
  }
  return order
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
