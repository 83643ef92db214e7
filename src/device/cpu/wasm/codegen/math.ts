/**
 * @file Elementary functions of four floats at once. There is no fused multiply-add to rely on, so the arithmetic is arranged such that what cancels is
 * exact; sin, cos and pow take doubles where float32 has too few bits. NaN and infinities as in IEEE 754, subnormals are numbers like others.
 *
 * The largest errors found among 16 million float32 numbers of all exponents, in units in the last place: exp 0.93, expm1 1.23, log 0.82, log1p 0.89,
 * tanh 1.27, erf 1.37, erfc 6.2, sin 1.54, cos 1.53; pow 0.51 among a million pairs. test/device/wasm-math.test.ts bounds them.
 * Polynomials are Taylor series or weighted least-squares fits made for this project (those of shaders/lib/math.wgsl), or from the source named.
 */
import type { floatFunctions } from '../../arithmetic.ts'
import type { Code, Func, Local } from '../assembler/assembler.ts'
import type { Term } from './vector.ts'
import * as v from './vector.ts'

/** Where functions find JavaScript's own, for one number. */
export interface Callable {
  call(name: string): Func
}
/** Pushes the function's value. */
type Write = (code: Code, x: Local, library: Callable) => void

const { add, sub, mul } = v
const LN2_HIGH = 0.693359375 // 10 bits: its product with an exponent is exact
const LN2_LOW = -2.1219444e-4
/** Added and subtracted, it rounds to a whole number, which then stands in the low bits. */
const ROUND = 1.5 * 2 ** 23
const ROUND_BITS = 0x4b400000
const ROUND64 = 1.5 * 2 ** 52

/** x = k·ln 2 + r, |r| ≤ ln(2)/2; and r² p with e^r = 1 + r + r² p (Taylor, remainder below 2^-27). */
function reduceExp(code: Code, x: Local): { k: Local; r: Local; rest: Local } {
  const keep = v.keeper(code)
  const rounded = keep(add(mul(x, Math.LOG2E), ROUND))
  const n = keep(sub(rounded, ROUND))
  const r = keep(sub(sub(x, mul(n, LN2_HIGH)), mul(n, LN2_LOW)))
  const p = v.polynomial(code, r, [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2])
  const rest = keep(mul(mul(r, r), p))
  return { k: keep(v.op('i32x4.sub')(rounded, v.whole(ROUND_BITS))), r, rest }
}

/** 2^k for -127 < k < 128. */
const powerOfTwo = (k: Term): Term => v.shift('i32x4.shl', v.op('i32x4.add')(k, v.whole(127)), 23)

/** y · 2^k, in two factors: k runs from -150 to 128. */
function scaled(code: Code, y: Term, k: Local): Term {
  const half = v.keeper(code)(v.shift('i32x4.shr_s', k, 1))
  return mul(mul(y, powerOfTwo(half)), powerOfTwo(v.op('i32x4.sub')(k, half)))
}

const exp: Write = (code, x) => {
  const c = v.keeper(code)(v.atLeast(v.atMost(x, 89), -104))
  const { k, r, rest } = reduceExp(code, c)
  v.push(code, scaled(code, add(add(r, rest), 1), k))
}

/** 2^k ((1 - 2^-k) + (e^r - 1)): the parenthesis with r is exact where it cancels. */
const expm1: Write = (code, x) => {
  const c = v.keeper(code)(v.atLeast(v.atMost(x, 89), -18))
  const { k, r, rest } = reduceExp(code, c)
  const inverse = powerOfTwo(v.op('i32x4.neg')(v.op('i32x4.min_s')(k, v.whole(126))))
  v.push(code, v.withSign(scaled(code, add(add(sub(1, inverse), r), rest), k), x))
}

/** x = m · 2^e with m from √½ to √2; for positive numbers, subnormals too. */
function split(code: Code, x: Local): { m: Local; e: Local } {
  const keep = v.keeper(code)
  const tiny = keep(v.lt(x, 2 ** -126))
  const bits = keep(v.choose(tiny, mul(x, 2 ** 23), x))
  const e = keep(v.shift('i32x4.shr_s', v.op('i32x4.sub')(bits, v.whole(0x3f3504f3)), 23))
  const m = keep(v.op('i32x4.sub')(bits, v.shift('i32x4.shl', e, 23)))
  return { m, e: keep(v.op('i32x4.add')(e, v.and(tiny, v.whole(-23)))) }
}

