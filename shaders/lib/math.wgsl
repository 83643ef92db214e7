// Elementwise functions that mean the same on every adapter: NaN and infinities as in IEEE 754, accuracy of a few units in the last place.
// Polynomials are Taylor series, weighted least-squares fits made for this file (relative error below 3e-8), or from the source named.

fn f_lt(a: f32, b: f32) -> bool { return a < b && !any_nan(a, b); }
fn f_le(a: f32, b: f32) -> bool { return a <= b && !any_nan(a, b); }
fn f_eq(a: f32, b: f32) -> bool { return a == b && !any_nan(a, b); }
fn f_ne(a: f32, b: f32) -> bool { return a != b || any_nan(a, b); }

// With a second operand that cannot be NaN.
fn f_lt_finite(a: f32, b: f32) -> bool { return a < b && !is_nan(a); }
fn f_le_finite(a: f32, b: f32) -> bool { return a <= b && !is_nan(a); }
fn f_gt_finite(a: f32, b: f32) -> bool { return a > b && !is_nan(a); }
fn f_ge_finite(a: f32, b: f32) -> bool { return a >= b && !is_nan(a); }
fn f_eq_finite(a: f32, b: f32) -> bool { return a == b && !is_nan(a); }
fn f_ne_finite(a: f32, b: f32) -> bool { return a != b || is_nan(a); }

// The larger, or NaN where there is one (the sum is).
fn f_max(a: f32, b: f32) -> f32 { return select(max(a, b), a + b, any_nan(a, b)); }
fn f_min(a: f32, b: f32) -> f32 { return select(min(a, b), a + b, any_nan(a, b)); }
fn f_max_finite(a: f32, b: f32) -> f32 { return select(max(a, b), a, is_nan(a)); }
fn f_min_finite(a: f32, b: f32) -> f32 { return select(min(a, b), a, is_nan(a)); }

fn f_sign(x: f32) -> f32 { return select(sign(x), 0.0, is_nan(x)); } // 0 for NaN, as PyTorch's

// e^r - 1 for |r| <= ln(2)/2 + a little: Taylor series to r^8, whose remainder is below 2^-27 there.
fn expm1_near(r: f32) -> f32 {
  let p = fma(fma(fma(fma(fma(fma(2.48015873e-5, r, 1.98412698e-4), r, 1.38888889e-3), r, 8.33333333e-3), r, 4.16666667e-2), r, 1.66666667e-1), r, 0.5);
  return fma(r * r, p, r);
}

// e^x = 2^n 2^f with n + f = x log2(e). The product is taken in parts that are exact, x being split by its bits: compilers fold what arithmetic
// alone would keep apart.
fn f_exp(x: f32) -> f32 {
  let c = clamp(x, -104.0, 89.0);
  let high = bitcast<f32>(bitcast<u32>(c) & 0xfffff000u);
  let whole = high * 1.4423828125; // 12 bits times 12 bits
  let rest = fma(c - high, 1.4423828125, c * 3.1222838896e-4);
  let n = round(whole + rest);
  let y = 1.0 + expm1_near(((whole - n) + rest) * 0.6931471805599453);
  let k = i32(n);
  let half = k >> 1u; // 2^n in two factors: n runs from -150 to 128
  return select(y * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(k - half + 127) << 23u), x, is_nan(x));
}

fn f_expm1(x: f32) -> f32 {
  return select(f_exp(x) - 1.0, expm1_near(x), abs(x) < 0.35);
}

// log(1 + t) for sqrt(1/2) - 1 <= t <= sqrt(2) - 1.
fn log1p_near(t: f32) -> f32 {
  let z = t * t;
  let p = fma(fma(fma(fma(fma(fma(fma(fma(0.06744550168514252, t, -0.11674808710813522), t, 0.11888600885868073), t, -0.12405755370855331), t, 0.1421951949596405), t, -0.16667985916137695), t, 0.2000211924314499), t, -0.25000008940696716), t, 0.3333331346511841);
  return t + fma(-0.5, z, t * z * p);
}

fn f_log(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let above = u32((bits & 0x7fffffu) > 0x3504f3u); // mantissa over sqrt(2): halve it
  let e = f32(i32((bits >> 23u) & 0xffu) - 127 + i32(above));
  let m = bitcast<f32>((bits & 0x7fffffu) | ((127u - above) << 23u));
  let near = log1p_near(m - 1.0);
  var y = fma(e, 0.693359375, fma(e, -2.12194440e-4, near));
  if ((bits & 0x7fffffffu) < 0x00800000u) { y = float_of(0xff800000u); } // zero, and subnormals flushed to it
  else if (bits >= 0x80000000u) { y = float_of(0x7fc00000u); }
  else if (bits == 0x7f800000u) { y = x; }
  return select(y, x, is_nan(x));
}

fn f_log1p(x: f32) -> f32 {
  if (x > -0.2928 && x < 0.4142) { return log1p_near(x); }
  return f_log(1.0 + x);
}

