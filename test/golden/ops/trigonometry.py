"""Cases of src/ops/trigonometry.ts."""
import numpy as np

from harness import BINARY_SHAPES, INF, NAN, case, ints, rand, vals


def cases():
    wide = vals([-INF, -1e30, -1e4, -20, -1.5, -1e-6, -0.0, 0, 1e-6, 0.3, 1, 2.5, 30, 1e4, 1e30, INF, NAN])
    within = vals([-1, -0.999, -0.7, -0.5, -1e-6, -0.0, 0, 1e-6, 0.3, 0.5, 0.75, 0.999, 1, NAN])
    for op in ('deg2rad', 'rad2deg', 'tan', 'atan', 'sinh', 'cosh', 'asinh', 'sinc'):
        case(op, [rand(2, 3, low=-3, high=3)])
        case(op, [rand()], None, '0-d')
        case(op, [rand(0, 2)], None, 'empty')
    for op in ('atan', 'asinh'):
        case(op, [wide], None, 'extremes', grad=False)
        case(op, [vals(np.linspace(-6, 6, 41))], None, 'a fine grid')
    case('tan', [vals([-20, -1.5, -1e-6, -0.0, 0.5, 1.5, 100, 1e4, INF, NAN])], None, 'extremes', grad=False)
    case('tan', [vals(np.linspace(-1.4, 1.4, 15))], None, 'a fine grid')
    for op in ('sinh', 'cosh'):
        case(op, [vals([-INF, -800, -30, -1e-6, -0.0, 0, 1e-6, 0.5, 39, 41, 80, 800, INF, NAN])], None, 'extremes', grad=False)
        case(op, [vals(np.linspace(-4, 4, 17))], None, 'a fine grid')
    for op in ('asin', 'acos', 'atanh'):
        case(op, [rand(2, 3, low=-0.9, high=0.9)])
        case(op, [rand(low=-0.5, high=0.5)], None, '0-d')
        case(op, [rand(0, 2)], None, 'empty')
        case(op, [within], None, 'the whole range', grad=False)
        case(op, [vals([-1.5, 2, INF, -INF])], None, 'outside', grad=False)
    case('acosh', [rand(2, 3, low=1.1, high=5)])
    case('acosh', [rand(0)], None, 'empty')
    case('acosh', [vals([1, 1 + 2 ** -20, 2, 1e4, 1e9, 1e30, INF, NAN, 0.5, -3, -1e19, -1e30, -INF])], None, 'extremes', grad=False)
    for op in ('atan2', 'hypot'):
        for a, b, note in BINARY_SHAPES:
            case(op, [rand(*a, low=0.1), rand(*b, low=0.2)], None, note)
        case(op, [rand(12, low=-3, high=3), rand(12, low=-3, high=3)], None, 'all quarters')
    zeros = [0.0, -0.0, 0.0, -0.0, 1, -1, 0, INF, -INF, INF, 2, 2, INF, NAN, 1]
    others = [0.0, 0.0, -0.0, -0.0, 0, 0, -1, INF, INF, -INF, INF, -INF, 3, 1, NAN]
    case('atan2', [vals(zeros), vals(others)], None, 'zeros, infinities, NaN', grad=False)
    case('hypot', [vals([0, 3e30, 1e-30, INF, 1, -4]), vals([0, 4e30, 1e-30, 1, -INF, 3])], None, 'zeros, large, infinite', grad=False)
    case('sinc', [vals([-3, -1, -0.5, -0.1, -1e-3, 0, 1e-3, 0.2, 0.49, 0.51, 1, 1.5, 4, 10.25, NAN])], None, 'whole numbers and near zero')
