#!/usr/bin/python3
"""PyTorch's losses for the MLP of benchmarks/tasks.ts, from the same numbers: writes reference.json beside this file.

    apt-get install -y --no-install-recommends python3-torch
    /usr/bin/python3 benchmarks/reference.py
"""
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

INPUTS, HIDDEN, CLASSES, BATCH, STEPS = 784, 256, 10, 64, 10


def uniform(seed):
    state = seed
    while True:
        state = (state * 1664525 + 1013904223) & 0xffffffff
        yield state / 2 ** 32


def fill(shape, numbers, low, high):
    flat = [low + (high - low) * next(numbers) for _ in range(int(np.prod(shape)))]
    return torch.tensor(np.array(flat, dtype=np.float32).reshape(shape))


def losses(dtype):
    numbers = uniform(1)
    params = []
    for out, inputs in ((HIDDEN, INPUTS), (CLASSES, HIDDEN)):
        bound = 1 / math.sqrt(inputs)
        params += [fill((out, inputs), numbers, -bound, bound), fill((out,), numbers, -bound, bound)]
    x = fill((BATCH, INPUTS), numbers, 0, 1)
    y = torch.tensor([math.floor(next(numbers) * CLASSES) for _ in range(BATCH)])
    w1, b1, w2, b2 = params = [p.to(dtype).requires_grad_() for p in params]
    optimizer = torch.optim.Adam(params, lr=1e-3)
    out = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(torch.relu(F.linear(x.to(dtype), w1, b1)), w2, b2), y)
        loss.backward()
        optimizer.step()
        out.append(loss.item())
    return out


if __name__ == '__main__':
    report = {'torch': torch.__version__, 'float32': losses(torch.float32), 'float64': losses(torch.float64)}
    (Path(__file__).parent / 'reference.json').write_text(json.dumps(report, indent=2) + '\n')
