/**
 * @file The structure of a graph as a row of whole numbers: graphs of equal rows have equal schedules. Made anew in every step, so nothing here makes text
 * or tables: the row is written into one array, and a node's place in it is noted on the node.
 */
import type { Shape } from '../base/index.ts'
import { type Node, type Primitive, rowOf } from '../graph/index.ts'
import type { KeyWriter } from '../kernel/index.ts'

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

/** Numbers for names: of primitives, operators, dtypes, and of the ops that index errors name. */
const codes = new Map<string, number>()
function putName(name: string): void {
  let code = codes.get(name)
  if (code === undefined) {
    code = codes.size
    codes.set(name, code)
  }
  put(code)
}

const float = new Float64Array(1)
const halves = new Int32Array(float.buffer)

const WORDS: KeyWriter = {
  word: put,
  words: putAll,
  name: putName,
  float(value) {
    float[0] = value
    put(halves[0] as number)
    put(halves[1] as number)
  },
}

/**
 * The row of a graph: what each node is and where its inputs stand, then targets; and a hash of it.
 * @param order topological
 * @param read nodes whose values are there when the graph is computed, beside those that are stored
 * @returns a row that holds until the next call
 */
export function signature(
  order: readonly Node[],
  targets: readonly Node[],
  donors: ReadonlySet<Node>,
  read?: ReadonlySet<Node>,
): { readonly row: Int32Array; readonly hash: number } {
  length = 0
  put(order.length)
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as Node
    node.place = i
    if (node.storage || read?.has(node)) {
      putName(donors.size > 0 && donors.has(node) ? 'donor' : 'input')
    } else {
      const { inputs } = node
      const { primitive } = node
      putName(primitive.kind)
      rowOf(primitive).key(primitive, WORDS)
      put(inputs.length)
      for (let k = 0; k < inputs.length; k++) put((inputs[k] as Node).place)
    }
    putName(node.dtype)
    putAll(node.shape)
  }
  for (let i = 0; i < targets.length; i++) put((targets[i] as Node).place)
  let hash = 0x811c9dc5
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (row[i] as number), 0x01000193) ^ (hash >>> 15)
  return { row: row.subarray(0, length), hash }
}

export function sameSignature(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** What a primitive computes, as text: equal texts compute the same of the same inputs (leaves and scalars aside, whose values are data). */
export function primitiveKey(primitive: Primitive): string {
  let text = `${primitive.kind} `
  const add = (part: string | number): void => {
    text += `${part};`
  }
  rowOf(primitive).key(primitive, {
    word: add,
    words: (list) => add(list.join()),
    name: add,
    float: (value) => add(Object.is(value, -0) ? '-0' : value),
  })
  return text
}
