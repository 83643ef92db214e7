/**
 * @file What the floors above ask of the graph at run time: values, the end of a step, devices.
 *
 * Work goes through one queue, in the order in which it was asked for. As long as nothing has to be waited for (a device that is being opened,
 * values that come from another device) it is done at once, synchronously.
 */
import {
  ArgumentError,
  BacklogError,
  DeviceError,
  DeviceLostError,
  DTypeError,
  dtypeInfo,
  OutOfMemoryError,
  StaleTensorError,
  sizeOf,
  type TypedArray,
  toHalf,
} from '../base/index.ts'
import {
  type Device,
  type DeviceBuffer,
  type DeviceCounters,
  type DeviceInfo,
  type DeviceName,
  type HostCopy,
  type MemoryStats,
  markTold,
} from '../device/index.ts'
import { available, getDefault, limitMemory, openDevice, opened, openNow, raiseLoss, setDefault, settleDefault } from './devices.ts'
import {
  countRun,
  disposeNode,
  endEpoch,
  keepDonors,
  lend,
  moveToHost,
  reclaim,
  releaseDonors,
  retire,
  settleDisposed,
  takeDonors,
  used,
} from './keeping.ts'
import { collectIfCrowded, collectNow, unwatch, watch } from './lifetime.ts'
import type { Node, Placement, Storage } from './node.ts'
import { topological } from './order.ts'
import { forget, isPinned, keep, pin, takeSinks } from './pending.ts'
import type { Plan } from './plans.ts'
import { enqueue, type Task } from './queue.ts'
import { checkReadable, goneWith } from './readable.ts'
import { isSource } from './rewrite.ts'
import { isView, viewBase } from './units.ts'

export { disposeNode, forget, keep, pin, reclaim, retire }

/** Results up to this size move to the host when they have been computed: they no longer need a buffer, however long they are kept. */
const SMALL_BYTES = 16 * 1024

/** Results up to this size move to the host when they are read: a value that has been looked at is seldom computed with again. */
const MOVED_BYTES = 4 * 1024 * 1024
/** A host tensor used in this many runs keeps its device copy; a batch is used in fewer. */
const KEEP_AFTER = 4

/** Computes and stores `targets`. */
function flush(targets: readonly Node[], given: ReadonlySet<Node> = new Set()): void | Promise<void> {
  const wanted = targets.filter((n) => !n.storage && !settleOnHost(n))
  if (wanted.length === 0) return
  const byDevice = new Map<Placement, Node[]>()
  for (const node of wanted) {
    const place = node.placement === 'auto' ? getDefault() : node.placement
    const list = byDevice.get(place)
    if (list) list.push(node)
    else byDevice.set(place, [node])
  }
  if (byDevice.has('auto')) return settleDefault().then(() => flush(targets, given))
  for (const place of byDevice.keys()) {
    if (!openNow(place as DeviceName)) return openDevice(place as DeviceName).then(() => flush(targets, given))
  }
  for (const [place, nodes] of byDevice) {
    const order = topological(nodes)
    const moving = order.filter((n) => n.primitive.kind === 'transfer' && !n.storage)
    if (moving.length > 0) return transferAll(moving).then(() => flush(targets, given))
    const memory = compute(place as DeviceName, nodes, order, given)
    if (memory) return memory.then(() => flush(targets, given))
  }
}

/** Brings the values of transfer nodes over by way of the host. */
async function transferAll(nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    const source = node.inputs[0] as Node
    await flush([source])
    const host = await storedValues(source)
    node.storage = { host, uploads: 0 }
    node.inputs = []
  }
}

