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

// The larger, or NaN where there is one. (Not the sum of the two, which compilers take for 1 where they are x and 1 - x.)
fn f_max(a: f32, b: f32) -> f32 { return select(max(a, b), float_of(0x7fc00000u), any_nan(a, b)); }
fn f_min(a: f32, b: f32) -> f32 { return select(min(a, b), float_of(0x7fc00000u), any_nan(a, b)); }
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

// (log(1 + t) - t + t^2 / 2) / t^3 for sqrt(1/2) - 1 <= t <= sqrt(2) - 1.
fn log1p_cubic(t: f32) -> f32 {
  return fma(fma(fma(fma(fma(fma(fma(fma(0.06744550168514252, t, -0.11674808710813522), t, 0.11888600885868073), t, -0.12405755370855331), t, 0.1421951949596405), t, -0.16667985916137695), t, 0.2000211924314499), t, -0.25000008940696716), t, 0.3333331346511841);
}
fn log1p_near(t: f32) -> f32 {
  let z = t * t;
  return t + fma(-0.5, z, t * z * log1p_cubic(t));
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

// 2^x, exact where x is whole: 2^n e^((x - n) log 2), n being the whole number next to x.
fn f_exp2(x: f32) -> f32 {
  let c = clamp(x, -151.0, 129.0);
  let n = round(c);
  let y = 1.0 + expm1_near((c - n) * 0.6931471805599453);
  let k = i32(n);
  let half = k >> 1u;
  return select(y * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(k - half + 127) << 23u), x, is_nan(x));
}

// A positive number as a significand from sqrt(1/2) to sqrt(2), less 1, and the power of two that it is multiplied by.
fn log_parts(x: f32) -> vec2<f32> {
  let bits = bitcast<u32>(x);
  let above = u32((bits & 0x7fffffu) > 0x3504f3u);
  let e = f32(i32((bits >> 23u) & 0xffu) - 127 + i32(above));
  return vec2<f32>(bitcast<f32>((bits & 0x7fffffu) | ((127u - above) << 23u)) - 1.0, e);
}

// y, the logarithm of a positive number x; of others -Inf, NaN or x itself.
fn log_or_none(x: f32, y: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (is_nan(x) || bits == 0x7f800000u) { return x; }
  if ((bits & 0x7fffffffu) < 0x00800000u) { return float_of(0xff800000u); } // zero, and subnormals flushed to it
  return select(y, float_of(0x7fc00000u), bits >= 0x80000000u);
}

// Exact where x is a power of two.
fn f_log2(x: f32) -> f32 {
  let parts = log_parts(x);
  let near = log1p_near(parts.x);
  return log_or_none(x, fma(near, 1.4375, near * 0.0051950408889634) + parts.y);
}

// log10 x = e log10 2 + log m / log 10, each as a sum of two floats of which the first is exact: so it is a whole number where x is that power of ten.
fn f_log10(x: f32) -> f32 {
  let parts = log_parts(x);
  let t = parts.x;
  let h = leading(t);
  let small = fma(t * t * t, log1p_cubic(t), -0.5 * (t - h) * (t + h));
  let square = 0.5 * h * h;
  let high = leading((t - square) + small);
  let low = ((t - high) - square) + small;
  // 1 / log 10 = 0.434326171875 - 3.1689971748e-5, log10 2 = 0.301025390625 + 4.605038981e-6
  let rest = fma(low, 0.4342944819, fma(high, -3.1689971748e-5, parts.y * 4.605038981e-6));
  let whole = parts.y * 0.301025390625;
  let part = high * 0.434326171875;
  let sum = leading(whole + part);
  return log_or_none(x, sum + (((whole - sum) + part) + rest));
}

// t + t^3 P(t^2) for 0 <= t <= 1, P fitted to 3e-9 of the angle.
fn atan_near(t: f32) -> f32 {
  let z = t * t;
  return fma(t * z, fma(fma(fma(fma(fma(fma(fma(fma(-0.0017936203095351411, z, 0.010914599556225105), z, -0.031177834461866772), z, 0.05795758231059282), z, -0.0840344968228299), z, 0.10952185558418609), z, -0.14264241639655142), z, 0.1999854828054362), z, -0.33333299089003204), t);
}

fn f_atan(x: f32) -> f32 {
  let a = abs(x);
  let far = a > 1.0;
  let near = atan_near(select(a, 1.0 / a, far));
  let y = select(near, (1.5707963705062866 - near) - 4.371139000186241e-8, far);
  return select(select(y, -y, x < 0.0), x, is_nan(x) || x == 0.0);
}

