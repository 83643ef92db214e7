"""Cases of src/ops/join.ts."""
from harness import case, ints, rand


def cases():
    case('cat', [rand(2, 3), rand(1, 3)], [['$0', '$1']], 'first dim')
    case('cat', [rand(2, 1), rand(2, 3), rand(2, 2)], [['$0', '$1', '$2'], 1], 'three, dim 1')
    case('cat', [rand(2, 1), rand(2, 3)], [['$0', '$1'], {'dim': -1}], 'options')
    case('cat', [rand(2, 3), rand(0, 3)], [['$0', '$1']], 'with an empty one')
    case('cat', [ints(2), ints(3)], [['$0', '$1'], 0], 'int32')
    case('cat', [rand(2, 2) for _ in range(12)], [[f'${i}' for i in range(12)], 0], 'twelve')
    case('cat', [rand(3)], [['$0', '$0'], 0], 'one tensor twice')
    case('stack', [rand(2, 3), rand(2, 3)], [['$0', '$1']], 'first dim')
    case('stack', [rand(2, 3), rand(2, 3), rand(2, 3)], [['$0', '$1', '$2'], -1], 'last dim')
    case('concat', [rand(2, 1), rand(2, 2)], [['$0', '$1'], 1])
    case('stack', [rand(), rand()], [['$0', '$1'], {'dim': 0}], '0-d')
