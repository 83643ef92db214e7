#!/usr/bin/python3
"""PyTorch's losses for the networks of benchmarks/tasks.ts and those of dynamic-tasks.ts and first-tasks.ts, from the same numbers: writes reference.json beside this file.

    apt-get install -y --no-install-recommends python3-torch
    /usr/bin/python3 benchmarks/reference.py
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from data import fill, labels, layers, uniform
from dynamic import LOOPS
from first import FIRST

CHECKED = 6
CLASSES, BATCH, STEPS = 10, 64, 10


def mlp():
    numbers = uniform(1)
    params = list(layers(numbers, (256, 784), (CLASSES, 256)))
    forward = lambda x, w1, b1, w2, b2: F.linear(torch.relu(F.linear(x, w1, b1)), w2, b2)
    return params, fill((BATCH, 784), numbers, 0, 1), labels(numbers, BATCH, CLASSES), forward


def cnn():
    numbers = uniform(4)
    params = list(layers(numbers, (16, 1, 3, 3), (32, 16, 3, 3), (CLASSES, 32 * 7 * 7)))

    def forward(x, w1, b1, w2, b2, w3, b3):
        x = F.max_pool2d(torch.relu(F.conv2d(x, w1, b1, padding=1)), 2)
        x = F.max_pool2d(torch.relu(F.conv2d(x, w2, b2, padding=1)), 2)
        return F.linear(x.flatten(1), w3, b3)

    return params, fill((BATCH, 1, 28, 28), numbers, 0, 1), labels(numbers, BATCH, CLASSES), forward


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
    for loop, setup in {**LOOPS, **FIRST}.items():
        step = setup(torch.float64)
        report[loop] = {'float64': [step() for _ in range(CHECKED)]}
    (Path(__file__).parent / 'reference.json').write_text(json.dumps(report, indent=2) + '\n')
