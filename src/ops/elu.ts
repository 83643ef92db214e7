/** @file Activations that bend at 0: elu, celu, selu, leakyRelu, prelu, rrelu. */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  FINITE,
  type Kind,
  type Options,
  oneOf,
  optional,
  ShapeError,
  showShape,
  signature,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { gt } from './compare.ts'
import { defineBinary, defineParametric, type UnaryFunction } from './define-elementwise.ts'
import { exp, mul, where } from './elementwise.ts'
import { type NumberFunction, numbered, numberOf } from './numbered.ts'
import { checkFloat, lit } from './promote.ts'
import { bitsOf, GENERATOR, type GeneratorOptions, uniformNode } from './random.ts'
import { reshape } from './view.ts'

const node = graph.binary
/** `x` where it is no more than 0, else 0: what an exponential may be taken of on both sides of a bend, in gradients of any order. */
const lower = (x: Tensor): Tensor => where(gt(x, lit(0, x)), lit(0, x), x)

interface EluParams {
  /** The slope above 0. */
  readonly above: number
  /** What eˢˣ − 1 is multiplied by below, and s. */
  readonly below: number
  readonly rate: number
}

const eluForward = (x: graph.Node, { above, below, rate }: EluParams): graph.Node => {
  const number = (v: number): graph.Node => graph.scalar(v, x.dtype)
  const bent = node('mul', graph.unary('expm1', node('mul', x, number(rate))), number(below))
  return graph.where(node('lt', 0, x), node('mul', x, number(above)), bent)
}

const defineElu = (name: string): ((x: Tensor, p: EluParams) => Tensor) =>
  defineParametric<EluParams>(name, {
    forward: eluForward,
    saves: ['x'],
    vjp: (g, { x }, { above, below, rate }) => where(gt(x, lit(0, x)), mul(g, above), mul(g, mul(exp(mul(lower(x), rate)), below * rate))),
  })

/** Where {@link elu} and {@link celu} end on the left: at −alpha. */
export interface AlphaOption {
  /** 1 by default. */
  readonly alpha?: number
}

const eluBy = defineElu('elu')
const celuBy = defineElu('celu')
const seluBy = defineElu('selu')
/** The kinds of the arguments of {@link elu} and {@link celu} behind their first. */
export const ELU: Readonly<Record<string, Kind>> = numbered('alpha', FINITE)
const ELU_GIVEN = signature('elu', { x: TENSOR, ...ELU })
const CELU_GIVEN = signature('celu', { x: TENSOR, ...ELU })
const SELU = signature('selu', { x: TENSOR })

/**
 * x above 0, alpha · (eˣ − 1) below. Integers are computed in float32, as in all of these.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.elu.html
 */
export const elu: NumberFunction<AlphaOption> = (x, alpha) => {
  ELU_GIVEN.check(x, alpha)
  return eluBy(x, { above: 1, below: numberOf('alpha', alpha, 1), rate: 1 })
}

/**
 * max(x, 0) + min(0, alpha · (exp(x / alpha) − 1)).
 * @throws ArgumentError for alpha 0.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.celu.html
 */
export const celu: NumberFunction<AlphaOption> = (x, alpha) => {
  CELU_GIVEN.check(x, alpha)
  const a = numberOf('alpha', alpha, 1)
  if (a === 0) throw new ArgumentError('celu', 'alpha must not be 0: x is divided by it')
  return celuBy(x, { above: 1, below: a, rate: 1 / a })
}

// α and λ with which a mean of 0 and a variance of 1 stay so: G. Klambauer et al., arXiv:1706.02515
/** @internal */
export const SELU_ALPHA = 1.6732632423543772
/** @internal */
export const SELU_SCALE = 1.0507009873554805

/** λ · elu(x, α) with the constants of self-normalizing networks. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.selu.html */
export const selu: UnaryFunction = (x) => {
  SELU.check(x)
  return seluBy(x, { above: SELU_SCALE, below: SELU_SCALE * SELU_ALPHA, rate: 1 })
}

/** The slope of {@link leakyRelu} below 0. */
export interface LeakyReluOptions {
  /** 0.01 by default. */
  readonly negativeSlope?: number
}

