/**
 * @file Rewrites made before scheduling: what a device cannot do well as recorded becomes primitives that it can.
 * - narrow results (bool, 8-bit, halves) of reductions, contractions and routines are computed wide, then cast;
 * - long reductions of few rows, and long sums of few products, are done in two passes, in an order that depends only on the sizes;
 * - outputs of routines are reductions again, where those are fused;
 * - equal views are one;
 * - halves that are read much later are rounded again (round-again.ts);
 * - a stack of matrices times one matrix is one taller matrix;
 * - reductions over nothing are constants; pieces of a pack become values of their own.
 */
import { type DType, dtypeInfo, isHalf, type Shape, sizeOf } from '../base/index.ts'
import type { DeviceTraits } from '../device/index.ts'
import {
  afterFence,
  type Fence,
  isSource,
  isView,
  isWidening,
  Node,
  type Primitive,
  type PrimitiveOf,
  roleOf,
  rowOf,
  wholeBase,
} from '../graph/index.ts'
import { identityOf, positionOf, type ReduceOp, routineRow } from '../kernel/index.ts'
import { type RoundedAgain, roundedLater, shownBy } from './round-again.ts'
import { chooseRoutines, fenceKey, fusedOutput, isLongOfFewRows, LONG } from './routines.ts'
import { primitiveKey } from './signature.ts'

function derive(primitive: Primitive, inputs: readonly Node[], shape: Shape, dtype: DType, like: Node): Node {
  const node = new Node(primitive, inputs, shape, dtype, like.placement)
  node.place = like.place
  return node
}

const isNarrow = (dtype: DType): boolean => dtypeInfo[dtype].bytes < 4
const widened = (dtype: DType): DType => (isHalf(dtype) ? 'float32' : 'int32')

const castTo = (x: Node, dtype: DType): Node => (x.dtype === dtype ? x : derive({ kind: 'cast' }, [x], x.shape, dtype, x))
const reshapeTo = (x: Node, shape: Shape): Node => derive({ kind: 'reshape' }, [x], shape, x.dtype, x)

/**
 * The rewritten form of every node of `order` (topological, sources included). Views and paddings that show the same are one, so that a convolution and
 * its gradient read one padded copy; `targets` stay themselves.
 */
export function rewrite(order: readonly Node[], targets: ReadonlySet<Node>, traits: DeviceTraits): Map<Node, Node> {
  const done = new Map<Node, Node>()
  const views = new Map<string, Node>()
  const readers = new Map<Node, number>()
  for (const node of order) for (const input of node.inputs) readers.set(input, (readers.get(input) ?? 0) + 1)
  const fences = new Map<Fence | undefined, number>()
  const routines = chooseRoutines(order, targets, traits)
  /** Inputs of routines, as wide as routines take them: what several outputs are computed of is one. */
  const wide = new Map<Node, Node>()
  // (what an engine does not round in between would be another half)
  const later = traits.roundsOperators ? roundedLater(order, targets) : new Map<Node, RoundedAgain>()
  const again = new Map<RoundedAgain, Map<Node, Node>>()
  const rewritten = (node: Node): Node => {
    const rounded = later.get(node)
    const inputs = node.inputs.map((i) =>
      rounded && shownBy(i) === rounded.half ? shownAgain(i, rounded, done, again) : (done.get(i) as Node),
    )
    const same = inputs.every((x, i) => x === node.inputs[i])
    if (routines.has(node)) return wideRoutine(node, inputs, same, wide)
    if (roleOf(node) === 'pack') {
      const isAlone = (of: Node): boolean => readers.get(of) === 1 && !targets.has(of)
      const pieces = node.inputs.map((piece) => packed(piece, done, isAlone))
      return derive(node.primitive, pieces, node.shape, node.dtype, node)
    }
    const key = targets.has(node) ? undefined : viewKey(node, inputs, fences)
    const result = (key === undefined ? undefined : views.get(key)) ?? rewriteOne(node, inputs, same, traits)
    if (key !== undefined) views.set(key, result)
    return result
  }
  for (const node of order) {
    if (isSource(node)) {
      done.set(node, node)
      continue
    }
    const product = done.get(node.inputs[0] as Node) as Node
    if (transposesProduct(node, product) && readers.get(node.inputs[0] as Node) === 1) {
      // (ab)ᵀ = bᵀaᵀ: the product is computed the way it is wanted.
      const { primitive, inputs: factors, after } = product
      const [a, b] = factors as readonly [Node, Node]
      done.set(
        node,
        afterFence(after, () => derive(primitive, [transposed(b), transposed(a)], node.shape, node.dtype, node)),
      )
    } else done.set(node, node.after === undefined ? rewritten(node) : afterFence(node.after, () => rewritten(node)))
  }
  return done
}

