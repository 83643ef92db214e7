/**
 * @file The positions of the first elements in order along a dim. Few of many are found without sorting all: rows are cut into chunks, and those that come first by their
 * best elements, as many as there are elements to find, hold all of them; only what is in those is sorted.
 */
import { isFloat } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { defineOp } from './define.ts'
import { bitsBelow, sortNodes } from './sort.ts'

/** Which positions. */
interface LeadingParams {
  readonly dim: number
  readonly k: number
  readonly descending: boolean
}

/** Shorter rows are sorted as quickly, and so are those of less than so many times the elements that are asked for. */
const LEAST = { size: 512, times: 64 } as const

/** NaN is larger than all numbers: the largest of a chunk is NaN then, as it should be, but so is what `min` gives. */
const isByChunks = (x: graph.Node, size: number, { k, descending }: LeadingParams): boolean =>
  k > 0 && size >= Math.max(LEAST.size, LEAST.times * k) && (descending || !isFloat(x.dtype))

/** The first k positions in the order of the last dim of `x`. */
function firstOf(x: graph.Node, k: number, descending: boolean): graph.Node {
  const dim = x.shape.length - 1
  const [values, indices] = sortNodes(x, { dim, descending })
  graph.forget(values)
  return firstIn(indices, k)
}

function firstIn(x: graph.Node, k: number): graph.Node {
  const shape = [...x.shape.slice(0, -1), k]
  return graph.slice(x, shape.map(() => 0), shape) // biome-ignore format: short
}

/**
 * The same without sorting all of a row. An element of the first k has fewer than k before it; were its chunk behind k others, each of those would have one before it: a
 * better one, or an equal one that comes first.
 */
function firstByChunks(x: graph.Node, k: number, descending: boolean): graph.Node {
  const rows = x.shape.slice(0, -1)
  const dim = rows.length
  const size = x.shape[dim] as number
  // Sorting the chunks' best costs size / length, and what is in those that are chosen k · length
  const length = 2 ** Math.ceil(Math.log2(Math.sqrt(size / k)))
  const chunks = Math.floor(size / length)
  const whole = chunks * length
  const inChunks = graph.reshape(firstIn(x, whole), [...rows, chunks, length])
  const best = graph.reduce(descending ? 'max' : 'min', inChunks, [dim + 1])
  // In the order of their places, so that equal elements stay in theirs
  const [chosen, order] = sortNodes(firstOf(best, k, descending), { dim, descending: false, bits: bitsBelow(chunks) })
  graph.forget(order)
  const starts = graph.reshape(graph.binary('mul', chosen, length), [...rows, k, 1])
  const within = graph.reshape(graph.binary('add', starts, graph.iota(length)), [...rows, k * length])
  const candidates = withRest(within, k * length, size - whole, whole)
  const found = firstOf(graph.gather(x, dim, candidates, 'topk'), k, descending)
  return graph.gather(candidates, dim, found, 'topk')
}

/** Positions, and behind them those of the `rest` that no chunk has, from `from` on. */
function withRest(positions: graph.Node, count: number, rest: number, from: number): graph.Node {
  if (rest === 0) return positions
  const shape = [...positions.shape.slice(0, -1), count + rest]
  const place = graph.iota(count + rest)
  const padded = graph.pad(positions, shape.map(() => 0), shape) // biome-ignore format: short
  return graph.where(graph.binary('lt', place, count), padded, graph.binary('add', place, from - count))
}

/** @internal The int32 positions of the first k elements in order along a dim, in order, of equal ones the first; they have no gradient. */
export const leadingPositions = defineOp('topk', {
  inputs: ['x'],
  forward: (x, p: LeadingParams) => {
    const last = x.shape.length - 1
    const order = [...x.shape.keys()]
    ;[order[p.dim], order[last]] = [last, p.dim]
    const rows = graph.permute(x, order)
    const find = isByChunks(x, x.shape[p.dim] as number, p) ? firstByChunks : firstOf
    return graph.permute(find(rows, p.k, p.descending), order)
  },
  vjp: { x: 'none' },
  half: 'keep',
})
