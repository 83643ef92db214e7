/**
 * @file Memory that the garbage collector gives back: values that a program may still reach, or not. Finalizers run late; so what waits for them has a budget,
 * and only past it is a collection asked for.
 */
import { dtypeInfo, Garbage, garbageCollector } from '../base/index.ts'
import type { Device, DeviceBuffer } from '../device/index.ts'
import type { Node, Storage } from '../graph/index.ts'

/** Storage with a buffer that goes with its node. */
const tracked = new Map<Storage, WeakRef<Node>>()
let bytesTracked = 0
/** The next amount at which a collection is asked for: at least the budget, and twice what survived the last one. */
const BUDGET = 256 * 1024 * 1024
let limit = BUDGET

const registry = new FinalizationRegistry<Storage>(drop)

export const bytesOf = ({ buffer }: Storage): number => (buffer ? buffer.length * dtypeInfo[buffer.dtype].bytes : 0)

/** The buffer of a stored node is given back when the node cannot be reached any more. */
export function track(node: Node): void {
  const storage = node.storage as Storage
  tracked.set(storage, new WeakRef(node))
  bytesTracked += bytesOf(storage)
  registry.register(node, storage, storage)
}

/** The buffer is given back otherwise. Called while the storage still has it. */
export function untrack(storage: Storage): void {
  if (!tracked.delete(storage)) return
  registry.unregister(storage)
  bytesTracked -= bytesOf(storage)
}

function drop(storage: Storage): void {
  untrack(storage)
  const { owner, buffer } = storage
  storage.buffer = undefined
  ;(owner as Device).release(buffer as DeviceBuffer)
}

/** Plans that may be dropped between two collections. */
const dropped = new Garbage(128)

/**
 * Notes that a plan is no longer kept. The code of its kernels is memory outside the heap, which the collector does not count: a program whose every
 * step has other shapes would hold what thousands of steps have dropped.
 */
export function planDropped(): void {
  dropped.add(1)
}

/** Past the budget: collects, and gives back what cannot be reached. */
export function collectIfCrowded(): void {
  if (bytesTracked <= limit) return
  collectNow()
  limit = Math.max(BUDGET, 2 * bytesTracked)
}

/** Collects, where that can be asked for. @returns whether anything was given back. */
export function collectNow(): boolean {
  const before = bytesTracked
  if (before > 0) garbageCollector()?.()
  for (const [storage, node] of [...tracked]) if (node.deref() === undefined) drop(storage)
  return bytesTracked < before
}
