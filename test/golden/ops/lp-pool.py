"""Cases of src/ops/lp-pool.ts."""
from harness import case, rand


def cases():
    for rank, size, power, kernel, options, note in (
        (1, (2, 3, 8), 2, 2, {}, ''),
        (1, (1, 2, 9), 3, 4, {'stride': 3, 'ceilMode': True}, 'ceil'),
        (1, (2, 7), 1.5, [3], {'stride': 1}, 'no batch, a fraction'),
        (2, (2, 2, 6, 4), 2, 2, {}, ''),
        (2, (1, 2, 7, 5), 1, [3, 2], {'stride': 2, 'ceilMode': True}, 'ceil'),
        (2, (2, 5, 5), 4, 3, {'stride': [1, 2]}, 'no batch'),
    ):
        if rank == 1 and isinstance(kernel, list):
            kernel = kernel[0]
        case(f'lpPool{rank}d', [rand(*size, low=0.1)], ['$0', power, kernel, options] if options else ['$0', power, kernel], note)
    case('lpPool2d', [rand(1, 1, 4, 4)], ['$0', 2, 2], 'of both signs')
    case('lpPool1d', [rand(1, 1, 6)], ['$0', 3, 2], 'of both signs, odd', grad=False)
