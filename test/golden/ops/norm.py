"""Cases of src/ops/norm.ts."""
from harness import INF, NAN, case, nograd, rand, vals


def cases():
    statistics = lambda c: [nograd(rand(c)), nograd(rand(c, low=0.5))]
    affine = {'weight': '$3', 'bias': '$4'}
    for shape, note in (((5, 3), '[N, C]'), ((4, 3, 5), '[N, C, L]'), ((2, 3, 4, 5), '[N, C, H, W]'), ((2, 2, 3, 2, 2), 'three inner dims')):
        c = shape[1]
        x = [rand(*shape), *statistics(c)]
        case('batchNorm', [*x, rand(c), rand(c)], ['$0', '$1', '$2', {**affine, 'training': True}], f'training, {note}', changes=(1, 2))
        case('batchNorm', [*x, rand(c), rand(c)], ['$0', '$1', '$2', affine], f'evaluation, {note}')
        case('batchNorm', x, ['$0', '$1', '$2', {'training': True}], f'training, not affine, {note}', changes=(1, 2))
        case('batchNorm', x, ['$0', '$1', '$2'], f'evaluation, not affine, {note}')
    x = [rand(2, 3, 4), *statistics(3)]
    case('batchNorm', x, ['$0', '$1', '$2', {'training': True, 'momentum': 0.75, 'eps': 0.125}], 'momentum and eps', changes=(1, 2))
    case('batchNorm', x, ['$0', '$1', '$2', {'training': True, 'momentum': 1}], 'momentum 1', changes=(1, 2))
    case('batchNorm', x[:1], ['$0', None, None, {'training': True}], 'nothing follows')
    case('batchNorm', [rand(4, 2), rand(2), rand(2)], ['$0', None, None, {'weight': '$1', 'bias': '$2', 'training': True}], 'nothing follows, affine')
    case('batchNorm', [rand(4, 2), rand(2)], ['$0', None, None, {'weight': '$1', 'training': True}], 'a weight alone')
    case('batchNorm', [rand(1, 3, 2, 2), *statistics(3)], ['$0', '$1', '$2', {'training': True}], 'one example', changes=(1, 2))
    case('batchNorm', [vals([[2, 1], [2, 3]]), *statistics(2)], ['$0', '$1', '$2', {'training': True}], 'a channel of equal values', changes=(1, 2))
    case('batchNorm', [vals([[1, 1, NAN], [INF, 2, 3], [0, 2, 1]]), *statistics(3)], ['$0', '$1', '$2', {'training': True}], 'infinity and NaN', changes=(1, 2))
    for training in (True, False):
        case('batchNorm', [rand(0, 3, 2), *statistics(3), rand(3), rand(3)], ['$0', '$1', '$2', {**affine, 'training': training}],
             f'no examples, {"training" if training else "evaluation"}', changes=(1, 2))
