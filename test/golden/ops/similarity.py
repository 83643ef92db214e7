"""Cases of src/ops/similarity.ts."""
from harness import INF, NAN, case, rand, vals


def cases():
    case('normalize', [rand(3, 4)])
    case('normalize', [rand(2, 3, 2)], ['$0', {'p': 1, 'dim': -1}], 'p 1, last dim')
    case('normalize', [rand(3, 4)], ['$0', {'p': 3, 'dim': 0, 'eps': 2.5}], 'p 3, eps')
    case('normalize', [rand(4)], ['$0', {'dim': 0}], 'one dim')
    case('normalize', [vals([[0, 0], [NAN, 1], [3, -4]])], None, 'zeros and NaN', grad=False)
    case('normalize', [rand(0, 3)], None, 'empty')
    case('cosineSimilarity', [rand(3, 4), rand(3, 4)])
    case('cosineSimilarity', [rand(2, 3, 4), rand(4)], ['$0', '$1', {'dim': -1}], 'broadcast')
    case('cosineSimilarity', [rand(3, 1), rand(1, 4)], ['$0', '$1', {'dim': 1}], 'broadcast along dim')
    case('cosineSimilarity', [rand(2, 3), rand(2, 3)], ['$0', '$1', {'dim': 0, 'eps': 2.5}], 'first dim, eps')
    case('cosineSimilarity', [vals([[0, 0], [1e18, 1e18]]), vals([[1, 2], [1e18, 0]])], None, 'zeros and large', grad=False)
    case('pairwiseDistance', [rand(3, 4), rand(3, 4)])
    case('pairwiseDistance', [rand(2, 3), rand(3)], ['$0', '$1', {'p': 1, 'keepdim': True}], 'p 1, broadcast, keepdim')
    case('pairwiseDistance', [rand(4), rand(4)], ['$0', '$1', {'p': 3.5, 'eps': 0.125}], 'p 3.5, eps, one dim')
    case('pairwiseDistance', [vals([[1, 2], [INF, 1]]), vals([[1, 2], [0, 0]])], None, 'equal and infinite', grad=False)
