// Tests of floats by bit pattern, and numbers narrower than 32 bits. NaN cannot be told by `x != x`: compilers may assume that there is none.

fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn any_nan(a: f32, b: f32) -> bool {
  return max(bitcast<u32>(a) & 0x7fffffffu, bitcast<u32>(b) & 0x7fffffffu) > 0x7f800000u;
}

// A whole number in place of a float, given by its bits, that is ordered as it is: -0 as 0, and NaN behind all others.
fn float_key(bits: u32) -> u32 {
  let size = bits & 0x7fffffffu;
  if (size == 0u) { return 0x80000000u; }
  if (size > 0x7f800000u) { return 0xffffffffu; }
  return select(bits | 0x80000000u, ~bits, bits != size);
}

// The float with these bits. Through a variable, because constant expressions may not be Inf or NaN.
fn float_of(bits: u32) -> f32 {
  var word = bits;
  return bitcast<f32>(word);
}

// x, which compilers cannot tell from its neighbours: `all` is 0xffffffff, a parameter. They take (a + b) - a for b.
fn held(x: f32, all: u32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & all);
}

// A sum and what its additions lost; of an infinite sum that is nothing.
fn with_rest(sum: f32, rest: f32) -> f32 {
  return select(sum + rest, sum, (bitcast<u32>(rest) & 0x7fffffffu) >= 0x7f800000u);
}

fn float_to_bool(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) != 0u;
}

// Truncates; out of range saturates, NaN gives 0.
fn float_to_i32(x: f32) -> i32 {
  if (is_nan(x)) { return 0; }
  if (x >= 2147483648.0) { return 2147483647; }
  return i32(max(x, -2147483648.0));
}

fn float_to_u32(x: f32) -> u32 {
  if (is_nan(x)) { return 0u; }
  if (x >= 4294967296.0) { return 0xffffffffu; }
  return u32(max(x, 0.0));
}

// IEEE 754 half precision in the low 16 bits: round to nearest even, overflow to Inf, NaN kept.
fn half_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return sign | 0x7e00u; }
  if (size >= 0x477ff000u) { return sign | 0x7c00u; }
  if (size >= 0x38800000u) { return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u); }
  if (size < 0x33000000u) { return sign; }
  // a subnormal half counts units of 2^-24
  let shift = 126u - (size >> 23u);
  let significand = (size & 0x7fffffu) | 0x800000u;
  let whole = significand >> shift;
  let rest = significand & ((1u << shift) - 1u);
  let tie = 1u << (shift - 1u);
  return sign | (whole + select(0u, 1u, rest > tie || (rest == tie && (whole & 1u) == 1u)));
}

fn half_to_float(half: u32) -> f32 {
  let sign = (half & 0x8000u) << 16u;
  let size = half & 0x7fffu;
  if (size >= 0x7c00u) { return float_of(sign | 0x7f800000u | ((size & 0x3ffu) << 13u)); }
  if (size >= 0x400u) { return bitcast<f32>(sign | ((size << 13u) + 0x38000000u)); }
  return bitcast<f32>(sign | bitcast<u32>(f32(size) * 5.9604644775390625e-8));
}

fn round_half(x: f32) -> f32 {
  return half_to_float(half_of(x));
}

// As half_of, of an adapter that has f16. The bits are those of integers: no driver rounds them, or flushes them to zero.
fn native_half(x: f32) -> f16 {
  return bitcast<vec2<f16>>(half_of(x)).x;
}

// A bfloat16 is the upper half of a float32: as half_of.
fn bfloat_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return ((bits >> 16u) & 0x8000u) | 0x7fc0u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}

// Of the low 16 bits.
fn bfloat_to_float(bits: u32) -> f32 {
  return bitcast<f32>(bits << 16u);
}

fn round_bfloat(x: f32) -> f32 {
  return bfloat_to_float(bfloat_of(x));
}

// floor(x / by), given a float a little below 1 / by: the product is it or one less while x < 2^24 and x / by < 2^21.
fn quotient(x: u32, by: u32, inverse: f32) -> u32 {
  let q = u32(f32(x) * inverse);
  return q + select(0u, 1u, x - q * by >= by);
}
