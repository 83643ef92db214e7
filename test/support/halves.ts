/** @file The 16-bit floats in plain arithmetic, on doubles: what their bits stand for, and which of them is nearest to a number. */

export type Half = 'float16' | 'bfloat16'
export const HALVES: readonly Half[] = ['float16', 'bfloat16']

/** Bits of the fraction, and the exponent of the least normal number. */
const FORMAT: Readonly<Record<Half, { readonly fraction: number; readonly least: number }>> = {
  float16: { fraction: 10, least: -14 },
  bfloat16: { fraction: 7, least: -126 },
}

/** The number that 16 bits stand for. */
export function numberOf(bits: number, dtype: Half): number {
  const { fraction: width, least } = FORMAT[dtype]
  const most = 2 ** (15 - width) - 1
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> width) & most, bits & (2 ** width - 1)]
  if (exponent === most) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? fraction : fraction + 2 ** width) * 2 ** (least - width + Math.max(exponent - 1, 0))
}

/** The distance from a number of the size of `x` to the next. */
export const ulpOf = (x: number, dtype: Half): number => {
  const { fraction, least } = FORMAT[dtype]
  return 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x) || 2 ** -1022)), least) - fraction)
}

/** The largest finite number. */
export const largest = (dtype: Half): number => numberOf(dtype === 'float16' ? 0x7bff : 0x7f7f, dtype)

/** The nearest number of the dtype, ties to even. */
export function nearestHalf(x: number, dtype: Half): number {
  if (!Number.isFinite(x) || x === 0) return x
  const unit = ulpOf(x, dtype)
  const down = Math.floor(x / unit)
  const rest = x / unit - down
  const near = (rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down) * unit
  return Math.abs(near) > largest(dtype) ? Math.sign(x) * Number.POSITIVE_INFINITY : near === 0 ? 0 * x : near
}
