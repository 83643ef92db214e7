/** @file Activations: bends of single elements, and those that divide a dim among themselves (glu, maxout, softmin). */
import {
  ArgumentError,
  atLeast,
  BOOLEAN,
  options as describe,
  FINITE,
  held,
  type Kind,
  normalizeDim,
  nullable,
  type Options,
  oneOf,
  optional,
  ShapeError,
  type Signature,
  showShape,
  signature,
  underName,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, dimOr, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { ge, gt, le, logicalAnd, logicalOr, lt } from './compare.ts'
import { defineComposition } from './define.ts'
import { defineBinary, defineParametric, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { abs, add, div, exp, mul, neg, sigmoid, square, sub, tanh, where } from './elementwise.ts'
import { max } from './extremes.ts'
import { checkFloat, lit } from './promote.ts'
import { bitsOf, GENERATOR, type GeneratorOptions, uniformNode } from './random.ts'
import { narrow } from './slice.ts'
import { SOFTMAX, type SoftmaxOptions, softmax } from './softmax.ts'
import { reshape, unflatten } from './view.ts'

/** A function of a tensor and one number, which goes by position or by its name. */
export type NumberFunction<O> = (x: Tensor, value?: number | O) => Tensor

/** The kind of a number that goes by position or by its name. */
const numbered = (key: string, kind: Kind): Readonly<Record<string, Kind>> => ({
  [key]: optional(oneOf(kind, describe({ [key]: kind } as Record<string, Kind>))),
})

/** Describes a function of `(x, value)` or `(x, { value })`. */
const withNumber = (name: string, key: string, kind: Kind): Signature => signature(name, { x: TENSOR, ...numbered(key, kind) })

/** The number that was given by position or by name, or `initial`. */
function numberOf<K extends string>(key: K, given: number | { readonly [k in K]?: number } | undefined, initial: number): number {
  return (typeof given === 'object' ? given[key] : given) ?? initial
}

const node = graph.binary
/** `x` where it is no more than 0, else 0: what an exponential may be taken of on both sides of a bend, in gradients of any order. */
const lower = (x: Tensor): Tensor => where(gt(x, lit(0, x)), lit(0, x), x)

// ── bends at 0 ──

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

// ── cut off ──

/** The ends of {@link hardtanh}. */
export interface HardtanhOptions {
  /** −1 by default. */
  readonly minVal?: number
  /** 1 by default. */
  readonly maxVal?: number
}

interface Ends {
  readonly low: number
  readonly high: number
}
const cutOff = (x: graph.Node, { low, high }: Ends): graph.Node =>
  node('min', node('max', x, graph.scalar(low, x.dtype)), graph.scalar(high, x.dtype))
const inside = (g: Tensor, x: Tensor, { low, high }: Ends): Tensor => where(logicalOr(le(x, low), ge(x, high)), lit(0, g), g)
const defineCut = (name: string): ((x: Tensor, p: Ends) => Tensor) =>
  defineParametric<Ends>(name, {
    domain: 'any',
    ofHalves: 'exact',
    forward: cutOff,
    saves: ['x'],
    vjp: (g, { x }, ends) => inside(g, x, ends),
  })
const hardtanhBy = defineCut('hardtanh')
const relu6By = defineCut('relu6')

const HARDTANH_OPTIONS: Options<HardtanhOptions> = describe<HardtanhOptions>({ minVal: FINITE, maxVal: FINITE })
/** The kinds of the arguments of {@link hardtanh} behind its first. */
export const HARDTANH = { minVal: optional(oneOf(FINITE, HARDTANH_OPTIONS)), maxVal: optional(FINITE) } as const
const HARDTANH_GIVEN = signature('hardtanh', { x: TENSOR, ...HARDTANH })
const RELU6 = signature('relu6', { x: TENSOR })

/**
 * x within [minVal, maxVal], −1 and 1 by default; no gradient at the ends and beyond.
 * @throws ArgumentError where minVal > maxVal, or where x is of integers and an end is none of theirs.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.hardtanh.html
 */
export function hardtanh(x: Tensor, minVal?: number | HardtanhOptions, maxVal?: number): Tensor {
  const op = 'hardtanh'
  HARDTANH_GIVEN.check(x, minVal, maxVal)
  const named = optionsIn<HardtanhOptions>(op, minVal, maxVal === undefined ? undefined : { maxVal })
  const low = held(op, 'minVal', (typeof minVal === 'number' ? minVal : named?.minVal) ?? -1, x.dtype)
  const high = held(op, 'maxVal', named?.maxVal ?? 1, x.dtype)
  if (low > high) throw new ArgumentError(op, `minVal must be at most maxVal, got ${low} and ${high}`)
  return hardtanhBy(x, { low, high })
}

/** x within [0, 6]. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.relu6.html */
export const relu6: UnaryFunction = (x) => {
  RELU6.check(x)
  return relu6By(x, { low: 0, high: 6 })
}

/** min(max(x + 3, 0), 6) */
const ramp = (x: graph.Node): graph.Node => node('min', node('max', node('add', x, 3), 0), 6)

/** 0 below −3, 1 above 3, a straight line between. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.hardsigmoid.html */
export const hardsigmoid: UnaryFunction = defineUnary('hardsigmoid', {
  forward: (x) => node('div', ramp(x), 6),
  saves: ['x'],
  vjp: (g, { x }) => where(logicalAnd(gt(x, lit(-3, x)), lt(x, lit(3, x))), div(g, lit(6, g)), lit(0, g)),
})

/** x · {@link hardsigmoid}(x). @see https://pytorch.org/docs/stable/generated/torch.nn.functional.hardswish.html */
export const hardswish: UnaryFunction = defineUnary('hardswish', {
  forward: (x) => node('div', node('mul', x, ramp(x)), 6),
  saves: ['x'],
  vjp: (g, { x }) => where(lt(x, lit(-3, x)), lit(0, g), where(gt(x, lit(3, x)), g, mul(g, add(div(x, lit(3, x)), lit(0.5, x))))),
})

/** Where {@link hardshrink} and {@link softshrink} begin. */
export interface ShrinkOptions {
  /** 0.5 by default. */
  readonly lambd?: number
}

/** g outside of [−lambd, lambd], 0 within. */
const outside = (g: Tensor, x: Tensor, lambd: number): Tensor => where(le(abs(x), lambd), lit(0, g), g)
const hardshrinkBy = defineParametric<number>('hardshrink', {
  forward: (x, lambd) => graph.where(node('le', graph.unary('abs', x), graph.scalar(lambd, x.dtype)), 0, x),
  saves: ['x'],
  vjp: (g, { x }, lambd) => outside(g, x, lambd),
})
const softshrinkBy = defineParametric<number>('softshrink', {
  forward: (x, lambd) => {
    const by = graph.scalar(lambd, x.dtype)
    const shrunk = graph.where(node('lt', 0, x), node('sub', x, by), node('add', x, by))
    return graph.where(node('le', graph.unary('abs', x), by), 0, shrunk)
  },
  saves: ['x'],
  vjp: (g, { x }, lambd) => outside(g, x, lambd),
})
const HARDSHRINK = withNumber('hardshrink', 'lambd', atLeast(0))
const SOFTSHRINK = withNumber('softshrink', 'lambd', atLeast(0))

/** 0 within [−lambd, lambd], else x. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.hardshrink.html */
export const hardshrink: NumberFunction<ShrinkOptions> = (x, lambd) => {
  HARDSHRINK.check(x, lambd)
  return hardshrinkBy(x, numberOf('lambd', lambd, 0.5))
}

/** 0 within [−lambd, lambd], else x nearer to 0 by lambd; NaN stays NaN. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.softshrink.html */
export const softshrink: NumberFunction<ShrinkOptions> = (x, lambd) => {
  SOFTSHRINK.check(x, lambd)
  return softshrinkBy(x, numberOf('lambd', lambd, 0.5))
}

/** The arguments of {@link threshold}, by name. */
export interface ThresholdOptions {
  /** Up to here x is replaced. */
  readonly threshold: number
  /** By this. */
  readonly value: number
}

interface Replaced {
  readonly from: number
  readonly value: number
}
const thresholdBy = defineParametric<Replaced>('threshold', {
  domain: 'any',
  ofHalves: 'exact',
  forward: (x, { from, value }) => graph.where(node('le', x, graph.scalar(from, x.dtype)), graph.scalar(value, x.dtype), x),
  saves: ['x'],
  vjp: (g, { x }, { from }) => where(le(x, from), lit(0, g), g),
})
/** The kinds of the arguments of {@link threshold} behind its first. */
export const THRESHOLD = {
  threshold: oneOf(FINITE, describe<ThresholdOptions>({ threshold: FINITE, value: FINITE })),
  value: optional(FINITE),
} as const
const THRESHOLD_GIVEN = signature('threshold', { x: TENSOR, ...THRESHOLD })

/**
 * x above `threshold`, else `value`.
 * @throws ArgumentError for a number that the dtype of x does not hold.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.threshold.html
 */
export function threshold(x: Tensor, threshold: number | ThresholdOptions, value?: number): Tensor {
  THRESHOLD_GIVEN.check(x, threshold, value)
  const named = optionsIn<ThresholdOptions>('threshold', threshold, value === undefined ? undefined : ({ value } as ThresholdOptions))
  const from = typeof threshold === 'number' ? threshold : named?.threshold
  const to = named?.value
  if (from === undefined || to === undefined) throw new ArgumentError('threshold', 'threshold and value must both be given')
  return thresholdBy(x, { from: held('threshold', 'threshold', from, x.dtype), value: held('threshold', 'value', to, x.dtype) })
}

// ── smooth ──

/** e to −|x|, between 0 and 1. */
const tail = (x: graph.Node): graph.Node => graph.unary('exp', graph.unary('neg', graph.unary('abs', x)))

/** The slope of {@link softplus}, and from where on it is straight. */
export interface SoftplusOptions {
  /** 1 by default. */
  readonly beta?: number
  /** From beta · x above this on the result is x: 20 by default. */
  readonly threshold?: number
}

interface Softplus {
  readonly beta: number
  readonly threshold: number
}
const softplusBy = defineParametric<Softplus>('softplus', {
  autocast: 'float32',
  forward: (x, { beta, threshold }) => {
    const by = graph.scalar(beta, x.dtype)
    const scaled = node('mul', x, by)
    // max(z, 0) + ln(1 + e^−|z|): no exponent is above 0
    const soft = node('div', node('add', node('max', scaled, 0), graph.unary('log1p', tail(scaled))), by)
    return graph.where(node('lt', graph.scalar(threshold, x.dtype), scaled), x, soft)
  },
  saves: ['x'],
  vjp: (g, { x }, { beta, threshold }) => {
    const scaled = mul(x, beta)
    return where(gt(scaled, threshold), g, mul(g, sigmoid(scaled)))
  },
})
const SOFTPLUS_OPTIONS: Options<SoftplusOptions> = describe<SoftplusOptions>({ beta: FINITE, threshold: FINITE })
const SOFTPLUS = signature('softplus', {
  x: TENSOR,
  beta: optional(oneOf(FINITE, SOFTPLUS_OPTIONS)),
  threshold: optional(FINITE),
})

/**
 * ln(1 + e^(beta · x)) / beta, and x itself where beta · x > threshold.
 * @throws ArgumentError for beta 0.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html
 */
export function softplus(x: Tensor, beta?: number | SoftplusOptions, threshold?: number): Tensor {
  SOFTPLUS.check(x, beta, threshold)
  const named = optionsIn<SoftplusOptions>('softplus', beta, threshold === undefined ? undefined : { threshold })
  const by = (typeof beta === 'number' ? beta : named?.beta) ?? 1
  if (by === 0) throw new ArgumentError('softplus', 'beta must not be 0: the logarithm is divided by it')
  return softplusBy(x, { beta: by, threshold: named?.threshold ?? 20 })
}

/** ln(1 / (1 + e⁻ˣ)), exact also where the sigmoid underflows. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html */
export const logsigmoid: UnaryFunction = defineUnary('logsigmoid', {
  forward: (x) => node('sub', node('min', x, 0), graph.unary('log1p', tail(x))),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, sigmoid(neg(x))),
})

const logistic = (x: graph.Node): graph.Node => graph.unary('recip', node('add', graph.unary('exp', graph.unary('neg', x)), 1))

/** x · sigmoid(x), also called swish. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.silu.html */
export const silu: UnaryFunction = defineUnary('silu', {
  forward: (x) => node('mul', x, logistic(x)),
  saves: ['x'],
  vjp: (g, { x }) => {
    const s = sigmoid(x)
    return mul(g, mul(s, add(mul(x, sub(lit(1, s), s)), lit(1, x)))) // s (1 + x (1 − s))
  },
})

/** x · tanh(ln(1 + eˣ)). @see https://pytorch.org/docs/stable/generated/torch.nn.functional.mish.html */
export const mish: UnaryFunction = defineUnary('mish', {
  // With n = e^−|x|, tanh(ln(1 + eˣ)) is (1 + 2n) / (1 + 2n + 2n²) above 0, and (n² + 2n) / (n² + 2n + 2) below: nothing overflows or cancels
  forward: (x) => {
    const n = tail(x)
    const squared = node('mul', n, n)
    const [one, two] = [graph.constant(1, x.dtype), graph.constant(2, x.dtype)]
    const above = node('lt', 0, x)
    const top = node('add', node('mul', n, 2), graph.where(above, one, squared))
    return node('mul', x, node('div', top, node('add', top, graph.where(above, node('mul', squared, 2), two))))
  },
  saves: ['x'],
  vjp: (g, { x }) => {
    const t = tanh(softplusBy(x, { beta: 1, threshold: 20 }))
    return mul(g, add(t, mul(mul(x, sub(lit(1, t), square(t))), sigmoid(x))))
  },
})

/** x / (1 + |x|). @see https://pytorch.org/docs/stable/generated/torch.nn.functional.softsign.html */
export const softsign: UnaryFunction = defineUnary('softsign', {
  forward: (x) => node('div', x, node('add', graph.unary('abs', x), 1)),
  saves: ['x'],
  vjp: (g, { x }) => div(g, square(add(abs(x), lit(1, x)))),
})

/** x − tanh x. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.tanhshrink.html */
export const tanhshrink: UnaryFunction = defineUnary('tanhshrink', {
  forward: (x) => node('sub', x, graph.unary('tanh', x)),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, square(tanh(x))),
})

