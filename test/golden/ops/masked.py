"""Cases of src/ops/masked.ts."""
import torch

from harness import case, ints, rand, vals, NAN, INF


def cases():
    mask = lambda rows: torch.tensor(rows, dtype=torch.bool)
    case('maskedFill', [rand(2, 3), mask([[True, False, True], [False, False, True]])], ['$0', '$1', -1.5])
    case('maskedFill', [rand(2, 3), mask([True, False, True])], ['$0', '$1', 2.5], 'a mask that broadcasts')
    case('maskedFill', [rand(3), mask([[True], [False]])], ['$0', '$1', 2], 'both broadcast')
    case('maskedFill', [rand(2, 3), mask([True, False, True]), rand()], ['$0', '$1', '$2'], 'a tensor')
    case('maskedFill', [vals([NAN, INF, -0.0]), mask([True, False, False])], ['$0', '$1', 0], 'NaN goes')
    case('maskedFill', [rand(2, 3), mask([False, True, False])], ['$0', '$1', '$-inf'], 'minus infinity')
    case('maskedFill', [ints(4), mask([True, False, True, False])], ['$0', '$1', 16777217], 'int32')
    case('maskedFill', [rand(), mask(True)], ['$0', '$1', 3], '0-d')
    case('maskedFill', [rand(0, 2), mask([True, False])], ['$0', '$1', 3], 'empty')
    case('maskedScatter', [rand(2, 3), mask([[True, False, True], [False, True, True]]), rand(4)])
    case('maskedScatter', [rand(2, 3), mask([False, True, True]), rand(3, 4)], None, 'more than is needed')
    case('maskedScatter', [ints(4), mask([True, False, False, True]), ints(2)], None, 'int32')
    case('maskedScatter', [rand(3), mask([False, False, False]), rand(0)], None, 'nothing is chosen')
    case('maskedScatter', [rand(), mask(True), rand(2)], None, '0-d')
