"""Cases of src/ops/statistics.ts."""
from harness import case, ints, ivals, nograd, rand, vals


def cases():
    case('cov', [rand(3, 5)])
    case('cov', [rand(3, 5)], ['$0', {'correction': 0}], 'population')
    case('cov', [rand(5)], None, 'one variable')
    case('cov', [rand(2, 4), ivals([1, 3, 0, 2])], ['$0', {'fweights': '$1'}], 'how often')
    case('cov', [rand(2, 4), rand(4, low=0.1, high=2)], ['$0', {'aweights': '$1'}], 'how much')
    case('cov', [rand(2, 4), ivals([1, 3, 0, 2]), nograd(rand(4, low=0.1, high=2))], ['$0', {'correction': 0, 'fweights': '$1', 'aweights': '$2'}], 'both')
    case('corrcoef', [rand(3, 5)])
    case('corrcoef', [rand(5)], None, 'one variable', grad=False)
    case('corrcoef', [vals([[1, 2, 3], [2, 4, 6.5], [5, 5, 5]])], None, 'a constant', grad=False)
