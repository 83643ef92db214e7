/** @file Elements sent to positions: scatter, scatterAdd, scatterReduce, indexAdd. What arrives at one position is joined in its order, on every device. */
import {
  BOOLEAN,
  choice,
  DTypeError,
  options as describe,
  held,
  IndexError,
  isInteger,
  type Kind,
  NUMBER,
  normalizeDim,
  type Options,
  oneOf,
  optional,
  ShapeError,
  type Signature,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Extreme } from '../kernel/index.ts'
import * as runtime from '../runtime/index.ts'
import { DIM, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, gt, isnan, logicalAnd, logicalOr } from './compare.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { add, div, mul, where } from './elementwise.ts'
import { column, gatherAlong, joinedRows, type ScatterParams, scatterAlong, scattered, scatterSum, targetsOf } from './gather.ts'
import { checkIndices, indexTensor } from './indexing.ts'
import { lit, number } from './promote.ts'
import { sliceBy } from './slice.ts'
import { expand, reshape } from './view.ts'

// ── ops over the routine; indices are checked ──

/** How many elements each position receives, int32. */
export const scatterCount: (index: Tensor, p: ScatterParams) => Tensor = defineOp('scatterCount', {
  inputs: ['index'],
  forward: (index, { dim, shape }: ScatterParams) => {
    const targets = targetsOf(index, dim, shape)
    const [joined, counts] = scattered('sum', sizeOf(shape), targets, column(targets))
    graph.forget(joined)
    return graph.reshape(counts, shape)
  },
  vjp: { index: 'none' },
  half: 'keep',
})

/** The row-major position in `index` of the last element that each position receives, int32; negative where there is none. */
export const scatterLast: (index: Tensor, p: ScatterParams) => Tensor = defineOp('scatterLast', {
  inputs: ['index'],
  forward: (index, { dim, shape }: ScatterParams) => {
    const senders = column(graph.iota(sizeOf(index.shape), index.placement))
    return graph.reshape(joinedRows('max', sizeOf(shape), targetsOf(index, dim, shape), senders), shape)
  },
  vjp: { index: 'none' },
  half: 'keep',
})

/** `x`, and at each position that receives anything the element `last` of `src`. */
export const scatterInto: (x: Tensor, src: Tensor, index: Tensor, last: Tensor, p: ScatterParams) => Tensor = defineOp('scatter', {
  inputs: ['x', 'src', 'index', 'last'],
  forward: (x, src, _, last, { shape, op }: ScatterParams) => {
    if (sizeOf(src.shape) === 0) return graph.alias(x)
    const at = graph.reshape(graph.binary('max', last, 0), [sizeOf(shape)])
    const picked = graph.gather(graph.reshape(src, [sizeOf(src.shape)]), 0, at, op)
    return graph.where(graph.binary('le', 0, last), graph.reshape(picked, shape), x)
  },
  saves: { x: ['last'], src: ['index', 'last'] },
  vjp: {
    x: (g, { last }) => where(gt(lit(0, last), last), g, lit(0, g)),
    src: (g, { index, last }, { dim, op }) => {
      const senders = new Tensor(graph.reshape(graph.iota(sizeOf(index.shape)), index.shape))
      return where(eq(gatherAlong(last, index, { dim, op }), senders), gatherAlong(g, index, { dim, op }), lit(0, g))
    },
    index: 'none',
    last: 'none',
  },
  half: 'keep',
})

/** The product of what each position receives; 1 where that is nothing. */
const scatterProd: (src: Tensor, index: Tensor, p: ScatterParams) => Tensor = defineOp('scatterProd', {
  inputs: ['src', 'index'],
  forward: (src, index, { dim, shape }: ScatterParams) =>
    graph.reshape(joinedRows('prod', sizeOf(shape), targetsOf(index, dim, shape), column(src)), shape),
  saves: { src: ['src', 'index', 'y'] },
  vjp: {
    src: (g, { src, index, y }, p) => mul(gatherAlong(g, index, p), productOfOthersSent(src, index, y, p)),
    index: 'none',
  },
})

