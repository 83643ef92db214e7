/** @file Plans for graphs of one structure whose views begin at other positions each time: those are data of the run. */
import type { DeviceTraits } from '../device/index.ts'
import type { Node, Primitive, Varying } from '../graph/index.ts'
import { copyGraph } from './copy-graph.ts'
import type { Schedule } from './program.ts'
import { schedule } from './schedule.ts'
import { positionsIn } from './signature.ts'

/**
 * As `schedule`, for all graphs of the structure whose positions (see `Signature`) differ in no other places than those of `varying`.
 * @param varying for each of the graph's positions, whether it is data of the run
 */
export function scheduleVarying(
  order: readonly Node[],
  targets: readonly Node[],
  donors: ReadonlySet<Node>,
  traits: DeviceTraits,
  varying: readonly boolean[],
): Schedule {
  let next = 0
  /** The numbers of as many positions that vary. */
  const take = (count: number): Varying | undefined => {
    const first = next
    next += count
    const own = Array.from({ length: count }, (_, i) => (varying[first + i] ? first + i : -1))
    return own.some((number) => number >= 0) ? own : undefined
  }
  const withNumbers = ({ primitive }: Node): Primitive => {
    const count = positionsIn(primitive)
    const own = count > 0 ? take(count) : undefined
    return own ? ({ ...primitive, varying: own } as Primitive) : primitive
  }
  const copies = copyGraph(order, withNumbers)
  const of = (nodes: Iterable<Node>): Node[] => Array.from(nodes, (node) => copies.get(node) as Node)
  return schedule(of(order), of(targets), new Set(of(donors)), traits)
}
