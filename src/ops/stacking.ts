/** @file Tensors put together by shape: atleast1d and its kin, hstack, vstack, dstack, columnStack, meshgrid, blockDiag, cartesianProd, combinations. */
import {
  ArgumentError,
  BOOLEAN,
  COUNT,
  checkElements,
  choice,
  options as describe,
  isPlainObject,
  listOf,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  showShape,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { NamedArguments, TENSOR, Tensor, type TensorList, tensorList } from '../tensor/index.ts'
import { checkDevices } from './define.ts'
import { selectRows } from './indexing.ts'
import { cat, stack } from './join.ts'
import { type TensorArguments, tensorsOf } from './repeat.ts'
import { padZeros } from './slice.ts'
import { expandTo, reshapeTo } from './view.ts'

/** A tensor of at least so many dims, or such a list of several. */
export interface AtleastFunction {
  (x: Tensor): Tensor
  (...tensors: [readonly Tensor[]] | [Tensor, Tensor, ...Tensor[]]): TensorList
}

const TENSOR_OR_LIST = oneOf(TENSOR, listOf(TENSOR))

function atleast(name: string, shapeOf: (shape: Shape) => Shape): AtleastFunction {
  const given = signature(name, { tensors: listOf(TENSOR_OR_LIST, 1) })
  return ((...args: (Tensor | readonly Tensor[])[]) => {
    given.check(args)
    if (args.length > 1 && args.some((x) => Array.isArray(x))) throw new ArgumentError(name, 'tensors go as arguments, or as one array')
    return underName(name, () => {
      const each = (x: Tensor): Tensor => reshapeTo(x, shapeOf(x.shape))
      const [first] = args
      if (args.length === 1 && first instanceof Tensor) return each(first)
      return tensorList((Array.isArray(first) ? (first as Tensor[]) : (args as Tensor[])).map(each))
    })
  }) as AtleastFunction
}

const to1d = (shape: Shape): Shape => (shape.length === 0 ? [1] : shape)
const to2d = (shape: Shape): Shape => (shape.length < 2 ? [1, ...to1d(shape)] : shape)
const to3d = (shape: Shape): Shape => (shape.length < 3 ? [...to2d(shape), 1] : shape)

/** A 0-d tensor as [1]; others as they are. Of several tensors, a list. @see https://pytorch.org/docs/stable/generated/torch.atleast_1d.html */
export const atleast1d: AtleastFunction = atleast('atleast1d', to1d)
/** A tensor of n elements in one dim as [1, n]; one of more dims as it is. Of several tensors, a list. @see https://pytorch.org/docs/stable/generated/torch.atleast_2d.html */
export const atleast2d: AtleastFunction = atleast('atleast2d', to2d)
/** A tensor of n elements in one dim as [1, n, 1], a matrix as [rows, columns, 1]; others as they are. Of several tensors, a list. @see https://pytorch.org/docs/stable/generated/torch.atleast_3d.html */
export const atleast3d: AtleastFunction = atleast('atleast3d', to3d)

/** Defines a way to put a list of tensors side by side. */
function stacking(name: string, shaped: (x: Tensor) => Tensor, dimOf: (ndim: number) => number): (tensors: readonly Tensor[]) => Tensor {
  const given = signature(name, { tensors: listOf(TENSOR, 1) })
  return (tensors) => {
    given.check(tensors)
    checkDevices(name, 'tensors', tensors)
    return underName(name, () => {
      const list = tensors.map(shaped)
      return cat(list, dimOf((list[0] as Tensor).ndim))
    })
  }
}

const as =
  (shapeOf: (shape: Shape) => Shape) =>
  (x: Tensor): Tensor =>
    reshapeTo(x, shapeOf(x.shape))

/** Side by side along the columns; vectors one behind the other. @throws ShapeError as `cat` does. @see https://pytorch.org/docs/stable/generated/torch.hstack.html */
export const hstack: (tensors: readonly Tensor[]) => Tensor = stacking('hstack', as(to1d), (ndim) => (ndim === 1 ? 0 : 1))
/** One below the other along the rows; vectors are rows. @throws ShapeError as `cat` does. @see https://pytorch.org/docs/stable/generated/torch.vstack.html */
export const vstack: (tensors: readonly Tensor[]) => Tensor = stacking('vstack', as(to2d), () => 0)
/** One behind the other along dim 2. @throws ShapeError as `cat` does. @see https://pytorch.org/docs/stable/generated/torch.dstack.html */
export const dstack: (tensors: readonly Tensor[]) => Tensor = stacking('dstack', as(to3d), () => 2)
/** Side by side along the columns; vectors are columns. @throws ShapeError as `cat` does. @see https://pytorch.org/docs/stable/generated/torch.column_stack.html */
export const columnStack: (tensors: readonly Tensor[]) => Tensor = stacking(
  'columnStack',
  as((shape) => (shape.length < 2 ? [sizeOf(shape), 1] : shape)),
  () => 1,
)

/** How the dims of a grid are ordered. */
export interface MeshgridOptions {
  /** `'ij'` (default): dim i belongs to tensor i; `'xy'`: the first two are exchanged. */
  readonly indexing?: 'ij' | 'xy'
}

const MESHGRID_OPTIONS = describe<MeshgridOptions>({ indexing: choice(['ij', 'xy']) })
const MESHGRID = signature('meshgrid', { tensors: listOf(TENSOR, 1), options: optional(MESHGRID_OPTIONS) })

/**
 * The coordinates of the points of a grid: of vectors of n₀, n₁, … elements as many tensors [n₀, n₁, …], views.
 * @throws ShapeError for a tensor of more than one dim.
 * @see https://pytorch.org/docs/stable/generated/torch.meshgrid.html
 * @example const [i, j] = meshgrid(arange(2), arange(3), { indexing: 'ij' })
 */
export function meshgrid(
  ...args: [...tensors: Tensor[], options: MeshgridOptions] | [tensors: readonly Tensor[], options?: MeshgridOptions] | Tensor[]
): TensorList {
  const options = isPlainObject(args.at(-1)) ? (args.at(-1) as MeshgridOptions) : undefined
  const rest = (options === undefined ? args : args.slice(0, -1)) as readonly (Tensor | readonly Tensor[] | undefined)[]
  const list = (Array.isArray(rest[0]) ? rest[0] : rest) as readonly Tensor[]
  MESHGRID.check(list, options)
  if (Array.isArray(rest[0]) && rest.some((x, i) => i > 0 && x !== undefined))
    throw new ArgumentError('meshgrid', 'tensors go as arguments, or as one array')
  return underName('meshgrid', () => {
    checkDevices('meshgrid', 'tensors', list)
    const wrong = list.findIndex((x) => x.ndim > 1)
    if (wrong >= 0) throw new ShapeError('meshgrid', `vectors are wanted, tensors[${wrong}] is ${showShape((list[wrong] as Tensor).shape)}`)
    const swaps = options?.indexing === 'xy' && list.length > 1
    const order = list.map((_, i) => (swaps && i < 2 ? 1 - i : i))
    const shape = order.map((i) => sizeOf((list[i] as Tensor).shape))
    checkElements('meshgrid', shape)
    return tensorList(
      list.map((x, i) => {
        const along = shape.map((n, d) => (order[d] === i ? n : 1))
        return expandTo(reshapeTo(x, along), shape)
      }),
    )
  })
}

const BLOCK_DIAG = signature('blockDiag', { tensors: listOf(TENSOR, 1) })

/**
 * Matrices along the diagonal of a matrix, and zeros elsewhere; a vector is a row, a 0-d tensor one element.
 * @throws ShapeError for more than two dims.
 * @see https://pytorch.org/docs/stable/generated/torch.block_diag.html
 */
export function blockDiag(...tensors: TensorArguments): Tensor {
  const list = tensorsOf(BLOCK_DIAG, tensors)
  return underName('blockDiag', () => {
    checkDevices('blockDiag', 'tensors', list)
    const wrong = list.findIndex((x) => x.ndim > 2)
    if (wrong >= 0)
      throw new ShapeError('blockDiag', `at most two dims are wanted, tensors[${wrong}] is ${showShape((list[wrong] as Tensor).shape)}`)
    const blocks = list.map((x) => reshapeTo(x, to2d(x.shape)))
    const columns = blocks.reduce((n, x) => n + (x.shape[1] as number), 0)
    let before = 0
    const rows = blocks.map((x) => {
      before += x.shape[1] as number
      return padZeros(x, { before: [0, before - (x.shape[1] as number)], sizes: [x.shape[0] as number, columns] })
    })
    return cat(rows, 0)
  })
}

const CARTESIAN_PROD = signature('cartesianProd', { tensors: listOf(TENSOR, 1) })

/**
 * All tuples of an element of each vector, [n₀ · n₁ · …, vectors]; of one vector itself.
 * @throws ShapeError for a tensor that is no vector.
 * @see https://pytorch.org/docs/stable/generated/torch.cartesian_prod.html
 */
export function cartesianProd(...tensors: TensorArguments): Tensor {
  const list = tensorsOf(CARTESIAN_PROD, tensors)
  return underName('cartesianProd', () => {
    const wrong = list.findIndex((x) => x.ndim !== 1)
    if (wrong >= 0)
      throw new ShapeError('cartesianProd', `vectors are wanted, tensors[${wrong}] is ${showShape((list[wrong] as Tensor).shape)}`)
    if (list.length === 1) return list[0] as Tensor
    const columns = meshgrid(list).map((x) => reshapeTo(x, [sizeOf(x.shape)]))
    return stack(columns, 1)
  })
}

/** How many elements, and whether one may come again. */
export interface CombinationsOptions {
  /** How many elements each has: 2 by default. */
  readonly r?: number
  /** Whether an element may come more than once: false by default. */
  readonly withReplacement?: boolean
}
/** (r, withReplacement), the last by name where that is wanted. */
export type CombinationsArguments = [r?: number, withReplacement?: boolean | CombinationsOptions] | [options: CombinationsOptions]

const COMBINATIONS = new NamedArguments<CombinationsOptions>('combinations', { x: TENSOR }, { r: COUNT, withReplacement: BOOLEAN })

/** The first `count` choices of `r` of n positions, in lexicographic order, one behind the other. */
function choicesOf(n: number, r: number, again: boolean, count: number): Int32Array {
  const found = new Int32Array(count * r)
  if (count === 0) return found
  const now = Int32Array.from({ length: r }, (_, i) => (again ? 0 : i))
  for (let row = 0; row < count; row++) {
    found.set(now, row * r)
    let last = r - 1
    while (last >= 0 && now[last] === (again ? n - 1 : n - r + last)) last--
    const next = (now[last] as number) + 1
    for (let i = last; i >= 0 && i < r; i++) now[i] = again ? next : next + i - last
  }
  return found
}

/** How many choices there are: that of n + r − 1 elements where one may come again. (Of numbers beyond all sizes some number beyond them.) */
function countOf(n: number, r: number, again: boolean): number {
  const from = again && n > 0 ? n + r - 1 : n
  if (r > from) return 0
  const steps = Math.min(r, from - r)
  let count = 1
  for (let i = 0; i < steps && count < 2 ** 40; i++) count = (count * (from - i)) / (i + 1)
  return Math.round(count)
}

/**
 * All choices of `r` elements of a vector, in their order, [count, r].
 * @throws ShapeError for a tensor that is no vector.
 * @see https://pytorch.org/docs/stable/generated/torch.combinations.html
 */
export function combinations(x: Tensor, ...args: CombinationsArguments): Tensor {
  const { r = 2, withReplacement = false } = COMBINATIONS.read(x, ...args)
  return underName('combinations', () => {
    if (x.ndim !== 1) throw new ShapeError('combinations', `a vector is wanted, x is ${showShape(x.shape)}`, [x.shape])
    if (r === 0) return new Tensor(graph.expand(graph.constant(0, x.dtype, x._node.placement), [0]))
    const n = x.shape[0] as number
    const count = countOf(n, r, withReplacement)
    checkElements('combinations', [count, r])
    const positions = choicesOf(n, r, withReplacement, count)
    const index = new Tensor(graph.leaf(positions, [positions.length], 'int32', x._node.placement))
    const taken = reshapeTo(selectRows(x, 0, index, 'combinations'), [count, r])
    taken._owned()
    return taken
  })
}
