/**
 * @file The schedule cache. Two graphs of one structure (primitives, shapes, dtypes, which inputs are stored where) share a plan; the values
 * of scalars and of inputs are not part of the structure.
 */
import type { Device, Executable } from '../device/index.ts'
import type { Node } from './node.ts'
import { primitiveKey } from './primitive-key.ts'
import type { Schedule } from './program.ts'
import { schedule } from './schedule.ts'

export interface Plan extends Schedule {
  readonly executable: Executable
  /** Positions of interior nodes that were read after the run: worth storing the next time. */
  readonly wanted: Set<number>
}

const MAX_PLANS = 256

/** Small whole numbers for descriptions of nodes, so that a structure is a row of numbers. */
const descriptions = new Map<string, number>()

function describe(node: Node): number {
  const key = node.storage ? node.storedKey : node.computedKey
  if (key !== 0) return key
  const text = `${node.storage ? 'input' : primitiveKey(node.primitive)}:${node.dtype}:${node.shape.join()}`
  let id = descriptions.get(text)
  if (id === undefined) {
    id = descriptions.size + 1
    descriptions.set(text, id)
  }
  if (node.storage) node.storedKey = id
  else node.computedKey = id
  return id
}

/** The structure of a graph as numbers: for each node its description and the positions of its inputs, then targets and donors. */
function signature(order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>): number[] {
  const position = new Map<Node, number>()
  const row: number[] = []
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as Node
    position.set(node, i)
    row.push(describe(node))
    if (!node.storage) for (const input of node.inputs) row.push(-1 - (position.get(input) as number))
    if (donors.has(node)) row.push(Number.MAX_SAFE_INTEGER)
  }
  for (const t of targets) row.push(position.get(t) as number)
  return row
}

function hash(row: readonly number[]): number {
  let h = 0x811c9dc5
  for (const v of row) h = Math.imul(h ^ v, 0x01000193) ^ (h >>> 15)
  return h
}

function sameRow(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The plans of one device. */
export class Plans {
  readonly #device: Device
  readonly #byHash = new Map<number, { row: number[]; plan: Plan }>()

  constructor(device: Device) {
    this.#device = device
  }

  /** The plan that computes `targets`; scheduled and compiled when it is new. */
  find(order: readonly Node[], targets: readonly Node[], donors: ReadonlySet<Node>): Plan {
    const row = signature(order, targets, donors)
    let key = hash(row)
    let entry = this.#byHash.get(key)
    while (entry && !sameRow(entry.row, row)) entry = this.#byHash.get(++key)
    if (entry) {
      // Most recently used goes last: the first is what makes room.
      this.#byHash.delete(key)
      this.#byHash.set(key, entry)
      return entry.plan
    }
    if (this.#byHash.size >= MAX_PLANS) this.#byHash.delete(this.#byHash.keys().next().value as number)
    const made = schedule(order, targets, donors, this.#device.traits)
    const plan: Plan = { ...made, executable: this.#device.compile(made.program), wanted: new Set() }
    this.#byHash.set(key, { row, plan })
    return plan
  }
}
