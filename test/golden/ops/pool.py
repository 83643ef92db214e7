"""Cases of src/ops/pool.ts."""
from harness import INF, NAN, case, distinct, rand, vals


def both(rank, size, kernel, options, note):
    """The largest, its positions, and the mean in its ways to count."""
    case(f'maxPool{rank}d', [distinct(*size)], ['$0', kernel, options] if options else ['$0', kernel], note)
    case(f'maxPool{rank}d', [distinct(*size)], ['$0', kernel, {**options, 'returnIndices': True}], f'{note}, indices')
    case(f'avgPool{rank}d', [rand(*size)], ['$0', kernel, options] if options else ['$0', kernel], note)
    if options:
        case(f'avgPool{rank}d', [rand(*size)], ['$0', kernel, {**options, 'countIncludePad': False}], f'{note}, countIncludePad false')
        if rank > 1:
            case(f'avgPool{rank}d', [rand(*size)], ['$0', kernel, {**options, 'divisorOverride': 3}], f'{note}, divisorOverride')


def cases():
    for size, kernel, options, note in (
        ((2, 3, 6), 2, {}, ''),
        ((2, 3, 7), 2, {}, 'a rest at the edge'),
        ((1, 2, 9), 3, {'stride': 2, 'padding': 1}, 'overlapping windows'),
        ((1, 2, 8), [3], {'stride': [2], 'padding': [1], 'ceilMode': True}, 'ceil and padding'),
        ((3, 8), 2, {'stride': 3}, 'no batch'),
        ((0, 3, 6), 2, {}, 'empty batch'),
    ):
        both(1, size, kernel, options, note)
    for size, kernel, options, note in (
        ((2, 3, 6, 6), 2, {}, ''),
        ((2, 3, 7, 5), 2, {}, 'a rest at the edge'),
        ((1, 2, 7, 7), 3, {'stride': 2, 'padding': 1}, 'overlapping windows'),
        ((1, 2, 7, 8), [3, 2], {'stride': [1, 3], 'padding': [1, 1]}, 'stride past the window'),
        ((1, 2, 6, 7), [2, 3], {'stride': 2, 'ceilMode': True}, 'ceil'),
        ((1, 2, 7, 6), 3, {'stride': 3, 'padding': 1, 'ceilMode': True}, 'ceil and padding'),
        ((3, 5, 5), 2, {}, 'no batch'),
        ((0, 3, 5, 5), 2, {}, 'empty batch'),
    ):
        both(2, size, kernel, options, note)
    for size, kernel, options, note in (
        ((1, 2, 4, 4, 4), 2, {}, ''),
        ((1, 2, 3, 5, 4), [2, 3, 2], {'stride': [1, 2, 2], 'padding': [1, 1, 0]}, 'each axis its own'),
        ((1, 1, 5, 4, 5), 3, {'stride': 2, 'padding': 1, 'ceilMode': True}, 'ceil and padding'),
        ((2, 3, 4, 3), 2, {}, 'no batch'),
    ):
        both(3, size, kernel, options, note)
    case('maxPool1d', [distinct(1, 2, 11)], ['$0', 3, {'stride': 2, 'dilation': 3, 'padding': 1}], 'dilation')
    case('maxPool1dWithIndices', [distinct(1, 2, 11)], ['$0', 3, {'stride': 2, 'dilation': 3, 'padding': 1}], 'dilation')
    case('maxPool1dWithIndices', [distinct(2, 8)], ['$0', 2], 'no batch')
    case('maxPool1dWithIndices', [vals([NAN, 1, 1, -INF, -INF, -INF, 2, INF], (1, 1, 8))], ['$0', 3, {'stride': 1}], 'NaN, infinity and ties')
    case('maxPool2d', [distinct(1, 2, 9, 8)], ['$0', [3, 2], {'stride': 2, 'dilation': [2, 3], 'padding': 1}], 'dilation')
    case('maxPool2dWithIndices', [distinct(1, 2, 9, 8)], ['$0', [3, 2], {'stride': 2, 'dilation': [2, 3], 'padding': 1}], 'dilation')
    case('maxPool2dWithIndices', [distinct(2, 5, 4)], ['$0', 2], 'no batch')
    case('maxPool2dWithIndices', [distinct(0, 2, 4, 4)], ['$0', 2], 'empty batch')
    case('maxPool3d', [distinct(1, 2, 6, 5, 6)], ['$0', 2, {'stride': [2, 1, 3], 'dilation': [3, 2, 1], 'padding': 1, 'returnIndices': True}], 'dilation')
    case('maxPool3dWithIndices', [distinct(1, 1, 4, 5, 6)], ['$0', 2, {'stride': [2, 1, 3], 'dilation': [2, 3, 1], 'padding': 1}], 'dilation')
    case('maxPool3dWithIndices', [distinct(2, 3, 4, 3)], ['$0', 2], 'no batch')
    case('maxPool3dWithIndices', [vals([-INF] * 11 + [1] + [-INF] * 4, (1, 1, 4, 2, 2))], ['$0', 2, {'padding': 1}], '-Infinity beside the padding')
    case('maxPool2d', [vals([1, 1, 1, 1, 2, 2, 0, 2, 2], (1, 1, 3, 3))], ['$0', 2, {'stride': 1, 'returnIndices': True}], 'ties')
    case('maxPool2d', [vals([1, NAN, 3, -INF, -INF, -INF, INF, 0, NAN, -INF, -INF, -INF], (1, 2, 2, 3))], ['$0', [2, 2], {'stride': 1, 'returnIndices': True}], 'NaN and infinity')
    for options, note in (({'padding': 1}, ''), ({'padding': 1, 'returnIndices': True}, ', indices'), ({'padding': 1, 'stride': 1, 'dilation': 2, 'returnIndices': True}, ', dilation')):
        case('maxPool2d', [vals([-INF] * 11 + [1] + [-INF] * 4, (1, 1, 4, 4))], ['$0', 3, options], f'-Infinity beside the padding{note}')
