/** @file From groups to a program: in which order kernels run, which buffers they bind, and which outputs overwrite an input. */
import { sizeOf } from '../base/index.ts'
import type { KernelStep, Program, ProgramStep, RoutineStep, Slot } from '../device/index.ts'
import { isSource, type Node, type PrimitiveOf, rowOf, wholeBase } from '../graph/index.ts'
import { type BufferUse, type Expr, type Index, type Kernel, Renamer, routineRow, valueTypeOf } from '../kernel/index.ts'
import { collapseAxes } from './collapse-axes.ts'
import type { FusionGroup, Unit } from './fusion-groups.ts'
import { GroupWriter, type Memory, type WrittenGroup } from './group-writer.ts'
import { readsOnlyAt } from './in-place.ts'
import { VaryingPositions } from './lower.ts'
import { orderGroups } from './order.ts'

export interface Schedule {
  readonly program: Program
  /** For each input slot, the position in `order` of the node whose values are bound to it. */
  readonly inputs: readonly number[]
  /** For each scalar of the program, the position in `order` of its node, or the number of a position that is data of the run. */
  readonly scalars: readonly ScalarSource[]
  /** For each output slot, the index of its target. */
  readonly outputs: readonly number[]
  /** Positions of inputs whose buffers were given up to outputs. */
  readonly donated: ReadonlySet<number>
  /** For each slot, the position in `order` of the node that it is made for. */
  readonly makers: readonly number[]
}

/** Where a number comes from that changes from run to run. */
export type ScalarSource = { readonly node: number } | { readonly varying: number }

/** What has been decided when a program is written. */
export interface Arrangement {
  /** As recorded: positions in it name inputs and scalars. */
  readonly sources: readonly Node[]
  /** What must be stored, and the index of its target. */
  readonly goals: ReadonlyMap<Node, number>
  readonly donors: ReadonlySet<Node>
  readonly units: ReadonlyMap<Node, Unit>
  /** Which nodes read each node. */
  readonly consumers: ReadonlyMap<Node, readonly Node[]>
  readonly groups: Iterable<FusionGroup>
  /** What memory a stored node lies in, where it is not its own: the pack that it is a piece of. */
  readonly home: ReadonlyMap<Node, { node: Node; offset: number }>
  /** Buffers that one kernel may bind. */
  readonly limit: number
}

/** How many buffers a kernel of these members may have to bind: what it reads, and what others read of it; an output in a donor's place counts once. */
export function bindings({ goals, donors, consumers }: Arrangement, loads: ReadonlySet<Node>, members: readonly Node[]): number {
  const inside = new Set(members)
  const stored = members.filter((m) => goals.has(m) || consumers.get(m)?.some((n) => !inside.has(n)))
  const given = [...loads].filter((n) => donors.has(n))
  let shared = 0
  for (const out of stored) {
    if (!goals.has(out)) continue
    const i = given.findIndex((d) => d.dtype === out.dtype && sizeOf(d.shape) === sizeOf(out.shape))
    if (i < 0) continue
    given.splice(i, 1)
    shared++
  }
  return loads.size + stored.length - shared
}

/** The program, or the groups that would bind too many buffers: some of their members belong elsewhere. */
export const writeProgram = (made: Arrangement): Schedule | readonly FusionGroup[] => new ProgramWriter(made).run()

class ProgramWriter implements Memory {
  readonly #made: Arrangement
  /** Where each node that was recorded stands in `sources`. */
  readonly #positions: ReadonlyMap<Node, number>
  /** The program's numbers: of scalar nodes, and positions that are data of the run. */
  readonly #scalars = new Map<Node | number, number>()
  /** Positions in the kernel that is written. */
  #varying = new VaryingPositions()
  #buffers: ReadonlyMap<Node, number> = new Map()
  #sites: string[] = []
  /** The numbers that the kernel which is written reads, by their places in the program. */
  #numbers: number[] = []

  constructor(made: Arrangement) {
    this.#made = made
    this.#positions = new Map(made.sources.map((node, i) => [node, i]))
  }

  unitOf(node: Node): Unit | undefined {
    return this.#made.units.get(node)
  }

  load(node: Node, index: Index): Expr {
    return { kind: 'load', buffer: this.#buffers.get(node) as number, index, type: valueTypeOf(node.dtype) }
  }

  scalarSlot(node: Node): number {
    return this.#number(node)
  }

  position(varying: number, size: number): Index {
    return this.#varying.at(varying, size, () => this.#number(varying))
  }

  /** The place of a number among those of the kernel. */
  #number(source: Node | number): number {
    let slot = this.#scalars.get(source)
    if (slot === undefined) {
      slot = this.#scalars.size
      this.#scalars.set(source, slot)
    }
    const place = this.#numbers.indexOf(slot)
    return place < 0 ? this.#numbers.push(slot) - 1 : place
  }

