"""Layers with a given state, run on some inputs in training or evaluation: what comes out, all gradients, the state afterwards, and the printed text."""
import re

import torch

from harness import camel, generator, put, rand, snake


def rows():
    layers = []

    def module(kind, args, runs, note=''):
        name = f'{kind}: {note}' if note else kind
        rng = generator(f'module {name}')
        options = args[-1] if isinstance(args[-1], dict) else {}
        value = lambda a: tuple(a) if isinstance(a, list) else a
        positional = [value(a) for a in (args[:-1] if options else args)]
        layer = getattr(torch.nn, kind)(*positional, **{snake(k): value(v) for k, v in options.items()}).double()
        state = layer.state_dict()
        for key in state:
            state[key] = torch.tensor(3) if key == 'num_batches_tracked' else rand(*state[key].shape, low=0.5 if key == 'running_var' else -1, high=1.5).make(rng)
        layer.load_state_dict(state)
        # PyTorch's text, with the options' names and constants as they are written here
        text = re.sub(r'\w+(?==)', lambda m: camel(m.group(0)), str(layer)).replace('True', 'true').replace('False', 'false').replace('None', 'null')
        row = {'name': name, 'module': kind, 'args': args, 'text': text, 'state': {k: put(v) for k, v in state.items()}, 'runs': []}
        for mode, shape in runs:
            layer.train(mode == 'train')
            layer.zero_grad()
            x = rand(*shape).make(rng).requires_grad_()
            y = layer(x)
            seed = rand(*y.shape, low=-1, high=1).make(rng)
            y.backward(seed)
            row['runs'].append({'mode': mode, 'input': put(x), 'output': put(y), 'gradOutput': put(seed), 'gradInput': put(x.grad),
                                'grads': {k: put(p.grad) for k, p in layer.named_parameters()}})
        row['after'] = {k: put(v) for k, v in layer.state_dict().items()}
        layers.append(row)

    module('Linear', [3, 2], [('train', (4, 3))])
    module('Linear', [3, 2, {'bias': False}], [('train', (2, 2, 3))], 'no bias')
    plane, twice = (2, 3, 2, 3), ['train', 'train', 'eval', 'train', 'eval']
    module('BatchNorm2d', [3], [(mode, plane) for mode in twice])
    module('BatchNorm2d', [3, {'momentum': None, 'eps': 0.001}], [(mode, plane) for mode in twice], 'average of all batches')
    module('BatchNorm2d', [3, {'affine': False, 'momentum': 0.5}], [(mode, plane) for mode in twice], 'not affine')
    module('BatchNorm2d', [3, {'trackRunningStats': False}], [('train', plane), ('eval', plane)], 'no running statistics')
    module('BatchNorm2d', [2, {'eps': 1e-06, 'affine': False, 'trackRunningStats': False}], [('train', (2, 2, 1, 2))], 'no state')
    module('BatchNorm1d', [3], [('train', (4, 3)), ('train', (2, 3, 5)), ('eval', (1, 3))])
    image = [('train', (2, 4, 5, 6))]
    module('Conv2d', [4, 6, 3], image)
    module('Conv2d', [4, 6, [3, 2], {'stride': [2, 1], 'padding': [1, 0], 'dilation': [1, 2], 'groups': 2, 'bias': False}], image, 'all options')
    module('Conv2d', [4, 2, 3, {'padding': 'same'}], image, 'same')
    module('Conv2d', [4, 2, 3, {'padding': 'valid'}], image, 'valid')
    module('Conv2d', [4, 4, 3, {'stride': 2, 'padding': 1, 'groups': 4}], [('train', (4, 5, 6))], 'depthwise, no batch')
    module('Conv2d', [4, 2, [3, 2], {'stride': 2, 'padding': [2, 1], 'paddingMode': 'reflect'}], image, 'reflect')
    module('Conv2d', [4, 2, [2, 3], {'padding': 'same', 'dilation': [3, 1], 'paddingMode': 'replicate'}], image, 'replicate')
    module('Conv2d', [4, 2, 3, {'padding': [3, 5], 'groups': 2, 'paddingMode': 'circular'}], image, 'circular')
    module('Conv2d', [4, 2, 3, {'padding': 'valid', 'paddingMode': 'reflect'}], [('train', (4, 5, 6))], 'reflect, no batch')
    module('MaxPool2d', [2], image)
    module('MaxPool2d', [[3, 2], {'stride': [1, 2], 'padding': 1, 'dilation': [2, 1], 'ceilMode': True}], image, 'all options')
    module('AvgPool2d', [2], image)
    module('AvgPool2d', [[3, 2], {'stride': 2, 'padding': 1, 'ceilMode': True, 'countIncludePad': False}], image, 'all options')
    module('AvgPool2d', [3, {'divisorOverride': 5}], image, 'divisorOverride')
    return {'layers': layers}
