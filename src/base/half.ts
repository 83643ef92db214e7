/**
 * @file The 16-bit floats on the host, IEEE 754's half precision and bfloat16 (the upper half of a float32): bits to number and back, round to nearest even,
 * overflow to ±Inf, NaN kept.
 */
import type { HalfDType } from './dtype.ts'

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/**
 * The bits of `value` as a float32 that rounds to the same narrower float. Rounding twice may err when float32 rounding lands on a tie; round-to-odd on the way
 * avoids it.
 */
function oddBits(value: number): number {
  f32[0] = value
  const bits = u32[0] as number
  if (f32[0] === value || !Number.isFinite(f32[0])) return bits
  return (Math.abs(f32[0]) > Math.abs(value) ? bits - 1 : bits) | 1
}

/** The half nearest to `value` (ties to even), as its 16 bits. A double is rounded once. */
export function toHalf(value: number): number {
  const bits = oddBits(value)
  const sign = (bits >>> 16) & 0x8000
  const abs = bits & 0x7fffffff
  if (abs > 0x7f800000) return sign | 0x7e00
  if (abs >= 0x477ff000) return sign | 0x7c00 // ≥ 65520 rounds to infinity
  if (abs < 0x38800000) {
    // subnormal half: shift the significand so that one unit is 2⁻²⁴
    if (abs < 0x33000000) return sign
    const shift = 126 - (abs >>> 23)
    const significand = (abs & 0x7fffff) | 0x800000
    const half = significand >>> shift
    const rest = significand & ((1 << shift) - 1)
    const tie = 1 << (shift - 1)
    return sign | (half + (rest > tie || (rest === tie && (half & 1) === 1) ? 1 : 0))
  }
  return sign | ((abs - 0x38000000 + 0xfff + ((abs >>> 13) & 1)) >>> 13)
}

/** The number that 16 bits of half precision stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The bfloat16 nearest to `value` (ties to even), as its 16 bits. A double is rounded once. */
export function toBfloat(value: number): number {
  const bits = oddBits(value)
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) & 0x8000) | 0x7fc0
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

/** The number that 16 bits of bfloat16 stand for. */
export function fromBfloat(bits: number): number {
  u32[0] = bits << 16
  return f32[0] as number
}

interface HalfFormat {
  /** The nearest value, as its bits. */
  readonly toBits: (value: number) => number
  readonly fromBits: (bits: number) => number
  /** Bits of the significand, the hidden one counted. */
  readonly significand: number
}

/** The formats of the 16-bit floats. */
export const halfFormats: Readonly<Record<HalfDType, HalfFormat>> = {
  float16: { toBits: toHalf, fromBits: fromHalf, significand: 11 },
  bfloat16: { toBits: toBfloat, fromBits: fromBfloat, significand: 8 },
}
