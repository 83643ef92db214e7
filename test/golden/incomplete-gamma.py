"""P and Q of test/ops/incomplete-gamma.test.ts, as float64 has them, and their slope in x: computed with 60 digits (mpmath), of numbers that float32 holds."""
import mpmath as mp
import numpy as np

SHAPES = (1e-3, 0.02, 0.3, 0.75, 1, 1.6, 3, 7, 9.9, 10.5, 19, 28, 60, 99, 101, 150, 400, 1100, 3e3, 1e4)
RATIOS = (1e-3, 0.01, 0.05, 0.2, 0.45, 0.6, 0.69, 0.71, 0.85, 0.95, 0.99, 0.999, 1, 1.003, 1.02, 1.07, 1.2, 1.29, 1.31, 1.5, 2, 5, 20, 100, 1e3)
# Around a small x, where one formula follows another, and the far ends
MORE = [(a, x) for a in (1e-6, 0.01, 0.5, 1, 1.05, 1.2) for x in (1e-6, 0.3, 0.56, 0.9, 1.09, 1.11, 1.7, 30)]
MORE += [(1e6, 1e6), (1e6, 0.997e6), (1e6, 1.004e6), (1e12, 1e12), (1e30, 1e30), (5, 500), (50, 600), (0.5, 600), (30, 1e-3), (90, 1e-2)]


def lower(a, x):
    """The series of positive terms."""
    term = total = mp.mpf(1)
    n = 0
    while term > total * mp.mpf(10) ** -65:
        n += 1
        term *= x / (a + n)
        total += term
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * total


def upper(a, x):
    """The continued fraction, by the recurrence of its convergents."""
    if a > 1e5:
        return mp.quad(lambda t: mp.exp((a - 1) * mp.log(t) - t - mp.loggamma(a)), mp.linspace(x, x + 40 * mp.sqrt(a), 60))
    b = x - a + 1
    before, last = (mp.mpf(1), mp.mpf(0)), (b, mp.mpf(1))
    n, ratio, old = 0, mp.mpf(0), mp.mpf(1)
    while abs(ratio - old) > abs(ratio) * mp.mpf(10) ** -60:
        n += 1
        b += 2
        before, last = last, tuple(b * l - n * (n - a) * p for l, p in zip(last, before))
        old, ratio = ratio, last[1] / last[0]
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a)) * ratio


def rows():
    single = lambda v: float(np.float32(v))
    points = [(single(a), single(a * r)) for a in SHAPES for r in RATIOS] + [(single(a), single(x)) for a, x in MORE]
    table = []
    with mp.workdps(70):
        for a, x in points:
            A, X = mp.mpf(a), mp.mpf(x)
            if x > a + 1 or a > 1e5:
                q = upper(A, X)
                p = 1 - q
            else:
                p = lower(A, X)
                q = 1 - p
            table.append([a, x, float(p), float(q), float(mp.exp((A - 1) * mp.log(X) - X - mp.loggamma(A)))])
    return {'values': table}
