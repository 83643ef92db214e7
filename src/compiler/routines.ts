/**
 * @file Which routines are computed as such. Some have primitives that say the same, output by output: those are fused with what they read and with what reads
 * them, and a routine reads whole buffers. So it is one where all its outputs are used and nothing would have been fused, or where its size outweighs that.
 */
import { sizeOf } from '../base/index.ts'
import type { DeviceTraits } from '../device/index.ts'
import { isSource, isView, type Node, type Primitive, type PrimitiveOf, roleOf, wholeBase } from '../graph/index.ts'
import { type Routine, type RoutineKind, type RoutineOf, routineRow } from '../kernel/index.ts'
import { ROLES } from './roles.ts'
import { primitiveKey } from './signature.ts'

/** Reductions shorter than this run in one pass. */
export const LONG = 4096

/** Whether a reduction is long, and of so few rows that most of a device would wait. */
export const isLongOfFewRows = (rows: number, length: number, { parallelism, leastSplit }: DeviceTraits): boolean =>
  rows < parallelism && length >= LONG && rows * length >= leastSplit

/** How a routine's outputs are said in other primitives. */
interface FusedForm<R extends Routine> {
  /** What an output is, of the same inputs. */
  primitive(r: R, output: number): Primitive
  /** Whether the routine is worth the fusion that it costs. */
  outweighs(r: R, inputs: readonly Node[], traits: DeviceTraits): boolean
}

/** `null` where no other primitive says the same. */
const FUSED: { readonly [K in RoutineKind]: FusedForm<RoutineOf<K>> | null } = {
  reduceWithIndex: {
    primitive: ({ op, dim }, output) => ({ kind: 'reduce', op: output === 0 ? op : op === 'max' ? 'argmax' : 'argmin', dims: [dim] }),
    outweighs: ({ dim }, [x], traits) => {
      const { shape } = x as Node
      const length = shape[dim] as number
      return isLongOfFewRows(sizeOf(shape) / length, length, traits)
    },
  },
  sort: null,
  scan: null,
}

/** The primitive that an output of a routine is, where there is one. */
export function fusedPrimitive({ routine, output }: PrimitiveOf<'routine'>): Primitive | undefined {
  return (FUSED[routine.kind] as FusedForm<Routine> | null)?.primitive(routine, output)
}

/** The same for all outputs of one routine of the same inputs. */
export const routineKey = (primitive: PrimitiveOf<'routine'>, inputs: readonly Node[]): string =>
  `${primitiveKey({ ...primitive, output: 0 })} ${inputs.map((n) => n.id).join()}`

/**
 * The outputs that routines compute; others are to be said in the primitives that they have.
 * @param order topological, as recorded
 */
export function chooseRoutines(order: readonly Node[], targets: ReadonlySet<Node>, traits: DeviceTraits): ReadonlySet<Node> {
  const calls = new Map<string, Node[]>()
  for (const node of order) {
    if (node.storage || roleOf(node) !== 'routine') continue
    const key = routineKey(node.primitive as PrimitiveOf<'routine'>, node.inputs)
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
  if (used.size < routineRow(routine).outputs(routine, inputs).length) return false
  if (form.outweighs(routine, inputs, traits)) return true
  const isStored = (base: Node): boolean => base.storage !== undefined || targets.has(base) || ROLES[roleOf(base)].materialized
  return inputs.every((input) => isStored(wholeBase(input))) && !nodes.some((node) => read.has(node))
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
