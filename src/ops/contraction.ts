/**
 * @file The product of two tensors whose dims have labels, summed over the labels that the result lacks: Σ a · b. Each of the three is such a product of the
 * other two, so the gradients are the same op again, of any order.
 */
import { meetingType, type Shape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { defineOp } from './define.ts'

/** The label of each dim. */
export type Labels = readonly string[]

/** Labels of two operands, each once in an operand, and of their product. One of a single operand is one of the product too. */
export interface ContractionParams {
  readonly a: Labels
  readonly b: Labels
  readonly out: Labels
}

const minus = (labels: Labels, ...others: readonly Labels[]): Labels => labels.filter((l) => !others.some((other) => other.includes(l)))
const common = (labels: Labels, other: Labels): Labels => labels.filter((l) => other.includes(l))
const sizesOf = (x: graph.Node, labels: Labels, wanted: Labels): Shape => wanted.map((l) => x.shape[labels.indexOf(l)] as number)
const isSame = (a: Labels, b: Labels): boolean => a.length === b.length && a.every((l, i) => l === b[i])

/** `x` with its dims in the order of `wanted`. */
const arranged = (x: graph.Node, labels: Labels, wanted: Labels): graph.Node =>
  isSame(labels, wanted)
    ? x
    : graph.permute(
        x,
        wanted.map((l) => labels.indexOf(l)),
      )

/** `x` in the order of `wanted`, with size 1 for those that it lacks. */
function spread(x: graph.Node, labels: Labels, wanted: Labels): graph.Node {
  const own = common(wanted, labels)
  const shape = wanted.map((l) => (labels.includes(l) ? (x.shape[labels.indexOf(l)] as number) : 1))
  return graph.reshape(arranged(x, labels, own), shape)
}

/** A part of a contraction has a dim at least. */
const orOne = (sizes: Shape): Shape => (sizes.length === 0 ? [1] : sizes)

function productNode(x: graph.Node, y: graph.Node, p: ContractionParams): graph.Node {
  const dtype = meetingType(x.dtype, y.dtype)
  const summed = minus(common(p.a, p.b), p.out)
  const batch = minus(common(common(p.out, p.a), p.b), summed)
  const rows = minus(common(p.out, p.a), batch)
  const columns = minus(common(p.out, p.b), batch)
  const a = graph.cast(x, dtype)
  const b = graph.cast(y, dtype)
  if (summed.length === 0) return multiplied(spread(a, p.a, p.out), spread(b, p.b, p.out))
  const outSizes = p.out.map((l) => (p.a.includes(l) ? x.shape[p.a.indexOf(l)] : y.shape[p.b.indexOf(l)]) as number)
  if (sizeOf(outSizes) === 0 || sizeOf(x.shape) === 0 || sizeOf(y.shape) === 0)
    return graph.expand(graph.constant(0, dtype, x.placement === 'auto' ? y.placement : x.placement), outSizes)
  if (rows.length === 0 && columns.length === 0) {
    const all = [...p.out, ...summed]
    const product = multiplied(arranged(a, p.a, all), arranged(b, p.b, all))
    return graph.reduce(
      'sum',
      product,
      summed.map((_, i) => p.out.length + i),
    )
  }
  // Of the two, the one whose labels come first in the result has its rows: then there is nothing to permute
  const first = p.out.find((l) => rows.includes(l) || columns.includes(l)) as string
  if (columns.includes(first) && rows.length > 0)
    return matrices({ x: b, labels: p.b, own: columns }, { x: a, labels: p.a, own: rows }, batch, summed, p.out)
  return matrices({ x: a, labels: p.a, own: rows }, { x: b, labels: p.b, own: columns }, batch, summed, p.out)
}

const multiplied = (a: graph.Node, b: graph.Node): graph.Node =>
  a.dtype === 'bool' ? graph.cast(graph.binary('mul', graph.cast(a, 'int32'), graph.cast(b, 'int32')), 'bool') : graph.binary('mul', a, b)

interface Factor {
  readonly x: graph.Node
  readonly labels: Labels
  /** Its labels that are rows or columns of the product. */
  readonly own: Labels
}

/** [batch, m, k] · [batch, k, n], each part of any number of dims, in the order `out`. */
function matrices(a: Factor, b: Factor, batch: Labels, summed: Labels, out: Labels): graph.Node {
  const shared = sizesOf(a.x, a.labels, batch)
  const [m, n] = [sizesOf(a.x, a.labels, a.own), sizesOf(b.x, b.labels, b.own)]
  const k = sizesOf(a.x, a.labels, summed)
  const left = graph.reshape(arranged(a.x, a.labels, [...batch, ...a.own, ...summed]), [...shared, ...orOne(m), ...k])
  const right = graph.reshape(arranged(b.x, b.labels, [...batch, ...summed, ...b.own]), [...shared, ...k, ...orOne(n)])
  const simple = m.length <= 1 && n.length <= 1 && k.length === 1
  const dims = { m: Math.max(1, m.length), n: Math.max(1, n.length), k: k.length }
  const product = simple ? graph.contract(left, right) : graph.contract(left, right, dims)
  return arranged(graph.reshape(product, [...shared, ...m, ...n]), [...batch, ...a.own, ...b.own], out)
}

/** Σ a · b over the labels that `out` lacks. Sizes agree, arguments have been checked. */
export const contraction: (a: Tensor, b: Tensor, p: ContractionParams) => Tensor = defineOp('contraction', {
  inputs: ['a', 'b'],
  forward: (a, b, p: ContractionParams) => productNode(a, b, p),
  saves: { a: ['b'], b: ['a'] },
  vjp: {
    a: (g, { b }, p) => contraction(g, b, { a: p.out, b: p.b, out: p.a }),
    b: (g, { a }, p) => contraction(a, g, { a: p.a, b: p.out, out: p.b }),
  },
})
