"""In place through views: what a tensor made of `x` is after a function in place was called on a view of it, and the gradients of `x` and of the operand `y`.

Each row is x ↦ base = 2x, a chain of views of `base`, a function in place of the last with `y` or a number, and the loss Σ (base · g) + Σ view².
"""
from harness import generator, put, vals

CHAINS = {
    'a row': ((4, 3), [['select', 0, 1]]),
    'a column': ((4, 3), [['select', -1, 0]]),
    'a row of a transposed one': ((4, 3), [['t'], ['narrow', 0, 1, 2]]),
    'a block': ((4, 5), [['narrow', 0, 1, 2], ['narrow', 1, 2, 3]]),
    'another shape': ((4, 3), [['view', 2, 6], ['select', 0, 1], ['view', 3, 2]]),
    'permuted and cut': ((2, 3, 4), [['permute', 2, 0, 1], ['narrow', 0, 1, 2], ['select', 1, 1]]),
    'a dim more': ((3, 2), [['unsqueeze', 1], ['squeeze', 1], ['narrow', 0, 0, 2]]),
    'a diagonal': ((3, 4), [['diagonal', 1]]),
    'windows': ((2, 7), [['unfold', 1, 2, 3], ['select', 0, 1]]),
    'all of it': ((2, 3), [['view', 6]]),
    'nothing of it': ((2, 3), [['narrow', 0, 1, 0]]),
    'a scalar': ((2, 3), [['select', 0, 1], ['select', 0, -1]]),
}
FUNCTIONS = {'mul_': 'y', 'copy_': 'y', 'add_': 'y', 'sub_': 1.5, 'zero_': None, 'exp_': None, 'fill_': 0.5}


def taken(x, chain):
    for name, *args in chain:
        x = getattr(x, name)(*args)
    return x


def row(name, shape, chain, function, operand):
    rng = generator(f'{name}: {function}')
    draw = lambda *size: vals(rng.uniform(-2, 2, size), size)
    x = draw(*shape).requires_grad_()
    base = x * 2
    view = taken(base, chain)
    y = draw(*view.shape).requires_grad_()
    arguments = [y] if operand == 'y' else [] if operand is None else [operand]
    getattr(view, function)(*arguments)
    g = draw(*shape)
    ((base * g).sum() + view.square().sum()).backward()
    found = {'name': f'{function} of {name}', 'chain': chain, 'function': function, 'operand': operand, 'x': put(x), 'y': put(y), 'g': put(g)}
    return {**found, 'base': put(base), 'view': put(view), 'gradX': put(x.grad), 'gradY': put(y.grad) if operand == 'y' else None}


def rows():
    # (where nothing of `base` is left, there is no tape behind it here, and zeros as gradients there)
    replaced = [('all of it', f) for f in ('copy_', 'zero_', 'fill_')]
    pairs = [(name, f) for name in CHAINS for f in FUNCTIONS if (name, f) not in replaced]
    return {'views': [row(name, *CHAINS[name], f, FUNCTIONS[f]) for name, f in pairs]}
