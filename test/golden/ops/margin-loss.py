"""Cases of src/ops/margin-loss.ts."""
from harness import case, ivals, ints, nograd, rand, vals

REDUCTIONS = ('mean', 'sum', 'none')


def cases():
    signs = lambda n: nograd(vals([1 if i % 3 else -1 for i in range(n)]))
    for op in ('hingeEmbeddingLoss', 'softMarginLoss'):
        case(op, [rand(5), signs(5)])
        case(op, [rand(0), nograd(rand(0))], None, 'empty')
        for reduction in REDUCTIONS:
            case(op, [rand(2, 1), nograd(vals([[1], [-1]]))], ['$0', '$1', {'reduction': reduction}], reduction)
    case('hingeEmbeddingLoss', [rand(5), signs(5)], ['$0', '$1', {'margin': -0.5}], 'margin')
    case('softMarginLoss', [vals([-1000, 1000, 30, -30]), nograd(vals([-1, 1, 1, -1]))], ['$0', '$1', {'reduction': 'none'}], 'large')
    case('marginRankingLoss', [rand(5), rand(5), signs(5)])
    case('cosineEmbeddingLoss', [rand(5, 3), rand(5, 3), signs(5)])
    case('cosineEmbeddingLoss', [rand(3), rand(3), nograd(vals(-1))], None, 'one pair')
    case('cosineEmbeddingLoss', [vals([[0, 0], [1e3, 2e3]]), vals([[1, 2], [3e3, 4e3]]), nograd(vals([-1, 1]))], ['$0', '$1', '$2', {'reduction': 'none'}], 'zeros and large')
    for reduction in REDUCTIONS:
        options = {'margin': 0.25, 'reduction': reduction}
        case('marginRankingLoss', [rand(4), rand(4), signs(4)], ['$0', '$1', '$2', options], f'margin, {reduction}')
        case('cosineEmbeddingLoss', [rand(4, 3), rand(4, 3), signs(4)], ['$0', '$1', '$2', options], f'margin, {reduction}')
    for op in ('tripletMarginLoss', 'tripletMarginWithDistanceLoss'):
        case(op, [rand(4, 3), rand(4, 3), rand(4, 3)])
        case(op, [rand(3), rand(3), rand(3)], None, 'one triplet')
        for reduction in REDUCTIONS:
            case(op, [rand(4, 3), rand(4, 3), rand(4, 3)], ['$0', '$1', '$2', {'swap': True, 'margin': 2.5, 'reduction': reduction}], f'swap, margin, {reduction}')
    case('tripletMarginLoss', [rand(4, 3), rand(4, 3), rand(4, 3)], ['$0', '$1', '$2', {'p': 1, 'eps': 0.125}], 'p and eps')
    for p in (1, 2):
        case('multiMarginLoss', [rand(5, 4), ints(5, high=4)], ['$0', '$1', {'p': p}], f'p {p}')
        case('multiMarginLoss', [rand(5, 4), ints(5, high=4), nograd(rand(4, low=0.2))],
             ['$0', '$1', {'p': p, 'margin': 0.5, 'weight': '$2', 'reduction': 'sum'}], f'margin, weight, sum, p {p}')
    case('multiMarginLoss', [rand(5, 4), ints(5, high=4)], ['$0', '$1', {'reduction': 'none'}], 'none')
    case('multiMarginLoss', [rand(4), ivals(2)], None, 'one example')
    case('multilabelMarginLoss', [rand(2, 4), ivals([[3, 0, -1, 1], [1, -1, 2, -1]])])
    case('multilabelMarginLoss', [rand(3, 4), ivals([[3, 0, 1, 2], [-1, 0, 0, 0], [2, 2, 1, -1]])], ['$0', '$1', {'reduction': 'none'}], 'all, none, repeated')
    case('multilabelMarginLoss', [rand(2, 3), ivals([[1, 2, -1], [0, -1, -1]])], ['$0', '$1', {'reduction': 'sum'}], 'sum')
    case('multilabelMarginLoss', [rand(4), ivals([1, 3, -1, 0])], None, 'one example')
    case('multilabelSoftMarginLoss', [rand(3, 4), nograd(rand(3, 4, low=0, high=1))])
    for reduction in REDUCTIONS:
        case('multilabelSoftMarginLoss', [rand(3, 4), nograd(rand(3, 4, low=0, high=1)), nograd(rand(4, low=0.2))],
             ['$0', '$1', {'weight': '$2', 'reduction': reduction}], f'weight, {reduction}')
    case('multilabelSoftMarginLoss', [vals([-1000, 1000, 30]), nograd(vals([0, 1, 1]))], None, 'large')
