"""Cases of src/ops/extremes.ts."""
import torch

from harness import INF, NAN, bits, bvals, case, distinct, ints, ivals, nograd, rand, vals


def cases():
    for op in ('max', 'min', 'amax', 'amin'):
        case(op, [rand(3, 4)], None, 'all')
    for op in ('amax', 'amin'):
        case(op, [rand(2, 3, 4)], ['$0', 1], 'dim')
        case(op, [rand(2, 3, 4)], ['$0', -1, {'keepdim': True}], 'last dim kept')
        case(op, [rand(2, 3, 4)], ['$0', [0, 2]], 'two dims')
        case(op, [rand(2, 3, 4)], ['$0', {'dim': [0, -1], 'keepdim': True}], 'options')
    for op in ('max', 'min'):
        case(op, [distinct(2, 3, 4)], ['$0', 1], 'dim')
        case(op, [distinct(3, 4)], ['$0', -1, {'keepdim': True}], 'last dim kept')
        case(op, [distinct(3, 4)], ['$0', {'dim': 0}], 'options')
        case(op, [vals([[1, 3, 3, 0], [-1, -1, -1, -1], [0, 2, 1, 2]])], ['$0', 1], 'ties with dim: one index')
        case(op, [vals([3, 1, 3, 1, 2])], None, 'ties without dim: shared')
        case(op, [vals([[1, NAN, 3], [INF, 2, -INF]])], ['$0', 1], 'NaN and infinity with dim')
        case(op, [vals([1, NAN, 3])], None, 'NaN')
        case(op, [vals([-INF, -INF])] if op == 'max' else [vals([INF, INF])], None, 'infinities')
        case(op, [rand()], None, '0-d')
        case(op, [ints(3, 4)], None, 'int32')
        case(op, [rand(0, 3)], ['$0', 1], 'of an empty tensor')
    for op in ('amax', 'amin'):
        case(op, [vals([[1, 3, 3, 0], [-1, -1, -1, -1]])], ['$0', 1], 'ties are shared')
    for op in ('all', 'any'):
        case(op, [bits(2, 5)], None, 'all')
        case(op, [bits(4, 2)], ['$0', 1], 'dim')
        case(op, [bits(4, 2)], ['$0', 0, {'keepdim': True}], 'kept')
        case(op, [nograd(vals([[0, 0], [0, NAN], [1, 2]]))], ['$0', 1], 'numbers')
        case(op, [torch.zeros(0, dtype=torch.bool)], None, 'empty')
    for op in ('argmax', 'argmin'):
        case(op, [nograd(distinct(3, 4))], None, 'all')
        case(op, [nograd(distinct(2, 3, 4))], ['$0', 1], 'dim')
        case(op, [nograd(distinct(2, 3, 4))], ['$0', -1, {'keepdim': True}], 'last dim kept')
        case(op, [nograd(vals([[1, 3, 3, 0], [-1, -1, -1, -1]]))], ['$0', 1], 'ties: the first')
        case(op, [nograd(vals([[1, NAN, 3, NAN], [INF, 2, -INF, INF]]))], ['$0', 1], 'NaN and infinity')
        case(op, [ints(12)], None, 'int32')
        case(op, [nograd(rand())], None, '0-d')
        case(op, [nograd(distinct(700))], None, 'longer')
    case('aminmax', [rand(3, 4)], grad=False)
    case('aminmax', [rand(2, 3, 4)], ['$0', {'dim': -2, 'keepdim': True}], 'dim kept', grad=False)
    case('aminmax', [vals([[3, 1, 1, 3], [2, NAN, 0, 5]])], ['$0', {'dim': 1}], 'ties and NaN', grad=False)
    case('aminmax', [rand()], None, '0-d', grad=False)
    case('aminmax', [ivals([[16777217, -2147483648], [16777216, 2147483647]])], ['$0', {'dim': 1}], 'int32')
    case('aminmax', [bvals([True, False, True])], None, 'bool')
