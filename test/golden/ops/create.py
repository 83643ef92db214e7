"""Cases of src/ops/create.ts."""
from harness import case, nograd, rand


def cases():
    on = {'device': '$device'}
    typed = {'dtype': '$float', 'device': '$device'}
    for op in ('zeros', 'ones'):
        case(op, [], [[2, 3], typed])
        case(op, [], [[], typed], '0-d')
        case(op, [], [[0, 3], typed], 'empty')
        case(op, [], [[4], {'dtype': 'int32', 'device': '$device'}], 'int32')
        case(op, [], [[4], {'dtype': 'bool', 'device': '$device'}], 'bool')
    case('full', [], [[2, 2], 7.5, typed])
    case('full', [], [[2], '$-inf', typed], 'minus infinity')
    case('full', [], [[3], -4, {'dtype': 'int32', 'device': '$device'}], 'int32')
    case('arange', [], [5, on], 'one bound')
    case('arange', [], [0, 10, 2, on], 'step')
    case('arange', [], [5, -3, -2, on], 'downwards')
    case('arange', [], [0, 1, 0.25, on], 'fractions')
    case('arange', [], [3, 3, on], 'empty')
    case('arange', [], [1, 4, typed], 'dtype given')
    case('linspace', [], [0, 1, 5, typed])
    case('linspace', [], [-3, 3, 1, typed], 'one point')
    case('linspace', [], [2, -2, 4, typed], 'downwards')
    case('eye', [], [3, typed])
    case('eye', [], [2, 4, typed], 'wide')
    for op, args in (('zerosLike', ['$0']), ('onesLike', ['$0']), ('fullLike', ['$0', 2.5])):
        case(op, [nograd(rand(2, 3))], args)
