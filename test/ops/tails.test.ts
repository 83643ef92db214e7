/**
 * @file Elementwise functions keep their relative accuracy in float32 where their values are small, next to 0 and to infinity: values and gradients over all
 * magnitudes against formulas in double precision in which nothing cancels.
 */
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { device } from '../support/device.ts'
import { erf, erfc } from '../support/naive.ts'

const F = tg.nn.functional

interface Tail {
  readonly f: (x: tg.Tensor) => tg.Tensor
  readonly value: (x: number) => number
  readonly slope: (x: number) => number
  /** By how much more than itself the value (and the slope) changes, relative to it, when what it is made of does: |x f'/f| of the functions inside. 0 by default. */
  readonly inner?: (x: number) => number
  /** What the slope is a sum of, in magnitude, where it crosses 0 or is computed from a result next to 1. */
  readonly size?: (x: number) => number
  readonly low?: number
  readonly high?: number
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const normal = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
/** 2u of the tanh form of gelu, and its derivative. */
const twice = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)
const twiceSlope = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x)
const BASE = 1.75
const square = (x: number): number => x * x

const TAILS: Readonly<Record<string, Tail>> = {
  exp: { f: tg.exp, value: Math.exp, slope: Math.exp },
  expm1: { f: tg.expm1, value: Math.expm1, slope: Math.exp },
  log: { f: tg.log, value: Math.log, slope: (x) => 1 / x, low: 0 },
  log1p: { f: tg.log1p, value: Math.log1p, slope: (x) => 1 / (1 + x), low: -1 },
  sqrt: { f: tg.sqrt, value: Math.sqrt, slope: (x) => 0.5 / Math.sqrt(x), low: 0 },
  rsqrt: { f: tg.rsqrt, value: (x) => 1 / Math.sqrt(x), slope: (x) => -0.5 * x ** -1.5, low: 0 },
  reciprocal: { f: tg.reciprocal, value: (x) => 1 / x, slope: (x) => -1 / (x * x) },
  square: { f: tg.square, value: square, slope: (x) => 2 * x },
  // The slopes are made of the results, which are next to ±1
  tanh: { f: tg.tanh, value: Math.tanh, slope: (x) => 1 / Math.cosh(x) ** 2, size: () => 1 },
  sigmoid: { f: tg.sigmoid, value: sigmoid, slope: (x) => sigmoid(x) * sigmoid(-x), size: sigmoid },
  erf: { f: tg.erf, value: erf, slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x), inner: square },
  erfc: { f: tg.erfc, value: erfc, slope: (x) => (-2 / Math.sqrt(Math.PI)) * Math.exp(-x * x), inner: square },
  gelu: {
    f: (x) => F.gelu(x),
    value: (x) => (x / 2) * erfc(-x / Math.SQRT2),
    slope: (x) => erfc(-x / Math.SQRT2) / 2 + x * normal(x),
    size: (x) => erfc(-x / Math.SQRT2) / 2 + Math.abs(x) * normal(x),
    inner: square,
  },
  'gelu, tanh form': {
    f: (x) => F.gelu(x, { approximate: 'tanh' }),
    value: (x) => x * sigmoid(twice(x)),
    slope: (x) => sigmoid(twice(x)) * (1 + x * twiceSlope(x) * sigmoid(-twice(x))),
    size: (x) => sigmoid(twice(x)) * (1 + Math.abs(x * twiceSlope(x))),
    inner: (x) => Math.abs(twice(x)),
  },
  silu: {
    f: (x) => x.mul(x.sigmoid()),
    value: (x) => x * sigmoid(x),
    slope: (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
    size: (x) => sigmoid(x) * (1 + Math.abs(x)),
  },
  softplus: { f: (x) => x.relu().add(x.abs().neg().exp().log1p()), value: softplus, slope: sigmoid },
  logSigmoid: { f: (x) => x.neg().relu().add(x.abs().neg().exp().log1p()).neg(), value: (x) => -softplus(-x), slope: (x) => sigmoid(-x) },
  mish: {
    f: (x) => x.mul(x.relu().add(x.abs().neg().exp().log1p()).tanh()),
    value: (x) => x * Math.tanh(softplus(x)),
    slope: (x) => Math.tanh(softplus(x)) + (x * sigmoid(x)) / Math.cosh(softplus(x)) ** 2,
    size: (x) => Math.tanh(softplus(x)) + Math.abs(x) * sigmoid(x),
  },
  'x to the 2.5': { f: (x) => x.pow(2.5), value: (x) => x ** 2.5, slope: (x) => 2.5 * x ** 1.5, low: 0 },
  'x to the -7': { f: (x) => x.pow(-7), value: (x) => x ** -7, slope: (x) => -7 * x ** -8 },
  'x to the 40': { f: (x) => x.pow(40), value: (x) => x ** 40, slope: (x) => 40 * x ** 39 },
  '1.75 to the x': { f: (x) => tg.pow(BASE, x), value: (x) => BASE ** x, slope: (x) => Math.log(BASE) * BASE ** x },
}

/** Numbers of all magnitudes, and evenly spread ones where most functions have their tails. */
const NUMBERS = ((): Float32Array => {
  const list: number[] = []
  for (let e = -37; e <= 37; e += 1 / 16) list.push(10 ** e, -(10 ** e))
  for (let x = -105; x <= 105; x += 1 / 32) list.push(x + 0.001)
  return Float32Array.from(list)
})()

/** Below this something on the way may be no normal number, of which WebGPU makes 0, or the exponential of its negative overflows. */
const LEAST = 2 ** -116
/** Units in the last place, about, that a function made of some others may be off. */
const ULPS = 12

describe('relative accuracy of', () => {
  it.each(Object.entries(TAILS))('%s', async (_, { f, value, slope, inner = () => 0, size, low = Number.NEGATIVE_INFINITY }) => {
    const numbers = NUMBERS.filter((x) => x > low)
    const x = tg.tensor(numbers, { device, requiresGrad: true })
    const y = f(x)
    y.backward(tg.onesLike(y))
    const [values, slopes] = await Promise.all([y.data(), (x.grad as tg.Tensor).data()])
    let [worst, at] = [0, '']
    numbers.forEach((v, i) => {
      const judge = (what: string, got: number, want: number, scale: number): void => {
        if (!(Math.abs(want) >= LEAST && Math.abs(want) < 3.4e38)) return
        const error = Math.abs(got - want) / (scale * 2 ** -23 * (1 + inner(v)))
        if (!(error <= worst)) [worst, at] = [error, `${what} of ${v}: ${got}, not ${want}`]
      }
      judge('value', Number(values[i]), value(v), Math.abs(value(v)))
      judge('slope', Number(slopes[i]), slope(v), size?.(v) ?? Math.abs(slope(v)))
    })
    expect(worst, at).toBeLessThanOrEqual(ULPS)
  })
})
