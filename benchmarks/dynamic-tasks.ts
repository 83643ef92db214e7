/**
 * @file Training loops whose graph changes from step to step: sizes, the numbers that every library starts from, and what changes. benchmarks/reference.py has
 * the same for PyTorch.
 */
import { entries, fill, labels, layer, uniform } from './tasks.ts'

export const LOOPS = ['slices', 'rows', 'handwritten', 'sgd', 'lengths', 'length', 'trees', 'episodes'] as const
export type Loop = (typeof LOOPS)[number]

/** A loop as a library runs it: each call trains one iteration more, and resolves to its loss. */
export type Iteration = () => Promise<number>

interface LoopFacts {
  readonly what: string
  /** What a time is per. */
  readonly unit: string
  /** How many of them iteration i has. */
  readonly units: (i: number) => number
  /** The loop with a fixed structure that it is compared with, and how much longer it may take. */
  readonly against?: { readonly loop: Loop; readonly most: number }
  /** The longest time that is allowed on the processor, in times of PyTorch. */
  readonly mostOfTorch?: number
  /** Iterations before any is timed, those that are timed in a turn, and those whose losses are compared. */
  readonly warm: number
  readonly turn: number
  readonly checked: number
}

const CHECKED = 6

export const FACTS: Readonly<Record<Loop, LoopFacts>> = {
  slices: {
    what: 'minibatches by narrow(0, i, 64), 400 places, MLP, Adam',
    unit: 'step',
    units: () => 1,
    against: { loop: 'rows', most: 1.2 },
    warm: 200,
    turn: 400,
    checked: CHECKED,
  },
  rows: { what: 'the same by indexSelect', unit: 'step', units: () => 1, warm: 200, turn: 100, checked: CHECKED },
  handwritten: {
    what: 'w.sub_(w.grad.mul(lr)) under noGrad, read after 100 steps',
    unit: 'step',
    units: () => UPDATES,
    against: { loop: 'sgd', most: 1.5 },
    warm: 1,
    turn: 3,
    checked: 2,
  },
  sgd: { what: 'the same by optim.SGD', unit: 'step', units: () => UPDATES, warm: 1, turn: 3, checked: 2 },
  lengths: {
    what: 'an LSTM cell over 5–44 steps, another length every time, Adam',
    unit: 'time step',
    units: (i) => lengthOf(i),
    against: { loop: 'length', most: 1.5 },
    warm: 10,
    turn: 20,
    checked: CHECKED,
  },
  length: { what: 'the same over 24 steps', unit: 'time step', units: () => CELL.length, warm: 10, turn: 20, checked: CHECKED },
  trees: {
    what: 'recursion over a new random binary tree, 20–40 leaves, Adam',
    unit: 'node',
    units: (i) => 2 * treeOf(i).leaves - 1,
    mostOfTorch: 4,
    warm: 5,
    turn: 20,
    checked: CHECKED,
  },
  episodes: {
    what: 'REINFORCE, an episode of a new length every time, Adam',
    unit: 'time step',
    units: (i) => episodeOf(i).actions.length,
    warm: 2,
    turn: 10,
    checked: 3,
  },
}

/** Minibatches of 64 of 25,600 rows, in order; MLP 32-64-10. */
export const SLICES = { places: 400, batch: 64, inputs: 32, hidden: 64, classes: 10 } as const
/** Steps of an iteration of `handwritten`; a net 16-32-1 with tanh on 64 rows, squared error. */
export const UPDATES = 100
export const HAND = { batch: 64, inputs: 16, hidden: 32, lr: 0.05 } as const
/** An LSTM cell of 32 units on 8 rows of 16 numbers; the last state to one number, squared error. */
export const CELL = { batch: 8, inputs: 16, hidden: 32, length: 24, shortest: 5, longest: 44 } as const
/** Vectors of 32 at the leaves; two nodes become one by Linear 64→32 and tanh. The loss is the mean square of the root. */
export const TREE = { width: 32, fewest: 20, most: 40 } as const
/** A policy 4-32-2 that is run for one state at a time, and read; the loss is −Σ log p(action) · return. */
export const POLICY = { inputs: 4, hidden: 32, actions: 2, shortest: 10, longest: 100 } as const

