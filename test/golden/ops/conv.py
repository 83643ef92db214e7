"""Cases of src/ops/conv.ts."""
from harness import INF, NAN, case, rand, vals


def cases():
    for op, x, w, options, note in (
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
    ):
        case(op, [rand(*x), rand(*w), rand(w[0])], ['$0', '$1', '$2', options] if options else None, note)
    case('conv2d', [rand(1, 2, 4, 4), rand(3, 2, 2, 2)], None, 'no bias')
    case('conv2d', [vals([INF, 1, NAN, 0, 2, 3, 1, 1, 1], (1, 1, 3, 3)), vals([1, 0, 0, 2], (1, 1, 2, 2))], None, 'infinity and NaN', grad=False)
