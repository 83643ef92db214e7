"""Cases of src/ops/triangle.ts."""
from harness import case, ints, rand


def cases():
    for op in ('tril', 'triu'):
        case(op, [rand(3, 4)])
        case(op, [rand(2, 3, 3)], ['$0', {'diagonal': -1}], 'below')
        case(op, [rand(4, 3)], ['$0', {'diagonal': 1}], 'above')
        case(op, [ints(3, 3)], ['$0', 5], 'int32, beyond')
    for op in ('trilIndices', 'triuIndices'):
        case(op, [], [3, 4])
        case(op, [], [4, 3, -1], 'below')
        case(op, [], [3, 3, {'offset': 1}], 'above')
        case(op, [], [0, 3], 'of nothing')
        case(op, [], [2, 3, 9], 'beyond')
