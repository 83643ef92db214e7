"""Cases of src/ops/distance.ts."""
from harness import INF, NAN, case, rand, vals


def cases():
    for p, note in ((2, '2'), (1, '1'), (0, '0'), (0.5, '½'), (1.5, '1½'), (3, '3'), (4.5, '4½'), ('$inf', '∞')):
        case('cdist', [rand(4, 3), rand(2, 3)], ['$0', '$1', {'p': p}], f'p = {note}')
        case('pdist', [rand(4, 3)], ['$0', p], f'p = {note}')
    case('cdist', [rand(4, 3), rand(2, 3)], ['$0', '$1'])
    case('cdist', [rand(2, 1, 3, 2), rand(4, 5, 2)], ['$0', '$1'], 'broadcast batches')
    case('cdist', [vals([[1, 2], [0, 0]]), vals([[1, 2], [3, 4]])], ['$0', '$1'], 'distance 0')
    case('cdist', [vals([[1, 2], [0, 0]]), vals([[1, 2], [0, 4]])], ['$0', '$1', {'p': 1.5}], 'distance 0, p = 1½')
    case('cdist', [vals([[4096, 4096.5]]), vals([[4096, 4096], [4096.25, 4096]])], ['$0', '$1', {'computeMode': 'donot_use_mm_for_euclid_dist'}], 'close and far away')
    case('cdist', [rand(0, 3), rand(2, 3)], ['$0', '$1'], 'no rows')
    case('cdist', [rand(2, 0), rand(3, 0)], ['$0', '$1'], 'nothing to sum')
    case('cdist', [vals([[NAN, 1], [INF, 1]]), vals([[0, 1]])], ['$0', '$1', {'p': 1}], 'infinity and NaN')
    case('pdist', [rand(5, 2)], ['$0'])
    case('pdist', [vals([[1, 2], [1, 2], [3, 1]])], ['$0'], 'distance 0')
    case('pdist', [rand(1, 3)], ['$0'], 'one row')
    case('pdist', [vals([[NAN, 1], [INF, 1], [0, 2]])], ['$0', 1], 'infinity and NaN')
    for p, note in ((2, '2'), (1, '1'), (0, '0'), (1.5, '1½'), (3, '3'), ('$inf', '∞')):
        case('dist', [rand(2, 3), rand(2, 3)], ['$0', '$1', p], f'p = {note}', grad=p != 0)
    case('dist', [rand(2, 1), rand(3)], ['$0', '$1'], 'broadcast')
    case('dist', [rand(), rand()], ['$0', '$1'], '0-d')
    case('dist', [rand(0, 2), rand(0, 2)], ['$0', '$1'], 'nothing')
    case('dist', [vals([1, 2, 3]), vals([1, 2, 3])], ['$0', '$1'], 'distance 0')
    case('dist', [vals([1, NAN, 3]), vals([1, 2, INF])], ['$0', '$1'], 'infinity and NaN', grad=False)
