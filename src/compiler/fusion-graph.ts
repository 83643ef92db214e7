/**
 * @file Which group reads from which, while groups are being put together. Every group has a rank in some topological order, which is repaired
 * where a new edge runs against it (D. J. Pearce and P. H. J. Kelly, "A dynamic topological sort algorithm for directed acyclic graphs", ACM JEA 11,
 * 2006): only what lies between the edge's two ends is looked at, and no more than a bounded part of that.
 */
import type { FusionGroup } from './fusion-groups.ts'

/** Edges that one search may follow. Past them the result is the one that costs a fusion, not time. */
const LOOKED_AT = 512

let walks = 0

export class FusionGraph {
  #next = 0

  /** A group that nothing reads yet. */
  add(group: FusionGroup): void {
    group.rank = this.#next++
  }

  /** Whether `from` reads, directly or through others, what `on` computes; true also where that would take too long to find out. */
  dependsOn(from: FusionGroup, on: FusionGroup): boolean {
    return from === on || (from.rank > on.rank && this.#above(from, on) === undefined)
  }

  /** Lets `user` read results of `on`. @returns false, with nothing changed, where `on` depends on `user`, or may */
  link(user: FusionGroup, on: FusionGroup): boolean {
    if (user === on || user.deps.has(on)) return true
    if (on.rank > user.rank && !this.#reorder(user, on)) return false
    user.deps.add(on)
    on.users.add(user)
    return true
  }

  unlink(user: FusionGroup, on: FusionGroup): void {
    user.deps.delete(on)
    on.users.delete(user)
  }

  /** What `from` depends on, itself included, among the groups that rank above `on`; undefined where it depends on `on`, or may. */
  #above(from: FusionGroup, on: FusionGroup): FusionGroup[] | undefined {
    const walk = ++walks
    const found = [from]
    let looked = 0
    from.walk = walk
    for (let i = 0; i < found.length; i++) {
      for (const dep of (found[i] as FusionGroup).deps) {
        if (dep === on || ++looked > LOOKED_AT) return undefined
        if (dep.rank < on.rank || dep.walk === walk) continue
        dep.walk = walk
        found.push(dep)
      }
    }
    return found
  }

  /** What depends on `from`, itself included, among the groups that rank below `limit`; undefined where that is too much. */
  #below(from: FusionGroup, limit: number): FusionGroup[] | undefined {
    const walk = ++walks
    const found = [from]
    let looked = 0
    from.walk = walk
    for (let i = 0; i < found.length; i++) {
      for (const user of (found[i] as FusionGroup).users) {
        if (++looked > LOOKED_AT) return undefined
        if (user.rank > limit || user.walk === walk) continue
        user.walk = walk
        found.push(user)
      }
    }
    return found
  }

  /** Moves `on`, and what it depends on, in front of `user` and what depends on that. */
  #reorder(user: FusionGroup, on: FusionGroup): boolean {
    const before = this.#above(on, user)
    const after = before && this.#below(user, on.rank)
    if (!before || !after) return false
    const byRank = (a: FusionGroup, b: FusionGroup): number => a.rank - b.rank
    const moved = [...before.sort(byRank), ...after.sort(byRank)]
    const ranks = moved.map((c) => c.rank).sort((a, b) => a - b)
    moved.forEach((c, i) => {
      c.rank = ranks[i] as number
    })
    return true
  }
}
