"""Cases of src/ops/add-products.ts."""
from harness import INF, NAN, case, ivals, rand, vals

BIG = 2 ** 24 + 1
FORMS = (('addmm', (2, 3), (3, 4), (2, 4)), ('addmv', (2, 3), (3,), (2,)), ('addr', (2,), (3,), (2, 3)), ('addbmm', (5, 2, 3), (5, 3, 4), (2, 4)),
         ('baddbmm', (5, 2, 3), (5, 3, 4), (5, 2, 4)))


def cases():
    for op, a, b, out in FORMS:
        case(op, [rand(*out), rand(*a), rand(*b)])
        case(op, [rand(*out), rand(*a), rand(*b)], ['$0', '$1', '$2', {'beta': 0.5, 'alpha': -2}], 'factors')
        case(op, [rand(out[-1]) if op != 'addmv' else rand(1), rand(*a), rand(*b)], ['$0', '$1', '$2', {'alpha': 3}], 'input broadcast')
        case(op, [rand(*([1] * len(out))), rand(*a), rand(*b)], None, 'input of ones')
        case(op, [vals([NAN, INF] * (eval('*'.join(map(str, out))) // 2), out), rand(*a), rand(*b)], ['$0', '$1', '$2', {'beta': 0}], 'beta 0 leaves NaN out')
        case(op, [rand(*out), rand(*a), rand(*b)], ['$0', '$1', '$2', {'alpha': 0}], 'alpha 0')
    for op, a, b, out in (('addmm', (2, 0), (0, 3), (2, 3)), ('addmv', (2, 0), (0,), (2,)), ('addbmm', (0, 2, 3), (0, 3, 4), (2, 4)), ('baddbmm', (2, 2, 0), (2, 0, 3), (2, 2, 3)), ('addr', (0,), (3,), (0, 3))):
        case(op, [rand(*out), rand(*a), rand(*b)], ['$0', '$1', '$2', {'beta': 2}], 'nothing to sum' if op != 'addr' else 'empty')
    case('addmm', [ivals([[BIG, 2]]), ivals([[3, -4]]), ivals([[BIG, 1], [2, 5]])], ['$0', '$1', '$2', {'beta': 2, 'alpha': 3}], 'integers past 2^24')
    case('addr', [ivals([[BIG, 2]]), ivals([3]), ivals([BIG, 1])], ['$0', '$1', '$2', {'beta': 2, 'alpha': 3}], 'integers past 2^24')
    case('addmm', [rand(5, 7), rand(5, 9), rand(9, 7)], None, 'odd sizes')
