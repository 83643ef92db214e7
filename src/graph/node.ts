/**
 * @file The lazy graph's node: one primitive applied to other nodes. Shapes and dtypes are settled when a node is made; its
 * values exist once it has a `storage`. Until then its inputs are its recipe.
 */
import { type DType, recordingFunction, type Shape, type TypedArray } from '../base/index.ts'
import type { DeviceBuffer, DeviceName, HostCopy } from '../device/index.ts'
import type { BinaryOp, ReduceOp, UnaryOp } from '../kernel/index.ts'

/** Where a tensor is, or will be computed: a device, or `auto` until the default device is settled (see `init`), which goes with anything. */
export type Placement = DeviceName | 'auto'

/** What a node computes. Everything in it but the values of `leaf` and `scalar` is structure: part of the schedule's key. */
export type Primitive =
  /** Values given by the host, or kept from an earlier run: always has a storage. */
  | { readonly kind: 'leaf' }
  /** A 0-d number that may change from step to step: reaches the kernel as data. */
  | { readonly kind: 'scalar'; readonly value: number }
  /** A 0-d literal of an op's definition: compiled into the kernel. */
  | { readonly kind: 'constant'; readonly value: number }
  /** 0, 1, 2, … along the only axis (int32). */
  | { readonly kind: 'iota' }
  /** Random bits (uint32): Philox of (element index, stream) under a key; inputs are the four uint32 scalars seed (low, high) and call number (low, high). */
  | { readonly kind: 'random'; readonly word: number }
  | { readonly kind: 'unary'; readonly op: UnaryOp }
  | { readonly kind: 'binary'; readonly op: BinaryOp }
  | { readonly kind: 'where' }
  | { readonly kind: 'cast' }
  /** The input's values as a value of its own: `detach()` and `clone()`. */
  | { readonly kind: 'alias' }
  | { readonly kind: 'reshape' }
  | { readonly kind: 'expand' }
  /** Output axis i is input axis `order[i]`. */
  | { readonly kind: 'permute'; readonly order: readonly number[] }
  /** Output position i along an axis is input position start + i · step (step may be negative). */
  | { readonly kind: 'slice'; readonly start: readonly number[]; readonly step: readonly number[] }
  /** Position p of the output is, along input axis i, position offset + Σ coef · p[axis] (windows that overlap, a flip, a diagonal). */
  | { readonly kind: 'window'; readonly map: readonly WindowAxis[] }
  /** `before[i]` zeros in front of axis i, and as many behind as the shape leaves. */
  | { readonly kind: 'pad'; readonly before: readonly number[] }
  /** Reduced axes leave the shape. */
  | { readonly kind: 'reduce'; readonly op: ReduceOp; readonly dims: readonly number[] }
  /** [...batch, ...m, ...k] · [...batch, ...k, ...n] → [...batch, ...m, ...n]: here is how many dims each of m, n, k has; the batch dims broadcast. */
  | ({ readonly kind: 'contract' } & ContractDims)
  /** out[…, i, …] = source[…, index[…, i, …], …] along `dim`; inputs source and index (int32); `op` names whom an index error blames. */
  | { readonly kind: 'gather'; readonly dim: number; readonly op: string }
  /** Its input (integers), none of which may be 0; `op` names whom a ZeroDivisionError blames. */
  | { readonly kind: 'divisor'; readonly op: string }
  /** Its inputs, flattened, one after the other in one buffer, each at an offset that is a multiple of 64 elements. */
  | { readonly kind: 'pack'; readonly offsets: readonly number[] }
  /** The input's values on another device. */
  | { readonly kind: 'transfer' }

/** How many dims the parts of a contraction have. */
export interface ContractDims {
  readonly m: number
  readonly n: number
  readonly k: number
}

/** Where a window reads along one input axis. */
export interface WindowAxis {
  readonly offset: number
  /** [output axis, coefficient] */
  readonly terms: readonly (readonly [axis: number, coef: number])[]
}

/** Where a node's values are. */
export interface Storage {
  /** On the host, in storage form (halves for float16). */
  host?: TypedArray
  /** On a device: `owner`. */
  buffer?: DeviceBuffer
  owner?: DeviceName
  /** On its way from a device to the host. */
  copy?: HostCopy
  /** Why the values are gone: the storage of a parameter's version that has been given back. */
  released?: 'step' | 'dispose'
  /** How many runs have uploaded the host values; after a few of them the device copy stays. */
  uploads: number
}

let serial = 0

export class Node {
  readonly id: number = ++serial
  readonly primitive: Primitive
  inputs: readonly Node[]
  readonly shape: Shape
  readonly dtype: DType
  readonly placement: Placement
  /** The function that recorded the node, for errors that come when it is computed; '' where none is known. */
  op: string = recordingFunction()
  storage: Storage | undefined
  /** The plan that computed the node without storing it, and the node's position there: reading it later teaches that plan to store it. */
  origin: { readonly wanted: Set<number> } | undefined = undefined
  position = 0
  /** The last walk that came by (`topological`), and the node's place in the signature made last (`signature`): of what was rewritten, its origin's. */
  walk = 0
  place = 0
  /** Whether the node waits to be computed, in bits of `sinks.ts`. */
  pending = 0
  /** Two handles have the node (`detach`, `clone`, a reshape to the same shape): disposing of one must not free the other's value. */
  shared = false

  constructor(primitive: Primitive, inputs: readonly Node[], shape: Shape, dtype: DType, placement: Placement) {
    this.primitive = primitive
    this.inputs = inputs
    this.shape = shape
    this.dtype = dtype
    this.placement = placement
  }
}

/** How many nodes have been made: the unit in which `npm run bench -- overhead` counts. */
export const recordedNodes = (): number => serial

const VIEWS: ReadonlySet<string> = new Set(['reshape', 'expand', 'permute', 'slice', 'window'])

/** Whether a node shows values of its input, each at another place: arithmetic on coordinates, nothing to compute. */
export const isView = (node: Node): boolean => VIEWS.has(node.primitive.kind)

/** Whether a node is float16 as float32: what a load from a buffer of halves gives, so that there is nothing to compute either. */
export const isWidening = ({ primitive, dtype, inputs }: Node): boolean =>
  primitive.kind === 'cast' && dtype === 'float32' && inputs[0]?.dtype === 'float16'

/** Whether a node's values are there or cost nothing: the graph ends here. */
export function isSource(node: Node): boolean {
  if (node.storage) return true
  const { kind } = node.primitive
  return kind === 'scalar' || kind === 'constant' || kind === 'iota'
}

/** The node whose values a chain of views shows. */
export function viewBase(node: Node): Node {
  let base = node
  while (isView(base) && !base.storage) base = base.inputs[0] as Node
  return base
}
