/**
 * @file Which nodes get a place of their own ("units"): they may be stored, everything else is written out where it is used. A unit that
 * ends up in the kernel of all its readers is not stored either.
 */
import { dtypeInfo, sizeOf } from '../base/index.ts'
import { isSource, isView, isWidening, type Node, roleOf, rowOf, wholeBase } from '../graph/index.ts'
import { WORK } from '../kernel/index.ts'
import { ROLES } from './roles.ts'

/** From this much work per element on, a value with readers in several kernels is stored rather than computed again; and one with very many readers. */
const HEAVY = 40
const HEAVY_FOR_MANY = 10
const MANY = 64
/** A broadcast value is stored when computing it again for every copy would cost more than this. */
const BROADCAST_WORK = 50_000
/** The most primitives that one expression may be made of; a kernel may be made of as many (its text and its depth grow with them). */
export const LONGEST = 400
/** The most views that an expression may look through one after the other: the arithmetic of its coordinates grows with them. */
const MOST_VIEWS = 64

/** What an operand of a contraction is read from: as {@link viewBase}, and halves are widened where they are read. */
function operandBase(node: Node): Node {
  let base = node
  while ((isView(base) || isWidening(base)) && !base.storage) base = base.inputs[0] as Node
  return base
}

/** What was found of the nodes of a graph. */
interface Units {
  readonly units: ReadonlySet<Node>
  /** Of how many primitives each node's expression is made. */
  readonly length: ReadonlyMap<Node, number>
  /** Which nodes read each node. */
  readonly consumers: ReadonlyMap<Node, readonly Node[]>
  /** Of which floats each node's expression is made, if of any. */
  readonly precision: ReadonlyMap<Node, Precision>
}

/**
 * A kernel computes all its floats in one precision: in doubles, where it reads or writes one. So an expression is made of doubles or of others, and what one reads of the
 * other is stored: floats that are computed beside doubles would be rounded elsewhere, and have other last digits.
 */
export type Precision = 'single' | 'double'

/** The precision in which a node computes itself, if in any. What shows or converts a double computes with doubles. */
function ownPrecision({ dtype, inputs }: Node): Precision | undefined {
  if (dtype === 'float64' || inputs.some((x) => x.dtype === 'float64')) return 'double'
  return dtypeInfo[dtype].kind === 'float' ? 'single' : undefined
}

/** The precision of each expression; what is read across is made a unit. */
function choosePrecision(order: readonly Node[], units: Set<Node>): Map<Node, Precision> {
  const precision = new Map<Node, Precision>()
  /** What each view shows. */
  const bases = new Map<Node, Node>()
  const baseOf = (node: Node): Node => bases.get(node) ?? node
  for (const node of order) {
    if (isSource(node)) continue
    if (isView(node)) bases.set(node, baseOf(node.inputs[0] as Node))
    const own = isView(node) ? undefined : ownPrecision(node)
    let found = own
    for (const input of node.inputs) {
      const base = baseOf(input)
      if (isSource(base) || units.has(base)) continue
      const other = precision.get(base)
      if (other === undefined) continue
      found ??= other
      if (other !== found) units.add(base)
    }
    if (found === undefined) continue
    precision.set(node, found)
    // A double as another float ends an expression
    if (own === 'double' && node.dtype !== 'float64' && dtypeInfo[node.dtype].kind === 'float') units.add(node)
  }
  return precision
}

/**
 * @param order topological, rewritten; sources included
 * @param targets what must be stored
 * @param forced nodes that an earlier attempt found must be stored
 */
