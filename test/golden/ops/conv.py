"""Cases of src/ops/conv.ts."""
from harness import INF, NAN, case, rand, vals


def cases():
    for op, x, w, options, note in (
        ('conv1d', (2, 3, 9), (4, 3, 3), {}, ''),
        ('conv1d', (2, 2, 11), (3, 2, 4), {'stride': 3, 'padding': 2}, 'stride that leaves a rest'),
        ('conv1d', (1, 2, 12), (2, 2, 3), {'stride': 2, 'dilation': 3, 'padding': [1]}, 'stride and dilation'),
        ('conv1d', (2, 6, 7), (4, 3, 3), {'groups': 2, 'padding': 1}, 'groups'),
        ('conv1d', (2, 3, 7), (6, 1, 2), {'groups': 3, 'stride': 2}, 'depthwise'),
        ('conv1d', (1, 2, 6), (2, 2, 4), {'padding': 'same', 'dilation': 2}, 'same, even window'),
        ('conv1d', (1, 2, 6), (2, 2, 4), {'padding': 'valid'}, 'valid'),
        ('conv1d', (3, 8), (2, 3, 3), {'padding': 1}, 'no batch'),
        ('conv1d', (0, 3, 8), (2, 3, 3), {}, 'empty batch'),
        ('conv2d', (2, 3, 5, 6), (4, 3, 3, 3), {}, ''),
        ('conv2d', (2, 3, 5, 6), (4, 3, 3, 3), {'padding': 1}, 'padding'),
        ('conv2d', (2, 2, 7, 6), (3, 2, 3, 2), {'stride': 2, 'padding': [1, 0]}, 'stride 2'),
        ('conv2d', (1, 2, 9, 8), (3, 2, 2, 3), {'stride': [3, 2], 'padding': [0, 1]}, 'strides that leave a rest'),
        ('conv2d', (1, 2, 9, 8), (2, 2, 3, 3), {'dilation': [2, 3], 'padding': 2}, 'dilation'),
        ('conv2d', (1, 2, 9, 11), (2, 2, 3, 2), {'dilation': [2, 3], 'stride': [2, 2], 'padding': 1}, 'stride and dilation'),
        ('conv2d', (1, 2, 9, 9), (2, 2, 3, 2), {'dilation': 2, 'stride': 4, 'padding': 2}, 'stride twice the dilation'),
        ('conv2d', (2, 4, 5, 5), (6, 2, 3, 3), {'groups': 2, 'padding': 1}, 'groups'),
        ('conv2d', (2, 3, 5, 5), (6, 1, 3, 3), {'groups': 3, 'stride': 2}, 'depthwise, stride 2'),
        ('conv2d', (2, 3, 4, 5), (2, 3, 1, 1), {}, 'one by one'),
        ('conv2d', (2, 3, 4, 5), (2, 3, 1, 1), {'stride': 2}, 'one by one, stride 2'),
        ('conv2d', (2, 3, 4, 5), (2, 3, 4, 5), {}, 'window as large as the input'),
        ('conv2d', (1, 2, 5, 6), (2, 2, 3, 4), {'padding': 'same'}, 'same, even window'),
        ('conv2d', (1, 2, 6, 7), (2, 2, 3, 2), {'padding': 'same', 'dilation': [2, 3]}, 'same, dilation'),
        ('conv2d', (1, 2, 5, 6), (2, 2, 3, 3), {'padding': 'valid'}, 'valid'),
        ('conv2d', (2, 5, 6), (4, 2, 3, 3), {'padding': 1}, 'no batch'),
        ('conv2d', (0, 2, 5, 6), (4, 2, 3, 3), {}, 'empty batch'),
        ('conv3d', (1, 2, 4, 3, 4), (3, 2, 2, 2, 3), {}, ''),
        ('conv3d', (1, 2, 4, 5, 3), (2, 2, 2, 3, 2), {'stride': [2, 1, 2], 'padding': [1, 0, 1], 'dilation': [1, 2, 1]}, 'stride, padding and dilation'),
        ('conv3d', (2, 4, 3, 2, 3), (4, 2, 2, 1, 2), {'groups': 2, 'padding': 1}, 'groups'),
        ('conv3d', (1, 1, 3, 3, 2), (2, 1, 2, 3, 2), {'padding': 'same'}, 'same'),
        ('conv3d', (2, 3, 3, 3), (2, 2, 2, 2, 2), {}, 'no batch'),
    ):
        case(op, [rand(*x), rand(*w), rand(w[0])], ['$0', '$1', '$2', options] if options else None, note)
    case('conv2d', [rand(1, 2, 4, 4), rand(3, 2, 2, 2)], None, 'no bias')
    case('conv2d', [vals([INF, 1, NAN, 0, 2, 3, 1, 1, 1], (1, 1, 3, 3)), vals([1, 0, 0, 2], (1, 1, 2, 2))], None, 'infinity and NaN', grad=False)
    transposed()
    case('convTbc', [rand(6, 2, 3), rand(3, 3, 4), rand(4), ], ['$0', '$1', '$2', 1])
    case('convTbc', [rand(5, 1, 2), rand(2, 2, 3), rand(3)], None, 'no padding')
    case('convTbc', [rand(3, 0, 2), rand(2, 2, 3), rand(3)], None, 'empty batch')


