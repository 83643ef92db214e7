"""Cases of src/ops/logarithms.ts."""
import numpy as np

from harness import BINARY_SHAPES, INF, NAN, case, ints, ivals, rand, vals


def cases():
    case('exp2', [rand(2, 3, low=-3, high=3)])
    case('exp2', [vals([-INF, -1e4, -100, -20.5, -1, 0, 1, 10, 24, 100, 1e4, INF, NAN])], None, 'extremes')
    for op, powers in (('log2', [2.0 ** n for n in (-100, -20, -3, -1, 0, 1, 3, 10, 24, 100)]), ('log10', [10.0 ** n for n in range(11)])):
        case(op, [rand(2, 3, low=0.1, high=4)])
        case(op, [rand(low=0.5)], None, '0-d')
        case(op, [rand(0)], None, 'empty')
        case(op, [vals(powers)], None, 'whole results')
        case(op, [vals([0, 1e-30, 1e30, INF, NAN, 1 - 2 ** -20, 1 + 2 ** -20])], None, 'extremes', grad=False)
        case(op, [vals([-1, -INF])], None, 'negative', grad=False)
    for op in ('logaddexp', 'logaddexp2'):
        for a, b, note in BINARY_SHAPES:
            case(op, [rand(*a), rand(*b)], None, note)
        case(op, [vals([1000, -1000, 3, 0]), vals([999, -1001, -500, 0])], None, 'far out')
        case(op, [vals([INF, -INF, INF, -INF, NAN, 1]), vals([INF, -INF, -INF, 2, 1, NAN])], None, 'infinity and NaN', grad=False)
    for op, low in (('xlogy', 0.2), ('xlog1py', -0.8)):
        for a, b, note in BINARY_SHAPES:
            case(op, [rand(*a), rand(*b, low=low)], None, note)
        case(op, [vals([0, 0, 0, 1, 2, 0, INF]), vals([0, INF, NAN, 0, INF, 3, 2])], None, 'zeros, infinity, NaN', grad=False)
        case(op, [rand(4, low=0.1)], ['$0', 2.5], 'number')
        case(op, [rand(4, low=0.1)], [3, '$0'], 'of a number')
    case('entr', [rand(2, 3, low=0.1, high=3)])
    case('entr', [vals([0, -1, 1, INF, NAN])], None, 'special values', grad=False)
    case('entr', [rand(0)], None, 'empty')
    case('logit', [rand(2, 3, low=0.05, high=0.95)])
    case('logit', [vals([0, 1, 0.5, 0.5 + 2 ** -20, 0.3, 1e-30, 1 - 2 ** -24, NAN])], None, 'ends and middle', grad=False)
    case('logit', [vals([0, 1, 0.5, 0.05, 0.95])], ['$0', 0.1], 'eps')
    case('logit', [vals([0, 1, 0.5, 0.05, 0.95, NAN])], ['$0', '$nan'], 'eps: NaN', grad=False)
    case('logit', [vals([0.25, 0.5, 0.9, NAN])], ['$0', 0.75], 'eps above a half')
    case('logit', [vals([-1, 2, NAN, INF, -INF, -1e30, 0.25])], None, 'outside')
    case('floatPower', [rand(2, 3, low=0.2, high=3)], ['$0', 2.5], 'number')
    case('floatPower', [rand(2, 3, low=0.2, high=3), rand(3)], None, 'broadcast')
    case('floatPower', [rand(4, low=0.2)], [2, '$0'], 'of a number')
    case('ldexp', [rand(2, 3), ints(3, low=-5, high=5)], None, 'int32 exponent')
    case('ldexp', [rand(4), rand(4)], None, 'float exponent')
    case('ldexp', [vals([1, 3, INF, NAN, 0]), ivals([20, -20, 2, 2, 3])], None, 'special values')
    case('frexp', [vals([1, 0.5, 3, -7.25, 0, -0.0, INF, -INF, NAN, 1e30, 1e-30, 0.99999994, 2 ** 20, 1 + 2 ** -23])], None, 'special values', grad=False)
    case('frexp', [rand(2, 3)])
    case('frexp', [rand(0, 2)], None, 'empty')
