/**
 * @file How many bind groups a device has. Nothing destroys one but the garbage collector, and a driver gives each memory of its own (a software driver a
 * mapping, of which Linux lets a process have 65,530): programs that are run once, one after another, would fill it.
 */
import { Garbage } from '../../base/index.ts'

/** Bind groups that programs keep, together. */
const MOST_KEPT = 16_384
/** Those that were let go of, before the collector is asked for, and before it is asked for again at once. */
const MOST_DROPPED = 8192
const URGENT = 16_384

/**
 * Dispatches of one program that are handed over at once. Those behind them wait until the slice before is done and its bind groups can go: one that is this long
 * keeps none.
 */
const SLICE = 8192

/** What keeps bind groups: a program. */
export interface GroupKeeper {
  /** Lets go of all. @returns how many they were */
  dropGroups(): number
}

export class BindGroups {
  /** Replaced by tests. */
  slice = SLICE
  /** Those that keep any; what was run last is the last. */
  readonly #keepers = new Set<GroupKeeper>()
  #kept = 0
  readonly #dropped = new Garbage(MOST_DROPPED, URGENT)
  /** Whether dropped ones are destroyed in the next turn of the event loop. */
  #due = false

  /** How many are kept. */
  get kept(): number {
    return this.#kept
  }

  /** How many a program of so many dispatches may keep for each, `most` or fewer: half of all at most. */
  shareOf(dispatches: number, most: number): number {
    return Math.min(most, Math.floor(MOST_KEPT / 2 / dispatches))
  }

  /** A program is run. */
  use(keeper: GroupKeeper): void {
    this.#keepers.delete(keeper)
    this.#keepers.add(keeper)
  }

  /** Notes one more that is kept. Where they are too many, those of the program that was run longest ago are dropped. */
  keep(): void {
    this.#kept++
    while (this.#kept > MOST_KEPT) this.forget(this.#keepers.values().next().value as GroupKeeper)
  }

  /** Drops all of a program. */
  forget(keeper: GroupKeeper): void {
    if (this.#keepers.delete(keeper)) this.drop(keeper.dropGroups())
  }

  /** Notes that so many which were kept are kept no longer. */
  drop(count: number): void {
    this.#kept -= count
    this.discard(count)
  }

  /** Notes that so many have been let go of. */
  discard(count: number): void {
    if (this.#dropped.add(count)) this.#due = true
  }

  /** Where dropped ones are to be destroyed, a promise of the turn that does it; it is given once. */
  destroyed(): Promise<void> | undefined {
    if (!this.#due) return undefined
    this.#due = false
    return new Promise((resolve) => {
      setTimeout(resolve, 0)
    })
  }
}
