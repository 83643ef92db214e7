/**
 * @file The schedule cache. Two graphs of one structure (primitives, shapes, dtypes, which inputs are stored where) share a plan; the values
 * of scalars and of inputs are not part of the structure.
 */
import { CompilationError, showShape, TapegradError } from '../base/index.ts'
import { type Schedule, sameSignature, schedule, signature } from '../compiler/index.ts'
import { type Device, type Executable, type MakerOf, stepsOf } from '../device/index.ts'
import type { Node } from '../graph/index.ts'
import { planDropped } from './collector.ts'

export interface Plan extends Schedule {
  readonly executable: Executable
  /** Positions of interior nodes that were read after the run: worth storing the next time. */
  readonly wanted: Set<number>
}

const MAX_PLANS = 256

/** Whom errors name that concern a slot of a schedule, of the graph that it is used for now. */
export const makerIn =
  (order: readonly Node[], { makers, program }: Schedule): MakerOf =>
  (slot) =>
    order[makers[slot] as number]?.op || stepsOf(program)(slot)

/** What `work` makes. What goes wrong in it is an error of what was to be computed, whatever it is. */
function compiled(targets: readonly Node[], work: () => Plan): Plan {
  try {
    return work()
  } catch (e) {
    if (e instanceof TapegradError) throw e
    const [{ op, shape, dtype }] = targets as readonly [Node]
    const reason = e instanceof Error ? e.message : String(e)
    throw new CompilationError(
      op,
      `a ${showShape(shape)} ${dtype} tensor cannot be computed: no kernel could be made for it (${reason})`,
      e,
    )
  }
}

interface Entry {
  readonly row: Int32Array
  readonly plan: Plan
}

/** The plans of one device. */
class Plans {
  readonly #device: Device
  readonly #byHash = new Map<number, Entry>()
  /** The entry that was used last. */
  #latest: Entry | undefined

  constructor(device: Device) {
    this.#device = device
  }

  /** The plan that computes `targets`; scheduled and compiled when it is new. */
  find(order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>): Plan {
    const { row, hash } = signature(order, targets, donors)
    let key = hash
    let entry = this.#byHash.get(key)
    while (entry && !sameSignature(entry.row, row)) entry = this.#byHash.get(++key)
    if (entry) {
      if (entry === this.#latest) return entry.plan
      // Most recently used goes last: the first is what makes room.
      this.#byHash.delete(key)
      this.#byHash.set(key, entry)
      this.#latest = entry
      return entry.plan
    }
    const own = row.slice()
    if (this.#byHash.size >= MAX_PLANS) {
      this.#byHash.delete(this.#byHash.keys().next().value as number)
      planDropped()
    }
    const plan = compiled(targets, () => {
      const made = schedule(order, targets, donors, this.#device.traits)
      const executable = this.#device.compile(made.program, makerIn(order, made))
      return { ...made, executable, wanted: new Set<number>() }
    })
    this.#latest = { row: own, plan }
    this.#byHash.set(key, this.#latest)
    return plan
  }
}

const plans = new WeakMap<Device, Plans>()

/** The plans of a device: they go with it. */
export function plansOf(device: Device): Plans {
  let own = plans.get(device)
  if (!own) {
    own = new Plans(device)
    plans.set(device, own)
  }
  return own
}
