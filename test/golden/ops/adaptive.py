"""Cases of src/ops/adaptive.ts."""
from harness import INF, NAN, case, distinct, rand, vals


def cases():
    for rank, size, output, note in (
        (1, (2, 3, 12), 4, 'even'),
        (1, (2, 3, 10), 4, 'uneven'),
        (1, (1, 2, 5), 8, 'longer than the input'),
        (1, (3, 7), [3], 'no batch'),
        (1, (0, 2, 5), 3, 'empty batch'),
        (1, (1, 2, 7), 1, 'one'),
        (2, (2, 2, 6, 8), [3, 2], 'even'),
        (2, (1, 2, 7, 5), [3, 4], 'uneven'),
        (2, (1, 2, 7, 6), 4, 'a number'),
        (2, (1, 2, 4, 6), [None, 4], 'one axis as it is'),
        (2, (2, 5, 3), [2, 5], 'no batch'),
        (2, (1, 2, 3, 4), [3, 4], 'as it is'),
        (3, (1, 2, 4, 4, 2), 2, 'even'),
        (3, (1, 2, 5, 3, 4), [2, None, 3], 'uneven'),
        (3, (2, 3, 4, 5), [2, 3, 4], 'no batch'),
    ):
        if None not in (output if isinstance(output, list) else []) or rank > 1:
            case(f'adaptiveAvgPool{rank}d', [rand(*size)], ['$0', output], note)
        case(f'adaptiveMaxPool{rank}d', [distinct(*size)], ['$0', output], note)
        case(f'adaptiveMaxPool{rank}d', [distinct(*size)], ['$0', output, {'returnIndices': True}], f'{note}, indices')
        case(f'adaptiveMaxPool{rank}dWithIndices', [distinct(*size)], ['$0', output], note)
    case('adaptiveMaxPool1d', [vals([1, 1, 0, 3, 3, 3, NAN, -INF, -INF, -INF], (1, 1, 10))], ['$0', 4, {'returnIndices': True}], 'ties and NaN')
    case('adaptiveMaxPool2d', [vals([-INF] * 15, (1, 1, 3, 5))], ['$0', 2, {'returnIndices': True}], '-Infinity alone')
    case('adaptiveAvgPool1d', [vals([1, INF, 0, 3, 2, 2, NAN, 1, 1, 1], (1, 1, 10))], ['$0', 4], 'infinity and NaN stay in their windows', grad=False)
    case('adaptiveAvgPool2d', [rand(2, 1, 4, 4)], ['$0', [0, 2]], 'no output', grad=False)
