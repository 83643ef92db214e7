/**
 * @file Which slots of a program share memory: those that are not in use at the same time. The largest slots are given places first, each where it fits between others
 * that are there, else in a place of its own (Y. Pisarchyk and J. Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020: greedy by size). Slots of
 * one size take the fewest places that there can be.
 */
import type { Program } from './device.ts'

/** Larger places that are tried for a slot: those nearest to its size. */
const TRIED = 32

interface Used {
  readonly slot: number
  readonly bytes: number
  readonly first: number
  readonly last: number
}

/** Memory that slots share, and when each is in use, in their order. */
class Place {
  readonly number: number
  readonly #firsts: number[] = []
  readonly #lasts: number[] = []

  constructor(number: number) {
    this.number = number
  }

  /** When the last of its slots is done with it. */
  get end(): number {
    return this.#lasts.at(-1) as number
  }

  /** Takes a slot, where it is in use together with none that is here. */
  takes({ first, last }: Used): boolean {
    let [low, high] = [0, this.#firsts.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#firsts[middle] as number) < first) low = middle + 1
      else high = middle
    }
    if ((this.#lasts[low - 1] ?? -1) >= first || (this.#firsts[low] ?? Number.POSITIVE_INFINITY) <= last) return false
    this.#firsts.splice(low, 0, first)
    this.#lasts.splice(low, 0, last)
    return true
  }
}

/** Places of one size, the one that is free first at the top: a heap. */
class ByEnd {
  readonly #heap: Place[] = []

  get top(): Place | undefined {
    return this.#heap[0]
  }

  add(place: Place): void {
    const heap = this.#heap
    let i = heap.push(place) - 1
    for (let up = (i - 1) >> 1; i > 0 && (heap[up] as Place).end > place.end; up = (i - 1) >> 1) {
      heap[i] = heap[up] as Place
      heap[up] = place
      i = up
    }
  }

  /** The place at the top is free later than it was. */
  moved(): void {
    const heap = this.#heap
    const top = heap[0] as Place
    let i = 0
    for (;;) {
      let down = 2 * i + 1
      if (down + 1 < heap.length && (heap[down + 1] as Place).end < (heap[down] as Place).end) down++
      if (down >= heap.length || (heap[down] as Place).end >= top.end) return
      heap[i] = heap[down] as Place
      heap[down] = top
      i = down
    }
  }
}

/** Where the scratch slots of a program lie. */
export interface ScratchPlan {
  /** For each slot which place; −1 for one that is no scratch, or is not used. */
  readonly placeOf: readonly number[]
  /** For each place, its bytes. */
  readonly bytes: readonly number[]
}

/**
 * @param dispatches in the order in which they run, with the slots that each uses
 * @param bytesOf bytes of a slot
 */
export function planScratch(
  slots: Program['slots'],
  dispatches: readonly { readonly slots: readonly number[] }[],
  bytesOf: (slot: Program['slots'][number]) => number,
): ScratchPlan {
  const first = new Int32Array(slots.length).fill(-1)
  const last = new Int32Array(slots.length)
  dispatches.forEach((dispatch, k) => {
    for (const slot of dispatch.slots) {
      if ((first[slot] as number) < 0) first[slot] = k
      last[slot] = k
    }
  })
  const used = slots.flatMap((slot, s): Used[] =>
    slot.kind === 'scratch' && (first[s] as number) >= 0
      ? [{ slot: s, bytes: bytesOf(slot), first: first[s] as number, last: last[s] as number }]
      : [],
  )
  used.sort((a, b) => b.bytes - a.bytes || a.first - b.first || a.slot - b.slot)

  const placeOf = slots.map(() => -1)
  const bytes: number[] = []
  const places: Place[] = []
  let larger = 0
  let own = new ByEnd()
  for (const [i, each] of used.entries()) {
    if (each.bytes !== used[i - 1]?.bytes) {
      larger = places.length
      own = new ByEnd()
    }
    let place: Place | undefined
    for (let k = larger - 1; k >= 0 && k >= larger - TRIED && !place; k--) if ((places[k] as Place).takes(each)) place = places[k]
    if (!place && own.top?.takes(each)) {
      place = own.top
      own.moved()
    }
    if (!place) {
      place = new Place(bytes.push(each.bytes) - 1)
      place.takes(each)
      places.push(place)
      own.add(place)
    }
    placeOf[each.slot] = place.number
  }
  return { placeOf, bytes }
}
