/**
 * @file One kernel in the making: a grid, and the units that are computed on it.
 *
 * - `map`: one point per element; units of one size.
 * - `row`: one point per row; reductions along the row, elements of the row, and values per row (softmax, layer norm, a mean).
 * - `contract`: one point per element of a matrix product, with what is done to that element afterwards.
 * - `routine`: some outputs of one routine, and nothing else.
 *
 * A unit may read another unit of its group only where that one is in registers: an element at its own position, a reduction in
 * its own row. Everything else goes through memory and therefore lies in another group.
 */
import { type Shape, sizeOf } from '../base/index.ts'
import { type Node, roleOf } from '../graph/index.ts'
import type { Precision } from './materialize.ts'
import { type FusionKind, ROLES } from './roles.ts'

export type Level = 'grid' | 'domain'

export interface Unit {
  readonly node: Node
  readonly level: Level
  readonly group: FusionGroup
  /** How many stages of reductions of the group have to run before its value is there. A reduction's own stage is the last of them. */
  readonly ready: number
}

export class FusionGroup {
  readonly kind: FusionKind
  /** Sizes of the grid's dims, and of the dims of a row or of a contraction's sum. */
  readonly grid: Shape
  readonly inner: Shape
  /** For a row group: the shape reduced, and which of its dims are the row's. */
  readonly domain: Shape
  readonly dims: readonly number[]
  /** Grid dims at which a part of a contraction (batch, m, n) gives way to the next. */
  readonly borders: readonly number[]
  readonly units: Unit[] = []
  /** Groups whose results are read here, and those that read results of this one: kept by `FusionGraph`. */
  readonly deps = new Set<FusionGroup>()
  readonly users = new Set<FusionGroup>()
  /** A place in some order in which every group comes after its `deps`. */
  rank = 0
  /** The last walk of `FusionGraph` that came by. */
  walk = 0
  /** When it was made: of two siblings the later one is tried first. */
  sequence = 0
  /** A member must not share its kernel. */
  alone = false
  /** Of how many primitives the members' expressions are made. */
  length = 0
  /** The precision in which members compute floats, once one does. */
  precision: Precision | undefined
  /** Nodes read from memory. */
  readonly loads = new Set<Node>()

  constructor(first: Node) {
    const { primitive, shape } = first
    this.kind = ROLES[roleOf(first)].begins
    this.grid = shape
    this.domain = shape
    this.dims = []
    this.inner = []
    this.borders = []
    if (primitive.kind === 'contract') {
      const n = shape.length - primitive.n
      this.borders = [n - primitive.m, n]
      const a = (first.inputs[0] as Node).shape
      this.inner = a.slice(a.length - primitive.k)
    }
    if (primitive.kind === 'reduce') {
      this.domain = (first.inputs[0] as Node).shape
      this.dims = primitive.dims
      this.inner = primitive.dims.map((d) => this.domain[d] as number)
    }
  }

  /** At which level a node would belong here, if at all. */
  levelFor(node: Node): Level | undefined {
    const size = sizeOf(node.shape)
    const { primitive } = node
    if (!ROLES[roleOf(node)].joins) return undefined
    if (primitive.kind === 'reduce') {
      if (this.kind !== 'row' || size !== sizeOf(this.grid)) return undefined
      const sizes = primitive.dims.map((d) => (node.inputs[0] as Node).shape[d] as number)
      return sameButOnes(sizes, this.inner) ? 'grid' : undefined
    }
    if (size === sizeOf(this.grid) && (this.kind !== 'map' || sameButOnes(node.shape, this.grid))) return 'grid'
    return this.kind === 'row' && size === sizeOf(this.domain) ? 'domain' : undefined
  }

  /** @param ready what `probe` returned */
  add(node: Node, level: Level, ready: number): Unit {
    const unit: Unit = { node, level, group: this, ready: roleOf(node) === 'reduce' ? ready + 1 : ready }
    this.units.push(unit)
    return unit
  }
}

const sameButOnes = (a: Shape, b: Shape): boolean => {
  const x = a.filter((n) => n !== 1)
  const y = b.filter((n) => n !== 1)
  return x.length === y.length && x.every((n, i) => n === y[i])
}
