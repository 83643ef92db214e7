"""Cases of src/ops/pointwise-loss.ts."""
from harness import INF, NAN, case, nograd, rand, vals

REDUCTIONS = ('mean', 'sum', 'none')


def cases():
    for op in ('mseLoss', 'l1Loss', 'smoothL1Loss', 'huberLoss', 'klDiv', 'poissonNllLoss'):
        positive = op in ('klDiv', 'poissonNllLoss')
        target = lambda *shape: rand(*shape, low=0.1) if positive else rand(*shape)
        for reduction in REDUCTIONS:
            case(op, [rand(3, 2), target(3, 2)], ['$0', '$1', {'reduction': reduction}], reduction)
        case(op, [rand(2, 1, 3), target(2, 1, 3)])
        case(op, [rand(), target()], None, '0-d')
        case(op, [rand(0, 2), target(0, 2)], None, 'empty')
    case('mseLoss', [vals([1e18, -3e4]), vals([-1e18, 3e4])], None, 'large')
    case('l1Loss', [vals([1, 2, -3e30]), vals([1, 3, 3e30])], None, 'ties and large')
    for op, key in (('smoothL1Loss', 'beta'), ('huberLoss', 'delta')):
        case(op, [vals([INF, -INF, 1e30, 0.5]), vals([2, 1, -1e30, 0])], ['$0', '$1'], 'infinite differences')
        case(op, [rand(9, low=-4, high=4), rand(9)], ['$0', '$1', {key: 0.75}], key)
        case(op, [vals([0, 1, -1, 1.5, -3e30]), vals([0, 0, 0, 0, 0])], ['$0', '$1', {'reduction': 'none'}], 'bends and large')
    case('smoothL1Loss', [rand(5), rand(5)], ['$0', '$1', {'beta': 0}], 'beta 0')

    chances = lambda *shape: rand(*shape, low=0.05, high=0.95)
    for op, input in (('binaryCrossEntropy', chances), ('binaryCrossEntropyWithLogits', rand)):
        case(op, [input(2, 3), chances(2, 3)])
        for reduction in REDUCTIONS:
            case(op, [input(2, 3), chances(2, 3), nograd(rand(3, low=0.2))], ['$0', '$1', {'weight': '$2', 'reduction': reduction}], f'weight, {reduction}')
        case(op, [input(), chances()], None, '0-d')
        case(op, [input(0, 2), chances(0, 2)], None, 'empty')
    case('binaryCrossEntropy', [vals([0, 1, 0, 1, 0.25]), vals([0, 1, 1, 0, 1])], ['$0', '$1', {'reduction': 'none'}], 'certain', grad=False)
    case('binaryCrossEntropy', [vals([2 ** -20, 1 - 2 ** -20]), nograd(vals([1, 0.5]))], None, 'nearly certain')
    logits = vals([-1000, 1000, -1000, 1000, -30, 30, 1e-6, 0])
    case('binaryCrossEntropyWithLogits', [logits, nograd(vals([0, 1, 1, 0, 0, 1, 1, 0.5]))], ['$0', '$1', {'reduction': 'none'}], 'large')
    case('binaryCrossEntropyWithLogits', [rand(4, 3), chances(4, 3), nograd(rand(3, low=0.2))], ['$0', '$1', {'posWeight': '$2'}], 'posWeight')
    case('binaryCrossEntropyWithLogits', [rand(4, 3), chances(4, 3), nograd(rand(4, 1, low=0.2)), nograd(rand(3, low=0.2))],
         ['$0', '$1', {'weight': '$2', 'posWeight': '$3', 'reduction': 'sum'}], 'weight and posWeight')

    case('klDiv', [rand(3, 2), rand(3, 2, low=0.1)], ['$0', '$1', {'reduction': 'batchmean'}], 'batchmean')
    case('klDiv', [rand(3, 2), rand(3, 2)], ['$0', '$1', {'logTarget': True}], 'logTarget')
    case('klDiv', [rand(3, 2), rand(3, 2)], ['$0', '$1', {'logTarget': True, 'reduction': 'batchmean'}], 'logTarget, batchmean')
    case('klDiv', [vals([0.1, 0.2, -INF, 0.5, 0.25]), vals([0, -1, 0, NAN, INF])], ['$0', '$1', {'reduction': 'none'}], 'targets of 0 and below, NaN, infinity')
    case('klDiv', [rand(4), nograd(vals([0, 1, 0, 0.5]))], ['$0', '$1', {'reduction': 'none'}], 'zeros')
    for logInput in (True, False):
        for full in (True, False):
            case('poissonNllLoss', [rand(6, low=0.2), rand(6, low=0.2, high=6)], ['$0', '$1', {'logInput': logInput, 'full': full}],
                 f'logInput {logInput}, full {full}')
    case('poissonNllLoss', [vals([0, 0.5]), vals([0, 2])], ['$0', '$1', {'logInput': False, 'eps': 0.25}], 'eps')
    case('gaussianNllLoss', [rand(3, 2), rand(3, 2), rand(3, 2, low=0.2)])
    for reduction in REDUCTIONS:
        case('gaussianNllLoss', [rand(3, 2), rand(3, 2), rand(3, low=0.2)], ['$0', '$1', '$2', {'full': True, 'reduction': reduction}], f'one variance a row, full, {reduction}')
    case('gaussianNllLoss', [rand(2, 3), rand(2, 3), rand(2, 1, low=0.2)], None, 'last size 1')
    case('gaussianNllLoss', [rand(3), rand(3), vals([0, 0.125, 1])], ['$0', '$1', '$2', {'eps': 0.25}], 'eps: small variances')
