/**
 * @file From nodes to expressions. Views become arithmetic on coordinates; everything that is not stored is written out where it
 * is used. What is stored, and what an accumulator holds, is asked of the `Frame`.
 */
import { contiguousStrides, type DType, type Shape } from '../base/index.ts'
import { isWidening, type Node } from '../graph/index.ts'
import {
  ANY_BUT_MINUS_ONE,
  type BinaryOp,
  type Expr,
  type Index,
  type UnaryOp,
  type ValueType,
  valueTypeOf,
  visitExprs,
} from '../kernel/index.ts'
import { keyOf, linear, literal, ofValue, reshapeCoords, shift } from './affine.ts'

/** Where an expression is written: which nodes are read from memory or held in registers there. */
export interface Frame {
  /** The expression for a node that is stored or accumulated, read at `coords`; undefined where the node is to be written out. */
  lookup(node: Node, coords: readonly Index[]): Expr | undefined
  /** The position of a step-varying number. */
  scalarSlot(node: Node): number
  /** The number under which index errors of an op are reported. */
  site(op: string): number
}

const constant = (value: number, type: ValueType): Expr => ({ kind: 'const', value, type })

export class Emitter {
  readonly #frame: Frame
  readonly #memo = new Map<string, Expr>()

  constructor(frame: Frame) {
    this.#frame = frame
  }

