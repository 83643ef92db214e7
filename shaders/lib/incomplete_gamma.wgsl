// The regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P of floats, and their slope in x, as src/device/cpu/incomplete-gamma.ts has them of doubles:
// formulas by their numbers in the Digital Library of Mathematical Functions, https://dlmf.nist.gov.

// l - 1 - log l of l = x / a, half the square of eta in DLMF 8.12.1: next to 1, log l is 2 artanh (u / (2 + u)) of u = l - 1, of whose series the first terms are taken off.
fn gamma_half_square(a: f32, x: f32) -> f32 {
  let u = (x - a) / a;
  if (abs(u) > 0.5) { return u - f_log(x / a); }
  let s = u / (2.0 + u);
  let z = s * s;
  let sum = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, 0.0666666667, 0.0769230769), 0.0909090909), 0.111111111), 0.142857143), 0.2), 0.333333333);
  return s * fma(-2.0 * z, sum, u);
}

// x^a e^-x / gamma(a + 1): by Stirling's series, DLMF 5.11.1, where a is no small number.
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

// P by its series, DLMF 8.7.1: all terms are positive.
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

// Q of a <= 1 and a small x, DLMF 8.7.3: 1 - x^a / gamma(a + 1) (1 + a sum of (-x)^n / ((a + n) n!)), the first two of which nearly cancel where a is small.
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

// Q by its continued fraction, DLMF 8.9.2, forwards: Lentz's method.
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

// P or Q for large a and x / a next to 1, by Temme's expansion, DLMF 8.12.3 to 8.12.8: that of a normal distribution, and what it lacks.
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
fn is_nothing(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) < 0x00800000u; } // subnormal numbers too, which may be flushed

// P where nothing has to be computed: NaN outside of a >= 0 and x >= 0, and at the ends what PyTorch has there. 2 elsewhere.
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

// P or Q: the one that is small is computed, and the other from it where that loses nothing.
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

// x^(a - 1) e^-x / gamma(a), the density of a gamma distribution; at the ends its limit.
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
