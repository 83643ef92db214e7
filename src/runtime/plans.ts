/**
 * @file The schedule cache. Two graphs of one structure (primitives, shapes, dtypes, which inputs are stored where) share a plan; the values
 * of scalars and of inputs are not part of the structure, nor is, once it has changed, where views begin.
 */
import { CompilationError, showShape, sizeOf, TapegradError } from '../base/index.ts'
import {
  freeingEarly,
  inPlace,
  PartPlans,
  type Schedule,
  sameSignature,
  schedule,
  scheduleVarying,
  signature,
  withAlike,
} from '../compiler/index.ts'
import { type Device, type Executable, type MakerOf, stepsOf } from '../device/index.ts'
import { isView, type Node, rowOf } from '../graph/index.ts'
import { planDropped } from './collector.ts'
import { fingerprints } from './fingerprints.ts'

/** What is to be computed. */
interface Graph {
  /** Topological, sources included. */
  readonly order: readonly Node[]
  /** Nodes of `order` that must be stored. */
  readonly targets: readonly Node[]
  /** Nodes of `order` whose buffers may be overwritten. */
  readonly donors: ReadonlySet<Node>
}

/** How a graph is computed. */
export interface CompiledGraph {
  readonly schedule: Schedule
  readonly executable: Executable
  /** Where views begin in it. */
  readonly positions: Int32Array
  /** Whether it was planned as a whole, not in parts. */
  readonly whole: boolean
}

/** What is known of graphs of one structure. */
export class Plan {
  readonly row: Int32Array
  /** As it was computed last. */
  compiled: CompiledGraph | undefined = undefined
  /** Which of the places where views begin have changed since the first time. */
  varying: readonly boolean[] = []
  /** How often it has still to come again before it is planned as a whole. */
  wait: number
  /** How many runs there had been when it came last. */
  last: number
  readonly #late: ReadLate
  #fingerprints: Int32Array | undefined
  readonly #wanted = new Set<number>()

  constructor(row: Int32Array, { wait, last, late }: { readonly wait: number; readonly last: number; readonly late: ReadLate }) {
    this.row = row
    this.wait = wait
    this.last = last
    this.#late = late
  }

  /**
   * Positions of interior nodes that are worth storing: they were read after an earlier run, or are what was read so of other graphs.
   * @param order a graph of this structure that is about to be run
   */
  wanted(order: readonly Node[]): ReadonlySet<number> {
    if (!this.#fingerprints) {
      this.#fingerprints = fingerprints(order)
      for (let i = 0; i < order.length && this.#late.any; i++) {
        const node = order[i] as Node
        const size = this.#late.largest(this.#fingerprints[i] as number)
        if (size === undefined || node.storage || node.origin || !isKept(node)) continue
        if (sizeOf(node.shape) <= LARGER * size) this.#wanted.add(i)
      }
    }
    return this.#wanted
  }

  /** Notes that a node of the graph that was run last, which was not stored, was read afterwards. */
  readLate(node: Node): void {
    this.#wanted.add(node.position)
    if (isKept(node)) this.#late.add(this.#fingerprints?.[node.position] as number, sizeOf(node.shape))
  }
}

/** Whether graphs of other structures store a node because one like it was read late: what is quick to compute again may be far larger than what was read of it. */
const isKept = (node: Node): boolean => !isView(node) && !rowOf(node.primitive).recomputed

/** The fingerprints of what was read after its run, of all graphs of a device: the last so many, each with the elements of the largest. */
class ReadLate {
  readonly #prints = new Map<number, number>()

  /** Whether anything was. */
  get any(): boolean {
    return this.#prints.size > 0
  }

  /** The elements of the largest that is like it: what is much larger is not stored for its sake. */
  largest(print: number): number | undefined {
    return this.#prints.get(print)
  }

