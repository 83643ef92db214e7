"""PyTorch on the CPU: what worker.ts is for the other libraries, asked over Node's channel (a line of JSON per message)."""
import json
import os
import socket
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).parent.parent))
from data import fill, uniform
from dynamic import LOOPS
from ops import op_of, print_of
from reference import trainer

turns = {}


LONG_TURN = {'ms': 1500, 'times': 3}


def timed(times, run, long=LONG_TURN):
    out = []
    begin = time.perf_counter()
    for i in range(times):
        start = time.perf_counter()
        if i >= long['times'] and (start - begin) * 1e3 > long['ms']:
            break
        run()
        out.append((time.perf_counter() - start) * 1e3)
    return out


def answer(request):
    kind = request['kind']
    if kind == 'load':
        threads = int(os.environ['BENCH_THREADS'])
        torch.set_num_threads(threads)
        return {'label': f'PyTorch {torch.__version__} on the CPU, {threads} thread' + ('s' if threads > 1 else '')}
    task = request['task']
    if kind == 'turn':
        return {'times': timed(request['times'], turns[task], request.get('long', LONG_TURN))}
    if kind == 'op-start':
        turns.clear()
        turns[task] = op_of(request['op']['task'], request['op']['pass'] == 'backward')
        return {'prints': [print_of(result) for result in turns[task]()]}
    if kind in ('train-start', 'loop-start'):
        step = turns[task] = trainer(task, torch.float32) if kind == 'train-start' else LOOPS[task](torch.float32)
        losses = []
        times = timed(request['steps'], lambda: losses.append(step()), {'ms': 0, 'times': request['steps']})
        return {'losses': losses, 'times': times}
    if kind == 'product-start':
        batch, m, k, n = (request['shape'][size] for size in ('batch', 'm', 'k', 'n'))
        a, b = (fill(shape, uniform(seed), -1, 1) for shape, seed in (((batch, m, k), 2), ((batch, k, n), 3)))
        if batch == 1:
            a, b = a[0], b[0]
        turns[task] = lambda: (a @ b).numpy()
        error = abs(turns[task]() - (a.double() @ b.double()).numpy()).max()
        return {'error': float(error) / k ** 0.5}
    chain = request['chain']
    scale, shift = chain['scale'], chain['shift']
    x = torch.tensor(np.resize(fill((chain['period'],), uniform(5), -1, 1).numpy(), chain['length']))
    turns[task] = lambda: torch.relu(x * scale + shift)
    return {'error': float((turns[task]().double() - torch.relu(x.double() * scale + shift)).abs().max())}


channel = socket.socket(fileno=int(os.environ['NODE_CHANNEL_FD']))
for line in channel.makefile():
    try:
        message = {'value': answer(json.loads(line))}
    except Exception as error:
        message = {'failure': f'{type(error).__name__}: {error}'}
    channel.sendall((json.dumps(message) + '\n').encode())