// Hardware may take the root as x / sqrt(x), which is NaN at zero and infinity.
fn f_sqrt(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return select(sqrt(x), x, (bits << 1u) == 0u || bits == 0x7f800000u);
}

fn f_rsqrt(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let y = select(1.0 / sqrt(x), 0.0, bits == 0x7f800000u);
  return select(y, float_of((bits & 0x80000000u) | 0x7f800000u), (bits << 1u) == 0u);
}

// Odd Taylor-like polynomial below 0.625 (no cancellation), else from e^2|x|; from 9.1 on it is 1.
fn f_tanh(x: f32) -> f32 {
  let a = min(abs(x), 9.1);
  let z = a * a;
  let near = fma(a * z, fma(fma(fma(fma(-0.005717036779969931, z, 0.020650578662753105), z, -0.05374349653720856), z, 0.13331490755081177), z, -0.3333328366279602), a);
  let far = 1.0 - 2.0 / (f_exp(2.0 * a) + 1.0);
  let y = select(far, near, a < 0.625);
  return select(select(y, -y, x < 0.0), x, is_nan(x));
}

// Below 1 the Taylor series; above, Abramowitz and Stegun 7.1.26 (1.5e-7).
fn f_erf(x: f32) -> f32 {
  let a = min(abs(x), 4.0);
  let z = a * a;
  let p = fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(1.4807192805221803e-08, z, -1.6365844146548625e-07), z, 1.6462114444948384e-06), z, -1.4925650248187594e-05), z, 0.00012055332626914605), z, -0.0008548327023163438), z, 0.005223977845162153), z, -0.02686617150902748), z, 0.11283791810274124), z, -0.37612637877464294), z, 1.128379225730896);
  let near = a * p;
  let t = 1.0 / fma(0.3275911, a, 1.0);
  let q = t * fma(fma(fma(fma(1.061405429, t, -1.453152027), t, 1.421413741), t, -0.284496736), t, 0.254829592);
  let y = select(1.0 - q * f_exp(-z), near, a < 1.0);
  return select(select(y, -y, x < 0.0), x, is_nan(x));
}

// The high word of a 32 x 32 bit product.
fn mul_high(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let low = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (low >> 16u);
}

