/**
 * @file What only the garbage collector gives back, and does not count: memory outside of its heap that objects stand for (compiled code, objects of a graphics
 * driver). Where the runtime allows it, a collection is asked for when there is much of it.
 */

let collect: (() => void) | undefined | null

/** Node's collector, without a command-line flag. Elsewhere there is none to ask. */
export function garbageCollector(): (() => void) | undefined {
  if (collect === undefined) {
    collect = null
    const load = typeof process === 'undefined' ? undefined : process.getBuiltinModule
    const v8 = load?.('node:v8')
    const vm = load?.('node:vm')
    if (v8 && vm) {
      v8.setFlagsFromString('--expose-gc')
      collect = vm.runInNewContext('gc') as () => void
    }
  }
  return collect ?? undefined
}

/** A collection is not asked for again before this many times what it took have passed: its share of the time stays small, however large the heap. */
const PAUSE = 20

/** Objects of one kind that have been let go of since the last collection. */
export class Garbage {
  readonly #most: number
  readonly #urgent: number
  #count = 0
  #next = 0

  /**
   * @param most so many may wait before a collection is asked for
   * @param urgent with so many it is asked for however lately there was one
   */
  constructor(most: number, urgent = Number.POSITIVE_INFINITY) {
    this.#most = most
    this.#urgent = urgent
  }

  /** Notes that so many have been let go of. @returns whether that led to a collection, whose finalizers run with the next turn of the event loop */
  add(count: number): boolean {
    this.#count += count
    if (this.#count < this.#most) return false
    const before = performance.now()
    if (before < this.#next && this.#count < this.#urgent) return false
    const collector = garbageCollector()
    this.#count = 0
    collector?.()
    const after = performance.now()
    this.#next = after + PAUSE * (after - before)
    return collector !== undefined
  }
}
