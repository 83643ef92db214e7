"""Cases of src/ops/scatter.ts."""
import torch

from harness import case, ints, ivals, rand, vals


def cases():
    # PyTorch's gradient of scatter is that of one sender for each place
    case('scatter', [rand(3, 4), ivals([[0, 2], [1, 0], [3, 1]]), rand(3, 2)], ['$0', 1, '$1', '$2'])
    case('scatter', [rand(4, 3), ivals([[3, 0, 1], [1, 2, 3]]), rand(3, 3)], ['$0', 0, '$1', '$2'], 'more than is sent', grad=False)
    case('scatter', [rand(2, 3, 4), ivals([[[0, 1, 0, 1]], [[1, 0, 1, 0]]]), rand(2, 1, 4)], ['$0', -2, '$1', '$2'], 'three axes')
    case('scatter', [rand(5), ivals([1, 3])], ['$0', 0, '$1', 2.5], 'a number')
    case('scatter', [ints(6), ivals([4, 1, 4, 4]), ints(4)], ['$0', 0, '$1', '$2'], 'the last one counts')
    case('scatter', [rand(3), ivals([]), rand(0)], ['$0', 0, '$1', '$2'], 'empty index')
    case('scatter', [rand(), ivals(0), rand()], ['$0', 0, '$1', '$2'], '0-d')
    case('scatterAdd', [rand(3, 4), ivals([[0, 2, 0, 0], [1, 1, 1, 3]]), rand(2, 4)], ['$0', 1, '$1', '$2'])
    case('scatterAdd', [rand(4, 3), ints(6, 3, high=4), rand(6, 3)], ['$0', 0, '$1', '$2'], 'repeated')
    case('scatterAdd', [rand(2, 5, 3), ints(2, 4, 2, high=5), rand(3, 4, 3)], ['$0', 1, '$1', '$2'], 'more than is sent', grad=False)
    case('scatterAdd', [rand(7), ints(300, high=7), rand(300)], ['$0', 0, '$1', '$2'], 'many repeats')
    case('scatterAdd', [ints(7), ints(50, high=7), ints(50)], ['$0', 0, '$1', '$2'], 'int32')
    case('scatterAdd', [rand(3, 2), torch.zeros(0, 2, dtype=torch.int64), rand(0, 2)], ['$0', 0, '$1', '$2'], 'empty index')
    case('scatterAdd', [rand(), ivals(0), rand()], ['$0', 0, '$1', '$2'], '0-d')
    for reduce in ('sum', 'prod', 'mean', 'amax', 'amin'):
        case('scatterReduce', [rand(4, 3), ints(6, 3, high=4), rand(6, 3)], ['$0', 0, '$1', '$2', reduce], reduce)
        case('scatterReduce', [rand(2, 5), ints(2, 4, high=5), rand(2, 4)], ['$0', 1, '$1', '$2', reduce, {'includeSelf': False}], f'{reduce} of others')
        case('scatterReduce', [ints(5, low=-9), ints(12, high=5), ints(12, low=-9)], ['$0', 0, '$1', '$2', reduce], f'{reduce}, int32')
    case('scatterReduce', [vals([1, 2, 3]), ivals([0, 0, 1, 1, 1]), vals([1, 1, 5, 5, 4])], ['$0', 0, '$1', '$2', 'amax'], 'ties are shared')
    case('scatterReduce', [vals([2, 3, 4]), ivals([0, 0, 0, 1, 2]), vals([0, 5, 3, 2, 0])], ['$0', 0, '$1', '$2', 'prod'], 'product with a zero')
    case('scatterReduce', [vals([2, 3]), ivals([0, 0, 0, 1]), vals([0, 5, 0, 2])], ['$0', 0, '$1', '$2', 'prod'], 'product with two zeros')
    case('indexAdd', [rand(4, 3), ivals([2, 0, 2]), rand(3, 3)], ['$0', 0, '$1', '$2'])
    case('indexAdd', [rand(2, 4, 3), ivals([3, 1, 3, 3, 0]), rand(2, 5, 3)], ['$0', 1, '$1', '$2', {'alpha': -0.5}], 'middle, with a factor')
    case('indexAdd', [rand(5), ints(200, high=5), rand(200)], ['$0', -1, '$1', '$2'], 'many repeats')
    case('indexAdd', [ints(4, 2), ivals([3, 3]), ints(2, 2)], ['$0', 0, '$1', '$2', {'alpha': 3}], 'int32')
    case('indexAdd', [rand(4, 3), ivals([]), rand(0, 3)], ['$0', 0, '$1', '$2'], 'empty index')
