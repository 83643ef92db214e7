"""Cases of src/ops/convert.ts."""
from harness import INF, NAN, bits, case, ints, ivals, rand, vals


def cases():
    case('cast', [ints(2, 3, low=-5)], ['$0', '$float'], 'int32 to float')
    case('cast', [bits(4)], ['$0', '$float'], 'bool to float')
    case('cast', [vals([-2.7, -0.5, 0, 0.5, 2.7, 1e6])], ['$0', 'int32'], 'float to int32', grad=False)
    case('cast', [vals([0, -0.0, 1e-30, 2, NAN, INF])], ['$0', 'bool'], 'float to bool', grad=False)
    case('cast', [ivals([0, 1, -3])], ['$0', 'bool'], 'int32 to bool')
    case('cast', [bits(4)], ['$0', 'int32'], 'bool to int32')
    case('cast', [rand(5)], ['$0', 'float32'], 'float to float32')
    halves = [0, 1, -1, 1 / 3, 2049, 2051, 65504, 65519, 65520, 1e6, -1e6, 6e-8, 2 ** -14, 2 ** -15 * 1.0009765625, 2 ** -25, 1.5 * 2 ** -25, INF, -INF, NAN]
    case('cast', [vals(halves)], ['$0', 'float16'], 'float to float16', grad=False)
    brains = [0, 1, -1, 1 / 3, 257, 259, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -23, 65520, 1e6, 3.3895e38, 3.3961e38, 3.3963e38, -3.4e38, 2 ** -126, INF, -INF, NAN]
    case('cast', [vals(brains)], ['$0', 'bfloat16'], 'float to bfloat16', grad=False)
