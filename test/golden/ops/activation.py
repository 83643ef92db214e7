"""Cases of src/ops/activation.ts."""
import numpy as np

from harness import INF, NAN, case, rand, vals


def cases():
    far = vals([-1e30, -800, -90, -20, -3.5, -1e-6, 0, 1e-6, 3.5, 20, 80, 800, 1e30, INF, NAN])
    for op in ('logsigmoid', 'mish', 'silu', 'softplus', 'softsign', 'tanhshrink'):
        case(op, [rand(2, 3, low=-7, high=7)])
        case(op, [rand()], None, '0-d')
        case(op, [rand(0, 2)], None, 'empty')
        case(op, [vals(np.linspace(-6.03, 6.07, 41))], None, 'a fine grid')
        case(op, [far[:-2] if op in ('softsign', 'tanhshrink', 'mish') else far[:-1]], None, 'far out')
        case(op, [vals([NAN, 1, -1])], None, 'NaN', grad=False)
    case('softplus', [rand(9, low=-9, high=9)], ['$0', 2, 5], 'beta and threshold by position')
    case('softplus', [rand(9, low=-9, high=9)], ['$0', {'beta': 0.5, 'threshold': 1}], 'beta and threshold by name')
    case('softplus', [vals([-30, -2, 2, 30])], ['$0', {'beta': 2, 'threshold': 1e9}], 'never straight')
    case('softplus', [rand(6)], ['$0', -1.5, 2], 'negative beta')
    case('glu', [rand(2, 6)])
    case('glu', [rand(4, 3)], ['$0', 0], 'first dim')
    case('glu', [rand(2, 4, 3)], ['$0', {'dim': -2}], 'negative dim')
    case('glu', [rand(0, 2)], None, 'empty')
    case('glu', [vals([[1, INF, -INF, 1e5, -800, 800, -800, 3]])], None, 'far out', grad=False)
    case('softmin', [rand(2, 5)], ['$0', 1])
    case('softmin', [rand(3, 2, 2)], ['$0', 0], 'first dim')
    case('softmin', [vals([[1000, 0, -1000], [1e30, 1e30, 1e30]])], ['$0', {'dim': -1}], 'large')
    case('maxout', [rand(2, 6)], ['$0', 3])
    case('maxout', [rand(2, 6, 3)], ['$0', 2], 'three dims')
    case('maxout', [rand(4, 5)], ['$0', 2, 0], 'first dim')
    case('maxout', [rand(3, 4)], ['$0', 4, {'dim': -1}], 'all of a negative dim')
    case('maxout', [vals([[1, 1, NAN, 2, -INF, -INF]])], ['$0', 2], 'ties, NaN and infinities')
