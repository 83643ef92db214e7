/** @file `at`: Python's brackets, of positions, slices, new dims and lists of positions. */
import {
  ArgumentError,
  broadcastShapes,
  counted,
  IndexError,
  type Kind,
  listOf,
  nestedShape,
  type Shape,
  ShapeError,
  showArgument,
  showShape,
  signature,
  sizeOf,
  underName,
  WHOLE,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { checkDevices } from './define.ts'
import { fromEnd, ownShape, positionsFromHost, selectRows } from './indexing.ts'
import { sliceBy } from './slice.ts'
import { permute, reshape } from './view.ts'

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
  if (item instanceof Tensor) return fromEnd('at', 'an index', item, n)
  const shape = nestedShape('at', 'an index list', item)
  return positionsFromHost('at', flatten(item, shape), shape, n, 'auto')
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
    if (spots > x.ndim)
      throw new ShapeError('at', `${counted(spots, 'index', 'indices')} for a tensor of ${counted(x.ndim, 'dim')}, ${showShape(x.shape)}`, [
        x.shape,
      ])
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
  const taken = reshape(selectRows(rows, 0, index, 'at'), [...common, ...restShape])
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
