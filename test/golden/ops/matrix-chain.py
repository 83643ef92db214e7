"""Cases of src/ops/matrix-chain.ts."""
from harness import case, ivals, rand

BIG = 2 ** 24 + 1


def cases():
    case('chainMatmul', [rand(2, 3), rand(3, 4), rand(4, 5)])
    case('chainMatmul', [rand(2, 3)], None, 'one')
    case('chainMatmul', [rand(1, 5), rand(5, 2), rand(2, 7), rand(7, 1)], None, 'four')
    case('chainMatmul', [rand(0, 3), rand(3, 2), rand(2, 2)], None, 'empty')
    case('multiDot', [rand(2, 3), rand(3, 4)], [['$0', '$1']])
    case('multiDot', [rand(3), rand(3, 4), rand(4, 2), rand(2)], [['$0', '$1', '$2', '$3']], 'vectors at the ends')
    case('multiDot', [rand(3), rand(3, 4), rand(4, 2)], [['$0', '$1', '$2']], 'a vector first')
    case('multiDot', [rand(2, 9), rand(9, 1), rand(1, 8), rand(8, 3), rand(3)], [['$0', '$1', '$2', '$3', '$4']], 'five')
    case('multiDot', [ivals([[1, 2]]), ivals([[BIG, 1], [0, 3]]), ivals([[1], [-1]])], [['$0', '$1', '$2']], 'integers past 2^24')
    for n in (3, 0, 1, 2, 6):
        case('matrixPower', [rand(3, 3, low=-1, high=1)], ['$0', n], f'n = {n}', grad=n > 0)
    case('matrixPower', [rand(2, 2, 2, low=-1, high=1)], ['$0', 5], 'batch')
    case('matrixPower', [rand(0, 0)], ['$0', 2], 'empty')
    case('matrixPower', [ivals([[1, 1], [1, 0]])], ['$0', 40], 'Fibonacci numbers past 2^24')
