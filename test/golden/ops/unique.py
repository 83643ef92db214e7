"""Cases of src/ops/unique.ts: integers and bools; test/ops/unique.test.ts has floats, as these functions are awaited."""
from harness import bvals, case, ints, ivals

ALL = {'returnInverse': True, 'returnCounts': True}


def cases():
    for op in ('unique', 'uniqueConsecutive'):
        case(op, [ivals([3, 1, 1, 3, 0, 0, 3])])
        case(op, [ints(3, 4, high=4)], ['$0', ALL], 'with all')
        case(op, [ints(9, high=3)], ['$0', {'returnCounts': True}], 'with counts')
        case(op, [ivals([[2, 2], [1, 2]])], ['$0', {'returnInverse': True}], 'with the inverse')
        case(op, [ivals(5)], ['$0', ALL], '0-d')
        case(op, [ints(0)], ['$0', ALL], 'empty')
        case(op, [bvals([True, True, False, True])], ['$0', ALL], 'bool')
        case(op, [ivals([16777217, 16777216, 16777216, -2147483648])], ['$0', ALL], 'large')
    case('uniqueConsecutive', [ivals([[1, 2], [1, 2], [1, 3], [1, 2]])], ['$0', {'dim': 0, **ALL}], 'rows')
    case('uniqueConsecutive', [ivals([[1, 1, 2], [1, 1, 2]])], ['$0', {'dim': -1, **ALL}], 'columns')
    case('bincount', [ints(9, high=5)])
    case('bincount', [ints(9, high=5)], ['$0', {'minlength': 8}], 'more bins')
    case('bincount', [ints(0)], ['$0', {'minlength': 2}], 'of nothing')
