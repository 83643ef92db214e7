/** @file Activations that are straight between corners: hardtanh, relu6, hardsigmoid, hardswish, hardshrink, softshrink, threshold. */
import { ArgumentError, atLeast, options as describe, FINITE, held, type Options, oneOf, optional, signature } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { optionsIn, TENSOR, type Tensor } from '../tensor/index.ts'
import { ge, gt, le, logicalAnd, logicalOr, lt } from './compare.ts'
import { defineParametric, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { abs, add, div, mul, where } from './elementwise.ts'
import { type NumberFunction, numberOf, withNumber } from './numbered.ts'
import { lit } from './promote.ts'

const node = graph.binary

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
