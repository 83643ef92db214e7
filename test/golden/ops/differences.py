"""Cases of src/ops/differences.ts."""
from harness import INF, NAN, bits, case, ints, ivals, rand, vals


def cases():
    case('diff', [rand(3, 5)])
    case('diff', [rand(3, 5)], ['$0', 2], 'twice')
    case('diff', [rand(3, 5)], ['$0', 9], 'more often than there are elements')
    case('diff', [rand(3, 5)], ['$0', 0], 'not at all')
    case('diff', [rand(4, 3), rand(1, 3), rand(2, 3)], ['$0', {'dim': 0, 'prepend': '$1', 'append': '$2'}], 'with what stands around')
    case('diff', [rand(1)], None, 'one element')
    case('diff', [rand(2, 0)], None, 'empty')
    case('diff', [vals([1, INF, INF, NAN, 2])], None, 'infinity and NaN', grad=False)
    case('diff', [ints(2, 4)], ['$0', {'n': 2, 'dim': 1}], 'int32')
    case('diff', [bits(8)], None, 'bool')
    for op in ('trapezoid', 'trapz', 'cumulativeTrapezoid'):
        case(op, [rand(3, 5)])
        case(op, [rand(3, 5)], ['$0', {'dx': 0.5, 'dim': 0}], 'dx')
        case(op, [rand(3, 5), rand(5)], ['$0', '$1'], 'places')
        case(op, [rand(4, 3), rand(4, 3)], ['$0', '$1', {'dim': 0}], 'places of each')
        case(op, [rand(2, 4, 3), rand(4, 1)], ['$0', '$1', {'dim': -2}], 'places that broadcast')
        case(op, [rand(3, 1)], None, 'one sample')
        case(op, [ints(2, 4)], None, 'int32')
    case('gradient', [rand(4, 5)])
    case('gradient', [rand(5)], ['$0', {'spacing': 0.5}], 'spacing')
    case('gradient', [rand(4, 5)], ['$0', {'spacing': [2.0, 0.25], 'edgeOrder': 2}], 'spacing of each, parabolas at the ends')
    case('gradient', [rand(4, 5)], ['$0', {'dim': 0}], 'dim')
    case('gradient', [rand(4, 5), vals([0, 1, 3, 4.5, 7]), vals([0, 0.5, 2, 3])], ['$0', {'dim': [1, 0], 'spacing': ['$1', '$2']}], 'places')
    case('gradient', [rand(6), vals([0, 1, 3, 4.5, 7, 9])], ['$0', {'spacing': ['$1'], 'edgeOrder': 2}], 'places, parabolas at the ends')
    case('gradient', [rand(2)], None, 'two samples')
    case('gradient', [vals([1, INF, 2, 3, 4])], None, 'infinity', grad=False)
