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
    for note, dim, x in (('rows', 0, ints(9, 2, high=2)), ('last dim of three', -1, ints(2, 3, 7, high=2)), ('middle dim', 1, ivals([[[2, 1], [0, 3], [2, 1]]])),
                         ('rows of five', 0, ints(12, 5, high=2)), ('no rows', 0, ints(0, 3))):
        case('unique', [x], ['$0', {'dim': dim, **ALL}], note)
    case('unique', [bvals([[True, False], [False, True], [True, False]])], ['$0', {'dim': 0, 'returnCounts': True}], 'rows of bools')
    case('unique', [ivals([[16777217, 1], [16777216, 2], [16777217, 0], [16777216, 2]])], ['$0', {'dim': 0, 'sorted': False}], 'large rows')
    case('unique', [ivals([3, 1, 3])], ['$0', {'dim': 0, 'returnInverse': True}], 'dim of a vector')
    case('bincount', [ints(9, high=5)])
    case('bincount', [ints(9, high=5)], ['$0', {'minlength': 8}], 'more bins')
    case('bincount', [ints(0)], ['$0', {'minlength': 2}], 'of nothing')