/** Values that need no device: literals, numbers, and what is empty. */
function settleOnHost(node: Node): boolean {
  const { primitive, shape, dtype } = node
  if (sizeOf(shape) === 0) {
    setHost(node, dtypeInfo[dtype].create(0))
    return true
  }
  if (primitive.kind === 'scalar' || primitive.kind === 'constant') {
    const data = dtypeInfo[dtype].create(1)
    data[0] = dtype === 'float16' ? toHalf(primitive.value) : primitive.value
    setHost(node, data)
    return true
  }
  if (primitive.kind === 'iota') {
    const data = new Int32Array(shape[0] as number)
    for (let i = 0; i < data.length; i++) data[i] = i
    setHost(node, data)
    return true
  }
  return false
}

function setHost(node: Node, host: TypedArray): void {
  node.storage = { host, uploads: 0 }
  node.inputs = []
}

/** A promise where memory has to be waited for; nothing has been done then. */
function compute(place: DeviceName, nodes: readonly Node[], order: readonly Node[], given: ReadonlySet<Node>): void | Promise<void> {
  const { device, plans } = openNow(place) as NonNullable<ReturnType<typeof openNow>>
  for (const node of order) checkReadable(node, nodes[0] as Node)
  const mayGive = new Set(order.filter((n) => given.has(n) && n.storage?.buffer))
  for (const node of nodes) node.origin?.wanted.add(node.position)
  let targets: readonly Node[] = [...nodes, ...reused(order, nodes)]
  let plan = plans.find(order, targets, mayGive)
  const late = new Set<Node>()
  if (plan.wanted.size > 0) {
    // Interior nodes that were read after an earlier run of this plan are stored this time.
    for (const p of plan.wanted) if (!targets.includes(order[p] as Node)) late.add(order[p] as Node)
    targets = [...targets, ...late]
    plan = plans.find(order, targets, mayGive)
  }
  const memory = reserve(device, plan, order)
  if (memory) return memory
  const passing: DeviceBuffer[] = []
  const inputs = plan.inputs.map((p) => {
    const node = order[p] as Node
    const storage = node.storage as Storage
    used(node)
    if (storage.buffer && storage.owner === place) return storage.buffer
    const host = storage.host ?? storage.copy?.peek()
    if (host) {
      if (host.byteLength <= SMALL_BYTES || storage.buffer || ++storage.uploads < KEEP_AFTER) return host
      storage.buffer = device.upload(node.dtype, host)
      storage.owner = place
      watch(node, device, storage.buffer)
      return storage.buffer
    }
    if (storage.owner !== place)
      throw new DeviceError(
        node.primitive.kind,
        `the tensor's values are on ${storage.owner}, the work is on ${place}. Move it with .to('${place}')`,
      )
    const restored = device.restore(storage.copy as NonNullable<Storage['copy']>)
    passing.push(restored)
    return restored
  })
  const results = plan.outputs.map((t) => targets[t] as Node)
  const outputs = results.map((n) => device.allocate(n.dtype, sizeOf(n.shape)))
  const small = results.map((n) => sizeOf(n.shape) === 1 || (!isPinned(n) && sizeOf(n.shape) * dtypeInfo[n.dtype].bytes <= SMALL_BYTES))
  let copies: HostCopy[]
  try {
    copies = device.run(plan.executable, {
      inputs,
      outputs,
      scalars: plan.scalars.map((p) => ((order[p] as Node).primitive as { value: number }).value),
      evacuate: outputs.filter((_, i) => small[i]),
    })
  } finally {
    for (const buffer of passing) device.release(buffer)
  }
  let next = 0
  results.forEach((node, i) => {
    if (small[i]) node.storage = { copy: copies[next++] as NonNullable<Storage['copy']>, owner: place, uploads: 0 }
    else {
      const buffer = outputs[i] as DeviceBuffer
      node.storage = { buffer, owner: place, uploads: 0 }
      if (late.has(node)) lend(node)
      else watch(node, device, buffer)
    }
  })
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as Node
    if (node.storage) {
      if (node.inputs.length > 0) node.inputs = []
    } else if (!isSource(node)) {
      node.origin = plan
      node.position = i
    }
  }
  for (const p of plan.donated) {
    const storage = (order[p] as Node).storage as Storage
    if (storage.buffer) unwatch(storage.buffer)
    delete storage.buffer
    storage.released = 'step'
  }
  countRun()
  collectIfCrowded()
}

