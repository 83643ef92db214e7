/**
 * @file The functions that make nodes, one for each primitive. Operands of elementwise primitives broadcast; a plain number is a literal of
 * the other operand's dtype. Callers have checked shapes and dtypes: what fails here is a mistake in an op's definition.
 */
import {
  broadcastShapes,
  DeviceError,
  type DType,
  holds,
  isInteger,
  type Shape,
  sameShape,
  sizeOf,
  type TypedArray,
  withoutDims,
} from '../base/index.ts'
import { type BinaryOp, binaryOps, positionOf, type ReduceOp, type Routine, routineRow, type UnaryOp } from '../kernel/index.ts'
import { Node, type NodePlace, Storage } from './node.ts'
import type { ContractDims, Primitive, WindowAxis } from './primitive.ts'
import { forget, recorded } from './sinks.ts'

const SCALAR: Shape = []
const NONE: readonly Node[] = []
// Primitives that are all alike are one object each: there are thousands of nodes in a step.
const LEAF: Primitive = { kind: 'leaf' }
const IOTA: Primitive = { kind: 'iota' }
const WHERE: Primitive = { kind: 'where' }
const CAST: Primitive = { kind: 'cast' }
const ALIAS: Primitive = { kind: 'alias' }
const RESHAPE: Primitive = { kind: 'reshape' }
const EXPAND: Primitive = { kind: 'expand' }

function make(primitive: Primitive, inputs: readonly Node[], shape: Shape, dtype: DType): Node {
  let placement: NodePlace = 'auto'
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i] as Node
    if (input.placement === 'auto' || input.placement === placement) continue
    if (placement !== 'auto')
      throw new DeviceError(primitive.kind, `operands are on two devices, ${placement} and ${input.placement}. Move one with .to(device)`)
    placement = input.placement
  }
  const node = new Node(primitive, inputs, shape, dtype, placement)
  recorded(node)
  return node
}

/** Values from the host, in storage form. The array is kept, not copied. */
export function leaf(data: TypedArray, shape: Shape, dtype: DType, placement: NodePlace): Node {
  const node = new Node(LEAF, NONE, shape, dtype, placement)
  node.storage = new Storage({ host: data })
  return node
}

/** A 0-d number that reaches kernels as data: a user's number, a learning rate. Integers hold it. */
export function scalar(value: number, dtype: DType, placement: NodePlace = 'auto'): Node {
  if (isInteger(dtype) && !holds(dtype, value)) throw new Error(`primitive scalar: ${value} of ${dtype}`)
  return new Node({ kind: 'scalar', value }, NONE, SCALAR, dtype, placement)
}

/** A 0-d literal, compiled into kernels: only for numbers that are the same in every step. */
export function constant(value: number, dtype: DType, placement: NodePlace = 'auto'): Node {
  return new Node({ kind: 'constant', value }, NONE, SCALAR, dtype, placement)
}

/** 0 … n−1, int32. */
export function iota(n: number, placement: NodePlace = 'auto'): Node {
  return new Node(IOTA, NONE, [n], 'int32', placement)
}

/** Random uint32 words. `seed` and `call` are 64-bit whole numbers as [low, high]; `word` 0…3 chooses the word of each element's Philox block. */
export function randomBits(
  shape: Shape,
  seed: readonly [number, number],
  call: readonly [number, number],
  word = 0,
  placement: NodePlace = 'auto',
): Node {
  const inputs = [seed[0], seed[1], call[0], call[1]].map((v) => scalar(v, 'uint32', placement))
  return new Node({ kind: 'random', word }, inputs, shape, 'uint32', placement)
}

export function unary(op: UnaryOp, x: Node): Node {
  return make({ kind: 'unary', op }, [x], x.shape, op === 'not' ? 'bool' : x.dtype)
}

