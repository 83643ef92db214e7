"""Cases of src/ops/index-put.ts."""
import torch

from harness import case, ints, ivals, rand


def cases():
    case('indexPut', [rand(4, 3), ivals([2, 0]), rand(2, 3)], ['$0', ['$1'], '$2'])
    case('indexPut', [rand(4, 3), ivals([2, -4, 1]), ivals([-1, 0, 1]), rand(3)], ['$0', ['$1', '$2'], '$3'], 'from the end')
    case('indexPut', [rand(3, 4, 2), ivals([[2], [0]]), ivals([0, 3]), rand(2)], ['$0', ['$1', '$2'], '$3'], 'lists and values that broadcast')
    case('indexPut', [rand(4, 3), ivals([1, 3, 1, 1]), rand(4, 3)], ['$0', ['$1'], '$2', {'accumulate': True}], 'added')
    case('indexPut', [ints(5), ivals([1, 3, 1]), ints(3)], ['$0', ['$1'], '$2', {'accumulate': True}], 'int32, added')
    case('indexPut', [rand(3, 2), ivals([]), rand()], ['$0', ['$1'], '$2'], 'empty index')
    case('indexPut', [rand(2, 3), torch.tensor([[True, False, True], [False, False, True]]), rand()], ['$0', ['$1'], '$2'], 'a mask')
    case('indexPut', [rand(3, 2), torch.tensor([True, False, True]), rand(2)], ['$0', ['$1'], '$2'], 'a mask of rows')
    case('indexPut', [rand(3, 2), torch.tensor([True, False, True]), rand(1, 2)], ['$0', ['$1'], '$2', {'accumulate': True}], 'a mask of rows, added')
    case('indexPut', [ints(4), torch.tensor([True, False, True, True]), ints()], ['$0', ['$1'], '$2'], 'a mask, int32')