/** A number for each iteration, from `low` to `high`. */
const chosen = (seed: number, i: number, low: number, high: number): number => {
  const next = uniform(seed + 7919 * i)
  next()
  return low + Math.floor(next() * (high - low + 1))
}

export const lengthOf = (i: number): number => chosen(11, i, CELL.shortest, CELL.longest)

export interface Tree {
  readonly leaves: number
  /** Which neighbours become one: the node at each place and the one behind it, in turn until one is left. */
  readonly joins: readonly number[]
}

/** The tree of iteration i. */
export function treeOf(i: number): Tree {
  const leaves = chosen(13, i, TREE.fewest, TREE.most)
  const next = uniform(17 + 104729 * i)
  next()
  const joins: number[] = []
  for (let left = leaves; left > 1; left--) joins.push(Math.floor(next() * (left - 1)))
  return { leaves, joins }
}

export interface Episode {
  /** [steps, 4] */
  readonly states: Float32Array
  readonly actions: Int32Array
  readonly returns: Float32Array
}

/** The episode of iteration i: what a game would give is drawn. */
export function episodeOf(i: number): Episode {
  const steps = chosen(19, i, POLICY.shortest, POLICY.longest)
  const next = uniform(23 + 15485863 * i)
  next()
  const states = fill(steps * POLICY.inputs, next, -1, 1)
  const actions = Int32Array.from({ length: steps }, () => Math.floor(next() * POLICY.actions))
  const returns = Float32Array.from({ length: steps }, (_, t) => (steps - t) / steps - 0.5)
  return { states, actions, returns }
}

export interface Layers {
  readonly w1: Float32Array
  readonly b1: Float32Array
  readonly w2: Float32Array
  readonly b2: Float32Array
}

function layers(seed: number, inputs: number, hidden: number, outputs: number): Layers {
  const next = uniform(seed)
  const [w1, b1] = layer(next, hidden, inputs)
  const [w2, b2] = layer(next, outputs, hidden)
  return { w1, b1, w2, b2 }
}

export function slicesData(): Layers & { readonly x: Float32Array; readonly y: Int32Array } {
  const { places, batch, inputs, hidden, classes } = SLICES
  const next = uniform(31)
  return {
    ...layers(29, inputs, hidden, classes),
    x: fill(places * batch * inputs, next, 0, 1),
    y: labels(next, places * batch, classes),
  }
}

export const handData = (): Layers & { readonly x: Float32Array; readonly y: Float32Array } => ({
  ...layers(37, HAND.inputs, HAND.hidden, 1),
  x: entries(HAND.batch * HAND.inputs, 41),
  y: entries(HAND.batch, 43),
})

/** Weights of the cell: [4 · hidden, inputs] and [4 · hidden, hidden], gates i f g o, as PyTorch's; and the layer behind it. */
export function cellData(): {
  readonly wi: Float32Array
  readonly bi: Float32Array
  readonly wh: Float32Array
  readonly bh: Float32Array
  readonly wo: Float32Array
  readonly bo: Float32Array
  /** [longest, batch, inputs] */
  readonly x: Float32Array
  /** [batch, 1] */
  readonly y: Float32Array
} {
  const { hidden, inputs, batch, longest } = CELL
  const next = uniform(47)
  const [wi, bi] = layer(next, 4 * hidden, inputs)
  const [wh, bh] = layer(next, 4 * hidden, hidden)
  const [wo, bo] = layer(next, 1, hidden)
  return { wi, bi, wh, bh, wo, bo, x: fill(longest * batch * inputs, next, -1, 1), y: fill(batch, next, -1, 1) }
}

export function treeData(): { readonly w: Float32Array; readonly b: Float32Array; readonly leaves: Float32Array } {
  const next = uniform(53)
  const [w, b] = layer(next, TREE.width, 2 * TREE.width)
  return { w, b, leaves: fill(TREE.most * TREE.width, next, -1, 1) }
}

export const policyData = (): Layers => layers(59, POLICY.inputs, POLICY.hidden, POLICY.actions)
