/** @file What optimizers, modules and loaders do with handles, beside the tape: rebinding, arenas, the end of a step. */
import {
  DEVICE,
  DTypeError,
  FUNCTION,
  isHalf,
  optional,
  type Shape,
  ShapeError,
  sameShape,
  showShape,
  signature,
  type TypedArray,
} from '../base/index.ts'
import type { DeviceName, MemoryStats } from '../device/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { fromStorage } from './host.ts'
import { GradEdge } from './tape.ts'
import { isShared, share, Tensor } from './tensor.ts'

/** Puts the value of `value` behind `handle`, past the tape; the handle keeps its place on the tape, and its version grows. Shapes and dtypes are equal. */
export function assign(handle: Tensor, value: Tensor): void {
  replace(handle)
  rebind(handle, value)
}

/** As `assign`, for who notes the change by other means (`noteChange`). */
export function rebind(handle: Tensor, value: Tensor): void {
  if (!sameShape(handle.shape, value.shape)) {
    throw new ShapeError('assign', `a value of shape ${showShape(value.shape)} for a tensor of shape ${showShape(handle.shape)}`, [
      handle.shape,
      value.shape,
    ])
  }
  if (handle.dtype !== value.dtype) throw new DTypeError('assign', `a ${value.dtype} value for a ${handle.dtype} tensor`)
  share(value._node)
  handle._node = value._node
  handle.version++
}

/** Notes the handle's value before another is put behind it in place: that one may prove too large to be computed. */
export function replace(handle: Tensor): void {
  replacing?.(handle)
  if (undoing !== undefined) {
    noteForUndo(handle)
    return
  }
  const { _node: old, _edge: edge, _source: source } = handle
  const restore = (): void => {
    handle._node = old
    handle._edge = edge
    handle._source = source
    handle.version++
    // (the view shows again what its base has, which is restored with it)
    if (source !== undefined) source.taken = handle.version
  }
  runtime.noteWrite({ target: handle, restore, value: { old, present: () => handle._node } })
}

/** Called with each handle that is about to have another value. */
let replacing: ((handle: Tensor) => void) | undefined

/** Runs `fn`; `observer` is called with each handle before another value is put behind it in place. */
export function watchReplaced<T>(observer: (handle: Tensor) => void, fn: () => T): T {
  const outer = replacing
  replacing = (handle) => {
    observer(handle)
    outer?.(handle)
  }
  try {
    return fn()
  } finally {
    replacing = outer
  }
}

/** What is taken back when a stretch of code has run, by handle. */
let undoing: Map<Tensor, () => void> | undefined

/** Whether what is changed in place now is taken back: code runs once more for what it saves, not for what it does. */
export const isUndoing = (): boolean => undoing !== undefined

function noteForUndo(handle: Tensor): void {
  if (undoing?.has(handle)) return
  const { _node: node, _edge: edge, version, _source: source } = handle
  const taken = source?.taken
  undoing?.set(handle, () => {
    handle._node = node
    handle._edge = edge
    handle._source = source
    handle.version = version
    if (source !== undefined) source.taken = taken as number
  })
}

/** What a handle showed. */
export interface Shown {
  readonly node: graph.Node
  readonly edge: GradEdge<Tensor> | undefined
  /** @internal */
  readonly source: Tensor['_source']
}

/** A leaf has another shape from now on, and so has its gradient. */
export function reshapeLeaf(x: Tensor): void {
  const before = x._edge
  if (before === undefined) return
  x._edge = new GradEdge<Tensor>(x.shape, x.dtype, undefined, x)
  x._edge.reshaped = before.reshaped + 1
}

/** Runs `fn` with what handles showed earlier; they show what they do now when it has run, whatever it puts behind these and others. */
export function withShown<T>(shown: ReadonlyMap<Tensor, Shown>, fn: () => T): T {
  const outer = undoing
  const own = new Map<Tensor, () => void>()
  undoing = own
  try {
    for (const [handle, { node, edge, source }] of shown) {
      if (handle._node === node && source === undefined) continue
      noteForUndo(handle)
      handle._source = source
      // (what was written through the view then may be so now, whatever its base was given since)
      if (source?.root !== undefined) source.taken = source.root.version
      handle._node = node
      handle._edge = edge
    }
    return fn()
  } finally {
    undoing = outer
    // The last first: a tensor and its views share a version
    for (const undo of [...own.values()].reverse()) undo()
  }
}

/** The value of `x` as one that no other handle has, stored by the next run: what a parameter begins with. */
export function ownValue(x: Tensor): Tensor {
  return keepTensor(new Tensor(graph.alias(x._node)))
}

