"""Cases of src/ops/quantile.ts."""
from harness import INF, NAN, case, rand, vals


def cases():
    mixed = vals([[3, NAN, 1, 5], [8, 2, 7, -1], [NAN, NAN, NAN, NAN]])
    for op in ('quantile', 'nanquantile'):
        case(op, [rand(3, 4)], ['$0', 0.3])
        case(op, [rand(3, 4)], ['$0', 0.6, 1], 'dim')
        case(op, [rand(2, 5, 3)], ['$0', 0.25, -2, {'keepdim': True}], 'dim kept')
        case(op, [rand(2, 5), vals([0, 0.2, 0.7, 1])], ['$0', '$1', 1], 'several', grad=False)
        case(op, [rand(5, 2), vals([0.3, 0.7])], ['$0', '$1', 0, {'keepdim': True}], 'several, dim kept')
        case(op, [rand(5, 2), vals(0.45)], ['$0', '$1', {'keepdim': True}], 'a 0-d tensor, kept')
        for mode in ('linear', 'lower', 'higher', 'midpoint', 'nearest'):
            case(op, [rand(3, 6)], ['$0', 0.5, 1, {'interpolation': mode}], mode)
        case(op, [rand()], ['$0', 0.3], '0-d')
        case(op, [mixed], ['$0', 0.4, 1], 'NaN')
        case(op, [mixed, vals([0, 0.5, 1])], ['$0', '$1', 0], 'NaN, several', grad=False)
        case(op, [vals([-INF, 1, INF, 2])], ['$0', 0.2], 'infinities', grad=False)
        case(op, [vals([2, 1, 2, 1])], ['$0', 1], 'the largest')
