/**
 * @file Large results whose fate is unknown: a user may hold them or have dropped them. The garbage collector tells, late; so they have a
 * budget, and only past it is a collection asked for.
 */
import { dtypeInfo } from '../base/index.ts'
import type { Device, DeviceBuffer } from '../device/index.ts'
import type { Node } from '../graph/index.ts'

interface Held {
  readonly device: Device
  readonly buffer: DeviceBuffer
  readonly bytes: number
  readonly ref: WeakRef<Node>
}

const held = new Map<DeviceBuffer, Held>()
let bytesHeld = 0
/** The next amount at which a collection is asked for: at least the budget, and twice what survived the last one. */
const BUDGET = 256 * 1024 * 1024
let limit = BUDGET

const registry = new FinalizationRegistry<Held>((entry) => drop(entry))

function drop(entry: Held): void {
  if (!held.delete(entry.buffer)) return
  bytesHeld -= entry.bytes
  entry.device.release(entry.buffer)
}

/** The buffer is given back when nobody can reach the node any more. */
export function watch(node: Node, device: Device, buffer: DeviceBuffer): void {
  const entry: Held = { device, buffer, bytes: buffer.length * dtypeInfo[buffer.dtype].bytes, ref: new WeakRef(node) }
  held.set(buffer, entry)
  bytesHeld += entry.bytes
  registry.register(node, entry, entry)
}

/** Stops watching a buffer that its owner gives back by itself. */
export function unwatch(buffer: DeviceBuffer): void {
  const entry = held.get(buffer)
  if (!entry) return
  registry.unregister(entry)
  held.delete(buffer)
  bytesHeld -= entry.bytes
}

let collect: (() => void) | undefined | null

/** Node's collector, without a command-line flag. Elsewhere there is none to ask. */
function collector(): (() => void) | undefined {
  if (collect === undefined) {
    collect = null
    const load = typeof process === 'undefined' ? undefined : process.getBuiltinModule
    const v8 = load?.('node:v8')
    const vm = load?.('node:vm')
    if (v8 && vm) {
      v8.setFlagsFromString('--expose-gc')
      collect = vm.runInNewContext('gc') as () => void
    }
  }
  return collect ?? undefined
}

/** Plans that may be dropped between two collections. */
const DROPPED_PLANS = 128
/** A collection is not asked for again before this many times what it took have passed: its share of the time stays small, however large the heap. */
const PAUSE = 20
let dropped = 0
let nextCollection = 0

/**
 * Notes that a plan is no longer kept. The code of its kernels is memory outside the heap, which the collector does not count: a program whose every
 * step has other shapes would hold what thousands of steps have dropped.
 */
export function planDropped(): void {
  dropped++
  const before = performance.now()
  if (dropped < DROPPED_PLANS || before < nextCollection) return
  dropped = 0
  collector()?.()
  const after = performance.now()
  nextCollection = after + PAUSE * (after - before)
}

/** Past the budget: collects, and gives back what nobody holds. */
export function collectIfCrowded(): void {
  if (bytesHeld <= limit) return
  collectNow()
  limit = Math.max(BUDGET, 2 * bytesHeld)
}

/** Collects, where that can be asked for. @returns whether anything was given back. */
export function collectNow(): boolean {
  const before = bytesHeld
  if (before > 0) collector()?.()
  for (const entry of [...held.values()]) {
    if (entry.ref.deref() !== undefined) continue
    registry.unregister(entry)
    drop(entry)
  }
  return bytesHeld < before
}
