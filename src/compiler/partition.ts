/**
 * @file A graph cut into parts that are planned one by one, so that what comes again, in another graph or in another place of the same one, is planned once. A
 * part is a contraction or a routine with what follows from it and from what was computed before. So the parts of a time step, of a node of a tree and of one of
 * many equal layers are the same, whatever else the graph is made of.
 */
import { isHalf } from '../base/index.ts'
import { type Fence, isSource, isView, isWidening, type Node, roleOf, rowOf } from '../graph/index.ts'
import { byTime, topological } from './order.ts'
import { rematerialized } from './rematerialize.ts'
import { transposesProduct } from './rewrite.ts'

/** Primitives of a part, from which on another is begun. */
const LONGEST_PART = 128

export interface Part {
  /** What is computed and what it is made of, topological; views are in each part that looks through them. */
  readonly order: readonly Node[]
  /** Where the nodes of `order` stand in the graph's order. */
  readonly places: readonly number[]
  /** For each node of `order`, whether another part computes it. */
  readonly read: readonly boolean[]
  /** What other parts read, or is wanted, and where it stands in the graph's order. */
  readonly targets: readonly Node[]
  readonly targetPlaces: readonly number[]
}

/** The parts of a graph, in an order in which each comes after those that it reads. */
export class Partition {
  readonly #home: Int32Array
  readonly #members: readonly (readonly Node[])[]
  /** By a node's place, the part that reads it, NOT_READ, or READ_BY_MANY. */
  readonly #reader: Int32Array
  readonly #wanted: ReadonlySet<Node>
  /** By a node's place, the part after which it is computed where it is read. */
  readonly #again: ReadonlyMap<number, number>

  /**
   * @param order topological, sources included; each node's `place` is its position in it
   * @param wanted what is to be stored
   */
  constructor(order: readonly Node[], wanted: ReadonlySet<Node>) {
    const { home, members } = assign(order, wanted)
    const { moved, again } = rematerialized(order, wanted, home)
    for (const place of moved) home[place] = FLOATING
    this.#home = home
    const stays = ({ place }: Node): boolean => home[place] !== FLOATING
    this.#members = moved.length > 0 ? members.map((list) => (list.every(stays) ? list : list.filter(stays))) : members
    this.#again = again
    this.#reader = readersOf(order, home, again)
    this.#wanted = wanted
  }

  get length(): number {
    return this.#members.length
  }

