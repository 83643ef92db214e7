"""Cases of src/ops/elementwise.ts."""
import numpy as np

from harness import BINARY_SHAPES, INF, NAN, bits, bvals, case, ints, ivals, nograd, rand, vals


def cases():
    for op in ('add', 'sub', 'mul', 'div'):
        for a, b, note in BINARY_SHAPES:
            case(op, [rand(*a), rand(*b, low=0.5, high=2) if op == 'div' else rand(*b)], None, note)
    for op in ('add', 'sub', 'mul', 'div'):
        case(op, [rand(2, 3)], ['$0', 2.5], 'number')
        case(op, [ints(5), ints(5, low=1)], None, 'int32')
        case(op, [ints(4), rand(4, low=0.5)], None, 'int32 with float')
    case('add', [rand(2, 3), rand(3)], ['$0', '$1', {'alpha': 0.5}], 'alpha')
    case('sub', [rand(2, 3), rand(3)], ['$0', '$1', {'alpha': -2}], 'alpha')
    case('rsub', [rand(2, 3), rand(3)], None, 'broadcast')
    case('rsub', [rand(2, 3)], ['$0', 2.5, {'alpha': 2}], 'alpha')
    case('rsub', [ints(4)], ['$0', 7], 'int32')
    case('add', [ints(4)], ['$0', 3], 'int32 and a whole number')
    case('add', [bits(4), ints(4)], None, 'bool with int32')
    case('mul', [bits(6), rand(6)], None, 'bool with float')
    case('mul', [vals([INF, -INF, NAN, 0, INF]), vals([2, 2, 2, INF, 0])], None, 'infinity and NaN')
    case('add', [vals([INF, -INF, NAN, INF]), vals([1, 1, 1, -INF])], None, 'infinity and NaN')
    case('sub', [vals([INF, 3, NAN]), vals([INF, -INF, 0])], None, 'infinity and NaN')
    case('div', [vals([1, -1, 0, INF, 5]), vals([0, 0, 0, 2, INF])], None, 'by zero and infinity')
    case('div', [vals([7, -7, 7, -7, 6]), vals([2, 2, -2, -2, 3])], ['$0', '$1', {'roundingMode': 'floor'}], 'floor')
    case('div', [vals([7, -7, 7, -7, 6]), vals([2, 2, -2, -2, 3])], ['$0', '$1', {'roundingMode': 'trunc'}], 'trunc')
    case('div', [ivals([7, -7, 7, -7]), ivals([2, 2, -2, -2])], ['$0', '$1', {'roundingMode': 'floor'}], 'floor, int32')
    whole = ivals([16777217, 2147483647, -2147483647, 2147483647, -2147483648, 5, -5, 0, 2147483646])
    by = ivals([1, 3, 3, -3, 7, 2147483647, 2147483647, -5, -2147483648])
    # Where a / b rounds up to a whole number, trunc in float32 is not that in float64
    near, near_by = vals([1, -1, 1, 6, -6, 3, 1e-3]), vals([0.1, 0.1, -0.1, 0.2, 0.2, 0.3, 1e-4])
    case('div', [near, near_by], ['$0', '$1', {'roundingMode': 'floor'}], 'floor, next to whole numbers')
    tops = vals([7.5, -7.5, 0.5, -0.5, 0, 0, INF, -INF, INF, 5, -5, 5, NAN, 1, 3e38, -3e38, 1e30, 1, -1, 0, INF])
    divisors = vals([2, 2, 3, 3, 2, -2, 1, 1, -2, INF, INF, -INF, 1, NAN, 3, 0.7, -7, 0, 0, 0, 0])
    for mode in ('floor', 'trunc'):
        case('div', [whole, by], ['$0', '$1', {'roundingMode': mode}], f'{mode}, past 24 bits')
        case('div', [ints(20, low=-30, high=30)], ['$0', 7, {'roundingMode': mode}], f'{mode}, int32 by a number')
        case('div', [tops, divisors], ['$0', '$1', {'roundingMode': mode}], f'{mode}, remainders, signs, zeros, infinities, NaN')
        case('div', [rand(60, low=-50, high=50), rand(60)], ['$0', '$1', {'roundingMode': mode}], f'{mode}, broad')
        case('div', [rand(2, 1, 3, low=-9, high=9), rand(4, 1)], ['$0', '$1', {'roundingMode': mode}], f'{mode}, broadcast')
        case('div', [rand(9, low=-9, high=9)], ['$0', 0.1, {'roundingMode': mode}], f'{mode}, by a number')

    extremes = vals([-INF, -1e30, -800, -90, -20, -1, -1e-6, 0, 1e-6, 1, 20, 80, 800, 1e30, INF, NAN])
    positive = vals([0, 1e-30, 1e-6, 0.5, 1, 2, 1e6, 1e30, INF, NAN])
    for op in ('neg', 'abs', 'exp', 'tanh', 'sigmoid', 'relu', 'gelu', 'erf', 'erfc'):
        case(op, [rand(2, 3, low=-3, high=3)])
        case(op, [rand()], None, '0-d')
        case(op, [rand(0, 2)], None, 'empty')
        case(op, [extremes[1:] if op == 'gelu' else extremes], None, 'extremes', grad=op != 'gelu')  # gelu(-inf) is 0 · inf
        if op in ('tanh', 'sigmoid', 'gelu', 'erf', 'erfc', 'exp'):
            case(op, [vals(np.linspace(-6, 6, 49))], None, 'a fine grid')
    case('gelu', [vals([-1e4, -40, -12, -8, 0, 8, 12, 40, 1e4, NAN])], None, 'far out')
    case('gelu', [vals(np.linspace(-6, 6, 49))], ['$0', {'approximate': 'tanh'}], 'tanh form')
    case('gelu', [vals([-1e4, -40, -12, -8, 0, 8, 12, 40, 1e4, NAN])], ['$0', {'approximate': 'tanh'}], 'tanh form, far out')
    case('neg', [ints(4, low=-5)], None, 'int32')
    case('abs', [ints(4, low=-5)], None, 'int32')
    case('abs', [vals([-2, 0, 3])], None, 'kink')
    case('relu', [vals([-1, 0, 1, NAN])], None, 'kink and NaN')
    for op in ('sign', 'expm1', 'reciprocal', 'square', 'sin', 'cos', 'floor', 'ceil', 'round', 'trunc'):
        case(op, [rand(2, 3, low=-3, high=3)])
        case(op, [rand(0, 2)], None, 'empty')
        case(op, [vals([-INF, -1.5, -0.5, -1e-6, 0, 1e-6, 0.5, 1.5, 2.5, 30, INF, NAN])], None, 'special values')
    case('log1p', [rand(2, 3, low=-0.9, high=3)])
    case('log1p', [vals([-1, -1e-6, 0, 1e-6, 1e-20, 1e20, INF, NAN])], None, 'special values')
    for op in ('log', 'sqrt', 'rsqrt'):
        case(op, [rand(2, 3, low=0.1, high=4)])
        case(op, [rand(low=0.5)], None, '0-d')
        case(op, [rand(0)], None, 'empty')
        case(op, [positive], None, 'extremes', grad=op != 'rsqrt')
        case(op, [vals([-1, -INF])], None, 'negative', grad=False)
    case('log', [vals([1 - 2 ** -20, 1, 1 + 2 ** -20, 0.9, 1.1])], None, 'near one')

    for e, note in ((2, 'square'), (3, 'cube'), (0.5, 'root'), (-1, 'reciprocal'), (0, 'zero'), (1, 'one'), (2.5, 'fraction'), (-2, 'minus two')):
        case('pow', [rand(2, 3, low=0.2, high=3)], ['$0', e], note)
    case('pow', [vals([-2, -1, -0.5, 0, 2])], ['$0', 2], 'square of negatives')
    case('pow', [vals([-8, -1, -0.5, 0, 2])], ['$0', 3], 'cube of negatives')
    case('pow', [vals([-2, -1, 4])], ['$0', 0.5], 'root of negatives', grad=False)
    case('pow', [vals([-2, -0.5, 4])], ['$0', -3], 'negative whole exponent')
    case('pow', [rand(2, 3, low=0.2, high=3), rand(3)], None, 'tensor exponent')
    case('pow', [vals([0, 0, 0, 2, -2, 1]), vals([0, 1, 2, 0, 2, 5])], None, 'tensor exponent at zero', grad=False)
    case('pow', [vals([0, 0, 0, 2, 1]), vals([1, 2, 3, 0, 5])], None, 'gradients at zero base')
    case('pow', [vals([0, 0, 0, -2]), nograd(vals([0, 1, 2, 3]))], None, 'second gradients at zero base')
    case('pow', [rand(2, 3)], [2, '$0'], 'number base')
    case('pow', [ivals([3, -3, 2, 1, -1, -1, 0, 2, 7]), ivals([19, 19, 30, 5, -3, -4, 0, -1, 11])], None, 'int32')
    case('pow', [ivals([3, -3, 2, 0])], ['$0', 19], 'int32 to a number')
    case('pow', [vals([INF, -INF, NAN, 0, 1, 0.5]), vals([2, 3, 0, -1, INF, INF])], None, 'infinity and NaN', grad=False)

    case('where', [bits(2, 3), rand(2, 3), rand(2, 3)])
    case('where', [bits(3), rand(2, 1), rand(2, 3)], None, 'broadcast')
    case('where', [bvals([True, False]), vals([1, NAN]), vals([NAN, 2])], None, 'NaN in the branch not taken')
    case('where', [bits(2, 3), rand(2, 3)], ['$0', '$1', 0.0], 'number')
    case('where', [bits(4), ints(4), ints(4)], None, 'int32')
    case('where', [bvals(True), vals(1.5), vals(2.5)], None, '0-d')
