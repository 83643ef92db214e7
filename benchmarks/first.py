#!/usr/bin/python3
"""The networks of first-tasks.ts in PyTorch. As a program, with a name and a number of threads: its first steps, in this process, as JSON."""
import json
import sys
import time

import torch
import torch.nn.functional as F

from data import fill, labels, layers, uniform

VOCABULARY = 65


def trained(optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def lstm(dtype):
    hidden, steps, batch = 128, 32, 32
    numbers = uniform(61)
    params = list(layers(numbers, (4 * hidden, VOCABULARY), (4 * hidden, hidden), (VOCABULARY, hidden)))
    wi, bi, wh, bh, wo, bo = params = [p.to(dtype).requires_grad_() for p in params]
    letters, targets = labels(numbers, steps * batch, VOCABULARY), labels(numbers, steps * batch, VOCABULARY)
    x = F.one_hot(letters, VOCABULARY).to(dtype).reshape(steps, batch, VOCABULARY)
    optimizer = torch.optim.Adam(params, lr=1e-3)

    def step():
        h = c = torch.zeros(batch, hidden, dtype=dtype)
        outputs = []
        for t in range(steps):
            i, f, g, o = (F.linear(x[t], wi, bi) + F.linear(h, wh, bh)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return trained(optimizer, F.cross_entropy(F.linear(torch.cat(outputs), wo, bo), targets))

    return step


def gpt(dtype):
    width, heads, depth, length, batch = 128, 4, 2, 64, 8
    numbers = uniform(67)
    tokens, positions = fill((VOCABULARY, width), numbers, -1, 1), fill((length, width), numbers, -1, 1)
    shapes = ((3 * width, width), (width, width), (4 * width, width), (width, 4 * width))
    blocks = [list(layers(numbers, *shapes)) for _ in range(depth)]
    head = list(layers(numbers, (VOCABULARY, width)))
    norms = [t for _ in range(2 * depth + 1) for t in (torch.ones(width), torch.zeros(width))]
    flat = [p.to(dtype).requires_grad_() for p in [tokens, positions, *sum(blocks, []), *head, *norms]]
    optimizer = torch.optim.Adam(flat, lr=1e-3)
    x = labels(numbers, batch * length, VOCABULARY).reshape(batch, length)
    y = labels(numbers, batch * length, VOCABULARY)
    mask = torch.full((length, length), -torch.inf, dtype=dtype).triu(1)

    def step():
        params = iter(flat)
        tokens, positions = next(params), next(params)
        layers = [[next(params) for _ in range(8)] for _ in range(depth)]
        head = [next(params), next(params)]
        norm = lambda h: F.layer_norm(h, (width,), next(params), next(params))
        h = F.embedding(x, tokens) + positions
        for qkv_w, qkv_b, proj_w, proj_b, up_w, up_b, down_w, down_b in layers:
            qkv = F.linear(norm(h), qkv_w, qkv_b).reshape(batch, length, 3, heads, width // heads)
            q, k, v = (qkv[:, :, i].transpose(1, 2) for i in range(3))
            weights = torch.softmax(q @ k.transpose(-1, -2) / (width // heads) ** 0.5 + mask, -1)
            h = h + F.linear((weights @ v).transpose(1, 2).reshape(batch, length, width), proj_w, proj_b)
            h = h + F.linear(F.gelu(F.linear(norm(h), up_w, up_b), approximate='tanh'), down_w, down_b)
        return trained(optimizer, F.cross_entropy(F.linear(norm(h), *head).reshape(-1, VOCABULARY), y))

    return step


FIRST = {'lstm': lstm, 'gpt': gpt}

if __name__ == '__main__':
    name, threads, *counts = sys.argv[1:]
    torch.set_num_threads(int(threads))
    step = FIRST[name](torch.float32)
    losses, times = [], []
    for _ in range(sum(map(int, counts))):
        start = time.perf_counter()
        losses.append(step())
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({'label': f'PyTorch {torch.__version__} on the CPU', 'losses': losses, 'times': times}))
