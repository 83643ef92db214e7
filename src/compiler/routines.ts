/**
 * @file Which routines are computed as such. Some have primitives that say the same, output by output: those are fused with what they read and with what reads
 * them, and a routine reads whole buffers. So it is one where all its outputs are used and nothing would have been fused, or where its size outweighs that.
 */
import { type DType, type Shape, sizeOf } from '../base/index.ts'
import type { DeviceTraits } from '../device/index.ts'
import { type Fence, isSource, isView, type Node, type Primitive, type PrimitiveOf, roleOf, wholeBase } from '../graph/index.ts'
import { identityOf, type Routine, type RoutineKind, type RoutineOf, routineRow, type TensorType } from '../kernel/index.ts'
import { ROLES } from './roles.ts'
import { primitiveKey } from './signature.ts'

/** Reductions shorter than this run in one pass. */
export const LONG = 4096

/** Whether a reduction is long, and of so few rows that most of a device would wait. */
export const isLongOfFewRows = (rows: number, length: number, { parallelism, leastSplit }: DeviceTraits): boolean =>
  rows < parallelism && length >= LONG && rows * length >= leastSplit

/** Makes a node of a rewritten graph. */
type Make = (primitive: Primitive, inputs: readonly Node[], shape: Shape, dtype: DType) => Node

/** What is known of a routine where it is to be decided whether it is computed as such. */
interface Use {
  readonly inputs: readonly Node[]
  /** Whether all of its outputs are used. */
  readonly isWhole: boolean
  /** Whether what it reads, or what reads it, would be fused with its primitives. */
  fuses(): boolean
}

/** How a routine's outputs are said in other primitives. */
interface FusedForm<R extends Routine> {
  /** What an output is, of the same inputs. */
  build(r: R, output: number, inputs: readonly Node[], make: Make): Node
  /** Whether the routine is worth the fusion that it costs. */
  isWorth(r: R, use: Use, traits: DeviceTraits): boolean
}

/** `null` where no other primitive says the same. */
const FUSED: { readonly [K in RoutineKind]: FusedForm<RoutineOf<K>> | null } = {
  reduceWithIndex: {
    build: (r, output, [x], make) => {
      const op = output === 0 ? r.op : r.op === 'max' ? 'argmax' : 'argmin'
      const { dtype, shape } = routineRow(r).outputs(r, [x as Node])[output] as TensorType
      return make({ kind: 'reduce', op, dims: [r.dim] }, [x as Node], shape, dtype)
    },
    isWorth: ({ dim }, { inputs: [x], isWhole, fuses }, traits) => {
      if (!isWhole) return false
      const { shape } = x as Node
      const length = shape[dim] as number
      return isLongOfFewRows(sizeOf(shape) / length, length, traits) || !fuses()
    },
  },
  custom: null,
  search: null,
  sort: null,
  scan: null,
  scatter: {
    build: (r, output, inputs, make) => comparedScatter(r, output, inputs as readonly [Node, Node], make),
    isWorth: ({ rows }, { inputs: [, elements] }, { leastScatter }) => rows * sizeOf((elements as Node).shape) >= leastScatter,
  },
}

/** Each row compared with every target: a reduction over what is sent, or the identity where it is sent elsewhere. */
function comparedScatter({ op, rows }: RoutineOf<'scatter'>, output: number, [targets, elements]: readonly [Node, Node], make: Make): Node {
  const [n, features] = elements.shape as readonly [number, number]
  const { dtype } = elements
  const apart = [rows, n, features]
  const row = make({ kind: 'reshape' }, [make({ kind: 'iota' }, [], [rows], 'int32')], [rows, 1, 1], 'int32')
  const target = make({ kind: 'reshape' }, [targets], [1, n, 1], 'int32')
  const isHit = make({ kind: 'binary', op: 'eq' }, [row, target], [rows, n, 1], 'bool')
  if (output === 1) {
    const hits = make({ kind: 'cast' }, [make({ kind: 'reshape' }, [isHit], [rows, n], 'bool')], [rows, n], 'int32')
    return make({ kind: 'reduce', op: 'sum', dims: [1] }, [hits], [rows], 'int32')
  }
  const sent = make({ kind: 'reshape' }, [elements], [1, n, features], dtype)
  const identity = make({ kind: 'constant', value: identityOf(op, dtype) }, [], [], dtype)
  const received = make({ kind: 'where' }, [isHit, sent, identity], apart, dtype)
  return make({ kind: 'reduce', op, dims: [1] }, [received], [rows, features], dtype)
}

/** An output of a routine in the primitives that it has. */
export function fusedOutput({ routine, output }: PrimitiveOf<'routine'>, inputs: readonly Node[], make: Make): Node {
  return (FUSED[routine.kind] as FusedForm<Routine>).build(routine, output, inputs, make)
}

/** A number for the fence that a node comes after. */
export function fenceKey({ after }: Node, known: Map<Fence | undefined, number>): number {
  const key = known.get(after) ?? known.size
  known.set(after, key)
  return key
}

/** The same for all outputs of one routine of the same inputs, computed after the same fence. */
export const routineKey = (node: Node, fences: Map<Fence | undefined, number>): string =>
  `${primitiveKey({ ...(node.primitive as PrimitiveOf<'routine'>), output: 0 })} ${node.inputs.map((n) => n.id).join()} ${fenceKey(node, fences)}`

/**
 * The outputs that routines compute; others are to be said in the primitives that they have.
 * @param order topological, as recorded
 */
export function chooseRoutines(order: readonly Node[], targets: ReadonlySet<Node>, traits: DeviceTraits): ReadonlySet<Node> {
  const calls = new Map<string, Node[]>()
  const fences = new Map<Fence | undefined, number>()
  for (const node of order) {
    if (node.storage || roleOf(node) !== 'routine') continue
    const key = routineKey(node, fences)
    const outputs = calls.get(key)
    if (outputs) outputs.push(node)
    else calls.set(key, [node])
  }
  const chosen = new Set<Node>()
  if (calls.size === 0) return chosen
  const read = readPointwise(order)
  for (const nodes of calls.values()) if (isWorthRoutine(nodes, read, targets, traits)) for (const node of nodes) chosen.add(node)
  return chosen
}

/** @param nodes the outputs of a routine that are used @param read see `readPointwise` */
function isWorthRoutine(nodes: readonly Node[], read: ReadonlySet<Node>, targets: ReadonlySet<Node>, traits: DeviceTraits): boolean {
  const { primitive, inputs } = nodes[0] as Node
  const { routine } = primitive as PrimitiveOf<'routine'>
  const form = FUSED[routine.kind] as FusedForm<Routine> | null
  if (!form) return true
  const used = new Set(nodes.map((node) => (node.primitive as PrimitiveOf<'routine'>).output))
  const isStored = (base: Node): boolean => base.storage !== undefined || targets.has(base) || ROLES[roleOf(base)].materialized
  const use: Use = {
    inputs,
    isWhole: used.size === routineRow(routine).outputs(routine, inputs).length,
    fuses: () => !inputs.every((input) => isStored(wholeBase(input))) || nodes.some((node) => read.has(node)),
  }
  return form.isWorth(routine, use, traits)
}

/** Nodes that single elements are computed of, seen through views or not: what computes a node could compute those as well. */
function readPointwise(order: readonly Node[]): ReadonlySet<Node> {
  const read = new Set<Node>()
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node
    if (isSource(node)) continue
    if (roleOf(node) === 'pointwise' || (isView(node) && read.has(node))) for (const input of node.inputs) read.add(input)
  }
  return read
}
