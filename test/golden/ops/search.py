"""Cases of src/ops/search.ts."""
from harness import INF, NAN, case, ints, ivals, rand, vals


def cases():
    edges = vals([-1, 0, 0, 0.5, 2])
    for right in (False, True):
        note = 'right' if right else 'left'
        case('searchsorted', [edges, vals([[-2, -1, 0], [0.25, 2, 3]])], ['$0', '$1', {'right': right}], note, grad=False)
        case('searchsorted', [vals([[1, 3, 5, 7], [0, 3, 3, 9]]), vals([[3, 8], [3, -1]])], ['$0', '$1', {'right': right}], f'rows, {note}', grad=False)
        case('searchsorted', [vals([1, 2, 3]), vals([NAN, INF, -INF])], ['$0', '$1', {'right': right}], f'NaN and infinities, {note}', grad=False)
        case('bucketize', [vals([[-2, -1, 0], [0.25, 2, 3]]), edges], ['$0', '$1', {'right': right}], note, grad=False)
    case('searchsorted', [ivals([16777216, 16777217, 16777219]), ivals([16777217, 16777218, -5])], None, 'int32')
    case('searchsorted', [ivals([1, 2, 3])], ['$0', 2.5], 'a number', grad=False)
    case('searchsorted', [vals([3, 1, 2]), vals([1.5, 3]), ivals([1, 2, 0])], ['$0', '$1', {'side': 'right', 'sorter': '$2'}], 'sorter', grad=False)
    case('searchsorted', [vals([]), vals([1, 2])], None, 'in nothing', grad=False)
    case('searchsorted', [edges, rand(0, 2)], None, 'nothing', grad=False)
    case('bucketize', [vals(0.25), edges], None, '0-d', grad=False)
    case('isin', [vals([[1, 2], [NAN, -0.0]]), vals([2, 0, NAN, 7])], grad=False)
    case('isin', [ints(3, 4), ints(5)], ['$0', '$1', {'invert': True}], 'invert')
    case('isin', [ints(3, 4)], ['$0', 4], 'a number')
    case('isin', [rand(2), vals([])], None, 'in nothing', grad=False)
