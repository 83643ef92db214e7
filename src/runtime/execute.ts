/** @file From recorded nodes to a run on a device: what is wanted, its plan, its memory, its results. */
import { DeviceError, DeviceLostError, dtypeInfo, OutOfMemoryError, sizeOf, type TypedArray } from '../base/index.ts'
import { topological } from '../compiler/index.ts'
import { type Device, type DeviceBuffer, type HostCopy, type MakerOf, openAt, resolvePlace, settleDefault } from '../device/index.ts'
import { isPinned, isSource, isView, type Node, type NodePlace, rowOf, Storage, viewBase } from '../graph/index.ts'
import { collectIfCrowded, collectNow, track } from './collector.ts'
import { cache, checkReadable, countRun, goneWith, moveToHost, overwritten, promoteRead } from './lifetime.ts'
import { type CompiledGraph, makerIn, type Plan, plansOf } from './plans.ts'
import { attempt } from './queue.ts'

/** Results up to this size move to the host when they have been computed: they no longer need a buffer, however long they are kept. */
const SMALL_BYTES = 16 * 1024

/** Results up to this size move to the host when they are read: a value that has been looked at is seldom computed with again. */
const MOVED_BYTES = 4 * 1024 * 1024
/** A host tensor used in this many runs keeps its device copy; a batch is used in fewer. */
const KEEP_AFTER = 4

/** Values that have no use after a run. */
export interface GivenUp {
  /** What it may overwrite. */
  readonly donors: ReadonlySet<Node>
  /** What gives its memory back before the run takes any, where the run does not read it. */
  readonly going: readonly Node[]
}
const NOTHING: GivenUp = { donors: new Set(), going: [] }

/** Computes and stores `targets`. */
export function flush(targets: readonly Node[], given: GivenUp = NOTHING): void | Promise<void> {
  const wanted = targets.filter((n) => !n.storage && !settleOnHost(n))
  if (wanted.length === 0) return
  const byDevice = new Map<NodePlace, Node[]>()
  for (const node of wanted) {
    const place = resolvePlace(node.placement)
    const list = byDevice.get(place)
    if (list) list.push(node)
    else byDevice.set(place, [node])
  }
  const ready: [Device, Node[]][] = []
  for (const [place, nodes] of byDevice) {
    const device = place === 'auto' ? undefined : place.device
    if (device) ready.push([device, nodes])
    else return openPlace(place).then(() => flush(targets, given))
  }
  for (const [device, nodes] of ready) {
    const order = topological(nodes)
    const moving: Node[] = []
    for (const node of order) if (node.primitive.kind === 'transfer' && !node.storage) moving.push(node)
    if (moving.length > 0) return transferAll(moving).then(() => flush(targets, given))
    // (a run on another device may read what this one does not)
    const memory = compute(device, nodes, order, ready.length === 1 ? given : { donors: given.donors, going: [] })
    if (memory) return memory.then(() => flush(targets, given))
  }
}

const openPlace = (place: NodePlace): Promise<unknown> => (place === 'auto' ? settleDefault() : openAt(place))

/** Brings the values of transfer nodes over by way of the host. */
async function transferAll(nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    const source = node.inputs[0] as Node
    await flush([source])
    const { values: host } = await storedValues(source)
    node.storage = new Storage({ host })
    node.inputs = []
  }
}

/** Values that need no device: literals, numbers, and what is empty. */
function settleOnHost(node: Node): boolean {
  const { primitive, shape, dtype } = node
  const { host } = rowOf(primitive)
  if (sizeOf(shape) > 0 && !host) return false
  node.storage = new Storage({ host: host && sizeOf(shape) > 0 ? host(node, primitive) : dtypeInfo[dtype].create(0) })
  node.inputs = []
  return true
}

/** A promise where memory has to be waited for; nothing has been done then. */
function compute(device: Device, nodes: readonly Node[], order: readonly Node[], given: GivenUp): void | Promise<void> {
  for (const node of order) if (node.storage) checkReadable(node, nodes[0] as Node)
  const { compiled, learns, targets, late } = planned(device, nodes, order, given.donors)
  const { schedule, executable, positions } = compiled
  const makerOf = makerIn(order, schedule)
  const memory = reserve(device, compiled, order, makerOf)
  if (memory) return memory
  promoteRead(order)
  const passing: DeviceBuffer[] = []
  const inputs = schedule.inputs.map((p) => inputOf(order[p] as Node, device, passing))
  const results = schedule.outputs.map((t) => targets[t] as Node)
  const outputs = results.map((n) => device.allocate(n.dtype, sizeOf(n.shape)))
  const small = results.map(isSmall)
  const going = given.going.filter((n) => order[n.place] !== n && n.storage?.buffer && n.storage.owner === device)
  let copies: HostCopy[]
  try {
    copies = device.run(executable, {
      inputs,
      outputs,
      scalars: schedule.scalars.map((from) =>
        'node' in from ? ((order[from.node] as Node).primitive as { value: number }).value : (positions[from.varying] as number),
      ),
      evacuate: outputs.filter((_, i) => small[i]),
      going: going.map((n) => n.storage?.buffer as DeviceBuffer),
      makerOf,
    })
    for (const node of going) overwritten(node)
  } catch (e) {
    if (e instanceof OutOfMemoryError) for (const node of going) overwritten(node)
    throw e
  } finally {
    for (const buffer of passing) device.release(buffer)
  }
  let next = 0
  results.forEach((node, i) => {
    node.storage = new Storage(small[i] ? { copy: copies[next++], owner: device } : { buffer: outputs[i], owner: device })
    if (small[i]) return
    if (late.has(node)) cache(node)
    else track(node)
  })
  for (let i = 0; i < order.length; i++) {
    const node = order[i] as Node
    if (node.inputs.length === 0) continue
    if (node.storage) {
      node.inputs = []
      node.after = undefined
    } else {
      node.origin = learns
      node.position = i
    }
  }
  for (const p of schedule.donated) overwritten(order[p] as Node)
  plansOf(device).ran()
  countRun()
  collectIfCrowded()
}