/** For each element, the product of the others that are sent to its place: that of all by its own factor, or, of one that cannot be divided by, of what is left. */
function productOfOthersSent(src: Tensor, index: Tensor, y: Tensor, p: ScatterParams): Tensor {
  const [isZero, isNone] = [eq(src, lit(0, src)), isnan(src)]
  const isLeftOut = logicalOr(isZero, isNone)
  const rest = where(isLeftOut, lit(1, src), src)
  /** Whether there is another one of a kind. */
  const isBeside = (kind: Tensor): Tensor => {
    const own = cast(kind, 'int32')
    return gt(gatherAlong(scatterSum(own, index, p), index, p), own)
  }
  const left = gatherAlong(scatterProd(rest, index, p), index, p)
  const besideZero = where(isBeside(isZero), mul(left, lit(0, left)), left)
  const ofLeftOut = where(isBeside(isNone), lit(Number.NaN, left), besideZero)
  return where(isLeftOut, ofLeftOut, div(gatherAlong(y, index, p), rest))
}

interface ExtremeParams extends ScatterParams {
  readonly extreme: Extreme
  readonly includeSelf: boolean
}

/** The extreme of what each position receives, and of what was there where that counts; what was there where nothing arrives. Ties share the gradient. */
const scatterExtreme: (x: Tensor, src: Tensor, index: Tensor, p: ExtremeParams) => Tensor = defineOp('scatterExtreme', {
  inputs: ['x', 'src', 'index'],
  forward: (x, src, index, { dim, shape, extreme, includeSelf }: ExtremeParams) => {
    const [joined, counts] = scattered(extreme, sizeOf(shape), targetsOf(index, dim, shape), column(src)).map((y) =>
      graph.reshape(y, shape),
    ) as [graph.Node, graph.Node]
    return graph.where(graph.binary('lt', 0, counts), includeSelf ? graph.binary(extreme, x, joined) : joined, x)
  },
  saves: { x: ['x', 'src', 'index', 'y'], src: ['x', 'src', 'index', 'y'] },
  vjp: {
    x: (g, saved, p) => where(winners(saved, p).self, shares(g, saved, p), lit(0, g)),
    src: (g, saved, p) => where(winners(saved, p).sent, gatherAlong(shares(g, saved, p), saved.index, p), lit(0, g)),
    index: 'none',
  },
})

interface SavedExtreme {
  readonly x: Tensor
  readonly src: Tensor
  readonly index: Tensor
  readonly y: Tensor
}

/** Which of what was there, and of what was sent, are the extreme: NaN is where there is one. */
function winners({ x, src, index, y }: SavedExtreme, p: ExtremeParams): { self: Tensor; sent: Tensor } {
  const wins = (a: Tensor, b: Tensor): Tensor => logicalOr(eq(a, b), logicalAnd(isnan(a), isnan(b)))
  const self = p.includeSelf ? wins(x, y) : eq(scatterCount(index, p), number(0, 'int32'))
  return { self, sent: wins(src, gatherAlong(y, index, p)) }
}

/** What each of the winners gets of a gradient. */
function shares(g: Tensor, saved: SavedExtreme, p: ExtremeParams): Tensor {
  const { self, sent } = winners(saved, p)
  return div(g, add(cast(self, g.dtype), scatterSum(cast(sent, g.dtype), saved.index, p)))
}

// ── arguments ──

/** What is sent where: checked, and cut to the shape of `index`. */
interface Sent {
  readonly x: Tensor
  readonly src: Tensor
  readonly index: Tensor
  readonly p: ScatterParams
}

/** An index that the device checks, where the host does not know it. */
export function checkedIndex(op: string, index: Tensor, size: number): Tensor {
  const i = indexTensor(op, 'index', index)
  checkIndices(op, index, size)
  if (runtime.hostValues(index._node) || sizeOf(i.shape) === 0) return i
  if (size === 0) throw new IndexError(op, 'there is no index into an axis of size 0')
  // Looked up in 0 … size−1, each index is itself, and checked
  const flat = graph.gather(graph.iota(size, i._node.placement), 0, graph.reshape(i._node, [sizeOf(i.shape)]), op)
  return new Tensor(graph.reshape(flat, i.shape))
}

function checkDtypes(op: string, x: Tensor, role: string, src: Tensor): void {
  if (x.dtype !== src.dtype)
    throw new DTypeError(op, `${role} must have the dtype of x (${x.dtype}), got ${src.dtype}. Convert it: ${role}.to('${x.dtype}')`)
}

