"""Cases of src/ops/close.ts."""
from harness import INF, NAN, case, ivals, vals


def cases():
    a = vals([1, 1, 100, NAN, INF, INF, -INF, 0])
    b = vals([1 + 1e-6, 1.1, 100.0005, NAN, INF, -INF, 1, 1e-9])
    case('isclose', [a, b], None, 'defaults', grad=False)
    case('isclose', [a, b], ['$0', '$1', {'equalNan': True}], 'NaN', grad=False)
    case('isclose', [a, b], ['$0', '$1', {'rtol': 0, 'atol': 0.2}], 'atol', grad=False)
    case('isclose', [vals([[1], [2]]), vals([1, 2, 3])], None, 'broadcast', grad=False)
    case('isclose', [ivals([16777217, 5, 2147483647]), ivals([16777216, 5, -2147483647])], ['$0', '$1', {'rtol': 0, 'atol': 0}], 'int32')