/** log(1 + t) - t for √½ - 1 ≤ t ≤ √2 - 1. */
function log1pNear(code: Code, t: Local): Term {
  const z = v.keeper(code)(mul(t, t))
  const p = v.polynomial(
    code,
    t,
    [
      0.06744550168514252, -0.11674808710813522, 0.11888600885868073, -0.12405755370855331, 0.1421951949596405, -0.16667985916137695,
      0.2000211924314499, -0.25000008940696716, 0.3333331346511841,
    ],
  )
  return sub(mul(mul(t, z), p), mul(z, 0.5))
}

/** log x + extra where x is a positive number. */
function logOf(code: Code, x: Local, extra?: Term): Local {
  const keep = v.keeper(code)
  const { m, e } = split(code, x)
  const n = keep(v.op('f32x4.convert_i32x4_s')(e))
  const t = keep(sub(m, 1))
  const low = add(log1pNear(code, t), mul(n, LN2_LOW))
  const y = keep(add(add(extra ? add(low, extra) : low, t), mul(n, LN2_HIGH)))
  // -∞ of 0, NaN of negative numbers, else x itself: ∞ and NaN
  const other = v.choose(v.eq(x, 0), Number.NEGATIVE_INFINITY, v.choose(v.lt(x, 0), Number.NaN, x))
  return keep(v.choose(v.and(v.gt(x, 0), v.lt(x, Number.POSITIVE_INFINITY)), y, other))
}

const log: Write = (code, x) => v.push(code, logOf(code, x))

/** log(1 + x) = log u + c / u, u being 1 + x rounded and c what that lost. */
const log1p: Write = (code, x) => {
  const keep = v.keeper(code)
  const u = keep(add(x, 1))
  const back = keep(sub(u, 1))
  const lost = add(sub(1, sub(u, back)), sub(x, back))
  const far = logOf(code, u, v.div(lost, u))
  const near = keep(add(x, log1pNear(code, x)))
  v.push(code, v.choose(v.and(v.gt(x, -0.2928), v.lt(x, 0.4142)), near, far))
}

/** An odd polynomial below 0.625, else from e^2|x|; from 9.1 on it is 1. */
const tanh: Write = (code, x, library) => {
  const keep = v.keeper(code)
  const a = keep(v.atMost(v.abs(x), 9.1))
  const z = keep(mul(a, a))
  const p = v.polynomial(
    code,
    z,
    [-0.005717036779969931, 0.020650578662753105, -0.05374349653720856, 0.13331490755081177, -0.3333328366279602],
  )
  const near = add(a, mul(mul(a, z), p))
  exp(code, keep(add(a, a)), library)
  const e = code.local('v128')
  code.set(e)
  const far = sub(1, v.div(2, add(e, 1)))
  v.push(code, v.withSign(v.choose(v.lt(a, 0.625), near, far), x))
}

/** Below 1 the Taylor series (of what is more than x), above 1 - e^P(|x|), P fitted to log erfc from 1 to 4 (1e-9 of the value); from 4 on it is 1. */
const erf: Write = (code, x, library) => {
  const keep = v.keeper(code)
  const a = keep(v.atMost(v.abs(x), 4))
  const z = keep(mul(a, a))
  const taylor = [
    1.4807192805221803e-8,
    -1.6365844146548625e-7,
    1.6462114444948384e-6,
    -1.4925650248187594e-5,
    0.00012055332626914605,
    -0.0008548327023163438,
    0.005223977845162153,
    -0.02686617150902748,
    0.11283791810274124,
    -0.37612637877464294,
    2 / Math.sqrt(Math.PI) - 1,
  ]
  const near = add(a, mul(a, v.polynomial(code, z, taylor)))
  const fit = [
    0.00018557517290945753, -0.0029396185951029506, 0.021805363070350893, -0.10303746143019418, -0.6382255713278581, -1.127040099412473,
    -0.000353703956227136,
  ]
  exp(code, keep(v.polynomial(code, a, fit)), library)
  const e = code.local('v128')
  code.set(e)
  v.push(code, v.withSign(v.choose(v.lt(a, 1), near, sub(1, e)), x))
}

/**
 * erfc |x| = e^(−x²) t P(t), t = 1/(1 + 0.4 |x|), P fitted to 4e-9 of the value from ½ on, where it vanishes in float32 too. The square is taken in two parts, the
 * first of which is exact: e^(−x²) would be off by x² times its rounding. Below ½ it is 1 − erf |x|, by the Taylor series of erf (of what is more than x).
 */
