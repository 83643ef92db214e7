/**
 * @file Checkpointing: what a function saves for backward is not kept, but computed again, by running the function once more, when backward comes to it.
 *
 * The first run goes on the tape as ever; in the place of each tensor that an op saves there is only its number. The first of them that a gradient rule reads has
 * the function run again, off that tape, with the inputs, modes, random numbers and values of tensors from outside that it had then; what is saved now, in the
 * same order, is what rules read. Nodes of the second run come after a fence (`src/graph/node.ts`): the gradients that the walk has found so far are computed
 * first. So the scheduler, which plans forward and backward as one program, neither finds the two runs to be one nor computes the second early.
 */
import {
  ArgumentError,
  AutogradError,
  FUNCTION,
  ITERABLE,
  isPlainObject,
  isThenable,
  type Kind,
  sameShape,
  showArgument,
  showShape,
  signature,
  WHOLE,
} from '../base/index.ts'
import { afterFence, forgetSince, type Node, recordedNodes } from '../graph/index.ts'
import { type Generator, type GeneratorState, watchDraws } from '../ops/index.ts'
import {
  type Captured,
  captureModes,
  currentWalk,
  GradEdge,
  isGradEnabled,
  observe,
  recordedAs,
  type SavedHooks,
  type Shown,
  savedHooks,
  type TapeWalk,
  TENSOR,
  Tensor,
  watchReplaced,
  withShown,
} from '../tensor/index.ts'

import { refusingBackward } from './backward.ts'

type Fn = (...inputs: readonly unknown[]) => unknown

const CHECKPOINT = signature('checkpoint', { fn: FUNCTION })

/** A tensor among the inputs, at present. */
interface Given {
  /** Its value: where hooks are around the call, it is one of the tensors that are saved. */
  readonly value: () => Tensor
  readonly requiresGrad: boolean
}

/** One call of `checkpoint`. */
class Region {
  readonly #fn: Fn
  readonly #modes: Captured = captureModes()
  readonly #inputs: readonly unknown[]
  readonly #given = new Map<Tensor, Given>()
  /** Tensors from outside, as they were when the function read them first. */
  readonly #outside = new Map<Tensor, Shown>()
  /** Where generators stood before they first drew. */
  readonly #draws = new Map<Generator, GeneratorState>()
  /** What each of the tensors that were saved is. */
  readonly #saved: { readonly shape: Node['shape']; readonly dtype: Node['dtype'] }[] = []
  /** The values of the run that was made for a walk. */
  #again: { readonly walk: TapeWalk | undefined; readonly values: readonly Tensor[] } | undefined

  constructor(fn: Fn, inputs: readonly unknown[]) {
    this.#fn = fn
    this.#inputs = inputs
    const around = savedHooks.current
    for (const x of tensorsIn(inputs)) {
      const now = new Tensor(x._node)
      now._edge = x._edge
      this.#given.set(x, { value: around ? (around.save(now) as () => Tensor) : () => now, requiresGrad: x.requiresGrad })
    }
  }

