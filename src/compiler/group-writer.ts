/**
 * @file The stages of a fusion group, written as the kernel IR; and whether a node could be a member, which writing it shows. A member is read in registers: an
 * element at its own position, a reduction in its own row. What would be read elsewhere cannot be fused.
 */
import { contiguousStrides, type Shape, sizeOf } from '../base/index.ts'
import { type ContractDims, isView, isWidening, type Node, roleOf } from '../graph/index.ts'
import {
  type Axis,
  type Contract,
  dependsOnOrder,
  type Expr,
  type Index,
  isAffine,
  isOrdered,
  linear,
  type OrderedAxes,
  ofAxis,
  orderKey,
  orderOfContraction,
  orderOfReduction,
  type Reduction,
  reshapeCoords,
  SEQUENCE,
  type Stage,
  type Store,
  sameIndex,
  unravel,
  valueTypeOf,
} from '../kernel/index.ts'
import type { FusionGroup, Level, Unit } from './fusion-groups.ts'
import { ExpressionLowering, type Frame } from './lower.ts'
import { ROLES } from './roles.ts'

/** Thrown while an expression is tried: a unit of the same group would have to be read somewhere else than in registers. */
export class NotFusable extends Error {}
/** A matrix operand that is not a plain strided load: it has to be stored. */
export class NotStrided extends Error {
  readonly operand: Node
  constructor(operand: Node) {
    super()
    this.operand = operand
  }
}

/** What the schedule provides while a group's expressions are written. */
export interface Memory {
  unitOf(node: Node): Unit | undefined
  load(node: Node, index: Index): Expr
  scalarSlot(node: Node): number
  position(varying: number, size: number): Index
  site(op: string): number
}

/** A stage of which every dim of more than one position has an axis, where its order does not make one of several. */
interface WrittenStage {
  readonly stage: Stage
  /** Axes that no loop runs over together with those in front of them. */
  readonly borders: readonly Axis[]
}

/** What a group computes in registers and in memory. */
export interface WrittenGroup {
  readonly grid: readonly Axis[]
  readonly stages: readonly WrittenStage[]
  readonly contract: Contract | undefined
}

/** What writes the expressions of one stage. */
interface StageWriter {
  readonly emitter: ExpressionLowering
  /** The value of a member that is no reduction. */
  readonly member: (node: Node, level: Level) => Expr
  /** A member's coordinates at a point of the grid, or of a row. */
  readonly coordsOf: (node: Node, level: Level) => Index[]
}

const isAccumulated = (node: Node): boolean => ROLES[roleOf(node)].accumulated

const apart = (sizes: Shape): number[][] => sizes.map((_, i) => [i])
/** Each dim by itself, but for the last ones, of which so many are one. */
const apartBut = (sizes: Shape, innermost: number): number[][] => {
  const dims = apart(sizes)
  return innermost < 2 ? dims : [...dims.slice(0, -innermost), dims.slice(-innermost).flat()]
}

/** Whether it counts in which order a reduction combines its terms. */
function hasOrder({ primitive, dtype }: Node): boolean {
  return primitive.kind === 'reduce' && isOrdered(primitive.op, valueTypeOf(dtype))
}

/** In which order a reduction combines its terms. Doubles have one order, in any loops. */
function orderOf({ primitive, inputs, dtype }: Node): OrderedAxes {
  if (primitive.kind !== 'reduce' || dtype === 'float64') return ANY_LOOPS
  const { shape } = inputs[0] as Node
  const { dims, permuted } = primitive
  if (!permuted) return orderOfReduction(shape, dims)
  // What is permuted lies in memory as it was: its neighbours are neighbours there
  const within = dims.map((d) => permuted[d] as number)
  if (within.some((d, i) => i > 0 && d < (within[i - 1] as number))) return orderOfReduction(shape, dims)
  return orderOfReduction(
    shape.map((_, d) => shape[permuted.indexOf(d)] as number),
    within,
  )
}
const ANY_LOOPS: OrderedAxes = { order: SEQUENCE, innermost: 0 }