/** Memory for a run. Where there is too little, what nobody holds any more is found and given back first. */
function reserve(device: Device, plan: Plan, order: readonly Node[]): void | Promise<void> {
  const uploads = plan.inputs.flatMap((p) => {
    const { dtype, shape, storage } = order[p] as Node
    return storage?.buffer ? [] : [sizeOf(shape) * dtypeInfo[dtype].bytes]
  })
  const again = (e: unknown): void | Promise<void> => {
    if (!(e instanceof OutOfMemoryError) || !collectNow()) throw e
    return device.reserve(plan.executable, uploads)
  }
  try {
    return device.reserve(plan.executable, uploads)?.catch(again)
  } catch (e) {
    return again(e)
  }
}

/**
 * Interior results of earlier runs that something new is made of. They are stored now, while their recipe can be followed: what one step after
 * another uses (a running average, the answers of an old policy) would else be computed from further and further back. And the runs that
 * made them learn to store them from now on.
 */
function reused(order: readonly Node[], targets: readonly Node[]): Node[] {
  const found = new Set<Node>()
  for (const node of order) {
    if (node.storage || node.origin) continue
    for (const input of node.inputs) {
      if (input.storage || isSource(input)) continue
      const base = viewBase(input)
      if (!base.origin || base.storage || isSource(base) || base.primitive.kind === 'random') continue
      base.origin.wanted.add(base.position)
      if (!targets.includes(base)) found.add(base)
    }
  }
  return [...found]
}

/** Stored values, fetched to the host. */
async function storedValues(node: Node): Promise<TypedArray> {
  const storage = node.storage as Storage
  checkReadable(node, node)
  if (storage.host) return storage.host
  const lost = (e: unknown): never => {
    throw e instanceof DeviceLostError && !e.cause ? goneWith(e, node, node) : e
  }
  if (storage.copy) {
    const host = await storage.copy.get().catch(lost)
    storage.host = host
    delete storage.copy
    return host
  }
  const device = openNow(storage.owner as DeviceName)?.device as NonNullable<ReturnType<typeof openNow>>['device']
  const host = await device.read(storage.buffer as DeviceBuffer).catch(lost)
  if (!isPinned(node) && host.byteLength <= MOVED_BYTES) moveToHost(node, host)
  return host
}

/** A view that shows all of its base in the base's own order needs no kernel to be read. */
function whole(node: Node): Node {
  let base = node
  while (!base.storage && base.primitive.kind === 'reshape') base = base.inputs[0] as Node
  return base
}

/** The node's values on the host, row-major, in storage form (halves for float16). Computes what is needed, and all pending sinks with it. */
export function readNode(node: Node): Promise<TypedArray> {
  return told(() => valuesOf(node))
}

/** What fails here reaches the user. What failed before, and nobody waited for, comes first: this may be because of it, and will say so again. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (e) {
    const first = e instanceof DeviceLostError && failure instanceof DeviceLostError ? e : (failure ?? e)
    failure = undefined
    if (first instanceof DeviceLostError && first.cause) markTold(first.cause as Error)
    throw first
  }
}

async function valuesOf(node: Node): Promise<TypedArray> {
  const base = whole(node)
  if (!base.storage) {
    const sinks = readySinks().filter((s) => s !== base)
    await enqueue(() => flushAll([base], sinks, NONE), true)
  }
  const values = await storedValues(base)
  const owner = base.storage?.owner
  if (owner) await openNow(owner)?.device.throttle()
  raise()
  return values
}

/** The values when the host has them right now. */
export function hostValues(node: Node): TypedArray | undefined {
  const { storage } = whole(node)
  return storage?.host ?? storage?.copy?.peek()
}

