"""GradScaler over 60 steps, with overflows at given steps: the scale and its count after each, and parameters that are trained with it.

torch.cuda.amp.GradScaler of PyTorch 1.13 needs a GPU. What it does on one is written here: the rule of its kernel (aten/src/ATen/native/cuda/AmpKernels.cu,
amp_update_scale_cuda_kernel) in float32 arithmetic, and that an optimizer whose gradients are not finite makes no step. The optimizers are PyTorch's own.
"""
import torch

from harness import generator, plain, put

STEPS = 60
F32 = torch.float32


def moved(scale, tracker, overflowed, growth, backoff, interval):
    """The kernel: scales are float32, factors double, and their product is rounded to float32."""
    if overflowed:
        return (scale.double() * backoff).to(F32), 0
    if tracker + 1 < interval:
        return scale, tracker + 1
    grown = (scale.double() * growth).to(F32)
    return (grown if torch.isfinite(grown) else scale), 0


def scales(name, options, overflows):
    scale, tracker, after = torch.tensor(options.get('initScale', 65536.0), dtype=F32), 0, []
    rule = options.get('growthFactor', 2.0), options.get('backoffFactor', 0.5), options.get('growthInterval', 2000)
    for step in range(STEPS):
        scale, tracker = moved(scale, tracker, step in overflows, *rule)
        after.append([plain(scale), tracker])
    return {'name': name, 'options': options, 'overflows': list(overflows), 'after': after}


OPTIMIZERS = {
    'SGD': (torch.optim.SGD, {'lr': 0.1, 'momentum': 0.9, 'dampening': 0.5}, {'lr': 0.1, 'momentum': 0.9, 'dampening': 0.5}),
    'Adam': (torch.optim.Adam, {'lr': 0.05, 'amsgrad': True}, {'lr': 0.05, 'amsgrad': True}),
    'AdamW': (torch.optim.AdamW, {'lr': 0.05, 'weight_decay': 0.1}, {'lr': 0.05, 'weightDecay': 0.1}),
}


def training(name, overflows):
    make, options, ours = OPTIMIZERS[name]
    rng = generator(f'scaler {name}')
    draw = lambda: torch.tensor(rng.uniform(-1, 1, 3).astype('float32'), dtype=F32)
    p = torch.nn.Parameter(draw().double())
    start, optimizer, slopes, after = put(p.to(F32), 'float32'), make([p], **options), [], []
    for step in range(STEPS):
        slope = draw()
        slopes.append(put(slope, 'float32')['values'])
        if step not in overflows:
            p.grad = slope.double()
            optimizer.step()
        after.append(plain(p))
    return {'optimizer': name, 'options': ours, 'overflows': list(overflows), 'start': start['values'], 'slopes': slopes, 'after': after}


def rows():
    return {
        'scales': [
            scales('grows after every five', {'growthInterval': 5}, []),
            scales('overflows begin the count again', {'growthInterval': 5}, [0, 7, 8, 21, 40, 41, 42]),
            scales('an overflow where it would grow', {'growthInterval': 4}, [3, 11, 19]),
            scales('other factors', {'initScale': 1000, 'growthFactor': 1.5, 'backoffFactor': 0.25, 'growthInterval': 3}, [10, 11, 30]),
            scales('never grows past what is finite', {'initScale': 2.0 ** 126, 'growthInterval': 2}, [50]),
            scales('falls below 1', {'initScale': 4, 'growthInterval': 7}, list(range(5, 15))),
        ],
        'trainings': [training('SGD', [0, 1, 9, 33]), training('Adam', [0, 5, 6, 40]), training('AdamW', [3, 17])],
    }
