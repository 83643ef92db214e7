"""Cases of src/ops/compare.ts."""
from harness import INF, NAN, bvals, case, ints, ivals, nograd, rand, vals


def cases():
    for op in ('eq', 'ne', 'lt', 'le', 'gt', 'ge'):
        case(op, [vals([1, 2, 3, NAN, INF, -INF, NAN, 0]), vals([1, 3, 2, 1, INF, INF, NAN, -0.0])], None, 'values, NaN, infinity', grad=False)
        case(op, [nograd(rand(2, 1)), nograd(rand(3))], None, 'broadcast')
        case(op, [nograd(rand(2, 3))], ['$0', 0.25], 'number')
        case(op, [ints(6, high=3), ints(6, high=3)], None, 'int32')

    for op in ('isnan', 'isinf', 'isfinite', 'logicalNot', 'isposinf', 'isneginf', 'isreal'):
        case(op, [nograd(vals([-INF, -1, 0, 1e-30, 1e30, INF, NAN]))])
        case(op, [nograd(ivals([0, 1, -2]))], None, 'int32')
    for op in ('logicalAnd', 'logicalOr', 'logicalXor'):
        case(op, [bvals([[True, True], [False, False]]), bvals([True, False])], None, 'bool, broadcast')
        case(op, [nograd(vals([0, 2, NAN, 0])), ivals([1, 0, 5, 0])], None, 'numbers')
