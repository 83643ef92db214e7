/**
 * @file From recorded nodes to a program: which nodes are stored, and which kernels compute them (program.ts then writes these).
 *
 * Units (see units.ts) are gathered into clusters greedily, in topological order: a unit joins the cluster of something it reads, or of something that
 * reads the same, when everything it needs from there is in registers and no cycle comes about. What a cluster keeps to itself is never stored.
 */
import { dtypeInfo, sizeOf } from '../base/index.ts'
import type { DeviceTraits } from '../device/index.ts'
import { type Expr, type Index, valueTypeOf } from '../kernel/index.ts'
import { Cluster, type Memory, NotFusable, NotStrided, type Unit } from './cluster.ts'
import { isView, type Node } from './node.ts'
import { dependsOnCluster, topological } from './order.ts'
import { type Arrangement, bindings, Crowded, type Schedule, writeProgram } from './program.ts'
import { isSource, rewrite } from './rewrite.ts'
import { chooseUnits, LONGEST } from './units.ts'

/** Thrown inside an attempt: the next one stores `node`, or keeps `node` out of other kernels. */
class Retry extends Error {
  readonly node: Node
  readonly how: 'store' | 'apart'
  constructor(node: Node, how: 'store' | 'apart') {
    super()
    this.node = node
    this.how = how
  }
}

/**
 * @param order what is needed, topological, sources included
 * @param targets nodes of `order` that must be stored
 * @param donors nodes of `order` whose buffers may be overwritten
 */
export function schedule(order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>, traits: DeviceTraits): Schedule {
  const rewritten = rewrite(order, new Set(targets), traits)
  const goals = targets.map((t) => rewritten.get(t) as Node)
  const forced = new Set<Node>()
  const apart = new Set<Node>()
  for (;;) {
    try {
      return new Attempt(order, goals, donors, traits, forced, apart).run()
    } catch (e) {
      if (!(e instanceof Retry)) throw e
      const set = e.how === 'store' ? forced : apart
      if (set.has(e.node)) throw new Error(`schedule: no way to fit ${e.node.primitive.kind} into ${traits.maxBuffers} buffers`)
      set.add(e.node)
    }
  }
}

class Attempt implements Memory {
  readonly #sources: readonly Node[]
  readonly #goals: readonly Node[]
  readonly #donors: ReadonlySet<Node>
  readonly #traits: DeviceTraits
  readonly #forced: ReadonlySet<Node>
  readonly #apart: ReadonlySet<Node>
  readonly #order: readonly Node[]
  readonly #units = new Map<Node, Unit>()
  readonly #clusters: Cluster[] = []
  /** What memory a stored node lies in: itself, or the pack that it is a piece of. */
  readonly #home = new Map<Node, { node: Node; offset: number }>()
  #loaded = new Set<Node>()

  constructor(
    sources: readonly Node[],
    goals: readonly Node[],
    donors: ReadonlySet<Node>,
    traits: DeviceTraits,
    forced: ReadonlySet<Node>,
    apart: ReadonlySet<Node>,
  ) {
    this.#sources = sources
    this.#goals = goals
    this.#donors = donors
    this.#traits = traits
    this.#forced = forced
    this.#apart = apart
    this.#order = topological(goals)
  }

  unitOf(node: Node): Unit | undefined {
    return this.#units.get(node)
  }

  load(node: Node, index: Index): Expr {
    this.#loaded.add(node)
    return { kind: 'load', buffer: 0, index, type: valueTypeOf(node.dtype) }
  }

  // What is written while placing is thrown away: numbers do not matter
  scalarSlot(): number {
    return 0
  }

  site(): number {
    return 0
  }

