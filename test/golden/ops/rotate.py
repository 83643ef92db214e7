"""Cases of src/ops/rotate.ts."""
from harness import case, ints, rand


def cases():
    case('fliplr', [rand(2, 3)])
    case('fliplr', [rand(2, 3, 2)], None, 'three dims')
    case('fliplr', [rand(2, 0)], None, 'empty')
    case('flipud', [rand(3)])
    case('flipud', [rand(2, 3)], None, 'a matrix')
    case('flipud', [ints(3, 2)], None, 'int32')
    case('roll', [rand(2, 3)], ['$0', 2], 'flat')
    case('roll', [rand(4, 3)], ['$0', 1, 0])
    case('roll', [rand(4, 3)], ['$0', [-1, 5], [0, -1]], 'two dims')
    case('roll', [rand(5)], ['$0', {'shifts': -7, 'dims': 0}], 'more than there is')
    case('roll', [rand(2, 3)], ['$0', [1, 1], [1, 1]], 'one dim twice')
    case('roll', [rand(0, 3)], ['$0', 1, 0], 'empty')
    case('roll', [ints(6)], ['$0', 2], 'int32')
    case('rot90', [rand(2, 3)])
    for k in (2, 3, 4, -1, -6):
        case('rot90', [rand(2, 3)], ['$0', k], f'k {k}')
    case('rot90', [rand(2, 3, 4)], ['$0', 1, [-1, 0]], 'another plane')
    case('rot90', [ints(2, 2, 3)], ['$0', {'dims': [1, 2]}], 'int32')
