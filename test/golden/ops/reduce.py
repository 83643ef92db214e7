"""Cases of src/ops/reduce.ts."""
import torch

from harness import INF, NAN, Drawn, bits, case, distinct, ints, nograd, rand, vals


def cases():
    for op in ('sum', 'mean', 'max', 'min', 'var', 'amax', 'amin'):
        case(op, [rand(3, 4)], None, 'all')
    for op in ('sum', 'mean', 'var', 'amax', 'amin'):
        case(op, [rand(2, 3, 4)], ['$0', 1], 'dim')
        case(op, [rand(2, 3, 4)], ['$0', -1, {'keepdim': True}], 'last dim kept')
        case(op, [rand(2, 3, 4)], ['$0', [0, 2]], 'two dims')
        case(op, [rand(2, 3, 4)], ['$0', {'dim': [0, -1], 'keepdim': True}], 'options')
    for op in ('sum', 'mean'):
        case(op, [rand()], None, '0-d')
        case(op, [rand(0)], None, 'empty')
        case(op, [rand(0, 3)], ['$0', 0], 'over an empty dim')
        case(op, [rand(0, 3)], ['$0', 1], 'of an empty tensor')
        case(op, [rand(17, 33)], ['$0', 0], 'longer')
        case(op, [rand(1000)], None, 'a thousand')
        case(op, [vals([[1, INF], [NAN, 2], [-INF, INF]])], ['$0', 1], 'infinity and NaN')
    case('sum', [ints(3, 4)], ['$0', 0], 'int32')
    case('sum', [bits(3, 4)], ['$0', 1], 'counts bools')
    case('var', [rand(3, 4)], ['$0', 1, {'correction': 0}], 'population')
    case('var', [rand(3, 4)], ['$0', {'correction': 0}], 'population, all')
    case('var', [rand(5)], ['$0', 0, {'correction': 2}], 'correction 2')
    case('var', [rand(1)], ['$0', 0], 'one element', grad=False)
    case('var', [Drawn(lambda rng: vals(100 + rng.uniform(-1, 1, (2, 8))))], ['$0', 1], 'far from zero')
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
    case('std', [rand(3, 4)], None, 'all')
    case('std', [rand(2, 3, 4)], ['$0', [0, -1], {'keepdim': True}], 'two dims kept')
    case('std', [rand(3, 4)], ['$0', 1, {'correction': 0}], 'population')
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