// 32 bits of 2/pi from the given position behind the binary point.
fn two_over_pi(position: i32) -> u32 {
  var words = array<u32, 8>(0x00000000u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  let at = u32(position + 32);
  let w = at >> 5u;
  let s = at & 31u;
  return select((words[w] << s) | (words[w + 1u] >> (32u - s)), words[w], s == 0u);
}

// x as a quarter turn count (modulo 4) and an angle of at most pi/4. Up to 20,000 by three parts of pi/2; beyond, the bits of 2/pi that matter
// times the significand (M. Payne and R. Hanek, SIGNUM 18(1), 1983).
struct Turn { quarter: u32, angle: f32 }
fn quarter_turns(x: f32) -> Turn {
  let a = abs(x);
  let bits = bitcast<u32>(a);
  if (a < 20000.0) {
    let n = round(x * 0.63661977);
    // pi/2 = 1.5703125 + 4.837512969970703e-4 + 7.549789948768648e-8: the first two have 11 bits each
    let r = fma(n, -7.549789948768648e-8, fma(n, -4.837512969970703e-4, fma(n, -1.5703125, x)));
    return Turn(u32(i32(n)) & 3u, r);
  }
  let significand = (bits & 0x7fffffu) | 0x800000u;
  let e = i32(bits >> 23u) - 150; // a = significand * 2^e
  let high = two_over_pi(e - 2);  // weights 4 ... : what lies above is a multiple of 4 quarters
  let middle = two_over_pi(e + 30);
  let low = two_over_pi(e + 62);
  // significand * (high, middle, low), modulo 2^96
  let p0 = significand * low;
  let c0 = mul_high(significand, low);
  let p1 = significand * middle + c0;
  let carry = u32(p1 < c0);
  let p2 = significand * high + mul_high(significand, middle) + carry;
  // the two top bits of p2 count quarters; the rest is a fraction of one
  var quarter = p2 >> 30u;
  var fraction = (p2 << 2u) | (p1 >> 30u);
  let below = (p1 << 2u) | (p0 >> 30u);
  var flip = false;
  if (fraction >= 0x80000000u) {
    quarter += 1u;
    flip = true;
    fraction = ~fraction;
  }
  let f = f32(fraction) * 2.3283064365386963e-10 + f32(select(below, ~below, flip)) * 5.421010862427522e-20;
  var r = f * 1.5707963267948966;
  r = select(r, -r, flip);
  if (x < 0.0) { return Turn((4u - (quarter & 3u)) & 3u, -r); }
  return Turn(quarter & 3u, r);
}

fn sin_near(r: f32) -> f32 {
  let z = r * r;
  return fma(r * z, fma(fma(fma(2.7525562e-6, z, -1.98408743e-4), z, 8.33333217e-3), z, -1.66666667e-1), r);
}
fn cos_near(r: f32) -> f32 {
  let z = r * r;
  return fma(z * z, fma(fma(-2.7557314e-7 * z + 2.48015873e-5, z, -1.38888889e-3), z, 4.16666667e-2), fma(-0.5, z, 1.0));
}
fn sin_of_turn(t: Turn, quarters: u32) -> f32 {
  let q = t.quarter + quarters;
  let y = select(sin_near(t.angle), cos_near(t.angle), (q & 1u) == 1u);
  return select(y, -y, (q & 2u) == 2u);
}
fn f_sin(x: f32) -> f32 {
  if ((bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u) { return float_of(0x7fc00000u); }
  return sin_of_turn(quarter_turns(x), 0u);
}
fn f_cos(x: f32) -> f32 {
  if ((bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u) { return float_of(0x7fc00000u); }
  return sin_of_turn(quarter_turns(x), 1u);
}

// |x|^n for a small whole n, by squaring.
fn pow_whole(x: f32, n: u32) -> f32 {
  var y = 1.0;
  var square = x;
  for (var rest = n; rest != 0u; rest >>= 1u) {
    y = select(y, y * square, (rest & 1u) == 1u);
    square *= square;
  }
  return y;
}

// As C's pow: x^0 = 1^y = 1 also for NaN; a negative x takes whole exponents only.
fn f_pow(x: f32, y: f32) -> f32 {
  if (y == 0.0 || x == 1.0) {
    if (!is_nan(y) || (x == 1.0 && !is_nan(x))) { return 1.0; }
  }
  if (any_nan(x, y)) { return float_of(0x7fc00000u); }
  let inf = float_of(0x7f800000u);
  let a = abs(x);
  let b = abs(y);
  let whole = b >= 8388608.0 || floor(b) == b;
  let odd = b < 16777216.0 && whole && (u32(b) & 1u) == 1u;
  var z: f32;
  if (bitcast<u32>(b) == 0x7f800000u) {
    z = select(select(0.0, inf, (a > 1.0) == (y > 0.0)), 1.0, a == 1.0);
  } else if (a == 0.0) {
    z = select(inf, 0.0, y > 0.0);
  } else if (bitcast<u32>(a) == 0x7f800000u) {
    z = select(0.0, inf, y > 0.0);
  } else if (whole && b <= 64.0) {
    z = pow_whole(a, u32(b));
    if (y < 0.0) { z = 1.0 / z; }
    // the power overflowed or vanished where its inverse need not
    if (y < 0.0 && (z == 0.0 || bitcast<u32>(z) == 0x7f800000u)) { z = f_exp(y * f_log(a)); }
  } else {
    z = f_exp(y * f_log(a));
  }
  let negative = (bitcast<u32>(x) & 0x80000000u) != 0u;
  if (negative && a != 0.0 && bitcast<u32>(a) != 0x7f800000u && !whole) { return float_of(0x7fc00000u); }
  return select(z, -z, negative && odd);
}

// Remainder with the sign of the dividend, exactly, as C's fmod: long division of the significands, 8 bits at a time.
fn f_mod(a: f32, b: f32) -> f32 {
  let x = bitcast<u32>(a) & 0x7fffffffu;
  let y = bitcast<u32>(b) & 0x7fffffffu;
  if (x >= 0x7f800000u || y > 0x7f800000u || y < 0x800000u) { return float_of(0x7fc00000u); }
  if (x < y) { return a; }
  let divisor = (y & 0x7fffffu) | 0x800000u;
  var rest = ((x & 0x7fffffu) | 0x800000u) % divisor;
  for (var more = (x >> 23u) - (y >> 23u); more > 0u;) {
    let step = min(more, 8u);
    rest = (rest << step) % divisor;
    more -= step;
  }
  // rest * 2^(exponent of b - 23), in two factors
  let e = i32(y >> 23u) - 150;
  let half = e >> 1u;
  let r = f32(rest) * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(e - half + 127) << 23u);
  return select(r, -r, bitcast<u32>(a) >= 0x80000000u);
}

fn i_pow(x: i32, y: i32) -> i32 {
  if (y < 0) {
    if (x == 1) { return 1; }
    if (x == -1) { return select(1, -1, (y & 1) == 1); }
    return 0;
  }
  var z = 1;
  var square = x;
  for (var rest = u32(y); rest != 0u; rest >>= 1u) {
    if ((rest & 1u) == 1u) { z *= square; }
    square *= square;
  }
  return z;
}
fn u_pow(x: u32, y: u32) -> u32 {
  var z = 1u;
  var square = x;
  for (var rest = y; rest != 0u; rest >>= 1u) {
    if ((rest & 1u) == 1u) { z *= square; }
    square *= square;
  }
  return z;
}
fn i_div(a: i32, b: i32) -> i32 { return a / b; }
fn i_mod(a: i32, b: i32) -> i32 { return a % b; }
fn u_div(a: u32, b: u32) -> u32 { return a / b; }
fn u_mod(a: u32, b: u32) -> u32 { return a % b; }
