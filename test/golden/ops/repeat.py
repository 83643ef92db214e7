"""Cases of src/ops/repeat.ts."""
from harness import case, ints, ivals, rand


def cases():
    case('repeat', [rand(2, 3)], ['$0', [2, 2]])
    case('repeat', [rand(3)], ['$0', [2, 1, 3]], 'new axes')
    case('repeat', [rand(3)], ['$0', [0]], 'to empty')
    case('tile', [rand(2, 3)], ['$0', [2]], 'fewer counts than dims')
    case('tile', [rand(2, 3)], ['$0', [2, 1, 2]], 'new axes')
    case('tile', [rand()], ['$0', [3]], '0-d')
    case('tile', [ints(2, 2)], ['$0', [2, 0]], 'to empty')
    case('repeatInterleave', [rand(2, 3)], ['$0', 2], 'flat')
    case('repeatInterleave', [rand(2, 3)], ['$0', 3, 1], 'a number')
    case('repeatInterleave', [rand(2, 3)], ['$0', 0, {'dim': 0}], 'none')
    case('repeatInterleave', [rand(3, 2), ivals([2, 0, 3])], ['$0', '$1', 0], 'a tensor')
    case('repeatInterleave', [rand(2, 3), ivals([1, 2, 0])], ['$0', '$1', {'dim': -1, 'outputSize': 3}], 'a tensor, negative dim')
    case('repeatInterleave', [rand(2, 2), ivals([2])], ['$0', '$1', {'dim': 1}], 'a tensor of one')
    case('repeatInterleave', [ivals([3, 0, 1])], ['$0'], 'positions')
    case('repeatInterleave', [ints(4), ivals([1, 0, 2, 1])], ['$0', '$1'], 'int32')
    case('broadcastTensors', [rand(2, 1), rand(3)], ['$0', '$1'])
    case('broadcastTensors', [rand(), rand(2, 2)], ['$0', '$1'], '0-d')
    case('broadcastTensors', [rand(1, 3), rand(0, 1)], ['$0', '$1'], 'empty')
    case('sumToSize', [rand(2, 3, 4)], ['$0', [3, 1]])
    case('sumToSize', [rand(2, 3)], ['$0', [2, 3]], 'nothing to sum')
    case('sumToSize', [rand(2, 3)], ['$0', []], 'to 0-d')
    case('sumToSize', [ints(2, 3)], ['$0', [1, 3]], 'int32')