function sentTo(op: string, x: Tensor, dim: number, index: Tensor, source: Tensor | number): Sent {
  const src = source instanceof Tensor ? source : expand(number(held(op, 'src', source, x.dtype), x.dtype), index.shape)
  checkDtypes(op, x, 'src', src)
  checkDevices(op, ['x', 'index', 'src'], [x, index, src])
  const d = normalizeDim(op, dim, x.ndim)
  const fits =
    index.ndim === x.ndim &&
    src.ndim === x.ndim &&
    index.shape.every((s, k) => s <= (src.shape[k] as number) && (k === d || s <= (x.shape[k] as number)))
  if (!fits)
    throw new ShapeError(
      op,
      `index ${showShape(index.shape)} must have the dims of x ${showShape(x.shape)} and of src ${showShape(src.shape)}, be no larger than src, and no larger than x outside dim ${d}`,
      [x.shape, index.shape, src.shape],
    )
  const i = checkedIndex(op, index, x.shape[d] ?? 1)
  if (x.ndim === 0) return { x: reshape(x, [1]), src: reshape(src, [1]), index: reshape(i, [1]), p: { dim: 0, shape: [1], op } }
  const cut = { start: i.shape.map(() => 0), step: i.shape.map(() => 1), sizes: i.shape }
  return { x, src: sliceBy(src, cut), index: i, p: { dim: d, shape: x.shape, op } }
}

/** The result in the shape of what was given, which 0-d tensors left. */
const shapedAs = (x: Tensor, y: Tensor): Tensor => (x.ndim === 0 ? reshape(y, []) : y)

const sending = (name: string): Signature => signature(name, { x: TENSOR, dim: DIM, index: TENSOR, src: TENSOR })

// ── functions ──

const SCATTER = signature('scatter', { x: TENSOR, dim: DIM, index: TENSOR, src: oneOf(TENSOR, NUMBER) })

/**
 * `x`, with src[…, i, …] at position index[…, i, …] along `dim`; where several are sent to one place, the last one counts: a tensor like `x`.
 * @param index integers with as many dims as `x`, no larger than `src`, and no larger than `x` in the other dims
 * @param src as `x` in dtype, or a number
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html
 */
