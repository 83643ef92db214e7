/**
 * @file What parts of a graph compute again instead of reading it. A gradient rule makes 1 - y² of what its op gave, and only the backward pass reads it: stored, it would
 * cost a buffer, a store and a load, where y is stored and read in any case. Of a GELU backward reads three values, all made of one, which is stored in their place.
 * What autocast has rounded to a half for a product is rounded again for the product of the backward pass.
 */
import { sizeOf } from '../base/index.ts'
import { isSource, type Node, roleOf, viewBase } from '../graph/index.ts'
import { bytesOf, INSTEAD, isRounding, LARGE, OriginSearch, rounding } from './origin.ts'

/** As much work, in additions, as is done again for a value that is stored in any case. */
const CHEAP = 3

/**
 * The places of nodes that are to be computed in each part that reads them, as views are: some elementwise steps from one value, read by later parts, and by what
 * computes elements. What a product or a routine reads has to be stored; so has what is a target. Of that a half which is read much later is computed again.
 * @param home by a node's place, the part that computes it; negative for what is computed in each that reads it, and for sources
 */
export function rematerialized(order: readonly Node[], targets: ReadonlySet<Node>, home: Int32Array): Rematerialized {
  const { length } = order
  const moved: number[] = []
  /** Nodes that are moved where that saves bytes, by the value that is then stored instead. */
  const instead = new Map<Node, number[]>()
  const last = lastReaders(order, home)
  const wanted = new Uint8Array(length)
  for (const { place } of targets) wanted[place] = 1
  /** By place: the last part that reads a node when what is moved is, whether it is read as it is stored, and whether at more points than it has elements. */
  const later = new Int32Array(length).fill(-1)
  const whole = new Uint8Array(length)
  const wide = new Uint8Array(length)
  const isRead = ({ place }: Node): boolean => (last[place] as number) > (home[place] as number)
  const isStored = (node: Node): boolean => isRead(node) || wanted[node.place] === 1 || isSource(node)
  const near = new OriginSearch(isStored)
  const far = new OriginSearch()
  const halves: Node[] = []

  for (let i = length - 1; i >= 0; i--) {
    const node = order[i] as Node
    if (isSource(node)) continue
    const own = home[i] as number
    let floats = own < 0
    if (!floats && (later[i] as number) > own && whole[i] === 0 && wanted[i] === 0) {
      if (near.originOf(node, CHEAP)) {
        moved.push(i)
        floats = true
      } else if (wide[i] === 0 && bytesOf(node) >= LARGE) {
        const origin = far.originOf(node, INSTEAD)
        if (origin) {
          const known = instead.get(origin)
          if (known) known.push(i)
          else instead.set(origin, [i])
          floats = true
        }
      }
    } else if (!floats && whole[i] === 1 && (later[i] as number) > own + rounding.parts && isRounding(node) && wanted[i] === 0)
      halves.push(node)
    const asStored = floats ? whole[i] === 1 : !computesElements(node)
    const by = floats ? (later[i] as number) : own
    const { inputs } = node
    const size = sizeOf(node.shape)
    for (let k = 0; k < inputs.length; k++) {
      const { place, shape } = inputs[k] as Node
      if ((later[place] as number) < by) later[place] = by
      if (asStored) whole[place] = 1
      else if (wide[i] === 1 || sizeOf(shape) < size) wide[place] = 1
    }
  }
  const kept = new Set<Node>()
  for (const [origin, places] of instead) {
    // (those that other parts read only through others are not stored)
    const read = places.map((i) => order[i] as Node).filter(isRead)
    const base = viewBase(origin)
    const bytes = read.reduce((sum, node) => sum + bytesOf(node), 0) - (isStored(base) ? 0 : bytesOf(base))
    if (bytes <= 0) continue
    moved.push(...places)
    kept.add(base)
  }
  if (halves.length === 0) return { moved, again: NONE }
  const isMoved = new Uint8Array(length)
  for (const place of moved) isMoved[place] = 1
  const rounded = new OriginSearch((node) => kept.has(node) || (isStored(node) && isMoved[node.place] === 0), true)
  return { moved, again: roundedAgain(halves, rounded, home, later) }
}

/**
 * By the places of halves, and of what they are made of on the way from what is stored, the part after which they are computed again: where that holds on to
 * what they are made of for less, in bytes and parts, than it saves.
 * @param rounded finds what is stored
 * @param later by place, the last part that reads a node
 */
function roundedAgain(halves: readonly Node[], rounded: OriginSearch, home: Int32Array, later: Int32Array): ReadonlyMap<number, number> {
  const again = new Map<number, number>()
  for (const half of halves) {
    const origin = rounded.originOf(half, INSTEAD)
    if (!origin) continue
    const base = viewBase(origin)
    const [first, until] = [home[half.place] as number, later[half.place] as number]
    const longer = isSource(base) ? 0 : until - Math.max(later[base.place] as number, home[base.place] as number)
    if (2 * longer * bytesOf(base) >= (until - first) * bytesOf(half)) continue
    for (const { place } of rounded.way) again.set(place, first + rounding.parts)
  }
  return again
}

/** How parts compute what others have computed. */
export interface Rematerialized {
  /** The places of nodes that each part computes that reads them. */
  readonly moved: readonly number[]
  /** By place, of nodes that are computed again in parts after a certain one: that part. Those up to it read what was stored. */
  readonly again: ReadonlyMap<number, number>
}

const NONE: ReadonlyMap<number, number> = new Map()

/** By place, the last part that reads a node, -1 where none does. */
function lastReaders(order: readonly Node[], home: Int32Array): Int32Array {
  const last = new Int32Array(order.length).fill(-1)
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node
    if (isSource(node)) continue
    const by = (home[i] as number) < 0 ? (last[i] as number) : (home[i] as number)
    const { inputs } = node
    for (let k = 0; k < inputs.length; k++) {
      const { place } = inputs[k] as Node
      if ((last[place] as number) < by) last[place] = by
    }
  }
  return last
}

function computesElements(node: Node): boolean {
  const role = roleOf(node)
  return role === 'pointwise' || role === 'reduce' || role === 'view'
}
