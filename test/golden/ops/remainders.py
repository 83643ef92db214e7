"""Cases of src/ops/remainders.ts."""
from harness import BINARY_SHAPES, INF, NAN, case, ints, ivals, rand, vals


def cases():
    whole = ivals([16777217, 2147483647, -2147483647, 2147483647, -2147483648, 5, -5, 0, 2147483646, -7, 7])
    by = ivals([10, 3, 3, -3, 7, 2147483647, 2147483647, -5, -2147483648, 2, -2])
    a = vals([7.5, -7.5, 7.5, -7.5, 0, 0, 5, -5, 6, -6, INF, NAN, 1, 1e10, 3])
    b = vals([2, 2, -2, -2, 2, -2, INF, INF, 3, 3, 2, 1, NAN, 3, 0])
    for op in ('remainder', 'fmod', 'floorDivide'):
        for x, y, note in BINARY_SHAPES:
            case(op, [rand(*x, low=-9, high=9), rand(*y, low=0.5, high=2)], None, note, grad=op != 'floorDivide')
        case(op, [whole, by], None, 'int32, past 24 bits')
        case(op, [ints(20, low=-30, high=30)], ['$0', 7], 'int32 by a number')
        case(op, [ints(20, low=-30, high=30)], ['$0', -7], 'int32 by a negative number')
        case(op, [ints(5, low=-30, high=30), rand(5, low=0.5)], None, 'int32 by float', grad=False)
        case(op, [a, b], None, 'signs, zeros, infinities, NaN', grad=False)
        case(op, [rand(9, low=-9, high=9)], ['$0', 0.7], 'number', grad=op != 'floorDivide')
    case('remainder', [rand(6, low=1, high=4)], [10, '$0'], 'of a number', grad=False)
    left = ivals([12, -18, 0, 0, 7, 2147483647, 16777216, 1071, -462, 1])
    right = ivals([18, 12, 5, 0, -7, 3, 24, 462, 1071, 0])
    small = ivals([12, -18, 0, 0, 7, 4, 16, 1071, -462, 1])
    case('gcd', [left, right])
    case('lcm', [small, right])
    for op in ('gcd', 'lcm'):
        case(op, [ints(2, 1, 3, low=-40, high=40), ints(4, 1, low=-40, high=40)], None, 'broadcast')
        case(op, [ints(0), ints(0)], None, 'empty')
        case(op, [ivals(12), ivals(20)], None, '0-d')
