"""The loops of dynamic-tasks.ts in PyTorch: each function gives one that trains an iteration more and returns its loss."""
import math

import torch
import torch.nn.functional as F

from data import fill, labels, layers, uniform

PLACES, BATCH, INPUTS, HIDDEN, CLASSES = 400, 64, 32, 64, 10
UPDATES, HAND_LR = 100, 0.05
CELL_BATCH, CELL_INPUTS, CELL_HIDDEN, CELL_LENGTH, SHORTEST, LONGEST = 8, 16, 32, 24, 5, 44
WIDTH, FEWEST, MOST = 32, 20, 40
EPISODE = (10, 100)


def parameters(numbers, dtype, *shapes):
    return [p.to(dtype).requires_grad_() for p in layers(numbers, *shapes)]


def two_layers(seed, inputs, hidden, outputs, dtype):
    return parameters(uniform(seed), dtype, (hidden, inputs), (outputs, hidden))


def chosen(seed, i, low, high):
    numbers = uniform(seed + 7919 * i)
    next(numbers)
    return low + math.floor(next(numbers) * (high - low + 1))


def adam(params):
    return torch.optim.Adam(params, lr=1e-3)


def trained(optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def minibatches(by_position):
    def setup(dtype):
        params = two_layers(29, INPUTS, HIDDEN, CLASSES, dtype)
        numbers = uniform(31)
        x = fill((PLACES * BATCH, INPUTS), numbers, 0, 1).to(dtype)
        y = labels(numbers, PLACES * BATCH, CLASSES)
        rows, optimizer, count = torch.arange(BATCH), adam(params), iter(range(10 ** 9))

        def step():
            at = next(count) % PLACES * BATCH
            if by_position:
                images, targets = x.narrow(0, at, BATCH), y.narrow(0, at, BATCH)
            else:
                place = rows + at
                images, targets = x.index_select(0, place), y.index_select(0, place)
            w1, b1, w2, b2 = params
            return trained(optimizer, F.cross_entropy(F.linear(torch.relu(F.linear(images, w1, b1)), w2, b2), targets))

        return step

    return setup


def updates(by_hand):
    def setup(dtype):
        params = two_layers(37, 16, 32, 1, dtype)
        x, y = fill((64, 16), uniform(41), -1, 1).to(dtype), fill((64, 1), uniform(43), -1, 1).to(dtype)
        optimizer = torch.optim.SGD(params, lr=HAND_LR)

        def step():
            for _ in range(UPDATES):
                w1, b1, w2, b2 = params
                loss = F.mse_loss(F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2), y)
                loss.backward()
                if by_hand:
                    with torch.no_grad():
                        for w in params:
                            w.sub_(w.grad.mul(HAND_LR))
                            w.grad = None
                else:
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
            return loss.item()

        return step

    return setup


def unrolled(length):
    def setup(dtype):
        numbers = uniform(47)
        gates = 4 * CELL_HIDDEN
        wi, bi, wh, bh, wo, bo = params = parameters(numbers, dtype, (gates, CELL_INPUTS), (gates, CELL_HIDDEN), (1, CELL_HIDDEN))
        x = fill((LONGEST, CELL_BATCH, CELL_INPUTS), numbers, -1, 1).to(dtype).unbind()
        y = fill((CELL_BATCH, 1), numbers, -1, 1).to(dtype)
        optimizer, count = adam(params), iter(range(10 ** 9))

        def step():
            h = c = torch.zeros(CELL_BATCH, CELL_HIDDEN, dtype=dtype)
            for t in range(length(next(count))):
                i, f, g, o = (F.linear(x[t], wi, bi) + F.linear(h, wh, bh)).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            return trained(optimizer, F.mse_loss(F.linear(h, wo, bo), y))

        return step

    return setup


def tree_of(i):
    leaves = chosen(13, i, FEWEST, MOST)
    numbers = uniform(17 + 104729 * i)
    next(numbers)
    return leaves, [math.floor(next(numbers) * (left - 1)) for left in range(leaves, 1, -1)]


def trees(dtype):
    numbers = uniform(53)
    w, b = parameters(numbers, dtype, (WIDTH, 2 * WIDTH))
    vectors = fill((MOST, 1, WIDTH), numbers, -1, 1).to(dtype).unbind()
    optimizer, count = adam([w, b]), iter(range(10 ** 9))

    def step():
        leaves, joins = tree_of(next(count))
        nodes = list(vectors[:leaves])
        for at in joins:
            nodes[at:at + 2] = [torch.tanh(F.linear(torch.cat([nodes[at], nodes[at + 1]], 1), w, b))]
        return trained(optimizer, nodes[0].square().mean())

    return step


def episode_of(i, dtype):
    steps = chosen(19, i, *EPISODE)
    numbers = uniform(23 + 15485863 * i)
    next(numbers)
    states = fill((steps, 4), numbers, -1, 1).to(dtype)
    actions = [math.floor(next(numbers) * 2) for _ in range(steps)]
    returns = torch.tensor([(steps - t) / steps - 0.5 for t in range(steps)], dtype=dtype)
    return states, actions, returns


def episodes(dtype):
    params = two_layers(59, 4, 32, 2, dtype)
    w1, b1, w2, b2 = params
    optimizer, count = adam(params), iter(range(10 ** 9))

    def step():
        states, actions, returns = episode_of(next(count), dtype)
        logs = []
        for state, action in zip(states.unbind(), actions):
            log = F.log_softmax(F.linear(torch.tanh(F.linear(state, w1, b1)), w2, b2), 0)
            log.tolist()
            logs.append(log[action])
        return trained(optimizer, -(torch.stack(logs) * returns).sum())

    return step


LOOPS = {
    'slices': minibatches(True),
    'rows': minibatches(False),
    'handwritten': updates(True),
    'sgd': updates(False),
    'lengths': unrolled(lambda i: chosen(11, i, SHORTEST, LONGEST)),
    'length': unrolled(lambda i: CELL_LENGTH),
    'trees': trees,
    'episodes': episodes,
}
