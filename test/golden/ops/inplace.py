"""Cases of src/ops/inplace.ts."""
from harness import INF, bits, case, ints, ivals, nograd, rand, vals


def cases():
    case('fill', [rand(2, 3)], ['$0', 2.5])
    case('fill', [rand(2, 3), rand()], ['$0', '$1'], '0-d tensor')
    case('fill', [rand(2, 3), ivals(3)], ['$0', '$1'], '0-d integer')
    case('fill', [vals([float('nan'), INF])], ['$0', 0], 'over NaN')
    case('fill', [rand()], ['$0', '$-inf'], '0-d', grad=False)
    case('fill', [rand(0, 2)], ['$0', 1], 'empty')
    case('fill', [ints(3)], ['$0', -2], 'int32')
    case('fill', [bits(3)], ['$0', 1], 'bool')