  /** Whether one part alone reads a node, through views or not. */
  isReadOnce({ place }: Node): boolean {
    return (this.#reader[place] as number) >= 0
  }

  /** A part. Each node's `place` is its position in the graph, as when this was made. */
  part(at: number): Part {
    const home = this.#home
    const members = this.#members[at] as readonly Node[]
    const isGiven = ({ place }: Node): boolean => {
      const other = home[place] as number
      return other !== at && other !== FLOATING && at <= (this.#again.get(place) ?? at)
    }
    const order = topological(members, isGiven)
    const places: number[] = []
    const read: boolean[] = []
    for (let i = 0; i < order.length; i++) {
      const node = order[i] as Node
      places.push(node.place)
      read.push((home[node.place] as number) >= 0 && isGiven(node))
    }
    const targets: Node[] = []
    const targetPlaces: number[] = []
    for (let i = 0; i < members.length; i++) {
      const node = members[i] as Node
      const reader = this.#reader[node.place] as number
      if ((reader === NOT_READ || reader === at) && !this.#wanted.has(node)) continue
      targets.push(node)
      targetPlaces.push(node.place)
    }
    return { order, places, read, targets, targetPlaces }
  }
}

const NOT_READ = -1
const READ_BY_MANY = -2

/** Which part reads each node, where what floats is read by the parts that it is computed in. */
function readersOf(order: readonly Node[], home: Int32Array, again: ReadonlyMap<number, number>): Int32Array {
  const reader = new Int32Array(order.length).fill(NOT_READ)
  for (let i = order.length - 1; i >= 0; i--) {
    const own = home[i] as number
    const by = own === FLOATING ? (reader[i] as number) : own
    if (by === NOT_READ || own === GIVEN) continue
    const { inputs } = order[i] as Node
    for (let k = 0; k < inputs.length; k++) {
      const { place } = inputs[k] as Node
      const before = reader[place] as number
      const isOne = before === NOT_READ || before === by
      // (what is computed again reads what is not)
      reader[place] = isOne && !(again.has(i) && !again.has(place)) ? by : READ_BY_MANY
    }
  }
  return reader
}

/** The home of what is computed in every part that reads it, and of sources. */
const FLOATING = -1
const GIVEN = -2

/** Whether a node is computed where it is read, in every part that reads it: a half is widened there. */
const floats = (node: Node, targets: ReadonlySet<Node>): boolean =>
  (isView(node) || isWidening(node) || rowOf(node.primitive).recomputed) && !targets.has(node)

/** The part of each node that is computed in one, FLOATING or GIVEN, by the node's place; and the nodes of each part in the order in which they were recorded. */
function assign(order: readonly Node[], targets: ReadonlySet<Node>): { readonly home: Int32Array; readonly members: readonly Node[][] } {
  const home = new Int32Array(order.length).fill(FLOATING)
  const readers = new Int32Array(order.length)
  for (let i = 0; i < order.length; i++) {
    const { inputs } = order[i] as Node
    for (let k = 0; k < inputs.length; k++) {
      const { place } = inputs[k] as Node
      readers[place] = (readers[place] as number) + 1
    }
  }
  /** Whether a node is a product, which is computed the way it is wanted; those of halves are rounded apart. */
  const isTurned = (node: Node): boolean => {
    const [x] = node.inputs as readonly [Node]
    return isView(node) && transposesProduct(node, x) && !isHalf(node.dtype) && readers[x.place] === 1 && !targets.has(x)
  }
  /** For all nodes, the last part that they need. */
  const needs = new Int32Array(order.length).fill(-1)
  const members: Node[][] = []
  /** The part in which one goes on that is long enough. */
  const rest: (number | undefined)[] = []
  const begin = (): number => members.push([]) - 1
  const sliceUnder = slicesOfMany(order)
  const { size: slices } = sliceUnder
  /** What is made of one of many slices of a value: the parts begun for them. */
  const ofSlice = new Map<Node, number>()
  const beginOf = (slice: Node): number => {
    const known = ofSlice.get(slice) ?? begin()
    ofSlice.set(slice, known)
    return known
  }
  /** Of sums of what several parts compute, by their places: that they are. */
  const sums = new Uint8Array(order.length)
  /** The part after which comes what comes after a fence. */
  const fences = new Map<Fence, number>()
  const neededBy = (fence: Fence): number => {
    const known = fences.get(fence)
    if (known !== undefined) return known
    let at = fence.before ? neededBy(fence.before) : -1
    for (const gate of fence.gates) if (order[gate.place] === gate) at = Math.max(at, needs[gate.place] as number)
    fences.set(fence, at)
    return at
  }
  let before: Node | undefined
  const recorded = byTime(order)
  for (let i = 0; i < recorded.length; i++) {
    const node = order[recorded[i] as number] as Node
    if (isSource(node)) {
      home[node.place] = GIVEN
      continue
    }
    const { inputs } = node
    let at = -1
    for (let k = 0; k < inputs.length; k++) at = Math.max(at, needs[(inputs[k] as Node).place] as number)
    if (node.after !== undefined) at = Math.max(at, neededBy(node.after))
    if (!floats(node, targets) || isTurned(node)) {
      const later = laterOfSum(node, needs)
      if (later) sums[node.place] = 1
      if (begins(node) || (later && sums[later.place])) at = before && sameRoutine(node, before) ? (home[before.place] as number) : begin()
      else {
        for (let k = 0; slices > 0 && k < inputs.length; k++) {
          const slice = sliceUnder.get(inputs[k] as Node)
          // (what depends on more than the slice is where that is)
          if (slice && at <= (needs[slice.place] as number)) at = beginOf(slice)
        }
        if (at < 0) at = members.length > 0 ? members.length - 1 : begin()
      }
      const first = at
      while ((members[at] as Node[]).length >= LONGEST_PART) at = rest[at] ??= begin()
      if (at !== first) rest[first] = at // (those between are long enough as well)
      members[at]?.push(node)
      home[node.place] = at
      before = node
    }
    needs[node.place] = at
  }
  return { home, members }
}

/**
 * Where a node adds what two parts compute, the operand of the later one. An addition belongs there; but where that is such a sum itself, to which earlier values are added one
 * after the other, as many as a tree has nodes, each addition is a part of its own, so that all are the same.
 */
function laterOfSum({ primitive, inputs }: Node, needs: Int32Array): Node | undefined {
  if (primitive.kind !== 'binary' || primitive.op !== 'add') return undefined
  const [x, y] = inputs as readonly [Node, Node]
  const [a, b] = [needs[x.place] as number, needs[y.place] as number]
  return a < 0 || b < 0 || a === b ? undefined : a > b ? x : y
}

/** Views of a value from which on each slice is one of many: of a sequence, not of gates. */
const MANY = 8

/** The slice that each view shows, where it is one of many of a value: what follows from each of them is a part, whose like comes again for the others. */
function slicesOfMany(order: readonly Node[]): ReadonlyMap<Node, Node> {
  const counts = new Uint32Array(order.length)
  const shown = new Map<Node, Node>()
  let most = 0
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as Node
    if (!isSlice(node)) continue
    const { place } = node.inputs[0] as Node
    counts[place] = (counts[place] as number) + 1
    most = Math.max(most, counts[place] as number)
  }
  if (most <= MANY) return shown
  for (const node of order) {
    if (node.storage || !isView(node)) continue
    const [x] = node.inputs as readonly [Node]
    const slice = isSlice(node) && (counts[x.place] as number) > MANY ? node : shown.get(x)
    if (slice) shown.set(node, slice)
  }
  return shown
}

const isSlice = ({ storage, primitive }: Node): boolean => storage === undefined && primitive.kind === 'slice'

/** Whether a node is the first of a part. */
function begins(node: Node): boolean {
  switch (roleOf(node)) {
    case 'contract':
    case 'routine':
      return true
    case 'source':
    case 'view':
    case 'pointwise':
    case 'reduce':
    case 'pack':
    case 'transfer':
      return false
  }
}

/** Whether two nodes are outputs of one routine, which are computed together. */
function sameRoutine(node: Node, before: Node): boolean {
  const [a, b] = [node.primitive, before.primitive]
  return a.kind === 'routine' && b.kind === 'routine' && a.routine === b.routine && node.inputs === before.inputs
}
