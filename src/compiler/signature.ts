/**
 * @file The structure of a graph as a row of whole numbers: graphs of equal rows have equal schedules. Made anew in every step, so nothing here makes text
 * or tables: the row is written into one array, and a node's place in it is noted on the node.
 */
import type { Shape } from '../base/index.ts'
import { type Fence, type Node, type Primitive, rowOf, type StructureWriter } from '../graph/index.ts'
import { textWriter } from '../kernel/index.ts'

let row = new Int32Array(4096)
let length = 0

function put(word: number): void {
  if (length === row.length) {
    const longer = new Int32Array(2 * length)
    longer.set(row)
    row = longer
  }
  row[length++] = word
}

function putAll(list: Shape): void {
  put(list.length)
  for (let i = 0; i < list.length; i++) put(list[i] as number)
}

/** Numbers for names: of primitives, operators, dtypes, and ops. */
const codes = new Map<string, number>()
export function numberOf(name: string): number {
  let code = codes.get(name)
  if (code === undefined) {
    code = codes.size
    codes.set(name, code)
  }
  return code
}

const putName = (name: string): void => put(numberOf(name))

const float = new Float64Array(1)
const halves = new Int32Array(float.buffer)

/** Where views begin, of the graph whose signature was made last. */
let positions = new Int32Array(1024)
let placed = 0

function putPositions(list: readonly number[]): void {
  put(list.length)
  for (let i = 0; i < list.length; i++) {
    if (placed === positions.length) {
      const longer = new Int32Array(2 * placed)
      longer.set(positions)
      positions = longer
    }
    positions[placed++] = list[i] as number
  }
}

const WORDS: StructureWriter = {
  word: put,
  words: putAll,
  positions: putPositions,
  name: putName,
  float(value) {
    float[0] = value
    put(halves[0] as number)
    put(halves[1] as number)
  },
}

/** What a graph is: rows of equal structures are equal. It holds until the next call. */
export interface Signature {
  readonly row: Int32Array
  readonly hash: number
  /** Where views begin, in the order of the nodes, axis by axis: what may change from one graph of a structure to the next. */
  readonly positions: Int32Array
}

/** The fence that a node comes after, and when it is the first of them, the gates that are computed with it. */
function putFence(fence: Fence, known: Fence[], order: readonly Node[]): void {
  putName('fence')
  if (known[fence.place] === fence) {
    put(fence.place)
    return
  }
  if (fence.before) putFence(fence.before, known, order)
  fence.place = known.push(fence) - 1
  put(fence.place)
  for (const gate of fence.gates) if (order[gate.place] === gate) put(gate.place)
}

/**
 * The row of a graph: what each node is and where its inputs stand, then targets; and a hash of it.
 * @param order topological
 * @param read of a part of a graph, for each node of `order`, whether its values are there when it is computed although it is not stored
 */
export function signature(
  order: readonly Node[],
  targets: readonly Node[],
  donors: ReadonlySet<Node>,
  read?: readonly boolean[],
): Signature {
  length = 0
  placed = 0
  const fences: Fence[] = []
  put(order.length)
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as Node
    node.place = i
    if (node.storage || read?.[i]) {
      putName(donors.size > 0 && donors.has(node) ? 'donor' : 'input')
    } else {
      const { inputs } = node
      const { primitive } = node
      putName(primitive.kind)
      rowOf(primitive).key(primitive, WORDS)
      put(inputs.length)
      for (let k = 0; k < inputs.length; k++) put((inputs[k] as Node).place)
      if (node.after !== undefined) putFence(node.after, fences, order)
    }
    putName(node.dtype)
    putAll(node.shape)
  }
  for (let i = 0; i < targets.length; i++) put((targets[i] as Node).place)
  let hash = 0x811c9dc5
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (row[i] as number), 0x01000193) ^ (hash >>> 15)
  return { row: row.subarray(0, length), hash, positions: positions.subarray(0, placed) }
}

export function sameSignature(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** What a primitive computes, as text: equal texts compute the same of the same inputs (leaves and scalars aside, whose values are data). */
export function primitiveKey(primitive: Primitive): string {
  const parts: string[] = [primitive.kind]
  rowOf(primitive).key(primitive, {
    ...textWriter(parts),
    positions: (list, varying) => void parts.push(list.map((at, i) => ((varying?.[i] ?? -1) < 0 ? at : `v${varying?.[i]}`)).join()),
  })
  return parts.join(';')
}

const nothing = (): void => {}
let counted = 0
const COUNTING: StructureWriter = {
  word: nothing,
  words: nothing,
  name: nothing,
  float: nothing,
  positions(list) {
    counted += list.length
  },
}

/** How many positions of a graph a primitive has: the places where a view begins, which a signature has apart from the row. */
export function positionsIn(primitive: Primitive): number {
  counted = 0
  rowOf(primitive).key(primitive, COUNTING)
  return counted
}
