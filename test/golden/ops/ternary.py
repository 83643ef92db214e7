"""Cases of src/ops/ternary.ts."""
from harness import INF, NAN, case, ints, rand, vals


def cases():
    case('lerp', [rand(2, 3), rand(2, 3)], ['$0', '$1', 0.3], 'number')
    case('lerp', [rand(2, 3), rand(2, 3)], ['$0', '$1', 0.8], 'number past the middle')
    case('lerp', [rand(2, 3), rand(2, 3), rand(2, 3)], None, 'tensor weight')
    case('lerp', [rand(2, 1, 3), rand(4, 1), rand(3)], None, 'broadcast')
    case('lerp', [rand(), rand()], ['$0', '$1', -1.5], '0-d, beyond')
    case('lerp', [rand(0), rand(0)], ['$0', '$1', 0.5], 'empty')
    case('lerp', [vals([1e8, 1, NAN, 1]), vals([1, 1e8, 1, INF])], ['$0', '$1', 1.0], 'the end is met', grad=False)
    for op, low in (('addcmul', -2), ('addcdiv', 0.5)):
        case(op, [rand(2, 3), rand(2, 3), rand(2, 3, low=low)])
        case(op, [rand(2, 3), rand(2, 1), rand(3, low=low)], ['$0', '$1', '$2', {'value': 0.5}], 'value, broadcast')
        case(op, [rand(), rand(), rand(low=low)], None, '0-d')
        case(op, [rand(0, 2), rand(2), rand(2, low=low)], None, 'empty')
    case('addcmul', [ints(4), ints(4), ints(4)], ['$0', '$1', '$2', {'value': 3}], 'int32')
    case('addcdiv', [vals([1, 2, NAN]), vals([1, -1, 0]), vals([0, 0, 0])], None, 'by zero', grad=False)
