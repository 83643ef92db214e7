"""Cases of src/ops/segment.ts."""
from harness import NAN, case, ivals, rand, vals


def cases():
    for reduce in ('sum', 'mean', 'max', 'min', 'prod'):
        call = lambda **more: ['$0', reduce, {'lengths': '$1', **more}]
        case('segmentReduce', [vals([1, 2, 3, NAN, 5, 6]), ivals([2, 0, 3, 1])], call(), f'{reduce}, of nothing too, and NaN')
        case('segmentReduce', [rand(7), ivals([2, 0, 4, 1])], call(initial=1.5), f'{reduce}, initial')
        if reduce != 'min':  # (PyTorch 1.13 gives some of equal minima the whole gradient each)
            case('segmentReduce', [vals([[1, 5], [1, 4], [3, 3], [4, 3]]), ivals([2, 2])], call(initial=3.0), f'{reduce}, rows with ties')
        case('segmentReduce', [rand(2, 4, 3), ivals([[1, 3], [4, 0]])], call(axis=1, unsafe=False), f'{reduce}, axis 1')
    case('segmentReduce', [vals([0, 2, NAN, 0, NAN, 3, NAN, 5, NAN, 0, 0, 4]), ivals([2, 3, 3, 4])], ['$0', 'prod', {'lengths': '$1'}], 'prod, zeros beside NaN')
    case('segmentReduce', [rand(5), ivals([2, 1])], ['$0', 'sum', {'lengths': '$1', 'unsafe': True}], 'unsafe')
    case('segmentReduce', [rand(6, 2), ivals([0, 2, 6])], ['$0', 'mean', {'offsets': '$1'}], 'offsets')
