/**
 * @file From recorded nodes to a program: which nodes are stored, and which kernels compute them (program.ts then writes these).
 *
 * Units (see materialize.ts) are gathered into groups greedily, in topological order: a unit joins the group of something it reads, or of something that
 * reads the same, when everything it needs from there is in registers and no cycle comes about. What a group keeps to itself is never stored.
 *
 * The time is linear in the number of nodes: a group has a bounded number of members, a unit tries a bounded number of groups, and looks at a
 * bounded part of what depends on what (`npm run bench -- growth`).
 */
import { sizeOf } from '../base/index.ts'
import type { DeviceTraits } from '../device/index.ts'
import { type Fence, isSource, isView, type Node, type PrimitiveOf, roleOf, wholeBase } from '../graph/index.ts'
import { type Expr, type Index, valueTypeOf } from '../kernel/index.ts'
import { FusionGraph } from './fusion-graph.ts'
import { FusionGroup, type Unit } from './fusion-groups.ts'
import { type Memory, NotFusable, NotStrided, probe } from './group-writer.ts'
import { VaryingPositions } from './lower.ts'
import { chooseUnits, LONGEST } from './materialize.ts'
import { topological } from './order.ts'
import { type Arrangement, bindings, type Schedule, writeProgram } from './program.ts'
import { rewrite } from './rewrite.ts'
import { type FusionKind, ROLES } from './roles.ts'
import { routineKey } from './routines.ts'

/** Attempts that begin anew because more had to be stored than was known at first; in the last one it is stored where it was found. */
const ATTEMPTS = 4
/** Siblings, and readers of one node, among which a unit looks for a group to join. */
const SIBLINGS = 8
const READERS = 64
/** Groups that a unit reads from which it tries to join. */
const DIRECT = 32
/** Kernels to join are tried in this order. */
const RANK: Readonly<Record<FusionKind, number>> = { contract: 0, row: 1, map: 2, routine: 3 }
/** A result with more readers than this stays in its own kernel. */
const MOVED_READERS = 32

/** What one attempt has taught the next. */
interface Lessons {
  /** Nodes that must be stored, so that kernels bind few enough buffers and matrix operands are strided. */
  readonly forced: Set<Node>
  /** Nodes that must not share a kernel. */
  readonly apart: Set<Node>
}

/**
 * @param order what is needed, topological, sources included
 * @param targets nodes of `order` that must be stored
 * @param donors nodes of `order` whose buffers may be overwritten
 * @param bare whether kernels of contractions compute nothing else: they are fewer, and quick to compile
 */
export function schedule(
  order: readonly Node[],
  targets: readonly Node[],
  donors: ReadonlySet<Node>,
  traits: DeviceTraits,
  bare = false,
): Schedule {
  const rewritten = rewrite(order, new Set(targets), traits)
  const goals = new Map<Node, number>()
  targets.forEach((target, i) => {
    goals.set(rewritten.get(target) as Node, i)
  })
  const lessons: Lessons = { forced: new Set(), apart: new Set() }
  for (let attempts = 1, moved = 1; ; attempts++) {
    const known = lessons.forced.size
    const made = new Attempt(order, rewritten, goals, donors, traits, lessons, bare).arrange()
    if (lessons.forced.size > known && attempts < ATTEMPTS) continue
    const written = writeProgram(made)
    if ('program' in written) return written
    // Of each kernel that would bind too many buffers the last members are computed apart: twice as many each time that this was not enough
    for (const { units } of written) for (const { node } of units.slice(-moved)) lessons.apart.add(node)
    moved *= 2
  }
}

/** A reduction that was moved into another group: for good, or for a trial. */
interface Absorbed {
  readonly commit: () => void
  readonly undo: () => void
}

/** Whether an expression may turn out to need only some of what it is made of. */
const chooses = ({ primitive: { kind } }: Node): boolean => kind === 'where' || kind === 'pad' || kind === 'gather'

const stateOf = ({ loads, deps }: FusionGroup): { loads: ReadonlySet<Node>; deps: ReadonlySet<FusionGroup> } => ({
  loads: new Set(loads),
  deps: new Set(deps),
})

