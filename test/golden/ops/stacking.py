"""Cases of src/ops/stacking.ts."""
from harness import case, ints, rand


def cases():
    for op in ('hstack', 'vstack', 'dstack', 'columnStack'):
        case(op, [rand(3), rand(3)], [['$0', '$1']], 'vectors')
        case(op, [rand(2, 3), rand(2, 3)], [['$0', '$1']], 'matrices')
        case(op, [rand(), rand()], [['$0', '$1']], '0-d')
        case(op, [ints(2, 1, 2), ints(2, 1, 2)], [['$0', '$1']], 'int32')
    case('hstack', [rand(2, 1), rand(2, 3)], [['$0', '$1']], 'different widths')
    case('vstack', [rand(3), rand(2, 3)], [['$0', '$1']], 'a vector and a matrix')
    case('columnStack', [rand(2), rand(2, 3)], [['$0', '$1']], 'a vector and a matrix')
    for op in ('atleast1d', 'atleast2d', 'atleast3d'):
        case(op, [rand()], None, '0-d')
        case(op, [rand(3)], None, 'a vector')
        case(op, [rand(2, 3)], None, 'a matrix')
        case(op, [rand(2, 3, 1, 2)], None, 'four dims')
        case(op, [rand(), rand(2)], [['$0', '$1']], 'a list')
    case('meshgrid', [rand(2), rand(3)], ['$0', '$1', {'indexing': 'ij'}])
    case('meshgrid', [rand(2), rand(3), rand(4)], ['$0', '$1', '$2', {'indexing': 'xy'}], 'xy, three')
    case('meshgrid', [rand(2), rand()], [['$0', '$1'], {'indexing': 'xy'}], 'a list and a 0-d tensor')
    case('meshgrid', [ints(3), ints(0)], ['$0', '$1', {'indexing': 'ij'}], 'empty')
    case('blockDiag', [rand(2, 3), rand(2), rand(), rand(3, 1)], ['$0', '$1', '$2', '$3'])
    case('blockDiag', [rand(2, 2)], ['$0'], 'one')
    case('blockDiag', [rand(2, 0), rand(1, 2)], ['$0', '$1'], 'an empty one')
    case('blockDiag', [ints(1, 2), ints(2, 1)], ['$0', '$1'], 'int32')
    case('cartesianProd', [rand(2), rand(3)], ['$0', '$1'])
    case('cartesianProd', [rand(3)], ['$0'], 'one')
    case('cartesianProd', [ints(2), ints(1), ints(2)], ['$0', '$1', '$2'], 'int32')
    case('combinations', [rand(4)], ['$0'])
    case('combinations', [rand(4)], ['$0', 3, True], 'again and again')
    case('combinations', [rand(3)], ['$0', {'r': 2, 'withReplacement': True}], 'with itself')
    case('combinations', [rand(2)], ['$0', 3], 'too few')
    case('combinations', [ints(3)], ['$0', 1], 'int32')
