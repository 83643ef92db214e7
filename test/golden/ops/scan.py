"""Cases of src/ops/scan.ts."""
from harness import INF, NAN, bits, case, distinct, ints, nograd, rand, vals


def cases():
    for op in ('cumsum', 'cumprod', 'logcumsumexp'):
        case(op, [rand(5)], ['$0', 0], 'a row')
        case(op, [rand(2, 3, 4)], ['$0', 1], 'middle dim')
        case(op, [rand(3, 4)], ['$0', -1], 'last dim')
        case(op, [rand(3, 4)], ['$0', -2], 'first dim, from the back')
        case(op, [rand(3, 4)], ['$0', {'dim': 0}], 'options')
        case(op, [rand()], ['$0', 0], '0-d')
        case(op, [rand(0, 3)], ['$0', 1], 'empty')
        case(op, [rand(3, 0)], ['$0', 1], 'empty rows')
        case(op, [rand(3, 1)], ['$0', 1], 'one element')
        case(op, [rand(2, 70)], ['$0', 1], 'long rows')
        case(op, [vals([[1, NAN, 3], [INF, 2, 1]])], ['$0', 1], 'NaN and infinity', grad=False)
    for op in ('cumsum', 'cumprod'):
        case(op, [ints(3, 4)], ['$0', 1], 'int32')
        case(op, [bits(2, 5)], ['$0', 1], 'bool')
    case('cumprod', [vals([[2, 0, 3, -1, 0.5], [0, 2, -3, 0, 4], [1, 2, 3, 4, 0], [0, 0, 0, 1, 2]])], ['$0', 1], 'zeros')
    case('logcumsumexp', [vals([[1000, 999, -1000], [-1000, -1001, -999], [88, 89, 90]])], ['$0', 1], 'large', grad=False)
    case('logcumsumexp', [vals([[88, 89, 90], [-90, 20, 89]])], ['$0', 1], 'past the range of exp')
    case('logcumsumexp', [vals([[-INF, -INF, 1, INF, -INF, 2]])], ['$0', 1], 'infinities', grad=False)
    for op in ('cummax', 'cummin'):
        case(op, [distinct(7)], ['$0', 0], 'a row')
        case(op, [distinct(2, 3, 4)], ['$0', 1], 'middle dim')
        case(op, [distinct(3, 4)], ['$0', -1], 'last dim')
        case(op, [distinct(4, 3)], ['$0', {'dim': 0}], 'options')
        case(op, [vals([[1, 3, 3, 0, 3], [-1, -1, -1, -1, -1], [0, 2, 1, 2, -3]])], ['$0', 1], 'ties: the last')
        case(op, [vals([[1, NAN, 3, NAN], [INF, 2, -INF, INF]])], ['$0', 1], 'NaN and infinity')
        case(op, [rand()], ['$0', 0], '0-d')
        case(op, [rand(0, 3)], ['$0', 1], 'empty')
        case(op, [ints(3, 4)], ['$0', 1], 'int32')
        case(op, [nograd(bits(2, 5))], ['$0', 1], 'bool')
