/**
 * @file What parts of a graph compute again instead of reading it. A gradient rule makes 1 - y² of what its op gave, and only the backward pass reads it: stored, it would
 * cost a buffer, a store and a load, where y is stored and read in any case.
 */
import { isSource, isView, type Node, roleOf, rowOf, viewBase } from '../graph/index.ts'

/** As much work as is done again in each part, in additions. */
const CHEAP = 3

/**
 * The places of nodes that are to be computed in each part that reads them, as views are: some elementwise steps from one value that is stored in any case, read by later
 * parts alone, and there by what computes elements. What a product or a routine reads has to be stored; so has what is a target.
 * @param home by a node's place, the part that computes it; negative for what is computed in each that reads it, and for sources
 */
export function rematerialized(order: readonly Node[], targets: ReadonlySet<Node>, home: Int32Array): ReadonlySet<number> {
  const { length } = order
  const moved = new Set<number>()
  const last = lastReaders(order, home)
  /** By place: the first part that reads a node, and whether it is read as it is stored. */
  const first = new Int32Array(length).fill(length)
  const whole = new Uint8Array(length)
  const isStored = (node: Node): boolean =>
    isSource(node) || targets.has(node) || (last[node.place] as number) > (home[node.place] as number)

  /** The one stored value, or view of it, from which a node is computed by at most so much work. */
  const originOf = (node: Node, most: number): Node | undefined => {
    const work = workOf(node)
    if (work > most) return undefined
    let origin: Node | undefined
    for (const input of node.inputs) {
      const base = viewBase(input)
      if (isNumber(base)) continue
      const own = isStored(base) ? input : input === base ? originOf(base, most - work) : undefined
      if (own === undefined || (origin !== undefined && origin !== own)) return undefined
      origin = own
    }
    return origin
  }

  for (let i = length - 1; i >= 0; i--) {
    const node = order[i] as Node
    const own = home[i] as number
    const from = first[i] as number
    if (own >= 0 && from > own && from < length && !whole[i] && !targets.has(node) && originOf(node, CHEAP)) moved.add(i)
    if (isSource(node)) continue
    const floats = own < 0 || moved.has(i)
    const asStored = floats ? whole[i] === 1 : !computesElements(node)
    for (const { place } of node.inputs) {
      first[place] = Math.min(first[place] as number, floats ? from : own)
      if (asStored) whole[place] = 1
    }
  }
  return moved
}

/** By place, the last part that reads a node, -1 where none does. */
function lastReaders(order: readonly Node[], home: Int32Array): Int32Array {
  const last = new Int32Array(order.length).fill(-1)
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node
    if (isSource(node)) continue
    const by = (home[i] as number) < 0 ? (last[i] as number) : (home[i] as number)
    for (const { place } of node.inputs) last[place] = Math.max(last[place] as number, by)
  }
  return last
}

/** The work of an elementwise operator; of anything else more than is done again. */
function workOf({ primitive }: Node): number {
  const isOperator = primitive.kind === 'unary' || primitive.kind === 'binary' || primitive.kind === 'where'
  return isOperator ? rowOf(primitive).cost(primitive) : Number.POSITIVE_INFINITY
}

/** Whether a node costs nothing to read: a number, not a tensor. */
const isNumber = (node: Node): boolean => node.storage === undefined && roleOf(node) === 'source' && node.primitive.kind !== 'leaf'

const computesElements = (node: Node): boolean => roleOf(node) === 'pointwise' || roleOf(node) === 'reduce' || isView(node)