  /** The first run. */
  run(): unknown {
    const start = recordedNodes()
    // For a walk inside `fn`, as by `grad` with createGraph; no longer than the run, as in the second
    let now: Node[] | undefined = []
    const hooks: SavedHooks<Tensor> = {
      save: ({ shape, dtype, _node: node, _edge: edge }) => {
        const place = this.#saved.push({ shape, dtype }) - 1
        now?.push(node)
        return () => {
          const value = new Tensor(now?.[place] ?? this.#valueOf(place)._node)
          value._edge = edge // its place on the tape of the first run
          return value
        }
      },
    }
    const note = (x: Tensor | undefined): void => {
      if (x && x._node.id <= start && !this.#outside.has(x)) this.#outside.set(x, { node: x._node, edge: x._edge, source: x._source })
    }
    const draws = (from: Generator): void => {
      if (!this.#draws.has(from)) this.#draws.set(from, from.getState())
    }
    const first = (): unknown => refusingBackward('checkpoint', () => savedHooks.force(hooks, () => this.#fn(...this.#inputs)))
    const watched = (): unknown =>
      observe(
        (_, inputs) => inputs.forEach(note),
        () => watchReplaced(note, first),
      )
    try {
      return settled(watchDraws(draws, watched))
    } finally {
      now = undefined
    }
  }

  #valueOf(place: number): Tensor {
    const walk = currentWalk()
    if (this.#again?.walk !== walk || !this.#again) this.#again = { walk, values: this.#runAgain(walk) }
    return this.#again.values[place] as Tensor
  }

  #runAgain(walk: TapeWalk | undefined): readonly Tensor[] {
    const inputs = replacedIn(this.#inputs, (x) => this.#inputOf(x)) as readonly unknown[]
    const values: Tensor[] = []
    const hooks: SavedHooks<Tensor> = {
      save: (x) => {
        const now = new Tensor(x._node)
        now._edge = x._edge
        values.push(now)
        return () => now
      },
    }
    const start = recordedNodes()
    const work = (): unknown => this.#modes(() => savedHooks.force(hooks, () => this.#redrawn(() => this.#fn(...inputs))))
    afterFence(walk?.fence(), () => recordedAs('checkpoint', () => withShown(this.#outside, work)))
    forgetSince(start)
    this.#check(values)
    return values
  }

  /** An input of the second run: the value of the first, off its tape. */
  #inputOf(x: Tensor): Tensor {
    const { value, requiresGrad } = this.#given.get(x) as Given
    const again = new Tensor(value()._node)
    if (requiresGrad) again._edge = new GradEdge<Tensor>(again.shape, again.dtype, undefined, again)
    return again
  }

  /** Runs `fn` with generators where they stood, and leaves them where they stand. */
  #redrawn<T>(fn: () => T): T {
    const now = [...this.#draws.keys()].map((from) => [from, from.getState()] as const)
    for (const [from, state] of this.#draws) from.setState(state)
    try {
      return fn()
    } finally {
      for (const [from, state] of now) from.setState(state)
    }
  }

  #check(values: readonly Tensor[]): void {
    const REMEDY = 'It must do the same each time: what it decides by may not have changed since'
    const saved = this.#saved
    if (values.length !== saved.length)
      throw new AutogradError(
        'checkpoint',
        `fn saved ${saved.length} tensors for backward when it was called, ${values.length} when it was run again. ${REMEDY}`,
      )
    for (const [i, { shape, dtype }] of saved.entries()) {
      const again = values[i] as Tensor
      if (sameShape(shape, again.shape) && dtype === again.dtype) continue
      const show = (s: Node['shape'], d: string): string => `a ${showShape(s)} ${d} tensor`
      throw new AutogradError(
        'checkpoint',
        `what fn saved for backward was ${show(shape, dtype)} when it was called, ${show(again.shape, again.dtype)} when it was run again. ${REMEDY}`,
      )
    }
  }
}

/** What a callback returned, which may not be a promise: backward cannot wait. */
function settled<T>(result: T): T {
  if (!isThenable(result)) return result
  result.then(undefined, () => {})
  throw new AutogradError(
    'checkpoint',
    'fn returned a promise, and backward, which runs it again, cannot wait for one. Await outside, and checkpoint the synchronous part',
  )
}

/** The tensors of arguments, also those in arrays and plain objects. */
function tensorsIn(x: unknown): Tensor[] {
  if (x instanceof Tensor) return [x]
  if (Array.isArray(x)) return x.flatMap(tensorsIn)
  return isPlainObject(x) ? Object.values(x).flatMap(tensorsIn) : []
}

/** Arguments with other tensors in them. */
function replacedIn(x: unknown, by: (x: Tensor) => Tensor): unknown {
  if (x instanceof Tensor) return by(x)
  if (Array.isArray(x)) return x.map((each) => replacedIn(each, by))
  return isPlainObject(x) ? Object.fromEntries(Object.entries(x).map(([key, value]) => [key, replacedIn(value, by)])) : x
}

/**
 * `fn(...inputs)`, whose intermediate values are not kept for backward: it runs `fn` again, and needs memory for one such call at a time. Gradients are the same to the
 * bit, of inputs and of all that `fn` reads besides, as parameters; so are random numbers, of which none are drawn a second time. What `fn` changes in place is
 * changed once. The result may have any structure; calls may be nested; without recording it is `fn` alone.
 * @param fn must do the same each time, and is synchronous; it may take gradients by `grad`, not by `backward`
 * @param inputs for `fn`: tensors, also in arrays and plain objects, and anything else. In a call within another, only what `fn` is given here, and parameters, costs no memory
 * @throws AutogradError where `fn` returns a promise, and in backward where it saved something else when it was run again.
 * @see https://pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint (with `use_reentrant=False`)
 * @see T. Chen et al., Training Deep Nets with Sublinear Memory Cost (2016)
 * @example for (const block of blocks) x = checkpoint((h) => block.forward(h), x)
 */
export function checkpoint<A extends readonly unknown[], R>(fn: (...inputs: A) => R, ...inputs: A): R {
  CHECKPOINT.check(fn)
  return (isGradEnabled() ? new Region(fn as unknown as Fn, inputs).run() : settled(fn(...inputs))) as R
}

/** What a chain is made of: modules, or functions. */
export type CheckpointStep = ((x: Tensor) => Tensor) | { forward(x: Tensor): Tensor }

const STEPS: Kind = {
  fits: 'a Sequential, or a list of modules and functions',
  accepts: (x) => ITERABLE.accepts(x) && !(x instanceof Tensor),
}
const SEQUENTIAL = signature('checkpointSequential', { model: STEPS, segments: WHOLE, x: TENSOR })

/**
 * A chain of modules, or functions, in so many segments of equal length, of which all but the last are checkpointed (that is the first in backward).
 * @param model a `Sequential`, or a list
 * @param segments from 1 to the number of modules
 * @param x what the first takes
 * @returns what the last gives
 * @see https://pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint_sequential
 */
export function checkpointSequential(model: Iterable<CheckpointStep>, segments: number, x: Tensor): Tensor {
  SEQUENTIAL.check(model, segments, x)
  const steps = [...model].map((step: unknown, i) => {
    if (typeof step === 'function') return step as (x: Tensor) => Tensor
    const forward: unknown = (step as { forward?: unknown } | null)?.forward
    if (typeof forward !== 'function')
      throw new ArgumentError('checkpointSequential', `model: place ${i} must be a module or a function, got ${showArgument(step)}`)
    return (h: Tensor) => (step as { forward(x: Tensor): Tensor }).forward(h)
  })
  if (segments < 1 || segments > steps.length)
    throw new ArgumentError(
      'checkpointSequential',
      `segments must be from 1 to ${steps.length}, as many as there are modules, got ${segments}`,
    )
  const length = Math.floor(steps.length / segments)
  const run = (from: number, to: number) => (h: Tensor) => steps.slice(from, to).reduce((y, step) => step(y), h)
  let y = x
  for (let s = 0; s < segments - 1; s++) y = checkpoint(run(s * length, (s + 1) * length), y)
  return run((segments - 1) * length, steps.length)(y)
}
