"""The lookups of lookups.ts in PyTorch: prints, for each task of the argument (JSON), the median milliseconds of every round."""
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from data import uniform

LR = 0.1


def embedding(size):
    numbers = uniform(1)
    tokens = torch.tensor([int(next(numbers) * size['rows']) for _ in range(size['indices'])])
    weight = torch.zeros(size['rows'], size['features'], requires_grad=True)
    factors = torch.ones(size['indices'], size['features'])
    optimizer = torch.optim.SGD([weight], lr=LR)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = (F.embedding(tokens, weight) * factors).sum()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def permutation(size):
    order = torch.tensor([i * 7919 % size['rows'] for i in range(size['indices'])])
    x = torch.zeros(size['rows'], requires_grad=True)
    factors = torch.ones(size['indices'])

    def step():
        x.grad = None
        loss = (x[order] * factors).sum()
        loss.backward()
        loss.item()

    return step


if __name__ == '__main__':
    asked = json.loads(sys.argv[1])
    found = []
    for task in asked['tasks']:
        step = {'embedding': embedding, 'permutation': permutation}[task['kind']](task)
        begin = time.perf_counter()
        steps = 0
        while steps < asked['warm']['steps'] or 1000 * (time.perf_counter() - begin) < asked['warm']['ms']:
            step()
            steps += 1
        rounds = []
        for _ in range(asked['rounds']):
            times = []
            for _ in range(asked['times']):
                begin = time.perf_counter()
                step()
                times.append(1000 * (time.perf_counter() - begin))
            rounds.append(statistics.median(times))
        found.append(rounds)
    print(json.dumps({'torch': torch.__version__, 'rounds': found}))
