"""Cases of src/ops/ctc.ts."""
from harness import INF, case, ints, ivals, nograd, rand, vals

# repeated labels, an empty target, one that just fits
PADDED = ivals([[1, 1, 2], [3, -7, 99], [2, 2, 2], [-1, 0, 50]])
TIMES, COUNTS = [6, 4, 5, 3], [3, 1, 3, 0]


def cases():
    logs = rand(6, 4, 4, low=-3, high=0)
    for reduction in ('mean', 'sum', 'none'):
        case('ctcLoss', [logs, PADDED], ['$0', '$1', TIMES, COUNTS, {'reduction': reduction}], f'padded, {reduction}')
    case('ctcLoss', [logs, ivals([1, 1, 2, 3, 2, 2, 2])], ['$0', '$1', TIMES, COUNTS], 'one behind the other')
    case('ctcLoss', [logs, ivals([1, 1, 2, 3, 2, 2, 2]), ivals(TIMES), ivals(COUNTS)], ['$0', '$1', '$2', '$3', {'reduction': 'none'}], 'lengths in tensors')
    case('ctcLoss', [logs, ivals([[0, 1], [2, 2], [0, 1], [1, 0]])], ['$0', '$1', [6, 6, 2, 4], [2, 2, 2, 2], {'blank': 3}], 'another blank')
    case('ctcLoss', [rand(5, 3, low=-3, high=0), ivals([1, 2])], ['$0', '$1', 5, 2, {'reduction': 'sum'}], 'one sequence')
    case('ctcLoss', [rand(4, 2, 3, low=-3, high=0), ivals([[1, 1, 1], [1, 2, 1]])], ['$0', '$1', [4, 4], [3, 3], {'reduction': 'none'}], 'too short', grad=False)
    case('ctcLoss', [rand(4, 2, 3, low=-3, high=0), ivals([[1, 1, 1], [1, 2, 1]])], ['$0', '$1', [4, 4], [3, 3], {'zeroInfinity': True}], 'zeroInfinity')
    case('ctcLoss', [rand(4, 2, 3, low=-3, high=0), ivals([[1, 1, 1], [1, 2, 1]])], ['$0', '$1', [4, 4], [0, 0], {'reduction': 'sum'}], 'empty targets')
    case('ctcLoss', [vals([[-0.5, -1], [-1, -INF], [-INF, -0.25], [-0.125, -2]], [4, 1, 2]), ivals([[1]])], ['$0', '$1', [4], [1]], 'probabilities of 0', grad=False)
    case('ctcLoss', [rand(9, 2, 5, low=-3, high=0), ints(2, 4, low=1, high=5)], ['$0', '$1', [9, 7], [4, 2], {'reduction': 'sum'}], 'longer')