/** Pending sinks that need storing. A view of something that stays is as good as stored. */
function readySinks(): Node[] {
  return takeSinks().filter((node) => {
    if (node.storage) return false
    if (!isView(node)) return true
    const base = viewBase(node)
    if (!base.storage) return !isSource(base) && base.primitive.kind !== 'random'
    return base.storage.buffer !== undefined && base.primitive.kind !== 'leaf'
  })
}

const NONE: ReadonlySet<Node> = new Set()

/** Errors that need not be everybody's. */
const APART = [StaleTensorError, DeviceError, DeviceLostError, DTypeError, OutOfMemoryError]

/** Computes `first` and the other sinks together. A sink that cannot be computed stands in nobody's way: it says so when it is read. */
function flushAll(first: readonly Node[], sinks: readonly Node[], given: ReadonlySet<Node>): void | Promise<void> {
  const apart = (e: unknown): void | Promise<void> => {
    if (!APART.some((type) => e instanceof type) || sinks.length === 0) throw e
    let left: unknown
    const note = (error: unknown): void => {
      left ??= error
    }
    // whoever waits for everything hears of what is missing
    const end = (): void => {
      if (first.length === 0 && left instanceof OutOfMemoryError) throw left
    }
    const pending = sequence([() => flush(first, given), ...sinks.map((sink) => () => flush([sink]))], 1, note)
    return pending ? pending.then(end) : end()
  }
  try {
    const pending = flush([...first, ...sinks], given)
    return pending ? pending.catch(apart).then(settleDisposed) : settleDisposed()
  } catch (e) {
    const pending = apart(e)
    return pending ? pending.then(settleDisposed) : settleDisposed()
  }
}

/** Runs tasks one after another; from task number `from` on, failures are only noted: whoever reads what failed is told. */
function sequence(tasks: readonly Task[], from: number, note: (e: unknown) => void = () => {}): void | Promise<void> {
  for (let i = 0; i < tasks.length; i++) {
    try {
      const pending = (tasks[i] as Task)()
      if (!pending) continue
      const rest = tasks.slice(i + 1)
      const settled = i >= from ? pending.catch(note) : pending
      return settled.then(() => sequence(rest, Math.max(0, from - i - 1), note))
    } catch (e) {
      if (i < from) throw e
      note(e)
    }
  }
}

/** A step that is closing: what takes back its updates, until it is certain that they are computed. */
interface Closing {
  readonly undo: () => void
  readonly given: Set<Node>
}
const closing: Closing[] = []

/**
 * Ends a step: computes every sink, gives back what was retired a step ago. Where that fails the step did not happen: `undo` puts the values before
 * it behind handles again (`reclaim`), as do those of the steps recorded after it; the other results are computed all the same.
 */
export function closeStep(undo: () => void = () => {}): void {
  const sinks = readySinks()
  const arenas = sinks.filter(isPinned)
  const others = sinks.filter((n) => !isPinned(n))
  const given = takeDonors()
  const end = endEpoch()
  const step: Closing = { undo, given }
  closing.push(step)
  const finish = (): void => {
    const at = closing.indexOf(step)
    if (at >= 0) closing.splice(at, 1)
    // The order in which buffers come back is the order in which they are taken: this one makes the same steps bind the same buffers soonest.
    end()
    releaseDonors(given)
  }
  const fail = (e: unknown): void | Promise<void> => {
    const later = e instanceof BacklogError
    const at = closing.indexOf(step)
    for (const late of at < 0 ? [] : closing.splice(at).reverse()) {
      late.undo()
      keepDonors(late.given)
    }
    const rethrow = (): never => {
      throw e
    }
    if (later) {
      for (const node of others) keep(node)
      return rethrow()
    }
    return settleApart([...readySinks(), ...others])?.then(rethrow) ?? rethrow()
  }
  const task = (): void | Promise<void> => {
    let pending: void | Promise<void>
    try {
      pending = closing.includes(step) ? flushAll(arenas, others, given) : settleApart(others)
    } catch (e) {
      return fail(e)
    }
    return pending ? pending.then(finish, fail) : finish()
  }
  let done: Promise<void> | undefined
  try {
    done = enqueue(task, false)
  } catch (e) {
    if (closing.includes(step)) void fail(e) // refused: it has not been tried
    throw e
  }
  // What fails here is told by the next promise that somebody waits for.
  done?.catch((e: unknown) => {
    failure ??= e
  })
}

