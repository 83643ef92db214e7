"""Cases of src/ops/pad.ts."""
from harness import INF, NAN, case, distinct, ints, rand, vals


def cases():
    case('pad', [rand(2, 3)], ['$0', [1, 2]], 'last dim')
    case('pad', [rand(2, 3)], ['$0', [1, 0, 2, 1], {'value': 3.5}], 'two dims, value')
    case('pad', [rand(3, 4)], ['$0', [-1, 2]], 'negative crops')
    case('pad', [ints(2, 2)], ['$0', [1, 1], {'value': 7}], 'int32')
    case('pad', [rand(2, 3)], ['$0', [1, 1], 'constant', -2], 'by position')
    for mode in ('reflect', 'replicate', 'circular'):
        options = {'mode': mode}
        case('pad', [rand(2, 2, 4)], ['$0', [1, 2], options], f'{mode}, last dim')
        case('pad', [rand(1, 2, 4)], ['$0', [2, 3], mode], f'{mode}, wide, by position')
        case('pad', [rand(1, 2, 3, 4)], ['$0', [3, 1, 0, 2], options], f'{mode}, two dims')
        case('pad', [rand(1, 1, 2, 2, 3)], ['$0', [1, 2, 1, 0, 0, 1], options], f'{mode}, three dims')
        case('pad', [rand(1, 2, 4)], ['$0', [-1, 2], options], f'{mode}, cut in front')
        case('pad', [rand(1, 2, 4, 5)], ['$0', [-1, -2, 3, -1], options], f'{mode}, cut, and cut behind')
        case('pad', [rand(0, 2, 4)], ['$0', [1, 1], options], f'{mode}, empty batch')
        case('pad', [vals([[[NAN, -0.0, INF, -INF]]])], ['$0', [2, 3], options], f'{mode}, special')
        case('pad', [distinct(1, 2, 3)], ['$0', [0, 0], options], f'{mode}, by nothing')
    # What is left of a dim comes more than once. (PyTorch's gradient is that of a copy onto itself.)
    case('pad', [rand(1, 2, 4)], ['$0', [-2, 3], {'mode': 'circular'}], 'circular, of two', grad=False)
    case('pad', [rand(1, 2, 4)], ['$0', [7, 9], {'mode': 'replicate'}], 'replicate, more than there is')
    case('pad', [rand(1, 2, 1)], ['$0', [2, 1], {'mode': 'replicate'}], 'replicate, of one')
    case('pad', [rand(1, 4)], ['$0', [-4, 1], {'mode': 'replicate'}], 'replicate, all cut')
    case('pad', [rand(1, 4)], ['$0', [-4, 1], {'mode': 'reflect'}], 'reflect, all cut')
    case('pad', [rand(2, 4)], ['$0', [3, 3], {'mode': 'reflect'}], 'reflect, as far as it goes')
    case('pad', [rand(1, 2, 2, 3)], ['$0', [3, 3, 2, 2], {'mode': 'circular'}], 'circular, as far as it goes')
    case('constantPadNd', [rand(2, 3)], ['$0', [1, 1]])
    case('constantPadNd', [rand(2, 3)], ['$0', [1, 0, -1, 2], 2.5], 'value')
    case('constantPadNd', [ints(2, 2)], ['$0', [0, 1], -3], 'int32')