const erfc: Write = (code, x, library) => {
  const keep = v.keeper(code)
  const a = keep(v.atMost(v.abs(x), 10.1))
  const z = keep(mul(a, a))
  const taylor = [
    -1.492565035840625e-5,
    0.00012055332981789664,
    -0.0008548327023450853,
    0.005223977625442188,
    -0.026866170645131252,
    0.11283791670955126,
    -0.37612638903183754,
    2 / Math.sqrt(Math.PI) - 1,
  ]
  const near = sub(sub(1, a), mul(a, v.polynomial(code, z, taylor)))
  const t = keep(v.div(1, add(mul(a, 0.4), 1)))
  const fit = [
    0.06021843649, -0.2206513818, 0.2284977375, -0.05586991847, 0.1661736683, 0.1613748722, 0.2090180141, 0.2255716279, 0.2256789646,
  ]
  const p = keep(mul(t, v.polynomial(code, t, fit)))
  const high = keep(v.and(a, v.whole(-(2 ** 12))))
  exp(code, keep(sub(0, mul(high, high))), library)
  const e = code.local('v128')
  code.set(e)
  // e^r of what the first part left, |r| < 0.09
  const r = keep(mul(sub(high, a), add(high, a)))
  const rest = add(add(mul(mul(r, r), v.polynomial(code, r, [1 / 120, 1 / 24, 1 / 6, 1 / 2])), r), 1)
  const y = keep(v.choose(v.lt(a, 0.5), near, mul(mul(p, rest), e)))
  v.push(code, v.choose(v.lt(x, 0), sub(2, y), v.or(y, v.and(x, v.ne(x, x)))))
}

/** NaN has none, as in PyTorch. */
const sign: Write = (code, x) => v.push(code, sub(v.and(v.gt(x, 0), 1), v.and(v.lt(x, 0), 1)))

// ── in part in doubles ──

const [mul64, add64, sub64] = [v.op('f64x2.mul'), v.op('f64x2.add'), v.op('f64x2.sub')]
/** Two of the four floats as doubles. */
const widen = (x: Term, upper: boolean): Term => v.op('f64x2.promote_low_f32x4')(upper ? v.pick(x, x, [2, 3, 2, 3]) : x)
/** Four doubles, in two vectors, as floats. */
const narrow = (low: Term, high: Term): Term =>
  v.pick(v.op('f32x4.demote_f64x2_zero')(low), v.op('f32x4.demote_f64x2_zero')(high), [0, 1, 4, 5])

/** Beyond this, JavaScript's own is called: the count of quarter turns has 20 bits, which with 33 bits of π/2 make an exact product. */
export const LARGE_ANGLE = 1e6
// π/2 in two parts
const QUARTER = 1.5707963267341256
const QUARTER_REST = 6.077100506506192e-11

/** The angle less whole quarter turns, in doubles, then polynomials (least squares) on ±π/4. */
const sine =
  (quarters: 0 | 1): Write =>
  (code, x, library) => {
    const keep = v.keeper(code)
    const a = keep(v.abs(x))
    const [low, high] = [false, true].map((upper) => {
      const d = keep(widen(a, upper))
      const rounded = keep(add64(mul64(d, v.double(2 / Math.PI)), v.double(ROUND64)))
      const n = keep(sub64(rounded, v.double(ROUND64)))
      return { rounded, r: keep(sub64(sub64(d, mul64(n, v.double(QUARTER))), mul64(n, v.double(QUARTER_REST)))) }
    }) as [{ rounded: Local; r: Local }, { rounded: Local; r: Local }]
    const r = keep(narrow(low.r, high.r))
    const counted = v.pick(low.rounded, high.rounded, [0, 2, 4, 6])
    const q = keep(quarters ? v.op('i32x4.add')(counted, v.whole(quarters)) : counted)
    const z = keep(mul(r, r))
    const sin = add(r, mul(mul(r, z), v.polynomial(code, z, [2.7525562e-6, -1.98408743e-4, 8.33333217e-3, -1.66666667e-1])))
    const even = v.polynomial(code, z, [-2.7557314e-7, 2.48015873e-5, -1.38888889e-3, 4.16666667e-2])
    const cos = add(sub(1, mul(z, 0.5)), mul(mul(z, z), even))
    const odd = v.shift('i32x4.shr_s', v.shift('i32x4.shl', q, 31), 31)
    const turned = v.xor(v.choose(odd, cos, sin), v.shift('i32x4.shl', v.and(q, v.whole(2)), 30))
    const y = keep(quarters ? turned : v.xor(turned, v.and(x, v.SIGN)))
    const large = keep(v.not(v.lt(a, LARGE_ANGLE)))
    code.get(large).op('v128.any_true')
    code.if(() => {
      const own = library.call(quarters ? 'cosOfOne' : 'sinOfOne')
      for (let lane = 0; lane < 4; lane++) {
        code.get(large).lane('i32x4.extract_lane', lane)
        code.if(() => {
          code.get(y).get(x).lane('f32x4.extract_lane', lane)
          code.call(own).lane('f32x4.replace_lane', lane).set(y)
        })
      }
    })
    code.get(y)
  }

