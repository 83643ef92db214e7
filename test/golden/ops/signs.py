"""Cases of src/ops/signs.ts."""
from harness import INF, NAN, BINARY_SHAPES, bvals, case, ints, ivals, rand, vals


def cases():
    case('positive', [rand(2, 3)])
    case('positive', [ints(4, low=-5)], None, 'int32')
    case('positive', [vals([-0.0, NAN, -INF])], None, 'special values')
    case('signbit', [vals([-INF, -1, -1e-30, -0.0, 0, 1e-30, INF])], None, 'special values')
    case('signbit', [ivals([-2147483648, -1, 0, 3])], None, 'int32')
    case('signbit', [bvals([True, False])], None, 'bool')
    case('signbit', [rand(0, 2)], None, 'empty')
    for a, b, note in BINARY_SHAPES:
        case('copysign', [rand(*a), rand(*b)], None, note)
    case('copysign', [vals([1, -1, 2, -2, 0, -0.0, INF, NAN]), vals([-0.0, 0, -INF, INF, -1, 1, -3, 2])], None, 'zeros and infinities', grad=False)
    case('copysign', [rand(4)], ['$0', -2], 'number')
    case('heaviside', [vals([-1.5, 0, 2, -0.0, INF, -INF, NAN]), vals([0.5, 0.5, 0.5, 7, 1, 1, 2])], None, 'values', grad=False)
    case('heaviside', [ivals([-1, 0, 2]), ivals([7, 8, 9])], None, 'int32')
    case('heaviside', [vals([[-1], [0], [1]]), vals([3, 4])], None, 'broadcast', grad=False)
    odd = vals([NAN, INF, -INF, 1.5, -2, 0])
    case('nanToNum', [odd], ['$0', {'posinf': 100, 'neginf': -100}], 'named')
    case('nanToNum', [odd], ['$0', 3, 10, -10], 'by position')
    case('nanToNum', [rand(2, 3)])
    case('nanToNum', [vals([NAN, 1, NAN])], None, 'NaN')
    case('nanToNum', [ints(4)], None, 'int32')
    case('nanToNum', [bvals([True, False])], None, 'bool')