export function chooseUnits(order: readonly Node[], targets: { has(node: Node): boolean }, forced: ReadonlySet<Node>): Units {
  const units = new Set<Node>()
  const consumers = new Map<Node, Node[]>()
  for (const node of order) {
    if (isSource(node)) continue
    const role = roleOf(node)
    if (targets.has(node) || forced.has(node) || ROLES[role].materialized) units.add(node)
    if (role === 'contract') {
      for (const operand of node.inputs) {
        const base = operandBase(operand)
        if (!isSource(base)) units.add(base)
        else if (!base.storage) units.add(operand)
      }
    }
    for (const input of node.inputs) {
      const list = consumers.get(input)
      if (list) list.push(node)
      else consumers.set(input, [node])
      if (ROLES[role].readsStored && !isSource(wholeBase(input))) units.add(wholeBase(input))
    }
  }

  const precision = choosePrecision(order, units)

  // Work per element when written out, and the number of primitives; both counted as a tree.
  const cost = new Map<Node, number>()
  const length = new Map<Node, number>()
  const views = new Map<Node, number>()
  for (const node of order) {
    if (isSource(node)) {
      cost.set(node, node.storage ? WORK.load : 0)
      length.set(node, 1)
      continue
    }
    let c = rowOf(node.primitive).cost(node.primitive)
    let n = 1
    let v = 0
    for (const input of node.inputs) {
      const stored = units.has(input)
      c += stored ? WORK.load : (cost.get(input) as number)
      n += stored ? 1 : (length.get(input) as number)
      if (!stored) v = Math.max(v, views.get(input) ?? 0)
    }
    if (isView(node)) v++
    if (v > MOST_VIEWS || (n > LONGEST && !isView(node))) units.add(node)
    cost.set(node, c)
    length.set(node, n)
    views.set(node, v)
  }

  // In which unit a node ends up, or that it is written out in several
  const homes = new Map<Node, Node | typeof SEVERAL>()
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node
    if (isSource(node)) continue
    let home: Node | typeof SEVERAL | undefined
    const readers = consumers.get(node) ?? []
    for (const consumer of readers) {
      const other = units.has(consumer) ? consumer : homes.get(consumer)
      if (other === undefined) continue
      home = home === undefined || home === other ? other : SEVERAL
      if (home === SEVERAL) break
    }
    if (home !== undefined) homes.set(node, home)
    if (units.has(node) || isView(node)) continue
    const work = cost.get(node) as number
    if (home === SEVERAL && work >= (readers.length < MANY ? HEAVY : HEAVY_FOR_MANY)) units.add(node)
    else if (home === SEVERAL && halves(node, units)) units.add(node)
    else if (work >= 3 && copies(node, consumers) * work * sizeOf(node.shape) > BROADCAST_WORK) units.add(node)
  }
  // What has been stored since shortens what reads it
  for (const node of order) {
    if (!isSource(node))
      length.set(
        node,
        node.inputs.reduce((n, input) => n + (units.has(input) ? 1 : (length.get(input) as number)), 1),
      )
  }
  return { units, length, consumers, precision }
}

const SEVERAL = Symbol('several')

/** Whether a node rounds to half the bytes what is made of a unit, as a product with its bias: stored, it takes the place of that. */
function halves(node: Node, units: ReadonlySet<Node>): boolean {
  const [x] = node.inputs
  if (node.primitive.kind !== 'cast' || !x || dtypeInfo[node.dtype].bytes >= dtypeInfo[x.dtype].bytes) return false
  const isMade = (of: Node): boolean => units.has(of) || (isView(of) && isMade(of.inputs[0] as Node))
  return isMade(x) || (roleOf(x) === 'pointwise' && !isSource(x) && x.inputs.some(isMade))
}

/** How many more times than once each element would be computed by the most repetitive reader. */
function copies(node: Node, consumers: ReadonlyMap<Node, readonly Node[]>): number {
  const size = Math.max(1, sizeOf(node.shape))
  let most = 0
  const visit = (n: Node, depth: number): void => {
    for (const reader of consumers.get(n) ?? []) {
      if (isView(reader) && depth < 8) visit(reader, depth + 1)
      if (!ROLES[roleOf(reader)].materialized) most = Math.max(most, sizeOf(reader.shape) / size - 1)
    }
  }
  visit(node, 0)
  return most
}
