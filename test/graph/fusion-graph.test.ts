/** @file What depends on what among groups, against a plain walk over all of them. */
import { describe, expect, it } from 'vitest'
import { FusionGraph } from '../../src/compiler/fusion-graph.ts'
import { FusionGroup } from '../../src/compiler/fusion-groups.ts'
import { CPU_PLACE } from '../../src/device/index.ts'
import * as p from '../../src/graph/index.ts'

const group = (graph: FusionGraph): FusionGroup => {
  const made = new FusionGroup(p.leaf(new Float32Array(1), [1], 'float32', CPU_PLACE))
  graph.add(made)
  return made
}

/** Whether `from` depends on `on`, without ranks. */
function depends(from: FusionGroup, on: FusionGroup, seen = new Set<FusionGroup>()): boolean {
  if (from === on) return true
  if (seen.has(from)) return false
  seen.add(from)
  return [...from.deps].some((dep) => depends(dep, on, seen))
}

/** Numbers from 0 to below n, the same each time (Numerical Recipes' generator). */
function random(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

describe('a graph of groups', () => {
  it('knows what depends on what, refuses cycles and nothing else, and keeps an order, while edges come and go in any direction', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const next = random(seed)
      const graph = new FusionGraph()
      const all = Array.from({ length: 24 }, () => group(graph))
      const any = (): FusionGroup => all[next(all.length)] as FusionGroup
      let refused = 0
      for (let i = 0; i < 150; i++) {
        const [user, on] = [any(), any()]
        const cycle = user !== on && depends(on, user)
        const linked = graph.link(user, on)
        expect(linked).toBe(!cycle)
        if (!linked) refused++
        if (next(4) === 0) {
          const from = any()
          const [dep] = from.deps
          if (dep) graph.unlink(from, dep)
        }
        expect(all.every((c) => [...c.deps].every((dep) => dep.rank < c.rank))).toBe(true)
        const [a, b] = [any(), any()]
        expect(graph.dependsOn(a, b)).toBe(depends(a, b))
      }
      expect(refused).toBeGreaterThan(5)
    }
  })

  it('says that there may be a dependence where it would take too long to find out', () => {
    const graph = new FusionGraph()
    const [first, apart] = [group(graph), group(graph)]
    const chain = Array.from({ length: 2000 }, () => group(graph))
    for (let i = 1; i < chain.length; i++) graph.link(chain[i] as FusionGroup, chain[i - 1] as FusionGroup)
    graph.link(chain[0] as FusionGroup, first)
    expect(graph.dependsOn(chain.at(-1) as FusionGroup, first)).toBe(true)
    // `apart` ranks below the chain, which does not read it
    expect(graph.dependsOn(chain[10] as FusionGroup, apart)).toBe(false)
    expect(graph.dependsOn(chain.at(-1) as FusionGroup, apart)).toBe(true)
    expect(graph.link(apart, chain.at(-1) as FusionGroup)).toBe(false)
    expect(graph.link(apart, chain[10] as FusionGroup)).toBe(true)
  })
})
