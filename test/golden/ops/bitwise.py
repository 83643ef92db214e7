"""Cases of src/ops/bitwise.ts."""
from harness import bits, bvals, case, ints, ivals


def cases():
    wide = ivals([0, 1, -1, 16777217, 2147483647, -2147483648, 1234567890, -987654321])
    other = ivals([5, 3, 7, 16777216, -2, 2147483647, -1, 65535])
    for op in ('bitwiseAnd', 'bitwiseOr', 'bitwiseXor'):
        case(op, [wide, other], None, 'past 24 bits')
        case(op, [ints(2, 1, 3, low=-50, high=50), ints(4, 1, low=-50, high=50)], None, 'broadcast')
        case(op, [bits(6), bits(6)], None, 'bools')
        case(op, [bits(4), ints(4)], None, 'bool with int32')
        case(op, [wide], ['$0', 255], 'number')
        case(op, [ints(0, 3), ints(3)], None, 'empty')
        case(op, [ivals(12), ivals(10)], None, '0-d')
    case('bitwiseNot', [wide], None, 'past 24 bits')
    case('bitwiseNot', [bvals([True, False])], None, 'bools')
    case('bitwiseNot', [ints(2, 3, low=-9)])
    case('bitwiseNot', [ints(0)], None, 'empty')
    for op in ('bitwiseLeftShift', 'bitwiseRightShift'):
        case(op, [ivals([1, -1, 5, -7, 1000, 0, -128]), ivals([0, 1, 2, 3, 10, 5, 20])])
        case(op, [ints(2, 3, low=-99, high=99)], ['$0', 3], 'number')
        case(op, [ints(2, 1, low=-99, high=99), ints(3, high=8)], None, 'broadcast')
        case(op, [ints(0)], ['$0', 1], 'empty')
    case('bitwiseRightShift', [ivals([2147483647, -2147483648, 16777217]), ivals([30, 31, 1])], None, 'past 24 bits')
