"""Cases of src/ops/hardtanh.ts."""
import numpy as np

from harness import INF, NAN, case, ivals, rand, vals


def cases():
    far = vals([-1e30, -800, -90, -20, -3.5, -1e-6, 0, 1e-6, 3.5, 20, 80, 800, 1e30, INF, NAN])
    for op in ('hardshrink', 'hardsigmoid', 'hardswish', 'hardtanh', 'relu6', 'softshrink'):
        case(op, [rand(2, 3, low=-7, high=7)])
        case(op, [rand()], None, '0-d')
        case(op, [rand(0, 2)], None, 'empty')
        case(op, [vals(np.linspace(-6.03, 6.07, 41))], None, 'a fine grid')
        case(op, [far[:-1]], None, 'far out')
    for op in ('hardsigmoid', 'hardtanh', 'relu6'):
        case(op, [vals([NAN, 1, -1])], None, 'NaN', grad=False)
    case('hardshrink', [vals([NAN, -INF, INF])], None, 'NaN and infinities', grad=False)
    # PyTorch's ends, at which each has a gradient of its own
    case('hardtanh', [vals([-1, 1, 0])], None, 'ends')
    case('hardtanh', [vals([-3, 4, -2, 5])], ['$0', -2, 4], 'ends by position')
    case('hardtanh', [rand(7, low=-4, high=4)], ['$0', {'minVal': -0.5, 'maxVal': 2.5}], 'ends by name')
    case('hardtanh', [ivals([-7, -1, 0, 1, 16777217])], ['$0', -5, 2], 'int32')
    case('relu6', [vals([0, 6, -0.0])], None, 'ends')
    case('hardsigmoid', [vals([-3, 3])], None, 'ends')
    case('hardswish', [vals([-3, 3])], None, 'ends')
    case('hardshrink', [vals([-0.5, 0.5, 0.25, 0.75])], None, 'ends')
    case('softshrink', [vals([-0.5, 0.5, 0.25, 0.75])], None, 'ends')
    case('threshold', [rand(2, 3)], ['$0', 0.25, -7])
    case('threshold', [vals([1, 2, NAN, INF, -INF])], ['$0', 1, 20], 'ties, NaN and infinities')
    case('threshold', [ivals([-3, 0, 5, 16777217])], ['$0', 1, 9], 'int32')
    case('threshold', [rand(0)], ['$0', 0, 1], 'empty')
    for op in ('hardshrink', 'softshrink'):
        case(op, [rand(5, low=-3, high=3)], ['$0', 1.25], 'lambd by position')
        case(op, [rand(5, low=-3, high=3)], ['$0', {'lambd': 0}], 'lambd by name')
