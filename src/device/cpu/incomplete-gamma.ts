/**
 * @file The regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 − P, and their slope in x, in double precision: to about 1e-12 of the value, of P and of
 * Q alike, where it is not below 1e-290. Formulas by their numbers in the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
 */
import { FAR, lgamma, lgamma1p, stirling } from './gamma.ts'
import { erfc } from './special.ts'

/** From here on Temme's expansion needs no more terms, within a window around x = a outside of which the series and the continued fraction are short. */
const LARGE = 100
const WINDOW = 0.3
/** Below this there is a series for Q of small a, whose terms alternate. */
const SMALL = 1.1

/** ½η² = λ − 1 − log λ of λ = x / a, DLMF 8.12.1. Next to 1, log λ is 2 artanh (u / (2 + u)) of u = λ − 1, of whose series the first terms are taken off. */
function halfSquare(a: number, x: number): number {
  const u = (x - a) / a
  if (Math.abs(u) > 0.5) return u - Math.log(x / a)
  const s = u / (2 + u)
  const z = s * s
  let sum = 0
  for (let n = 35; n >= 3; n -= 2) sum = sum * z + 1 / n
  return s * (u - 2 * z * sum)
}

/** xᵃ e⁻ˣ / Γ(a + 1): nothing large cancels in the exponent, by Stirling's series where a is large. */
function prefactor(a: number, x: number): number {
  if (a < FAR) return Math.exp(a * Math.log(x) - x - lgamma(a + 1))
  return Math.exp(-a * halfSquare(a, x) - stirling(a)) / (Math.sqrt(2 * Math.PI) * Math.sqrt(a))
}

/** P by its series, DLMF 8.7.1: all terms are positive. */
function lowerSeries(a: number, x: number): number {
  const factor = prefactor(a, x)
  if (factor === 0) return 0
  let term = 1
  let sum = 1
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= x / (a + n)
    sum += term
  }
  return factor * sum
}

/** Q of a ≤ 1 and a small x, DLMF 8.7.3: 1 − xᵃ / Γ(a + 1) · (1 + Σ a (−x)ⁿ / ((a + n) n!)), the first two of which nearly cancel where a is small. */
function upperSeries(a: number, x: number): number {
  const log = a * Math.log(x) - lgamma1p(a)
  let term = 1
  let sum = 0
  for (let n = 1; Math.abs(term) > 1e-18; n++) {
    term *= -x / n
    sum += term / (a + n)
  }
  return -Math.expm1(log) - Math.exp(log) * a * sum
}

/** Q by its continued fraction, DLMF 8.9.2, forwards: Lentz's method. */
function upperFraction(a: number, x: number): number {
  const factor = prefactor(a, x) * a
  if (factor === 0) return 0
  let b = x - a + 1
  let up = Number.POSITIVE_INFINITY
  let down = 1 / b
  let product = down
  for (let n = 1, step = 0; Math.abs(step - 1) > 2e-16 && n < 1000; n++) {
    const numerator = n * (a - n)
    b += 2
    down = 1 / (b + numerator * down)
    up = b + numerator / up
    step = up * down
    product *= step
  }
  return factor * product
}

/** η / μ as a series in η, where μ = λ − 1: that of μ = η + … itself solves μ μ′ = η (1 + μ), the derivative of ½η². */
function etaOverMu(count: number): number[] {
  const mu = [0, 1]
  for (let n = 2; n <= count; n++) {
    let sum = mu[n - 1] as number
    for (let i = 2; i < n; i++) sum -= (mu[i] as number) * (n - i + 1) * (mu[n - i + 1] as number)
    mu.push(sum / (n + 1))
  }
  const inverse = [1]
  for (let n = 1; n < count; n++) {
    let sum = 0
    for (let i = 1; i <= n; i++) sum -= (mu[i + 1] as number) * (inverse[n - i] as number)
    inverse.push(sum)
  }
  return inverse
}

/** The coefficients cₖ of Temme's expansion as series in η, DLMF 8.12.9 to 8.12.11: c₀ = 1/μ − 1/η, cₖ = (c′ₖ₋₁ − c′ₖ₋₁(0) η/μ) / η. */
const TEMME: readonly (readonly number[])[] = (() => {
  const inverse = etaOverMu(30)
  const all = [inverse.slice(1)]
  for (let k = 1; k < 8; k++) {
    const slope = (all[k - 1] as number[]).slice(1).map((c, i) => c * (i + 1))
    all.push(slope.slice(1).map((c, i) => c - (slope[0] as number) * (inverse[i + 1] as number)))
  }
  return all.map((series, k) => series.slice(0, 18 - 2 * k))
})()

/** P or Q for large a and x / a next to 1, DLMF 8.12.3 to 8.12.8: that of a normal distribution, and what it lacks. */
function uniform(a: number, x: number, upper: boolean): number {
  const half = halfSquare(a, x)
  const eta = Math.sign(x - a) * Math.sqrt(2 * half)
  const sum = TEMME.reduceRight((rest, series) => rest / a + series.reduceRight((y, c) => y * eta + c, 0), 0)
  const lacks = (Math.exp(-a * half) / (Math.sqrt(2 * Math.PI) * Math.sqrt(a))) * sum
  const normal = Math.sign(x - a) * Math.sqrt(a * half)
  return upper ? erfc(normal) / 2 + lacks : erfc(-normal) / 2 - lacks
}

/** P where nothing has to be computed: NaN outside of a ≥ 0 and x ≥ 0, and at the ends what PyTorch has there. */
function lowerAtEnds(a: number, x: number): number | undefined {
  if (a < 0 || x < 0) return Number.NaN
  if (a === 0) return x > 0 ? 1 : Number.NaN
  if (x === 0) return 0
  if (a === Number.POSITIVE_INFINITY) return x === a ? Number.NaN : 0
  if (x === Number.POSITIVE_INFINITY) return 1
  return Number.isNaN(a) || Number.isNaN(x) ? Number.NaN : undefined
}

/** P or Q: the one that is small is computed, and the other from it where that loses nothing. */
function incomplete(a: number, x: number, upper: boolean): number {
  const lower = lowerAtEnds(a, x)
  if (lower !== undefined) return upper ? 1 - lower : lower
  if (a >= LARGE && Math.abs(x - a) <= WINDOW * a) return uniform(a, x, upper)
  if (x >= SMALL && x >= a) {
    const y = upperFraction(a, x)
    return upper ? y : 1 - y
  }
  if (upper && a <= 1) return upperSeries(a, x)
  const y = lowerSeries(a, x)
  return upper ? 1 - y : y
}

/** P(a, x) = ∫ tᵃ⁻¹ e⁻ᵗ dt / Γ(a) from 0 to x. */
export const igamma = (a: number, x: number): number => incomplete(a, x, false)
/** Q(a, x), that integral from x on. */
export const igammac = (a: number, x: number): number => incomplete(a, x, true)

/** xᵃ⁻¹ e⁻ˣ / Γ(a), the slope of P in x and the density of a gamma distribution; at the ends its limit. */
export function gammapdf(a: number, x: number): number {
  if (!(a >= 0 && x >= 0) || (a === 0 && x === 0)) return Number.NaN
  if (a === 0) return 0
  if (x === 0) return a < 1 ? Number.POSITIVE_INFINITY : a === 1 ? 1 : 0
  if (a === Number.POSITIVE_INFINITY || x === Number.POSITIVE_INFINITY) return a === x ? Number.NaN : 0
  if (a < FAR) return Math.exp((a - 1) * Math.log(x) - x - lgamma(a))
  const factor = prefactor(a, x)
  return factor === 0 ? 0 : factor * (a / x)
}
