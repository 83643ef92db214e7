"""Cases of src/ops/index-copy.ts."""
from harness import case, ints, ivals, rand, vals


def cases():
    case('indexCopy', [rand(4, 3), ivals([2, 0]), rand(2, 3)], ['$0', 0, '$1', '$2'])
    case('indexCopy', [rand(2, 4, 3), ivals([3, 1, 0]), rand(2, 3, 3)], ['$0', -2, '$1', '$2'], 'middle')
    case('indexCopy', [ints(5), ivals([4, 1]), ints(2)], ['$0', 0, '$1', '$2'], 'int32')
    case('indexCopy', [rand(3, 2), ivals([]), rand(0, 2)], ['$0', 0, '$1', '$2'], 'empty index')
    case('indexFill', [rand(4, 3), ivals([2, 0, 2])], ['$0', 0, '$1', -1.5])
    case('indexFill', [rand(2, 4), ivals([3]), rand()], ['$0', -1, '$1', '$2'], 'a tensor')
    case('indexFill', [ints(5), ivals([4, 1])], ['$0', 0, '$1', 16777217], 'int32')
    case('indexFill', [rand(3, 2), ivals([])], ['$0', 0, '$1', 1], 'empty index')
    case('indexFill', [rand(), ivals([0])], ['$0', 0, '$1', 1], '0-d')
    for reduce in ('prod', 'mean', 'amax', 'amin'):
        case('indexReduce', [rand(4, 3), ivals([2, 0, 2, 2]), rand(4, 3)], ['$0', 0, '$1', '$2', reduce], reduce)
        case('indexReduce', [rand(2, 4), ivals([1, 1, 3]), rand(2, 3)], ['$0', 1, '$1', '$2', reduce, {'includeSelf': False}], f'{reduce} of others')
    case('indexReduce', [vals([[1, 5], [2, 0]]), ivals([0, 0]), vals([[1, 5], [1, 3]])], ['$0', 0, '$1', '$2', 'amax'], 'ties are shared')
