"""Five steps of every optimizer: a 3-5-2 tanh network on mean squared error; the losses, and the parameters after every step."""
import torch
import torch.nn.functional as F

from harness import generator, put, rand, snake

STEPS = 5


def rows():
    rng = generator('optimizers')
    draw = lambda *shape: rand(*shape, low=-1, high=1).make(rng)
    x, y = draw(4, 3), draw(4, 2)
    start = [draw(5, 3), draw(5), draw(2, 5), draw(2)]
    paths = []

    def path(kind, note, options, groups=None, later=None):
        params = [p.clone().requires_grad_() for p in start]
        keyword = {snake(k): v for k, v in options.items()}
        listed = [dict({snake(k): v for k, v in g.items() if k != 'params'}, params=[params[i] for i in g['params']]) for g in groups] if groups else params
        optimizer = getattr(torch.optim, kind)(listed, **keyword)
        losses, after = [], []
        for step in range(STEPS):
            if later and step == later['step']:
                for group in optimizer.param_groups:
                    group['lr'] = later['lr']
            optimizer.zero_grad()
            w1, b1, w2, b2 = params
            loss = F.mse_loss(F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            after.append([put(p) for p in params])
        row = {'name': f'{kind}: {note}', 'optimizer': kind, 'options': options, 'losses': put(torch.stack(losses)), 'after': after}
        if groups:
            row['groups'] = groups
        if later:
            row['later'] = later
        paths.append(row)

    path('SGD', 'plain', {'lr': 0.1})
    path('SGD', 'momentum', {'lr': 0.1, 'momentum': 0.9})
    path('SGD', 'nesterov', {'lr': 0.1, 'momentum': 0.9, 'nesterov': True})
    path('SGD', 'weight decay', {'lr': 0.1, 'weightDecay': 0.05})
    path('SGD', 'dampening', {'lr': 0.1, 'momentum': 0.8, 'dampening': 0.3})
    path('SGD', 'momentum, weight decay, dampening', {'lr': 0.05, 'momentum': 0.9, 'dampening': 0.1, 'weightDecay': 0.02})
    path('SGD', 'maximize', {'lr': 0.1, 'momentum': 0.5, 'maximize': True})
    path('SGD', 'two groups', {'lr': 0.1, 'momentum': 0.9}, groups=[{'params': [0, 1]}, {'params': [2, 3], 'lr': 0.01, 'weightDecay': 0.1}])
    path('SGD', 'another learning rate later', {'lr': 0.1, 'momentum': 0.9}, later={'step': 2, 'lr': 0.02})
    for kind in ('Adam', 'AdamW'):
        path(kind, 'defaults', {})
        path(kind, 'a larger step', {'lr': 0.05})
        path(kind, 'betas and eps', {'lr': 0.02, 'betas': [0.8, 0.95], 'eps': 1e-4})
        path(kind, 'weight decay', {'lr': 0.02, 'weightDecay': 0.1})
        path(kind, 'amsgrad', {'lr': 0.05, 'amsgrad': True})
        path(kind, 'two groups', {'lr': 0.02}, groups=[{'params': [0, 2]}, {'params': [1, 3], 'lr': 0.005, 'weightDecay': 0}])
        path(kind, 'another learning rate later', {'lr': 0.02}, later={'step': 3, 'lr': 0.2})
    return {'x': put(x), 'y': put(y), 'start': [put(p) for p in start], 'paths': paths}
