"""Cases of src/ops/rounding.ts; those of single whole numbers are in elementwise.py."""
from harness import BINARY_SHAPES, INF, NAN, case, ints, rand, vals


def cases():
    case('frac', [rand(2, 3, low=-9, high=9)])
    case('frac', [rand()], None, '0-d')
    case('frac', [rand(0, 2)], None, 'empty')
    case('frac', [vals([-2.5, -1, -0.25, 0, 0.75, 3, 1e10, NAN])], None, 'special values')
    for n in (1, 2, 3, -1, -2):
        case('round', [rand(4, 3, low=-90, high=90)], ['$0', {'decimals': n}], f'{n} decimals')
    case('round', [vals([0.25, 0.75, -0.25, 2.5, NAN, INF, -INF, 0])], ['$0', {'decimals': 1}], 'ties, NaN, infinity')
    case('round', [vals([15, 25, -35, 5, 149])], ['$0', {'decimals': -1}], 'ties of tens')
    case('round', [vals([0.5, 1.5, -2.5])], ['$0', {'decimals': 0}], 'no decimals')
    case('round', [ints(4, low=-9)], None, 'int32')
    case('nextafter', [vals([1, -1, 0, -0.0, 2, 3, INF, -INF, 1, NAN, 5, -0.0]), vals([2, 2, -0.0, 0, -INF, 3, INF, -INF, NAN, 1, INF, -0.0])], grad=False)
    for a, b, note in BINARY_SHAPES:
        case('nextafter', [rand(*a), rand(*b)], None, note, grad=False)