  site(op: string): number {
    let i = this.#sites.indexOf(op)
    if (i < 0) i = this.#sites.push(op) - 1
    return i
  }

  #positionOf(node: Node): number {
    return this.#positions.get(node) as number
  }

  run(): Schedule | readonly FusionGroup[] {
    const { goals, units, home, limit } = this.#made
    // What is read from another group, or wanted, is stored.
    const stored = new Set<Node>(goals.keys())
    for (const group of this.#made.groups) for (const node of group.loads) if (units.get(node)?.group !== group) stored.add(node)
    for (const piece of home.keys()) stored.add(piece)

    const ordered = orderGroups(this.#made.groups)
    const crowded = ordered.filter((group) => {
      const outside = new Set([...group.loads].filter((n) => units.get(n)?.group !== group))
      const members = group.units.filter((u) => stored.has(u.node)).map((u) => u.node)
      return bindings(this.#made, outside, members) > limit
    })
    if (crowded.length > 0) return crowded

    const slots: Slot[] = []
    const slotOf = new Map<Node, number>()
    const inputs: number[] = []
    const outputs: number[] = []
    const makers: number[] = []
    const slotFor = (node: Node): number => {
      const own = home.get(node)?.node ?? node
      let slot = slotOf.get(own)
      if (slot === undefined) {
        const target = goals.get(own)
        const kind = own.storage ? 'input' : target !== undefined ? 'output' : 'scratch'
        slot = slots.push({ kind, dtype: own.dtype, length: sizeOf(own.shape) }) - 1
        slotOf.set(own, slot)
        makers.push(own.place)
        if (kind === 'input') inputs.push(this.#positionOf(own))
        if (kind === 'output') outputs.push(target as number)
      }
      return slot
    }

    const steps: ProgramStep[] = []
    const readers = new Map<Node, number>()
    for (const group of ordered) for (const node of group.loads) readers.set(node, (readers.get(node) ?? 0) + 1)
    const donated = new Set<number>()
    for (const group of ordered) {
      const made =
        group.kind === 'routine' ? routineStep(group, stored, slotFor, home) : this.#kernel(group, stored, slotFor, slots, readers, donated)
      // (an output may not have found the donor that was counted on)
      if (made.slots.length > limit) crowded.push(group)
      steps.push(made)
    }
    if (crowded.length > 0) return crowded

    const numbers = [...this.#scalars.keys()]
    const program: Program = {
      steps,
      slots,
      scalars: numbers.map((n) => {
        const type = typeof n === 'number' ? 'i32' : valueTypeOf(n.dtype)
        return type === 'bool' ? 'i32' : type
      }),
    }
    const scalars = numbers.map((n) => (typeof n === 'number' ? { varying: n } : { node: this.#positionOf(n) }))
    return { program, inputs, outputs, scalars, donated, makers }
  }

  #kernel(
    group: FusionGroup,
    stored: ReadonlySet<Node>,
    slotFor: (node: Node) => number,
    slots: Slot[],
    readers: ReadonlyMap<Node, number>,
    donated: Set<number>,
  ): KernelStep {
    const buffers: BufferUse[] = []
    const bound: number[] = []
    const bufferOf = new Map<Node, number>()
    const bySlot = new Map<number, number>()
    const bind = (node: Node, access: BufferUse['access']): void => {
      const slot = slotFor(node)
      let buffer = bySlot.get(slot)
      if (buffer === undefined) {
        buffer = buffers.push({ dtype: node.dtype, access }) - 1
        bound.push(slot)
        bySlot.set(slot, buffer)
      }
      bufferOf.set(node, buffer)
    }
    for (const node of group.loads) if (this.#made.units.get(node)?.group !== group) bind(node, 'read')
    const results = group.units.filter((u) => stored.has(u.node)).map((u) => u.node)
    for (const node of results) bind(node, 'write')

    this.#buffers = bufferOf
    this.#sites = []
    this.#numbers = []
    this.#varying = new VaryingPositions()
    const place = (node: Node): { buffer: number; offset: number } | undefined => {
      if (!stored.has(node)) return undefined
      return { buffer: bufferOf.get(node) as number, offset: this.#made.home.get(node)?.offset ?? 0 }
    }
    const written = new GroupWriter(group, this).write(place)
    const given = group.kind === 'map' ? this.#donate(group, written.stages, results, slotFor, slots, readers, bufferOf) : []
    for (const { to, input } of given) {
      buffers[to] = { dtype: (buffers[to] as BufferUse).dtype, access: 'readwrite' }
      donated.add(this.#positionOf(input))
    }
    const taken = new Map(given.map(({ from, to }) => [from, to]))
    const kept = buffers.map((_, i) => i).filter((i) => !taken.has(i))
    const numbers = new Map(kept.map((old, now) => [old, now]))
    const axes = collapseAxes(group, written)
    const renamer = new Renamer({ axes, buffer: (b) => numbers.get(taken.get(b) ?? b) as number })
    const { contract } = written
    const kernel: Kernel = {
      label: labelOf(group),
      grid: renamer.axes(written.grid),
      stages: written.stages.map(({ stage }) => renamer.stage(stage)),
      buffers: kept.map((i) => buffers[i] as BufferUse),
      sites: this.#sites,
      ...(contract && { contract: renamer.contract(contract) }),
    }
    return { kind: 'kernel', kernel, slots: kept.map((i) => bound[i] as number), scalars: this.#numbers }
  }

  /** Pairs inputs that may be overwritten with outputs of this kernel that take exactly their place. */
  #donate(
    group: FusionGroup,
    stages: WrittenGroup['stages'],
    written: readonly Node[],
    slotFor: (node: Node) => number,
    slots: Slot[],
    readers: ReadonlyMap<Node, number>,
    bufferOf: ReadonlyMap<Node, number>,
  ): { from: number; to: number; input: Node }[] {
    const pairs: { from: number; to: number; input: Node }[] = []
    const taken = new Set<Node>()
    for (const input of group.loads) {
      if (!this.#made.donors.has(input) || readers.get(input) !== 1) continue
      const from = bufferOf.get(input) as number
      const output = written.find((n) => {
        if (taken.has(n) || !this.#made.goals.has(n) || n.dtype !== input.dtype || sizeOf(n.shape) !== sizeOf(input.shape)) return false
        const to = bufferOf.get(n) as number
        return stages.every(
          ({ stage: s }) => s.kind === 'store' && s.stores.every((st) => st.buffer !== to || readsOnlyAt(s.stores, from, st.index)),
        )
      })
      if (!output) continue
      taken.add(output)
      const slot = slotFor(output)
      slots[slot] = { ...(slots[slot] as Slot), donor: slotFor(input) }
      pairs.push({ from, to: bufferOf.get(output) as number, input })
    }
    return pairs
  }
}

/** The routine of a group, and the slots of what it reads and of the outputs that are stored, of which some are pieces of packs. */
function routineStep(
  { units }: FusionGroup,
  stored: ReadonlySet<Node>,
  slotFor: (node: Node) => number,
  home: Arrangement['home'],
): RoutineStep {
  const { primitive, inputs: read } = (units[0] as Unit).node
  const { routine } = primitive as PrimitiveOf<'routine'>
  const row = routineRow(routine)
  const inputs = read.map(({ dtype, shape }) => ({ dtype, shape }))
  const written = new Map(
    units.filter((u) => stored.has(u.node)).map(({ node }) => [(node.primitive as PrimitiveOf<'routine'>).output, node]),
  )
  const all = row.outputs(routine, inputs)
  const bound = [...read.map(wholeBase), ...all.flatMap((_, i) => written.get(i) ?? [])]
  return {
    kind: 'routine',
    call: {
      routine,
      label: row.label(routine),
      inputs,
      outputs: all.map((out, i) => (written.has(i) ? out : undefined)),
      sites: row.sites(routine),
    },
    slots: bound.map(slotFor),
    pieces: bound.map((node) => {
      const piece = home.get(node)
      return piece && { begin: piece.offset, length: sizeOf(node.shape) }
    }),
  }
}

/** What a kernel computes, in a few words. */
function labelOf(group: FusionGroup): string {
  const names: string[] = []
  const seen = new Set<Node>()
  const members = new Set(group.units.map((u) => u.node))
  const visit = (node: Node): void => {
    if (seen.has(node) || isSource(node) || names.length > 12) return
    seen.add(node)
    if (!members.has(node) && group.loads.has(node)) return
    for (const input of node.inputs) visit(input)
    const name = rowOf(node.primitive).label(node.primitive)
    if (name) names.push(name)
  }
  for (const unit of group.units) visit(unit.node)
  return names.length > 0 ? names.join('+') : 'copy'
}