/** What is seen of a half that is computed a second time, after its fence. */
function shownAgain(shown: Node, rounded: RoundedAgain, done: ReadonlyMap<Node, Node>, again: Map<RoundedAgain, Map<Node, Node>>): Node {
  const { way, after } = rounded
  const copies = again.get(rounded) ?? new Map<Node, Node>()
  again.set(rounded, copies)
  const copied = (node: Node): Node => {
    const before = copies.get(node)
    if (before) return before
    if (isSource(node) || !(way.includes(node) || isView(node) || isWidening(node))) return done.get(node) as Node
    const inputs = node.inputs.map(copied)
    const isSame = !way.includes(node) && inputs.every((x, i) => x === done.get(node.inputs[i] as Node))
    const copy = isSame ? (done.get(node) as Node) : derive(node.primitive, inputs, node.shape, node.dtype, node)
    copies.set(node, copy)
    return copy
  }
  return afterFence(after, () => copied(shown))
}

const isMatrixProduct = ({ primitive: p, storage }: Node): boolean =>
  p.kind === 'contract' && p.m === 1 && p.n === 1 && p.k === 1 && !storage

/** Whether a node is the transposed of a product that has still to be computed: that is one by itself, where nothing else reads the product. */
export const transposesProduct = (node: Node, product: Node): boolean => swapsMatrix(node) && isMatrixProduct(product)

/** Equal keys show equal values, computed after the same fence; undefined for what is left as often as it was recorded. */
function viewKey(node: Node, inputs: readonly Node[], fences: Map<Fence | undefined, number>): string | undefined {
  if (!rowOf(node.primitive).merges) return undefined
  return `${(inputs[0] as Node).id} ${fenceKey(node, fences)} ${primitiveKey(node.primitive)} ${node.shape.join()}`
}

/** Whether a node exchanges the last two axes and leaves the others. */
function swapsMatrix({ primitive }: Node): boolean {
  if (primitive.kind !== 'permute') return false
  const { order } = primitive
  const n = order.length
  return order.every((d, i) => d === (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i))
}

function transposed(x: Node): Node {
  const n = x.shape.length
  const order = x.shape.map((_, i) => (i === n - 1 ? n - 2 : i === n - 2 ? n - 1 : i))
  const shape = order.map((d) => x.shape[d] as number)
  if (swapsMatrix(x) && !x.storage) return x.inputs[0] as Node
  return derive({ kind: 'permute', order }, [x], shape, x.dtype, x)
}

function rewriteOne(node: Node, inputs: readonly Node[], same: boolean, traits: DeviceTraits): Node {
  const { primitive, shape, dtype } = node
  const [x, y] = inputs as readonly [Node, Node]
  const asRecorded = (): Node => (same ? node : derive(primitive, inputs, shape, dtype, node))
  switch (roleOf(node)) {
    case 'reduce':
      return rewriteReduce(node, primitive as PrimitiveOf<'reduce'>, x, same, traits)
    case 'contract':
      return rewriteContract(node, primitive as PrimitiveOf<'contract'>, x, y, traits)
    case 'routine': {
      const fused = fusedOutput(primitive as PrimitiveOf<'routine'>, inputs, (p, of, itsShape, itsType) =>
        derive(p, of, itsShape, itsType, node),
      )
      return rewriteOne(fused, fused.inputs, true, traits)
    }
    case 'pointwise':
      // Padded halves are stored as halves, and widened where they are read
      if (primitive.kind === 'pad' && isWidening(x))
        return castTo(derive(primitive, x.inputs, shape, (x.inputs[0] as Node).dtype, node), dtype)
      return asRecorded()
    case 'source':
    case 'view':
    case 'pack':
    case 'transfer':
      return asRecorded()
  }
}

