/** @file Plans of parts, which graphs share, and a program made of them. */
import { LruMap } from '../base/index.ts'
import type { DeviceTraits, Program, ProgramStep, Slot, SlotKind } from '../device/index.ts'
import type { Node } from '../graph/index.ts'
import { type Part, partition } from './partition.ts'
import type { Schedule } from './program.ts'
import { sameSignature, signature } from './signature.ts'
import { firstPositions, scheduleVarying, withAlike } from './varying.ts'

/** Plans of parts that are kept. */
const MOST = 384

/** A part that has been run so often is planned anew where its kernels were chosen because they are quick to compile. */
const OFTEN = 256

interface Entry {
  readonly row: Int32Array
  /** Where views began the first time, and which of these have been elsewhere since: data of the run. */
  readonly positions: Int32Array
  varying: readonly boolean[]
  plan: Schedule
  /** How often it is to be run before it is planned anew. */
  wait: number
}

/** A program for a graph, and of how many parts it is made. */
interface PartSchedule {
  readonly schedule: Schedule
  readonly parts: number
}

/** The parts that a device has run, and their plans. */
export class PartPlans {
  readonly #traits: DeviceTraits
  readonly #entries = new LruMap<number, Entry[]>(MOST)

  constructor(traits: DeviceTraits) {
    this.#traits = traits
  }

  /** How many plans are kept. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * A program for a graph, of parts that are planned one by one.
   * @param order what is needed, topological, sources included; each node's `place` is its position in it
   * @param targets nodes of `order` that must be stored
   * @param donors nodes of `order` whose buffers may be overwritten
   */
  schedule(order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>): PartSchedule {
    const wanted = new Set(targets)
    const parts = partition(order, wanted)
    const linker = new Linker(order.length, targets)
    // (signatures of parts number their nodes anew)
    const places = parts.map((part) => Int32Array.from(part.targets, (node) => node.place))
    const free = donors.size > 0 ? readOnce(parts, donors) : donors
    let firsts: Int32Array | undefined
    for (const [i, part] of parts.entries()) {
      // What overwrites a donor has to be an output of the whole
      const own = free.size > 0 && part.targets.every((n) => wanted.has(n)) ? new Set(part.order.filter((n) => free.has(n))) : NONE
      const plan = this.#plan(part, own)
      const moves = plan.scalars.some((from) => 'varying' in from)
      if (moves) firsts ??= firstPositions(order)
      linker.add(part, places[i] as Int32Array, plan, moves ? positionsOf(part, firsts as Int32Array) : NOWHERE)
    }
    return { schedule: linker.link(), parts: parts.length }
  }

  #plan(part: Part, donors: ReadonlySet<Node>): Schedule {
    const { row, hash, positions } = signature(part.order, part.targets, donors, part.read)
    const same = this.#entries.get(hash)
    const known = same?.find((entry) => sameSignature(entry.row, row))
    if (!known) {
      const bare = this.#traits.slowContractions
      const made = { row: row.slice(), positions: positions.slice(), varying: [] }
      const entry: Entry = { ...made, plan: this.#make(part, donors, made.varying, bare), wait: bare ? OFTEN : 0 }
      this.#entries.set(hash, [...(same ?? []), entry])
      return entry.plan
    }
    const moved = known.positions.some((at, i) => at !== positions[i] && !known.varying[i])
    const often = known.wait > 0 && --known.wait === 0
    if (moved || often) {
      const changed = Array.from(known.positions, (at, i) => at !== positions[i] || (known.varying[i] ?? false))
      const varying = withAlike(part.order, changed, part.read)
      known.plan = this.#make(part, donors, varying, known.wait > 0)
      known.varying = varying
    }
    return known.plan
  }

  #make({ order, targets, read }: Part, donors: ReadonlySet<Node>, varying: readonly boolean[], bare: boolean): Schedule {
    return scheduleVarying(order, targets, donors, this.#traits, { varying, read, bare })
  }
}

/** For each position of a part, its number among those of the graph. @param firsts of the graph */
function positionsOf({ order, places, read }: Part, firsts: Int32Array): readonly number[] {
  const numbers: number[] = []
  for (const [i, node] of order.entries()) {
    if (read.has(node)) continue
    const place = places[i] as number
    for (let number = firsts[place] as number; number < (firsts[place + 1] as number); number++) numbers.push(number)
  }
  return numbers
}

const NOWHERE: readonly number[] = []
const NONE: ReadonlySet<Node> = new Set()

