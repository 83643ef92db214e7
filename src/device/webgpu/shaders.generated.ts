// Written by scripts/embed-shaders.ts from shaders/: edit there, then `npm run shaders`.
export const shaders: Readonly<Record<string, string>> = {
  'each': `struct Each { points: u32, size: u32, sweep: u32 }
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let e = each();
  let first = (group.x + group.y * 65535u) * e.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < e.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= e.points) { break; }
    compute(point);
  }
}
`,
  'lib/bits': `fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}
fn any_nan(a: f32, b: f32) -> bool {
  return max(bitcast<u32>(a) & 0x7fffffffu, bitcast<u32>(b) & 0x7fffffffu) > 0x7f800000u;
}
fn float_key(bits: u32) -> u32 {
  let size = bits & 0x7fffffffu;
  if (size == 0u) { return 0x80000000u; }
  if (size > 0x7f800000u) { return 0xffffffffu; }
  return select(bits | 0x80000000u, ~bits, bits != size);
}
fn float_of(bits: u32) -> f32 {
  var word = bits;
  return bitcast<f32>(word);
}
fn held(x: f32, all: u32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & all);
}
fn with_rest(sum: f32, rest: f32) -> f32 {
  return select(sum + rest, sum, (bitcast<u32>(rest) & 0x7fffffffu) >= 0x7f800000u);
}
fn float_to_bool(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) != 0u;
}
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
fn half_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) { return sign | 0x7e00u; }
  if (size >= 0x477ff000u) { return sign | 0x7c00u; }
  if (size >= 0x38800000u) { return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u); }
  if (size < 0x33000000u) { return sign; }
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
fn native_half(x: f32) -> f16 {
  return bitcast<vec2<f16>>(half_of(x)).x;
}
fn bfloat_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return ((bits >> 16u) & 0x8000u) | 0x7fc0u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}
fn bfloat_to_float(bits: u32) -> f32 {
  return bitcast<f32>(bits << 16u);
}
fn round_bfloat(x: f32) -> f32 {
  return bfloat_to_float(bfloat_of(x));
}
fn quotient(x: u32, by: u32, inverse: f32) -> u32 {
  let q = u32(f32(x) * inverse);
  return q + select(0u, 1u, x - q * by >= by);
}
`,
  'lib/gamma': `fn lgamma_near(z: f32) -> f32 {
  return z * fma(z, fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(-2.03921575e-06, z, 4.37486679e-06), z, -9.43948828e-06), z, 2.05072128e-05), z, -4.49262367e-05), z, 9.94575128e-05), z, -0.000223154758), z, 0.000509669525), z, -0.00119275391), z, 0.00289051033), z, -0.00738555103), z, 0.0205808084), z, -0.0673523011), z, 0.322467033), 0.422784335);
}
fn digamma_near(z: f32) -> f32 {
  return fma(z, fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(-3.05882363e-05, z, 6.12481351e-05), z, -0.000122713348), z, 0.000246086553), z, -0.000494188604), z, 0.000994575128), z, -0.00200839283), z, 0.0040773562), z, -0.00834927738), z, 0.017343062), z, -0.0369277551), z, 0.0823232337), z, -0.202056903), z, 0.644934067), 0.422784335);
}
fn half_turns(x: f32) -> vec2<f32> {
  let n = round(x);
  let r = 3.14159265 * (x - n);
  let y = vec2<f32>(f_sin(r), f_cos(r));
  return select(y, -y, n - 2.0 * floor(0.5 * n) != 0.0);
}
fn lgamma_above(x: f32) -> f32 {
  if (x < 0.5) { return lgamma_near(x) - f_log(abs(x)) - f_log1p(x); }
  if (x < 1.5) { return lgamma_near(x - 1.0) - f_log1p(x - 1.0); }
  if (x < 10.0) {
    var y = x;
    var product = 1.0;
    while (y > 2.5) {
      y -= 1.0;
      product *= y;
    }
    return lgamma_near(y - 2.0) + f_log(product);
  }
  let z = 1.0 / (x * x);
  let series = fma(fma(7.93650794e-4, z, -2.77777778e-3), z, 8.33333333e-2);
  return fma(x - 0.5, f_log(x) - 1.0, series / x + 0.418938533);
}
fn f_lgamma(x: f32) -> f32 {
  if (is_nan(x)) { return x; }
  if ((bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u || (x <= 0.0 && floor(x) == x)) { return float_of(0x7f800000u); }
  if (x >= -0.5) { return lgamma_above(x); }
  return f_log(3.14159265 / abs(half_turns(x).x)) - lgamma_above(1.0 - x);
}
fn digamma_above(x: f32) -> f32 {
  if (x < 0.5) { return digamma_near(x) - 1.0 / (x + 1.0) - 1.0 / x; }
  if (x < 1.5) { return digamma_near(x - 1.0) - 1.0 / x; }
  if (x < 10.0) {
    var y = x;
    var sum = 0.0;
    while (y > 2.5) {
      y -= 1.0;
      sum += 1.0 / y;
    }
    return digamma_near(y - 2.0) + sum;
  }
  let z = 1.0 / (x * x);
  return f_log(x) - 0.5 / x + z * fma(fma(-3.96825397e-3, z, 8.33333333e-3), z, -8.33333333e-2);
}
fn f_digamma(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (is_nan(x) || bits == 0x7f800000u) { return x; }
  if ((bits & 0x7fffffffu) == 0u) { return float_of(0xff800000u ^ bits); }
  if (x > 0.0) { return digamma_above(x); }
  if (bits == 0xff800000u || floor(x) == x) { return float_of(0x7fc00000u); }
  let y = half_turns(x);
  return digamma_above(1.0 - x) - 3.14159265 * y.y / y.x;
}
fn zeta_above(s: f32, q: f32) -> f32 {
  if (bitcast<u32>(q) == 0x7f800000u) { return 0.0; }
  var sum = 0.0;
  var a = q;
  while (a < 10.0) {
    sum += f_pow(a, -s);
    a += 1.0;
  }
  let power = f_pow(a, -s);
  let z = 1.0 / (a * a);
  var tail = fma((s + 7.0) * (s + 8.0) * z, 2.08767570e-8, -8.26719577e-7);
  tail = fma((s + 5.0) * (s + 6.0) * z, tail, 3.30687831e-5);
  tail = fma((s + 3.0) * (s + 4.0) * z, tail, -1.38888889e-3);
  tail = fma((s + 1.0) * (s + 2.0) * z, tail, 8.33333333e-2);
  return sum + power * (a / (s - 1.0) + 0.5 + s / a * tail);
}
fn f_zeta(s: f32, q: f32) -> f32 {
  let none = float_of(0x7fc00000u);
  if (any_nan(s, q) || s < 1.0 || bitcast<u32>(q) == 0xff800000u) { return none; }
  if (s == 1.0) { return float_of(0x7f800000u); }
  if (q > 0.0) { return zeta_above(s, q); }
  if (floor(q) == q) { return float_of(0x7f800000u); }
  if (floor(s) != s) { return none; }
  let below = zeta_above(s, ceil(q) - q) - zeta_above(s, 1.0 - q);
  return zeta_above(s, q - floor(q)) + select(-below, below, s - 2.0 * floor(0.5 * s) == 0.0);
}
fn bessel_scaled(n: f32, a: f32) -> f32 {
  if (bitcast<u32>(a) == 0x7f800000u) { return 0.0; }
  var term = 1.0;
  var sum = 1.0;
  if (a < 10.0) {
    let quarter = 0.25 * a * a;
    for (var k = 1.0; term > sum * 1e-8; k += 1.0) {
      term *= quarter / (k * (k + n));
      sum += term;
    }
    return sum * select(0.5 * a, 1.0, n == 0.0) * f_exp(-a);
  }
  for (var k = 1.0; k <= 16.0 && abs(term) > 1e-8; k += 1.0) {
    term *= fma(2.0 * k - 1.0, 2.0 * k - 1.0, -4.0 * n * n) / (8.0 * a * k);
    sum += term;
  }
  return sum * f_rsqrt(6.28318531 * a);
}
fn f_i0e(x: f32) -> f32 {
  return select(bessel_scaled(0.0, abs(x)), x, is_nan(x));
}
fn f_i1e(x: f32) -> f32 {
  let y = bessel_scaled(1.0, abs(x));
  return select(select(y, -y, x < 0.0), x, is_nan(x) || x == 0.0);
}
`,
  'lib/incomplete_gamma': `fn gamma_half_square(a: f32, x: f32) -> f32 {
  let u = (x - a) / a;
  if (abs(u) > 0.5) { return u - f_log(x / a); }
  let s = u / (2.0 + u);
  let z = s * s;
  let sum = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, 0.0666666667, 0.0769230769), 0.0909090909), 0.111111111), 0.142857143), 0.2), 0.333333333);
  return s * fma(-2.0 * z, sum, u);
}
fn gamma_prefactor(a: f32, x: f32) -> f32 {
  if (a >= 3.0) {
    let z = 1.0 / (a * a);
    let rest = fma(fma(fma(z, -5.95238095e-4, 7.93650794e-4), z, -2.77777778e-3), z, 8.33333333e-2) / a;
    return f_exp(-a * gamma_half_square(a, x) - rest) / (2.50662827 * f_sqrt(a));
  }
  if (x > 200.0) { return 0.0; }
  let root = f_exp(-0.5 * x);
  return f_pow(x, a) * root * f_exp(-f_lgamma(a + 1.0)) * root;
}
fn igamma_series(a: f32, x: f32) -> f32 {
  let factor = gamma_prefactor(a, x);
  if (factor == 0.0) { return 0.0; }
  var term = 1.0;
  var sum = 1.0;
  for (var n = 1.0; term > sum * 1e-8 && n < 300.0; n += 1.0) {
    term *= x / (a + n);
    sum += term;
  }
  return factor * sum;
}
fn igammac_series(a: f32, x: f32) -> f32 {
  var log_gamma: f32;
  if (a < 0.5) { log_gamma = lgamma_near(a) - f_log1p(a); } else { log_gamma = lgamma_near(a - 1.0); }
  let power = a * f_log(x) - log_gamma;
  var term = 1.0;
  var sum = 0.0;
  for (var n = 1.0; abs(term) > 1e-9 && n < 20.0; n += 1.0) {
    term *= -x / n;
    sum += term / (a + n);
  }
  return -f_expm1(power) - f_exp(power) * a * sum;
}
fn igammac_fraction(a: f32, x: f32) -> f32 {
  let factor = gamma_prefactor(a, x) * a;
  if (factor == 0.0) { return 0.0; }
  var b = x - a + 1.0;
  var up = 1e30;
  var down = 1.0 / b;
  var product = down;
  var step = 0.0;
  for (var n = 1.0; abs(step - 1.0) > 2e-7 && n < 100.0; n += 1.0) {
    let numerator = n * (a - n);
    b += 2.0;
    down = 1.0 / fma(numerator, down, b);
    up = b + numerator / up;
    step = up * down;
    product *= step;
  }
  return factor * product;
}
fn igamma_uniform(a: f32, x: f32, upper: bool) -> f32 {
  let half = gamma_half_square(a, x);
  let eta = f_sign(x - a) * f_sqrt(2.0 * half);
  let c0 = fma(eta, fma(eta, fma(eta, fma(eta, fma(eta, fma(eta, 3.91926318e-5, -1.78755144e-4), 3.52733686e-4), 1.15740741e-3), -1.48148148e-2), 8.33333333e-2), -0.333333333);
  let c1 = fma(eta, fma(eta, fma(eta, fma(eta, 2.05761317e-4, -9.90226337e-4), 2.64550265e-3), -3.47222222e-3), -1.85185185e-3);
  let c2 = fma(eta, fma(eta, 7.71604938e-4, -2.68132716e-3), 4.13359788e-3);
  let lacks = f_exp(-a * half) / (2.50662827 * f_sqrt(a)) * (c0 + (c1 + (c2 + 6.49434156e-4 / a) / a) / a);
  let normal = f_sign(x - a) * f_sqrt(a * half);
  if (upper) { return fma(0.5, f_erfc(normal), lacks); }
  return fma(0.5, f_erfc(-normal), -lacks);
}
fn is_below_zero(x: f32) -> bool {
  let bits = bitcast<u32>(x);
  return bits > 0x80000000u && bits <= 0xff800000u;
}
fn is_nothing(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) < 0x00800000u; }
fn igamma_at_ends(a: f32, x: f32) -> f32 {
  let none = float_of(0x7fc00000u);
  let infinite = bitcast<u32>(x) == 0x7f800000u;
  if (is_below_zero(a) || is_below_zero(x)) { return none; }
  if (is_nothing(a)) { return select(1.0, none, is_nothing(x) || is_nan(x)); }
  if (is_nothing(x)) { return 0.0; }
  if (bitcast<u32>(a) == 0x7f800000u) { return select(0.0, none, infinite); }
  if (infinite) { return 1.0; }
  return select(2.0, none, any_nan(a, x));
}
fn igamma_either(a: f32, x: f32, upper: bool) -> f32 {
  let known = igamma_at_ends(a, x);
  if (is_nan(known)) { return known; }
  if (known != 2.0) { return select(known, 1.0 - known, upper); }
  if (a >= 20.0 && abs(x - a) <= 0.3 * a) { return igamma_uniform(a, x, upper); }
  if (x >= 1.1 && x >= a) {
    let q = igammac_fraction(a, x);
    return select(1.0 - q, q, upper);
  }
  if (upper && a <= 1.0) { return igammac_series(a, x); }
  let p = igamma_series(a, x);
  return select(p, 1.0 - p, upper);
}
fn f_igamma(a: f32, x: f32) -> f32 { return igamma_either(a, x, false); }
fn f_igammac(a: f32, x: f32) -> f32 { return igamma_either(a, x, true); }
fn f_gammapdf(a: f32, x: f32) -> f32 {
  if (any_nan(a, x) || is_below_zero(a) || is_below_zero(x) || (is_nothing(a) && is_nothing(x))) { return float_of(0x7fc00000u); }
  if (is_nothing(a)) { return 0.0; }
  if (is_nothing(x)) { return select(select(0.0, 1.0, a == 1.0), float_of(0x7f800000u), a < 1.0); }
  let ends = u32(bitcast<u32>(a) == 0x7f800000u) + u32(bitcast<u32>(x) == 0x7f800000u);
  if (ends > 0u) { return select(0.0, float_of(0x7fc00000u), ends == 2u); }
  if (a >= 3.0) {
    let factor = gamma_prefactor(a, x);
    if (factor == 0.0) { return 0.0; }
    return factor * (a / x);
  }
  if (x > 200.0) { return 0.0; }
  let root = f_exp(-0.5 * x);
  var power: f32;
  if (a < 1.0) { power = f_pow(x, a) / x; } else { power = f_pow(x, a - 1.0); }
  return a * power * root * f_exp(-f_lgamma(a + 1.0)) * root;
}
`,
  'lib/math': `fn f_lt(a: f32, b: f32) -> bool { return a < b && !any_nan(a, b); }
fn f_le(a: f32, b: f32) -> bool { return a <= b && !any_nan(a, b); }
fn f_eq(a: f32, b: f32) -> bool { return a == b && !any_nan(a, b); }
fn f_ne(a: f32, b: f32) -> bool { return a != b || any_nan(a, b); }
fn f_lt_finite(a: f32, b: f32) -> bool { return a < b && !is_nan(a); }
fn f_le_finite(a: f32, b: f32) -> bool { return a <= b && !is_nan(a); }
fn f_gt_finite(a: f32, b: f32) -> bool { return a > b && !is_nan(a); }
fn f_ge_finite(a: f32, b: f32) -> bool { return a >= b && !is_nan(a); }
fn f_eq_finite(a: f32, b: f32) -> bool { return a == b && !is_nan(a); }
fn f_ne_finite(a: f32, b: f32) -> bool { return a != b || is_nan(a); }
fn f_max(a: f32, b: f32) -> f32 { return select(max(a, b), float_of(0x7fc00000u), any_nan(a, b)); }
fn f_min(a: f32, b: f32) -> f32 { return select(min(a, b), float_of(0x7fc00000u), any_nan(a, b)); }
fn f_max_finite(a: f32, b: f32) -> f32 { return select(max(a, b), a, is_nan(a)); }
fn f_min_finite(a: f32, b: f32) -> f32 { return select(min(a, b), a, is_nan(a)); }
fn f_sign(x: f32) -> f32 { return select(sign(x), 0.0, is_nan(x)); }
fn expm1_near(r: f32) -> f32 {
  let p = fma(fma(fma(fma(fma(fma(2.48015873e-5, r, 1.98412698e-4), r, 1.38888889e-3), r, 8.33333333e-3), r, 4.16666667e-2), r, 1.66666667e-1), r, 0.5);
  return fma(r * r, p, r);
}
fn f_exp(x: f32) -> f32 {
  let c = clamp(x, -104.0, 89.0);
  let high = bitcast<f32>(bitcast<u32>(c) & 0xfffff000u);
  let whole = high * 1.4423828125;
  let rest = fma(c - high, 1.4423828125, c * 3.1222838896e-4);
  let n = round(whole + rest);
  let y = 1.0 + expm1_near(((whole - n) + rest) * 0.6931471805599453);
  let k = i32(n);
  let half = k >> 1u;
  return select(y * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(k - half + 127) << 23u), x, is_nan(x));
}
fn f_expm1(x: f32) -> f32 {
  return select(f_exp(x) - 1.0, expm1_near(x), abs(x) < 0.35);
}
fn log1p_cubic(t: f32) -> f32 {
  return fma(fma(fma(fma(fma(fma(fma(fma(0.06744550168514252, t, -0.11674808710813522), t, 0.11888600885868073), t, -0.12405755370855331), t, 0.1421951949596405), t, -0.16667985916137695), t, 0.2000211924314499), t, -0.25000008940696716), t, 0.3333331346511841);
}
fn log1p_near(t: f32) -> f32 {
  let z = t * t;
  return t + fma(-0.5, z, t * z * log1p_cubic(t));
}
fn f_log(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let above = u32((bits & 0x7fffffu) > 0x3504f3u);
  let e = f32(i32((bits >> 23u) & 0xffu) - 127 + i32(above));
  let m = bitcast<f32>((bits & 0x7fffffu) | ((127u - above) << 23u));
  let near = log1p_near(m - 1.0);
  var y = fma(e, 0.693359375, fma(e, -2.12194440e-4, near));
  if ((bits & 0x7fffffffu) < 0x00800000u) { y = float_of(0xff800000u); }
  else if (bits >= 0x80000000u) { y = float_of(0x7fc00000u); }
  else if (bits == 0x7f800000u) { y = x; }
  return select(y, x, is_nan(x));
}
fn f_log1p(x: f32) -> f32 {
  if (x > -0.2928 && x < 0.4142) { return log1p_near(x); }
  return f_log(1.0 + x);
}
fn f_sqrt(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return select(sqrt(x), x, (bits << 1u) == 0u || bits == 0x7f800000u);
}
fn f_rsqrt(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let y = select(1.0 / sqrt(x), 0.0, bits == 0x7f800000u);
  return select(y, float_of((bits & 0x80000000u) | 0x7f800000u), (bits << 1u) == 0u);
}
fn f_exp2(x: f32) -> f32 {
  let c = clamp(x, -151.0, 129.0);
  let n = round(c);
  let y = 1.0 + expm1_near((c - n) * 0.6931471805599453);
  let k = i32(n);
  let half = k >> 1u;
  return select(y * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(k - half + 127) << 23u), x, is_nan(x));
}
fn log_parts(x: f32) -> vec2<f32> {
  let bits = bitcast<u32>(x);
  let above = u32((bits & 0x7fffffu) > 0x3504f3u);
  let e = f32(i32((bits >> 23u) & 0xffu) - 127 + i32(above));
  return vec2<f32>(bitcast<f32>((bits & 0x7fffffu) | ((127u - above) << 23u)) - 1.0, e);
}
fn log_or_none(x: f32, y: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (is_nan(x) || bits == 0x7f800000u) { return x; }
  if ((bits & 0x7fffffffu) < 0x00800000u) { return float_of(0xff800000u); }
  return select(y, float_of(0x7fc00000u), bits >= 0x80000000u);
}
fn f_log2(x: f32) -> f32 {
  let parts = log_parts(x);
  let near = log1p_near(parts.x);
  return log_or_none(x, fma(near, 1.4375, near * 0.0051950408889634) + parts.y);
}
fn f_log10(x: f32) -> f32 {
  let parts = log_parts(x);
  let t = parts.x;
  let h = leading(t);
  let small = fma(t * t * t, log1p_cubic(t), -0.5 * (t - h) * (t + h));
  let square = 0.5 * h * h;
  let high = leading((t - square) + small);
  let low = ((t - high) - square) + small;
  let rest = fma(low, 0.4342944819, fma(high, -3.1689971748e-5, parts.y * 4.605038981e-6));
  let whole = parts.y * 0.301025390625;
  let part = high * 0.434326171875;
  let sum = leading(whole + part);
  return log_or_none(x, sum + (((whole - sum) + part) + rest));
}
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
fn f_tanh(x: f32) -> f32 {
  let a = min(abs(x), 9.1);
  let z = a * a;
  let near = fma(a * z, fma(fma(fma(fma(-0.005717036779969931, z, 0.020650578662753105), z, -0.05374349653720856), z, 0.13331490755081177), z, -0.3333328366279602), a);
  let far = 1.0 - 2.0 / (f_exp(2.0 * a) + 1.0);
  let y = select(far, near, a < 0.625);
  return select(select(y, -y, x < 0.0), x, is_nan(x));
}
fn erfc_far(a: f32) -> f32 {
  let t = 1.0 / fma(0.4, a, 1.0);
  let p = t * fma(fma(fma(fma(fma(fma(fma(fma(0.06021843649, t, -0.2206513818), t, 0.2284977375), t, -0.05586991847), t, 0.1661736683), t, 0.1613748722), t, 0.2090180141), t, 0.2255716279), t, 0.2256789646);
  let high = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
  let rest = expm1_near((high - a) * (high + a));
  return fma(p, rest, p) * f_exp(-high * high);
}
fn erf_near(z: f32) -> f32 {
  return fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(1.4807192805221803e-08, z, -1.6365844146548625e-07), z, 1.6462114444948384e-06), z, -1.4925650248187594e-05), z, 0.00012055332626914605), z, -0.0008548327023163438), z, 0.005223977845162153), z, -0.02686617150902748), z, 0.11283791810274124), z, -0.37612637877464294), z, 1.128379225730896);
}
fn f_erf(x: f32) -> f32 {
  let a = min(abs(x), 4.0);
  let y = select(1.0 - erfc_far(a), a * erf_near(a * a), a < 1.0);
  return select(select(y, -y, x < 0.0), x, is_nan(x));
}
fn f_erfc(x: f32) -> f32 {
  let a = min(abs(x), 10.1);
  let y = select(erfc_far(a), fma(-a, erf_near(min(a * a, 1.0)), 1.0), a < 0.5);
  return select(select(y, 2.0 - y, x < 0.0), x, is_nan(x));
}
fn mul_high(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let low = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (low >> 16u);
}
fn two_over_pi(position: i32) -> u32 {
  var words = array<u32, 8>(0x00000000u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  let at = u32(position + 32);
  let w = at >> 5u;
  let s = at & 31u;
  return select((words[w] << s) | (words[w + 1u] >> (32u - s)), words[w], s == 0u);
}
struct Turn { quarter: u32, angle: f32 }
fn quarter_turns(x: f32) -> Turn {
  let a = abs(x);
  let bits = bitcast<u32>(a);
  if (a < 20000.0) {
    let n = round(x * 0.63661977);
    let r = fma(n, -7.549789948768648e-8, fma(n, -4.837512969970703e-4, fma(n, -1.5703125, x)));
    return Turn(u32(i32(n)) & 3u, r);
  }
  let significand = (bits & 0x7fffffu) | 0x800000u;
  let e = i32(bits >> 23u) - 150;
  let high = two_over_pi(e - 2);
  let middle = two_over_pi(e + 30);
  let low = two_over_pi(e + 62);
  let p0 = significand * low;
  let c0 = mul_high(significand, low);
  let p1 = significand * middle + c0;
  let carry = u32(p1 < c0);
  let p2 = significand * high + mul_high(significand, middle) + carry;
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
fn pow_whole(x: f32, n: u32) -> f32 {
  var y = 1.0;
  var square = x;
  for (var rest = n; rest != 0u; rest >>= 1u) {
    y = select(y, y * square, (rest & 1u) == 1u);
    square *= square;
  }
  return y;
}
fn leading(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }
fn times_pair(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let p = a.x * b.x;
  let h = vec2<f32>(leading(a.x), leading(b.x));
  let l = vec2<f32>(a.x, b.x) - h;
  let lost = ((h.x * h.y - p) + h.x * l.y + l.x * h.y) + l.x * l.y + (a.x * b.y + a.y * b.x);
  return vec2<f32>(p, select(lost, 0.0, (bitcast<u32>(p) & 0x7fffffffu) >= 0x7f800000u));
}
fn pow_count(x: f32, n: u32) -> f32 {
  var y = vec2<f32>(1.0, 0.0);
  var square = vec2<f32>(x, 0.0);
  for (var rest = n; rest != 0u; rest >>= 1u) {
    if ((rest & 1u) == 1u) { y = times_pair(y, square); }
    square = times_pair(square, square);
  }
  return y.x + y.y;
}
fn pow_real(a: f32, y: f32) -> f32 {
  let bits = bitcast<u32>(a);
  let above = u32((bits & 0x7fffffu) > 0x3504f3u);
  let e = f32(i32(bits >> 23u) - 127 + i32(above));
  let t = bitcast<f32>((bits & 0x7fffffu) | ((127u - above) << 23u)) - 1.0;
  let h = leading(t);
  let small = fma(t * t * t, log1p_cubic(t), -0.5 * (t - h) * (t + h)) + e * -2.12194440e-4;
  let whole = e * 0.693359375;
  let square = 0.5 * h * h;
  let log_high = leading(whole + (t - square) + small);
  let log_low = (((whole - log_high) + t) - square) + small;
  let y_high = leading(y);
  let high = clamp(y_high * log_high, -200.0, 200.0);
  let low = clamp(y * log_low + (y - y_high) * log_high, -1.0, 1.0);
  let near = bitcast<f32>(bitcast<u32>(high + low) & 0xffffff00u);
  let rest = (high - near) + low;
  let z = f_exp(near);
  return select(z * (1.0 + expm1_near(rest)), z, (bitcast<u32>(z) & 0x7fffffffu) >= 0x7f800000u);
}
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
  } else if (bitcast<u32>(a) < 0x00800000u) {
    z = select(inf, 0.0, y > 0.0);
  } else if (bitcast<u32>(a) == 0x7f800000u) {
    z = select(0.0, inf, y > 0.0);
  } else if (whole && b <= 64.0) {
    z = pow_count(a, u32(b));
    if (y < 0.0) { z = 1.0 / z; }
    if (y < 0.0 && (z == 0.0 || bitcast<u32>(z) == 0x7f800000u)) { z = pow_real(a, y); }
  } else {
    z = pow_real(a, y);
  }
  let negative = (bitcast<u32>(x) & 0x80000000u) != 0u;
  if (negative && a != 0.0 && bitcast<u32>(a) != 0x7f800000u && !whole) { return float_of(0x7fc00000u); }
  return select(z, -z, negative && odd);
}
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
`,
  'lib/philox': `fn philox(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
  var c = counter;
  var k = key;
  for (var round = 0; round < 10; round++) {
    let high0 = mul_high(0xd2511f53u, c.x);
    let high1 = mul_high(0xcd9e8d57u, c.z);
    c = vec4<u32>(high1 ^ c.y ^ k.x, 0xcd9e8d57u * c.z, high0 ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
`,
  'matmul_register': `@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_invocation_id) place: u32) {
  let c = contract();
  let tiles_n = (c.n + LANES * COLS - 1u) / (LANES * COLS);
  let tiles_m = (c.m + ROWS - 1u) / ROWS;
  let tile = group.x + group.y * 65535u;
  let batch = tile / (tiles_n * tiles_m);
  if (batch >= c.batches) { return; }
  let rest = tile - batch * tiles_n * tiles_m;
  let m0 = (rest / tiles_n) * ROWS;
  let n0 = (rest % tiles_n) * LANES * COLS + lane;
  var at_a: array<u32, GROUPS>;
  var at_b: array<u32, COLS>;
  for (var g = 0u; g < GROUPS; g++) { at_a[g] = start_a(batch, row_of(min(m0 + g * SHARE + place, c.m - 1u))); }
  for (var j = 0u; j < COLS; j++) { at_b[j] = start_b(batch, column_of(min(n0 + j * LANES, c.n - 1u))); }
  var sums: array<array<f32, COLS>, ROWS>;
  var totals: array<array<f32, COLS>, ROWS>;
  var rests: array<array<f32, COLS>, ROWS>;
  var own: array<f32, GROUPS>;
  var a: array<f32, ROWS>;
  for (var part = 0u; part < c.k; part += c.part) {
    for (var k = part; k < min(part + c.part, c.k); k++) {
      let step_a = step_a(k);
      let step_b = step_b(k);
      for (var g = 0u; g < GROUPS; g++) { own[g] = load_a(at_a[g] + step_a); }
      for (var g = 0u; g < GROUPS; g++) {
        for (var s = 0u; s < SHARE; s++) { a[g * SHARE + s] = subgroupBroadcast(own[g], s); }
      }
      for (var j = 0u; j < COLS; j++) {
        let b = load_b(at_b[j] + step_b);
        for (var i = 0u; i < ROWS; i++) { sums[i][j] = fma(a[i], b, sums[i][j]); }
      }
    }
    if (LONG) {
      for (var i = 0u; i < ROWS; i++) {
        for (var j = 0u; j < COLS; j++) {
          if (KEEPS_REST) {
            let next = held(totals[i][j] + sums[i][j], all_bits());
            rests[i][j] += sums[i][j] - (next - totals[i][j]);
            totals[i][j] = next;
          } else {
            totals[i][j] += sums[i][j];
          }
          sums[i][j] = 0.0;
        }
      }
    }
  }
  if (LONG) {
    for (var i = 0u; i < ROWS; i++) {
      for (var j = 0u; j < COLS; j++) {
        if (KEEPS_REST) { sums[i][j] = with_rest(totals[i][j], rests[i][j]); } else { sums[i][j] = totals[i][j]; }
      }
    }
  }
  let one = min(c.batches, 1u);
  for (var j = 0u; j < COLS; j++) {
    let n = n0 + j * LANES;
    if (n < c.n) {
      let column = column_of(n);
      for (var t = 0u; t < min(ROWS, c.m - m0); t += one) {
        var sum = 0.0;
        for (var i = 0u; i < ROWS; i++) { sum = select(sum, sums[i][j], t == i); }
        store(batch, row_of(m0 + t), column, sum);
      }
    }
  }
}
`,
  'matmul_tiled': `var<workgroup> panel_a: array<vec4<f32>, TILE_K * TILE_M / 4u>;
var<workgroup> panel_b: array<vec4<f32>, TILE_K * TILE_N / 4u>;
const VECTORS_A = TILE_K * TILE_M / 4u / THREADS;
const VECTORS_B = TILE_K * TILE_N / 4u / THREADS;
fn starts_a(batch: u32, m: u32, c: Contract) -> vec4<u32> {
  let r = min(vec4<u32>(m, m + 1u, m + 2u, m + 3u), vec4<u32>(c.m - 1u));
  return vec4<u32>(start_a(batch, row_of(r.x)), start_a(batch, row_of(r.y)), start_a(batch, row_of(r.z)), start_a(batch, row_of(r.w)));
}
fn starts_b(batch: u32, n: u32, c: Contract) -> vec4<u32> {
  let q = min(vec4<u32>(n, n + 1u, n + 2u, n + 3u), vec4<u32>(c.n - 1u));
  return vec4<u32>(start_b(batch, column_of(q.x)), start_b(batch, column_of(q.y)), start_b(batch, column_of(q.z)), start_b(batch, column_of(q.w)));
}
fn read_a(starts: vec4<u32>, k: u32, c: Contract) -> vec4<f32> {
  let at = starts + step_a(min(k, c.k - 1u));
  return select(vec4<f32>(), vec4<f32>(load_a(at.x), load_a(at.y), load_a(at.z), load_a(at.w)), k < c.k);
}
fn read_b(starts: vec4<u32>, k: u32, c: Contract) -> vec4<f32> {
  let at = starts + step_b(min(k, c.k - 1u));
  return select(vec4<f32>(), vec4<f32>(load_b(at.x), load_b(at.y), load_b(at.z), load_b(at.w)), k < c.k);
}
fn place(slot: u32, fours: u32, along_k: bool) -> vec2<u32> {
  if (along_k) { return vec2<u32>(slot / TILE_K, slot % TILE_K); }
  return vec2<u32>(slot % fours, slot / fours);
}
fn held_vector(x: vec4<f32>) -> vec4<f32> { return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) & vec4<u32>(all_bits())); }
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let c = contract();
  let tiles_n = (c.n + TILE_N - 1u) / TILE_N;
  let tiles_m = (c.m + TILE_M - 1u) / TILE_M;
  let tile = group.x + group.y * 65535u;
  let batch = tile / (tiles_n * tiles_m);
  if (batch >= c.batches) { return; }
  let rest = tile - batch * tiles_n * tiles_m;
  let m0 = (rest / tiles_n) * TILE_M;
  let n0 = (rest % tiles_n) * TILE_N;
  let column = lane % (TILE_N / 4u);
  let row = lane / (TILE_N / 4u);
  var from_a: array<vec4<u32>, VECTORS_A>;
  var from_b: array<vec4<u32>, VECTORS_B>;
  var next_a: array<vec4<f32>, VECTORS_A>;
  var next_b: array<vec4<f32>, VECTORS_B>;
  var sums: array<vec4<f32>, 4u * MORE_M>;
  var totals: array<vec4<f32>, 4u * MORE_M>;
  var rests: array<vec4<f32>, 4u * MORE_M>;
  for (var v = 0u; v < VECTORS_A; v++) {
    let at = place(lane + v * THREADS, TILE_M / 4u, A_ALONG_K);
    from_a[v] = starts_a(batch, m0 + at.x * 4u, c);
    next_a[v] = read_a(from_a[v], at.y, c);
  }
  for (var v = 0u; v < VECTORS_B; v++) {
    let at = place(lane + v * THREADS, TILE_N / 4u, B_ALONG_K);
    from_b[v] = starts_b(batch, n0 + at.x * 4u, c);
    next_b[v] = read_b(from_b[v], at.y, c);
  }
  for (var k0 = 0u; k0 < c.k; k0 += TILE_K) {
    for (var v = 0u; v < VECTORS_A; v++) {
      let at = place(lane + v * THREADS, TILE_M / 4u, A_ALONG_K);
      panel_a[at.y * (TILE_M / 4u) + at.x] = next_a[v];
    }
    for (var v = 0u; v < VECTORS_B; v++) {
      let at = place(lane + v * THREADS, TILE_N / 4u, B_ALONG_K);
      panel_b[at.y * (TILE_N / 4u) + at.x] = next_b[v];
    }
    workgroupBarrier();
    for (var v = 0u; v < VECTORS_A; v++) {
      let at = place(lane + v * THREADS, TILE_M / 4u, A_ALONG_K);
      next_a[v] = read_a(from_a[v], k0 + TILE_K + at.y, c);
    }
    for (var v = 0u; v < VECTORS_B; v++) {
      let at = place(lane + v * THREADS, TILE_N / 4u, B_ALONG_K);
      next_b[v] = read_b(from_b[v], k0 + TILE_K + at.y, c);
    }
    for (var k = 0u; k < TILE_K; k++) {
      let b = panel_b[k * (TILE_N / 4u) + column];
      for (var i = 0u; i < MORE_M; i++) {
        let a = panel_a[k * (TILE_M / 4u) + row * MORE_M + i];
        sums[i * 4u] = fma(vec4<f32>(a.x), b, sums[i * 4u]);
        sums[i * 4u + 1u] = fma(vec4<f32>(a.y), b, sums[i * 4u + 1u]);
        sums[i * 4u + 2u] = fma(vec4<f32>(a.z), b, sums[i * 4u + 2u]);
        sums[i * 4u + 3u] = fma(vec4<f32>(a.w), b, sums[i * 4u + 3u]);
      }
    }
    workgroupBarrier();
    if (LONG && ((k0 + TILE_K) % c.part == 0u || k0 + TILE_K >= c.k)) {
      for (var i = 0u; i < 4u * MORE_M; i++) {
        let next = held_vector(totals[i] + sums[i]);
        if (KEEPS_REST) { rests[i] += sums[i] - (next - totals[i]); }
        totals[i] = next;
        sums[i] = vec4<f32>();
      }
    }
  }
  for (var j = 0u; j < 4u; j++) {
    let n = n0 + column * 4u + j;
    if (n >= c.n) { break; }
    let place = column_of(n);
    for (var i = 0u; i < 4u * MORE_M; i++) {
      let m = m0 + row * 4u * MORE_M + i;
      if (m < c.m) { store(batch, row_of(m), place, select(sums[i][j], with_rest(totals[i][j], rests[i][j]), LONG)); }
    }
  }
}
`,
  'prefix_sums': `struct Sums { points: u32, length: u32, block: u32, sweep: u32 }
var<workgroup> shared_sums: array<u32, WORKGROUP>;
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = sums();
  let place = group.x + group.y * 65535u;
  if (SHARED) {
    if (place >= s.points) { return; }
    let each = s.block / WORKGROUP;
    let begin = min(place * s.block + lane * each, s.length);
    let end = min(begin + each, s.length);
    var sum = 0u;
    for (var i = begin; i < end; i++) { sum += load(i); }
    shared_sums[lane] = sum;
    workgroupBarrier();
    for (var step = 1u; step < WORKGROUP; step *= 2u) {
      var before = 0u;
      if (lane >= step) { before = shared_sums[lane - step]; }
      workgroupBarrier();
      shared_sums[lane] += before;
      workgroupBarrier();
    }
    if (TOTALS) {
      if (lane == WORKGROUP - 1u) { store(place, shared_sums[lane]); }
    } else {
      var running = base(place) + shared_sums[lane] - sum;
      for (var i = begin; i < end; i++) {
        let number = load(i);
        store(i, running);
        running += number;
      }
    }
  } else {
    for (var turn = 0u; turn < s.sweep; turn++) {
      let block = (place * s.sweep + turn) * WORKGROUP + lane;
      if (block >= s.points) { break; }
      let end = min((block + 1u) * s.block, s.length);
      if (TOTALS) {
        var sum = 0u;
        for (var i = block * s.block; i < end; i++) { sum += load(i); }
        store(block, sum);
      } else {
        var running = base(block);
        for (var i = block * s.block; i < end; i++) {
          let number = load(i);
          store(i, running);
          running += number;
        }
      }
    }
  }
}
`,
  'radix_count': `struct Radix { points: u32, size: u32, tiles: u32, tile: u32, shift: u32, sweep: u32 }
var<workgroup> shared_counts: array<atomic<u32>, 16>;
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = radix();
  let place = group.x + group.y * 65535u;
  if (SHARED) {
    if (place >= r.points) { return; }
    if (lane < 16u) { atomicStore(&shared_counts[lane], 0u); }
    workgroupBarrier();
    let row = place / r.tiles;
    let tile = place - row * r.tiles;
    let end = min((tile + 1u) * r.tile, r.size);
    for (var k = tile * r.tile + lane; k < end; k += WORKGROUP) {
      atomicAdd(&shared_counts[(key(row * r.size + k) >> r.shift) & 15u], 1u);
    }
    workgroupBarrier();
    if (lane < 16u) { store((row * 16u + lane) * r.tiles + tile, atomicLoad(&shared_counts[lane])); }
  } else {
    for (var turn = 0u; turn < r.sweep; turn++) {
      let point = (place * r.sweep + turn) * WORKGROUP + lane;
      if (point >= r.points) { break; }
      let row = point / r.tiles;
      let tile = point - row * r.tiles;
      let end = min((tile + 1u) * r.tile, r.size);
      var counts: array<u32, 16>;
      for (var digit = 0u; digit < 16u; digit++) { counts[digit] = 0u; }
      for (var k = tile * r.tile; k < end; k++) { counts[(key(row * r.size + k) >> r.shift) & 15u]++; }
      for (var digit = 0u; digit < 16u; digit++) { store((row * 16u + digit) * r.tiles + tile, counts[digit]); }
    }
  }
}
`,
  'radix_place': `struct Radix { points: u32, size: u32, tiles: u32, tile: u32, shift: u32, sweep: u32 }
var<workgroup> shared_counts: array<u32, 16u * WORKGROUP>;
var<workgroup> shared_sums: array<u32, WORKGROUP>;
var<workgroup> shared_bases: array<u32, 16>;
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = radix();
  let index = group.x + group.y * 65535u;
  if (SHARED) {
    if (index >= r.points) { return; }
    let row = index / r.tiles;
    let tile = index - row * r.tiles;
    let start = row * r.size;
    let each = r.tile / WORKGROUP;
    let begin = min(tile * r.tile + lane * each, r.size);
    let end = min(begin + each, r.size);
    for (var digit = 0u; digit < 16u; digit++) { shared_counts[digit * WORKGROUP + lane] = 0u; }
    for (var k = begin; k < end; k++) { shared_counts[((key(start + k) >> r.shift) & 15u) * WORKGROUP + lane]++; }
    workgroupBarrier();
    var sum = 0u;
    for (var k = 0u; k < 16u; k++) { sum += shared_counts[lane * 16u + k]; }
    shared_sums[lane] = sum;
    workgroupBarrier();
    for (var step = 1u; step < WORKGROUP; step *= 2u) {
      var before = 0u;
      if (lane >= step) { before = shared_sums[lane - step]; }
      workgroupBarrier();
      shared_sums[lane] += before;
      workgroupBarrier();
    }
    var running = shared_sums[lane] - sum;
    for (var k = 0u; k < 16u; k++) {
      let count = shared_counts[lane * 16u + k];
      shared_counts[lane * 16u + k] = running;
      running += count;
    }
    workgroupBarrier();
    if (lane < 16u) { shared_bases[lane] = offset((row * 16u + lane) * r.tiles + tile) - shared_counts[lane * WORKGROUP]; }
    workgroupBarrier();
    for (var k = begin; k < end; k++) {
      let digit = (key(start + k) >> r.shift) & 15u;
      let rank = shared_counts[digit * WORKGROUP + lane];
      shared_counts[digit * WORKGROUP + lane] = rank + 1u;
      place(shared_bases[digit] + rank, start + k);
    }
  } else {
    for (var turn = 0u; turn < r.sweep; turn++) {
      let point = (index * r.sweep + turn) * WORKGROUP + lane;
      if (point >= r.points) { break; }
      let row = point / r.tiles;
      let tile = point - row * r.tiles;
      let start = row * r.size;
      let end = min((tile + 1u) * r.tile, r.size);
      var next: array<u32, 16>;
      for (var digit = 0u; digit < 16u; digit++) { next[digit] = offset((row * 16u + digit) * r.tiles + tile); }
      for (var k = tile * r.tile; k < end; k++) {
        let digit = (key(start + k) >> r.shift) & 15u;
        let to = next[digit];
        next[digit] = to + 1u;
        place(to, start + k);
      }
    }
  }
}
`,
  'reduce_with_index': `struct Search { points: u32, size: u32, inner: u32, parts: u32, part: u32, sweep: u32 }
struct Found { value: T, position: i32 }
var<workgroup> shared_values: array<T, WORKGROUP>;
var<workgroup> shared_positions: array<i32, WORKGROUP>;
fn search_part(point: u32, first: u32, step: u32) -> Found {
  let s = search();
  var row = point;
  var begin = first;
  var end = s.size;
  if (s.parts > 1u) {
    row = point / s.parts;
    begin = (point - row * s.parts) * s.part;
    end = min(begin + s.part, s.size);
    begin += first;
  }
  if (begin >= end) { return Found(T(), -1); }
  var start = row * s.size;
  if (s.inner > 1u) {
    let outer = row / s.inner;
    start = outer * s.size * s.inner + (row - outer * s.inner);
  }
  var best = load(start + begin * s.inner);
  var best_at = begin;
  for (var k = begin + step; k < end; k += step) {
    let value = load(start + k * s.inner);
    if (beats(value, best)) {
      best = value;
      best_at = k;
    }
  }
  return Found(best, position(start + best_at * s.inner, best_at));
}
fn better(a: Found, b: Found) -> Found {
  let b_counts = b.position >= 0 && (a.position < 0 || beats(b.value, a.value) || (b.position < a.position && !beats(a.value, b.value)));
  if (b_counts) { return b; }
  return a;
}
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = search();
  let place = group.x + group.y * 65535u;
  if (SHARED) {
    if (place >= s.points) { return; }
    var found = search_part(place, lane, WORKGROUP);
    shared_values[lane] = found.value;
    shared_positions[lane] = found.position;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
      if (lane < half) {
        found = better(found, Found(shared_values[lane + half], shared_positions[lane + half]));
        shared_values[lane] = found.value;
        shared_positions[lane] = found.position;
      }
      workgroupBarrier();
    }
    if (lane == 0u) { store(place, found.value, found.position); }
  } else {
    for (var turn = 0u; turn < s.sweep; turn++) {
      let point = (place * s.sweep + turn) * WORKGROUP + lane;
      if (point >= s.points) { break; }
      let found = search_part(point, 0u, 1u);
      store(point, found.value, found.position);
    }
  }
}
`,
  'scan': `struct Scan { points: u32, rows: u32, parts: u32, part: u32, size: u32, inner: u32, first: u32, step: u32, sweep: u32 }
struct Part { start: u32, begin: u32, end: u32 }
fn part_at(point: u32) -> Part {
  let s = scan();
  var row = point;
  var begin = 0u;
  if (s.parts > 1u) {
    let part = point / s.rows;
    row = point - part * s.rows;
    begin = part * s.part;
  }
  var start = row * s.size;
  if (s.inner > 1u) {
    let outer = row / s.inner;
    start = outer * s.size * s.inner + (row - outer * s.inner);
  }
  return Part(start, begin, min(begin + s.part, s.size));
}
fn place_of(part: Part, k: u32) -> u32 {
  let s = scan();
  return part.start + (s.first + k * s.step) * s.inner;
}
fn element(part: Part, k: u32) -> State {
  let s = scan();
  return load(place_of(part, k), s.first + k * s.step);
}
fn beginning(point: u32) -> State {
  if (CONTINUES) {
    if (point >= scan().rows) { return before(point - scan().rows); }
  }
  return none();
}
var<workgroup> shared_states: array<State, WORKGROUP>;
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = scan();
  let place = group.x + group.y * 65535u;
  if (SHARED) {
    if (place >= s.points) { return; }
    let part = part_at(place);
    var carry = beginning(place);
    for (var tile = part.begin; tile < part.end; tile += WORKGROUP * ITEMS) {
      let first = tile + lane * ITEMS;
      let last = min(first + ITEMS, part.end);
      var own = none();
      for (var k = first; k < last; k++) { own = join(own, element(part, k)); }
      shared_states[lane] = own;
      workgroupBarrier();
      for (var reach = 1u; reach < WORKGROUP; reach *= 2u) {
        if (lane >= reach) { own = join(shared_states[lane - reach], own); }
        workgroupBarrier();
        shared_states[lane] = own;
        workgroupBarrier();
      }
      if (REDUCES) {} else {
        var state = carry;
        if (lane > 0u) { state = join(carry, shared_states[lane - 1u]); }
        for (var k = first; k < last; k++) {
          state = join(state, element(part, k));
          store(place_of(part, k), state);
        }
      }
      carry = join(carry, shared_states[WORKGROUP - 1u]);
      workgroupBarrier();
    }
    if (REDUCES) {
      if (lane == 0u) { keep(place, carry); }
    }
  } else {
    for (var turn = 0u; turn < s.sweep; turn++) {
      let point = (place * s.sweep + turn) * WORKGROUP + lane;
      if (point >= s.points) { break; }
      let part = part_at(point);
      var state = beginning(point);
      for (var k = part.begin; k < part.end; k++) {
        state = join(state, element(part, k));
        if (REDUCES) {} else { store(place_of(part, k), state); }
      }
      if (REDUCES) { keep(point, state); }
    }
  }
}
`,
  'scatter_ranges': `struct Ranges { points: u32, rows: u32, targets: u32, features: u32, span: u32, lanes: u32, sweep: u32 }
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = ranges();
  let point = (group.x + group.y * 65535u) * WORKGROUP + lane;
  if (point >= r.points) { return; }
  let range = point / r.lanes;
  let first = point - range * r.lanes;
  let low = min(range * r.span, r.rows);
  let length = min(r.span, r.rows - low);
  for (var i = low * r.features + first; i < (low + length) * r.features; i += r.lanes) { store(i, identity()); }
  if (COUNTED) {
    for (var row = low; row < low + length; row++) { set_sent(row * r.lanes + first, 0u); }
  }
  for (var t = 0u; t < r.targets; t++) {
    let row = row_of(t);
    if (row - low >= length) { continue; }
    for (var f = first; f < r.features; f += r.lanes) {
      let i = row * r.features + f;
      store(i, join(joined(i), element(t * r.features + f)));
    }
    if (COUNTED) {
      let n = sent(row * r.lanes + first) + 1u;
      set_sent(row * r.lanes + first, n);
      if (SUMS) {
        if (n % WIDTH == 0u) {
          for (var f = first; f < r.features; f += r.lanes) {
            let i = row * r.features + f;
            var sum = joined(i);
            if (n % (WIDTH * WIDTH) != WIDTH) { sum = join(block(i), sum); }
            set_block(i, sum);
            if (LARGE) {
              if (n % (WIDTH * WIDTH) == 0u) {
                if (n != WIDTH * WIDTH) { sum = join(large(i), sum); }
                set_large(i, sum);
              }
            }
            store(i, identity());
          }
        }
      }
    }
  }
  if (SUMS) {
    for (var row = low; row < low + length; row++) {
      let n = sent(row * r.lanes + first);
      if (n < WIDTH) { continue; }
      for (var f = first; f < r.features; f += r.lanes) {
        let i = row * r.features + f;
        var sum = joined(i);
        if (n % (WIDTH * WIDTH) >= WIDTH) { sum = join(block(i), sum); }
        if (LARGE) {
          if (n >= WIDTH * WIDTH) { sum = join(large(i), sum); }
        }
        store(i, sum);
      }
    }
  }
  if (COUNTS) {
    if (first == 0u) {
      for (var row = low; row < low + length; row++) { store_count(row, sent(row * r.lanes)); }
    }
  }
}
`,
  'search': `struct Search { points: u32, size: u32, per_row: u32, sweep: u32 }
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = search();
  let first = (group.x + group.y * 65535u) * s.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < s.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= s.points) { break; }
    let b = value(point);
    if (is_last(b)) {
      store(point, s.size);
    } else {
      store(point, find(b, point / s.per_row));
    }
  }
}
`,
  'segment_join': `struct Segments { points: u32, features: u32, length: u32, sweep: u32 }
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = segments();
  let first = (group.x + group.y * 65535u) * s.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < s.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= s.points) { break; }
    let segment = point / s.features;
    let f = point - segment * s.features;
    var at = begin(segment);
    let end = begin(segment + 1u);
    var joined = identity();
    while (at < end) {
      if (PARTS) {
        var span = 1u;
        var base = 0u;
        var blocks = 0u;
        var next = s.length / WIDTH;
        while (at % (span * WIDTH) == 0u && at + span * WIDTH <= end) {
          base += blocks;
          blocks = next;
          next /= WIDTH;
          span *= WIDTH;
        }
        if (span == 1u) {
          joined = join(joined, element(at, f));
        } else {
          joined = join(joined, part(base + at / span, f));
        }
        at += span;
      } else {
        joined = join(joined, element(at, f));
        at++;
      }
    }
    store(point, joined);
  }
}
`,
  'segment_parts': `struct Parts { points: u32, features: u32, span: u32, base: u32, below: u32, sweep: u32 }
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let p = parts();
  let first = (group.x + group.y * 65535u) * p.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < p.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= p.points) { break; }
    let block = point / p.features;
    let f = point - block * p.features;
    if (key(block * p.span) != key(block * p.span + p.span - 1u)) { continue; }
    var joined = element(block * WIDTH, f);
    for (var k = 1u; k < WIDTH; k++) { joined = join(joined, element(block * WIDTH + k, f)); }
    store((p.base + block) * p.features + f, joined);
  }
}
`,
  'sort_rows': `struct Rows { points: u32, size: u32, sweep: u32 }
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = rows();
  let first = (group.x + group.y * 65535u) * r.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < r.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= r.points) { break; }
    let own = key(point);
    let start = point - point % r.size;
    var before = 0u;
    for (var i = start; i < start + r.size; i++) {
      let other = key(i);
      before += select(0u, 1u, other < own || (other == own && i < point));
    }
    place(start + before, point);
  }
}
`,
}
