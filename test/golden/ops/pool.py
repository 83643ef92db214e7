"""Cases of src/ops/pool.ts."""
from harness import INF, NAN, case, distinct, rand, vals


def cases():
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
        case('maxPool2d', [distinct(*size)], ['$0', kernel, options] if options else ['$0', kernel], note)
        case('maxPool2d', [distinct(*size)], ['$0', kernel, {**options, 'returnIndices': True}], f'{note}, indices')
        case('avgPool2d', [rand(*size)], ['$0', kernel, options] if options else ['$0', kernel], note)
        if options:
            case('avgPool2d', [rand(*size)], ['$0', kernel, {**options, 'countIncludePad': False}], f'{note}, countIncludePad false')
            case('avgPool2d', [rand(*size)], ['$0', kernel, {**options, 'divisorOverride': 3}], f'{note}, divisorOverride')
    case('maxPool2d', [distinct(1, 2, 9, 8)], ['$0', [3, 2], {'stride': 2, 'dilation': [2, 3], 'padding': 1}], 'dilation')
    case('maxPool2d', [vals([1, 1, 1, 1, 2, 2, 0, 2, 2], (1, 1, 3, 3))], ['$0', 2, {'stride': 1, 'returnIndices': True}], 'ties')
    case('maxPool2d', [vals([1, NAN, 3, -INF, -INF, -INF, INF, 0, NAN, -INF, -INF, -INF], (1, 2, 2, 3))], ['$0', [2, 2], {'stride': 1, 'returnIndices': True}], 'NaN and infinity')
    for options, note in (({'padding': 1}, ''), ({'padding': 1, 'returnIndices': True}, ', indices'), ({'padding': 1, 'stride': 1, 'dilation': 2, 'returnIndices': True}, ', dilation')):
        case('maxPool2d', [vals([-INF] * 11 + [1] + [-INF] * 4, (1, 1, 4, 4))], ['$0', 3, options], f'-Infinity beside the padding{note}')
