/**
 * @file Every op of float16 and bfloat16 near the ends of float16's range: PyTorch's calls with large numbers, whose squares and sums are no halves, with small ones,
 * whose squares vanish there, and with both. What fits in a half is right, against the same in float64; what does not is infinite.
 */
import { describe, expect, it } from 'vitest'
import type { Tensor } from '../../src/index.ts'
import { opRegistry } from '../../src/ops/index.ts'
import { device } from '../support/device.ts'
import { casesByOp, type GoldenCase } from '../support/golden.ts'
import { isTaken, ROUNDED_IN_PLACE, runInHalves } from '../support/half-cases.ts'
import { HALVES, type Half, largest, nearestHalf, ulpOf } from '../support/halves.ts'

/** Numbers without order, in [0, 1). */
const scattered = (input: number, i: number): number => (0.754877666 * (i + 1) + 0.569840291 * input) % 1
const large = (input: number, i: number): number => 20_000 + 40_000 * scattered(input, i)
const small = (input: number, i: number): number => 2 ** -12 * (1 + scattered(input, i))
const RANGES: Readonly<Record<string, (input: number, i: number) => number>> = {
  large,
  small,
  'large and negative': (input, i) => -large(input, i),
  'large, then small': (input, i) => (input % 2 ? small : large)(input, i),
  'small, then large': (input, i) => (input % 2 ? large : small)(input, i),
}

/** Sums over broadcast dims of what is made of a stored result, which cancel: in units of the last place of 1. */
const CANCELS: Readonly<Record<string, number>> = {
  pow: 16,
  cosineSimilarity: 1, // along the vector itself nothing changes
  groupNorm: 1, // of one number in a group
  gridSample: 64, // differences of values that are the same at the border
  scaledDotProductAttention: 1,
}

/** Inputs that stay what they are: shares and probabilities from 0 to 1, variances. */
const KEPT: Readonly<Record<string, readonly number[]>> = {
  quantile: [1],
  nanquantile: [1],
  binaryCrossEntropy: [0, 1],
  gaussianNllLoss: [2],
}

/** Cases that float32 has too few digits for, and why. */
const BEYOND_FLOAT32: Readonly<Record<string, string>> = {
  'remainder: number': '0.7, which float32 rounds, is taken 80,000 times',
  'fmod: number': '0.7, which float32 rounds, is taken 80,000 times',
  'scaledDotProductAttention: float mask, what sees nothing': 'of a score of 40,000 it keeps two digits behind the point',
  'ctcLoss: another blank': 'of log probabilities of −40,000 it keeps two digits behind the point',
  'ctcLoss: padded, mean': 'of log probabilities of −40,000 it keeps two digits behind the point',
  'ctcLoss: padded, sum': 'of log probabilities of −40,000 it keeps two digits behind the point',
}

/** What is wrong with a result. @param read what rules may have read as it is stored, in powers up to the third */
async function wrongIn(half: Half, got: Tensor, want: Tensor, read?: Tensor, slack = 1e-7): Promise<string[]> {
  const [g, w, y] = await Promise.all([got.data(), want.data(), read?.data()])
  if (want.dtype !== 'float64') return Array.from(g, Number).flatMap((a, i) => (a === w[i] ? [] : [`${i}: ${a}, float64 has ${w[i]}`]))
  /** How far off a stored result is, in proportion to it. */
  const off = (i: number): number =>
    y === undefined ? 0 : y.length === w.length ? ulpOf(y[i] as number, half) / 2 / Math.abs(y[i] as number) || 0 : ulpOf(1, half) / 2
  return Array.from(g, Number).flatMap((a, i) => {
    const b = w[i] as number
    if (a === nearestHalf(b, half) || Number.isNaN(b)) return []
    const allowed = 0.505 * ulpOf(b, half) + 3 * off(i) * Math.abs(b) + 1e-4 * Math.abs(b) + slack
    if (Math.abs(a - b) <= allowed || (Math.abs(b) + allowed > largest(half) && Math.abs(a) === Number.POSITIVE_INFINITY)) return []
    return [`${i}: ${a}, float64 has ${b}`]
  })
}

describe.each(HALVES)('%s', { timeout: 120_000 }, (half) => {
  for (const [op, cases] of casesByOp()) {
    if (op === 'nextafter') continue // each dtype has a next number of its own
    const all = cases.filter(
      (c: GoldenCase) =>
        c.inputs.some((x) => x.dtype === 'float') &&
        !c.name.includes('float to ') &&
        !ROUNDED_IN_PLACE.includes(c.name) &&
        !(c.name in BEYOND_FLOAT32),
    )
    const own = all.filter((_, i) => isTaken(half, i, all.length))
    if (own.length === 0) continue
    it(op, async () => {
      const reads = opRegistry.get(op)?.half === 'keep'
      const runs = Object.entries(RANGES).flatMap(([range, of]) => {
        const floats = (input: number, i: number): number | undefined => (KEPT[op]?.includes(input) ? undefined : of(input, i))
        return own.map((c) => ({
          name: `${c.name}, ${range}`,
          got: runInHalves(c, half, half, device, floats),
          want: runInHalves(c, half, 'float64', 'cpu', floats),
        }))
      })
      const wrong = runs.flatMap(({ name, got, want }) => [
        ...got.outputs.map(async (y, i) =>
          (await wrongIn(half, y, want.outputs[i] as Tensor)).map((text) => `${name}: output ${i} at ${text}`),
        ),
        ...got.inputs.map(async (x, i) =>
          x.grad
            ? (
                await wrongIn(
                  half,
                  x.grad,
                  want.inputs[i]?.grad as Tensor,
                  reads ? want.outputs[0] : undefined,
                  1e-7 + (CANCELS[op] ?? 0) * ulpOf(1, half),
                )
              ).map((text) => `${name}: gradient ${i} at ${text}`)
            : [],
        ),
      ])
      expect((await Promise.all(wrong)).flat()).toEqual([])
    })
  }
})
