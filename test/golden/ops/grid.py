"""Cases of src/ops/grid.ts."""
from harness import INF, NAN, case, nograd, rand, vals


def cases():
    for x, grid, note in (
        ((2, 2, 4, 3), (2, 3, 2, 2), ''),
        ((1, 1, 3, 5), (1, 2, 4, 2), 'beyond the edges'),
        ((1, 2, 1, 3), (1, 2, 2, 2), 'one row'),
        ((1, 2, 3, 2, 3), (1, 2, 1, 3, 3), 'volume'),
    ):
        far = 3 if note == 'beyond the edges' else 1
        for mode in ('bilinear', 'nearest', 'bicubic'):
            if mode == 'bicubic' and len(x) == 5:
                continue
            for padding in ('zeros', 'border', 'reflection'):
                for aligned in (False, True):
                    places = rand(*grid, low=-1.2 * far, high=1.2 * far)
                    if x[2] == 1 and padding != 'zeros' or mode == 'nearest':
                        places = nograd(places)
                    case('gridSample', [rand(*x), places], ['$0', '$1', {'mode': mode, 'paddingMode': padding, 'alignCorners': aligned}],
                         f'{mode}, {padding}{", aligned" if aligned else ""}{", " if note else ""}{note}')
    case('gridSample', [rand(1, 1, 3, 3), rand(1, 2, 2, 2)], None, 'no options')
    case('gridSample', [rand(0, 1, 3, 3), rand(0, 2, 2, 2)], None, 'empty batch', grad=False)
    far = vals([NAN, 0, INF, 0, 0, -INF, 1000, 0], (1, 1, 4, 2))
    for mode in ('bilinear', 'nearest', 'bicubic'):
        for padding in ('zeros', 'border', 'reflection'):
            case('gridSample', [vals(range(1, 13), (1, 1, 3, 4)), far], ['$0', '$1', {'mode': mode, 'paddingMode': padding, 'alignCorners': True}], f'{mode}, {padding}, NaN and infinity', grad=False)
    case('gridSample', [vals([1, INF, 2, NAN], (1, 1, 2, 2)), vals([-1, -1, -1, 1], (1, 1, 2, 2))], ['$0', '$1', {'alignCorners': True}], 'infinite elements', grad=False)
    for size, note in (([2, 1, 3, 4], ''), ([2, 3, 1, 2], 'one row'), ([2, 1, 2, 3, 2], 'volume')):
        rank = len(size) - 2
        for aligned in (False, True):
            case('affineGrid', [rand(2, rank, rank + 1)], ['$0', size, {'alignCorners': aligned}], f'{note}{", " if note else ""}{"aligned" if aligned else "edges"}')
    case('affineGrid', [rand(2, 2, 3)], ['$0', [2, 3, 2, 2]], 'no options')
