"""Cases of src/ops/clamp.ts."""
from harness import BINARY_SHAPES, INF, NAN, case, ints, rand, vals


def cases():
    for op in ('maximum', 'minimum'):
        for a, b, note in BINARY_SHAPES:
            case(op, [rand(*a), rand(*b)], None, note)
        case(op, [vals([1, 2, -1, 0]), vals([1, -2, -1, 0])], None, 'ties')
        case(op, [vals([NAN, 1, NAN, INF, -INF]), vals([1, NAN, NAN, 2, 2])], None, 'NaN and infinity')
        case(op, [ints(5), ints(5)], None, 'int32')

    for args, note in (([-1, 1], 'both'), ([{'min': 0}], 'min'), ([{'max': 0.5}], 'max'), ([{'min': -0.5, 'max': 0.5}], 'options')):
        case('clamp', [rand(3, 4)], ['$0', *args], note)
    case('clamp', [vals([-2, -1, 0, 1, 2, NAN, INF, -INF])], ['$0', -1, 1], 'bounds, NaN, infinity')
    case('clamp', [ints(6)], ['$0', 2, 6], 'int32')

    for op in ('fmax', 'fmin'):
        for a, b, note in BINARY_SHAPES:
            case(op, [rand(*a), rand(*b)], None, note)
        case(op, [vals([1, 2, -1, 0]), vals([1, -2, -1, 0])], None, 'ties')
        case(op, [vals([NAN, 1, NAN, INF, -INF]), vals([1, NAN, NAN, 2, 2])], None, 'NaN and infinity')
        case(op, [ints(5), ints(5)], None, 'int32')
    for op in ('clampMin', 'clampMax'):
        case(op, [rand(3, 4)], ['$0', 0.5], 'number')
        case(op, [rand(3, 4), rand(4)], None, 'tensor')
        case(op, [vals([-1, NAN, INF, -INF])], ['$0', 0], 'NaN, infinity')
        case(op, [ints(6)], ['$0', 4], 'int32')
