/**
 * @file The lazy graph's node: one primitive applied to other nodes. Shapes and dtypes are settled when a node is made; its
 * values exist once it has a `storage`. Until then its inputs are its recipe.
 */
import { type DType, isHalf, recordingFunction, type Shape, type TypedArray } from '../base/index.ts'
import type { Device, DeviceBuffer, HostCopy, Place } from '../device/index.ts'
import type { Primitive } from './primitive.ts'

/** Where a node is, or will be computed: a place, or `auto` until the default device is settled (see `init`), which goes with anything. */
export type NodePlace = Place | 'auto'

/** Where a node's values are; how long they stay there is told by `src/runtime/lifetime.ts`. */
export class Storage {
  /** On the host, in storage form (16 bits for float16 and bfloat16). */
  host: TypedArray | undefined
  /** On a device: `owner`, which is never taken for its successor. */
  buffer: DeviceBuffer | undefined
  owner: Device | undefined
  /** On its way from a device to the host. */
  copy: HostCopy | undefined
  /** Why the values are gone for good: the storage of a parameter's version that has been given back, or of what was disposed of. */
  released: 'step' | 'dispose' | undefined
  /** How many runs have uploaded the host values; after a few of them the device copy stays. */
  uploads = 0

  constructor({ host, buffer, owner, copy, released }: Partial<Readonly<Storage>>) {
    this.host = host
    this.buffer = buffer
    this.owner = owner
    this.copy = copy
    this.released = released
  }
}

let serial = 0

/**
 * A point in a run: what is recorded after it is computed after its gates, as far as those are computed in the same run at all. It orders, and needs nothing: a
 * forward that is recomputed for a backward must not be computed before the gradient that it is for, nor be found to be the one that was computed first.
 */
export class Fence {
  readonly gates: readonly Node[]
  /** A fence that was passed earlier: its gates come first as well. */
  readonly before: Fence | undefined
  /** How many nodes had been recorded. */
  readonly at: number = serial
  /** The last walk that came by (`topological`), and its number in the signature made last (`signature`). */
  walk = 0
  place = 0

  constructor(gates: readonly Node[], before: Fence | undefined) {
    this.gates = gates
    this.before = before
  }
}

let fence: Fence | undefined

/** Runs `fn`; the nodes that it makes come after `passed`. */
export function afterFence<T>(passed: Fence | undefined, fn: () => T): T {
  const before = fence
  fence = passed
  try {
    return fn()
  } finally {
    fence = before
  }
}

export class Node {
  readonly id: number = ++serial
  readonly primitive: Primitive
  inputs: readonly Node[]
  readonly shape: Shape
  readonly dtype: DType
  readonly placement: NodePlace
  /** The function that recorded the node, for errors that come when it is computed; '' where none is known. */
  op: string = recordingFunction()
  storage: Storage | undefined
  /** What is to be computed first, if it is computed in the same run. */
  after: Fence | undefined = fence
  /** The plan that computed the node without storing it, and the node's position there: reading it later teaches that plan to store it. */
  origin: { readLate(node: Node): void } | undefined = undefined
  position = 0
  /** The last walk that came by (`topological`), and the node's place in the signature made last (`signature`): of what was rewritten, its origin's. */
  walk = 0
  place = 0
  /** Whether the node waits to be computed, in bits of `sinks.ts`. */
  pending = 0
  /** Two handles have the node (`detach`, `clone`, a reshape to the same shape): disposing of one must not free the other's value. */
  shared = false

  constructor(primitive: Primitive, inputs: readonly Node[], shape: Shape, dtype: DType, placement: NodePlace) {
    this.primitive = primitive
    this.inputs = inputs
    this.shape = shape
    this.dtype = dtype
    this.placement = placement
  }
}

/** How many nodes have been made: the unit in which `npm run bench -- overhead` counts. */
export const recordedNodes = (): number => serial

/** Whether a node is a half as float32: what a load from a buffer of halves gives, so that there is nothing to compute either. */
export const isWidening = ({ primitive, dtype, inputs }: Node): boolean =>
  primitive.kind === 'cast' && dtype === 'float32' && isHalf(inputs[0]?.dtype)
