/**
 * @file What follows from each primitive: one row. Signatures, keys, the choice of what is stored, fusion, lowering and the runtime read the rows. A primitive
 * without a row does not compile, nor does a row that leaves something out.
 */
import { contiguousStrides, type DType, dtypeInfo, halfFormats, isHalf, type Shape, type TypedArray } from '../base/index.ts'
import {
  ANY_BUT_MINUS_ONE,
  binaryExpr,
  castExpr,
  constantExpr,
  type Expr,
  type Index,
  type KeyWriter,
  linear,
  literal,
  ofValue,
  readsExpr,
  reshapeCoords,
  routineRow,
  unaryExpr,
  valueTypeOf,
  WORK,
} from '../kernel/index.ts'
import { isWidening, type Node } from './node.ts'
import type { Primitive, PrimitiveKind, PrimitiveOf, Varying } from './primitive.ts'

/** What a primitive is to the compiler. */
export type Role =
  /** Its values are there, or cost nothing: the graph ends here. */
  | 'source'
  /** Shows values of its input at other places: arithmetic on coordinates, never stored for its own sake. */
  | 'view'
  /** Each element is an expression of elements of the inputs. */
  | 'pointwise'
  /** Joins elements along some dims. */
  | 'reduce'
  /** Sums products of two inputs. */
  | 'contract'
  /** Computed by a kernel of its own, maybe with other outputs, from inputs that are stored. */
  | 'routine'
  /** Its inputs are written where they lie in it: it has no kernel. */
  | 'pack'
  /** Its values come from another device. */
  | 'transfer'

/** Where an expression is written. */
export interface Lowering {
  /** The value of a node at coordinates, one for each of its axes. */
  emit(node: Node, coords: readonly Index[]): Expr
  /** The value of an operand that broadcasts to `shape`, at coordinates of that shape. */
  operand(x: Node, shape: Shape, coords: readonly Index[]): Expr
  /** The position of a number that changes from step to step. */
  scalarSlot(node: Node): number
  /** A position that is data of the run, by its number (see `Varying`); it is below `size`. */
  position(varying: number, size: number): Index
  /** The number under which errors of an op are reported. */
  site(op: string): number
  /** A whole number that has to be below `size`; of equal ones there is one, so that what is read at one place twice is seen to be the same. */
  checked(value: Expr, size: number, op: string): Expr
}

/** Takes down the fields of a primitive that make a structure another. */
export interface StructureWriter extends KeyWriter {
  /** Where a view begins along each axis: a graph may come again with other positions. */
  positions(list: readonly number[], varying: Varying | undefined): void
}

export interface Row<P extends Primitive> {
  readonly role: Role
  /** The fields that make a structure another; the values of `leaf` and `scalar` are data. */
  key(p: P, put: StructureWriter): void
  /** Work for an element where it is written out, by the cost model of kernels. */
  cost(p: P): number
  /** What kernels that compute it are called; '' for nothing. */
  label(p: P): string
  /** The value of an element; `null` where only a kernel of its own computes it, or none. */
  readonly lower: { of(node: Node, p: P, coords: readonly Index[], at: Lowering): Expr }['of'] | null
  /** All values, for what needs no device; else `null`. */
  readonly host: { of(node: Node, p: P): TypedArray }['of'] | null
  /** Equal ones of one input are one. */
  readonly merges: boolean
  /** What is later made of it computes it again: it costs no memory to have. */
  readonly recomputed: boolean
}

/** A primitive without fields, or whose fields are data. */
const noFields = (): void => {}
const free = (): number => 0
const nameless = (): string => ''
/** What holds of most rows. */
const device = { host: null, merges: false, recomputed: false } as const
const view = { role: 'view', cost: free, label: nameless, host: null, merges: true, recomputed: false } as const

/** A number in storage form. */
const onHost = (value: number, { dtype }: Node): TypedArray => {
  const data = dtypeInfo[dtype].create(1)
  data[0] = isHalf(dtype) ? halfFormats[dtype].toBits(value) : value
  return data
}

const first = ({ inputs }: Node): Node => inputs[0] as Node

const UNPERMUTED: readonly number[] = []

