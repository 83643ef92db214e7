"""Cases of src/ops/unfold.ts."""
from harness import case, rand


def cases():
    for image, kernel, options, note in (
        ((2, 3, 5, 4), 2, {}, ''),
        ((1, 2, 5, 6), [2, 3], {'stride': [2, 1], 'padding': 1}, 'stride and padding'),
        ((1, 2, 7, 8), [3, 2], {'dilation': [2, 3], 'padding': [0, 1], 'stride': 2}, 'dilation'),
        ((2, 4, 4), 2, {'stride': 2}, 'no batch'),
        ((0, 2, 4, 4), 2, {}, 'empty batch'),
        ((1, 1, 3, 3), 3, {}, 'one window'),
    ):
        case('unfold', [rand(*image)], ['$0', kernel, options] if options else ['$0', kernel], note)
    for columns, size, kernel, options, note in (
        ((2, 12, 12), [5, 4], 2, {}, ''),
        ((1, 12, 18), [5, 6], [2, 3], {'stride': [2, 1], 'padding': 1}, 'stride and padding'),
        ((1, 12, 8), [7, 8], [3, 2], {'dilation': [2, 3], 'padding': [0, 1], 'stride': 2}, 'dilation'),
        ((8, 4), 4, 2, {'stride': 2}, 'no batch'),
        ((2, 4, 4), 5, 2, {'stride': 3}, 'gaps between windows'),
    ):
        case('fold', [rand(*columns)], ['$0', size, kernel, options] if options else ['$0', size, kernel], note)
