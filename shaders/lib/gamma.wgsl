// The gamma function's logarithm and derivatives, Hurwitz's zeta function and Bessel functions of floats, as src/device/cpu/gamma.ts has them of doubles: formulas by
// their numbers in the Digital Library of Mathematical Functions, https://dlmf.nist.gov.

// log gamma(2 + z) for |z| <= 1/2: its Taylor series, DLMF 5.7.3.
fn lgamma_near(z: f32) -> f32 {
  return z * fma(z, fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(-2.03921575e-06, z, 4.37486679e-06), z, -9.43948828e-06), z, 2.05072128e-05), z, -4.49262367e-05), z, 9.94575128e-05), z, -0.000223154758), z, 0.000509669525), z, -0.00119275391), z, 0.00289051033), z, -0.00738555103), z, 0.0205808084), z, -0.0673523011), z, 0.322467033), 0.422784335);
}
// Its derivative.
fn digamma_near(z: f32) -> f32 {
  return fma(z, fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(-3.05882363e-05, z, 6.12481351e-05), z, -0.000122713348), z, 0.000246086553), z, -0.000494188604), z, 0.000994575128), z, -0.00200839283), z, 0.0040773562), z, -0.00834927738), z, 0.017343062), z, -0.0369277551), z, 0.0823232337), z, -0.202056903), z, 0.644934067), 0.422784335);
}

// An angle of x half turns: sin and cos of pi x, x being brought into [-1/2, 1/2] exactly.
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
  // Stirling's series, DLMF 5.11.1
  let z = 1.0 / (x * x);
  let series = fma(fma(7.93650794e-4, z, -2.77777778e-3), z, 8.33333333e-2);
  return fma(x - 0.5, f_log(x) - 1.0, series / x + 0.418938533);
}

// log |gamma(x)|, Inf at 0, -1, -2, ...
fn f_lgamma(x: f32) -> f32 {
  if (is_nan(x)) { return x; }
  if ((bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u || (x <= 0.0 && floor(x) == x)) { return float_of(0x7f800000u); }
  if (x >= -0.5) { return lgamma_above(x); }
  return f_log(3.14159265 / abs(half_turns(x).x)) - lgamma_above(1.0 - x); // DLMF 5.5.3
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
  // DLMF 5.11.2
  let z = 1.0 / (x * x);
  return f_log(x) - 0.5 / x + z * fma(fma(-3.96825397e-3, z, 8.33333333e-3), z, -8.33333333e-2);
}

// gamma'(x) / gamma(x): -Inf at 0, Inf at -0, NaN at -1, -2, ...
fn f_digamma(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (is_nan(x) || bits == 0x7f800000u) { return x; }
  if ((bits & 0x7fffffffu) == 0u) { return float_of(0xff800000u ^ bits); }
  if (x > 0.0) { return digamma_above(x); }
  if (bits == 0xff800000u || floor(x) == x) { return float_of(0x7fc00000u); }
  let y = half_turns(x);
  return digamma_above(1.0 - x) - 3.14159265 * y.y / y.x; // DLMF 5.5.4
}

// The sum of (q + k)^-s over k >= 0 for positive q: DLMF 25.11.5, from the first q + k >= 10 on.
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
  // B_2j / (2j)! s (s + 1) ... (s + 2j - 2) / a^(2j - 1), from the inside out
  var tail = fma((s + 7.0) * (s + 8.0) * z, 2.08767570e-8, -8.26719577e-7);
  tail = fma((s + 5.0) * (s + 6.0) * z, tail, 3.30687831e-5);
  tail = fma((s + 3.0) * (s + 4.0) * z, tail, -1.38888889e-3);
  tail = fma((s + 1.0) * (s + 2.0) * z, tail, 8.33333333e-2);
  return sum + power * (a / (s - 1.0) + 0.5 + s / a * tail);
}

// Inf at its poles; NaN where s <= 1, and of a negative q to a power that is no whole number.
fn f_zeta(s: f32, q: f32) -> f32 {
  let none = float_of(0x7fc00000u);
  if (any_nan(s, q) || s < 1.0 || bitcast<u32>(q) == 0xff800000u) { return none; }
  if (s == 1.0) { return float_of(0x7f800000u); }
  if (q > 0.0) { return zeta_above(s, q); }
  if (floor(q) == q) { return float_of(0x7f800000u); }
  if (floor(s) != s) { return none; }
  // The terms above 0, and those below, which are as far from 0 as those of another sum
  let below = zeta_above(s, ceil(q) - q) - zeta_above(s, 1.0 - q);
  return zeta_above(s, q - floor(q)) + select(-below, below, s - 2.0 * floor(0.5 * s) == 0.0);
}

// e^-a I_n(a) for n = 0 and 1: the power series, DLMF 10.25.2, whose terms are all positive; from 10 on Hankel's expansion, 10.40.1.
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
