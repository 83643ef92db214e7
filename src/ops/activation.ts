/** @file Smooth activations (softplus, logsigmoid, silu, mish, softsign, tanhshrink), and those that divide a dim among themselves (glu, maxout, softmin). */
import {
  ArgumentError,
  options as describe,
  FINITE,
  normalizeDim,
  nullable,
  type Options,
  oneOf,
  optional,
  ShapeError,
  showShape,
  signature,
  underName,
  whole,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, dimOr, optionsIn, TENSOR, type Tensor } from '../tensor/index.ts'
import { gt } from './compare.ts'
import { defineComposition } from './define.ts'
import { defineParametric, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { abs, add, div, mul, neg, sigmoid, square, sub, tanh, where } from './elementwise.ts'
import { max } from './extremes.ts'
import { lit } from './promote.ts'
import { narrow } from './slice.ts'
import { SOFTMAX, type SoftmaxOptions, softmax } from './softmax.ts'
import { unflatten } from './view.ts'

const node = graph.binary

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