/** 2^f = Σ (f ln 2)ⁿ / n!, to 1e-11 for |f| ≤ ½. */
const EXP2 = [1 / 362880, 1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1].map((c, i) => c * Math.LN2 ** (9 - i))
/** log₂ m = 2/ln 2 · Σ sⁿ/n over odd n, s = (m - 1)/(m + 1), to 1e-13. */
const LOG2 = [15, 13, 11, 9, 7, 5, 3, 1].map((n) => 2 / (n * Math.LN2))

/** log₂ (m · 2^e) in doubles, of two of the four. */
function log2Of(code: Code, m: Local, e: Local, upper: boolean): Term {
  const keep = v.keeper(code)
  const d = keep(widen(m, upper))
  const s = keep(v.op('f64x2.div')(sub64(d, v.double(1)), add64(d, v.double(1))))
  const n = v.op('f64x2.convert_low_i32x4_s')(upper ? v.pick(e, e, [2, 3, 2, 3]) : e)
  return add64(n, mul64(s, v.polynomial64(code, keep(mul64(s, s)), LOG2)))
}

/** x^y = 2^(y log₂ |x|), in doubles; C's rules for 0, ∞, NaN and negative x. */
function pow(code: Code, x: Local, y: Local): void {
  const keep = v.keeper(code)
  const infinity = Number.POSITIVE_INFINITY
  const a = keep(v.abs(x))
  const { m, e } = split(code, a)
  // The logarithm where it is no number; else 0
  const special = keep(v.choose(v.eq(a, 0), Number.NEGATIVE_INFINITY, v.and(a, v.not(v.lt(a, infinity)))))
  const [low, high] = [false, true].map((upper) => {
    const power = mul64(widen(y, upper), add64(log2Of(code, m, e, upper), widen(special, upper)))
    const p = keep(v.op('f64x2.max')(v.op('f64x2.min')(power, v.double(200)), v.double(-200)))
    // With 1023 the low bits are the exponent of 2^n as a double has it
    const rounded = keep(add64(p, v.double(ROUND64 + 1023)))
    const f = keep(sub64(p, sub64(rounded, v.double(ROUND64 + 1023))))
    return keep(mul64(v.polynomial64(code, f, EXP2), v.shift('i64x2.shl', rounded, 52)))
  }) as [Local, Local]
  const integral = keep(v.eq(v.trunc(y), y))
  const half = keep(mul(y, 0.5))
  const odd = v.and(integral, v.ne(v.trunc(half), half))
  const signed = v.xor(narrow(low, high), v.and(v.and(x, odd), v.SIGN))
  const none = v.and(v.and(v.lt(x, 0), v.lt(a, infinity)), v.not(integral))
  const one = v.or(v.or(v.eq(x, 1), v.eq(y, 0)), v.and(v.eq(a, 1), v.eq(v.abs(y), infinity)))
  v.push(code, v.choose(one, 1, v.or(signed, none))) // all bits set are a NaN
}

// ── powers of two and their logarithms, angles ──

/** 2^x = 2^n e^((x − n) ln 2), n being the whole number next to x: exact where x is one. */
const exp2: Write = (code, x) => {
  const keep = v.keeper(code)
  const c = keep(v.atLeast(v.atMost(x, 129), -151))
  const rounded = keep(add(c, ROUND))
  const r = keep(mul(sub(c, sub(rounded, ROUND)), Math.LN2))
  const p = v.polynomial(code, r, [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2])
  const rest = keep(mul(mul(r, r), p))
  v.push(code, scaled(code, add(add(r, rest), 1), keep(v.op('i32x4.sub')(rounded, v.whole(ROUND_BITS)))))
}

