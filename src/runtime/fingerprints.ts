/**
 * @file What a node is in its iteration, whatever the rest of the graph is like. The graph of the next iteration may be another (an optimizer's first step is,
 * and so is a sequence of another length), and yet has the state that is carried on, or the logits that are looked at afterwards.
 */
import { byTime, numberOf } from '../compiler/index.ts'
import type { Node } from '../graph/index.ts'

function mixed(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x9e3779b1)
  return h ^ (h >>> 15)
}

/**
 * A hash for each node: of what made it, of what reads it, and of how many that are like it were recorded later. Sizes are not part of it. So it is the last
 * state of a recurrent net, however long, that has the fingerprint of the last state.
 * @param order topological, with the places that `signature` notes
 */
export function fingerprints(order: readonly Node[]): Int32Array {
  const { length } = order
  const made = new Int32Array(length)
  /** Sums, in which the order of readers does not show. */
  const read = new Int32Array(length)
  for (let i = 0; i < length; i++) {
    const { op, primitive, dtype, shape } = order[i] as Node
    made[i] = mixed(mixed(mixed(numberOf(op), numberOf(primitive.kind)), numberOf(dtype)), shape.length)
  }
  for (let i = 0; i < length; i++) {
    const { inputs, storage } = order[i] as Node
    if (storage) continue
    for (let k = 0; k < inputs.length; k++) {
      const { place } = inputs[k] as Node
      read[place] = (read[place] as number) + (made[i] as number)
    }
  }
  const alike = new Map<number, number>()
  const found = new Int32Array(length)
  const times = byTime(order)
  for (let k = length - 1; k >= 0; k--) {
    const i = times[k] as number
    const kind = mixed(made[i] as number, read[i] as number)
    const later = alike.get(kind) ?? 0
    alike.set(kind, later + 1)
    found[i] = mixed(kind, later)
  }
  return found
}
