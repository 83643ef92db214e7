/**
 * @file The tape: which op made which value from which, and what its gradient rule will need. It is a graph of entries hanging on the
 * tensors; whoever holds a result holds its tape. Read together with `src/autograd/backward.ts`.
 */
import { AutogradError, Context, callSite, type DType, recordingModule, recordingPath, type Shape } from '../base/index.ts'
import type { Fence } from '../graph/index.ts'

/** What the tape knows of a tensor. (`T` below is `Tensor`, which is defined on top of this file.) */
export interface Handle {
  readonly shape: Shape
  version: number
}

/** From the gradients of an op's outputs, undefined where nothing flowed, to those of the inputs whose edges are `needed`. */
export type Backward<T extends Handle> = (
  entry: TapeEntry<T>,
  grads: readonly (T | undefined)[],
  needed: (edge: GradEdge<T> | undefined) => boolean,
) => readonly (T | undefined)[]

/** What the tape asks of an op. */
export interface TapeOp<T extends Handle> {
  readonly name: string
  readonly backward: Backward<T>
}

/** Sees the gradient of a tensor when it is complete; what it returns takes the gradient's place. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook may return nothing, as in PyTorch
export type GradHook<T> = (grad: T) => T | undefined | void

/** An edge of the backward graph: gradient flows along it to one output of a recorded op, or to a leaf. A tensor requires grad when it has one. */
export class GradEdge<T extends Handle> {
  readonly shape: Shape
  readonly dtype: DType
  /** The op that made the value; none for a leaf. */
  readonly entry: TapeEntry<T> | undefined
  /** The leaf into whose `grad` the gradient is summed. */
  readonly leaf: T | undefined
  hooks: GradHook<T>[] | undefined = undefined
  /** The interior tensor that asked to keep its gradient (`retainGrad`). */
  retained: T | undefined = undefined
  /** How often the leaf's own shape had been changed in place (`t_`). */
  reshaped = 0

  constructor(shape: Shape, dtype: DType, entry: TapeEntry<T> | undefined, leaf: T | undefined) {
    this.shape = shape
    this.dtype = dtype
    this.entry = entry
    this.leaf = leaf
  }
}

/** Takes what ops save in the tape's place: from a tensor, a function that gives its value when a rule reads it. */
export interface SavedHooks<T extends Handle> {
  save(x: T): () => T
}

/** The hooks on what is saved here and now. */
export const savedHooks: Context<SavedHooks<Handle>> = new Context()

/** A walk of the tape. */
export interface TapeWalk {
  /** What has been computed when all gradients are that the walk has found so far: what is recomputed for its next rules comes after that. */
  fence(): Fence
}

let walking: TapeWalk | undefined
/** The walk that rules are applied in here and now. */
export const currentWalk = (): TapeWalk | undefined => walking
/** Runs `fn` as a part of a walk. */
export function inWalk<T>(walk: TapeWalk, fn: () => T): T {
  const before = walking
  walking = walk
  try {
    return fn()
  } finally {
    walking = before
  }
}

let serial = 0
const NONE: readonly never[] = []

/** What a tensor tells of the op that made it. */
export interface GradFn {
  /** PyTorch's `grad_fn.name()`, without its suffix: `Mul`. */
  readonly name: string
}

/** One recorded op. Serial numbers grow, so descending serial order is an order for backward. */
export class TapeEntry<T extends Handle> implements GradFn {
  readonly serial: number = ++serial
  readonly op: TapeOp<T>
  readonly params: unknown
  /** Where the gradient of each input goes; undefined where none is wanted. */
  inputs: readonly (GradEdge<T> | undefined)[]
  outputs: readonly GradEdge<T>[] = NONE
  /** The handles that the rules will read, by position: inputs first, then outputs. Emptied by `free`. */
  saved: (T | undefined)[] | undefined = undefined
  /** The version each was saved at; 0 where there is none. */
  versions: number[] | undefined = undefined
  /** Where hooks have taken what was saved, what gives it. */
  packed: ((() => T) | undefined)[] | undefined = undefined
  freed = false
  /** The last walk that came by. */
  walk = 0
  /** Where the op was called, in anomaly mode. */
  site: RecordSite | undefined = undefined

  constructor(op: TapeOp<T>, params: unknown, inputs: readonly (GradEdge<T> | undefined)[]) {
    this.op = op
    this.params = params
    this.inputs = inputs
    if (traced?.()) this.site = recordSite()
  }

  /** PyTorch's `grad_fn.name()`, without its suffix: `Mul`. */
  get name(): string {
    return this.op.name.charAt(0).toUpperCase() + this.op.name.slice(1)
  }

  /** Saved handle `i`, which must still have the value that it was saved with. */
  unpack(i: number, role: string): T | undefined {
    if (this.packed !== undefined) return this.packed[i]?.()
    const tensor = this.saved?.[i]
    const version = this.versions?.[i] ?? 0
    if (tensor !== undefined && tensor.version !== version) {
      throw new AutogradError(
        'backward',
        `${role} [${tensor.shape.join(', ')}], saved for the gradient of ${this.op.name}, was changed in place: it is at version ${tensor.version}, version ${version} was saved. ` +
          'Change it after backward(), or change a clone()',
      )
    }
    return tensor
  }

  /** Keeps the tensors, each with the version that it has now. The array is kept, not copied. */
  save(tensors: (T | undefined)[]): void {
    const hooks = savedHooks.current as SavedHooks<T> | undefined
    if (hooks !== undefined) {
      this.saved = []
      this.packed = tensors.map((x) => x && hooks.save(x))
      return
    }
    this.saved = tensors
    for (let i = 0; i < tensors.length; i++) {
      const version = tensors[i]?.version
      // Most tensors have never been changed in place
      if (version === undefined || version === 0) continue
      this.versions ??= tensors.map(() => 0)
      this.versions[i] = version
    }
  }

  /** Lets go of what was saved, and of the tape behind: a loss that is kept holds nothing more. An op that saves nothing may be walked again. */
  free(): void {
    if (this.saved === undefined) return
    this.saved = undefined
    this.versions = undefined
    this.packed = undefined
    this.inputs = NONE
    this.freed = true
  }
}

/** Where something was recorded. */
export interface RecordSite {
  /** The scopes around it. */
  readonly path: readonly string[]
  /** The line of the program: file, line and column; '' where the engine does not tell. */
  readonly line: string
  /** Gives the path of the module; '' outside of all. */
  readonly module: () => string
}

let traced: (() => boolean) | undefined
/** Notes where ops are recorded from now on, where `wanted` says so. */
export function traceSites(wanted: (() => boolean) | undefined): void {
  traced = wanted
}

/** Frames of the library, which may be deep. */
const FRAMES = 64
/** The folder above that of this file, as stacks name it: that of the library, or of a bundle, in which no frame can be told from the program's. */
const ROOT = /^.*?((?:\w+:\/\/|\/|\w:\\).*[/\\])[^/\\]+[/\\][^/\\]+:\d+:\d+\)?$/m.exec(new Error().stack ?? '')?.[1]

/** Where something is recorded now. */
export function recordSite(): RecordSite {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = FRAMES
  const frames = callSite(recordSite).split('\n')
  Error.stackTraceLimit = stackTraceLimit
  const own = (frame: string): boolean => ROOT === undefined || frame.includes(ROOT) || frame.includes('(<anonymous>)')
  const line = frames.find((frame) => frame.trim() !== '' && !own(frame)) ?? ''
  return { path: recordingPath(), line: /\(?([^()\s]+:\d+:\d+)\)?$/.exec(line.trim())?.[1] ?? '', module: recordingModule() }
}
