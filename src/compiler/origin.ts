/** @file From which stored value a node is computed, by elementwise steps alone: what is cheap to compute again of a value that is kept in any case. */
import { dtypeInfo, isHalf, sizeOf } from '../base/index.ts'
import { isSource, isView, isWidening, type Node, type Primitive, rowOf, viewBase } from '../graph/index.ts'

/** As much work, in additions, as is done again for a value that is stored instead of more bytes. */
export const INSTEAD = 40
/** From so many bytes on it is worth work that one value is stored instead of others: what is smaller stays in a cache. */
export const LARGE = 2 ** 16
/** What is so many times smaller than what is made of it costs little to store and to read. */
const SMALL = 8
/** A half of so many bytes that is read much later is rounded again there: after so many parts, or so many nodes. (Tests set other numbers.) */
export const rounding = { parts: 8, nodes: 64, least: LARGE }

/** Whether a node rounds to a half, and is large enough to do so again. */
export const isRounding = (node: Node): boolean =>
  node.primitive.kind === 'cast' && isHalf(node.dtype) && !isHalf((node.inputs[0] as Node).dtype) && bytesOf(node) >= rounding.least

/** Looks for the value that a node is made of. Beside it there may be small ones, as means of rows. */
export class OriginSearch {
  /** Where it ends; undefined for the farthest value from which on there is but one. */
  readonly #ends: ((node: Node) => boolean) | undefined
  /** Whether it goes through casts, and passes by what little is shown of a stored value: a weight or a bias in the arena of an optimizer. */
  readonly #forHalves: boolean
  /** The work that is left, and the bytes of what is small. */
  #left = 0
  #small = 0
  /** What was found to be computed, with the node itself. */
  way: Node[] = []

  constructor(ends?: (node: Node) => boolean, forHalves = false) {
    this.#ends = ends
    this.#forHalves = forHalves
  }

  /** The one value, or view of one, from which a node is computed by at most so much work in all. */
  originOf(node: Node, most: number): Node | undefined {
    this.#left = most
    this.#small = bytesOf(node) / SMALL
    this.way = []
    return this.#visit(node)
  }

  #visit(node: Node): Node | undefined {
    const { inputs, primitive } = node
    this.way.push(node)
    const work = this.#forHalves && primitive.kind === 'cast' ? 1 : workOf(primitive)
    if (work > this.#left) return undefined
    this.#left -= work
    let origin: Node | undefined
    for (let k = 0; k < inputs.length; k++) {
      const input = unwidened(inputs[k] as Node)
      const base = viewBase(input)
      if (bytesOf(base) <= this.#small || (this.#forHalves && isSource(base) && bytesShown(input) <= this.#small)) continue
      let own: Node | undefined
      if (this.#ends?.(base)) own = input
      else if (input === base && !isSource(base)) own = this.#visit(base)
      if (this.#ends === undefined) own ??= input
      if (own === undefined || (origin !== undefined && origin !== own)) return undefined
      origin = own
    }
    return origin
  }
}

/** Bytes of what is shown of a value, where some of it is shown several times. */
function bytesShown(node: Node): number {
  let least = bytesOf(node)
  for (let of = node; isView(of) && !of.storage; ) {
    of = of.inputs[0] as Node
    least = Math.min(least, bytesOf(of))
  }
  return least
}

/** What a half was before it was widened. */
function unwidened(node: Node): Node {
  let base = node
  while (!base.storage && isWidening(base)) base = base.inputs[0] as Node
  return base
}

/** The work of an elementwise operator; of anything else more than is done again. */
function workOf(primitive: Primitive): number {
  const isOperator = primitive.kind === 'unary' || primitive.kind === 'binary' || primitive.kind === 'where'
  return isOperator ? rowOf(primitive).cost(primitive) : Number.POSITIVE_INFINITY
}

export const bytesOf = ({ shape, dtype }: Node): number => sizeOf(shape) * dtypeInfo[dtype].bytes
