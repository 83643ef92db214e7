"""The numbers that every library starts from: what benchmarks/tasks.ts makes, as tensors."""
import math

import numpy as np
import torch


def uniform(seed):
    state = seed & 0xffffffff
    while True:
        state = (state * 1664525 + 1013904223) & 0xffffffff
        yield state / 2 ** 32


def fill(shape, numbers, low, high):
    flat = [low + (high - low) * next(numbers) for _ in range(math.prod(shape))]
    return torch.tensor(np.array(flat, dtype=np.float32).reshape(shape))


def layers(numbers, *shapes):
    """Weights and biases in turn, in ±1/√inputs; a shape is [out, inputs…]."""
    for shape in shapes:
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        yield fill(shape, numbers, -bound, bound)
        yield fill(shape[:1], numbers, -bound, bound)


def labels(numbers, n, classes):
    return torch.tensor([math.floor(next(numbers) * classes) for _ in range(n)])


def states(seed, n):
    """The next n states of the generator behind `uniform`, all at once."""
    powers = np.multiply.accumulate(np.full(n, 1664525, dtype=np.uint32), dtype=np.uint32)
    sums = np.add.accumulate(np.concatenate([np.ones(1, dtype=np.uint32), powers[:-1]]), dtype=np.uint32)[:n]
    return powers * np.uint32(seed) + np.uint32(1013904223) * sums
