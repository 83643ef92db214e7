#!/usr/bin/python3
"""PyTorch's losses for the networks of benchmarks/tasks.ts, from the same numbers: writes reference.json beside this file.

    apt-get install -y --no-install-recommends python3-torch
    /usr/bin/python3 benchmarks/reference.py
"""
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

CLASSES, BATCH, STEPS = 10, 64, 10


def uniform(seed):
    state = seed
    while True:
        state = (state * 1664525 + 1013904223) & 0xffffffff
        yield state / 2 ** 32


def fill(shape, numbers, low, high):
    flat = [low + (high - low) * next(numbers) for _ in range(int(np.prod(shape)))]
    return torch.tensor(np.array(flat, dtype=np.float32).reshape(shape))


def layers(numbers, *shapes):
    """Weights and biases in turn, in ±1/√inputs; a shape is [out, inputs…]."""
    for shape in shapes:
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        yield fill(shape, numbers, -bound, bound)
        yield fill(shape[:1], numbers, -bound, bound)


def labels(numbers):
    return torch.tensor([math.floor(next(numbers) * CLASSES) for _ in range(BATCH)])


def mlp():
    numbers = uniform(1)
    params = list(layers(numbers, (256, 784), (CLASSES, 256)))
    forward = lambda x, w1, b1, w2, b2: F.linear(torch.relu(F.linear(x, w1, b1)), w2, b2)
    return params, fill((BATCH, 784), numbers, 0, 1), labels(numbers), forward


def cnn():
    numbers = uniform(4)
    params = list(layers(numbers, (16, 1, 3, 3), (32, 16, 3, 3), (CLASSES, 32 * 7 * 7)))

    def forward(x, w1, b1, w2, b2, w3, b3):
        x = F.max_pool2d(torch.relu(F.conv2d(x, w1, b1, padding=1)), 2)
        x = F.max_pool2d(torch.relu(F.conv2d(x, w2, b2, padding=1)), 2)
        return F.linear(x.flatten(1), w3, b3)

    return params, fill((BATCH, 1, 28, 28), numbers, 0, 1), labels(numbers), forward


NETWORKS = {'mlp': mlp, 'cnn': cnn}


def trainer(network, dtype):
    """A function that trains one step and gives its loss."""
    params, x, y, forward = NETWORKS[network]()
    params = [p.to(dtype).requires_grad_() for p in params]
    x = x.to(dtype)
    optimizer = torch.optim.Adam(params, lr=1e-3)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(forward(x, *params), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def losses(network, dtype):
    step = trainer(network, dtype)
    return [step() for _ in range(STEPS)]


if __name__ == '__main__':
    report = {'torch': torch.__version__}
    for network in NETWORKS:
        report[network] = {'float32': losses(network, torch.float32), 'float64': losses(network, torch.float64)}
    (Path(__file__).parent / 'reference.json').write_text(json.dumps(report, indent=2) + '\n')
