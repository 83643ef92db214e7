"""Cases of src/ops/softmax.ts."""
from harness import INF, NAN, case, rand, vals


def cases():
    for op in ('softmax', 'logSoftmax', 'logsumexp'):
        case(op, [rand(2, 5)], ['$0', 1])
        case(op, [rand(2, 3, 4)], ['$0', -2], 'middle dim')
        case(op, [rand(3, 4)], ['$0', {'dim': 0}], 'options')
        case(op, [vals([[1000, 999, -1000], [-1000, -1001, -999], [88, 89, 90]])], ['$0', 1], 'large')
        case(op, [vals([[0, -INF, 1], [-INF, -INF, 2]])], ['$0', 1], 'minus infinity')
        case(op, [vals([[-INF, -INF], [INF, 0], [NAN, 0]])], ['$0', 1], 'rows without a value', grad=False)
        case(op, [rand()], ['$0', 0], '0-d')
        case(op, [rand(0, 3)], ['$0', 1], 'empty')
        case(op, [rand(2, 270)], ['$0', 1], 'long rows')
    case('logsumexp', [rand(2, 3, 4)], ['$0', [0, 2], {'keepdim': True}], 'two dims kept')
