"""Cases of src/ops/window.ts."""
from harness import case, ints, rand


def cases():
    case('unfoldDim', [rand(7)], ['$0', 0, 3, 1])
    case('unfoldDim', [rand(7)], ['$0', 0, 2, 3], 'apart')
    case('unfoldDim', [rand(2, 8, 3)], ['$0', -2, 3, 2], 'a middle dim')
    case('unfoldDim', [rand(3, 4)], ['$0', 0, 3, 5], 'one window')
    case('unfoldDim', [rand(3)], ['$0', 0, 0, 1], 'of nothing')
    case('unfoldDim', [rand()], ['$0', 0, 1, 1], '0-d')
    case('unfoldDim', [ints(6)], ['$0', 0, 4, 2], 'int32')
