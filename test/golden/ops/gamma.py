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
    for p in (1, 2, 3):
        case('mvlgamma', [rand(2, 3, low=2, high=6)], ['$0', p], f'p = {p}')
