/** @file Plans of parts, which graphs share, and a program made of them. */
import { LruMap } from '../base/index.ts'
import type { DeviceTraits, Program, ProgramStep, Slot } from '../device/index.ts'
import type { Node } from '../graph/index.ts'
import { copyGraph } from './copy-graph.ts'
import { type Part, partition } from './partition.ts'
import type { Schedule } from './program.ts'
import { schedule } from './schedule.ts'
import { sameSignature, signature } from './signature.ts'

/** Plans of parts that are kept. */
const MOST = 4096

interface Entry {
  readonly row: Int32Array
  readonly plan: Schedule
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
   * @param order what is needed, topological, sources included
   * @param targets nodes of `order` that must be stored
   * @param donors nodes of `order` whose buffers may be overwritten
   */
  schedule(order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>): PartSchedule {
    const wanted = new Set(targets)
    const parts = partition(order, wanted)
    const linker = new Linker(order, targets)
    const free = donors.size > 0 ? readOnce(parts, donors) : donors
    for (const part of parts) {
      // What overwrites a donor has to be an output of the whole
      const own = free.size > 0 && part.targets.every((n) => wanted.has(n)) ? new Set(part.order.filter((n) => free.has(n))) : NONE
      linker.add(part, this.#plan(part, own))
    }
    return { schedule: linker.link(), parts: parts.length }
  }

  #plan(part: Part, donors: ReadonlySet<Node>): Schedule {
    const { row, hash } = signature(part.order, part.targets, donors, part.read)
    const same = this.#entries.get(hash)
    const known = same?.find((entry) => sameSignature(entry.row, row))
    if (known) return known.plan
    const own = row.slice()
    const copies = copyGraph(part.order, ({ primitive }) => primitive, part.read)
    const of = (nodes: Iterable<Node>): Node[] => Array.from(nodes, (n) => copies.get(n) as Node)
    const plan = schedule(of(part.order), of(part.targets), new Set(of(donors)), this.#traits)
    this.#entries.set(hash, [...(same ?? []), { row: own, plan }])
    return plan
  }
}

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

/** Puts the plans of parts together. */
class Linker {
  readonly #positions: ReadonlyMap<Node, number>
  readonly #goals: ReadonlyMap<Node, number>
  readonly #steps: ProgramStep[] = []
  readonly #slots: Slot[] = []
  readonly #slotOf = new Map<Node, number>()
  readonly #scalarOf = new Map<Node, number>()
  readonly #scalars: Program['scalars'][number][] = []
  readonly #inputs: number[] = []
  readonly #outputs: number[] = []
  readonly #makers: number[] = []
  readonly #donated = new Set<number>()

  constructor(order: readonly Node[], targets: readonly Node[]) {
    this.#positions = new Map(order.map((node, i) => [node, i]))
    this.#goals = new Map(targets.map((node, i) => [node, i]))
  }

  #positionOf(node: Node): number {
    return this.#positions.get(node) as number
  }

  add({ order, targets }: Part, plan: Schedule): void {
    const { program, inputs, outputs, scalars, donated, makers } = plan
    let input = 0
    let output = 0
    const slots: number[] = []
    for (const [s, slot] of program.slots.entries()) {
      const node =
        slot.kind === 'input'
          ? (order[inputs[input++] as number] as Node)
          : slot.kind === 'output'
            ? (targets[outputs[output++] as number] as Node)
            : undefined
      slots.push((node && this.#slotOf.get(node)) ?? this.#slot(slot, node, this.#positionOf(order[makers[s] as number] as Node)))
    }
    // (a donor may come behind its output)
    for (const [s, { donor }] of program.slots.entries()) {
      if (donor === undefined) continue
      const at = slots[s] as number
      this.#slots[at] = { ...(this.#slots[at] as Slot), donor: slots[donor] as number }
    }
    for (const p of donated) this.#donated.add(this.#positionOf(order[p] as Node))
    const numbers = scalars.map((from, i) => {
      if ('varying' in from) throw new Error('parts: a position of a part is part of its structure')
      return this.#scalar(order[from.node] as Node, program.scalars[i] as Program['scalars'][number])
    })
    for (const step of program.steps) this.#steps.push(relinked(step, slots, numbers))
  }

  #slot({ dtype, length }: Slot, node: Node | undefined, maker: number): number {
    const target = node && this.#goals.get(node)
    const kind = node?.storage ? 'input' : target !== undefined ? 'output' : 'scratch'
    const at = this.#slots.push({ kind, dtype, length }) - 1
    this.#makers.push(maker)
    if (!node) return at
    this.#slotOf.set(node, at)
    if (kind === 'input') this.#inputs.push(this.#positionOf(node))
    if (target !== undefined && kind === 'output') this.#outputs.push(target)
    return at
  }

  #scalar(node: Node, type: Program['scalars'][number]): number {
    let at = this.#scalarOf.get(node)
    if (at === undefined) {
      at = this.#scalars.push(type) - 1
      this.#scalarOf.set(node, at)
    }
    return at
  }

  link(): Schedule {
    return {
      program: { steps: this.#steps, slots: this.#slots, scalars: this.#scalars },
      inputs: this.#inputs,
      outputs: this.#outputs,
      scalars: [...this.#scalarOf.keys()].map((node) => ({ node: this.#positionOf(node) })),
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
      return { kind: 'routine', call: step.call, slots: own }
  }
}
