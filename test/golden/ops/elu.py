"""Cases of src/ops/elu.ts."""
import numpy as np

from harness import INF, NAN, case, rand, vals


def cases():
    far = vals([-1e30, -800, -90, -20, -3.5, -1e-6, 0, 1e-6, 3.5, 20, 80, 800, 1e30, INF, NAN])
    for op in ('celu', 'elu', 'leakyRelu', 'selu'):
        case(op, [rand(2, 3, low=-7, high=7)])
        case(op, [rand()], None, '0-d')
        case(op, [rand(0, 2)], None, 'empty')
        case(op, [vals(np.linspace(-6.03, 6.07, 41))], None, 'a fine grid')
        case(op, [far[:-1]], None, 'far out')
        case(op, [vals([NAN, 1, -1])], None, 'NaN', grad=False)
    for op in ('elu', 'celu'):
        case(op, [rand(5, low=-3, high=3)], ['$0', 1.5], 'alpha by position')
        case(op, [rand(2, 5, low=-3, high=3)], ['$0', {'alpha': 0.25}], 'alpha by name')
    case('celu', [rand(5, low=-3, high=3)], ['$0', -0.75], 'negative alpha')
    case('leakyRelu', [rand(5)], ['$0', 0.25], 'negativeSlope by position')
    case('leakyRelu', [rand(5)], ['$0', {'negativeSlope': -0.5}], 'negativeSlope by name')
    case('prelu', [rand(2, 3), rand(3)])
    case('prelu', [rand(2, 3, 2, 2), rand(3)], None, 'four dims')
    case('prelu', [rand(2, 3, 4), rand(1)], None, 'one weight')
    case('prelu', [rand(5), rand(1)], None, 'one dim')
    case('prelu', [vals([0, -1, NAN, INF, -INF]), vals([0.5])], None, 'special values', grad=False)
    case('prelu', [rand(0, 3), rand(3)], None, 'empty')
    case('rrelu', [rand(2, 3)])
    case('rrelu', [rand(6)], ['$0', 0.25, 0.5], 'slopes by position')
    case('rrelu', [rand(6)], ['$0', {'lower': -0.5, 'upper': -0.5, 'training': True}], 'training, one slope')
