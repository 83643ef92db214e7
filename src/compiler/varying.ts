/** @file Plans for graphs of one structure whose views begin at other positions each time: those are data of the run. */
import type { DeviceTraits } from '../device/index.ts'
import type { Node, Primitive, Varying } from '../graph/index.ts'
import { copyGraph } from './copy-graph.ts'
import type { Schedule } from './program.ts'
import { schedule } from './schedule.ts'
import { positionsIn } from './signature.ts'

/** What a plan is made for besides the graph. */
interface Circumstances {
  /** For each of the graph's positions (see `Signature`), whether it is data of the run; those that are missing are not. */
  readonly varying: readonly boolean[]
  /** As for `signature`. */
  readonly read?: readonly boolean[]
  /** As for `schedule`. */
  readonly bare?: boolean
}

/** As `schedule`, for all graphs of the structure whose positions differ in no other places than those of `varying`. */
export function scheduleVarying(
  order: readonly Node[],
  targets: readonly Node[],
  donors: ReadonlySet<Node>,
  traits: DeviceTraits,
  { varying, read, bare = false }: Circumstances,
): Schedule {
  const copies = copyGraph(order, varying.includes(true) ? numbering(varying) : ({ primitive }) => primitive, read)
  const of = (nodes: Iterable<Node>): Node[] => Array.from(nodes, (node) => copies.get(node) as Node)
  return schedule(of(order), of(targets), new Set(of(donors)), traits, bare)
}

/** What nodes compute, asked for one after the other, with the numbers of their positions that vary. */
function numbering(varying: readonly boolean[]): (node: Node) => Primitive {
  let next = 0
  /** The numbers of as many positions that vary. */
  const take = (count: number): Varying | undefined => {
    const first = next
    next += count
    const own = Array.from({ length: count }, (_, i) => (varying[first + i] ? first + i : -1))
    return own.some((number) => number >= 0) ? own : undefined
  }
  return ({ primitive }) => {
    const count = positionsIn(primitive)
    const own = count > 0 ? take(count) : undefined
    return own ? ({ ...primitive, varying: own } as Primitive) : primitive
  }
}

/**
 * Which positions are data of the run where some have moved: those, and those of views of the same shapes. Where one of many equal views moves, others are likely to; and kernels that read several
 * are the same whichever have.
 * @param moved for each of the graph's positions, whether it has moved; replaced by what is returned
 * @param read as for `signature`
 */
export function withAlike(order: readonly Node[], moved: readonly boolean[], read?: readonly boolean[]): boolean[] {
  const keys: string[] = []
  for (const [i, node] of order.entries()) {
    if (node.storage || read?.[i]) continue
    const { primitive, shape, inputs } = node
    const count = positionsIn(primitive)
    const key = count > 0 ? `${primitive.kind} ${shape} ${(inputs[0] as Node).shape}` : ''
    for (let axis = 0; axis < count; axis++) keys.push(`${key} ${axis}`)
  }
  const moving = new Set(keys.filter((_, i) => moved[i]))
  return keys.map((key) => moving.has(key))
}

/** Where the positions of each node begin among those of a graph, by its place in it; and, last, how many there are. */
export function firstPositions(order: readonly Node[]): Int32Array {
  const firsts = new Int32Array(order.length + 1)
  for (const [i, node] of order.entries()) {
    firsts[i + 1] = (firsts[i] as number) + (node.storage ? 0 : positionsIn(node.primitive))
  }
  return firsts
}