/** What is no positive number: −∞ of 0, NaN of negative ones, ∞ and NaN as they are. `a` is the logarithm of the others. */
const logarithm = (x: Local, a: Term): Term => {
  const other = v.choose(v.eq(x, 0), Number.NEGATIVE_INFINITY, v.choose(v.lt(x, 0), Number.NaN, x))
  return v.choose(v.and(v.gt(x, 0), v.lt(x, Number.POSITIVE_INFINITY)), a, other)
}

/** log₂ x = e + log m / log 2, where x = m · 2^e: exact where m is 1. */
const log2: Write = (code, x) => {
  const keep = v.keeper(code)
  const { m, e } = split(code, x)
  const t = keep(sub(m, 1))
  const near = keep(add(t, log1pNear(code, t)))
  // 1/ln 2 = 1.4375 + 0.0051950408889634: the product with the former is off by less
  const a = add(add(mul(near, 0.0051950408889634), mul(near, 1.4375)), v.op('f32x4.convert_i32x4_s')(e))
  v.push(code, logarithm(x, a))
}

/** log₁₀ x = log₂ x · log₁₀ 2, in doubles: exact where x is a power of ten that float32 holds. */
const log10: Write = (code, x) => {
  const keep = v.keeper(code)
  const { m, e } = split(code, x)
  const [low, high] = [false, true].map((upper) => keep(mul64(log2Of(code, m, e, upper), v.double(Math.log10(2))))) as [Local, Local]
  v.push(code, logarithm(x, narrow(low, high)))
}

/** Of t = min(|x|, 1/|x|): t + t³ P(t²), P fitted to 3e-9 of the angle; from π/2 where |x| > 1. */
const atan: Write = (code, x) => {
  const keep = v.keeper(code)
  const a = keep(v.abs(x))
  const far = keep(v.gt(a, 1))
  const t = keep(v.choose(far, v.div(1, a), a))
  const z = keep(mul(t, t))
  const fit = [
    -0.0017936203095351411, 0.010914599556225105, -0.031177834461866772, 0.05795758231059282, -0.0840344968228299, 0.10952185558418609,
    -0.14264241639655142, 0.1999854828054362, -0.33333299089003204,
  ]
  const y = keep(add(t, mul(mul(t, z), v.polynomial(code, z, fit))))
  // π/2 as a float32 and what that lacks
  const rest = add(sub(1.5707963705062866, y), -4.371139000186241e-8)
  v.push(code, v.withSign(v.choose(far, rest, y), x))
}

// ── JavaScript's own, lane by lane ──

/** Functions that are too long, or too rare, to be written in instructions: a result in float32 is that of doubles, rounded. */
export const LANEWISE: ReadonlySet<Name> = new Set<Name>([
  'lgamma',
  'digamma',
  'i0e',
  'i1e',
  'atan2',
  'zeta',
  'igamma',
  'igammac',
  'gammapdf',
])

const lanewise =
  (name: Name): VectorFunction =>
  (code, args, library) => {
    const own = library.call(`${name}OfOne`)
    const y = code.local('v128')
    code.v128([0, 0, 0, 0]).set(y)
    for (let lane = 0; lane < 4; lane++) {
      code.get(y)
      for (const arg of args) code.get(arg).lane('f32x4.extract_lane', lane)
      code.call(own).lane('f32x4.replace_lane', lane).set(y)
    }
    code.get(y)
  }

const one =
  (write: Write): VectorFunction =>
  (code, [x], library) =>
    write(code, x as Local, library)

/** Writes what a vector function does with its arguments, and leaves the result on the stack. */
export type VectorFunction = (code: Code, args: readonly Local[], library: Callable) => void

export type Name = keyof typeof floatFunctions

/** Vector functions, of one vector or two. */
export const VECTOR_FUNCTIONS: Readonly<Record<Name, VectorFunction>> = {
  exp: one(exp),
  expm1: one(expm1),
  log: one(log),
  log1p: one(log1p),
  tanh: one(tanh),
  erf: one(erf),
  erfc: one(erfc),
  sign: one(sign),
  sin: one(sine(0)),
  cos: one(sine(1)),
  exp2: one(exp2),
  log2: one(log2),
  log10: one(log10),
  atan: one(atan),
  lgamma: lanewise('lgamma'),
  digamma: lanewise('digamma'),
  i0e: lanewise('i0e'),
  i1e: lanewise('i1e'),
  atan2: lanewise('atan2'),
  zeta: lanewise('zeta'),
  igamma: lanewise('igamma'),
  igammac: lanewise('igammac'),
  gammapdf: lanewise('gammapdf'),
  pow: (code, [x, y]) => pow(code, x as Local, y as Local),
}
