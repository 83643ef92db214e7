"""The ops of ops-tasks.ts in PyTorch. As a program: reads the cases (JSON) and prints what their results are in float64, which ops-reference.ts keeps."""
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

from data import states

SAMPLES = 24


def attention(query, key, value, causal):
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -math.inf)
    return scores.softmax(-1) @ value


def layer_norm(x, weight, bias):
    return F.layer_norm(x, x.shape[-1:], weight, bias)


OPS = {
    'sort': lambda x, o: x[0].sort(o['dim']),
    'argsort': lambda x, o: x[0].argsort(o['dim']),
    'topk': lambda x, o: x[0].topk(o['k']),
    'cumsum': lambda x, o: x[0].cumsum(o['dim']),
    'cummax': lambda x, o: x[0].cummax(o['dim']),
    'logcumsumexp': lambda x, o: x[0].logcumsumexp(o['dim']),
    'scatterAdd': lambda x, o: x[0].scatter_add(o['dim'], x[1], x[2]),
    'gather': lambda x, o: x[0].gather(o['dim'], x[1]),
    'searchsorted': lambda x, o: torch.searchsorted(*x),
    'unique': lambda x, o: x[0].unique(),
    'conv1d': lambda x, o: F.conv1d(*x, padding=2),
    'conv3d': lambda x, o: F.conv3d(*x, padding=1),
    'convTranspose2d': lambda x, o: F.conv_transpose2d(*x, stride=2, padding=1),
    'attention': lambda x, o: attention(*x, o['causal']),
    'interpolate': lambda x, o: F.interpolate(x[0], (o['size'], o['size']), mode=o['mode'], antialias=o['antialias']),
    'gridSample': lambda x, o: F.grid_sample(*x, align_corners=False),
    'einsum': lambda x, o: torch.einsum(o['equation'], *x),
    'layerNorm': lambda x, o: layer_norm(*x),
    'crossEntropy': lambda x, o: F.cross_entropy(*x),
    'embedding': lambda x, o: F.embedding(x[1], x[0]),
}


def numbers(shape, kind, seed, below=0, dtype=torch.float32):
    n = math.prod(shape)
    if kind == 'zeros':
        return torch.zeros(shape, dtype=dtype)
    found = states(seed, n)
    if kind == 'ints':
        return torch.tensor(np.floor(found / 2 ** 32 * below).astype(np.int64).reshape(shape))
    values = (found % 2 ** 24) / 2 ** 23 - 1
    return torch.tensor((np.sort(values) if kind == 'ascending' else values).reshape(shape), dtype=dtype)


def op_of(case, backward, dtype=torch.float32):
    """A function that computes all results: those of the op, or its first and the gradients."""
    inputs = [numbers(**given, seed=i + 1, dtype=dtype) for i, given in enumerate(case['inputs'])]
    run = OPS[case['op']]

    def forward():
        results = run(inputs, case['options'])
        return [results] if isinstance(results, torch.Tensor) else list(results)

    if not backward:
        return forward
    gradient = case['gradient']
    leaves = [inputs[i].requires_grad_() for i in gradient['of']]
    upstream = numbers(gradient['upstream'], 'floats', len(inputs) + 1, dtype=dtype)

    def both():
        result = forward()[0]
        return [result, *torch.autograd.grad(result, leaves, upstream)]

    return both


def print_of(result):
    """What ops-tasks.ts compares results by."""
    values = result.detach().double().flatten().numpy()
    size = len(values)
    count = min(SAMPLES, size)
    factors = np.arange(size) % 7 - 3.5
    return {
        'size': size,
        'exact': not result.is_floating_point(),
        'samples': [float(values[s * (size - 1) // (count - 1) if count > 1 else 0]) for s in range(count)],
        'sum': float((values * factors).sum()),
        'magnitude': float(np.abs(values * factors).sum()),
    }


if __name__ == '__main__':
    tasks = json.load(sys.stdin)
    print(json.dumps([[print_of(result) for result in op_of(t['task'], t['pass'] == 'backward', torch.float64)()] for t in tasks]))