/** Computes what can be computed. */
function settleApart(nodes: readonly Node[]): void | Promise<void> {
  return sequence(
    nodes.map((node) => () => flush([node])),
    0,
  )
}

let failure: unknown

/** Throws, once, what went wrong in work that nobody waited for. */
function raise(): void {
  if (failure === undefined) {
    raiseLoss()
    return
  }
  const e = failure
  failure = undefined
  throw e
}

export interface InitOptions {
  readonly device?: DeviceName
  /** A part of the adapter's name. */
  readonly adapter?: string
  /**
   * Bytes that tensors and the work on them may hold on each device, from now on; more throws OutOfMemoryError. Infinity takes the limit away.
   * `TAPEGRAD_MEMORY_LIMIT` sets it from outside.
   */
  readonly memoryLimit?: number
}

/** Settles the default device and says what was found. */
export async function init(options: InitOptions = {}): Promise<DeviceInfo> {
  const { memoryLimit } = options
  if (memoryLimit !== undefined) {
    if (!(memoryLimit > 0)) throw new ArgumentError('init', `memoryLimit is a number of bytes above 0, got ${String(memoryLimit)}`)
    limitMemory(memoryLimit)
  }
  const name = options.device ?? (await settleDefault(options.adapter))
  const { info } = await openDevice(name, options.adapter)
  setDefault(name)
  return info
}

/** The device of tensors made without one; `undefined` puts it back to being found. */
export const setDefaultDevice: (device: DeviceName | undefined) => void = setDefault
/** The default device, or 'auto' while none has been settled. */
export const getDefaultDevice: () => Placement = getDefault
/** What `node.placement` means now: 'auto' becomes the default device once that is settled. */
export const placementOf = (node: Node): Placement => (node.placement === 'auto' ? getDefault() : node.placement)
/** The devices that can be had here, best first. */
export const availableDevices: () => Promise<DeviceName[]> = available

/** Everything recorded so far is computed. */
export function synchronize(): Promise<void> {
  const sinks = readySinks()
  return told(async () => {
    await enqueue(() => flushAll([], sinks, NONE), true)
    raise()
    for (const { device } of opened()) await device.synchronize()
  })
}

/** Resolves when the device is ready for another step: what every promise of the library waits for. */
export async function throttle(): Promise<void> {
  for (const { device } of opened()) await device.throttle()
}

const NOTHING: MemoryStats = { liveBytes: 0, peakBytes: 0, pooledBytes: 0, buffers: 0 }

const statsDevice = (name: DeviceName | undefined): ReturnType<typeof openNow> => {
  const which = name ?? getDefault()
  return which === 'auto' ? undefined : openNow(which)
}

/** Bytes and buffers of a device (default: the default device). Zeros before a device is there. */
export const memoryStats = (name?: DeviceName): MemoryStats => statsDevice(name)?.device.memory() ?? NOTHING
export function resetPeakMemory(name?: DeviceName): void {
  statsDevice(name)?.device.resetPeakMemory()
}
/** Dispatches, submits, pipelines, bind groups and buffers made so far. */
export const deviceCounters = (name?: DeviceName): DeviceCounters =>
  statsDevice(name)?.device.counters() ?? { dispatches: 0, submits: 0, pipelines: 0, bindGroups: 0, buffersCreated: 0 }
