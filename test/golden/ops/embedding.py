"""Cases of src/ops/embedding.ts."""
import torch

from harness import INF, NAN, case, ints, ivals, nograd, rand, vals


def cases():
    case('embedding', [ivals([1, 3, 1]), rand(5, 2)], None, 'repeated')
    case('embedding', [ivals([[0, 4], [2, 2]]), rand(5, 3)], None, 'two axes')
    case('embedding', [ivals(3), rand(5, 3)], None, '0-d index')
    case('embedding', [ivals([1, 0, 1, 2]), rand(4, 2)], ['$0', '$1', {'paddingIdx': 1}], 'paddingIdx has no gradient')
    case('embedding', [ints(40, high=4), rand(4, 3)], None, 'many repeats')
    case('embedding', [ivals([2, 1, 2, 2, 0]), rand(4, 3)], ['$0', '$1', {'scaleGradByFreq': True}], 'scaleGradByFreq')
    case('embedding', [ivals([[2, 1], [2, 0]]), rand(4, 3)], ['$0', '$1', {'scaleGradByFreq': True, 'paddingIdx': -2}], 'scaleGradByFreq, paddingIdx')
    case('embedding', [ivals([2, 0, 2]), rand(4, 3)], ['$0', '$1', {'maxNorm': 1}], 'maxNorm', changes=(1,))
    case('embedding', [ivals([[3], [0]]), rand(4, 3)], ['$0', '$1', {'maxNorm': 1.5, 'normType': 1, 'paddingIdx': 3}], 'maxNorm of order 1', changes=(1,))
    case('embedding', [ivals([0, 1, 2]), vals([[3, -4], [NAN, 1], [INF, 1], [8, 8]])], ['$0', '$1', {'maxNorm': 2, 'normType': '$inf'}], 'maxNorm of order ∞', grad=False, changes=(1,))
    case('embedding', [ivals([]), rand(2, 3)], ['$0', '$1', {'maxNorm': 1}], 'maxNorm of nothing', changes=(1,))
    flat, offsets, last = ivals([1, 2, 4, 1, 4, 3, 1]), ivals([0, 2, 2, 5]), ivals([0, 3, 3, 7])
    for mode in ('sum', 'mean', 'max'):
        case('embeddingBag', [flat, rand(6, 3), offsets], ['$0', '$1', '$2', {'mode': mode}], f'{mode}, an empty bag')
        case('embeddingBag', [ints(3, 4, high=5), rand(5, 2)], ['$0', '$1', {'mode': mode}], f'{mode}, two axes')
        case('embeddingBag', [ivals([[4, 4], [4, 1], [0, 4]]), rand(5, 2)], ['$0', '$1', {'mode': mode, 'paddingIdx': 4}], f'{mode}, two axes, paddingIdx')
        case('embeddingBag', [flat, rand(6, 3), last], ['$0', '$1', '$2', {'mode': mode, 'includeLastOffset': True}], f'{mode}, includeLastOffset')
        case('embeddingBag', [flat, rand(6, 3), ivals([0, 1, 5])], ['$0', '$1', '$2', {'mode': mode, 'paddingIdx': -2}], f'{mode}, paddingIdx')
        case('embeddingBag', [flat, rand(6, 3), offsets], ['$0', '$1', '$2', {'mode': mode, 'maxNorm': 1}], f'{mode}, maxNorm', changes=(1,))
        case('embeddingBag', [ivals([]), rand(6, 3), ivals([0, 0])], ['$0', '$1', '$2', {'mode': mode}], f'{mode} of nothing')
        case('embeddingBag', [ivals([]), rand(6, 3), ivals([])], ['$0', '$1', '$2', {'mode': mode}], f'{mode}, no bags')
        case('embeddingBag', [ints(50, high=4), rand(4, 2), ivals([0, 7, 40])], ['$0', '$1', '$2', {'mode': mode}], f'{mode}, many repeats')
    case('embeddingBag', [ivals([[0, 1], [1, 0]]), rand(3, 2)], None, 'mean by default')
    weighted = ['$0', '$1', '$2', {'mode': 'sum', 'perSampleWeights': '$3'}]
    case('embeddingBag', [flat, rand(6, 3), offsets, rand(7)], weighted, 'perSampleWeights')
    case('embeddingBag', [flat, rand(6, 3), offsets, rand(7)], [*weighted[:3], {**weighted[3], 'paddingIdx': 4}], 'perSampleWeights, paddingIdx')
    case('embeddingBag', [ints(2, 3, high=5), rand(5, 2), rand(2, 3)], ['$0', '$1', {'mode': 'sum', 'perSampleWeights': '$2'}], 'perSampleWeights, two axes')
    case('embeddingBag', [ints(2, 3, high=5), rand(5, 2), nograd(rand(2, 3))], ['$0', '$1', {'mode': 'sum', 'perSampleWeights': '$2'}], 'perSampleWeights without gradient')
    case('embeddingBag', [ivals([0, 1, 0, 2]), vals([[1, 1], [1, 1], [-INF, 0]]), ivals([0, 3])], ['$0', '$1', '$2', {'mode': 'max'}], 'max, ties')
