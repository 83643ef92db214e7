"""Cases of src/ops/sort.ts."""
from harness import INF, NAN, bits, case, distinct, ints, ivals, rand, vals


def cases():
    case('sort', [rand(3, 5)])
    case('sort', [rand(3, 5)], ['$0', 0], 'dim')
    case('sort', [rand(3, 5)], ['$0', -2, {'descending': True}], 'descending')
    case('sort', [rand(2, 4, 3)], ['$0', {'dim': 1, 'descending': True, 'stable': True}], 'options')
    case('sort', [distinct(7, 20)], ['$0', 0], 'more rows')
    case('sort', [rand()], None, '0-d')
    case('sort', [rand(4, 1)], ['$0', 1], 'one element')
    case('sort', [rand(0, 3)], None, 'empty')
    case('sort', [rand(2, 0)], ['$0', 1], 'empty dim')
    case('sort', [vals([2, 1, 2, 1, 1, 2])], ['$0', {'stable': True}], 'ties keep their order')
    case('sort', [vals([2, 1, 2, 1, 1, 2])], ['$0', {'descending': True, 'stable': True}], 'ties, descending')
    case('sort', [vals([0.0, -0.0, NAN, INF, -INF, 1.0, NAN, -1.0])], ['$0', {'stable': True}], 'NaN is the largest', grad=False)
    case('sort', [vals([0.0, -0.0, NAN, INF, -INF, 1.0, NAN, -1.0])], ['$0', {'descending': True, 'stable': True}], 'NaN comes first', grad=False)
    case('sort', [ints(3, 6, low=-20, high=20)], ['$0', {'stable': True}], 'int32')
    case('sort', [bits(9)], ['$0', {'stable': True}], 'bool')
    case('argsort', [rand(3, 5)])
    case('argsort', [rand(3, 5)], ['$0', 0, {'descending': True}], 'descending')
    case('argsort', [ivals([3, 1, 3, 2, 1])], ['$0', {'dim': 0, 'stable': True}], 'ties')
    case('msort', [rand(4, 3)])
    case('msort', [rand(5)], None, 'one dim')