/** Writes the stages of a group. */
export class GroupWriter {
  /** Numbered as the dims of the grid. */
  readonly #gridAxes: Axis[] = []
  readonly #group: FusionGroup
  readonly #memory: Memory
  readonly #gridCoords: Index[]
  readonly #gridIndex: Index
  readonly #accs = new Map<Node, { stage: number; slot: number }>()
  #nextAxis = 0
  readonly #probing: boolean
  /** How many stages of reductions of the group have to run before what has been written. */
  ready = 0

  constructor(group: FusionGroup, memory: Memory, probing = false) {
    this.#group = group
    this.#memory = memory
    this.#probing = probing
    this.#gridCoords = this.#axes(group.grid, this.#gridAxes)
    this.#gridIndex = linear(this.#gridCoords, contiguousStrides(group.grid))
  }

  /** Coordinates over `sizes`; the axes made are appended to `axes` (dims of size 1 need none). */
  #axes(sizes: Shape, axes: Axis[], groups: readonly (readonly number[])[] = apart(sizes)): Index[] {
    const coords = sizes.map(() => ZERO)
    for (const group of groups) {
      const shape = group.map((d) => sizes[d] as number)
      const axis: Axis = { id: this.#nextAxis++, size: sizeOf(shape) }
      const own = unravel(ofAxis(axis), shape)
      group.forEach((d, i) => {
        coords[d] = own[i] as Index
      })
      if (axis.size !== 1) axes.push(axis)
    }
    return coords
  }

