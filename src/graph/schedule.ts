/**
 * @file From recorded nodes to a program: which nodes are stored, which kernels compute them, and which buffers those use.
 *
 * Units (see units.ts) are gathered into clusters greedily, in topological order: a unit joins the cluster of something it reads, or of something that
 * reads the same, when everything it needs from there is in registers and no cycle comes about. What a cluster keeps to itself is never stored.
 */
import { dtypeInfo, sizeOf } from '../base/index.ts'
import type { DeviceTraits, Program, ProgramKernel, Slot } from '../device/index.ts'
import { type Axis, type BufferUse, type Expr, type Index, type Kernel, type Stage, valueTypeOf } from '../kernel/index.ts'
import { Cluster, type Memory, NotFusable, NotStrided, type Unit, Writer } from './cluster.ts'
import { joinAxes } from './layout.ts'
import type { Node } from './node.ts'
import { dependsOnCluster, orderClusters, topological } from './order.ts'
import { isSource, rewrite } from './rewrite.ts'
import { chooseUnits, isView, LONGEST } from './units.ts'
import { mapBuffers, readsOnlyAt, renameBuffer } from './walk.ts'

export interface Schedule {
  readonly program: Program
  /** For each input slot, the position in `order` of the node whose values are bound to it. */
  readonly inputs: readonly number[]
  /** For each scalar of the program, the position in `order` of its node. */
  readonly scalars: readonly number[]
  /** For each output slot, the index of its target. */
  readonly outputs: readonly number[]
  /** Positions of inputs whose buffers were given up to outputs. */
  readonly donated: ReadonlySet<number>
}

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
  readonly #scalars = new Map<Node, number>()
  /** What memory a stored node lies in: itself, or the pack that it is a piece of. */
  readonly #home = new Map<Node, { node: Node; offset: number }>()
  #loaded = new Set<Node>()
  #buffers: Map<Node, number> | undefined
  #sites: string[] = []

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
    const buffer = this.#buffers ? (this.#buffers.get(node) as number) : 0
    return { kind: 'load', buffer, index, type: valueTypeOf(node.dtype) }
  }

  scalarSlot(node: Node): number {
    let slot = this.#scalars.get(node)
    if (slot === undefined) {
      slot = this.#scalars.size
      this.#scalars.set(node, slot)
    }
    return slot
  }

  site(op: string): number {
    let i = this.#sites.indexOf(op)
    if (i < 0) i = this.#sites.push(op) - 1
    return i
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
    return this.#finish()
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
    if (most > this.#limit() && this.#bindings(bound, [...cluster.units.map((u) => u.node), node]) > this.#limit()) return false
    const needed = this.#loaded
    this.#units.set(node, cluster.add(node, level))
    cluster.length += length
    this.#depend(cluster, needed)
    return true
  }

  /** How many buffers a kernel of these members may have to bind: what it reads, and what others read of it; an output in a donor's place counts once. */
  #bindings(loads: ReadonlySet<Node>, members: readonly Node[]): number {
    const inside = new Set(members)
    const stored = members.filter((m) => this.#goals.includes(m) || this.#order.some((n) => !inside.has(n) && n.inputs.includes(m)))
    const donors = [...loads].filter((n) => this.#donors.has(n))
    let shared = 0
    for (const out of stored) {
      const i = donors.findIndex((d) => this.#goals.includes(out) && d.dtype === out.dtype && sizeOf(d.shape) === sizeOf(out.shape))
      if (i < 0) continue
      donors.splice(i, 1)
      shared++
    }
    return loads.size + stored.length - shared
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

  #finish(): Schedule {
    // What is read from another cluster, or wanted, is stored.
    const stored = new Set<Node>(this.#goals)
    for (const cluster of this.#clusters) for (const node of cluster.loads) if (this.#units.get(node)?.cluster !== cluster) stored.add(node)
    for (const piece of this.#home.keys()) stored.add(piece)

    const ordered = orderClusters(this.#clusters)
    for (const cluster of ordered) {
      const outside = new Set([...cluster.loads].filter((n) => this.#units.get(n)?.cluster !== cluster))
      const count = this.#bindings(
        outside,
        cluster.units.filter((u) => stored.has(u.node)).map((u) => u.node),
      )
      const last = cluster.units[cluster.units.length - 1] as Unit
      if (count > this.#limit()) throw new Retry(last.node, 'apart')
    }

    const slots: Slot[] = []
    const slotOf = new Map<Node, number>()
    const inputs: number[] = []
    const outputs: number[] = []
    const slotFor = (node: Node): number => {
      const home = this.#home.get(node)?.node ?? node
      let slot = slotOf.get(home)
      if (slot === undefined) {
        const target = this.#goals.indexOf(home)
        const kind = home.storage ? 'input' : target >= 0 ? 'output' : 'scratch'
        slot = slots.push({ kind, dtype: home.dtype, length: sizeOf(home.shape) }) - 1
        slotOf.set(home, slot)
        if (kind === 'input') inputs.push(this.#sources.indexOf(home))
        if (kind === 'output') outputs.push(target)
      }
      return slot
    }

    const kernels: ProgramKernel[] = []
    const readers = new Map<Node, number>()
    for (const cluster of ordered) for (const node of cluster.loads) readers.set(node, (readers.get(node) ?? 0) + 1)
    const donated = new Set<number>()
    for (const cluster of ordered) kernels.push(this.#kernel(cluster, stored, slotFor, slots, readers, donated))

    const scalarNodes = [...this.#scalars.keys()]
    const program: Program = {
      kernels,
      slots,
      scalars: scalarNodes.map((n) => {
        const type = valueTypeOf(n.dtype)
        return type === 'bool' ? 'i32' : type
      }),
    }
    return { program, inputs, outputs, scalars: scalarNodes.map((n) => this.#sources.indexOf(n)), donated }
  }

  #kernel(
    cluster: Cluster,
    stored: ReadonlySet<Node>,
    slotFor: (node: Node) => number,
    slots: Slot[],
    readers: ReadonlyMap<Node, number>,
    donated: Set<number>,
  ): ProgramKernel {
    const buffers: BufferUse[] = []
    const bound: number[] = []
    const bufferOf = new Map<Node, number>()
    const bySlot = new Map<number, number>()
    const bind = (node: Node, access: BufferUse['access']): void => {
      const slot = slotFor(node)
      let buffer = bySlot.get(slot)
      if (buffer === undefined) {
        buffer = buffers.push({ dtype: node.dtype, access }) - 1
        bound.push(slot)
        bySlot.set(slot, buffer)
      }
      bufferOf.set(node, buffer)
    }
    for (const node of cluster.loads) if (this.#units.get(node)?.cluster !== cluster) bind(node, 'read')
    const results = cluster.units.filter((u) => stored.has(u.node)).map((u) => u.node)
    for (const node of results) bind(node, 'write')

    this.#buffers = bufferOf
    this.#sites = []
    const place = (node: Node): { buffer: number; offset: number } | undefined => {
      if (!stored.has(node)) return undefined
      return { buffer: bufferOf.get(node) as number, offset: this.#home.get(node)?.offset ?? 0 }
    }
    const written = write(cluster, this, place)
    const { gridAxes, contract } = written
    let { stages } = written
    this.#buffers = undefined

    if (cluster.kind === 'map') {
      const given = this.#donate(cluster, stages, results, slotFor, slots, readers, bufferOf)
      for (const { from, to, input } of given) {
        stages = stages.map((s) => renameBuffer(s, from, to))
        buffers[to] = { dtype: (buffers[to] as BufferUse).dtype, access: 'readwrite' }
        donated.add(this.#sources.indexOf(input))
      }
      const drop = new Set(given.map((g) => g.from))
      if (drop.size > 0) {
        const kept = buffers.map((_, i) => i).filter((i) => !drop.has(i))
        const renumber = new Map(kept.map((old, now) => [old, now]))
        stages = stages.map((s) => mapBuffers(s, (b) => renumber.get(b) as number))
        return {
          kernel: {
            label: labelOf(cluster),
            grid: gridAxes,
            stages,
            buffers: kept.map((i) => buffers[i] as BufferUse),
            sites: this.#sites,
          },
          slots: kept.map((i) => bound[i] as number),
        }
      }
    }
    const kernel: Kernel = {
      label: labelOf(cluster),
      grid: gridAxes,
      stages,
      buffers,
      sites: this.#sites,
      ...(contract ? { contract } : {}),
    }
    return { kernel, slots: bound }
  }

  /** Pairs inputs that may be overwritten with outputs of this kernel that take exactly their place. */
  #donate(
    cluster: Cluster,
    stages: readonly Stage[],
    written: readonly Node[],
    slotFor: (node: Node) => number,
    slots: Slot[],
    readers: ReadonlyMap<Node, number>,
    bufferOf: ReadonlyMap<Node, number>,
  ): { from: number; to: number; input: Node }[] {
    const pairs: { from: number; to: number; input: Node }[] = []
    const taken = new Set<Node>()
    for (const input of cluster.loads) {
      if (!this.#donors.has(input) || readers.get(input) !== 1) continue
      const from = bufferOf.get(input) as number
      const output = written.find((n) => {
        if (taken.has(n) || !this.#goals.includes(n) || n.dtype !== input.dtype || sizeOf(n.shape) !== sizeOf(input.shape)) return false
        const to = bufferOf.get(n) as number
        return stages.every((s) => s.kind === 'store' && s.stores.every((st) => st.buffer !== to || readsOnlyAt(s.stores, from, st.index)))
      })
      if (!output) continue
      taken.add(output)
      const slot = slotFor(output)
      slots[slot] = { ...(slots[slot] as Slot), donor: slotFor(input) }
      pairs.push({ from, to: bufferOf.get(output) as number, input })
    }
    return pairs
  }
}

/** A cluster's stages: first with every dim an axis of its own, to see which can be joined, then over joined axes. */
function write(
  cluster: Cluster,
  memory: Memory,
  place: Parameters<Writer['write']>[0],
): ReturnType<Writer['write']> & { gridAxes: readonly Axis[] } {
  const apart = new Writer(cluster, memory, undefined)
  const draft = apart.write(place)
  const joined = new Writer(cluster, memory, joinAxes(cluster, draft.stages))
  try {
    return { ...joined.write(place), gridAxes: joined.gridAxes }
  } catch (e) {
    if (!(e instanceof NotFusable)) throw e
    // Over joined axes some positions are no longer seen to be equal; apart, they were.
    return { ...draft, gridAxes: apart.gridAxes }
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

/** What a kernel computes, in a few words. */
function labelOf(cluster: Cluster): string {
  const names: string[] = []
  const seen = new Set<Node>()
  const visit = (node: Node): void => {
    if (seen.has(node) || isSource(node) || names.length > 12) return
    seen.add(node)
    if (node !== cluster.units.find((u) => u.node === node)?.node && cluster.loads.has(node)) return
    for (const input of node.inputs) visit(input)
    const { primitive } = node
    if (primitive.kind === 'reduce' || primitive.kind === 'unary' || primitive.kind === 'binary') names.push(primitive.op)
    else if (primitive.kind === 'contract') names.push(primitive.k > 1 ? 'conv' : 'matmul')
    else if (!isView(node) && primitive.kind !== 'alias') names.push(primitive.kind)
  }
  for (const unit of cluster.units) visit(unit.node)
  return names.length > 0 ? names.join('+') : 'copy'
}
