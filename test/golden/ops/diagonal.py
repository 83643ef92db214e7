"""Cases of src/ops/diagonal.ts."""
from harness import case, ints, rand


def cases():
    case('diagonal', [rand(3, 4)], ['$0'])
    case('diagonal', [rand(3, 4)], ['$0', 2], 'above')
    case('diagonal', [rand(4, 3)], ['$0', -2], 'below')
    case('diagonal', [rand(2, 3)], ['$0', 5], 'beyond')
    case('diagonal', [rand(2, 3, 4)], ['$0', 1, {'dim1': -2, 'dim2': -1}], 'last dims')
    case('diagonal', [rand(2, 3, 4)], ['$0', {'offset': -1, 'dim1': 2, 'dim2': 0}], 'dims turned round')
    case('diagonal', [ints(3, 3)], ['$0', 0, 1, 0], 'int32')
    case('diagonal', [rand(0, 3)], ['$0'], 'empty')
    case('diag', [rand(3)], ['$0'], 'of a vector')
    case('diag', [rand(3)], ['$0', -2], 'of a vector, below')
    case('diag', [rand(3, 4)], ['$0', 1], 'of a matrix')
    case('diag', [rand(3, 4)], ['$0', {'diagonal': -1}], 'of a matrix, below')
    case('diag', [rand(0)], ['$0', 1], 'of nothing')
    case('diagEmbed', [rand(2, 3)], ['$0'])
    case('diagEmbed', [rand(2, 3)], ['$0', {'offset': 1, 'dim1': 0, 'dim2': 2}], 'around, above')
    case('diagEmbed', [rand(2, 3)], ['$0', -1, {'dim1': -1, 'dim2': 0}], 'turned round')
    case('diagEmbed', [ints(3)], ['$0', 2], 'int32')
    case('diagflat', [rand(2, 2)], ['$0'])
    case('diagflat', [rand(3)], ['$0', 1], 'above')
    case('diagflat', [rand()], ['$0', -2], '0-d')
    case('diagonalScatter', [rand(3, 4), rand(3)], ['$0', '$1'])
    case('diagonalScatter', [rand(3, 4), rand(2)], ['$0', '$1', -1], 'below')
    case('diagonalScatter', [rand(2, 3, 4), rand(3, 2)], ['$0', '$1', {'dim1': 0, 'dim2': 2}], 'around')