// ── along a dim ──

/** The dim of {@link glu}. */
export interface GluOptions {
  /** The last by default. */
  readonly dim?: number
}

const GLU = signature('glu', { x: TENSOR, dim: dimOr(DIM, describe<GluOptions>({ dim: DIM })) })

/**
 * The first half of `dim` times the sigmoid of the second.
 * @returns the shape of `x` with half the size along `dim`
 * @throws ShapeError where the size along `dim` is odd.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.glu.html
 */
export const glu: (x: Tensor, dim?: number | GluOptions) => Tensor = defineComposition('glu', (x: Tensor, dim?: number | GluOptions) => {
  GLU.check(x, dim)
  const d = normalizeDim('glu', (typeof dim === 'number' ? dim : dim?.dim) ?? -1, x.ndim)
  if (x.ndim === 0) throw new ShapeError('glu', 'x has no dim to halve, it is 0-d', [x.shape])
  const size = x.shape[d] as number
  if (size % 2 !== 0) throw new ShapeError('glu', `the size along dim ${d} must be even, got x ${showShape(x.shape)}`, [x.shape])
  return mul(narrow(x, d, 0, size / 2), sigmoid(narrow(x, d, size / 2, size / 2)))
})

/** The dim of {@link maxout}. */
export interface MaxoutOptions {
  /** That of the channels, 1, by default. */
  readonly dim?: number
}