/** Applies `op` to operands of one dtype; comparisons give bool. */
export function binary(op: BinaryOp, a: Node | number, b: Node | number): Node {
  const x = typeof a === 'number' ? constant(a, (b as Node).dtype) : a
  const y = typeof b === 'number' ? constant(b, x.dtype) : b
  if (x.dtype !== y.dtype) throw new Error(`primitive ${op}: dtypes differ (${x.dtype}, ${y.dtype})`)
  return make({ kind: 'binary', op }, [x, y], broadcastShapes(op, x.shape, y.shape), binaryOps[op].compares ? 'bool' : x.dtype)
}

/** Elementwise choice; `test` is bool, `a` and `b` have one dtype. */
export function where(test: Node, a: Node | number, b: Node | number): Node {
  const x = typeof a === 'number' ? constant(a, (b as Node).dtype) : a
  const y = typeof b === 'number' ? constant(b, x.dtype) : b
  if (x.dtype !== y.dtype) throw new Error(`primitive where: dtypes differ (${x.dtype}, ${y.dtype})`)
  const shape = broadcastShapes('where', test.shape, broadcastShapes('where', x.shape, y.shape))
  return make(WHERE, [test, x, y], shape, x.dtype)
}

export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : make(CAST, [x], x.shape, dtype)
}

/** The value as its dtype holds it, also in the middle of a kernel of a device that computes wider (the interpreter): for functions that jump. */
export const rounded = (x: Node): Node => make(CAST, [x], x.shape, x.dtype)

/** A value of its own with the input's values: stays readable when the input is retired. */
export function alias(x: Node): Node {
  return make(ALIAS, [x], x.shape, x.dtype)
}

export function reshape(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x
  if (sizeOf(shape) !== sizeOf(x.shape)) throw new Error(`primitive reshape: [${x.shape}] to [${shape}]`)
  return make(RESHAPE, [x], shape, x.dtype)
}

/** Broadcasts to `shape` (axes are added in front). */
export function expand(x: Node, shape: Shape): Node {
  return sameShape(x.shape, shape) ? x : make(EXPAND, [x], shape, x.dtype)
}

export function permute(x: Node, order: readonly number[]): Node {
  const shape: number[] = []
  let same = true
  for (let i = 0; i < order.length; i++) {
    const d = order[i] as number
    if (d !== i) same = false
    shape.push(x.shape[d] as number)
  }
  return same ? x : make({ kind: 'permute', order }, [x], shape, x.dtype)
}

const ONE: readonly number[] = [1]

/** Output position i along each axis is input position start + i · step. */
export function slice(
  x: Node,
  start: readonly number[],
  shape: Shape,
  step: readonly number[] = start.length === 1 ? ONE : start.map(() => 1),
): Node {
  if (sameShape(shape, x.shape) && start.every((s) => s === 0) && step.every((s) => s === 1)) return x
  return make({ kind: 'slice', start, step }, [x], shape, x.dtype)
}

/** A view that reads, for output position p, input position offset + Σ coef · p[axis] along each input axis. Every position read lies inside. */
export function window(x: Node, map: readonly WindowAxis[], shape: Shape): Node {
  if (sizeOf(shape) > 0) {
    map.forEach(({ offset, terms }, i) => {
      const span = terms.map(([axis, coef]) => coef * ((shape[axis] as number) - 1))
      const least = span.reduce((sum, s) => sum + Math.min(0, s), offset)
      const most = span.reduce((sum, s) => sum + Math.max(0, s), offset)
      if (least < 0 || most >= (x.shape[i] as number))
        throw new Error(`primitive window: reads ${least} to ${most} along axis ${i} of [${x.shape}]`)
    })
  }
  return make({ kind: 'window', map }, [x], shape, x.dtype)
}

/** Zeros (false) around `x`, whose origin lands at `before`. */
export function pad(x: Node, before: readonly number[], shape: Shape): Node {
  return sameShape(shape, x.shape) ? x : make({ kind: 'pad', before }, [x], shape, x.dtype)
}

