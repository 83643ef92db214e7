"""Cases of src/ops/view.ts."""
from harness import case, nograd, rand


def cases():
    for shape, size, note in (((2, 6), [3, 4], ''), ((2, 3, 4), [2, -1], 'inferred'), ((4,), [1, 4, 1], 'ones'), ((1, 1), [], 'to 0-d'),
                              ((), [1], 'from 0-d'), ((0, 3), [3, 0], 'empty')):
        case('reshape', [rand(*shape)], ['$0', size], note)
    case('transpose', [rand(2, 3)], ['$0', 0, 1])
    case('transpose', [rand(2, 3, 4)], ['$0', -1, 0], 'negative dims')
    case('permute', [rand(2, 3, 4)], ['$0', [2, 0, 1]])
    case('permute', [rand(2, 3, 4)], ['$0', [-1, 0, -2]], 'negative dims')
    case('permute', [rand()], ['$0', []], '0-d')
    case('expand', [rand(3, 1)], ['$0', [3, 4]])
    case('expand', [rand(1, 3)], ['$0', [2, -1, 3]], 'a new axis and minus one')
    case('expand', [rand()], ['$0', [2, 2]], '0-d')
    case('expand', [rand(1, 3)], ['$0', [0, 3]], 'to empty')
    case('squeeze', [rand(1, 3, 1)], ['$0'], 'all')
    case('squeeze', [rand(1, 3, 1)], ['$0', -1], 'one')
    case('squeeze', [rand(1, 3, 1)], ['$0', 1], 'nothing to squeeze')
    case('unsqueeze', [rand(2, 3)], ['$0', 1])
    case('unsqueeze', [rand(2, 3)], ['$0', -1], 'last')
    case('unsqueeze', [rand()], ['$0', 0], '0-d')
    case('flatten', [rand(2, 3, 4)], ['$0'], 'all')
    case('flatten', [rand(2, 3, 4)], ['$0', 1], 'from 1')
    case('flatten', [rand(2, 3, 4)], ['$0', 0, 1], 'the first two')
    case('flatten', [rand()], ['$0'], '0-d')
    case('unflatten', [rand(2, 6)], ['$0', 1, [2, 3]])
    case('movedim', [rand(2, 3, 4)], ['$0', 0, -1])
    case('t', [rand(2, 3)], ['$0'])
    case('mT', [rand(2, 3, 4)], ['$0'])
    case('repeat', [rand(2, 3)], ['$0', [2, 2]])
    case('repeat', [rand(3)], ['$0', [2, 1, 3]], 'new axes')
    case('repeat', [rand(3)], ['$0', [0]], 'to empty')
    case('expandAs', [rand(3, 1), nograd(rand(2, 3, 4))], ['$0', '$1'])
    case('broadcastTo', [rand(3)], ['$0', [2, 3]])