const leakyBy = defineParametric<number>('leakyRelu', {
  forward: (x, slope) => graph.where(node('lt', 0, x), x, node('mul', x, graph.scalar(slope, x.dtype))),
  saves: ['x'],
  vjp: (g, { x }, slope) => where(gt(x, lit(0, x)), g, mul(g, slope)),
})
/** The kinds of the arguments of {@link leakyRelu} behind its first. */
export const LEAKY_RELU: Readonly<Record<string, Kind>> = numbered('negativeSlope', FINITE)
const LEAKY_RELU_GIVEN = signature('leakyRelu', { x: TENSOR, ...LEAKY_RELU })

/** x above 0, negativeSlope · x below. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.leaky_relu.html */
export const leakyRelu: NumberFunction<LeakyReluOptions> = (x, negativeSlope) => {
  LEAKY_RELU_GIVEN.check(x, negativeSlope)
  return leakyBy(x, numberOf('negativeSlope', negativeSlope, 0.01))
}

const slopedBy = defineBinary('prelu', {
  domain: 'float',
  forward: (x, slope) => graph.where(node('lt', 0, x), x, node('mul', x, slope)),
  saves: { a: ['a', 'b'], b: ['a'] },
  vjp: {
    a: (g, { a, b }) => where(gt(a, lit(0, a)), g, mul(g, b)),
    b: (g, { a }) => where(gt(a, lit(0, a)), lit(0, g), mul(g, a)),
  },
  autocast: 'lower',
})
const PRELU = signature('prelu', { x: TENSOR, weight: TENSOR })

/**
 * x above 0, weight · x below, where the weight is learned: one, or one for each channel.
 * @param x [N, C, …], or any shape beside one weight
 * @param weight [C], [1] or 0-d
 * @throws ShapeError for another number of weights than x has channels.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.prelu.html
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  PRELU.check(x, weight)
  const n = weight.numel()
  const channels = x.ndim > 1 ? (x.shape[1] as number) : 1
  if (weight.ndim > 1 || (n !== 1 && n !== channels)) {
    const fits =
      x.ndim > 1 && channels !== 1
        ? `[${channels}] for the channels (dim 1) of x ${showShape(x.shape)}, or [1]`
        : `[1] for x ${showShape(x.shape)}`
    throw new ShapeError('prelu', `weight must be ${fits}, got ${showShape(weight.shape)}`, [x.shape, weight.shape])
  }
  return slopedBy(x, reshape(weight, n === 1 ? [] : x.shape.map((_, d) => (d === 1 ? n : 1))))
}

/** The slopes of {@link rrelu} below 0, and whether they are drawn. */
export interface RreluOptions extends GeneratorOptions {
  /** The least slope: 1/8 by default. */
  readonly lower?: number
  /** The largest slope: 1/3 by default. */
  readonly upper?: number
  /** Whether each element below 0 has a slope of its own, drawn uniformly (default: false, their mean). */
  readonly training?: boolean
}

const RRELU_OPTIONS: Options<RreluOptions> = describe<RreluOptions>({
  lower: FINITE,
  upper: FINITE,
  training: BOOLEAN,
  generator: GENERATOR,
})
/** The kinds of the arguments of {@link rrelu} behind its first. */
export const RRELU = {
  lower: optional(oneOf(FINITE, RRELU_OPTIONS)),
  upper: optional(oneOf(FINITE, RRELU_OPTIONS)),
  options: optional(RRELU_OPTIONS),
} as const
const RRELU_GIVEN = signature('rrelu', { x: TENSOR, ...RRELU })

/**
 * x above 0; below it times a slope, in training drawn from [lower, upper) for each element, else their mean.
 * @throws ArgumentError where lower > upper.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.rrelu.html
 */
export function rrelu(x: Tensor, lower?: number | RreluOptions, upper?: number | RreluOptions, options?: RreluOptions): Tensor {
  RRELU_GIVEN.check(x, lower, upper, options)
  const named = optionsIn<RreluOptions>('rrelu', lower, optionsIn<RreluOptions>('rrelu', upper, options))
  const least = (typeof lower === 'number' ? lower : named?.lower) ?? 1 / 8
  const most = (typeof upper === 'number' ? upper : named?.upper) ?? 1 / 3
  if (least > most) throw new ArgumentError('rrelu', `lower must be at most upper, got ${least} and ${most}`)
  return underName('rrelu', () => {
    if (named?.training !== true) return leakyBy(x, (least + most) / 2)
    checkFloat('rrelu', 'x', x)
    const u = uniformNode(bitsOf(named.generator, x.shape, x._node.placement), x.dtype)
    return slopedBy(x, new Tensor(node('add', node('mul', u, graph.scalar(most - least, x.dtype)), graph.scalar(least, x.dtype))))
  })
}