/** Reduces `dims` (ascending), which leave the shape. `arg*` give int32 positions, row-major over `dims`. */
export function reduce(op: ReduceOp, x: Node, dims: readonly number[]): Node {
  const givesPosition = positionOf(op) !== undefined
  if (dims.length === 0 && !givesPosition) return x
  const { primitive } = x
  const reduction: Primitive =
    primitive.kind === 'permute' ? { kind: 'reduce', op, dims, permuted: primitive.order } : { kind: 'reduce', op, dims }
  return make(reduction, [x], withoutDims(x.shape, dims), givesPosition ? 'int32' : x.dtype)
}

const MATRICES = { kind: 'contract', m: 1, n: 1, k: 1 } as const satisfies Primitive

/** Σ over the k dims of a [...batch, ...m, ...k] times b [...batch, ...k, ...n]: a batched matrix product, unless told otherwise how many dims each part has. */
export function contract(a: Node, b: Node, dims: ContractDims = MATRICES): Node {
  if (dims === MATRICES && a.shape.length === 2 && b.shape.length === 2)
    return make(MATRICES, [a, b], [a.shape[0] as number, b.shape[1] as number], a.dtype)
  const batch = broadcastShapes(
    'contract',
    a.shape.slice(0, a.shape.length - dims.m - dims.k),
    b.shape.slice(0, b.shape.length - dims.k - dims.n),
  )
  const m = a.shape.slice(a.shape.length - dims.m - dims.k, a.shape.length - dims.k)
  const n = b.shape.slice(b.shape.length - dims.n)
  return make({ kind: 'contract', ...dims }, [a, b], [...batch, ...m, ...n], a.dtype)
}

/** The outputs of a routine: a node for each. */
export function routine(routine: Routine, inputs: readonly Node[]): Node[] {
  const outputs = routineRow(routine).outputs(routine, inputs)
  return outputs.map(({ dtype, shape }, output) => make({ kind: 'routine', routine, output }, inputs, shape, dtype))
}

/** Elements of `source` chosen along `dim` by `index` (int32, as many axes; other axes no longer than the source's). `op` is whom an index error names. */
export function gather(source: Node, dim: number, index: Node, op: string): Node {
  return make({ kind: 'gather', dim, op }, [source, index], index.shape, source.dtype)
}

/** Integers by which something is divided: a 0 among them is an error, which names `op`. */
export function divisor(x: Node, op: string): Node {
  const { primitive } = x
  return primitive.kind === 'scalar' && primitive.value !== 0 ? x : make({ kind: 'divisor', op }, [x], x.shape, x.dtype)
}

/** Alignment of packed pieces, in elements: 256 bytes of float32. */
export const PACK_ALIGN = 64

/** Offsets at which pieces of the given sizes lie in a pack, and its length. */
export function packLayout(sizes: readonly number[]): { offsets: number[]; length: number } {
  const offsets: number[] = []
  let length = 0
  for (const size of sizes) {
    offsets.push(length)
    length += Math.ceil(size / PACK_ALIGN) * PACK_ALIGN
  }
  return { offsets, length }
}

/** All inputs in one flat buffer (an arena); what lies between the pieces is unspecified. Unpack with {@link unpack}. */
export function pack(inputs: readonly Node[]): Node {
  const { offsets, length } = packLayout(inputs.map((n) => sizeOf(n.shape)))
  return make({ kind: 'pack', offsets }, inputs, [length], (inputs[0] as Node).dtype)
}

/** The piece of a pack (or of anything laid out like it) at `offset`. */
export function unpack(packed: Node, offset: number, shape: Shape): Node {
  const piece = slice(packed, [offset], [sizeOf(shape)])
  const view = reshape(piece, shape)
  forget(view) // a window onto the pack, not a value that anyone waits for
  return view
}

/** The same values on another device. */
export function transfer(x: Node, placement: NodePlace): Node {
  if (x.placement === placement) return x
  const node = new Node({ kind: 'transfer' }, [x], x.shape, x.dtype, placement)
  recorded(node)
  return node
}
