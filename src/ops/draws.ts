/** @file What samplers are written with: numbers drawn for each element, one call of the generator for every four words, and attempts of which one is taken. */
import { type DType, type Shape, sizeOf } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { Generator } from './generator.ts'
import { bitsOf, uniformNode } from './random.ts'

/** A node, or a number of its dtype. */
export type Value = graph.Node | number

export const plus = (a: Value, b: Value): graph.Node => graph.binary('add', a, b)
export const minus = (a: Value, b: Value): graph.Node => graph.binary('sub', a, b)
export const times = (a: Value, b: Value): graph.Node => graph.binary('mul', a, b)
export const over = (a: Value, b: Value): graph.Node => graph.binary('div', a, b)
export const either = (a: graph.Node, b: graph.Node): graph.Node => graph.binary('or', a, b)
export const both = (a: graph.Node, b: graph.Node): graph.Node => graph.binary('and', a, b)
export const log = (x: graph.Node): graph.Node => graph.unary('log', x)
export const exp = (x: graph.Node): graph.Node => graph.unary('exp', x)
export const floor = (x: graph.Node): graph.Node => graph.unary('floor', x)
export const sqrt = (x: graph.Node): graph.Node => graph.unary('sqrt', x)

/** c₀ + c₁ x + c₂ x² + … */
export const polynomial = (x: graph.Node, coefficients: readonly number[]): graph.Node =>
  coefficients.slice(0, -1).reduceRight<Value>((sum, c) => plus(times(sum, x), c), coefficients.at(-1) as number) as graph.Node

/** The dtype in which numbers of a float dtype are drawn. */
export const drawnIn = (dtype: DType): 'float64' | 'float32' => (dtype === 'float64' ? dtype : 'float32')

/** Half of the line: how far from its end, and which end. */
export interface Half {
  /** In (0, ½]: with the bits of a float near 0 too. */
  readonly distance: graph.Node
  /** Bool, by chance. */
  readonly upper: graph.Node
}

/** Independent numbers for each element of a shape. */
export class Draws {
  readonly #generator: Generator | undefined
  readonly #shape: Shape
  readonly #dtype: 'float64' | 'float32'
  readonly #placement: graph.NodePlace
  #bits: ((word: number) => graph.Node) | undefined
  #word = 0

  constructor(generator: Generator | undefined, shape: Shape, dtype: 'float64' | 'float32', placement: graph.NodePlace) {
    this.#generator = generator
    this.#shape = shape
    this.#dtype = dtype
    this.#placement = placement
  }

  /** The next words of each element, `count` of them. */
  #words(count: number): graph.Node[] {
    if (!this.#bits || this.#word + count > 4) {
      this.#bits = bitsOf(this.#generator, this.#shape, this.#placement)
      this.#word = 0
    }
    const bits = this.#bits
    return Array.from({ length: count }, () => bits(this.#word++))
  }

  /** Uniform in [0, 1), with the bits of the dtype. */
  uniform(): graph.Node {
    const words = this.#words(this.#dtype === 'float64' ? 2 : 1)
    return uniformNode((i) => words[i] as graph.Node, this.#dtype)
  }

  /** A place in (0, 1) by its distance to the nearer end, so that neither end is coarser than the other. */
  half(): Half {
    const words = this.#words(this.#dtype === 'float64' ? 2 : 1)
    const first = words[0] as graph.Node
    const whole = (x: graph.Node): graph.Node => graph.cast(x, this.#dtype)
    const shifted = graph.binary('shr', first, 9) // 23 bits, which float32 holds with what follows the point
    const below = words[1] ?? graph.binary('and', graph.binary('shr', first, 1), 255)
    const fraction = times(plus(whole(below), 0.5), words[1] ? 2 ** -32 : 2 ** -8)
    return {
      distance: times(plus(whole(shifted), fraction), 2 ** -24),
      upper: graph.binary('eq', graph.binary('and', first, 1), 1),
    }
  }

  /** Exponential with mean 1: −log u; never 0. */
  exponential(): graph.Node {
    const { distance, upper } = this.half()
    return graph.where(upper, graph.unary('neg', log(distance)), graph.unary('neg', graph.unary('log1p', graph.unary('neg', distance))))
  }

  /** Standard normal: Box and Muller's. */
  normal(): graph.Node {
    const radius = sqrt(times(log(minus(1, this.uniform())), -2))
    return times(radius, graph.unary('cos', times(this.uniform(), 2 * Math.PI)))
  }
}

/** One attempt of a rejection method. */
export interface Attempt {
  readonly value: graph.Node
  /** Bool: whether the value is taken. */
  readonly accepted: graph.Node
}

/**
 * The first of `rounds` independent attempts that is accepted, for each element of `shape`; `otherwise` where none is. A device runs no loop until all
 * have succeeded: attempts are an axis, which is reduced. A method that rejects with probability q falls back with probability q^rounds.
 */
export function firstAccepted(
  rounds: number,
  source: { readonly generator: Generator | undefined; readonly dtype: 'float64' | 'float32'; readonly placement: graph.NodePlace },
  shape: Shape,
  attempt: (draws: Draws) => Attempt,
  otherwise: graph.Node,
): graph.Node {
  if (sizeOf(shape) === 0) return graph.expand(otherwise, shape)
  const all = [rounds, ...shape]
  const { value, accepted } = attempt(new Draws(source.generator, all, source.dtype, source.placement))
  const round = graph.reshape(graph.iota(rounds, source.placement), [rounds, ...shape.map(() => 1)])
  const first = graph.reduce('min', graph.expand(graph.where(accepted, round, rounds), all), [0])
  const here = graph.binary('eq', round, graph.reshape(first, [1, ...shape]))
  const taken = graph.reduce('sum', graph.expand(graph.where(here, value, 0), all), [0])
  return graph.where(graph.binary('lt', first, rounds), taken, otherwise)
}
