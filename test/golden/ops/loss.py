"""Cases of src/ops/loss.ts."""
import numpy as np

from harness import Drawn, case, ints, ivals, nograd, rand, vals


def cases():
    logits, labels = rand(5, 4), ints(5, high=4)
    case('crossEntropy', [logits, labels])
    for reduction in ('sum', 'none'):
        case('crossEntropy', [logits, labels], ['$0', '$1', {'reduction': reduction}], reduction)
        case('nllLoss', [logits, labels], ['$0', '$1', {'reduction': reduction}], reduction)
    case('nllLoss', [logits, labels])
    for op in ('crossEntropy', 'nllLoss'):
        case(op, [rand(4), ivals(2)], None, 'one example')
        case(op, [rand(2, 4, 3), ints(2, 3, high=4)], None, 'more axes')
        case(op, [logits, ivals([0, -100, 3, -100, 1])], None, 'ignored labels')
        case(op, [logits, ivals([0, 2, 3, 2, 1])], ['$0', '$1', {'ignoreIndex': 2}], 'ignoreIndex')
        case(op, [logits, ivals([2, 2, 2, 2, 2])], ['$0', '$1', {'ignoreIndex': 2}], 'all ignored', grad=False)
        case(op, [logits, ivals([0, 2, 3, 2, 1])], ['$0', '$1', {'ignoreIndex': 2, 'reduction': 'none'}], 'ignoreIndex, none')
        for reduction in ('mean', 'sum', 'none'):
            case(op, [logits, labels, nograd(rand(4, low=0.2))], ['$0', '$1', {'weight': '$2', 'reduction': reduction}], f'weight, {reduction}')
        case(op, [logits, ivals([0, 2, 3, 2, 1]), nograd(rand(4, low=0.2))], ['$0', '$1', {'weight': '$2', 'ignoreIndex': 2}], 'weight and ignoreIndex')
    for reduction in ('mean', 'sum', 'none'):
        case('crossEntropy', [logits, labels], ['$0', '$1', {'labelSmoothing': 0.125, 'reduction': reduction}], f'labelSmoothing, {reduction}')
    case('crossEntropy', [logits, ivals([0, 2, 3, 2, 1])], ['$0', '$1', {'labelSmoothing': 0.125, 'ignoreIndex': 2}], 'labelSmoothing and ignoreIndex')
    case('crossEntropy', [logits, labels, nograd(rand(4, low=0.2))], ['$0', '$1', {'weight': '$2', 'labelSmoothing': 0.125}], 'labelSmoothing and weight')
    case('crossEntropy', [vals([[1000, 0, -1000], [0, 1000, -1000]]), ivals([0, 2])], None, 'large')
    shares = Drawn(lambda rng: vals(rng.dirichlet(np.ones(4), 5)))
    case('crossEntropy', [logits, nograd(shares)], None, 'probabilities')
    case('crossEntropy', [logits, shares], ['$0', '$1', {'reduction': 'sum'}], 'probabilities with a gradient')
    case('crossEntropy', [logits, nograd(shares)], ['$0', '$1', {'labelSmoothing': 0.25}], 'probabilities, labelSmoothing')