class Attempt implements Memory {
  readonly #sources: readonly Node[]
  readonly #rewritten: ReadonlyMap<Node, Node>
  readonly #goals: ReadonlyMap<Node, number>
  readonly #donors: ReadonlySet<Node>
  readonly #traits: DeviceTraits
  readonly #lessons: Lessons
  readonly #bare: boolean
  readonly #order: readonly Node[]
  readonly #chosen: ReturnType<typeof chooseUnits>
  readonly #units = new Map<Node, Unit>()
  readonly #groups = new Set<FusionGroup>()
  readonly #graph = new FusionGraph()
  /** Groups that read a node from memory; also some that did once. */
  readonly #readers = new Map<Node, FusionGroup[]>()
  /** What memory a stored node lies in: itself, or the pack that it is a piece of. */
  readonly #home = new Map<Node, { node: Node; offset: number }>()
  /** The routines so far, by what they compute of what. */
  readonly #routines = new Map<string, FusionGroup>()
  /** What waits for the gates of a fence reads from its group, which has no kernel. */
  readonly #fences = new Map<Fence, FusionGroup>()
  readonly #fenceKeys = new Map<Fence | undefined, number>()
  /** Positions that are data of the run. */
  readonly #varying = new VaryingPositions()
  #loaded = new Set<Node>()
  #sequence = 0

  constructor(
    sources: readonly Node[],
    rewritten: ReadonlyMap<Node, Node>,
    goals: ReadonlyMap<Node, number>,
    donors: ReadonlySet<Node>,
    traits: DeviceTraits,
    lessons: Lessons,
    bare: boolean,
  ) {
    this.#bare = bare
    this.#sources = sources
    this.#rewritten = rewritten
    this.#goals = goals
    this.#donors = donors
    this.#traits = traits
    this.#lessons = lessons
    this.#order = topological([...goals.keys()], isSource, (gate) => rewritten.get(gate))
    this.#chosen = chooseUnits(this.#order, goals, lessons.forced)
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

  position(varying: number, size: number): Index {
    return this.#varying.at(varying, size, () => 0)
  }

  site(): number {
    return 0
  }

  arrange(): Arrangement {
    for (const node of this.#order) {
      if (!this.#chosen.units.has(node) || isSource(node) || this.#units.has(node)) continue
      const { primitive } = node
      if (primitive.kind === 'pack') this.#placePack(node, primitive.offsets)
      else if (primitive.kind === 'routine') this.#placeRoutine(node, primitive)
      else this.#place(node)
    }
    return this.#made()
  }

  /** A pack has no kernel: its pieces are written where they lie in it. */
  #placePack(node: Node, offsets: readonly number[]): void {
    const own = new FusionGroup(node)
    this.#graph.add(own)
    node.inputs.forEach((piece, i) => {
      this.#home.set(piece, { node, offset: offsets[i] as number })
      this.#graph.link(own, (this.#units.get(piece) as Unit).group)
    })
    this.#units.set(node, { node, level: 'grid', group: own, ready: 0 })
  }

  /** The group of a fence: it reads what the gates are made of, as far as that has been placed, and so what comes after it cannot be placed with that. */
  #fenceGroup(fence: Fence, node: Node): FusionGroup {
    const known = this.#fences.get(fence)
    if (known) return known
    const before = fence.before && this.#fenceGroup(fence.before, node)
    const own = new FusionGroup(node)
    this.#graph.add(own)
    this.#fences.set(fence, own)
    if (before) this.#graph.link(own, before)
    for (const gate of fence.gates) {
      const now = this.#rewritten.get(gate)
      if (!now) continue
      const { found, fences } = this.#unitsUnder(now)
      for (const unit of this.#units.has(now) ? [now] : found) {
        const group = this.#units.get(unit)?.group
        if (group) this.#graph.link(own, group)
      }
      for (const other of fences) this.#graph.link(own, this.#fenceGroup(other, now))
    }
    return own
  }