def transposed():
    for op, x, w, options, note in (
        ('convTranspose1d', (2, 3, 5), (3, 2, 3), {}, ''),
        ('convTranspose1d', (2, 3, 4), (3, 2, 4), {'stride': 2, 'padding': 1}, 'twice as long'),
        ('convTranspose1d', (1, 2, 4), (2, 2, 3), {'stride': 3, 'padding': 1, 'outputPadding': 2}, 'outputPadding'),
        ('convTranspose1d', (1, 2, 4), (2, 2, 2), {'stride': 2, 'dilation': 4, 'outputPadding': [3], 'padding': [1]}, 'outputPadding below the dilation'),
        ('convTranspose1d', (1, 2, 3), (2, 1, 2), {'stride': 4}, 'stride past the window'),
        ('convTranspose1d', (1, 2, 6), (2, 1, 3), {'padding': 3}, 'padding past the window'),
        ('convTranspose1d', (2, 4, 3), (4, 3, 2), {'groups': 2, 'stride': 2}, 'groups'),
        ('convTranspose1d', (2, 4), (2, 3, 3), {'padding': 1}, 'no batch'),
        ('convTranspose1d', (0, 2, 4), (2, 3, 3), {}, 'empty batch'),
        ('convTranspose2d', (2, 3, 3, 4), (3, 2, 3, 2), {}, ''),
        ('convTranspose2d', (1, 2, 3, 4), (2, 3, 4, 3), {'stride': 2, 'padding': 1}, 'stride and padding'),
        ('convTranspose2d', (1, 2, 3, 2), (2, 2, 3, 2), {'stride': [2, 3], 'padding': [1, 0], 'outputPadding': [1, 2], 'dilation': [2, 1]}, 'each axis its own'),
        ('convTranspose2d', (1, 4, 3, 3), (4, 1, 3, 3), {'groups': 4, 'stride': 2, 'padding': 1, 'outputPadding': 1}, 'depthwise'),
        ('convTranspose2d', (2, 3, 3), (2, 3, 2, 2), {'stride': 2}, 'no batch'),
        ('convTranspose3d', (1, 2, 2, 3, 2), (2, 2, 2, 2, 3), {}, ''),
        ('convTranspose3d', (1, 2, 2, 2, 3), (2, 1, 2, 3, 2), {'stride': [1, 2, 2], 'padding': [0, 1, 0], 'outputPadding': [0, 1, 1]}, 'stride and padding'),
        ('convTranspose3d', (2, 2, 2, 2), (2, 1, 2, 2, 2), {'groups': 2, 'dilation': 2, 'stride': 2}, 'no batch, groups and dilation'),
    ):
        outputs = w[1] * options.get('groups', 1)
        case(op, [rand(*x), rand(*w), rand(outputs)], ['$0', '$1', '$2', options] if options else None, note)
    case('convTranspose2d', [rand(1, 2, 3, 3), rand(2, 3, 2, 2)], None, 'no bias')
