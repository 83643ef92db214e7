/** @file IEEE 754 half precision on the host: bits to number and back, round to nearest even, overflow to ±Inf, NaN kept. */

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/** The half nearest to `value` (ties to even), as its 16 bits. A double is rounded once: through float32 with its sticky bit kept. */
export function toHalf(value: number): number {
  f32[0] = value
  let bits = u32[0] as number
  // Rounding twice (double → float32 → half) may err when float32 rounding lands on a tie; round-to-odd on the way avoids it.
  if (f32[0] !== value && !Number.isNaN(value) && Number.isFinite(f32[0])) {
    const up = Math.abs(f32[0]) > Math.abs(value)
    if (up) bits -= 1
    bits |= 1
  }
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
