/** @file Functions of numbers that JavaScript lacks, in double precision: the oracle's arithmetic. */

/**
 * The error function, to about 1e-15 of its value.
 *
 * Below 2.5: erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)), whose terms are all positive, so nothing cancels: Abramowitz and Stegun, Handbook of
 * Mathematical Functions, 7.1.6. Above: 1 − erfc x.
 */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (Number.isNaN(x) || a === 0) return x
  if (a >= 6) return Math.sign(x) // 1 − erf(6) = 2e-17
  if (a >= 2.5) return Math.sign(x) * (1 - erfcTail(a))
  const square = a * a
  let term = a
  let sum = a
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * square) / (2 * n + 1)
    sum += term
  }
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-square) * sum
}

/** 1 − erf x, to about 1e-14 of its value, however small that is. */
export function erfc(x: number): number {
  if (!(Math.abs(x) >= 1)) return 1 - erf(x)
  return x > 0 ? erfcTail(x) : 2 - erfcTail(-x)
}

/** erfc x for x ≥ 1, by the continued fraction of the Mills ratio: Abramowitz and Stegun 7.1.14. */
function erfcTail(x: number): number {
  if (x > 28) return 0
  // erfc x · √π e^(x²) = 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))), from the inside out
  let tail = x
  for (let k = Math.ceil(60 + 200 / (x * x)); k >= 1; k--) tail = x + k / 2 / tail
  // The square of a float32 is exact, that of x would be off by as much as its exponential is by some hundred times
  const high = Math.fround(x)
  return (Math.exp(-high * high) * Math.exp((high - x) * (high + x))) / (Math.sqrt(Math.PI) * tail)
}

/** The nearest whole number, ties to even. */
export function roundEven(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  if (!(Math.abs(x) < 2 ** 52) || rest === 0) return x
  const up = rest > 0.5 || (rest === 0.5 && down % 2 !== 0)
  return up ? (down === -1 ? -0 : down + 1) : down
}

/** As C's pow: 1^y and (−1)^±∞ are 1, where JavaScript says NaN. */
export function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY)) return 1
  return x ** y
}

/** x^y of 32-bit whole numbers, modulo 2³² (signed); a negative exponent gives 0 unless x is ±1, as PyTorch does. */
export function wholePower(x: number, y: number): number {
  if (y < 0) return x === 1 ? 1 : x === -1 ? (y & 1 ? -1 : 1) : 0
  let result = 1
  let square = x | 0
  for (let rest = y; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.imul(result, square)
    square = Math.imul(square, square)
  }
  return result
}

/** The greatest common divisor of whole numbers, ≥ 0: Euclid's algorithm. */
export function commonDivisor(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)]
  while (y !== 0) [x, y] = [y, x % y]
  return x
}

/** The high word of a product of 32-bit numbers: b in two halves, so that every step stays below 2⁵³. */
function multiplyHigh(a: number, b: number): number {
  const low = a * (b & 0xffff)
  const high = a * (b >>> 16)
  return Math.floor((high + Math.floor(low / 65536)) / 65536)
}

/** Philox4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011. All words are 0 … 2³²−1. */
export function philox(
  key: readonly [number, number],
  counter: readonly [number, number, number, number],
): readonly [number, number, number, number] {
  let [k0, k1] = key
  let [c0, c1, c2, c3] = counter
  for (let round = 0; round < 10; round++) {
    const x = (multiplyHigh(0xcd9e8d57, c2) ^ c1 ^ k0) >>> 0
    const y = (multiplyHigh(0xd2511f53, c0) ^ c3 ^ k1) >>> 0
    c1 = Math.imul(0xcd9e8d57, c2) >>> 0
    c3 = Math.imul(0xd2511f53, c0) >>> 0
    c0 = x
    c2 = y
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}