/** A piece of a pack, as a value of its own that is written there. The output of a routine is, unless something else reads it: no kernel has to copy it. */
function packed(piece: Node, done: ReadonlyMap<Node, Node>, isAlone: (of: Node) => boolean): Node {
  let whole = true
  for (let of = piece; ; of = of.inputs[0] as Node) {
    whole &&= isAlone(of)
    if (of.storage || of.primitive.kind !== 'reshape') break
  }
  const made = done.get(piece) as Node
  const base = wholeBase(made)
  if (whole && !base.storage && base.primitive.kind === 'routine') return base
  return derive({ kind: 'alias' }, [made], made.shape, made.dtype, made)
}

/** An output of a routine, of inputs whose elements are 32 bits or more. */
function wideRoutine(node: Node, inputs: readonly Node[], same: boolean, wide: Map<Node, Node>): Node {
  const { shape, dtype } = node
  const primitive = node.primitive as PrimitiveOf<'routine'>
  if (!inputs.some((x) => isNarrow(x.dtype))) return same ? node : derive(primitive, inputs, shape, dtype, node)
  const widely = inputs.map((x) => {
    if (!isNarrow(x.dtype)) return x
    const known = wide.get(x) ?? castTo(x, widened(x.dtype))
    wide.set(x, known)
    return known
  })
  const made = routineRow(primitive.routine).outputs(primitive.routine, widely)[primitive.output]
  return castTo(derive(primitive, widely, shape, made?.dtype ?? dtype, node), dtype)
}

function rewriteContract(node: Node, primitive: PrimitiveOf<'contract'>, a: Node, b: Node, traits: DeviceTraits): Node {
  const { shape, dtype } = node
  const k = sizeOf(a.shape.slice(a.shape.length - primitive.k))
  if (k === 0) return derive({ kind: 'expand' }, [derive({ kind: 'constant', value: 0 }, [], [], dtype, node)], shape, dtype, node)
  const wide = isNarrow(dtype) ? widened(dtype) : dtype
  const parts = partsOfSum(primitive, a, b, sizeOf(shape), traits)
  if (parts > 1) return castTo(splitContract(node, primitive, a, b, parts, wide), dtype)
  if (primitive.m === 1 && primitive.n === 1 && primitive.k === 1 && b.shape.length === 2 && a.shape.length > 2) {
    const m = sizeOf(a.shape.slice(0, -1))
    const n = b.shape[1] as number
    return castTo(reshapeTo(derive(primitive, [reshapeTo(a, [m, k]), b], [m, n], wide, node), shape), dtype)
  }
  return castTo(derive(primitive, [a, b], shape, wide, node), dtype)
}

/** Terms of one part of a long reduction, at most, where parts are taken side by side. */
const CHAIN = 4096

/** Outputs of a contraction that one workgroup computes, about. */
const TILE = 32 * 32
/** The least terms of a sum worth a part of its own. */
const PART = 256

/**
 * Into how many parts the sum of a contraction is split: few outputs of long sums (the gradient of a convolution's weight) would leave most of the
 * device idle. A divisor of the outermost of its dims.
 */
function partsOfSum({ k }: PrimitiveOf<'contract'>, a: Node, b: Node, outputs: number, traits: DeviceTraits): number {
  const sizes = a.shape.slice(a.shape.length - k)
  const terms = sizeOf(sizes)
  const tiles = Math.ceil(outputs / TILE)
  if (terms < LONG || terms * outputs < traits.leastSplit || tiles * 2 > traits.parallelism || sizeOf(b.shape) === 0) return 1
  const outer = sizes.find((size) => size > 1) as number
  const wanted = Math.min(outer, Math.ceil(traits.parallelism / tiles), Math.floor(terms / PART))
  for (let parts = wanted; parts > 1; parts--) if (outer % parts === 0) return parts
  return 1
}

