"""Cases of src/ops/create-like.ts."""
from harness import case, ints, nograd, rand


def cases():
    for op in ('newZeros', 'newOnes'):
        case(op, [nograd(rand(2))], ['$0', [2, 3]])
        case(op, [ints(2)], ['$0', [2]], 'int32')
        case(op, [nograd(rand(2))], ['$0', [], {'dtype': 'int32'}], '0-d, another dtype')
    case('newFull', [nograd(rand(2))], ['$0', [2, 2], 1.5])
    case('newFull', [ints(2)], ['$0', [3], 7], 'int32')
    case('newFull', [ints(2)], ['$0', [0], 1, {'dtype': 'bool'}], 'empty, another dtype')
    case('newTensor', [nograd(rand(2))], ['$0', [[1, 2], [3, 4]]])
    case('newTensor', [ints(2)], ['$0', 3], 'int32, 0-d')
    case('newTensor', [ints(2)], ['$0', [0, 2], {'dtype': 'bool'}], 'another dtype')