  run(): Schedule {
    const { units: chosen, length } = chooseUnits(this.#order, new Set(this.#goals), this.#forced)
    for (const node of this.#order) {
      if (!chosen.has(node) || isSource(node)) continue
      if (node.primitive.kind === 'pack') {
        const { offsets } = node.primitive
        node.inputs.forEach((piece, i) => {
          this.#home.set(piece, { node, offset: offsets[i] as number })
        })
        const own = new Cluster(node)
        for (const piece of node.inputs) own.deps.add((this.#units.get(piece) as Unit).cluster)
        this.#units.set(node, { node, level: 'grid', cluster: own, depth: 0 })
        continue
      }
      this.#place(node, length.get(node) as number)
    }
    return this.#write()
  }

  /** Puts a unit into a cluster. */
  #place(node: Node, length: number): void {
    this.#loaded = new Set()
    const fresh = new Cluster(node)
    this.#units.set(node, { node, level: 'grid', cluster: fresh, depth: 0 })
    this.#try(() => fresh.probe(node, 'grid', this))
    const loads = this.#loaded
    this.#units.delete(node)

    if (!this.#apart.has(node)) {
      for (const cluster of this.#candidates(loads)) {
        const taken = cluster.kind === 'row' && cluster.levelFor(node) ? this.#absorb(cluster, loads) : []
        if (this.#join(node, cluster, loads, length)) return
        for (const undo of taken.reverse()) undo()
      }
    }
    const limit = this.#limit()
    if (loads.size + 1 > limit) throw new Retry(this.#cut(node, limit), 'store')
    this.#clusters.push(fresh)
    fresh.length = length
    this.#units.set(node, fresh.add(node, 'grid'))
    this.#depend(fresh, loads)
  }

  /** Takes reductions of the same rows, so far alone in their kernels, into `cluster`, so that a reader of both needs one kernel. Answers how to undo it. */
  #absorb(cluster: Cluster, loads: ReadonlySet<Node>): (() => void)[] {
    const undo: (() => void)[] = []
    for (const node of loads) {
      const unit = this.#units.get(node)
      const old = unit?.cluster
      if (!old || old === cluster || node.primitive.kind !== 'reduce' || old.units.length !== 1) continue
      const users = this.#clusters.filter((c) => c.deps.has(old))
      if (users.some((u) => dependsOnCluster(cluster, u)) || dependsOnCluster(cluster, old) || this.#apart.has(node)) continue
      const before = { loads: [...cluster.loads], deps: [...cluster.deps] }
      if (!this.#join(node, cluster, old.loads, old.length)) continue
      this.#clusters.splice(this.#clusters.indexOf(old), 1)
      for (const user of users) {
        user.deps.delete(old)
        if (user !== cluster) user.deps.add(cluster)
      }
      undo.push(() => {
        cluster.units.pop()
        cluster.length -= old.length
        cluster.loads.clear()
        cluster.deps.clear()
        for (const n of before.loads) cluster.loads.add(n)
        for (const d of before.deps) cluster.deps.add(d)
        for (const user of users) {
          if (!readsFrom(user, cluster, this.#units)) user.deps.delete(cluster)
          user.deps.add(old)
        }
        this.#clusters.push(old)
        this.#units.set(node, unit)
      })
    }
    return undo
  }

  #try(probe: () => void): boolean {
    try {
      probe()
      return true
    } catch (e) {
      if (e instanceof NotStrided) throw new Retry(e.operand, 'store')
      if (e instanceof NotFusable) return false
      throw e
    }
  }

  /** Buffers that one kernel may bind besides its scalars and its error flag. */
  #limit(): number {
    return this.#traits.maxBuffers - 2
  }

  #depend(cluster: Cluster, loads: ReadonlySet<Node>): void {
    for (const node of loads) {
      cluster.loads.add(node)
      const other = this.#units.get(node)?.cluster
      if (other && other !== cluster) cluster.deps.add(other)
    }
  }

  /** Clusters that a unit with these loads might join: those it reads from, then those that read the same; contractions first. */
  #candidates(loads: ReadonlySet<Node>): Cluster[] {
    const found = new Set<Cluster>()
    for (const node of loads) {
      const unit = this.#units.get(node)
      if (unit && unit.node.primitive.kind !== 'pack') found.add(unit.cluster)
    }
    const rank = { contract: 0, row: 1, map: 2 }
    const direct = [...found].sort((a, b) => rank[a.kind] - rank[b.kind])
    const siblings = this.#clusters.filter((c) => c.kind !== 'contract' && !found.has(c) && intersects(c.loads, loads)).reverse()
    return [...direct, ...siblings.slice(0, 8)]
  }

  #join(node: Node, cluster: Cluster, loads: ReadonlySet<Node>, length: number): boolean {
    if (cluster.length + length > LONGEST) return false
    const level = cluster.levelFor(node)
    if (!level) return false
    if (cluster.units.some((u) => this.#apart.has(u.node))) return false
    const isReduce = node.primitive.kind === 'reduce'
    // Narrow results are packed several to a word, which only a flat kernel can do.
    if (cluster.kind !== 'map' && dtypeInfo[node.dtype].bytes < 4) return false
    if (cluster.kind === 'row' && (isReduce || level === 'domain') && !this.#worthRows(cluster)) return false
    for (const n of loads) {
      const other = this.#units.get(n)?.cluster
      if (other && other !== cluster && dependsOnCluster(other, cluster)) return false
    }
    this.#loaded = new Set()
    const before = this.#units.get(node)
    this.#units.set(node, { node, level, cluster, depth: 0 })
    const fits = this.#try(() => cluster.probe(node, level, this))
    if (before) this.#units.set(node, before)
    else this.#units.delete(node)
    if (!fits) return false
    const bound = new Set([...cluster.loads, ...this.#loaded])
    const most = bound.size + cluster.units.length + 1
    if (most > this.#limit() && bindings(this.#made(), bound, [...cluster.units.map((u) => u.node), node]) > this.#limit()) return false
    const needed = this.#loaded
    this.#units.set(node, cluster.add(node, level))
    cluster.length += length
    this.#depend(cluster, needed)
    return true
  }

  /** Whether a row's elements may be left to its row: with too few rows, most of the device would wait. */
  #worthRows(cluster: Cluster): boolean {
    return sizeOf(cluster.grid) * 4 >= this.#traits.parallelism || sizeOf(cluster.domain) <= 4096
  }

  /** Something inside `root`'s expression whose storing makes it read fewer buffers. */
  #cut(root: Node, limit: number): Node {
    const leaves = new Map<Node, Set<Node>>()
    const inside = topological([root], (n) => n !== root && (this.#units.has(n) || isSource(n)))
    let best: Node | undefined
    let most = 1
    for (const node of inside) {
      const own = new Set<Node>()
      if (node !== root && (this.#units.has(node) || node.storage)) own.add(node)
      else for (const input of node.inputs) for (const leaf of leaves.get(input) ?? []) own.add(leaf)
      leaves.set(node, own)
      if (node !== root && !this.#units.has(node) && !isSource(node) && !isView(node) && own.size > most && own.size < limit) {
        most = own.size
        best = node
      }
    }
    if (!best) throw new Error(`schedule: ${root.primitive.kind} reads more than ${limit} buffers at once`)
    return best
  }

  /** What has been decided so far. */
  #made(): Arrangement {
    return {
      sources: this.#sources,
      order: this.#order,
      goals: this.#goals,
      donors: this.#donors,
      units: this.#units,
      clusters: this.#clusters,
      home: this.#home,
      limit: this.#limit(),
    }
  }

  #write(): Schedule {
    try {
      return writeProgram(this.#made())
    } catch (e) {
      if (e instanceof Crowded) throw new Retry(e.node, 'apart')
      throw e
    }
  }
}

/** Whether a cluster reads units of another, other than those moved there for a trial. */
function readsFrom(user: Cluster, from: Cluster, units: ReadonlyMap<Node, Unit>): boolean {
  for (const n of user.loads) if (units.get(n)?.cluster === from && from.units.some((u) => u.node === n)) return true
  return false
}

function intersects(a: ReadonlySet<Node>, b: ReadonlySet<Node>): boolean {
  for (const x of b) if (a.has(x)) return true
  return false
}
