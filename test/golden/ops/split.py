"""Cases of src/ops/split.ts."""
from harness import case, ints, rand


def cases():
    case('tensorSplit', [rand(7)], ['$0', 3], 'not equal')
    case('tensorSplit', [rand(2, 5)], ['$0', [1, 3], 1], 'positions')
    case('tensorSplit', [rand(5)], ['$0', [3, 1, -1, 9], 0], 'positions back and out')
    case('tensorSplit', [rand(2)], ['$0', 4], 'more parts than elements')
    case('tensorSplit', [rand(4, 3)], ['$0', [1], -1], 'negative dim')
    case('hsplit', [rand(4)], ['$0', 2], 'a vector')
    case('hsplit', [rand(2, 6)], ['$0', 3])
    case('hsplit', [ints(2, 5)], ['$0', [2, 3]], 'int32')
    case('vsplit', [rand(4, 2)], ['$0', 2])
    case('vsplit', [rand(4, 2)], ['$0', [1]], 'positions')
    case('vsplit', [rand(4, 2)], ['$0', 4], 'rows')
    case('dsplit', [rand(2, 2, 4)], ['$0', 2])
    case('dsplit', [rand(1, 2, 4)], ['$0', [3]], 'positions')
    case('dsplit', [rand(1, 2, 3, 2)], ['$0', 3], 'four dims')
    case('splitWithSizes', [rand(5, 2)], ['$0', [2, 3]])
    case('splitWithSizes', [rand(2, 4)], ['$0', [1, 0, 3], -1], 'an empty one')
    case('splitWithSizes', [ints(3)], ['$0', [2, 1], 0], 'int32')