/** The rows. */
export const PRIMITIVES: { readonly [K in PrimitiveKind]: Row<PrimitiveOf<K>> } = {
  leaf: { ...device, role: 'source', key: noFields, cost: free, label: nameless, lower: null },
  scalar: {
    ...device,
    role: 'source',
    key: noFields,
    cost: free,
    label: nameless,
    lower: (node, _, __, at) => {
      const type = valueTypeOf(node.dtype)
      const read: Expr = { kind: 'scalar', slot: at.scalarSlot(node), type: type === 'bool' ? 'i32' : type }
      return type === 'bool' ? { kind: 'cast', x: read, from: 'int32', to: 'bool', type } : read
    },
    host: (node, { value }) => onHost(value, node),
  },
  constant: {
    ...device,
    role: 'source',
    key: ({ value }, put) => put.float(value),
    cost: free,
    label: nameless,
    lower: ({ dtype }, { value }) => constantExpr(dtype === 'bool' ? Number(value !== 0) : nearest(value, dtype), valueTypeOf(dtype)),
    host: (node, { value }) => onHost(value, node),
  },
  iota: {
    ...device,
    role: 'source',
    key: noFields,
    cost: free,
    label: nameless,
    lower: (_, __, coords) => ({ kind: 'position', index: coords[0] as Index, type: 'i32' }),
    host: ({ shape }) => Int32Array.from({ length: shape[0] as number }, (_, i) => i),
  },
  random: {
    ...device,
    role: 'pointwise',
    key: ({ word }, put) => put.word(word),
    cost: () => WORK.philox,
    label: () => 'random',
    lower: ({ inputs, shape }, { word }, coords, at) => {
      const [s0, s1, c0, c1] = inputs.map((i) => at.emit(i, [])) as [Expr, Expr, Expr, Expr]
      const position: Expr = { kind: 'position', index: linear(coords, contiguousStrides(shape)), type: 'i32' }
      const element: Expr = { kind: 'cast', x: position, from: 'int32', to: 'uint32', type: 'u32' }
      return { kind: 'philox', word, key: [s0, s1], counter: [element, constantExpr(0, 'u32'), c0, c1], type: 'u32' }
    },
    recomputed: true,
  },
  unary: {
    ...device,
    role: 'pointwise',
    key: ({ op }, put) => put.name(op),
    cost: ({ op }) => WORK.unary(op),
    label: ({ op }) => op,
    lower: (node, { op }, coords, at) => wrapped(unaryExpr(op, at.operand(first(node), node.shape, coords), valueTypeOf(node.dtype)), node),
  },
  binary: {
    ...device,
    role: 'pointwise',
    key: ({ op }, put) => put.name(op),
    cost: ({ op }) => WORK.binary(op),
    label: ({ op }) => op,
    lower: (node, { op }, coords, at) => {
      const [a, b] = node.inputs.map((x) => at.operand(x, node.shape, coords)) as [Expr, Expr]
      return wrapped(binaryExpr(op, a, b, valueTypeOf(node.dtype)), node)
    },
  },
  where: {
    ...device,
    role: 'pointwise',
    key: noFields,
    cost: () => WORK.where,
    label: () => 'where',
    lower: (node, _, coords, at) => {
      const [test, a, b] = node.inputs.map((x) => at.operand(x, node.shape, coords)) as [Expr, Expr, Expr]
      if (test.kind === 'const') return test.value ? a : b
      return { kind: 'where', test, a, b, type: valueTypeOf(node.dtype) }
    },
  },
  cast: {
    ...device,
    role: 'pointwise',
    key: noFields,
    cost: () => WORK.cast,
    label: () => 'cast',
    lower: (node, _, coords, at) => {
      const value = at.emit(first(node), coords)
      const type = valueTypeOf(node.dtype)
      if (isWidening(node)) return value
      if (value.kind === 'const' && exactInEveryType(value.value))
        return constantExpr(type === 'bool' ? Number(value.value !== 0) : value.value, type)
      return { kind: 'cast', x: value, from: first(node).dtype, to: node.dtype, type }
    },
  },
  alias: {
    ...device,
    role: 'pointwise',
    key: noFields,
    cost: free,
    label: nameless,
    lower: (node, _, coords, at) => at.emit(first(node), coords),
  },
  reshape: {
    ...view,
    key: noFields,
    lower: (node, _, coords, at) => at.emit(first(node), reshapeCoords(coords, first(node).shape, node.shape)),
  },
  expand: { ...view, key: noFields, lower: (node, _, coords, at) => at.operand(first(node), node.shape, coords) },
  permute: {
    ...view,
    key: ({ order }, put) => put.words(order),
    lower: (node, { order }, coords, at) => {
      const inner = new Array<Index>(coords.length)
      order.forEach((d, i) => {
        inner[d] = coords[i] as Index
      })
      return at.emit(first(node), inner)
    },
  },
  slice: {
    ...view,
    key: ({ start, step, varying }, put) => {
      put.positions(start, varying)
      put.words(step)
    },
    lower: (node, { start, step, varying }, coords, at) => {
      const { shape } = first(node)
      const begin = (i: number): Index => placeAt(at, start, varying, i, shape[i] as number)
      return at.emit(
        first(node),
        coords.map((c, i) => linear([c, begin(i)], [step[i] as number, 1])),
      )
    },
  },
  window: {
    ...view,
    key: ({ map }, put) => {
      put.word(map.length)
      for (const { offset, terms } of map) {
        put.word(offset)
        put.words(terms.flat())
      }
    },
    lower: (node, { map }, coords, at) =>
      at.emit(
        first(node),
        map.map(({ offset, terms }) =>
          linear([...terms.map(([axis]) => coords[axis] as Index), literal(offset)], [...terms.map(([, coef]) => coef), 1]),
        ),
      ),
  },
  pad: {
    ...device,
    role: 'pointwise',
    key: ({ before, varying }, put) => put.positions(before, varying),
    cost: () => WORK.inside,
    label: () => 'pad',
    lower: (node, p, coords, at) => padded(node, p, coords, at),
    merges: true,
  },
  reduce: {
    ...device,
    role: 'reduce',
    key: ({ op, dims, permuted }, put) => {
      put.name(op)
      put.words(dims)
      put.words(permuted ?? UNPERMUTED)
    },
    cost: free,
    label: ({ op }) => op,
    lower: null,
  },
  contract: {
    ...device,
    role: 'contract',
    key: ({ m, n, k }, put) => {
      put.word(m)
      put.word(n)
      put.word(k)
    },
    cost: free,
    label: ({ k }) => (k > 1 ? 'conv' : 'matmul'),
    lower: null,
  },
  gather: {
    ...device,
    role: 'pointwise',
    key: ({ dim, op }, put) => {
      put.word(dim)
      put.name(op)
    },
    cost: () => WORK.checked,
    label: () => 'gather',
    lower: (node, p, coords, at) => gathered(node, p, coords, at),
  },
  divisor: {
    ...device,
    role: 'pointwise',
    key: ({ op }, put) => put.name(op),
    cost: () => WORK.checked,
    label: () => 'divisor',
    lower: (node, { op }, coords, at) => {
      // What is checked is the divisor less 1, so that 1 takes the place of a 0
      const whole = castExpr(at.emit(first(node), coords), first(node).dtype, 'int32')
      const less: Expr = { kind: 'binary', op: 'sub', a: whole, b: constantExpr(1, 'i32'), type: 'i32' }
      const seen = at.checked(less, ANY_BUT_MINUS_ONE, op)
      return castExpr({ kind: 'binary', op: 'add', a: seen, b: constantExpr(1, 'i32'), type: 'i32' }, 'int32', node.dtype)
    },
  },
  routine: {
    ...device,
    role: 'routine',
    key: ({ routine, output }, put) => {
      put.name(routine.kind)
      routineRow(routine).key(routine, put)
      put.word(output)
    },
    cost: free,
    label: ({ routine }) => routineRow(routine).label(routine),
    lower: null,
  },
  pack: { ...device, role: 'pack', key: ({ offsets }, put) => put.words(offsets), cost: free, label: () => 'pack', lower: null },
  transfer: {
    ...device,
    role: 'transfer',
    key: noFields,
    cost: free,
    label: () => 'transfer',
    lower: (node, _, coords, at) => at.emit(first(node), coords),
  },
}

