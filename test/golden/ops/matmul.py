"""Cases of src/ops/matmul.ts."""
from harness import INF, NAN, case, rand, vals


def cases():
    for a, b, note in (((3,), (3,), 'vectors'), ((2, 3), (3,), 'matrix, vector'), ((3,), (3, 4), 'vector, matrix'), ((2, 3), (3, 4), 'matrices'),
                       ((2, 3, 4), (2, 4, 5), 'batch'), ((2, 3, 4), (4, 5), 'batch, matrix'), ((3, 4), (2, 4, 5), 'matrix, batch'),
                       ((2, 1, 3, 4), (5, 4, 2), 'broadcast batch'), ((2, 3, 4), (4,), 'batch, vector'), ((4,), (2, 4, 3), 'vector, batch'),
                       ((1, 1), (1, 1), 'one by one'), ((17, 33), (33, 19), 'ragged'), ((2, 0), (0, 3), 'nothing to sum'), ((0, 3), (3, 2), 'no rows'),
                       ((0, 2, 3), (3, 2), 'no batch'), ((65, 5), (5, 70), 'more than one tile')):
        case('matmul', [rand(*a), rand(*b)], None, note)
    case('matmul', [vals([[1, INF], [NAN, 1]]), vals([[1, 0], [2, 1]])], None, 'infinity and NaN')
    case('mm', [rand(2, 3), rand(3, 4)])
    case('bmm', [rand(2, 3, 4), rand(2, 4, 2)])
    case('dot', [rand(5), rand(5)])
    case('linear', [rand(4, 3), rand(5, 3), rand(5)])
    case('linear', [rand(4, 3), rand(5, 3)], None, 'no bias')
    case('linear', [rand(3), rand(5, 3), rand(5)], None, 'vector')
    case('linear', [rand(2, 4, 3), rand(5, 3), rand(5)], None, 'batch')
    case('linear', [rand(0, 3), rand(2, 3), rand(2)], None, 'empty batch')
