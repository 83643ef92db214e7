"""Cases of src/ops/reduce.ts."""
from harness import INF, NAN, Drawn, bits, case, ints, rand, vals


def cases():
    for op in ('sum', 'mean', 'var'):
        case(op, [rand(3, 4)], None, 'all')
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
    case('std', [rand(3, 4)], None, 'all')
    case('std', [rand(2, 3, 4)], ['$0', [0, -1], {'keepdim': True}], 'two dims kept')
    case('std', [rand(3, 4)], ['$0', 1, {'correction': 0}], 'population')
    for op in ('varMean', 'stdMean'):
        case(op, [rand(3, 4)])
        case(op, [rand(2, 3, 4)], ['$0', [0, -1], {'keepdim': True}], 'two dims kept')
        case(op, [rand(3, 4)], ['$0', {'dim': 1, 'correction': 0}], 'population')
        case(op, [rand(1)], ['$0', 0], 'one element', grad=False)