  /** What writes one stage; `innerCoords` are the coordinates of the row's dims, where the stage runs along the row. */
  #stage(innerCoords: readonly Index[] | undefined, stage: number): StageWriter {
    const group = this.#group
    let domainCoords: Index[] | undefined
    let domainIndex: Index | undefined
    if (group.kind !== 'row') {
      domainCoords = this.#gridCoords
      domainIndex = this.#gridIndex
    } else if (innerCoords) {
      let outer = 0
      let along = 0
      domainCoords = group.domain.map((_, d) => (group.dims.includes(d) ? innerCoords[along++] : this.#gridCoords[outer++]) as Index)
      domainIndex = linear(domainCoords, contiguousStrides(group.domain))
    }
    const memory = this.#memory
    const emitter = new ExpressionLowering({
      lookup: (node, coords) => {
        const unit = memory.unitOf(node)
        if (!unit && !node.storage) return undefined
        const at = linear(coords, contiguousStrides(node.shape))
        if (unit?.group !== group) return memory.load(node, at)
        const acc = this.#accs.get(node)
        const type = valueTypeOf(node.dtype)
        this.ready = Math.max(this.ready, unit.ready)
        if (isAccumulated(node)) {
          if (!sameIndex(at, this.#gridIndex) || (acc && acc.stage >= stage)) throw new NotFusable()
          return { kind: 'acc', stage: acc?.stage ?? 0, slot: acc?.slot ?? 0, type }
        }
        const expected = unit.level === 'grid' ? this.#gridIndex : domainIndex
        if (!expected || !sameIndex(at, expected)) throw new NotFusable()
        return this.#probing ? { kind: 'load', buffer: 0, index: at, type } : member(node, unit.level)
      },
      scalarSlot: (node) => memory.scalarSlot(node),
      position: (varying, size) => memory.position(varying, size),
      site: (op) => memory.site(op),
    })
    const coordsOf = (node: Node, level: Level): Index[] =>
      level === 'domain'
        ? reshapeCoords(domainCoords as Index[], node.shape, group.domain)
        : reshapeCoords(this.#gridCoords, node.shape, group.grid)
    // Written out once, at the coordinates at which it was tried, however its readers come by them.
    const written = new Map<Node, Expr>()
    const member = (node: Node, level: Level): Expr => {
      let value = written.get(node)
      if (!value) {
        value = emitter.body(node, coordsOf(node, level))
        written.set(node, value)
      }
      return value
    }
    return { emitter, member, coordsOf }
  }

  /** Reductions of one stage, which share its axes; the order is that of all to which it matters. */
  reductions(nodes: readonly Node[], number: number, { order, innermost }: OrderedAxes): WrittenStage {
    const axes: Axis[] = []
    const sizes = this.#group.inner.filter((n) => n !== 1)
    const coords = this.#axes(sizes, axes, apartBut(sizes, innermost))
    let next = 0
    const innerCoords = this.#group.inner.map((n) => (n === 1 ? ZERO : (coords[next++] as Index)))
    const { emitter } = this.#stage(innerCoords, number)
    const reductions = nodes.map((node): Reduction => {
      const { op, dims: reduced } = node.primitive as { op: Reduction['op']; dims: readonly number[] }
      const x = node.inputs[0] as Node
      const outer = reshapeCoords(this.#gridCoords, node.shape, this.#group.grid)
      let o = 0
      let i = 0
      const position = x.shape.map((n, d) => (!reduced.includes(d) ? (outer[o++] as Index) : n === 1 ? ZERO : (coords[i++] as Index)))
      return { op, value: emitter.emit(x, position), type: valueTypeOf(node.dtype) }
    })
    const stage: Stage = { kind: 'reduce', axes, reductions, ...(reductions.some(dependsOnOrder) && { order }) }
    return { stage, borders: innermost > 0 ? axes.slice(-1) : [] }
  }

  contraction(node: Node): { written: WrittenStage; contract: Contract } {
    const [a, b] = node.inputs as readonly [Node, Node]
    const dims = node.primitive as ContractDims
    const sizes = a.shape.slice(a.shape.length - dims.k)
    const k: Axis[] = []
    const long = sizes.filter((s) => s !== 1)
    const steps = this.#axes(long, k)
    let next = 0
    const along = sizes.map((s) => (s === 1 ? ZERO : (steps[next++] as Index)))
    const coords = this.#gridCoords
    const firstM = coords.length - dims.m - dims.n
    const firstN = coords.length - dims.n
    const { emitter } = this.#stage(undefined, -1)
    const operand = (x: Node, rest: readonly Index[]): Extract<Expr, { kind: 'load' }> => {
      const own = x.shape.length - rest.length
      const batch = coords.slice(firstM - own, firstM).map((c, i) => (x.shape[i] === 1 ? ZERO : c))
      const e = emitter.emit(x, [...batch, ...rest])
      if (isStrided(e)) return e
      throw new NotStrided(storable(x, [...batch, ...rest], this.#memory))
    }
    const loadA = operand(a, [...coords.slice(firstM, firstN), ...along])
    const loadB = operand(b, [...along, ...coords.slice(firstN)])
    const type = valueTypeOf(node.dtype)
    const value: Expr = { kind: 'binary', op: 'mul', a: loadA, b: loadB, type }
    const part = (from: number, to: number): Axis[] => this.#gridAxes.filter(({ id }) => id >= from && id < to)
    const contract: Contract = { batch: part(0, firstM), m: part(firstM, firstN), n: part(firstN, coords.length), k, a: loadA, b: loadB }
    const reduction: Reduction = { op: 'sum', value, type }
    const order =
      node.dtype === 'float64'
        ? SEQUENCE
        : orderOfContraction(sizeOf(node.shape.slice(firstM, firstN)), sizeOf(node.shape.slice(firstN)), long)
    const stage: Stage = { kind: 'reduce', axes: k, reductions: [reduction], ...(dependsOnOrder(reduction) && { order }) }
    // No axes are joined: by them it is told where a device cuts a long sum into parts
    return { written: { stage, borders: k }, contract }
  }

  /** The value of an element unit, for a probe. */
  element(node: Node, level: Level): void {
    this.stores([{ node, level }], level, () => ({ buffer: 0, offset: 0 }))
  }

  /** A store stage for units of one level. */
  stores(
    units: readonly { node: Node; level: Level }[],
    level: Level,
    place: (node: Node) => { buffer: number; offset: number },
  ): WrittenStage {
    const axes: Axis[] = []
    let innerCoords: Index[] | undefined
    if (level === 'domain') {
      const sizes = this.#group.inner.filter((n) => n !== 1)
      const coords = this.#axes(sizes, axes)
      let next = 0
      innerCoords = this.#group.inner.map((n) => (n === 1 ? ZERO : (coords[next++] as Index)))
    }
    const { emitter, member, coordsOf } = this.#stage(innerCoords, Number.MAX_SAFE_INTEGER)
    const stores = units.map(({ node }): Store => {
      const coords = coordsOf(node, level)
      const value = isAccumulated(node) ? emitter.emit(node, coords) : member(node, level)
      const { buffer, offset } = place(node)
      const at = linear(coords, contiguousStrides(node.shape))
      return { buffer, index: { offset: at.offset + offset, terms: at.terms }, value }
    })
    return { stage: { kind: 'store', axes, stores }, borders: [] }
  }

  /** All stages of the group, storing the units for which `place` gives a buffer. */
  write(place: (node: Node) => { buffer: number; offset: number } | undefined): WrittenGroup {
    const { units, kind } = this.#group
    const stages: WrittenStage[] = []
    let contract: Contract | undefined
    if (kind === 'contract') {
      const main = (units[0] as Unit).node
      this.#accs.set(main, { stage: 0, slot: 0 })
      const { written, contract: own } = this.contraction(main)
      stages.push(written)
      contract = own
    } else if (kind === 'row') {
      const reduced = units.filter((u) => roleOf(u.node) === 'reduce')
      const last = Math.max(...reduced.map((u) => u.ready))
      for (let ready = 1; ready <= last; ready++) {
        const nodes = reduced.filter((u) => u.ready === ready).map((u) => u.node)
        for (const { nodes: own, axes } of byOrder(nodes)) {
          const stage = stages.length
          stages.push(this.reductions(own, stage, axes))
          own.forEach((node, slot) => {
            this.#accs.set(node, { stage, slot })
          })
        }
      }
    }
    for (const level of ['grid', 'domain'] as const) {
      const stored = units.filter((u) => u.level === level && place(u.node))
      if (stored.length > 0) stages.push(this.stores(stored, level, (n) => place(n) as { buffer: number; offset: number }))
    }
    return { grid: this.#gridAxes, stages, contract }
  }
}

/** Reductions that have one order make one stage, and so do those to which it does not matter, with others. */
function byOrder(nodes: readonly Node[]): readonly { readonly nodes: readonly Node[]; readonly axes: OrderedAxes }[] {
  const parts = new Map<string, { readonly nodes: Node[]; readonly axes: OrderedAxes }>()
  const free: Node[] = []
  for (const node of nodes) {
    if (!hasOrder(node)) {
      free.push(node)
      continue
    }
    const axes = orderOf(node)
    const key = `${orderKey(axes.order)} ${axes.innermost}`
    const part = parts.get(key)
    if (part) part.nodes.push(node)
    else parts.set(key, { nodes: [node], axes })
  }
  if (free.length === 0) return [...parts.values()]
  const [first, ...others] = parts.values()
  return [{ nodes: [...free, ...(first?.nodes ?? [])], axes: first?.axes ?? ANY_LOOPS }, ...others]
}

const isStrided = (e: Expr): e is Extract<Expr, { kind: 'load' }> => e.kind === 'load' && isAffine(e.index)

/** The first node under the views of a matrix operand which, once stored, makes it a strided load: windows over something are not copied out. */
function storable(operand: Node, coords: readonly Index[], memory: Memory): Node {
  const chain = [operand]
  for (let node = operand; isView(node) || isWidening(node); chain.unshift(node)) node = node.inputs[0] as Node
  const found = chain.find((stored) => {
    const frame: Frame = {
      lookup: (node, at) =>
        node === stored
          ? { kind: 'load', buffer: 0, index: linear(at, contiguousStrides(node.shape)), type: valueTypeOf(node.dtype) }
          : undefined,
      scalarSlot: () => 0,
      position: (varying, size) => memory.position(varying, size),
      site: () => 0,
    }
    return !stored.storage && isStrided(new ExpressionLowering(frame).emit(operand, coords))
  })
  return found ?? operand
}

const ZERO: Index = { offset: 0, terms: [] }

/**
 * Tries what `node` would read and compute as a member of `group`. Other members are not written out: they have been tried themselves.
 * @returns how many stages of reductions have to run before it
 * @throws NotFusable
 */
export function probe(group: FusionGroup, node: Node, level: Level, memory: Memory): number {
  const writer = new GroupWriter(group, memory, true)
  const role = roleOf(node)
  if (role === 'reduce') writer.reductions([node], 0, hasOrder(node) ? orderOf(node) : ANY_LOOPS)
  else if (role === 'contract') writer.contraction(node)
  else writer.element(node, level)
  return writer.ready
}
