"""Cases of src/ops/erf.ts."""
import numpy as np

from harness import INF, NAN, case, rand, vals


def cases():
    case('erfinv', [rand(2, 3, low=-0.95, high=0.95)])
    case('erfinv', [rand(low=-0.5, high=0.5)], None, '0-d')
    case('erfinv', [rand(0, 2)], None, 'empty')
    case('erfinv', [vals([-0.0, 1e-30, 1e-6, 0.1, 0.499, 0.5, 0.749, 0.751, 0.9, -0.99, 0.9999])], None, 'a grid')
    case('erfinv', [vals([1 - 2 ** -24, -1 + 2 ** -20])], None, 'next to one', grad=False)
    case('erfinv', [vals([1, -1, 1.5, -2, INF, NAN])], None, 'ends', grad=False)
    case('ndtr', [rand(2, 3)])
    case('ndtr', [vals([-INF, -12, -5, -1, 0, 1, 5, 12, INF, NAN])], None, 'extremes')
    case('ndtr', [rand(0)], None, 'empty')
    case('logNdtr', [rand(2, 3)])
    case('logNdtr', [rand()], None, '0-d')
    case('logNdtr', [rand(0)], None, 'empty')
    case('logNdtr', [vals([-30, -12, -8.5, -7.5, -5.5, -5, -4.5, -2, -1.25, -1, -0.5, 0, 1, 4, 8])], None, 'both tails')
    case('logNdtr', [vals([-INF, -1e18, -1e4, 12, 38, INF, NAN])], None, 'far out', grad=False)
    case('ndtri', [rand(2, 3, low=0.02, high=0.98)])
    case('ndtri', [vals([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999])], None, 'a grid')
    case('ndtri', [vals([1e-30, 1e-10, 1e-5])], None, 'far out', grad=False)
    case('ndtri', [vals([0, 1, -1, 2, NAN])], None, 'ends', grad=False)
