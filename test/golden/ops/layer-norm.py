"""Cases of src/ops/layer-norm.ts."""
from harness import INF, NAN, case, nograd, rand, vals


def cases():
    affine = {'weight': '$1', 'bias': '$2'}
    case('layerNorm', [rand(3, 5)], ['$0', [5]])
    case('layerNorm', [rand(3, 5), rand(5), rand(5)], ['$0', [5], affine], 'affine')
    case('layerNorm', [rand(2, 3, 4), rand(3, 4), rand(3, 4)], ['$0', [3, 4], affine], 'two dims')
    case('layerNorm', [rand(2, 3, 4), rand(4)], ['$0', [4], {'weight': '$1', 'eps': 0.25}], 'a weight alone, eps')
    case('layerNorm', [rand(7)], ['$0', [7]], 'one dim')
    case('layerNorm', [rand(4, 1), rand(1), rand(1)], ['$0', [1], affine], 'rows of one')
    case('layerNorm', [rand(0, 3), rand(3), rand(3)], ['$0', [3], affine], 'empty')
    case('layerNorm', [vals([[2, 2, 2], [1, NAN, 3], [INF, 1, 2]])], ['$0', [3]], 'equal values, NaN, infinity', grad=False)
    case('layerNorm', [vals([[4096, 4097, 4099], [-65536, -65537, -65539]])], ['$0', [3]], 'far from 0')
    eps = 2.0 ** -20
    case('rmsNorm', [rand(3, 5)], ['$0', [5], {'eps': eps}])
    case('rmsNorm', [rand(2, 3, 4), rand(3, 4)], ['$0', [3, 4], {'weight': '$1', 'eps': 0.25}], 'two dims, a weight')
    case('rmsNorm', [vals([[0, 0], [1e4, -3e4]])], ['$0', [2], {'eps': eps}], 'zeros and large')
    case('rmsNorm', [rand(0, 3)], ['$0', [3], {'eps': eps}], 'empty')
    case('groupNorm', [rand(2, 6, 3)], ['$0', 3])
    case('groupNorm', [rand(2, 4, 3, 2), rand(4), rand(4)], ['$0', 2, affine], 'affine')
    case('groupNorm', [rand(3, 4), rand(4), rand(4)], ['$0', 2, affine], 'no inner dims')
    case('groupNorm', [rand(2, 3, 5), rand(3)], ['$0', 1, {'weight': '$1', 'eps': 0.5}], 'one group, eps')
    case('groupNorm', [rand(2, 3, 4)], ['$0', 3], 'a group for each channel')
    case('instanceNorm', [rand(2, 3, 5)])
    case('instanceNorm', [rand(2, 3, 2, 3), rand(3), rand(3)], ['$0', affine], 'affine')
    running = {'runningMean': '$1', 'runningVar': '$2'}
    statistics = [nograd(rand(3)), nograd(rand(3, low=0.5))]
    case('instanceNorm', [rand(2, 3, 4), *statistics], ['$0', running], 'running statistics follow', changes=(1, 2))
    case('instanceNorm', [rand(2, 3, 4), *statistics], ['$0', {**running, 'momentum': 0.75, 'eps': 0.125}], 'momentum and eps', changes=(1, 2))
    case('instanceNorm', [rand(2, 3, 4), *statistics, rand(3), rand(3)],
         ['$0', {**running, 'weight': '$3', 'bias': '$4', 'useInputStats': False}], 'by running statistics', changes=(1, 2))
    case('localResponseNorm', [rand(2, 5, 3)], ['$0', 3])
    case('localResponseNorm', [rand(2, 4, 2, 3)], ['$0', 2, {'alpha': 0.5, 'beta': 0.25, 'k': 2}], 'even size, all options')
    case('localResponseNorm', [rand(1, 3, 2, 1, 2)], ['$0', 7, {'alpha': 1}], 'more than all channels')
