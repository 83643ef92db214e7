/**
 * @file From nodes to expressions: each primitive's row says how (`src/graph/primitive-table.ts`). Views become arithmetic on coordinates; everything that
 * is not stored is written out where it is used. What is stored, and what an accumulator holds, the `Frame` says.
 */
import type { Shape } from '../base/index.ts'
import { type Lowering, type Node, rowOf } from '../graph/index.ts'
import { type Expr, type Index, keyOf, literal, ofValue } from '../kernel/index.ts'

/** Where an expression is written: which nodes are read from memory or held in registers there. */
export interface Frame extends Pick<Lowering, 'scalarSlot' | 'position' | 'site'> {
  /** The expression for a node that is stored or accumulated, read at `coords`; undefined where the node is to be written out. */
  lookup(node: Node, coords: readonly Index[]): Expr | undefined
}

/** Positions that are data of the run, as indices: of each there is one, so that equal places are seen to be equal. */
export class VaryingPositions {
  readonly #known = new Map<number, Index>()

  /** @param slotOf the place of its number among those of the kernel, asked for once */
  at(varying: number, size: number, slotOf: () => number): Index {
    let index = this.#known.get(varying)
    if (!index) {
      index = ofValue({ kind: 'scalar', slot: slotOf(), type: 'i32' }, size)
      this.#known.set(varying, index)
    }
    return index
  }
}

export class ExpressionLowering implements Lowering {
  readonly #frame: Frame
  readonly #memo = new Map<string, Expr>()
  /** By what is checked. */
  readonly #checked = new Map<Expr, Map<string, Expr>>()

  constructor(frame: Frame) {
    this.#frame = frame
  }

  emit(node: Node, coords: readonly Index[]): Expr {
    const key = `${node.id}|${coords.map(keyOf).join()}`
    let expr = this.#memo.get(key)
    if (!expr) {
      expr = this.#frame.lookup(node, coords) ?? this.body(node, coords)
      this.#memo.set(key, expr)
    }
    return expr
  }

  /** As `emit`, for a node that is itself stored: what is to be stored. */
  body(node: Node, coords: readonly Index[]): Expr {
    const { primitive } = node
    const { lower } = rowOf(primitive)
    if (!lower) throw new Error(`lower: ${primitive.kind} is not written out`)
    return lower(node, primitive, coords, this)
  }

  operand(x: Node, shape: Shape, coords: readonly Index[]): Expr {
    if (x.shape.length === 0) return this.emit(x, [])
    const skip = shape.length - x.shape.length
    let own = skip === 0 ? coords : coords.slice(skip)
    if (x.shape.some((n, i) => n === 1 && shape[i + skip] !== 1)) own = own.map((c, i) => (x.shape[i] === 1 ? literal(0) : c))
    return this.emit(x, own)
  }

  scalarSlot(node: Node): number {
    return this.#frame.scalarSlot(node)
  }

  position(varying: number, size: number): Index {
    return this.#frame.position(varying, size)
  }

  site(op: string): number {
    return this.#frame.site(op)
  }

  checked(value: Expr, size: number, op: string): Expr {
    const key = `${size} ${op}`
    const known = this.#checked.get(value)?.get(key)
    if (known) return known
    const made: Expr = { kind: 'checked', value, size, site: this.site(op), type: 'i32' }
    if (!this.#checked.has(value)) this.#checked.set(value, new Map())
    this.#checked.get(value)?.set(key, made)
    return made
  }
}
