/**
 * @file Which slots of a program share memory: those that are not in use at the same time. The largest slots are given places first, each where it fits between others
 * that are there, else in a place of its own (Y. Pisarchyk and J. Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020: greedy by size). Slots of
 * one size take the fewest places that there can be.
 */
import type { Program } from './device.ts'

/** Larger places that are tried for a slot: those nearest to its size. */
const TRIED = 32
/** The least bytes of a place: slots that are smaller are as good as equal. */
const LEAST_BYTES = 256

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

  /** Takes a slot that is in use from `first` to `last`, where it is so together with none that is here. */
  takes(first: number, last: number): boolean {
    const firsts = this.#firsts
    const lasts = this.#lasts
    let high = firsts.length
    if (high === 0 || (lasts[high - 1] as number) < first) {
      firsts.push(first)
      lasts.push(last)
      return true
    }
    let low = 0
    while (low < high) {
      const middle = (low + high) >> 1
      if ((firsts[middle] as number) < first) low = middle + 1
      else high = middle
    }
    if (low > 0 && (lasts[low - 1] as number) >= first) return false
    if (low < firsts.length && (firsts[low] as number) <= last) return false
    firsts.splice(low, 0, first)
    lasts.splice(low, 0, last)
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
  /** Scratch slots by their bytes, those of one size in the order in which they come into use. */
  const bySize = new Map<number, number[]>()
  for (let k = 0; k < dispatches.length; k++) {
    const own = (dispatches[k] as { readonly slots: readonly number[] }).slots
    for (let b = 0; b < own.length; b++) {
      const s = own[b] as number
      last[s] = k
      if ((first[s] as number) >= 0) continue
      first[s] = k
      const slot = slots[s] as Program['slots'][number]
      if (slot.kind !== 'scratch') continue
      const bytes = Math.max(bytesOf(slot), LEAST_BYTES)
      const same = bySize.get(bytes)
      if (same) same.push(s)
      else bySize.set(bytes, [s])
    }
  }

  const placeOf = new Array<number>(slots.length).fill(-1)
  const bytes: number[] = []
  const places: Place[] = []
  for (const size of [...bySize.keys()].sort((a, b) => b - a)) {
    const larger = places.length
    const own = new ByEnd()
    for (const s of bySize.get(size) as number[]) {
      const [from, to] = [first[s] as number, last[s] as number]
      let place: Place | undefined
      for (let k = larger - 1; k >= 0 && k >= larger - TRIED && !place; k--) if ((places[k] as Place).takes(from, to)) place = places[k]
      if (!place && own.top?.takes(from, to)) {
        place = own.top
        own.moved()
      }
      if (!place) {
        place = new Place(bytes.push(size) - 1)
        place.takes(from, to)
        places.push(place)
        own.add(place)
      }
      placeOf[s] = place.number
    }
  }
  return { placeOf, bytes }
}
