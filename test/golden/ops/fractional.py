"""Cases of src/ops/fractional.ts."""
from harness import case, distinct, nograd, rand


def cases():
    for rank, size, kernel, options, note in (
        (2, (2, 2, 7, 6), 2, {'outputSize': [4, 3]}, ''),
        (2, (1, 2, 8, 9), [3, 2], {'outputRatio': [0.5, 0.6]}, 'ratio'),
        (2, (3, 6, 5), 2, {'outputSize': 4}, 'no batch'),
        (2, (1, 1, 5, 4), 2, {'outputSize': 1}, 'one'),
        (3, (1, 2, 5, 6, 5), 2, {'outputSize': [3, 2, 3]}, ''),
        (3, (1, 1, 6, 5, 7), [2, 1, 3], {'outputRatio': 0.5}, 'ratio'),
        (3, (2, 5, 5, 6), 2, {'outputSize': 3}, 'no batch'),
    ):
        batch, channels = (1, size[0]) if len(size) == rank + 1 else size[:2]
        for name, more in ((f'fractionalMaxPool{rank}d', {}), (f'fractionalMaxPool{rank}d', {'returnIndices': True}), (f'fractionalMaxPool{rank}dWithIndices', {})):
            samples = nograd(rand(batch, channels, rank, low=0, high=1))
            # PyTorch takes several samples as a list of sizes, not a number, with a ratio
            case(name, [distinct(*size), samples], ['$0', kernel, {**options, **more, 'randomSamples': '$1'}], f'{note}{", indices" if more else ""}')
