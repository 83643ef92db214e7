/** @file Plans of parts, which graphs share, and a program made of them. */
import { LruMap } from '../base/index.ts'
import type { DeviceTraits, Program, ProgramStep, Slot, SlotKind } from '../device/index.ts'
import type { Node } from '../graph/index.ts'
import { unreachable } from '../kernel/index.ts'
import { type Part, Partition } from './partition.ts'
import type { ScalarSource, Schedule } from './program.ts'
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
  plan: LinkedPart
  /** How often it is to be run before it is planned anew. */
  wait: number
}

/** A program for a graph, and of how many parts it is made. */
interface PartSchedule {
  readonly schedule: Schedule
  readonly parts: number
}

/** The plan of a part, and of what is the same in each program that it becomes a piece of. */
interface LinkedPart {
  readonly plan: Schedule
  /** Its slots as they are in such a program, by their kind there; what overwrites another is not among them. */
  readonly slots: readonly Readonly<Record<SlotKind, Slot>>[]
  /** Slots that overwrite another. */
  readonly overwriting: readonly number[]
  /** Whether it reads positions that are data of the run. */
  readonly varies: boolean
}

function linkable(plan: Schedule): LinkedPart {
  const { program, scalars } = plan
  return {
    plan,
    slots: program.slots.map(({ dtype, length }) => ({
      input: { kind: 'input', dtype, length },
      output: { kind: 'output', dtype, length },
      scratch: { kind: 'scratch', dtype, length },
    })),
    overwriting: program.slots.flatMap(({ donor }, s) => (donor === undefined ? [] : s)),
    varies: scalars.some((from) => 'varying' in from),
  }
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
    const parts = new Partition(order, wanted)
    const linker = new Linker(order.length, targets)
    const free = donors.size > 0 ? new Set([...donors].filter((node) => parts.isReadOnce(node))) : NONE
    let firsts: Int32Array | undefined
    for (let i = 0; i < parts.length; i++) {
      const part = parts.part(i)
      if (part.targets.length === 0) continue // all of it is computed where it is read
      // What overwrites a donor has to be an output of the whole
      const own = free.size > 0 && part.targets.every((n) => wanted.has(n)) ? new Set(part.order.filter((n) => free.has(n))) : NONE
      const known = this.#plan(part, own)
      putBack(part)
      if (known.varies) firsts ??= firstPositions(order)
      linker.add(part, known, known.varies ? positionsOf(part, firsts as Int32Array) : NOWHERE)
    }
    return { schedule: linker.link(), parts: parts.length }
  }

  #plan(part: Part, donors: ReadonlySet<Node>): LinkedPart {
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
    const moved = !sameSignature(known.positions, positions) && known.positions.some((at, i) => at !== positions[i] && !known.varying[i])
    const often = known.wait > 0 && --known.wait === 0
    if (moved || often) {
      const changed = Array.from(known.positions, (at, i) => at !== positions[i] || (known.varying[i] ?? false))
      const varying = withAlike(part.order, changed, part.read)
      known.plan = this.#make(part, donors, varying, known.wait > 0)
      known.varying = varying
    }
    return known.plan
  }

  #make({ order, targets, read }: Part, donors: ReadonlySet<Node>, varying: readonly boolean[], bare: boolean): LinkedPart {
    return linkable(scheduleVarying(order, targets, donors, this.#traits, { varying, read, bare }))
  }
}

/** For each position of a part, its number among those of the graph. @param firsts of the graph */
function positionsOf({ order, places, read }: Part, firsts: Int32Array): readonly number[] {
  const numbers: number[] = []
  for (let i = 0; i < order.length; i++) {
    if (read[i]) continue
    const place = places[i] as number
    for (let number = firsts[place] as number; number < (firsts[place + 1] as number); number++) numbers.push(number)
  }
  return numbers
}

const NOWHERE: readonly number[] = []
const NONE: ReadonlySet<Node> = new Set()

/** Gives the nodes of a part their places in the graph again: its signature has numbered them anew. */
function putBack({ order, places }: Part): void {
  for (let i = 0; i < order.length; i++) (order[i] as Node).place = places[i] as number
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
  add({ places, targetPlaces }: Part, { plan, slots: forms, overwriting }: LinkedPart, positions: readonly number[]): void {
    const { program, inputs, outputs, scalars, donated, makers } = plan
    let input = 0
    let output = 0
    const slots: number[] = []
    for (let s = 0; s < forms.length; s++) {
      const form = forms[s] as LinkedPart['slots'][number]
      const maker = places[makers[s] as number] as number
      const { kind } = program.slots[s] as Slot
      switch (kind) {
        case 'input':
          slots.push(this.#slotFor(places[inputs[input++] as number] as number, form, maker, true))
          break
        case 'output':
          slots.push(this.#slotFor(targetPlaces[outputs[output++] as number] as number, form, maker, false))
          break
        case 'scratch':
          slots.push(this.#slot(form.scratch, maker))
          break
        default:
          unreachable(kind)
      }
    }
    for (const s of overwriting) {
      const own = slots[s] as number
      this.#slots[own] = { ...(this.#slots[own] as Slot), donor: slots[(program.slots[s] as Slot).donor as number] as number }
    }
    for (const p of donated) this.#donated.add(places[p] as number)
    const numbers: number[] = []
    for (let i = 0; i < scalars.length; i++) {
      const from = scalars[i] as ScalarSource
      const source = 'node' in from ? (places[from.node] as number) : -1 - (positions[from.varying] as number)
      numbers.push(this.#scalar(source, program.scalars[i] as ScalarType))
    }
    const { steps } = program
    for (let i = 0; i < steps.length; i++) this.#steps.push(relinked(steps[i] as ProgramStep, slots, numbers))
  }

  /** The slot of the node at a place: one that a part before has made, or a new one. */
  #slotFor(place: number, form: Readonly<Record<SlotKind, Slot>>, maker: number, isRead: boolean): number {
    const known = this.#slotOf[place] as number
    if (known >= 0) return known
    const target = isRead ? undefined : this.#goals.get(place)
    const kind = isRead ? 'input' : target === undefined ? 'scratch' : 'output'
    const made = this.#slot(form[kind], maker)
    this.#slotOf[place] = made
    if (kind === 'input') this.#inputs.push(place)
    if (kind === 'output') this.#outputs.push(target as number)
    return made
  }

  #slot(slot: Slot, maker: number): number {
    this.#makers.push(maker)
    return this.#slots.push(slot) - 1
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

/** A step of a part in the slots and numbers of the whole. */
function relinked(step: ProgramStep, slots: readonly number[], scalars: readonly number[]): ProgramStep {
  const own = taken(step.slots, slots)
  switch (step.kind) {
    case 'kernel':
      return {
        kind: 'kernel',
        kernel: step.kernel,
        slots: own,
        scalars: step.scalars.length === 0 ? step.scalars : taken(step.scalars, scalars),
      }
    case 'routine':
      return { kind: 'routine', call: step.call, slots: own, pieces: step.pieces }
  }
}

/** Those of a list that stand at some places. */
function taken(places: readonly number[], list: readonly number[]): number[] {
  const found: number[] = []
  for (let i = 0; i < places.length; i++) found.push(list[places[i] as number] as number)
  return found
}