  add(print: number, size: number): void {
    const largest = Math.max(size, this.#prints.get(print) ?? 0)
    this.#prints.delete(print)
    this.#prints.set(print, largest)
    if (this.#prints.size > MOST_READ_LATE) this.#prints.delete(this.#prints.keys().next().value as number)
  }
}
const MOST_READ_LATE = 1024
const LARGER = 4

/** Plans that are kept, and how many nodes their graphs may have in all. */
const MOST_PLANS = 256
const MOST_NODES = 2 ** 18

/**
 * A graph is planned as a whole when it comes again: at once, where that costs little; a large one when it has come more often, because what is gained in
 * each run is a small part of it; and one of very many nodes never. What comes again after more than RECENT runs is one of many that take turns: each counts
 * for less, since a plan for each of them has to be made.
 */
const NODES_A_WAIT = 256
const LARGEST_WHOLE = 8192
const RECENT = 16
const RARE = 1 / 8
/** When graphs are planned as a whole; tests have others. */
export const policy = {
  /** How often a graph of so many nodes is run in parts first. */
  waitFor: (nodes: number): number => (nodes > LARGEST_WHOLE ? Number.POSITIVE_INFINITY : Math.ceil(nodes / NODES_A_WAIT)),
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

/** The plans of one device. */
export class Plans {
  readonly #device: Device
  readonly #byHash = new Map<number, Plan>()
  /** The plan that was found last, and where the views of its graph begin. */
  #latest: Plan | undefined
  #positions = new Int32Array(0)
  #nodes = 0
  #runs = 0
  readonly #parts: PartPlans
  readonly #late = new ReadLate()

  constructor(device: Device) {
    this.#device = device
    this.#parts = new PartPlans(device.traits)
  }

  /** How many plans of graphs are kept, and how many of parts. */
  get sizes(): { readonly plans: number; readonly parts: number } {
    return { plans: this.#byHash.size, parts: this.#parts.size }
  }

  /** The plan of a graph. */
  find({ order, targets, donors }: Graph): Plan {
    const { row, hash, positions } = signature(order, targets, donors)
    this.#positions = positions.slice()
    let key = hash
    let plan = this.#byHash.get(key)
    while (plan && !sameSignature(plan.row, row)) plan = this.#byHash.get(++key)
    if (plan) {
      // (none since it came last: that was an attempt at this run)
      const since = this.#runs - plan.last
      if (since > 0 && plan.wait > 0) plan.wait = Math.max(0, plan.wait - (since > RECENT ? RARE : 1))
      plan.last = this.#runs
      if (plan === this.#latest) return plan
      // Most recently used goes last: the first is what makes room.
      this.#byHash.delete(key)
    } else {
      const wait = this.#device.traits.roundsOperators ? policy.waitFor(order.length) : 0
      plan = new Plan(row.slice(), { wait, last: this.#runs, late: this.#late })
      this.#nodes += order.length
      this.#makeRoom()
    }
    this.#byHash.set(key, plan)
    this.#latest = plan
    return plan
  }

  #makeRoom(): void {
    for (const [key, plan] of this.#byHash) {
      if (this.#byHash.size < MOST_PLANS && this.#nodes < MOST_NODES) return
      this.#byHash.delete(key)
      this.#nodes -= nodesIn(plan)
      if (!plan.compiled) continue
      this.#device.drop(plan.compiled.executable)
      planDropped()
    }
  }

  /** What computes a graph for which a plan was found just now: made of the plans of parts, until it has come again. */
  compile(plan: Plan, graph: Graph): CompiledGraph {
    const before = plan.compiled
    const positions = this.#positions
    const moved = before !== undefined && !sameSignature(before.positions, positions)
    const changed = moved ? Array.from(positions, (at, i) => at !== before.positions[i] || (plan.varying[i] ?? false)) : plan.varying
    const varying =
      changed === plan.varying || changed.every((is, i) => !is || plan.varying[i]) ? plan.varying : withAlike(graph.order, changed)
    const known = !moved || varying.every((varies, i) => !varies || plan.varying[i])
    const whole = plan.wait === 0 || before?.whole === true
    if (!before || whole !== before.whole || (moved && !(whole && known))) {
      const made = compiled(graph.targets, () => this.#make(graph, whole, varying))
      if (before) this.#device.drop(before.executable)
      plan.compiled = { ...made, positions }
    } else if (moved) plan.compiled = { ...before, positions }
    plan.varying = varying
    return plan.compiled as CompiledGraph
  }

  /** Notes that one of the plans has been run. */
  ran(): void {
    this.#runs++
  }

  #make(graph: Graph, whole: boolean, varying: readonly boolean[]): Omit<CompiledGraph, 'positions'> {
    const { order, targets, donors } = graph
    const { traits } = this.#device
    let made: Schedule
    let complete = whole
    if (!whole) {
      const { schedule: linked, parts } = this.#parts.schedule(order, targets, donors)
      made = linked
      complete = parts === 1 && !traits.slowContractions // there is nothing else to be gained
    } else if (varying.includes(true)) made = scheduleVarying(order, targets, donors, traits, { varying })
    else made = schedule(order, targets, donors, traits)
    const { program } = made
    made = { ...made, program: inPlace({ ...program, steps: freeingEarly(program) }) }
    return { schedule: made, executable: this.#executable(made, graph), whole: complete }
  }

  #executable(made: Schedule, { order }: Graph): Executable {
    return this.#device.compile(made.program, makerIn(order, made))
  }
}

/** (The first word of a row.) */
const nodesIn = ({ row }: Plan): number => row[0] as number

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
