/** @file Random counts: of Poisson's distribution, and of successes among trials. */
import {
  ArgumentError,
  broadcastShapes,
  type DType,
  options as describe,
  type Options,
  optional,
  type Shape,
  signature,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { knownValues, TENSOR, Tensor } from '../tensor/index.ts'
import { checkDevices } from './define.ts'
import {
  type Attempt,
  both,
  Draws,
  drawnIn,
  either,
  exp,
  firstAccepted,
  floor,
  log,
  minus,
  over,
  plus,
  polynomial,
  sqrt,
  times,
  type Value,
} from './draws.ts'
import type { Generator } from './generator.ts'
import { checkFloat, floatType } from './promote.ts'
import { GENERATOR, type GeneratorOptions } from './random.ts'

const WITH_GENERATOR: Options<GeneratorOptions> = describe<GeneratorOptions>({ generator: GENERATOR })

/** What a sampler draws from, and in. */
interface Source {
  readonly generator: Generator | undefined
  readonly dtype: 'float64' | 'float32'
  readonly placement: graph.NodePlace
}

/** Below this mean a count is found by adding up probabilities from 0 on, above it by attempts. */
const FEW = 10
/** Counts above have a probability of 10⁻¹² in all at a mean of {@link FEW}. */
const MOST_OF_FEW = 40
/** One attempt fails with a probability of less than ¼ (at the mean {@link FEW}; above it less). */
const ROUNDS = 20

const abs = (x: graph.Node): graph.Node => graph.unary('abs', x)
const atLeast = (x: graph.Node, least: Value): graph.Node => graph.binary('max', x, least)
const isBelow = (a: Value, b: Value): graph.Node => graph.binary('lt', a, b)
const isWithin = (a: Value, b: Value): graph.Node => graph.binary('le', a, b)

/**
 * ½ log 2πk + δ(k), with Stirling's error δ: log k! − k log k + k. Of a whole number ≥ 0.
 * @see C. Loader, Fast and Accurate Computation of Binomial Probabilities (2000)
 */
function factorialRest(k: graph.Node): graph.Node {
  const many = atLeast(k, 2)
  const square = over(1, times(many, many))
  const series = over(polynomial(square, [1 / 12, -1 / 360, 1 / 1260, -1 / 1680]), many)
  const rest = plus(times(log(times(many, 2 * Math.PI)), 0.5), series)
  return graph.where(isBelow(k, 0.5), 0, graph.where(isBelow(k, 1.5), 1, rest)) // 0! = 1; log 1! − 0 + 1 = 1
}

/** k log(k/m) + m − k: how far a count is from its mean. Without cancellation where they are near. */
function deviance(k: graph.Node, m: graph.Node): graph.Node {
  const t = over(minus(k, m), m)
  const series = times(times(m, times(t, t)), polynomial(t, [1 / 2, -1 / 6, 1 / 12, -1 / 20, 1 / 30, -1 / 42, 1 / 56]))
  const direct = minus(times(k, log(atLeast(over(k, m), 1e-37))), minus(k, m))
  return graph.where(isBelow(abs(t), 0.1), series, direct)
}

/** A count whose probabilities are `first`, and each the one before it times `ratio(k)`: how many sums of them one uniform number passes. */
function counted(u: graph.Node, first: graph.Node, ratio: (k: number) => graph.Node): graph.Node {
  // Rounded sums may stay below a number next to 1: probabilities below its last bit end the count
  const least = u.dtype === 'float64' ? 2 ** -55 : 2 ** -26
  let probability = first
  let sum = first
  let count: Value = 0
  for (let k = 0; k < MOST_OF_FEW; k++) {
    const passed = both(isWithin(sum, u), isBelow(least, probability))
    count = plus(graph.cast(passed, u.dtype), count)
    probability = times(probability, ratio(k))
    sum = plus(sum, probability)
  }
  return count as graph.Node
}

/**
 * Poisson's distribution from a mean of 10 on: transformed rejection.
 * @see W. Hörmann, The transformed rejection method for generating Poisson random variables (1993), algorithm PTRS
 */
function manyEvents(mean: graph.Node): (draws: Draws) => Attempt {
  const b = plus(times(sqrt(mean), 2.53), 0.931)
  const a = plus(times(b, 0.02483), -0.059)
  const inverseAlpha = plus(over(1.1328, minus(b, 3.4)), 1.1239)
  const sure = minus(0.9277, over(3.6224, minus(b, 2)))
  return (draws) => {
    const u = minus(draws.uniform(), 0.5)
    const v = minus(1, draws.uniform())
    const edge = minus(0.5, abs(u))
    const slope = over(a, edge)
    const k = floor(plus(times(plus(times(slope, 2), b), u), plus(mean, 0.43)))
    const count = atLeast(k, 0)
    const density = minus(graph.unary('neg', factorialRest(count)), deviance(count, mean))
    const height = log(over(times(v, inverseAlpha), plus(over(slope, edge), b)))
    const inside = graph.unary('not', either(isBelow(k, 0), both(isBelow(edge, 0.013), isBelow(edge, v))))
    const quick = both(isWithin(0.07, edge), isWithin(v, sure))
    return { value: k, accepted: both(inside, either(quick, isWithin(height, density))) }
  }
}

function poissonNode(mean: graph.Node, shape: Shape, source: Source): graph.Node {
  const large = atLeast(mean, FEW)
  const many = firstAccepted(ROUNDS, source, shape, manyEvents(large), floor(large))
  const small = graph.binary('min', mean, FEW)
  const u = new Draws(source.generator, shape, source.dtype, source.placement).uniform()
  const few = counted(u, exp(graph.unary('neg', small)), (k) => times(small, 1 / (k + 1)))
  const count = graph.where(isBelow(mean, FEW), few, many)
  return graph.where(isWithin(0, mean), count, Number.NaN)
}

const POISSON = signature('poisson', { x: TENSOR, options: optional(WITH_GENERATOR) })

/**
 * Counts of Poisson's distribution whose means are the elements of `x`, in its shape and dtype. There is no gradient. NaN for a negative mean that the host
 * does not have. Up to a mean of 10 by adding up probabilities, from there by 20 attempts of transformed rejection, of which fewer than one in 10¹¹ fails (then
 * the mean itself is taken).
 * @throws ArgumentError for a negative mean that the host has; DTypeError unless `x` is of a float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.poisson.html
 */
export function poisson(x: Tensor, options?: GeneratorOptions): Tensor {
  POISSON.check(x, options)
  checkFloat('poisson', 'x', x)
  for (const v of knownValues(x) ?? []) if (v < 0) throw new ArgumentError('poisson', `x holds means, which are ≥ 0; one is ${v}`)
  return underName('poisson', () => {
    const source: Source = { generator: options?.generator, dtype: drawnIn(x.dtype), placement: x._node.placement }
    return new Tensor(graph.cast(poissonNode(graph.cast(x._node, source.dtype), x.shape, source), x.dtype))
  })
}

/**
 * Successes of many trials, of probability p ≤ ½ each: transformed rejection.
 * @see W. Hörmann, The generation of binomial random variates (1993), algorithm BTRS
 */
function manySuccesses(n: graph.Node, p: graph.Node): (draws: Draws) => Attempt {
  const [mean, failures] = [times(n, p), times(n, minus(1, p))]
  const spread = sqrt(times(mean, minus(1, p)))
  const b = plus(times(spread, 2.53), 1.15)
  const a = plus(plus(times(b, 0.0248), -0.0873), times(p, 0.01))
  const sure = minus(0.92, over(4.2, b))
  const alpha = times(plus(over(5.1, b), 2.83), spread)
  const density = (k: graph.Node): graph.Node => {
    const rest = minus(n, k)
    const surprise = plus(plus(factorialRest(k), factorialRest(rest)), plus(deviance(k, mean), deviance(rest, failures)))
    return graph.unary('neg', surprise)
  }
  const mode = density(floor(times(plus(n, 1), p)))
  return (draws) => {
    const u = minus(draws.uniform(), 0.5)
    const v = minus(1, draws.uniform())
    const edge = minus(0.5, abs(u))
    const slope = over(a, edge)
    const k = floor(plus(times(plus(times(slope, 2), b), u), plus(mean, 0.5)))
    const count = graph.binary('min', atLeast(k, 0), n)
    const height = log(over(times(v, alpha), plus(over(slope, edge), b)))
    const inside = both(isWithin(0, k), isWithin(k, n))
    const quick = both(isWithin(0.07, edge), isWithin(v, sure))
    return { value: k, accepted: both(inside, either(quick, isWithin(height, minus(density(count), mode)))) }
  }
}

function binomialNode(n: graph.Node, probability: graph.Node, shape: Shape, source: Source): graph.Node {
  // Of the rarer of success and failure
  const swapped = isBelow(0.5, probability)
  const p = graph.where(swapped, minus(1, probability), probability)
  const few = isBelow(times(n, p), FEW)
  const [manyN, manyP] = [graph.where(few, 2 * FEW, n), graph.where(few, 0.5, p)]
  const many = firstAccepted(ROUNDS, source, shape, manySuccesses(manyN, manyP), floor(times(manyN, manyP)))
  const [fewN, fewP] = [graph.where(few, n, 1), graph.where(few, p, 0.5)]
  const u = new Draws(source.generator, shape, source.dtype, source.placement).uniform()
  const odds = over(fewP, minus(1, fewP))
  const none = exp(times(fewN, graph.unary('log1p', graph.unary('neg', fewP))))
  const rare = graph.where(
    few,
    counted(u, none, (k) => times(times(odds, atLeast(minus(fewN, k), 0)), 1 / (k + 1))),
    many,
  )
  const count = graph.where(swapped, minus(n, rare), rare)
  const valid = both(isWithin(0, n), both(isWithin(0, probability), isWithin(probability, 1)))
  return graph.where(valid, count, Number.NaN)
}

const BINOMIAL = signature('binomial', { count: TENSOR, prob: TENSOR, options: optional(WITH_GENERATOR) })

/**
 * How many of `count` trials of probability `prob` succeed; the two broadcast, and are of float dtypes (counts are whole numbers in them). There is no
 * gradient. NaN for a count or a probability out of range that the host does not have.
 * @throws ArgumentError for counts below 0 or probabilities outside of [0, 1] that the host has; DTypeError unless both are of float dtypes; ShapeError where they do not broadcast.
 * @see https://pytorch.org/docs/stable/generated/torch.binomial.html
 */
export function binomial(count: Tensor, prob: Tensor, options?: GeneratorOptions): Tensor {
  BINOMIAL.check(count, prob, options)
  checkFloat('binomial', 'count', count)
  checkFloat('binomial', 'prob', prob)
  checkDevices('binomial', ['count', 'prob'], [count, prob])
  for (const v of knownValues(count) ?? [])
    if (!(v >= 0 && Number.isInteger(v))) throw new ArgumentError('binomial', `count holds whole numbers ≥ 0; one is ${v}`)
  for (const v of knownValues(prob) ?? [])
    if (!(v >= 0 && v <= 1)) throw new ArgumentError('binomial', `prob holds numbers from 0 to 1; one is ${v}`)
  return underName('binomial', () => {
    const dtype = floatType([count, prob]) as DType
    const shape = broadcastShapes('binomial', count.shape, prob.shape)
    const { placement } = count._node.placement === 'auto' ? prob._node : count._node
    const source: Source = { generator: options?.generator, dtype: drawnIn(dtype), placement }
    const wide = (x: Tensor): graph.Node => graph.expand(graph.cast(x._node, source.dtype), shape)
    return new Tensor(graph.cast(binomialNode(wide(count), wide(prob), shape, source), dtype))
  })
}
