"""Cases of src/ops/vander.ts."""
from harness import INF, NAN, bits, case, ints, ivals, rand, vals


def cases():
    case('vander', [rand(4)])
    case('vander', [rand(3)], ['$0', 5], 'wide')
    case('vander', [rand(3)], ['$0', {'N': 4, 'increasing': True}], 'options')
    case('vander', [rand(3)], ['$0', 2, True], 'by position')
    case('vander', [rand(3)], ['$0', 0], 'no columns')
    case('vander', [rand(0)], ['$0', 2], 'empty')
    case('vander', [vals([0.0, -0.0, -1.0, 3.0])], ['$0', 4], 'zeros')
    case('vander', [vals([NAN, INF, -INF])], ['$0', 3], 'special', grad=False)
    case('vander', [ivals([-3, 0, 1, 40])], ['$0', 5], 'int32')
    case('vander', [bits(3)], ['$0', 3], 'bool')
