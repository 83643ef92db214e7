"""Cases of src/ops/vectors.ts."""
from harness import case, ints, rand


def cases():
    case('cross', [rand(4, 3), rand(4, 3)], ['$0', '$1', {'dim': 1}], 'along the last')
    case('cross', [rand(3, 2), rand(3, 2)], ['$0', '$1', 0], 'along the first')
    case('cross', [rand(2, 3, 4), rand(2, 3, 4)], None, 'the first of size 3')
    case('cross', [rand(1, 3), rand(4, 3)], ['$0', '$1', -1], 'broadcast')
    case('cross', [ints(3, low=-5), ints(3, low=-5)], None, 'int32')
    case('cross', [rand(0, 3), rand(0, 3)], ['$0', '$1', 1], 'empty')
