"""Cases of src/ops/slice-scatter.ts. (PyTorch 1.13 takes the end of a slice for its step where no step is given.)"""
from harness import case, ints, rand


def cases():
    case('selectScatter', [rand(3, 4), rand(4)], ['$0', '$1', 0, 1])
    case('selectScatter', [rand(2, 3, 2), rand(2, 2)], ['$0', '$1', -2, -1], 'negative')
    case('selectScatter', [rand(3), rand()], ['$0', '$1', 0, 2], '0-d')
    case('selectScatter', [ints(3, 2), ints(2)], ['$0', '$1', 0, 0], 'int32')
    case('sliceScatter', [rand(4, 3), rand(2, 3)], ['$0', '$1', 0, 1, 3, 1])
    case('sliceScatter', [rand(7), rand(3)], ['$0', '$1', {'start': 1, 'end': 7, 'step': 2}], 'steps')
    case('sliceScatter', [rand(2, 5), rand(2, 2)], ['$0', '$1', 1, {'start': -2, 'step': 1}], 'to the end')
    case('sliceScatter', [rand(3), rand(3)], ['$0', '$1', {'step': 1}], 'all')
    case('sliceScatter', [rand(3, 2), rand(0, 2)], ['$0', '$1', {'start': 2, 'end': 1, 'step': 1}], 'nothing')