// The angle of (x, y), from -pi to pi; the signs of zeros count.
fn f_atan2(y: f32, x: f32) -> f32 {
  if (any_nan(y, x)) { return float_of(0x7fc00000u); }
  let a = abs(y);
  let b = abs(x);
  let most = max(a, b);
  var t = min(a, b) / most;
  if (bitcast<u32>(min(a, b)) == 0x7f800000u) { t = 1.0; }
  else if (most == 0.0 || bitcast<u32>(most) == 0x7f800000u) { t = 0.0; }
  var r = atan_near(t);
  if (a > b) { r = (1.5707963705062866 - r) - 4.371139000186241e-8; }
  if ((bitcast<u32>(x) & 0x80000000u) != 0u) { r = (3.1415927410125732 - r) - 8.742278000372485e-8; }
  return bitcast<f32>(bitcast<u32>(r) | (bitcast<u32>(y) & 0x80000000u));
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

// erfc a for a >= 1/2: e^(-a^2) t P(t), t = 1 / (1 + 0.4 a), P fitted to 4e-9 of the value up to 10, where it vanishes. The square is taken in two parts, the
// first of which is exact: e^(-a^2) would be off by a^2 times its rounding.
fn erfc_far(a: f32) -> f32 {
  let t = 1.0 / fma(0.4, a, 1.0);
  let p = t * fma(fma(fma(fma(fma(fma(fma(fma(0.06021843649, t, -0.2206513818), t, 0.2284977375), t, -0.05586991847), t, 0.1661736683), t, 0.1613748722), t, 0.2090180141), t, 0.2255716279), t, 0.2256789646);
  let high = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
  let rest = expm1_near((high - a) * (high + a));
  return fma(p, rest, p) * f_exp(-high * high);
}

// The Taylor series of erf(a) / a, by z = a^2 <= 1.
fn erf_near(z: f32) -> f32 {
  return fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(1.4807192805221803e-08, z, -1.6365844146548625e-07), z, 1.6462114444948384e-06), z, -1.4925650248187594e-05), z, 0.00012055332626914605), z, -0.0008548327023163438), z, 0.005223977845162153), z, -0.02686617150902748), z, 0.11283791810274124), z, -0.37612637877464294), z, 1.128379225730896);
}

fn f_erf(x: f32) -> f32 {
  let a = min(abs(x), 4.0);
  let y = select(1.0 - erfc_far(a), a * erf_near(a * a), a < 1.0);
  return select(select(y, -y, x < 0.0), x, is_nan(x));
}

// 1 - erf x, to some units in the last place however small it is.
fn f_erfc(x: f32) -> f32 {
  let a = min(abs(x), 10.1);
  let y = select(erfc_far(a), fma(-a, erf_near(min(a * a, 1.0)), 1.0), a < 0.5);
  return select(select(y, 2.0 - y, x < 0.0), x, is_nan(x));
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

// The leading 12 bits of x: products of two such are exact, and what is left is exact too. Taken by bits, which no compiler folds.
fn leading(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }

// A product of numbers given as a float and the little that it lacks.
fn times_pair(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let p = a.x * b.x;
  let h = vec2<f32>(leading(a.x), leading(b.x));
  let l = vec2<f32>(a.x, b.x) - h;
  let lost = ((h.x * h.y - p) + h.x * l.y + l.x * h.y) + l.x * l.y + (a.x * b.y + a.y * b.x);
  return vec2<f32>(p, select(lost, 0.0, (bitcast<u32>(p) & 0x7fffffffu) >= 0x7f800000u)); // Inf lacks nothing
}

// x^n for a positive x and a whole n up to 64: by squaring, each of which would double the relative error.
fn pow_count(x: f32, n: u32) -> f32 {
  var y = vec2<f32>(1.0, 0.0);
  var square = vec2<f32>(x, 0.0);
  for (var rest = n; rest != 0u; rest >>= 1u) {
    if ((rest & 1u) == 1u) { y = times_pair(y, square); }
    square = times_pair(square, square);
  }
  return y.x + y.y;
}

// a^y for a normal number a: e^(y log a), the logarithm and the product as sums of two floats, since 88 times a rounding error is one of the result.
fn pow_real(a: f32, y: f32) -> f32 {
  let bits = bitcast<u32>(a);
  let above = u32((bits & 0x7fffffu) > 0x3504f3u);
  let e = f32(i32(bits >> 23u) - 127 + i32(above));
  let t = bitcast<f32>((bits & 0x7fffffu) | ((127u - above) << 23u)) - 1.0;
  // log a = 0.693359375 e + t - h^2 / 2, all of which are exact, and what is small beside them
  let h = leading(t);
  let small = fma(t * t * t, log1p_cubic(t), -0.5 * (t - h) * (t + h)) + e * -2.12194440e-4;
  let whole = e * 0.693359375;
  let square = 0.5 * h * h;
  let log_high = leading(whole + (t - square) + small);
  let log_low = (((whole - log_high) + t) - square) + small;
  let y_high = leading(y);
  let high = clamp(y_high * log_high, -200.0, 200.0);
  let low = clamp(y * log_low + (y - y_high) * log_high, -1.0, 1.0);
  // e^near e^rest: near is what the sum is next to, towards 0, lest it overflow where the power does not
  let near = bitcast<f32>(bitcast<u32>(high + low) & 0xffffff00u);
  let rest = (high - near) + low;
  let z = f_exp(near);
  return select(z * (1.0 + expm1_near(rest)), z, (bitcast<u32>(z) & 0x7fffffffu) >= 0x7f800000u);
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
  } else if (bitcast<u32>(a) < 0x00800000u) { // zero, and subnormals flushed to it
    z = select(inf, 0.0, y > 0.0);
  } else if (bitcast<u32>(a) == 0x7f800000u) {
    z = select(0.0, inf, y > 0.0);
  } else if (whole && b <= 64.0) {
    z = pow_count(a, u32(b));
    if (y < 0.0) { z = 1.0 / z; }
    // the power overflowed or vanished where its inverse need not
    if (y < 0.0 && (z == 0.0 || bitcast<u32>(z) == 0x7f800000u)) { z = pow_real(a, y); }
  } else {
    z = pow_real(a, y);
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
// The greatest common divisor: Euclid's algorithm.
fn u_gcd(a: u32, b: u32) -> u32 {
  var x = a;
  var y = b;
  while (y != 0u) {
    let rest = x % y;
    x = y;
    y = rest;
  }
  return x;
}
fn i_div(a: i32, b: i32) -> i32 { return a / b; }
fn i_mod(a: i32, b: i32) -> i32 { return a % b; }
fn u_div(a: u32, b: u32) -> u32 { return a / b; }
fn u_mod(a: u32, b: u32) -> u32 { return a % b; }
