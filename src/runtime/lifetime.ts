/**
 * @file How long stored values stay. The values of a node are in one of four states:
 *
 * - *resident*: they stay while the node can be reached; what then gives a large one's buffer back is the collector (`collector.ts`).
 * - *cached*: stored although the node's recipe is kept: they can be evicted at any time, and are when the step after has closed.
 * - *retired*: given up by their owner, readable until a step closes. That step may overwrite them if it is the one that is recorded.
 * - *released*: gone for good.
 *
 * `track` and `cache` are for what a run has stored, `retire` gives up, `promote` and `reclaim` make resident, `release` ends. Steps are counted by their
 * closes, and recording may be many steps ahead of the work (a device that is being opened, values that travel between devices), so closes are counted as
 * they were recorded.
 */
import { DeviceLostError, StaleTensorError, type TypedArray } from '../base/index.ts'
import type { Device, DeviceBuffer } from '../device/index.ts'
import { forget, hasSinks, type Node, Storage } from '../graph/index.ts'
import { bytesOf, track, untrack } from './collector.ts'
import { afterTask, lastTask, runningTask } from './queue.ts'

/** The step that is recorded: so many have been closed. */
let recorded = 0
/** Steps whose work is done. */
let done = 0

// ── retired ──

interface Retired {
  /** The step with whose close the values go. */
  readonly due: number
  /** Whether that step may overwrite them. */
  readonly donor: boolean
  /** The task that had been asked for last. */
  readonly task: number
}
/** In the order in which they were given up. Some have not been stored yet. */
const retired = new Map<Node, Retired>()

/**
 * Gives up a node's values, an old version of parameters: when the step after the one that is recorded closes, so that recipes which use them can be followed
 * until then, or already with the one that is recorded, which may overwrite them.
 */
export function retire(node: Node, { keepPrevious = true }: { keepPrevious?: boolean } = {}): void {
  const entry = cached.get(node)
  if (entry) makeResident(node, entry)
  const known = retired.get(node)
  if (known && (keepPrevious || known.donor)) return
  retired.set(node, { due: keepPrevious ? recorded + 1 : recorded, donor: !keepPrevious, task: lastTask() })
}

/** A value that was given up is wanted again: the step that replaced it could not be computed. */
export function reclaim(node: Node): void {
  retired.delete(node)
}

/** What a step may overwrite. */
export function donorsOf(step: number): Set<Node> {
  const donors = new Set<Node>()
  for (const [node, { due, donor }] of retired) if (donor && due === step) donors.add(node)
  return donors
}

/** What a step that did not happen was to overwrite goes with the one that is recorded. */
export function postpone(step: number): void {
  for (const [node, term] of retired) if (term.donor && term.due === step) retired.set(node, { ...term, due: recorded })
}

/** In a loop that never closes a step, so many tasks that computed something stand for it. */
const TASKS_KEPT = 16
/** The last tasks that computed something. */
const computed: number[] = []

/** Called after every run: a task may need several. */
export function countRun(): void {
  const task = runningTask()
  if (computed.at(-1) === task) return
  computed.push(task)
  if (computed.length > TASKS_KEPT) computed.shift()
  if (computed.length < TASKS_KEPT) return
  for (const [node, { donor, task }] of retired) {
    if (donor) continue
    if (task >= (computed[0] as number)) return
    retired.delete(node)
    release(node, 'step')
  }
}

// ── cached ──

interface Cached {
  readonly recipe: readonly Node[]
  /** Steps that were done. */
  readonly since: number
  readonly bytes: number
}
const cached = new Map<Node, Cached>()
let bytesCached = 0
const CACHE_BUDGET = 256 * 1024 * 1024

/** Keeps a stored interior result until the next step has closed. */
export function cache(node: Node): void {
  if (retired.has(node)) {
    track(node)
    return
  }
  const bytes = bytesOf(node.storage as Storage)
  cached.set(node, { recipe: node.inputs, since: done, bytes })
  bytesCached += bytes
  if (bytesCached > CACHE_BUDGET) for (const [each, entry] of [...cached]) evict(each, entry)
}

/** A cached value that a later step than its own uses is no intermediate result: it becomes resident. */
export function promote(node: Node): void {
  const entry = cached.get(node)
  if (entry && entry.since !== done) makeResident(node, entry)
}

/** The recipe is no longer kept. */
function makeResident(node: Node, entry: Cached): void {
  uncache(node, entry)
  if (node.storage?.buffer) track(node)
}

function uncache(node: Node, { bytes }: Cached): void {
  cached.delete(node)
  bytesCached -= bytes
}