const MAXOUT_OPTIONS: Options<MaxoutOptions> = describe<MaxoutOptions>({ dim: DIM })
const MAXOUT = signature('maxout', { x: TENSOR, groups: whole(1), dim: dimOr(DIM, MAXOUT_OPTIONS) })

/**
 * The largest of each `groups` neighbours along `dim` (I. Goodfellow et al., arXiv:1302.4389). The gradient goes to the first of equals.
 * @returns the shape of `x`, with the size along `dim` divided by `groups`
 * @throws ShapeError where `groups` does not divide it.
 * @example maxout(randn([8, 12, 5]), 3).shape // [8, 4, 5]
 */
export const maxout: (x: Tensor, groups: number, dim?: number | MaxoutOptions) => Tensor = defineComposition(
  'maxout',
  (x: Tensor, groups: number, dim?: number | MaxoutOptions) => {
    MAXOUT.check(x, groups, dim)
    const d = normalizeDim('maxout', (typeof dim === 'number' ? dim : dim?.dim) ?? 1, x.ndim)
    const size = x.shape[d] ?? 1
    if (x.ndim === 0 || size % groups !== 0)
      throw new ShapeError('maxout', `groups ${groups} must divide the size along dim ${d} of x ${showShape(x.shape)}`, [x.shape])
    return max(unflatten(x, d, [size / groups, groups]), d + 1).values
  },
  { half: 'keep' },
)

const SOFTMIN = signature('softmin', { x: TENSOR, dim: nullable(dimOr(DIM, SOFTMAX)), options: optional(SOFTMAX) })

/** softmax of −x along `dim` (the last by default). @see https://pytorch.org/docs/stable/generated/torch.nn.functional.softmin.html */
export function softmin(x: Tensor, dim?: number | SoftmaxOptions | null, options?: SoftmaxOptions): Tensor {
  SOFTMIN.check(x, dim, options)
  return underName('softmin', () => softmax(neg(x), dim, options))
}
