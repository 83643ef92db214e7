/** @file What samples are compared with: distribution functions, on the host. */
import { expect } from 'vitest'

/** The error function: its series near 0, the continued fraction of its complement further out. */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (a < 3) {
    let term = a
    let sum = a
    for (let n = 1; n < 60; n++) {
      term *= (-a * a) / n
      sum += term / (2 * n + 1)
    }
    return Math.sign(x) * sum * (2 / Math.sqrt(Math.PI))
  }
  let fraction = a
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction
  return Math.sign(x) * (1 - Math.exp(-a * a) / fraction / Math.sqrt(Math.PI))
}

/** The largest distance of the samples' distribution function from `cdf`. */
export function kolmogorov(samples: readonly number[], cdf: (x: number) => number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const n = sorted.length
  return Math.max(...sorted.map((v, i) => Math.max(Math.abs(cdf(v) - i / n), Math.abs(cdf(v) - (i + 1) / n))))
}

/** Expects whole numbers as often as `probability` says: by the distance of the distribution functions, and none that cannot be. */
export function frequencies(samples: readonly number[], probability: (k: number) => number): void {
  const n = samples.length
  const counts = new Map<number, number>()
  for (const k of samples) counts.set(k, (counts.get(k) ?? 0) + 1)
  for (const k of counts.keys()) expect([k, Number.isInteger(k) && probability(k) > 1e-12]).toEqual([k, true])
  let [observed, expected, worst] = [0, 0, 0]
  for (let k = 0; k <= Math.max(...samples) + 1; k++) {
    observed += (counts.get(k) ?? 0) / n
    expected += probability(k)
    worst = Math.max(worst, Math.abs(observed - expected))
  }
  expect(worst).toBeLessThan(1.63 / Math.sqrt(n))
}