export function scatter(x: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor {
  SCATTER.check(x, dim, index, src)
  return underName('scatter', () => {
    const sent = sentTo('scatter', x, dim, index, src)
    return shapedAs(x, scatterInto(sent.x, sent.src, sent.index, scatterLast(sent.index, sent.p), sent.p))
  })
}

const SCATTER_ADD = sending('scatterAdd')

/**
 * `x`, and src[…, i, …] added at position index[…, i, …] along `dim`, in the order of `src`: a tensor like `x`.
 * @param index integers with as many dims as `x`, no larger than `src`, and no larger than `x` in the other dims
 * @param src as `x` in dtype
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_add_.html
 */
export const scatterAdd: (x: Tensor, dim: number, index: Tensor, src: Tensor) => Tensor = defineComposition(
  'scatterAdd',
  (x: Tensor, dim: number, index: Tensor, src: Tensor) => {
    SCATTER_ADD.check(x, dim, index, src)
    const sent = sentTo('scatterAdd', x, dim, index, src)
    return shapedAs(x, add(sent.x, scatterSum(sent.src, sent.index, sent.p)))
  },
  { autocast: 'widest' },
)

/** How {@link scatterReduce} joins what is sent to one place. */
export type ScatterReduction = 'sum' | 'prod' | 'mean' | 'amax' | 'amin'

/** What {@link scatterReduce} begins with. */
export interface ScatterReduceOptions {
  /** Whether what was there counts, too: true by default. Where nothing arrives it stays in any case. */
  readonly includeSelf?: boolean
}

const REDUCTIONS: { readonly [R in ScatterReduction]: (sent: Sent, includeSelf: boolean) => Tensor } = {
  sum: ({ x, src, index, p }, includeSelf) => add(begun(x, index, p, includeSelf, 0), scatterSum(src, index, p)),
  prod: ({ x, src, index, p }, includeSelf) => mul(begun(x, index, p, includeSelf, 1), scatterProd(src, index, p)),
  mean: (sent, includeSelf) => {
    const { x, index, p } = sent
    const counts = scatterCount(index, p)
    const count = includeSelf ? add(counts, 1) : where(eq(counts, lit(0, counts)), lit(1, counts), counts)
    const roundingMode = isInteger(x.dtype) ? 'floor' : null
    return div(REDUCTIONS.sum(sent, includeSelf), cast(count, x.dtype), { roundingMode })
  },
  amax: ({ x, src, index, p }, includeSelf) => scatterExtreme(x, src, index, { ...p, extreme: 'max', includeSelf }),
  amin: ({ x, src, index, p }, includeSelf) => scatterExtreme(x, src, index, { ...p, extreme: 'min', includeSelf }),
}

/** What a sum or a product begins with: `x`, or, where that does not count and something arrives, its identity. */
function begun(x: Tensor, index: Tensor, p: ScatterParams, includeSelf: boolean, identity: number): Tensor {
  return includeSelf ? x : where(gt(scatterCount(index, p), number(0, 'int32')), lit(identity, x), x)
}

export const SCATTER_REDUCTION: Kind = choice(Object.keys(REDUCTIONS))
export const SCATTER_REDUCE_OPTIONS: Options<ScatterReduceOptions> = describe<ScatterReduceOptions>({ includeSelf: BOOLEAN })
const SCATTER_REDUCE = signature('scatterReduce', {
  x: TENSOR,
  dim: DIM,
  index: TENSOR,
  src: TENSOR,
  reduce: SCATTER_REDUCTION,
  options: optional(SCATTER_REDUCE_OPTIONS),
})

/**
 * `x`, and src[…, i, …] joined with what is at position index[…, i, …] along `dim`: a tensor like `x`. The mean of integers is rounded down.
 * @param index integers with as many dims as `x`, no larger than `src`, and no larger than `x` in the other dims
 * @param src as `x` in dtype
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html
 * @example x.scatterReduce(0, index, src, 'amax', { includeSelf: false })
 */
export const scatterReduce: (
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: ScatterReduction,
  options?: ScatterReduceOptions,
) => Tensor = defineComposition(
  'scatterReduce',
  (x: Tensor, dim: number, index: Tensor, src: Tensor, reduce: ScatterReduction, options?: ScatterReduceOptions) => {
    SCATTER_REDUCE.check(x, dim, index, src, reduce, options)
    const sent = sentTo('scatterReduce', x, dim, index, src)
    return shapedAs(x, REDUCTIONS[reduce](sent, options?.includeSelf ?? true))
  },
)

/** By what {@link indexAdd} multiplies. */
export interface IndexAddOptions {
  /** A factor of what is added: 1 by default. */
  readonly alpha?: number
}

export const INDEX_ADD_OPTIONS: Options<IndexAddOptions> = describe<IndexAddOptions>({ alpha: NUMBER })
const INDEX_ADD = signature('indexAdd', {
  x: TENSOR,
  dim: DIM,
  index: TENSOR,
  source: TENSOR,
  options: optional(INDEX_ADD_OPTIONS),
})

/**
 * `x`, and what is at each position of `source` along `dim` added at its index, in the order of `source`.
 * @param index integers, [n]
 * @param source the shape of `x` with n along `dim`
 * @throws IndexError for an index out of range, as `gather` does.
 * @see https://pytorch.org/docs/stable/generated/torch.Tensor.index_add_.html
 */
export const indexAdd: (x: Tensor, dim: number, index: Tensor, source: Tensor, options?: IndexAddOptions) => Tensor = defineComposition(
  'indexAdd',
  (x: Tensor, dim: number, index: Tensor, source: Tensor, options?: IndexAddOptions) => {
    INDEX_ADD.check(x, dim, index, source, options)
    checkDtypes('indexAdd', x, 'source', source)
    checkDevices('indexAdd', ['x', 'index', 'source'], [x, index, source])
    const d = normalizeDim('indexAdd', dim, x.ndim)
    const n = index.numel()
    const wanted = x.ndim === 0 ? [] : x.shape.map((s, k) => (k === d ? n : s))
    if (index.ndim > 1 || source.shape.join() !== wanted.join())
      throw new ShapeError(
        'indexAdd',
        `source ${showShape(source.shape)} must be ${showShape(wanted)} for x ${showShape(x.shape)} and index ${showShape(index.shape)}, which has one dim`,
        [x.shape, index.shape, source.shape],
      )
    const i = reshape(checkedIndex('indexAdd', index, x.shape[d] ?? 1), [n])
    const sum = x.ndim === 0 ? [reshape(x, [1]), reshape(source, [1])] : [x, source]
    const [onto, given] = sum as [Tensor, Tensor]
    const added = options?.alpha === undefined ? given : mul(given, options.alpha)
    return shapedAs(x, add(onto, scatterAlong(added, i, { dim: d, shape: onto.shape, op: 'indexAdd' })))
  },
)
