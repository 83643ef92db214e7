"""Cases of src/ops/attention.ts."""
from harness import INF, bits, bvals, case, rand, vals


def cases():
    op = 'scaledDotProductAttention'
    qkv = [rand(2, 3, 4), rand(2, 5, 4), rand(2, 5, 3)]
    call = lambda options: ['$0', '$1', '$2', options]
    case(op, qkv)
    case(op, [rand(3, 4), rand(5, 4), rand(5, 2)], None, 'two dims')
    case(op, [rand(2, 2, 3, 4), rand(1, 2, 3, 4), rand(2, 3, 4)], None, 'broadcast')
    case(op, qkv, call({'isCausal': True}), 'causal')
    case(op, [rand(5, 2), rand(3, 2), rand(3, 2)], call({'isCausal': True}), 'causal, fewer keys')
    case(op, qkv, call({'scale': 0.25}), 'scale')
    case(op, [*qkv, bits(3, 5)], call({'attnMask': '$3'}), 'bool mask')
    case(op, [*qkv, rand(2, 1, 5)], call({'attnMask': '$3'}), 'float mask')
    case(op, [*qkv, bvals([[False] * 5, [True, False, True, False, True], [False] * 5])], call({'attnMask': '$3'}), 'what sees nothing')
    case(op, [rand(2, 2), rand(2, 2), rand(2, 2), vals([[-INF, -INF], [0, -INF]])], call({'attnMask': '$3'}), 'float mask, what sees nothing')
    case(op, [rand(1, 4, 3, 2), rand(1, 2, 3, 2), rand(1, 2, 3, 2)], call({'enableGqa': True}), 'grouped queries')
    case(op, [vals([[1e4, -1e4]]), vals([[1e4, 1e4], [-1e4, 2e4], [1e4, 1e4]]), rand(3, 2)], None, 'large')
