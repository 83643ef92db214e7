/**
 * @file The gamma function's logarithm and derivatives, Hurwitz's zeta function and Bessel functions, in double precision: 1e-14 of the value, or of what it is
 * made of where that cancels (next to a zero of a negative argument). Formulas by their numbers in the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
 */

/** B₂ⱼ / (2j)!, for sums by Euler and Maclaurin. */
const BERNOULLI = [
  1 / 12,
  -1 / 720,
  1 / 30240,
  -1 / 1209600,
  1 / 47900160,
  -691 / 1307674368000,
  1 / 74724249600,
  -3617 / 10670622842880000,
  43867 / 5109094217170944000,
] as const
/** From here on those sums need no more terms. */
export const FAR = 10

/** Σ (q + k)⁻ˢ over k ≥ 0, for s > 1. ∞ at its poles; NaN where s ≤ 1, and of a negative q to a power that is no whole number. */
export function zeta(s: number, q: number): number {
  if (s === 1) return Number.POSITIVE_INFINITY
  if (!(s > 1) || Number.isNaN(q) || q === Number.NEGATIVE_INFINITY) return Number.NaN
  if (q > 0) return zetaAbove(s, q)
  if (Number.isInteger(q)) return Number.POSITIVE_INFINITY
  if (!Number.isInteger(s)) return Number.NaN
  // The terms above 0, and those below, which are as far from 0 as those of another sum
  const below = zetaAbove(s, Math.ceil(q) - q) - zetaAbove(s, 1 - q)
  return zetaAbove(s, q - Math.floor(q)) + (s % 2 === 0 ? below : -below)
}

/** … for positive q: DLMF 25.11.5, from the first q + k ≥ 10 on. */
function zetaAbove(s: number, q: number): number {
  if (q === Number.POSITIVE_INFINITY) return 0
  let sum = 0
  let a = q
  for (; a < FAR; a++) sum += a ** -s
  const power = a ** -s
  sum += power * (a / (s - 1) + 0.5)
  let factor = s / a // s (s + 1) … (s + 2j − 2) / a^(2j − 1)
  BERNOULLI.forEach((b, i) => {
    sum += b * factor * power
    factor *= ((s + 2 * i + 1) * (s + 2 * i + 2)) / (a * a)
  })
  return sum
}

const EULER = 0.5772156649015329
/** (−1)ᵏ (ζ(k) − 1) / k, k from 2: the Taylor series of log Γ(2 + z) behind (1 − γ) z, DLMF 5.7.3. */
const SERIES = Array.from({ length: 26 }, (_, i) => ((i % 2 ? -1 : 1) * zeta(i + 2, 2)) / (i + 2))

/** log Γ(2 + z) for |z| ≤ ½. */
const logGammaNear = (z: number): number => z * (1 - EULER + z * SERIES.reduceRight((sum, c) => sum * z + c, 0))
/** Its derivative. */
const digammaNear = (z: number): number => 1 - EULER + z * SERIES.reduceRight((sum, c, i) => sum * z + c * (i + 2), 0)

/** sin πx and cos πx: x is brought into [−½, ½] exactly. */
function turn(x: number): { sin: number; cos: number } {
  const n = Math.round(x)
  const r = Math.PI * (x - n)
  const sign = n % 2 === 0 ? 1 : -1
  return { sin: sign * Math.sin(r), cos: sign * Math.cos(r) }
}

/** log Γ(1 + z) for −½ ≤ z ≤ 1, to its last digits next to 0 too. */
export const lgamma1p = (z: number): number => (z < 0.5 ? logGammaNear(z) - Math.log1p(z) : logGammaNear(z - 1))

/** What log Γ(x) is more than (x − ½) log x − x + ½ log 2π, for x ≥ 10: Stirling's series, DLMF 5.11.1. */
export function stirling(x: number): number {
  const z = 1 / (x * x)
  return [-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12].reduce((sum, c) => sum * z + c, 1 / 156) / x
}

/** log |Γ(x)|; ∞ at 0, −1, −2, … */
export function lgamma(x: number): number {
  if (Number.isNaN(x)) return x
  if (!Number.isFinite(x) || (x <= 0 && Number.isInteger(x))) return Number.POSITIVE_INFINITY
  if (x < -0.5) return Math.log(Math.PI / Math.abs(turn(x).sin)) - lgamma(1 - x) // DLMF 5.5.3
  if (x < 0.5) return lgamma1p(x) - Math.log(Math.abs(x))
  if (x < 1.5) return lgamma1p(x - 1)
  if (x < FAR) {
    let y = x
    let product = 1
    while (y > 2.5) product *= --y
    return logGammaNear(y - 2) + Math.log(product)
  }
  return (x - 0.5) * (Math.log(x) - 1) + (stirling(x) + (0.5 * Math.log(2 * Math.PI) - 0.5))
}

/** Γ'(x) / Γ(x); ∓∞ at ±0, NaN at −1, −2, … */
export function digamma(x: number): number {
  if (x === 0) return -1 / x
  if (x < 0) {
    if (Number.isInteger(x) || !Number.isFinite(x)) return Number.NaN
    const { sin, cos } = turn(x)
    return digamma(1 - x) - (Math.PI * cos) / sin // DLMF 5.5.4
  }
  if (x < 1.5) return x < 0.5 ? digammaNear(x) - 1 / (x + 1) - 1 / x : digammaNear(x - 1) - 1 / x
  if (x < FAR) {
    let y = x
    let sum = 0
    while (y > 2.5) sum += 1 / --y
    return digammaNear(y - 2) + sum
  }
  if (x === Number.POSITIVE_INFINITY) return x
  // DLMF 5.11.2
  const z = 1 / (x * x)
  const series = [691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12].reduce((sum, c) => sum * z + c, -1 / 12)
  return Math.log(x) - 0.5 / x + series * z
}

/** e^−|x| Iₙ(x) for n = 0 and 1: the power series, DLMF 10.25.2, whose terms are all positive; from 30 on Hankel's expansion, 10.40.1. */
function bessel(n: 0 | 1, x: number): number {
  const a = Math.abs(x)
  if (Number.isNaN(x)) return x
  if (a === Number.POSITIVE_INFINITY) return 0
  if (a < 30) {
    const quarter = (a * a) / 4
    let term = n === 0 ? 1 : a / 2
    let sum = term
    for (let k = 1; term > sum * 1e-17; k++) {
      term *= quarter / (k * (k + n))
      sum += term
    }
    return sum * Math.exp(-a)
  }
  const order = 4 * n * n
  let term = 1
  let sum = 1
  for (let k = 1; k <= 30 && Math.abs(term) > 1e-17; k++) {
    term *= -(order - (2 * k - 1) ** 2) / (8 * a * k)
    sum += term
  }
  return sum / Math.sqrt(2 * Math.PI * a)
}

/** e^−|x| I₀(x). */
export const i0e = (x: number): number => bessel(0, x)
/** e^−|x| I₁(x). */
export const i1e = (x: number): number => (x < 0 ? -bessel(1, x) : x === 0 ? x : bessel(1, x))