const NONE: ReadonlySet<Node> = new Set()

/**
 * How a graph is computed, what that stores, and which of that an earlier run of the same structure did not store, though it was read afterwards. What is read
 * of this run is learned by the plan of what was asked for, which is found first the next time.
 */
interface Planned {
  readonly compiled: CompiledGraph
  readonly learns: Plan
  readonly targets: readonly Node[]
  readonly late: ReadonlySet<Node>
}

function planned(device: Device, nodes: readonly Node[], order: readonly Node[], given: GivenUp['donors']): Planned {
  const plans = plansOf(device)
  const donors = given.size === 0 ? NONE : new Set(order.filter((n) => given.has(n) && n.storage?.buffer))
  for (const node of nodes) node.origin?.readLate(node)
  const targets = [...nodes, ...reused(order, nodes)]
  const graph = { order, targets, donors }
  const learns = plans.find(graph)
  let plan = learns
  const late = new Set<Node>()
  const wanted = learns.wanted(order)
  if (wanted.size > 0) {
    const known = new Set(targets)
    for (const p of wanted) if (!known.has(order[p] as Node)) late.add(order[p] as Node)
    targets.push(...late)
    plan = plans.find(graph)
  }
  return { compiled: plans.compile(plan, graph), learns, targets, late }
}

/** Whether a result moves to the host when it has been computed. */
const isSmall = (node: Node): boolean => sizeOf(node.shape) * dtypeInfo[node.dtype].bytes <= SMALL_BYTES && !isPinned(node)

/** The values of a stored node as a run takes them. A buffer that was made for this run alone is added to `passing`. */
function inputOf(node: Node, device: Device, passing: DeviceBuffer[]): DeviceBuffer | TypedArray {
  const storage = node.storage as Storage
  if (storage.buffer && storage.owner === device) return storage.buffer
  const host = storage.host ?? storage.copy?.peek()
  if (host) {
    if (host.byteLength <= SMALL_BYTES || storage.buffer || ++storage.uploads < KEEP_AFTER) return host
    storage.buffer = device.upload(node.dtype, host, node.op || undefined)
    storage.owner = device
    track(node)
    return storage.buffer
  }
  if (storage.owner !== device) {
    const { name } = device
    throw new DeviceError(node.op, `the tensor's values are on ${storage.owner?.name}, the work is on ${name}. Move it with .to('${name}')`)
  }
  const restored = device.restore(storage.copy as HostCopy)
  passing.push(restored)
  return restored
}

/** Memory for a run. Where there is too little, what nobody holds any more is found and given back first. */
function reserve(device: Device, { schedule, executable }: CompiledGraph, order: readonly Node[], makerOf: MakerOf): void | Promise<void> {
  const uploads: number[] = []
  for (const p of schedule.inputs) {
    const { dtype, shape, storage } = order[p] as Node
    if (!storage?.buffer) uploads.push(sizeOf(shape) * dtypeInfo[dtype].bytes)
  }
  const again = (e: unknown): void | Promise<void> => {
    if (!(e instanceof OutOfMemoryError) || !collectNow()) throw e
    return device.reserve(executable, uploads, makerOf)
  }
  return attempt(() => device.reserve(executable, uploads, makerOf), again)
}

/**
 * Interior results of earlier runs that something new is made of. They are stored now, while their recipe can be followed: what one step after
 * another uses (a running average, the answers of an old policy) would else be computed from further and further back. And the runs that
 * made them learn to store them from now on.
 */
function reused(order: readonly Node[], targets: readonly Node[]): Node[] {
  const found = new Set<Node>()
  const look = (read: Node): void => {
    if (read.storage) return
    const base = viewBase(read)
    if (!base.origin || base.storage || isSource(base) || rowOf(base.primitive).recomputed) return
    base.origin.readLate(base)
    found.add(base)
  }
  for (const node of order) {
    // (what a view shows is looked at where the view is used)
    if (node.storage || node.origin || isView(node)) continue
    for (const input of node.inputs) look(input)
  }
  for (const target of targets) if (isView(target) && !target.origin) look(target)
  if (found.size > 0) for (const target of targets) found.delete(target)
  return [...found]
}

/** Values that were brought to the host. */
export interface HostRead {
  readonly values: TypedArray
  /** Whether the library goes on using them: else they are the reader's own. */
  readonly shared: boolean
}

/** Stored values, fetched to the host. What they are is settled at the call. */
export async function storedValues(node: Node): Promise<HostRead> {
  const storage = node.storage as Storage
  checkReadable(node, node)
  if (storage.host) return { values: storage.host, shared: true }
  const lost = (e: unknown): never => {
    throw e instanceof DeviceLostError && !e.cause ? goneWith(e, node, node) : e
  }
  if (storage.copy) {
    const host = await storage.copy.get().catch(lost)
    if (storage.copy) storage.host = host // (it has not been given up in the meantime)
    storage.copy = undefined
    return { values: host, shared: true }
  }
  const host = await (storage.owner as Device).read(storage.buffer as DeviceBuffer).catch(lost)
  const moved = !isPinned(node) && host.byteLength <= MOVED_BYTES && moveToHost(node, host)
  return { values: host, shared: moved }
}