/** Donors that one part alone reads. */
function readOnce(parts: readonly Part[], donors: ReadonlySet<Node>): ReadonlySet<Node> {
  const once = new Set<Node>()
  const more = new Set<Node>()
  for (const { order } of parts) {
    for (const node of order) {
      if (!donors.has(node)) continue
      if (once.has(node)) more.add(node)
      once.add(node)
    }
  }
  for (const node of more) once.delete(node)
  return once
}

type ScalarType = Program['scalars'][number]

/** Puts the plans of parts together. Nodes are known by their places in the graph's order. */
class Linker {
  /** The index among the targets, of those. */
  readonly #goals: ReadonlyMap<number, number>
  readonly #steps: ProgramStep[] = []
  readonly #slots: Slot[] = []
  readonly #slotOf: Int32Array
  /** By the place of a number's node, or, below zero, by the number of a position that is data of the run. */
  readonly #scalarOf = new Map<number, number>()
  readonly #scalars: ScalarType[] = []
  readonly #inputs: number[] = []
  readonly #outputs: number[] = []
  readonly #makers: number[] = []
  readonly #donated = new Set<number>()

  /** @param length nodes of the order */
  constructor(length: number, targets: readonly Node[]) {
    this.#slotOf = new Int32Array(length).fill(-1)
    this.#goals = new Map(targets.map((node, i) => [node.place, i]))
  }

  /** @param positions for each position of the part, its number among those of the graph */
  add({ places }: Part, targets: Int32Array, plan: Schedule, positions: readonly number[]): void {
    const { program, inputs, outputs, scalars, donated, makers } = plan
    const at = (position: number): number => places[position] as number
    let input = 0
    let output = 0
    const slotOf = (slot: Slot, maker: number): number => {
      switch (slot.kind) {
        case 'input':
          return this.#slotFor(at(inputs[input++] as number), slot, maker, true)
        case 'output':
          return this.#slotFor(targets[outputs[output++] as number] as number, slot, maker, false)
        case 'scratch':
          return this.#slot('scratch', slot, maker)
      }
    }
    const slots = program.slots.map((slot, s) => slotOf(slot, at(makers[s] as number)))
    for (const [s, { donor }] of program.slots.entries()) {
      if (donor === undefined) continue
      const own = slots[s] as number
      this.#slots[own] = { ...(this.#slots[own] as Slot), donor: slots[donor] as number }
    }
    for (const p of donated) this.#donated.add(at(p))
    const numbers = scalars.map((from, i) =>
      this.#scalar('node' in from ? at(from.node) : -1 - (positions[from.varying] as number), program.scalars[i] as ScalarType),
    )
    for (const step of program.steps) this.#steps.push(relinked(step, slots, numbers))
  }

  /** The slot of the node at a place: one that a part before has made, or a new one. */
  #slotFor(place: number, slot: Slot, maker: number, isRead: boolean): number {
    const known = this.#slotOf[place] as number
    if (known >= 0) return known
    const target = this.#goals.get(place)
    const kind = isRead ? 'input' : target === undefined ? 'scratch' : 'output'
    const made = this.#slot(kind, slot, maker)
    this.#slotOf[place] = made
    if (kind === 'input') this.#inputs.push(place)
    if (kind === 'output') this.#outputs.push(target as number)
    return made
  }

  #slot(kind: SlotKind, { dtype, length }: Slot, maker: number): number {
    this.#makers.push(maker)
    return this.#slots.push({ kind, dtype, length }) - 1
  }

  #scalar(source: number, type: ScalarType): number {
    let at = this.#scalarOf.get(source)
    if (at === undefined) {
      at = this.#scalars.push(type) - 1
      this.#scalarOf.set(source, at)
    }
    return at
  }

  link(): Schedule {
    return {
      program: { steps: this.#steps, slots: this.#slots, scalars: this.#scalars },
      inputs: this.#inputs,
      outputs: this.#outputs,
      scalars: Array.from(this.#scalarOf.keys(), (source) => (source < 0 ? { varying: -1 - source } : { node: source })),
      donated: this.#donated,
      makers: this.#makers,
    }
  }
}

function relinked(step: ProgramStep, slots: readonly number[], scalars: readonly number[]): ProgramStep {
  const own = step.slots.map((s) => slots[s] as number)
  switch (step.kind) {
    case 'kernel':
      return { kind: 'kernel', kernel: step.kernel, slots: own, scalars: step.scalars.map((s) => scalars[s] as number) }
    case 'routine':
      return { kind: 'routine', call: step.call, slots: own, pieces: step.pieces }
  }
}
