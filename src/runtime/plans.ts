/**
 * @file The schedule cache. Two graphs of one structure (primitives, shapes, dtypes, which inputs are stored where) share a plan; the values
 * of scalars and of inputs are not part of the structure.
 */
import { CompilationError, showShape, TapegradError } from '../base/index.ts'
import { PartPlans, type Schedule, sameSignature, schedule, scheduleVarying, signature } from '../compiler/index.ts'
import { type Device, type Executable, type MakerOf, stepsOf } from '../device/index.ts'
import type { Node } from '../graph/index.ts'
import { planDropped } from './collector.ts'

/** A graph's structure, and how it is computed. */
export interface Plan {
  schedule: Schedule
  executable: Executable
  /** Positions of interior nodes that were read after the run: worth storing the next time. */
  readonly wanted: Set<number>
  /** Where views begin in the graph that it was found for last. */
  positions: Int32Array
  /** How often it has to be used before it is planned as a whole, which it is at 0; until then it is made of parts. */
  wait: number
}

const MAX_PLANS = 256

/**
 * A graph is planned as a whole when it comes again: at once, where that costs little; a large one when it has come more often, because what is gained in
 * each run is a small part of it; and one of so many nodes never.
 */
const NODES_A_WAIT = 256
const MOST_NODES = 8192
/** When graphs are planned as a whole; tests have others. */
export const policy = {
  /** How often a graph of so many nodes has to be used, the first time included; 0 for never. */
  waitFor: (nodes: number): number => (nodes > MOST_NODES ? 0 : 1 + Math.ceil(nodes / NODES_A_WAIT)),
}

/** Whom errors name that concern a slot of a schedule, of the graph that it is used for now. */
export const makerIn =
  (order: readonly Node[], { makers, program }: Schedule): MakerOf =>
  (slot) =>
    order[makers[slot] as number]?.op || stepsOf(program)(slot)

/** What `work` makes. What goes wrong in it is an error of what was to be computed, whatever it is. */
function compiled<T>(targets: readonly Node[], work: () => T): T {
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
  /** The positions that have varied are data of the run; undefined where none has. */
  varying: boolean[] | undefined
}

/** The plans of one device. */
class Plans {
  readonly #device: Device
  readonly #byHash = new Map<number, Entry>()
  /** The entry that was used last. */
  #latest: Entry | undefined
  readonly #parts: PartPlans

  constructor(device: Device) {
    this.#device = device
    this.#parts = new PartPlans(device.traits)
  }

  /** The plan that computes `targets`; made of the plans of parts when it is new. */
  find(order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>): Plan {
    const { row, hash, positions } = signature(order, targets, donors)
    let key = hash
    let entry = this.#byHash.get(key)
    while (entry && !sameSignature(entry.row, row)) entry = this.#byHash.get(++key)
    if (entry) {
      this.#place(entry, positions, order, targets, donors)
      if (entry === this.#latest) return entry.plan
      // Most recently used goes last: the first is what makes room.
      this.#byHash.delete(key)
      this.#byHash.set(key, entry)
      this.#latest = entry
      return entry.plan
    }
    const own = row.slice()
    const places = positions.slice()
    if (this.#byHash.size >= MAX_PLANS) {
      this.#byHash.delete(this.#byHash.keys().next().value as number)
      planDropped()
    }
    const plan = compiled(targets, (): Plan => {
      const { schedule: made, parts } = this.#parts.schedule(order, targets, donors)
      return {
        schedule: made,
        executable: this.#executable(order, made),
        wanted: new Set(),
        positions: places,
        wait: parts === 1 ? 0 : policy.waitFor(order.length),
      }
    })
    this.#latest = { row: own, plan, varying: undefined }
    this.#byHash.set(key, this.#latest)
    return plan
  }

  /** Sees to it that a plan is one for a graph whose views begin at `positions`: those that are new become data of the run. */
  #place(entry: Entry, positions: Int32Array, order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>): void {
    const { plan, varying } = entry
    const before = plan.positions
    if (sameSignature(before, positions)) return
    const places = positions.slice()
    const known = Array.from(places, (at, i) => at !== before[i] || (varying?.[i] ?? false))
    if (known.some((varies, i) => varies && !varying?.[i])) {
      this.#replace(plan, order, targets, () => scheduleVarying(order, targets, donors, this.#device.traits, known))
      entry.varying = known
    }
    plan.positions = places
  }

  #replace(plan: Plan, order: readonly Node[], targets: readonly Node[], make: () => Schedule): void {
    const made = compiled(targets, () => {
      const whole = make()
      return { schedule: whole, executable: this.#executable(order, whole) }
    })
    Object.assign(plan, made, { wait: 0 })
  }

  /** Notes that a plan is about to be run: one that has come again is made of the whole graph. The arguments are those of `find`. */
  use(plan: Plan, order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>): void {
    if (plan.wait === 0 || --plan.wait > 0) return
    this.#replace(plan, order, targets, () => schedule(order, targets, donors, this.#device.traits))
  }

  #executable(order: readonly Node[], made: Schedule): Executable {
    return this.#device.compile(made.program, makerIn(order, made))
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
