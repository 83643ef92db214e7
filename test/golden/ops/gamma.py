"""Cases of src/ops/gamma.ts."""
import numpy as np

from harness import INF, NAN, case, nograd, rand, vals


def cases():
    for op in ('lgamma', 'digamma', 'i0', 'i0e', 'i1', 'i1e'):
        case(op, [rand(2, 3, low=0.2, high=4)])
        case(op, [rand(low=0.5)], None, '0-d')
        case(op, [rand(0, 2)], None, 'empty')
    for op in ('lgamma', 'digamma'):
        case(op, [vals(np.linspace(0.07, 14, 41))], None, 'a fine grid')
        case(op, [vals([-0.3, -0.75, -1.2, -2.9, -5.5, -10.25])], None, 'negative')
        case(op, [vals([1, 2, 1e-6, 30, 1e4, INF, NAN])], None, 'ends', grad=False)
    case('lgamma', [vals([0, -1, -7, -INF, 1e30])], None, 'poles', grad=False)
    case('digamma', [vals([0.0, -0.0, -1, -7])], None, 'poles', grad=False)
    for op in ('i0', 'i1', 'i0e', 'i1e'):
        case(op, [vals([-20, -9.5, -3, -1, 1e-3, 0.25, 2, 5, 9.99, 10.01, 25])], None, 'a grid')
        case(op, [vals([0.0, 85, 31, INF, NAN])], None, 'ends', grad=False)
    for n in (0, 1, 2, 3):
        case('polygamma', [rand(2, 3, low=0.3, high=8)], [n, '$0'], f'order {n}')
    case('polygamma', [vals([-0.3, -1.6, -2.5])], [2, '$0'], 'order 2, negative')
    case('polygamma', [vals([-0.3, -1.6, -2.5])], [1, '$0'], 'order 1, negative')
    case('polygamma', [rand(0)], [1, '$0'], 'empty')
    case('zeta', [rand(5, low=1.1, high=6), rand(5, low=0.3, high=20)], None, grad=False)
    case('zeta', [vals([2, 3, 1, 0.5, 4, 2, 2.5]), vals([1, 1, 2, 2, 0, -1, -0.5])], None, 'poles', grad=False)
    case('zeta', [nograd(rand(2, 1, low=1.5, high=4)), rand(3, low=0.5, high=3)], None, 'broadcast')
    # From a = 20 on PyTorch's own are right to 2e-9 next to x = a: test/ops/incomplete-gamma.test.ts has those
    for op in ('igamma', 'igammac'):
        case(op, [nograd(rand(2, 3, low=0.2, high=6)), rand(2, 3, low=0.1, high=9)])
        case(op, [nograd(vals([[0.01], [0.4], [1], [1.7], [4.5], [12]])), vals([1e-3, 0.07, 0.5, 0.9, 1.05, 1.2, 2.5, 6, 13, 31])], None, 'a grid')
        case(op, [nograd(vals([40, 60, 30, 75, 19])), vals([10, 150, 70, 19, 18.5])], None, 'large')
        case(op, [nograd(rand(2, 1, low=0.5, high=4)), rand(3, low=0.5, high=3)], None, 'broadcast')
        case(op, [nograd(rand(low=0.5, high=2)), rand(low=0.5, high=2)], None, '0-d')
        case(op, [nograd(rand(0, 2)), rand(0, 2)], None, 'empty')
        ends = [0.0, -0.0, 0.3, 2, 15, INF, NAN, -1, -INF]
        case(op, [nograd(vals([[a] for a in ends])), vals(ends)], None, 'ends', grad=False)
        case(op, [nograd(vals([0.0, 2.5, 1.25])), vals([1.5, 0.0, 700])], None, 'slopes at ends')
    for p in (1, 2, 3):
        case('mvlgamma', [rand(2, 3, low=2, high=6)], ['$0', p], f'p = {p}')