/** The contraction as one over parts of its sum, which become a batch, and a sum over these. */
function splitContract(node: Node, primitive: PrimitiveOf<'contract'>, a: Node, b: Node, parts: number, dtype: DType): Node {
  const { m, n, k } = primitive
  const batch = node.shape.length - m - n
  /** The outermost long dim of the sum, in an operand whose sum begins at `first`, moved in front of its rows or columns. */
  const cut = (x: Node, first: number, own: number): Node => {
    const d = first + x.shape.slice(first, first + k).findIndex((size) => size > 1)
    const size = x.shape[d] as number
    const shape = [...x.shape.slice(0, d), parts, size / parts, ...x.shape.slice(d + 1)]
    const rest = shape.map((_, i) => i).filter((i) => i !== d && i >= own)
    const order = [...shape.map((_, i) => i).slice(0, own), d, ...rest]
    const apart = reshapeTo(x, shape)
    return derive(
      { kind: 'permute', order },
      [apart],
      order.map((i) => shape[i] as number),
      x.dtype,
      x,
    )
  }
  const left = cut(a, a.shape.length - k, a.shape.length - k - m)
  const right = cut(b, b.shape.length - k - n, b.shape.length - k - n)
  const shape = [...node.shape.slice(0, batch), parts, ...node.shape.slice(batch)]
  const partial = derive(primitive, [left, right], shape, dtype, node)
  return derive({ kind: 'reduce', op: 'sum', dims: [batch] }, [partial], node.shape, dtype, node)
}

function rewriteReduce(node: Node, primitive: PrimitiveOf<'reduce'>, x: Node, same: boolean, traits: DeviceTraits): Node {
  const { op, dims, permuted } = primitive
  const { shape, dtype } = node
  const inner = sizeOf(dims.map((d) => x.shape[d] as number))
  const rows = sizeOf(shape)
  const givesPosition = positionOf(op) !== undefined
  if (inner === 0 && !givesPosition) {
    return derive({ kind: 'expand' }, [derive({ kind: 'constant', value: identityOf(op, dtype) }, [], [], dtype, node)], shape, dtype, node)
  }
  if (isNarrow(x.dtype)) {
    const wide = castTo(x, widened(x.dtype))
    const widely = derive(primitive, [wide], shape, givesPosition ? 'int32' : wide.dtype, node)
    return castTo(rewriteReduce(widely, primitive, wide, true, traits), dtype)
  }
  if (!givesPosition && isLongOfFewRows(rows, inner, traits)) {
    const parts = Math.max(Math.min(traits.parallelism, Math.ceil(inner / 64)), traits.coalesces ? Math.ceil(inner / CHAIN) : 1)
    const chunk = Math.ceil(inner / parts)
    const kept = x.shape.map((_, i) => i).filter((i) => !dims.includes(i))
    const order = [...kept, ...(permuted ? [...dims].sort((a, b) => (permuted[a] as number) - (permuted[b] as number)) : dims)]
    let flat = order.every((d, i) => d === i)
      ? x
      : derive(
          { kind: 'permute', order },
          [x],
          order.map((d) => x.shape[d] as number),
          x.dtype,
          x,
        )
    flat = reshapeTo(flat, [rows, inner])
    if (parts * chunk !== inner) flat = padded(flat, rows, inner, parts * chunk, op)
    // Neighbouring parts read neighbouring elements: part s takes s, s + parts, s + 2·parts, …; or each those that lie together
    const split = reshapeTo(flat, traits.coalesces ? [rows, chunk, parts] : [rows, parts, chunk])
    const partial = derive({ kind: 'reduce', op, dims: [traits.coalesces ? 1 : 2] }, [split], [rows, parts], dtype, node)
    return reshapeTo(derive({ kind: 'reduce', op, dims: [1] }, [partial], [rows], dtype, node), shape)
  }
  return same ? node : derive(primitive, [x], shape, dtype, node)
}

/** `flat` [rows, inner] lengthened to [rows, length] by elements that leave the reduction as it is. */
function padded(flat: Node, rows: number, inner: number, length: number, op: ReduceOp): Node {
  const shape = [rows, length]
  const pad: Primitive = { kind: 'pad', before: [0, 0] }
  const zeros = derive(pad, [flat], shape, flat.dtype, flat)
  const identity = identityOf(op, flat.dtype)
  if (identity === 0) return zeros
  const yes = derive({ kind: 'constant', value: 1 }, [], [], 'bool', flat)
  const real = derive(pad, [derive({ kind: 'expand' }, [yes], [1, inner], 'bool', flat)], [1, length], 'bool', flat)
  const fill = derive({ kind: 'constant', value: identity }, [], [], flat.dtype, flat)
  return derive({ kind: 'where' }, [real, zeros, fill], shape, flat.dtype, flat)
}