  /** The value of `node` at `coords` (one index per axis). */
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
    const { primitive, inputs, dtype } = node
    const type = valueTypeOf(dtype)
    const x = inputs[0] as Node
    switch (primitive.kind) {
      case 'constant':
        return constant(type === 'bool' ? (primitive.value ? 1 : 0) : primitive.value, type)
      case 'scalar': {
        const scalarType = type === 'bool' ? 'i32' : type
        const read: Expr = { kind: 'scalar', slot: this.#frame.scalarSlot(node), type: scalarType }
        return type === 'bool' ? { kind: 'cast', x: read, from: 'int32', to: 'bool', type } : read
      }
      case 'iota':
        return { kind: 'position', index: coords[0] as Index, type: 'i32' }
      case 'random': {
        const [s0, s1, c0, c1] = inputs.map((i) => this.emit(i, [])) as [Expr, Expr, Expr, Expr]
        const position: Expr = { kind: 'position', index: linear(coords, contiguousStrides(node.shape)), type: 'i32' }
        const element: Expr = { kind: 'cast', x: position, from: 'int32', to: 'uint32', type: 'u32' }
        return { kind: 'philox', word: primitive.word, key: [s0, s1], counter: [element, constant(0, 'u32'), c0, c1], type: 'u32' }
      }
      case 'unary':
        return wrapped(unaryExpr(primitive.op, this.#operand(x, node.shape, coords), type), node)
      case 'binary':
        return wrapped(
          binaryExpr(primitive.op, this.#operand(x, node.shape, coords), this.#operand(inputs[1] as Node, node.shape, coords), type),
          node,
        )
      case 'where': {
        const test = this.#operand(x, node.shape, coords)
        const a = this.#operand(inputs[1] as Node, node.shape, coords)
        const b = this.#operand(inputs[2] as Node, node.shape, coords)
        if (test.kind === 'const') return test.value ? a : b
        return { kind: 'where', test, a, b, type }
      }
      case 'cast': {
        const value = this.emit(x, coords)
        if (isWidening(node)) return value
        if (value.kind === 'const' && exactInEveryType(value.value))
          return constant(type === 'bool' ? Number(value.value !== 0) : value.value, type)
        return { kind: 'cast', x: value, from: x.dtype, to: dtype, type }
      }
      case 'alias':
      case 'transfer':
        return this.emit(x, coords)
      case 'reshape':
        return this.emit(x, reshapeCoords(coords, x.shape, node.shape))
      case 'expand':
        return this.#operand(x, node.shape, coords)
      case 'permute': {
        const inner = new Array<Index>(coords.length)
        primitive.order.forEach((d, i) => {
          inner[d] = coords[i] as Index
        })
        return this.emit(x, inner)
      }
      case 'slice':
        return this.emit(
          x,
          coords.map((c, i) => linear([c, literal(1)], [primitive.step[i] as number, primitive.start[i] as number])),
        )
      case 'window':
        return this.emit(
          x,
          primitive.map.map(({ offset, terms }) =>
            linear([...terms.map(([axis]) => coords[axis] as Index), literal(offset)], [...terms.map(([, coef]) => coef), 1]),
          ),
        )
      case 'pad':
        return this.#pad(node, x, primitive.before, coords, type)
      case 'gather': {
        const size = x.shape[primitive.dim] as number
        const raw = this.emit(inputs[1] as Node, coords)
        const at: Expr =
          raw.kind === 'const' && raw.value >= 0 && raw.value < size
            ? raw
            : { kind: 'checked', value: raw, size, site: this.#frame.site(primitive.op), type: 'i32' }
        const inner = coords.map((c, i) => (x.shape[i] === 1 && i !== primitive.dim ? literal(0) : c))
        inner[primitive.dim] = at.kind === 'const' ? literal(at.value) : ofValue(at, size)
        const value = this.emit(x, inner)
        if (at.kind !== 'checked' || uses(value, at)) return value
        // What is the same everywhere does not look at its coordinates: the index is to be checked all the same.
        const seen: Expr = { kind: 'binary', op: 'le', a: constant(0, 'i32'), b: at, type: 'bool' }
        return { kind: 'where', test: seen, a: value, b: constant(0, type), type }
      }
      case 'divisor': {
        // What is checked is the divisor less 1, so that 1 takes the place of a 0
        const whole = castExpr(this.emit(x, coords), x.dtype, 'int32')
        const less: Expr = { kind: 'binary', op: 'sub', a: whole, b: constant(1, 'i32'), type: 'i32' }
        const seen: Expr = { kind: 'checked', value: less, size: ANY_BUT_MINUS_ONE, site: this.#frame.site(primitive.op), type: 'i32' }
        return castExpr({ kind: 'binary', op: 'add', a: seen, b: constant(1, 'i32'), type: 'i32' }, 'int32', dtype)
      }
      default:
        throw new Error(`emit: ${primitive.kind} is not written out`)
    }
  }

  /** An operand that broadcasts to `shape`. */
  #operand(x: Node, shape: Shape, coords: readonly Index[]): Expr {
    if (x.shape.length === 0) return this.emit(x, [])
    const skip = shape.length - x.shape.length
    let own = skip === 0 ? coords : coords.slice(skip)
    if (x.shape.some((n, i) => n === 1 && shape[i + skip] !== 1)) own = own.map((c, i) => (x.shape[i] === 1 ? literal(0) : c))
    return this.emit(x, own)
  }

  #pad(node: Node, x: Node, before: readonly number[], coords: readonly Index[], type: ValueType): Expr {
    let test: Expr | undefined
    const inner = coords.map((c, i) => {
      const size = x.shape[i] as number
      const moved = shift(c, -(before[i] as number))
      if (size !== node.shape[i]) {
        const here: Expr = { kind: 'inside', index: moved, size, type: 'bool' }
        test = test ? { kind: 'binary', op: 'and', a: test, b: here, type: 'bool' } : here
      }
      return moved
    })
    const value = this.emit(x, inner)
    if (!test || (value.kind === 'const' && value.type === 'bool' && value.value)) return test ?? value
    return { kind: 'where', test, a: value, b: constant(0, type), type }
  }
}

function uses(value: Expr, part: Expr): boolean {
  let found = false
  visitExprs([{ kind: 'store', axes: [], stores: [{ buffer: 0, index: literal(0), value }] }], (e) => {
    if (e === part) found = true
  })
  return found
}

const castExpr = (x: Expr, from: DType, to: DType): Expr =>
  valueTypeOf(from) === valueTypeOf(to) ? x : { kind: 'cast', x, from, to, type: valueTypeOf(to) }

/** 8-bit integers are computed in 32 bits: what leaves their range comes back into it at once, not only where it is stored. */
function wrapped(value: Expr, { dtype }: Node): Expr {
  if (dtype !== 'int8' && dtype !== 'uint8') return value
  return { kind: 'cast', x: value, from: 'int32', to: dtype, type: 'i32' }
}

/** Small whole numbers survive every cast. */
const exactInEveryType = (v: number): boolean => Number.isInteger(v) && v >= 0 && v <= 127

function unaryExpr(op: UnaryOp, x: Expr, type: ValueType): Expr {
  if (op === 'neg' && x.kind === 'const' && type === 'float') return constant(-x.value, type)
  return { kind: 'unary', op, x, type }
}

function binaryExpr(op: BinaryOp, a: Expr, b: Expr, type: ValueType): Expr {
  if (a.kind === 'const' && b.kind === 'const' && type === 'float') {
    if (op === 'add') return constant(a.value + b.value, type)
    if (op === 'sub') return constant(a.value - b.value, type)
    if (op === 'mul') return constant(a.value * b.value, type)
  }
  if (op === 'mul' && a.kind === 'const' && a.value === 1) return b
  if ((op === 'mul' || op === 'div') && b.kind === 'const' && b.value === 1) return a
  return { kind: 'binary', op, a, b, type }
}