/** The values are computed again where they are wanted. */
function evict(node: Node, entry: Cached): void {
  uncache(node, entry)
  const { storage } = node
  if (!storage?.buffer) return
  giveBack(storage)
  node.storage = undefined
  node.inputs = entry.recipe
}

// ── steps ──

/** Ends the step that is recorded. @returns its number, for `expire` */
export const endStep = (): number => recorded++

/** The work of a step has been handed to the device: what was to go with its close goes. */
export function expire(step: number): void {
  done = Math.max(done, step + 1)
  for (const [node, { due }] of retired) {
    if (due > step) continue
    retired.delete(node)
    release(node, 'step')
  }
  for (const [node, entry] of cached) if (entry.since < step) evict(node, entry)
}

// ── released ──

/** Gives a node's stored values back. */
export function release(node: Node, how: 'step' | 'dispose'): void {
  const { storage } = node
  // What the host holds costs the device nothing, and the collector sees it.
  if (!storage || storage.released || (how === 'step' && !storage.buffer)) return
  if (storage.buffer) giveBack(storage)
  markReleased(node, storage, how)
}

/** The step has overwritten a donor: its buffer has another node's values. */
export function overwritten(node: Node): void {
  const storage = node.storage as Storage
  untrack(storage)
  storage.buffer = undefined
  markReleased(node, storage, 'step')
}

function markReleased(node: Node, storage: Storage, how: 'step' | 'dispose'): void {
  const entry = cached.get(node)
  if (entry) uncache(node, entry)
  storage.host = undefined
  storage.copy = undefined
  storage.released = how
}

function giveBack(storage: Storage): void {
  untrack(storage)
  const { owner, buffer } = storage
  storage.buffer = undefined
  ;(owner as Device).release(buffer as DeviceBuffer)
}

/**
 * Frees a node's values: now, or once what was recorded and asked for before has been computed from them. A later use throws StaleTensorError.
 */
export function disposeNode(node: Node): void {
  forget(node)
  // What has been recorded is computed by the next task
  afterTask(lastTask() + (hasSinks() ? 1 : 0), () => {
    if (node.storage) release(node, 'dispose')
    else {
      node.storage = new Storage({ released: 'dispose' })
      node.inputs = []
    }
  })
}

/** The values are on the host now: the device's copy goes. @returns whether the node has them there */
export function moveToHost(node: Node, host: TypedArray): boolean {
  const { storage } = node
  if (!storage?.buffer || cached.has(node)) return false
  giveBack(storage)
  storage.host = host
  return true
}

// ── what can still be read ──

const describe = (node: Node): string => `a [${node.shape.join(', ')}] ${node.dtype} tensor`

const REMEDY = 'New tensors work, on a fresh device; make the model anew, load its last saved state, and go on'

/** The error where a tensor is wanted whose values went with their device. */
export function goneWith(lost: DeviceLostError, node: Node, wanted: Node): DeviceLostError {
  const whose =
    node === wanted ? `${describe(wanted)} is gone: its` : `${describe(wanted)} cannot be computed: it needs ${describe(node)} whose`
  const error = new DeviceLostError(wanted.op, `${whose} values were on a device that was lost. ${REMEDY}`)
  error.cause = lost
  return error
}

/** Where the device is gone, the host's copy, if there is one, takes the values' place. */
function checkPresent(node: Node, wanted: Node): void {
  const { storage } = node
  const lost = storage?.owner?.lost
  if (!storage || !lost || !(storage.buffer || storage.copy)) return
  const host = storage.copy?.peek()
  if (host) storage.host = host
  storage.copy = undefined
  untrack(storage)
  if (!storage.host) throw goneWith(lost, node, wanted)
  storage.buffer = undefined
  storage.owner = undefined
}

/**
 * Throws where `node`, of which `wanted` is made, has lost its values.
 * @throws StaleTensorError, DeviceLostError
 */
export function checkReadable(node: Node, wanted: Node): void {
  checkPresent(node, wanted)
  const { storage } = node
  if (!storage?.released) return
  const what = describe(wanted)
  if (storage.released === 'dispose') {
    throw new StaleTensorError(
      wanted.op,
      node === wanted ? `${what} was disposed of` : `${what} was to be computed from a tensor that was disposed of`,
    )
  }
  throw new StaleTensorError(
    wanted.op,
    `${what} can no longer be computed: the step that it belongs to closed too long ago, and the parameters of then are gone. ` +
      'In the step that makes it, take .detach() or .clone() of what is to be read later',
  )
}
