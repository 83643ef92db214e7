"""Cases of src/ops/windows.ts."""
from harness import case


def cases():
    typed = {'dtype': '$float', 'device': '$device'}
    for op in ('bartlettWindow', 'hannWindow', 'hammingWindow', 'blackmanWindow', 'kaiserWindow'):
        case(op, [], [9, typed])
        case(op, [], [8, False, typed], 'symmetric')
        case(op, [], [7, {**typed, 'periodic': False}], 'symmetric by name')
        case(op, [], [1, typed], 'one')
        case(op, [], [2, typed], 'two')
        case(op, [], [0, typed], 'empty')
    case('hammingWindow', [], [6, True, {**typed, 'alpha': 0.5, 'beta': 0.25}], 'parameters')
    case('kaiserWindow', [], [6, True, {**typed, 'beta': 3.5}], 'narrow')
    case('kaiserWindow', [], [6, True, {**typed, 'beta': 0}], 'flat')
    case('kaiserWindow', [], [65, False, {**typed, 'beta': 600}], 'sharp')
    case('logspace', [], [-2, 3, 6, typed])
    case('logspace', [], [0, 4, 5, 2, typed], 'base 2')
    case('logspace', [], [3, -3, 4, {**typed, 'base': 1.5}], 'downwards')
    case('logspace', [], [2, 5, 1, typed], 'one point')
    case('logspace', [], [2, 5, 0, typed], 'empty')
