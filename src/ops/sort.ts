/** @file Order along a dim: sort, argsort, msort. All are stable; NaN counts as the largest, and −0 equals 0. */
import {
  BOOLEAN,
  options as describe,
  normalizeDim,
  type Options,
  optional,
  type Signature,
  signature,
  sizeOf,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, dimOr, optionsIn, TENSOR, type Tensor } from '../tensor/index.ts'
import { defineComposition, defineMultiOutputOp, defineOp } from './define.ts'
import { type ValuesIndices, valuesIndices } from './extremes.ts'
import { gatherAlong } from './gather.ts'

/** @internal How elements are put in order. */
export interface SortParams {
  readonly dim: number
  readonly descending: boolean
  /** What is sorted are whole numbers from 0 to 2^bits − 1. */
  readonly bits?: number | undefined
}

/** @internal Bits of numbers below n. */
export const bitsBelow = (n: number): number => Math.max(1, Math.ceil(Math.log2(n)))

/** @internal Values in order, and where they were. */
export function sortNodes(x: graph.Node, { dim, descending, bits }: SortParams): [values: graph.Node, indices: graph.Node] {
  const { shape, dtype } = x
  const last = shape.length - 1
  if (last < 0 || sizeOf(shape) === 0) return [graph.alias(x), graph.expand(graph.constant(0, 'int32', x.placement), shape)]
  const known = bits ?? (dtype === 'bool' ? 1 : dtype === 'uint8' ? 8 : undefined)
  const order = [...shape.keys()]
  ;[order[dim], order[last]] = [last, dim]
  const outputs = graph.routine({ kind: 'sort', descending, ...(known !== undefined && { bits: known }) }, [graph.permute(x, order)])
  return outputs.map((output) => graph.permute(output, order)) as [graph.Node, graph.Node]
}

const sortAlong = defineMultiOutputOp('sort', {
  inputs: ['x'],
  outputs: ['values', 'indices'],
  forward: (x, p: SortParams) => sortNodes(x, p),
  saves: { x: ['indices'] },
  vjp: {
    x: ([g], { indices, shape }, { dim }) => {
      if (sizeOf(shape) < 2) return g as Tensor
      // Where each element went: positions, in the order of what was there
      const went = positionsInOrder(indices, { dim, descending: false, bits: bitsBelow(shape[dim] as number) })
      return gatherAlong(g as Tensor, went, { dim, op: 'sort' })
    },
  },
  half: 'keep',
})

/** @internal The int32 positions that put elements in order along a dim; they have no gradient. */
export const positionsInOrder = defineOp('argsort', {
  inputs: ['x'],
  forward: (x, p: SortParams) => {
    const [values, indices] = sortNodes(x, p)
    graph.forget(values)
    return indices
  },
  vjp: { x: 'none' },
  half: 'keep',
})

/** How elements are put in order. */
export interface SortOptions {
  /** The dim along which: the last one by default. */
  readonly dim?: number
  /** Whether the largest come first: false by default. */
  readonly descending?: boolean
  /** Whether equal elements keep their order: they do in any case. */
  readonly stable?: boolean
}

const OPTIONS: Options<SortOptions> = describe<SortOptions>({ dim: DIM, descending: BOOLEAN, stable: BOOLEAN })
const sorting = (name: string): Signature => signature(name, { x: TENSOR, dim: optional(dimOr(DIM, OPTIONS)), options: optional(OPTIONS) })
const SORT = sorting('sort')
const ARGSORT = sorting('argsort')

function sortParams(given: Signature, x: Tensor, dim: number | SortOptions | undefined, options: SortOptions | undefined): SortParams {
  given.check(x, dim, options)
  const named = optionsIn<SortOptions>(given.name, dim, options)
  const along = (typeof dim === 'number' ? dim : named?.dim) ?? -1
  return { dim: normalizeDim(given.name, along, x.ndim), descending: named?.descending ?? false }
}

/**
 * The elements in order along `dim` (the last one by default), and their int32 positions before: an object that is also a tuple. Equal elements keep their order;
 * NaN counts as the largest.
 * @see https://pytorch.org/docs/stable/generated/torch.sort.html
 * @example const { values, indices } = x.sort({ descending: true }) // both of the shape of x
 */
export function sort(x: Tensor, dim?: number | SortOptions, options?: SortOptions): ValuesIndices {
  const p = sortParams(SORT, x, dim, options)
  return underName('sort', () => valuesIndices(...sortAlong(x, p)))
}

/**
 * The int32 positions that put `x` in order along `dim` (the last one by default), as {@link sort} does.
 * @see https://pytorch.org/docs/stable/generated/torch.argsort.html
 */
export function argsort(x: Tensor, dim?: number | SortOptions, options?: SortOptions): Tensor {
  return positionsInOrder(x, sortParams(ARGSORT, x, dim, options))
}

const MSORT = signature('msort', { x: TENSOR })

/** The elements in order along the first dim. @see https://pytorch.org/docs/stable/generated/torch.msort.html */
export const msort: (x: Tensor) => Tensor = defineComposition(
  'msort',
  (x: Tensor) => {
    MSORT.check(x)
    return sortAlong(x, { dim: 0, descending: false })[0]
  },
  { half: 'keep' },
)
