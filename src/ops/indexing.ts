/** @file Choosing elements by position: `at`, gather, indexSelect, embedding, oneHot. Gradients sum without atomics, in a fixed order. */
import {
  ArgumentError,
  broadcastShapes,
  checkElements,
  DTypeError,
  options as describe,
  IndexError,
  isInteger,
  type Kind,
  listOf,
  nestedShape,
  normalizeDim,
  nullable,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  showArgument,
  showShape,
  signature,
  sizeOf,
  type TypedArray,
  underName,
  WHOLE,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { checkSize, DIM, TENSOR, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { where } from './elementwise.ts'
import { number, saturated } from './promote.ts'
import { expand, permute, reshape, sliceBy, unsqueeze } from './view.ts'

interface GatherParams {
  readonly dim: number
  /** Whom an index error names. */
  readonly op: string
}

const gatherAlong: (x: Tensor, index: Tensor, p: GatherParams) => Tensor = defineOp('gather', {
  inputs: ['x', 'index'],
  forward: (x, index, p: GatherParams) =>
    sizeOf(index.shape) === 0 ? graph.expand(graph.constant(0, x.dtype, x.placement), index.shape) : graph.gather(x, p.dim, index, p.op),
  saves: { x: ['index'] },
  vjp: { x: (g, { index, shape }, p) => scatterSum(g, index, { dim: p.dim, shape, op: p.op }), index: 'none' },
  half: 'keep',
})

interface ScatterParams extends GatherParams {
  readonly shape: Shape
}

/**
 * Zeros of `shape`, and each element of g added at its index: Σ over positions j of (index[j] = v ? g[j] : 0), a reduction in a fixed order. With one
 * position along the dim (class targets) there is nothing to sum.
 */
const scatterSum: (g: Tensor, index: Tensor, p: ScatterParams) => Tensor = defineOp('scatterSum', {
  inputs: ['g', 'index'],
  forward: (g, index, { dim, shape }: ScatterParams) => {
    if (sizeOf(g.shape) === 0) return graph.expand(graph.constant(0, g.dtype, g.placement), shape)
    const n = index.shape[dim] as number
    const along = (ndim: number): number[] => Array.from({ length: ndim }, (_, i) => (i === dim ? (shape[dim] as number) : 1))
    let y: graph.Node
    if (n === 1) {
      y = graph.where(graph.binary('eq', graph.reshape(graph.iota(shape[dim] as number), along(g.shape.length)), index), g, 0)
    } else {
      const apart = [...g.shape.slice(0, dim), 1, ...g.shape.slice(dim)] // [.., 1, n, ..]
      const hit = graph.binary('eq', graph.reshape(graph.iota(shape[dim] as number), along(apart.length)), graph.reshape(index, apart))
      y = graph.reduce('sum', graph.where(hit, graph.reshape(g, apart), 0), [dim + 1])
    }
    return graph.pad(
      y,
      shape.map(() => 0),
      shape,
    )
  },
  saves: { g: ['index'] },
  vjp: { g: (gg, { index }, p) => gatherAlong(gg, index, { dim: p.dim, op: p.op }), index: 'none' },
})

/** Throws where the host knows an index to be out of range; the device finds the others. `ignore` is let through. */
export function checkIndices(op: string, index: Tensor, size: number, ignore?: number): void {
  const values = runtime.hostValues(index._node)
  if (values === undefined) return
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number
    if ((v < 0 || v >= size) && v !== ignore) throw outOfRange(op, v, size)
  }
}
const outOfRange = (op: string, v: number, size: number): IndexError =>
  new IndexError(op, `index ${v} is out of range for size ${size} (expected 0 to ${size - 1})`)

/** An integer tensor as int32; what int32 does not hold stays out of range. */
export function indexTensor(op: string, role: string, index: Tensor): Tensor {
  if (index.dtype === 'bool')
    throw new DTypeError(op, `${role} must be integers, got bool. To choose by a mask: await x.maskedSelect(mask)`)
  if (!isInteger(index.dtype)) throw new DTypeError(op, `${role} must be integers, got ${index.dtype}. Make them with { dtype: 'int32' }`)
  return index.dtype === 'int32' ? index : new Tensor(saturated(index._node, 'int32'))
}

const GATHER = signature('gather', { x: TENSOR, dim: DIM, index: TENSOR })

/**
 * out[…, i, …] = x[…, index[…, i, …], …] along `dim`.
 * @param index integers with as many dims as `x`, no larger than `x` in the other dims
 * @returns the shape of `index`
 * @throws IndexError for an index out of range: at the call where the host knows it, else at the next await.
 * @see https://pytorch.org/docs/stable/generated/torch.gather.html
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  GATHER.check(x, dim, index)
  const i = indexTensor('gather', 'index', index)
  const d = normalizeDim('gather', dim, x.ndim)
  if (i.ndim !== x.ndim || i.shape.some((s, k) => k !== d && s > (x.shape[k] as number))) {
    throw new ShapeError(
      'gather',
      `index ${showShape(i.shape)} must have the dims of x ${showShape(x.shape)} and be no larger outside dim ${d}`,
      [x.shape, i.shape],
    )
  }
  checkIndices('gather', index, x.shape[d] ?? 1)
  if (x.ndim === 0) return reshape(gatherAlong(reshape(x, [1]), reshape(i, [1]), { dim: 0, op: 'gather' }), [])
  return gatherAlong(x, i, { dim: d, op: 'gather' })
}

/** Positions `index` (int32, [n], checked) of dim `d`. */
function take(x: Tensor, d: number, index: Tensor, op: string): Tensor {
  const n = index.shape[0] as number
  const shape = x.shape.map((s, i) => (i === d ? n : s))
  checkSize(op, shape)
  const along = shape.map((_, i) => (i === d ? n : 1))
  return gatherAlong(x, expand(reshape(index, along), shape), { dim: d, op })
}

const INDEX_SELECT = signature('indexSelect', { x: TENSOR, dim: DIM, index: TENSOR })

/**
 * The positions `index` of dim `dim`.
 * @param index integers, [n]
 * @returns the shape of `x` with n along `dim`
 * @throws IndexError as {@link gather}
 * @see https://pytorch.org/docs/stable/generated/torch.index_select.html
 */
export function indexSelect(x: Tensor, dim: number, index: Tensor): Tensor {
  INDEX_SELECT.check(x, dim, index)
  return underName('indexSelect', () => {
    const i = indexTensor('indexSelect', 'index', index)
    const d = normalizeDim('indexSelect', dim, x.ndim)
    if (i.ndim > 1) throw new ShapeError('indexSelect', `index must have one dim, got ${showShape(i.shape)}`, [i.shape])
    checkDevices('indexSelect', ['x', 'index'], [x, index])
    checkIndices('indexSelect', index, x.shape[d] ?? 1)
    if (x.ndim === 0) return reshape(take(reshape(x, [1]), 0, reshape(i, [-1]), 'indexSelect'), [])
    return take(x, d, reshape(i, [i.numel()]), 'indexSelect')
  })
}

/** Which row of {@link embedding} gets no gradient. */
export interface EmbeddingOptions {
  /** The row; −1 is the last. None by default. */
  readonly paddingIdx?: number | null
}

const EMBEDDING = signature('embedding', {
  input: TENSOR,
  weight: TENSOR,
  options: optional(describe<EmbeddingOptions>({ paddingIdx: nullable(WHOLE) })),
})

/**
 * Rows of `weight` for each index of `input`.
 * @param input integers, any shape
 * @param weight [rows, features]
 * @returns [...input.shape, features]
 * @throws IndexError as {@link gather}
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html
 */
export const embedding: (input: Tensor, weight: Tensor, options?: EmbeddingOptions) => Tensor = defineComposition(
  'embedding',
  (input: Tensor, weight: Tensor, options?: EmbeddingOptions) => {
    EMBEDDING.check(input, weight, options)
    const index = indexTensor('embedding', 'input', input)
    checkDevices('embedding', ['input', 'weight'], [input, weight])
    if (weight.ndim !== 2)
      throw new ShapeError('embedding', `weight must be [rows, features], got ${showShape(weight.shape)}`, [weight.shape])
    const [rows, features] = weight.shape as readonly [number, number]
    checkIndices('embedding', input, rows)
    const flat = reshape(index, [index.numel()])
    let y = take(weight, 0, flat, 'embedding') // [n, features]
    const padding = options?.paddingIdx ?? null
    if (padding !== null) {
      if (padding < -rows || padding >= rows)
        throw new ArgumentError('embedding', `paddingIdx ${padding} is out of range for the ${rows} rows of weight`)
      const row = padding < 0 ? padding + rows : padding
      y = where(eq(reshape(flat, [index.numel(), 1]), number(row, 'int32')), stopGradient(y), y)
    }
    return ownShape(y, [...input.shape, features])
  },
  { half: 'keep' },
)

/** Another shape for a result that is no view of anything the caller has. */
export function ownShape(y: Tensor, shape: Shape): Tensor {
  const out = reshape(y, shape)
  out._owned()
  return out
}

/** How many classes {@link oneHot} has. Required: the largest index is known to the device only. */
export interface OneHotOptions {
  /** The number of classes: the size of the last dim of the result. */
  readonly numClasses: number
}

const CLASSES = whole(1)
const ONE_HOT = signature('oneHot', { x: TENSOR, numClasses: oneOf(CLASSES, describe<OneHotOptions>({ numClasses: CLASSES })) })

/**
 * 1 at the position of each index, else 0 (int32).
 * @returns [...x.shape, numClasses]
 * @throws IndexError as {@link gather}
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html
 */
export const oneHot: (x: Tensor, options: OneHotOptions | number) => Tensor = defineComposition(
  'oneHot',
  (x: Tensor, options: OneHotOptions | number) => {
    ONE_HOT.check(x, options)
    const index = indexTensor('oneHot', 'x', x)
    const n = typeof options === 'number' ? options : options.numClasses
    if (n === undefined) throw new ArgumentError('oneHot', 'numClasses must be given: the largest index is known to the device only')
    checkElements('oneHot', [...x.shape, n])
    checkIndices('oneHot', x, n)
    // Looked up in 0 … n−1, each index is itself, and checked.
    const checked = ownShape(take(new Tensor(graph.iota(n, index._node.placement)), 0, reshape(index, [index.numel()]), 'oneHot'), x.shape)
    return cast(eq(unsqueeze(checked, -1), new Tensor(graph.iota(n))), 'int32')
  },
)

// ── at ──

/** A list of positions, nested for more dims. */
export type IndexList = readonly (number | IndexList)[]
/** One place of {@link at}: a position, a slice `'start:stop:step'`, `'...'`, `null` for a new dim, or positions (an integer tensor or array). */
export type IndexItem = number | string | null | Tensor | IndexList

/** `start:stop:step` of an axis of n, by Python's rules. */
function parseSlice(text: string, n: number): { start: number; step: number; size: number } {
  const parts = text.split(':').map((s) => s.trim())
  if (parts.length < 2 || parts.length > 3 || parts.some((s) => !/^([+-]?\d+)?$/.test(s))) {
    const position = WHOLE.accepts(Number(text)) && text.trim() !== '' ? ` For one position: at(${Number(text)}).` : ''
    throw new ArgumentError(
      'at',
      `${showArgument(text)} is no slice.${position} A slice reads 'start:stop:step', each part optional: '1:3', '::2', ':-1'`,
    )
  }
  const [a, b, c] = parts
  const step = c ? Number(c) : 1
  if (step === 0) throw new ArgumentError('at', `the step of '${text}' is 0`)
  const low = step > 0 ? 0 : -1
  const high = step > 0 ? n : n - 1
  const end = (s: string | undefined, otherwise: number): number => {
    if (!s) return otherwise
    const v = Number(s)
    return Math.min(high, Math.max(low, v < 0 ? v + n : v))
  }
  const start = end(a, step > 0 ? low : high)
  const stop = end(b, step > 0 ? high : low)
  const size = Math.max(0, Math.ceil((stop - start) / step))
  return { start: size === 0 ? 0 : start, step, size }
}

/** Whole numbers in nested arrays of a shape, one after the other. */
function flatten(list: IndexList, shape: Shape): number[] {
  const flat: number[] = []
  const visit = (x: unknown, depth: number): void => {
    const size = shape[depth]
    if (size === undefined ? Array.isArray(x) : !Array.isArray(x) || x.length !== size)
      throw new ShapeError('at', 'an index list has rows of different lengths')
    if (Array.isArray(x)) for (const v of x) visit(v, depth + 1)
    else if (WHOLE.accepts(x)) flat.push(x as number)
    else throw new ArgumentError('at', `an index list holds whole numbers, got ${showArgument(x)}`)
  }
  visit(list, 0)
  return flat
}

/** Positions of an axis of n as int32, negative ones counted from the end. */
function positionsOf(item: Tensor | IndexList, n: number): Tensor {
  if (item instanceof Tensor) {
    const index = indexTensor('at', 'an index', item)
    const known = runtime.hostValues(index._node)
    if (known) return fromHost(known, index.shape, n, index._node.placement)
    const wrapped = where(
      new Tensor(graph.binary('lt', index._node, 0)),
      new Tensor(graph.binary('add', index._node, graph.scalar(n, 'int32'))),
      index,
    )
    return wrapped
  }
  const shape = nestedShape('at', 'an index list', item)
  return fromHost(flatten(item, shape), shape, n, 'auto')
}

function fromHost(values: TypedArray | readonly number[], shape: Shape, n: number, placement: graph.NodePlace): Tensor {
  const positions = Int32Array.from(values, (v) => {
    const at = v < 0 ? v + n : v
    if (at >= 0 && at < n) return at
    throw new IndexError('at', `index ${v} is out of range for size ${n} (expected ${-n} to ${n - 1})`)
  })
  return new Tensor(graph.leaf(positions, shape, 'int32', placement))
}

const POSITIONS: Kind = {
  fits: "a number, a slice like '1:3', '...', null, an integer Tensor or an array",
  accepts: (x) => Number.isSafeInteger(x) || typeof x === 'string' || x === null || x instanceof Tensor || Array.isArray(x),
  problem: (role, x) => (typeof x === 'boolean' ? `${role} is ${x}: a mask is a bool Tensor, for await x.maskedSelect(mask)` : undefined),
  hint: (x) => WHOLE.hint?.(x) ?? TENSOR.hint?.(x),
}
const AT = signature('at', { x: TENSOR, items: listOf(POSITIONS) })

/**
 * Python's brackets: `x.at('1:3', null, '...', '::2', 0)` is `x[1:3, None, ..., ::2, 0]`. Index lists (integer tensors or arrays) broadcast together;
 * adjacent ones leave their dims where they stood, others in front, as in PyTorch. Negative positions count from the end.
 * @throws IndexError for a position out of range; DTypeError for a bool mask (use `maskedSelect`).
 * @example arange(10).at('2:8:2').shape // [3]
 */
export function at(x: Tensor, ...items: IndexItem[]): Tensor {
  AT.check(x, items)
  return underName('at', () => {
    const spots = items.filter((i) => i !== null && i !== '...').length
    if (spots > x.ndim) throw new ShapeError('at', `${spots} indices for a tensor of ${x.ndim} dims, ${showShape(x.shape)}`, [x.shape])
    if (items.filter((i) => i === '...').length > 1) throw new ArgumentError('at', "'...' may stand once")

    const slice = { start: [] as number[], step: [] as number[], sizes: [] as number[] }
    const shape: number[] = [] // after slices, single positions and new dims
    const lists: { dim: number; index: Tensor }[] = []
    const whole = (n: number, count: number): void => {
      for (let k = 0; k < count; k++) {
        const s = x.shape[slice.start.length] as number
        slice.start.push(0)
        slice.step.push(1)
        slice.sizes.push(s)
        if (n === 1) shape.push(s)
      }
    }
    for (const item of items) {
      if (item === null) {
        shape.push(1)
        continue
      }
      if (item === '...') {
        whole(1, x.ndim - spots)
        continue
      }
      const n = x.shape[slice.start.length] as number
      if (typeof item === 'number') {
        if (item < -n || item >= n)
          throw new IndexError('at', `index ${item} is out of range for dim ${slice.start.length} of ${showShape(x.shape)} (size ${n})`)
        slice.start.push(item < 0 ? item + n : item)
        slice.step.push(1)
        slice.sizes.push(1)
      } else if (typeof item === 'string') {
        const part = parseSlice(item, n)
        slice.start.push(part.start)
        slice.step.push(part.step)
        slice.sizes.push(part.size)
        shape.push(part.size)
      } else {
        if (item instanceof Tensor) checkDevices('at', ['x', 'an index'], [x, item])
        lists.push({ dim: shape.length, index: positionsOf(item as Tensor | IndexList, n) })
        whole(1, 1)
      }
    }
    whole(1, x.ndim - slice.start.length)
    const part = reshape(sliceBy(x, slice), shape)
    return lists.length === 0 ? part : atLists(part, lists)
  })
}

function atLists(x: Tensor, lists: readonly { dim: number; index: Tensor }[]): Tensor {
  const dims = lists.map((l) => l.dim)
  const common = lists.reduce<Shape>((s, l) => broadcastShapes('at', s, l.index.shape), [])
  // One position in all the listed dims together; −1 where any is out of range, for the device to find.
  let linear: graph.Node | undefined
  let inside: graph.Node | undefined
  for (const { dim, index } of lists) {
    const n = graph.scalar(x.shape[dim] as number, 'int32')
    const node = index._node
    linear = linear ? graph.binary('add', graph.binary('mul', linear, n), node) : graph.expand(node, common)
    if (lists.length === 1 || runtime.hostValues(node)) continue
    const fits = graph.binary('and', graph.binary('le', 0, node), graph.binary('lt', node, n))
    inside = inside ? graph.binary('and', inside, fits) : fits
  }
  if (inside) linear = graph.where(inside, linear as graph.Node, -1)
  const room = dims.reduce((p, d) => p * (x.shape[d] as number), 1)
  const rest = x.shape.map((_, i) => i).filter((i) => !dims.includes(i))
  const restShape = rest.map((i) => x.shape[i] as number)
  const rows = reshape(permute(x, [...dims, ...rest]), [room, ...restShape])
  const index = new Tensor(graph.reshape(linear as graph.Node, [sizeOf(common)]))
  const taken = reshape(take(rows, 0, index, 'at'), [...common, ...restShape])
  const first = dims[0] as number
  const adjacent = dims.every((d, i) => d === first + i)
  if (!adjacent || first === 0) return ownShape(taken, taken.shape)
  // the dims of the lists go where they stood: behind the `first` dims in front of them
  const k = common.length
  const order = [
    ...Array.from({ length: first }, (_, i) => k + i),
    ...Array.from({ length: k }, (_, i) => i),
    ...rest.slice(first).map((_, i) => k + first + i),
  ]
  const placed = permute(taken, order)
  placed._owned()
  return placed
}
