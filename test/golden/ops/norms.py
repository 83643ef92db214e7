"""Cases of src/ops/norms.ts."""
from harness import INF, NAN, case, ints, rand, vals


def cases():
    case('norm', [rand(3, 4)], None, 'all')
    for p in (0, 0.5, 1, 1.5, 2, 3, 4.25, -1, '$inf', '$-inf'):
        case('norm', [rand(3, 5)], ['$0', p, 1], f'order {p}')
        case('norm', [rand(2, 3, 4)], ['$0', p, [0, -1], {'keepdim': True}], f'order {p}, two dims kept')
    for p in (1, 2, 3, '$inf'):
        case('norm', [vals([[0, -0.0, 0], [0, 3, -4]])], ['$0', p, 1], f'order {p} with zeros')
        case('norm', [rand(0, 3)], ['$0', p, 0], f'order {p} over an empty dim')
        case('norm', [vals([[INF, 1], [NAN, 2], [-INF, 3]])], ['$0', p, 1], f'order {p}, infinity and NaN', grad=False)
    case('norm', [vals([[3, -3, 1], [2, 2, -2]])], ['$0', '$inf', 1], 'ties of the largest')
    case('norm', [rand(2, 3, 4)], ['$0', 'fro', [0, 2]], 'fro')
    case('norm', [rand(2, 3)], ['$0', {'p': 1, 'dim': 0, 'keepdim': True}], 'options')
    case('norm', [rand()], None, '0-d')
    case('norm', [rand()], ['$0', 3], '0-d, order 3')
    case('norm', [ints(2, 3, low=-5)], ['$0', {'p': 2, 'dim': 1, 'dtype': '$float'}], 'integers in floats')
    case('norm', [vals([[1e-20, 1e-20], [1e18, 1e18]])], ['$0', 1, 1], 'small and large')
    case('vectorNorm', [rand(3, 4)])
    case('vectorNorm', [rand(3, 4)], ['$0', 1], 'order 1')
    case('vectorNorm', [rand(2, 3, 4)], ['$0', {'ord': 3, 'dim': [0, 2], 'keepdim': True}], 'options')
    case('vectorNorm', [rand(3, 4)], ['$0', '$-inf', {'dim': 1}], 'the smallest')
    case('frobeniusNorm', [rand(3, 4)])
    case('frobeniusNorm', [rand(2, 3, 4)], ['$0', [0, 2], True], 'two dims, by position')
    case('frobeniusNorm', [rand(2, 3)], ['$0', [-1], {'keepdim': True}], 'one dim')
    case('frobeniusNorm', [rand(2, 3)], ['$0', []], 'no dims named')
    case('frobeniusNorm', [vals([[0.0, 0.0], [3.0, -4.0]])], ['$0', [1]], 'zeros')
    case('matrixNorm', [rand(2, 3, 4)])
    for order in (1, -1, '$inf', '$-inf'):
        case('matrixNorm', [rand(2, 3, 4)], ['$0', order], f'order {order}')
    case('matrixNorm', [rand(2, 3, 4)], ['$0', 1, {'dim': [2, 0], 'keepdim': True}], 'dims kept')
    case('matrixNorm', [rand(2, 0)], None, 'empty')
    case('renorm', [rand(3, 4)], ['$0', 2, 0, 1.5])
    case('renorm', [rand(3, 4)], ['$0', 1, -1, 3], 'order 1')
    case('renorm', [rand(2, 3, 4, low=-1, high=1)], ['$0', 3, 1, 1], 'three dims')
    case('renorm', [vals([[0, 0], [3, 4], [0.5, 0]])], ['$0', 2, 0, 1], 'zeros, and within')
    case('renorm', [rand(3, 4)], ['$0', '$inf', 0, 0], 'to nothing')
