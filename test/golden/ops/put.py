"""Cases of src/ops/put.ts."""
from harness import case, ints, ivals, rand


def cases():
    case('take', [rand(2, 3), ivals([[5, 0], [2, 2]])])
    case('take', [rand(2, 3), ivals([-1, -6, 3])], None, 'from the end')
    case('take', [ints(4, 2), ivals(3)], None, '0-d index')
    case('take', [rand(), ivals([0, 0])], None, '0-d')
    case('take', [rand(3), ivals([])], None, 'empty index')
    case('put', [rand(2, 3), ivals([5, 0]), rand(2)])
    case('put', [rand(2, 3), ivals([[-1], [1]]), rand(2)], None, 'from the end')
    case('put', [rand(2, 3), ivals([4, 1, 4, 4]), rand(4)], ['$0', '$1', '$2', True], 'added')
    case('put', [ints(2, 2), ivals([1, 1]), ints(2)], ['$0', '$1', '$2', True], 'int32')
    case('put', [rand(3), ivals([]), rand(0)], None, 'empty index')
    case('takeAlongDim', [rand(3, 4), ivals([[2, 0, 1, 2]])], ['$0', '$1', 0])
    case('takeAlongDim', [rand(1, 4), ivals([[3, 1], [0, 0], [2, 3]])], ['$0', '$1', -1], 'both broadcast')
    case('takeAlongDim', [rand(2, 3), ivals([[5, 1], [0, 5]])], None, 'flat')
    case('takeAlongDim', [ints(2, 3), ivals([[1], [2]])], ['$0', '$1', 1], 'int32')