/** A second handle on the same value, without a place on the tape. */
export function alias(x: Tensor): Tensor {
  share(x._node)
  return new Tensor(x._node)
}

/** All tensors in one flat tensor (an arena); where each begins is told by `packOffsets`. One dtype, not empty. */
export function packTensors(list: readonly Tensor[]): Tensor {
  return new Tensor(graph.pack(list.map((t) => t._node)))
}

/** Where the pieces of `packTensors` begin, and how long it is, in elements. */
export function packOffsets(list: readonly Tensor[]): { offsets: number[]; length: number } {
  return graph.packLayout(list.map((t) => t.numel()))
}

/** Pieces of an arena begin at multiples of so many elements. */
export const PACK_ALIGN = graph.PACK_ALIGN

/** The piece of an arena at `offset`. */
export function unpackTensor(packed: Tensor, offset: number, shape: Shape): Tensor {
  return new Tensor(graph.unpack(packed._node, offset, shape))
}

/** Gives up a value that no handle needs any more, with the next iteration (`keepPrevious`) or at this close. A value that another handle has stays. */
export function retire(x: Tensor, options?: { keepPrevious?: boolean }): void {
  if (!isShared(x._node)) runtime.retire(x._node, options)
}

/** The value will be stored by the next run, also where it is only an intermediate result. */
export function keepTensor<T extends Tensor>(x: T): T {
  graph.keep(x._node)
  return x
}

/** As `keepTensor`, for an arena: it stays on the device however small it is, until it is retired. */
export function pinTensor<T extends Tensor>(x: T): T {
  graph.pin(x._node)
  return x
}

/** `x` plus a whole number, computed only when somebody reads it: a count that no step has to store. */
export function plusLater(x: Tensor, n: number): Tensor {
  const node = graph.binary('add', x._node, graph.scalar(n, x.dtype, x._node.placement))
  graph.forget(node)
  return new Tensor(node)
}

/** The value is computed only when somebody reads it, also where nothing else does: it is no result that a step has to store. */
export function computeLater<T extends Tensor>(x: T): T {
  graph.forget(x._node)
  return x
}

/** A value that was retired is wanted again, and one that was to be computed is not: the step that replaced the one by the other failed. */
export function reinstate(old: Tensor | undefined, failed: Tensor | undefined): void {
  if (failed && failed !== old) graph.forget(failed._node)
  if (old) runtime.reclaim(old._node)
}

/** Notes a change of `target`, an optimizer, to be taken back by `restore` where the step that is recorded cannot be computed. */
export function noteChange(target: object, restore: () => void): void {
  runtime.noteWrite({ target, restore })
}

/** An optimizer begins to update, which may be what ends an iteration. */
export const beginStep: (optimizer: object) => void = runtime.beginStep

/**
 * Ends a step of an optimizer, or the iteration: everything recorded is computed, and what was retired an iteration ago is given back. Where it cannot be
 * computed, what was noted is taken back before the error is thrown.
 */
export const closeStep: (optimizer?: object) => void = runtime.closeStep

/** A backward begins: the updates behind it are others than those before. */
export const beginRound: () => void = runtime.beginRound

const TIDY = signature('tidy', { fn: FUNCTION })
const MEMORY = signature('memory', { device: optional(DEVICE) })

/**
 * Runs `fn` and ends the step: everything recorded is computed, and what the step alone needed is given back. The end of an async `fn` is awaited.
 * @example const accuracy = tidy(() => evaluate(model, batch))
 */
export function tidy<T>(fn: () => T): T {
  TIDY.check(fn)
  const result = fn()
  if (result instanceof Promise) return result.finally(() => closeStep()) as T
  closeStep()
  return result
}

/** Bytes and buffers of a device (default: the default device); zeros before the device is there. */
export function memory(device?: DeviceName): MemoryStats {
  MEMORY.check(device)
  return runtime.memoryStats(device)
}

/** The values in storage form (16 bits for float16 and bfloat16), row-major, where the host has them now: not to be changed. */
export function hostValues(x: Tensor): TypedArray | undefined {
  return runtime.hostValues(x._node)
}

/** The values as numbers, row-major, where the host has them now. */
export function knownValues(x: Tensor): TypedArray | undefined {
  const values = runtime.hostValues(x._node)
  return values && (isHalf(x.dtype) ? fromStorage(values, x.dtype) : values)
}

/** Resolves when the devices are ready for another step: what a loader waits for before each batch. */
export function throttle(): Promise<void> {
  return runtime.throttle()
}