/** The row of a primitive. */
export const rowOf = (primitive: Primitive): Row<Primitive> => PRIMITIVES[primitive.kind] as Row<Primitive>

/** What a node is to the compiler, whether it is stored or not. */
export const roleOf = (node: Node): Role => rowOf(node.primitive).role

/** A literal as its dtype has it. Halves are computed in float32. */
const nearest = (value: number, dtype: DType): number => (dtype === 'float32' ? Math.fround(value) : value)

/**
 * What an operator gives is of its dtype at once, not only where it is stored: 8-bit integers are computed in 32 bits, and come back into their range; literals are folded
 * in doubles.
 */
function wrapped(value: Expr, { dtype }: Node): Expr {
  if (value.kind === 'const') return constantExpr(nearest(value.value, dtype), value.type)
  if (dtype !== 'int8' && dtype !== 'uint8') return value
  return { kind: 'cast', x: value, from: 'int32', to: dtype, type: 'i32' }
}

/** Small whole numbers survive every cast. */
const exactInEveryType = (v: number): boolean => Number.isInteger(v) && v >= 0 && v <= 127

/** Where a view begins along axis i: a number of the structure, or one of the run. */
function placeAt(at: Lowering, places: readonly number[], varying: Varying | undefined, i: number, size: number): Index {
  const number = varying?.[i] ?? -1
  return number < 0 ? literal(places[i] as number) : at.position(number, size)
}