  /** An output of a routine: beside the other outputs of the same routine, which has a kernel of its own. */
  #placeRoutine(node: Node, primitive: PrimitiveOf<'routine'>): void {
    const inputs = node.inputs.map(wholeBase)
    for (const input of inputs) if (!input.storage && !this.#units.has(input)) this.#place(input)
    const key = routineKey(node, this.#fenceKeys)
    const isSame = ({ node: { primitive: p } }: Unit): boolean => p.kind === 'routine' && p.output === primitive.output
    let group = this.#routines.get(key)
    const fence = node.after && this.#fenceGroup(node.after, node)
    if (!group || group.units.some(isSame)) {
      group = new FusionGroup(node)
      group.alone = true
      group.sequence = this.#sequence++
      this.#groups.add(group)
      this.#graph.add(group)
      this.#routines.set(key, group)
      for (const input of inputs) this.#depend(group, input)
      if (fence) this.#graph.link(group, fence)
    }
    this.#units.set(node, group.add(node, 'grid', 0))
  }

  /** Puts a unit into a group. */
  #place(node: Node): void {
    const length = this.#chosen.length.get(node) as number
    const { found: near, isAll, fences } = this.#unitsUnder(node)
    const behind = fences.map((fence) => this.#fenceGroup(fence, node))
    if (ROLES[roleOf(node)].joins && !this.#lessons.apart.has(node)) {
      for (const group of this.#candidates(near)) {
        const absorbed = group.kind === 'row' && group.levelFor(node) ? this.#absorb(group, near) : []
        const joined = this.#join(node, group, near, length, behind)
        for (const each of absorbed.reverse()) each[joined ? 'commit' : 'undo']()
        if (joined) return
      }
    }
    const fresh = new FusionGroup(node)
    const loads = isAll && roleOf(node) !== 'contract' ? near : this.#read(node, fresh)
    const limit = this.#limit()
    if (loads.size + 1 > limit) {
      this.#store(this.#cut(node, limit))
      this.#place(node)
      return
    }
    fresh.length = length
    fresh.precision = this.#chosen.precision.get(node)
    fresh.alone = this.#lessons.apart.has(node)
    fresh.sequence = this.#sequence++
    this.#groups.add(fresh)
    this.#graph.add(fresh)
    this.#units.set(node, fresh.add(node, 'grid', 0))
    for (const n of loads) this.#depend(fresh, n)
    for (const fence of behind) this.#graph.link(fresh, fence)
  }

  /**
   * What a unit's expression is made of: what it would read in a kernel of its own, as far as that is seen without writing it, whether it reads all of it, and the
   * fences that it comes after.
   */
  #unitsUnder(root: Node): { readonly found: Set<Node>; readonly isAll: boolean; readonly fences: readonly Fence[] } {
    const found = new Set<Node>()
    const fences: Fence[] = []
    const seen = new Set<Node>()
    let isAll = true
    const visit = (node: Node): void => {
      if (seen.has(node)) return
      seen.add(node)
      if (node !== root && (node.storage || this.#units.has(node))) found.add(node)
      else {
        if (node.after && !fences.includes(node.after)) fences.push(node.after)
        isAll &&= !chooses(node)
        for (const input of node.inputs) visit(input)
      }
    }
    visit(root)
    return { found, isAll, fences }
  }

  /** What a unit reads from memory in a kernel of its own, where it has to be tried. A matrix operand that has to be stored is placed first. */
  #read(node: Node, fresh: FusionGroup): Set<Node> {
    for (;;) {
      this.#loaded = new Set()
      this.#units.set(node, { node, level: 'grid', group: fresh, ready: 0 })
      try {
        probe(fresh, node, 'grid', this)
        return this.#loaded
      } catch (e) {
        if (!(e instanceof NotStrided)) throw e
        this.#store(e.operand)
      } finally {
        this.#units.delete(node)
      }
    }
  }

  /** Makes a unit of what was to be written out. */
  #store(node: Node): void {
    if (this.#lessons.forced.has(node)) throw new Error(`schedule: no way to fit ${node.primitive.kind} into ${this.#limit()} buffers`)
    this.#lessons.forced.add(node)
    this.#place(node)
  }

  /** Takes reductions of the same rows, so far alone in their kernels, into `group`, so that a reader of both needs one kernel. */
  #absorb(group: FusionGroup, loads: ReadonlySet<Node>): Absorbed[] {
    const absorbed: Absorbed[] = []
    for (const node of loads) {
      const unit = this.#units.get(node)
      const old = unit?.group
      if (!old || old === group || roleOf(node) !== 'reduce' || old.units.length !== 1 || old.alone) continue
      if (old.users.size > MOVED_READERS || this.#graph.dependsOn(group, old)) continue
      const before = stateOf(group)
      const behind = [...this.#fences.values()].filter((fence) => old.deps.has(fence))
      if (!this.#join(node, group, old.loads, old.length, behind)) continue
      this.#groups.delete(old)
      const linked = [...old.users].filter((user) => !user.deps.has(group))
      const undo = (): void => {
        for (const user of linked) this.#graph.unlink(user, group)
        group.units.pop()
        group.length -= old.length
        this.#restore(group, before)
        this.#units.set(node, unit)
        old.sequence = this.#sequence++
        this.#groups.add(old)
      }
      // What reads the old group goes on reading it until it is certain that this stays
      const commit = (): void => {
        for (const user of old.users) this.#graph.unlink(user, old)
        for (const dep of old.deps) this.#graph.unlink(old, dep)
      }
      if (linked.every((user) => this.#graph.link(user, group))) absorbed.push({ undo, commit })
      else undo()
    }
    return absorbed
  }

  /** Takes back what a group has come to read. */
  #restore(group: FusionGroup, { loads, deps }: ReturnType<typeof stateOf>): void {
    for (const dep of group.deps) if (!deps.has(dep)) this.#graph.unlink(group, dep)
    for (const node of group.loads) if (!loads.has(node)) group.loads.delete(node)
  }

  /** Buffers that one kernel may bind besides its scalars and its error flag. */
  #limit(): number {
    return this.#traits.maxBuffers - 2
  }

  /** `group` reads a node from memory. @returns false where that would be a cycle */
  #depend(group: FusionGroup, node: Node): boolean {
    const other = this.#units.get(node)?.group
    if (other && !this.#graph.link(group, other)) return false
    if (group.loads.has(node)) return true
    group.loads.add(node)
    const readers = this.#readers.get(node)
    if (readers) readers.push(group)
    else this.#readers.set(node, [group])
    return true
  }

  /** Groups that a unit with these loads might join: those it reads from, then those that read the same; contractions first. */
  #candidates(loads: ReadonlySet<Node>): FusionGroup[] {
    const found = new Set<FusionGroup>()
    for (const node of loads) {
      const unit = this.#units.get(node)
      if (unit && ROLES[roleOf(unit.node)].joined) found.add(unit.group)
    }
    const siblings = new Set<FusionGroup>()
    for (const node of loads) {
      for (const c of this.#readers.get(node)?.slice(-READERS) ?? [])
        if (c.kind !== 'contract' && !found.has(c) && this.#groups.has(c) && c.loads.has(node)) siblings.add(c)
    }
    const direct = [...found].sort((a, b) => RANK[a.kind] - RANK[b.kind]).slice(0, DIRECT)
    return [...direct, ...[...siblings].sort((a, b) => b.sequence - a.sequence).slice(0, SIBLINGS)]
  }

  /** @param behind fences that the node comes after */
  #join(node: Node, group: FusionGroup, loads: ReadonlySet<Node>, length: number, behind: readonly FusionGroup[]): boolean {
    if (group.alone || group.length + length > LONGEST || (this.#bare && group.kind === 'contract')) return false
    const level = group.levelFor(node)
    if (!level) return false
    const precision = this.#chosen.precision.get(node)
    if (precision && group.precision && precision !== group.precision) return false
    const isReduce = roleOf(node) === 'reduce'
    if (group.kind !== 'map' && !this.#traits.storesAlone.has(node.dtype)) return false
    if (group.kind === 'row' && (isReduce || level === 'domain') && !this.#worthRows(group)) return false
    for (const n of loads) {
      const other = this.#units.get(n)?.group
      if (other && other !== group && this.#graph.dependsOn(other, group)) return false
    }
    for (const fence of behind) if (this.#graph.dependsOn(fence, group)) return false
    const ready = this.#probe(node, group, level)
    if (ready === undefined) return false
    const needed = this.#loaded
    const bound = new Set([...group.loads, ...needed])
    const most = bound.size + group.units.length + 1
    const limit = this.#related(node, group, loads) ? this.#limit() : this.#limit() >> 1
    if (most > limit && bindings(this.#made(), bound, [...group.units.map((u) => u.node), node]) > limit) return false
    const before = stateOf(group)
    if (![...needed].every((n) => this.#depend(group, n)) || !behind.every((fence) => this.#graph.link(group, fence))) {
      this.#restore(group, before)
      return false
    }
    this.#units.set(node, group.add(node, level, ready))
    group.precision ??= precision
    group.length += length
    return true
  }

  /**
   * Whether a unit has more to do with a group than one number that both read, as the arenas of an optimizer do that a scaler decides about: where the kernel
   * is full of these, the rest of each finds no room in it.
   */
  #related(node: Node, group: FusionGroup, loads: ReadonlySet<Node>): boolean {
    if (sizeOf(node.shape) === 1) return true
    for (const n of loads) if (this.#units.get(n)?.group === group || (sizeOf(n.shape) > 1 && group.loads.has(n))) return true
    return false
  }

  /** Tries a unit as a member of a group: undefined where it does not fit. What it reads from memory there is in `#loaded` afterwards. */
  #probe(node: Node, group: FusionGroup, level: Unit['level']): number | undefined {
    this.#loaded = new Set()
    const before = this.#units.get(node)
    this.#units.set(node, { node, level, group, ready: 0 })
    try {
      return probe(group, node, level, this)
    } catch (e) {
      if (e instanceof NotFusable) return undefined
      throw e
    } finally {
      if (before) this.#units.set(node, before)
      else this.#units.delete(node)
    }
  }

  /** Whether a row's elements may be left to its row: with too few rows, most of the device would wait. */
  #worthRows(group: FusionGroup): boolean {
    return sizeOf(group.grid) * 4 >= this.#traits.parallelism || sizeOf(group.domain) <= 4096
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
      goals: this.#goals,
      donors: this.#donors,
      units: this.#units,
      consumers: this.#chosen.consumers,
      groups: this.#groups,
      home: this.#home,
      limit: this.#limit(),
    }
  }
}
