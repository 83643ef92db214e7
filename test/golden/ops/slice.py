"""Cases of src/ops/slice.ts."""
from harness import case, rand


def cases():
    case('narrow', [rand(4, 3)], ['$0', 0, 1, 2])
    case('narrow', [rand(4, 3)], ['$0', -1, -2, 1], 'negative dim and start')
    case('narrow', [rand(4, 3)], ['$0', 0, 2, 0], 'length zero')
    case('select', [rand(4, 3)], ['$0', 0, 2])
    case('select', [rand(2, 4, 3)], ['$0', -2, -1], 'negative')
    case('split', [rand(5, 2)], ['$0', 2], 'ragged')
    case('split', [rand(2, 5)], ['$0', [1, 4], 1], 'sizes')
    case('chunk', [rand(5, 2)], ['$0', 3, 0])
    case('unbind', [rand(3, 2)], ['$0', 1])
    case('flip', [rand(2, 3)], ['$0', [0]])
    case('flip', [rand(2, 3, 2)], ['$0', [-1, 0]], 'two dims')
    case('flip', [rand(0, 3)], ['$0', [0]], 'empty')
