"""Cases of src/ops/indexing.ts."""
import torch

from harness import case, ints, ivals, rand


def cases():
    case('gather', [rand(3, 4), ivals([[0, 1], [2, 2], [3, 0]])], ['$0', 1, '$1'])
    case('gather', [rand(3, 4), ivals([[0, 1, 2, 0], [2, 2, 2, 2]])], ['$0', 0, '$1'], 'repeated')
    case('gather', [rand(3, 4), ivals([[3], [0]])], ['$0', -1, '$1'], 'fewer rows')
    case('gather', [rand(2, 3, 4), ints(2, 3, 1, high=4)], ['$0', 2, '$1'], 'three axes')
    case('gather', [rand(3, 4), torch.zeros(3, 0, dtype=torch.int64)], ['$0', 1, '$1'], 'empty index')
    case('gather', [ints(5), ints(3, high=5)], ['$0', 0, '$1'], 'int32')
    case('indexSelect', [rand(4, 3), ivals([2, 0, 2])], ['$0', 0, '$1'], 'repeated')
    case('indexSelect', [rand(4, 3), ivals([1])], ['$0', -1, '$1'], 'negative dim')
    case('indexSelect', [rand(2, 4, 3), ivals([3, 1])], ['$0', 1, '$1'], 'middle')
    case('indexSelect', [rand(4, 3), ivals([])], ['$0', 0, '$1'], 'empty index')
    case('oneHot', [ivals([0, 2, 1])], ['$0', {'numClasses': 4}])
    case('oneHot', [ivals([[0, 1], [1, 1]])], ['$0', {'numClasses': 2}], 'two axes')
    case('oneHot', [ivals(1)], ['$0', {'numClasses': 3}], '0-d')
