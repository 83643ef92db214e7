/**
 * @file How long stored values stay. The values of a node are in one of four states:
 *
 * - *resident*: they stay while the node can be reached; what then gives a large one's buffer back is the collector (`collector.ts`).
 * - *cached*: stored although the node's recipe is kept: they can be evicted at any time, and are when the iteration after their own has ended.
 * - *retired*: given up by their owner, readable until the end of the next iteration; or, where that was asked for, until the step that is recorded closes,
 *   which may overwrite them.
 * - *released*: gone for good.
 *
 * `track` and `cache` are for what a run has stored, `retire` gives up, `promoteRead` and `reclaim` make resident, `release` ends. Recording may be many
 * steps ahead of the work (a device that is being opened, values that travel between devices), so closes and iterations are counted as they were recorded.
 */
import { DeviceLostError, StaleTensorError, type TypedArray } from '../base/index.ts'
import type { Device, DeviceBuffer } from '../device/index.ts'
import { forget, hasSinks, isSink, type Node, Storage, viewBase } from '../graph/index.ts'
import { bytesOf, track, untrack } from './collector.ts'
import { iterationOf, lastUse } from './iterations.ts'
import { afterTask, lastTask, runningTask } from './queue.ts'

/** The step that is recorded: so many have been closed. */
let recorded = 0
/** So many iterations have ended and been computed. */
let done = 0

// ── retired ──

interface Retired {
  /** The iteration with whose end the values go; of a donor, the step with whose close they go. */
  readonly due: number
  /** Whether they go with a step, which may overwrite them. */
  readonly donor: boolean
  /** The task that had been asked for last. */
  readonly task: number
}
/** In the order in which they were given up. Some have not been stored yet. */
const retired = new Map<Node, Retired>()

/**
 * Gives up a node's values, an old version of parameters: when the iteration after the last that uses them ends, so that recipes can be followed until then;
 * or already with the step that is recorded, which may overwrite them.
 */
export function retire(node: Node, { keepPrevious = true }: { keepPrevious?: boolean } = {}): void {
  const entry = cached.get(node)
  if (entry) makeResident(node, entry)
  const known = retired.get(node)
  if (known && (keepPrevious || known.donor)) return
  retired.set(node, { due: keepPrevious ? lastUse() : recorded, donor: !keepPrevious, task: lastTask() })
}

/** A value that was given up is wanted again: the step that replaced it could not be computed. */
export function reclaim(node: Node): void {
  retired.delete(node)
}

/** Whether the values go when so many iterations have ended. */
export function isExpiring(node: Node, iterations: number): boolean {
  const term = retired.get(node)
  return term !== undefined && expires(term, iterations)
}

const expires = ({ donor, due }: Retired, iterations: number): boolean => !donor && due < iterations

/** A gradient that its leaf has no more, and the iteration with whose end it goes. Whoever still holds it reads it until then. */
interface Dropped {
  readonly node: WeakRef<Node>
  readonly due: number
}
let gradients: Dropped[] = []
const FEW = 64
/** So many may be listed before those that the collector has found are taken off. */
let mostGradients = FEW

