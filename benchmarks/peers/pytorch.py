"""PyTorch on the CPU, for scale: what worker.ts is for the libraries on WebGPU, asked over Node's channel (a line of JSON per message)."""
import json
import os
import socket
import sys
import time
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parent.parent))
from reference import fill, trainer, uniform

steps, products = {}, {}


def timed(times, run):
    out = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        out.append((time.perf_counter() - start) * 1e3)
    return out


def answer(request):
    kind = request['kind']
    if kind == 'load':
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        return {'label': f'PyTorch {torch.__version__} on the CPU, {torch.get_num_threads()} threads'}
    if kind == 'train-start':
        step = steps[request['network']] = trainer(request['network'], torch.float32)
        losses = []
        times = timed(request['steps'], lambda: losses.append(step()))
        return {'losses': losses, 'times': times}
    if kind == 'train':
        return {'times': timed(request['steps'], steps[request['network']])}
    n = request['n']
    if kind == 'matmul-start':
        a, b = (fill((n, n), uniform(seed), -1, 1) for seed in (2, 3))
        products[n] = lambda: (a @ b).numpy()
        error = abs(products[n]() - (a.double() @ b.double()).numpy()).max()
        return {'error': float(error) / n ** 0.5}
    return {'times': timed(request['times'], products[n])}


channel = socket.socket(fileno=int(os.environ['NODE_CHANNEL_FD']))
for line in channel.makefile():
    try:
        message = {'value': answer(json.loads(line))}
    except Exception as error:
        message = {'failure': f'{type(error).__name__}: {error}'}
    channel.sendall((json.dumps(message) + '\n').encode())