function padded(node: Node, { before, varying }: PrimitiveOf<'pad'>, coords: readonly Index[], at: Lowering): Expr {
  const x = first(node)
  const type = valueTypeOf(node.dtype)
  let test: Expr | undefined
  const inner = coords.map((c, i) => {
    const size = x.shape[i] as number
    const room = (node.shape[i] as number) - size
    const moved = linear([c, placeAt(at, before, varying, i, room + 1)], [1, -1])
    if (room > 0) {
      const here: Expr = { kind: 'inside', index: moved, size, type: 'bool' }
      test = test ? { kind: 'binary', op: 'and', a: test, b: here, type: 'bool' } : here
    }
    return moved
  })
  const value = at.emit(x, inner)
  if (!test || (value.kind === 'const' && value.type === 'bool' && value.value)) return test ?? value
  return { kind: 'where', test, a: value, b: constantExpr(0, type), type }
}

function gathered(node: Node, { dim, op }: PrimitiveOf<'gather'>, coords: readonly Index[], at: Lowering): Expr {
  const [x, index] = node.inputs as readonly [Node, Node]
  const type = valueTypeOf(node.dtype)
  const size = x.shape[dim] as number
  const raw = at.emit(index, coords)
  const place: Expr = raw.kind === 'const' && raw.value >= 0 && raw.value < size ? raw : at.checked(raw, size, op)
  const inner = coords.map((c, i) => (x.shape[i] === 1 && i !== dim ? literal(0) : c))
  inner[dim] = place.kind === 'const' ? literal(place.value) : ofValue(place, size)
  const value = at.emit(x, inner)
  if (place.kind !== 'checked' || readsExpr(value, place)) return value
  // What is the same everywhere does not look at its coordinates: the index is to be checked all the same.
  const seen: Expr = { kind: 'binary', op: 'le', a: constantExpr(0, 'i32'), b: place, type: 'bool' }
  return { kind: 'where', test: seen, a: value, b: constantExpr(0, type), type }
}

/** Whether a node shows values of its input, each at another place: arithmetic on coordinates, nothing to compute. */
export const isView = (node: Node): boolean => roleOf(node) === 'view'

/** Whether a node's values are there or cost nothing: the graph ends here. */
export const isSource = (node: Node): boolean => node.storage !== undefined || roleOf(node) === 'source'

/** The node whose values a chain of views shows. */
export function viewBase(node: Node): Node {
  let base = node
  while (!base.storage && isView(base)) base = base.inputs[0] as Node
  return base
}

/** The node whose values lie in memory as this one's do: under reshapes, which need no kernel. */
export function wholeBase(node: Node): Node {
  let base = node
  while (!base.storage && base.primitive.kind === 'reshape') base = base.inputs[0] as Node
  return base
}