/** A leaf has another gradient, or none; nothing but the program may still have this one. */
export function retireGradient(node: Node): void {
  if (!node.storage?.buffer && !isSink(node)) return
  if (gradients.length >= mostGradients) {
    gradients = gradients.filter((each) => each.node.deref() !== undefined)
    mostGradients = Math.max(FEW, 2 * gradients.length)
  }
  // (one iteration more: what was made of it may wait until an update by hand comes again)
  gradients.push({ node: new WeakRef(node), due: lastUse() + 1 })
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

/** In a loop without iterations, so many tasks that computed something stand for one. */
const TASKS_KEPT = 16
/** The last tasks that computed something. */
const computed: number[] = []
/** The task that was running when an iteration was last done. */
let doneBy = 0

/** Whether it is long since an iteration was done. */
const withoutIterations = (): boolean => computed.length === TASKS_KEPT && doneBy < (computed[0] as number)

/** Called after every run: a task may need several. */
export function countRun(): void {
  const task = runningTask()
  if (computed.at(-1) === task) return
  computed.push(task)
  if (computed.length > TASKS_KEPT) computed.shift()
  if (computed.length < TASKS_KEPT) return
  const oldest = computed[0] as number
  for (const [node, { donor, task }] of retired) {
    if (donor) continue
    if (task >= oldest) break
    retired.delete(node)
    release(node, 'step')
  }
  if (!withoutIterations()) return
  for (const [node, entry] of cached) {
    if (entry.task >= oldest) break
    evict(node, entry)
  }
}

// ── cached ──

interface Cached {
  readonly recipe: readonly Node[]
  /** The iteration of the node. */
  readonly iteration: number
  /** The task that stored it. */
  readonly task: number
  readonly bytes: number
}
const cached = new Map<Node, Cached>()
let bytesCached = 0
const CACHE_BUDGET = 256 * 1024 * 1024

/** Keeps a stored interior result until the next iteration has ended. */
export function cache(node: Node): void {
  if (retired.has(node)) {
    track(node)
    return
  }
  const bytes = bytesOf(node.storage as Storage)
  cached.set(node, { recipe: node.inputs, iteration: iterationOf(node), task: runningTask(), bytes })
  bytesCached += bytes
  if (bytesCached > CACHE_BUDGET) for (const [each, entry] of [...cached]) evict(each, entry)
}

/**
 * Of what a run computes: a cached value that a later iteration than its own reads is no intermediate result, nor is one that a later task reads where there
 * are no iterations. It becomes resident: what is made of it, time after time, must not hang on an ever longer recipe.
 */
export function promoteRead(order: readonly Node[]): void {
  if (cached.size === 0) return
  const anyTask = withoutIterations()
  const task = runningTask()
  for (const reader of order) {
    const { inputs } = reader
    for (let i = 0; i < inputs.length; i++) {
      const node = inputs[i] as Node
      const entry = node.storage && cached.get(node)
      if (entry && (anyTask ? entry.task !== task : entry.iteration < iterationOf(reader))) makeResident(node, entry)
    }
  }
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

// ── steps and iterations ──

/** Ends the step that is recorded. @returns its number, for `expireStep` */
export const endStep = (): number => recorded++

/** Whether a value goes with the close of a step, by which so many iterations have ended. */
const goesWith = (term: Retired, step: number, iterations: number): boolean => (term.donor ? term.due <= step : expires(term, iterations))

/** What {@link expireStep} will give back: what the step does not read can go before its results take memory. */
export function expiringWith(step: number, iterations: number): Node[] {
  const going: Node[] = []
  for (const [node, term] of retired) if (goesWith(term, step, iterations)) going.push(node)
  for (const { node: held, due } of gradients) {
    const node = held.deref()
    if (node !== undefined && due < iterations) going.push(node)
  }
  return going
}

/** The work of a step has been handed to the device: what was to go with its close goes, and what is no use to iterations that are recorded. */
export function expireStep(step: number, iterations: number): void {
  for (const [node, term] of retired) {
    if (!goesWith(term, step, iterations)) continue
    retired.delete(node)
    release(node, 'step')
  }
  let kept = 0
  for (const each of gradients) {
    const node = each.node.deref()
    if (node === undefined) continue
    if (each.due >= iterations) gradients[kept++] = each
    else release(node, 'step')
  }
  gradients.length = kept
}

/** So many iterations have ended, and their work has been handed to the device. */
export function iterationsDone(iterations: number): void {
  if (iterations <= done) return
  done = iterations
  doneBy = runningTask()
  for (const [node, entry] of cached) if (entry.iteration + 2 <= done) evict(node, entry)
}

// ── released ──

/** Gives a node's stored values back. */
export function release(node: Node, how: 'step' | 'dispose'): void {
  const { storage } = node
  // What the host holds costs the device nothing, and the collector sees it.
  if (!storage || storage.released || (how === 'step' && !storage.buffer)) return
  const entry = cached.get(node)
  if (entry) uncache(node, entry)
  end(storage, how)
}

function end(storage: Storage, how: 'step' | 'dispose'): void {
  if (storage.buffer) giveBack(storage)
  storage.host = undefined
  storage.copy = undefined
  storage.released = how
}

/** The device has taken a node's buffer: a step has overwritten it, or taken its memory for something else. */
export function overwritten(node: Node): void {
  const storage = node.storage as Storage
  untrack(storage)
  storage.buffer = undefined
  const entry = cached.get(node)
  if (entry) uncache(node, entry)
  end(storage, 'step')
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
  const maker = wanted.op || viewBase(wanted).op || 'data'
  if (storage.released === 'dispose') {
    throw new StaleTensorError(
      maker,
      node === wanted ? `${what} was disposed of` : `${what} was to be computed from a tensor that was disposed of`,
    )
  }
  throw new StaleTensorError(
    maker,
    `${what} can no longer be computed: the iteration that it belongs to ended too long ago, and the parameters of then are gone. ` +
      'In the iteration that makes it, take .detach() or .clone() of what is to be read later',
  )
}
