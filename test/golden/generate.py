#!/usr/bin/python3
"""Golden values, gradients, optimizer paths and printed text from PyTorch, for test/golden.test.ts.

    apt-get install -y --no-install-recommends python3-torch      # Debian 12: PyTorch 1.13
    /usr/bin/python3 test/golden/generate.py                      # rewrites index.json and data.bin

A case is written once, as tapegrad's own call: the op's camelCase name and its arguments, where "$0", "$1", … stand for the inputs, and
"$float", "$device", "$nan", "$inf", "$-inf" for what their names say. PyTorch's call is derived from it by the naming rule (snake_case, the
trailing options object becomes keyword arguments), so that each case also tests the rule. Where JavaScript forces a difference, TORCH below
says how PyTorch spells it.

Float inputs are exact in float32 although everything is computed in float64, so that a float32 device starts from the very same numbers.
Every case draws from a generator seeded by its own name: adding a case changes no other.

Layout: data.bin is little-endian, each span at a multiple of 8 bytes; index.json says what lies where. The dtype "float" means the float type
under test (float64 on cpu, float32 on webgpu) and is stored as float64; float32 and float16 are stored as float32, all others as int32.
"""
import json
import re
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
NAN, INF = float('nan'), float('inf')
F64 = torch.float64


# ---------------------------------------------------------------- storage

class Store:
    """The growing data.bin; equal spans are stored once."""

    def __init__(self):
        self.blob = bytearray()
        self.seen = {}

    def put(self, tensor, dtype):
        array = tensor.detach().cpu().contiguous().numpy().reshape(-1)
        raw = array.astype({'float': '<f8', 'float32': '<f4', 'float16': '<f4'}.get(dtype, '<i4')).tobytes()
        if raw not in self.seen:
            self.seen[raw] = len(self.blob)
            self.blob += raw + b'\0' * (-len(raw) % 8)
        return {'dtype': dtype, 'shape': list(tensor.shape), 'at': self.seen[raw] if raw else 0}


store = Store()
NAMES = {torch.float64: 'float', torch.float32: 'float32', torch.float16: 'float16', torch.int64: 'int32', torch.bool: 'bool'}


def put(tensor):
    return store.put(tensor, NAMES[tensor.dtype])


# ---------------------------------------------------------------- inputs

rng = np.random.RandomState(0)


def reseed(name):
    global rng
    rng = np.random.RandomState(zlib.crc32(name.encode()))


class Lazy:
    """An input that is drawn when its case is built, so that it depends on the case's name alone."""

    def __init__(self, make):
        self.make = make


def rand(*shape, low=-2.0, high=2.0):
    return Lazy(lambda: torch.tensor(rng.uniform(low, high, shape).astype(np.float32).astype(np.float64)).reshape(shape))


def ints(*shape, low=0, high=10):
    return Lazy(lambda: torch.tensor(rng.randint(low, high, shape), dtype=torch.int64).reshape(shape))


def distinct(*shape):
    """Whole numbers without ties, shuffled."""
    n = int(np.prod(shape))
    return Lazy(lambda: torch.tensor(rng.permutation(n) - n // 2, dtype=F64).reshape(shape))


def vals(data, shape=None):
    t = torch.tensor(data, dtype=torch.float32).to(F64)
    return t.reshape(shape) if shape is not None else t


def ivals(data):
    return torch.tensor(data, dtype=torch.int64)


def bvals(data):
    return torch.tensor(data, dtype=torch.bool)


def bits(*shape):
    return Lazy(lambda: torch.tensor(rng.randint(0, 2, shape), dtype=torch.bool).reshape(shape))


class NoGrad:
    def __init__(self, source):
        self.source = source


def nograd(source):
    return NoGrad(source)


# ---------------------------------------------------------------- from tapegrad's call to PyTorch's

def snake(name):
    return re.sub(r'(?<=[a-z0-9])([A-Z])', lambda m: '_' + m.group(1).lower(), name)


def index_item(item, inputs):
    if item is None or isinstance(item, int):
        return item
    if isinstance(item, list):
        return torch.tensor(item)
    if item == '...':
        return Ellipsis
    if item.startswith('$'):
        return inputs[int(item[1:])]
    return slice(*[int(p) if p else None for p in item.split(':')])


DTYPES = {'float32': torch.float32, 'float16': torch.float16, 'int32': torch.int64, 'bool': torch.bool}

# What the naming rule does not reach: a function of the inputs and tapegrad's raw arguments.
TORCH = {
    'at': lambda inputs, args: inputs[0][tuple(index_item(a, inputs) for a in args[1:])],
    'var': lambda inputs, args: spread(torch.var, inputs[0], *args[1:]),
    'std': lambda inputs, args: spread(torch.std, inputs[0], *args[1:]),
    'mT': lambda inputs, args: inputs[0].mT,
    'cast': lambda inputs, args: inputs[0].to(F64 if args[1] == '$float' else DTYPES[args[1]]),
    'neg': lambda inputs, args: -inputs[0],
}


def spread(of, x, *rest):
    options = rest[-1] if rest and isinstance(rest[-1], dict) else {}
    dim = rest[0] if rest and not isinstance(rest[0], dict) else options.get('dim')
    dim = list(range(x.ndim)) if dim is None else dim
    return of(x, dim, correction=options.get('correction', 1), keepdim=options.get('keepdim', False))


FUNCTIONAL = {'embedding', 'pad', 'gelu', 'linear', 'one_hot', 'cross_entropy', 'nll_loss', 'mse_loss', 'batch_norm', 'conv2d', 'max_pool2d', 'avg_pool2d'}


def torch_value(a, inputs):
    if isinstance(a, list):
        return [torch_value(v, inputs) for v in a]
    if not isinstance(a, str) or not a.startswith('$'):
        return DTYPES.get(a, a) if isinstance(a, str) else a
    named = {'$float': F64, '$device': 'cpu', '$nan': NAN, '$inf': INF, '$-inf': -INF}
    return named[a] if a in named else inputs[int(a[1:])]


def torch_call(op, args, inputs):
    if op in TORCH:
        return TORCH[op](inputs, args)
    name = snake(op)
    options = args[-1] if args and isinstance(args[-1], dict) else {}
    positional = [torch_value(a, inputs) for a in (args[:-1] if options else args)]
    keyword = {snake(k): torch_value(v, inputs) for k, v in options.items()}
    for home in ([F] if name in FUNCTIONAL else [torch, F, torch.Tensor]):
        if hasattr(home, name):
            return getattr(home, name)(*positional, **keyword)
    raise LookupError(op)


# Where the method's name or argument order is not the function's; None: PyTorch has no such method.
METHODS = {'var': 'var', 'std': 'std', 'mT': None, 'cast': 'to', 'where': 'where', 'at': 'at', 'max': 'max', 'min': 'min'}
FREE = {'at': None, 'cast': None, 'var': 'variance'}


def method_of(op, args):
    if not args or args[0] != '$0':
        return None
    if op in METHODS:
        return METHODS[op]
    return op if snake(op) not in FUNCTIONAL and hasattr(torch.Tensor, snake(op)) else None


# ---------------------------------------------------------------- building cases

cases = []
names = set()


def case(op, inputs, args=None, note='', grad=True, changes=()):
    """`args` defaults to all inputs in order; `changes` names the inputs that the call changes in place."""
    args = [f'${i}' for i in range(len(inputs))] if args is None else args
    name = f'{op}: {note}' if note else op
    while name in names:
        name += "'"
    names.add(name)
    reseed(name)
    tensors, wants = [], []
    for source in inputs:
        fixed = isinstance(source, NoGrad)
        source = source.source if fixed else source
        tensor = source.make() if isinstance(source, Lazy) else source.clone()
        wants.append(grad and not fixed and tensor.dtype == F64)
        tensors.append(tensor.requires_grad_(wants[-1]))
    before = [dict(put(t), **({'requiresGrad': True} if w else {})) for t, w in zip(tensors, wants)]
    result = torch_call(op, args, tensors)
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    row = {'name': name, 'op': op, 'args': args}
    if op in FREE:
        row['free'] = FREE[op]
    method = method_of(op, args)
    if op == 'where' and len(args) == 3 and args[1] == '$1':
        row['method'], row['methodArgs'] = 'where', ['$1', '$0', args[2]]
    elif method is not None:
        row['method'] = method
    row['inputs'] = before
    row['outputs'] = [put(o) for o in outputs]
    if changes:
        row['changed'] = [put(t) if i in changes else None for i, t in enumerate(tensors)]
    if any(wants) and outputs[0].requires_grad:
        seed = vals(rng.uniform(-1, 1, tuple(outputs[0].shape)))
        row['gradOutput'] = put(seed)
        grads = torch.autograd.grad(outputs[0], [t for t, w in zip(tensors, wants) if w], seed, allow_unused=True)
        found = iter(grads)
        row['grads'] = [put(g) if w and (g := next(found)) is not None else None for w in wants]
    cases.append(row)


def spatial():
    for op, x, w, options, note in (
        ('conv2d', (2, 3, 5, 6), (4, 3, 3, 3), {}, ''),
        ('conv2d', (2, 3, 5, 6), (4, 3, 3, 3), {'padding': 1}, 'padding'),
        ('conv2d', (2, 2, 7, 6), (3, 2, 3, 2), {'stride': 2, 'padding': [1, 0]}, 'stride 2'),
        ('conv2d', (1, 2, 9, 8), (3, 2, 2, 3), {'stride': [3, 2], 'padding': [0, 1]}, 'strides that leave a rest'),
        ('conv2d', (1, 2, 9, 8), (2, 2, 3, 3), {'dilation': [2, 3], 'padding': 2}, 'dilation'),
        ('conv2d', (1, 2, 9, 11), (2, 2, 3, 2), {'dilation': [2, 3], 'stride': [2, 2], 'padding': 1}, 'stride and dilation'),
        ('conv2d', (1, 2, 9, 9), (2, 2, 3, 2), {'dilation': 2, 'stride': 4, 'padding': 2}, 'stride twice the dilation'),
        ('conv2d', (2, 4, 5, 5), (6, 2, 3, 3), {'groups': 2, 'padding': 1}, 'groups'),
        ('conv2d', (2, 3, 5, 5), (6, 1, 3, 3), {'groups': 3, 'stride': 2}, 'depthwise, stride 2'),
        ('conv2d', (2, 3, 4, 5), (2, 3, 1, 1), {}, 'one by one'),
        ('conv2d', (2, 3, 4, 5), (2, 3, 1, 1), {'stride': 2}, 'one by one, stride 2'),
        ('conv2d', (2, 3, 4, 5), (2, 3, 4, 5), {}, 'window as large as the input'),
        ('conv2d', (1, 2, 5, 6), (2, 2, 3, 4), {'padding': 'same'}, 'same, even window'),
        ('conv2d', (1, 2, 6, 7), (2, 2, 3, 2), {'padding': 'same', 'dilation': [2, 3]}, 'same, dilation'),
        ('conv2d', (1, 2, 5, 6), (2, 2, 3, 3), {'padding': 'valid'}, 'valid'),
        ('conv2d', (2, 5, 6), (4, 2, 3, 3), {'padding': 1}, 'no batch'),
        ('conv2d', (0, 2, 5, 6), (4, 2, 3, 3), {}, 'empty batch'),
    ):
        case(op, [rand(*x), rand(*w), rand(w[0])], ['$0', '$1', '$2', options] if options else None, note)
    case('conv2d', [rand(1, 2, 4, 4), rand(3, 2, 2, 2)], None, 'no bias')
    case('conv2d', [vals([INF, 1, NAN, 0, 2, 3, 1, 1, 1], (1, 1, 3, 3)), vals([1, 0, 0, 2], (1, 1, 2, 2))], None, 'infinity and NaN', grad=False)
    for size, kernel, options, note in (
        ((2, 3, 6, 6), 2, {}, ''),
        ((2, 3, 7, 5), 2, {}, 'a rest at the edge'),
        ((1, 2, 7, 7), 3, {'stride': 2, 'padding': 1}, 'overlapping windows'),
        ((1, 2, 7, 8), [3, 2], {'stride': [1, 3], 'padding': [1, 1]}, 'stride past the window'),
        ((1, 2, 6, 7), [2, 3], {'stride': 2, 'ceilMode': True}, 'ceil'),
        ((1, 2, 7, 6), 3, {'stride': 3, 'padding': 1, 'ceilMode': True}, 'ceil and padding'),
        ((3, 5, 5), 2, {}, 'no batch'),
        ((0, 3, 5, 5), 2, {}, 'empty batch'),
    ):
        case('maxPool2d', [distinct(*size)], ['$0', kernel, options] if options else ['$0', kernel], note)
        case('maxPool2d', [distinct(*size)], ['$0', kernel, {**options, 'returnIndices': True}], f'{note}, indices')
        case('avgPool2d', [rand(*size)], ['$0', kernel, options] if options else ['$0', kernel], note)
        if options:
            case('avgPool2d', [rand(*size)], ['$0', kernel, {**options, 'countIncludePad': False}], f'{note}, countIncludePad false')
            case('avgPool2d', [rand(*size)], ['$0', kernel, {**options, 'divisorOverride': 3}], f'{note}, divisorOverride')
    case('maxPool2d', [distinct(1, 2, 9, 8)], ['$0', [3, 2], {'stride': 2, 'dilation': [2, 3], 'padding': 1}], 'dilation')
    case('maxPool2d', [vals([1, 1, 1, 1, 2, 2, 0, 2, 2], (1, 1, 3, 3))], ['$0', 2, {'stride': 1, 'returnIndices': True}], 'ties')
    case('maxPool2d', [vals([1, NAN, 3, -INF, -INF, -INF, INF, 0, NAN, -INF, -INF, -INF], (1, 2, 2, 3))], ['$0', [2, 2], {'stride': 1, 'returnIndices': True}], 'NaN and infinity')
    for options in ({'padding': 1}, {'padding': 1, 'returnIndices': True}, {'padding': 1, 'stride': 1, 'dilation': 2, 'returnIndices': True}):
        case('maxPool2d', [vals([-INF] * 11 + [1] + [-INF] * 4, (1, 1, 4, 4))], ['$0', 3, options], '-Infinity beside the padding')


def creation():
    on = {'device': '$device'}
    typed = {'dtype': '$float', 'device': '$device'}
    for op in ('zeros', 'ones'):
        case(op, [], [[2, 3], typed])
        case(op, [], [[], typed], '0-d')
        case(op, [], [[0, 3], typed], 'empty')
        case(op, [], [[4], {'dtype': 'int32', 'device': '$device'}], 'int32')
        case(op, [], [[4], {'dtype': 'bool', 'device': '$device'}], 'bool')
    case('full', [], [[2, 2], 7.5, typed])
    case('full', [], [[2], '$-inf', typed], 'minus infinity')
    case('full', [], [[3], -4, {'dtype': 'int32', 'device': '$device'}], 'int32')
    case('arange', [], [5, on], 'one bound')
    case('arange', [], [0, 10, 2, on], 'step')
    case('arange', [], [5, -3, -2, on], 'downwards')
    case('arange', [], [0, 1, 0.25, on], 'fractions')
    case('arange', [], [3, 3, on], 'empty')
    case('arange', [], [1, 4, typed], 'dtype given')
    case('linspace', [], [0, 1, 5, typed])
    case('linspace', [], [-3, 3, 1, typed], 'one point')
    case('linspace', [], [2, -2, 4, typed], 'downwards')
    case('eye', [], [3, typed])
    case('eye', [], [2, 4, typed], 'wide')
    for op, args in (('zerosLike', ['$0']), ('onesLike', ['$0']), ('fullLike', ['$0', 2.5])):
        case(op, [nograd(rand(2, 3))], args)


BINARY_SHAPES = [((2, 3), (2, 3), 'same shape'), ((2, 3), (3,), 'row'), ((2, 1, 3), (4, 1), 'both broadcast'), ((), (2, 2), '0-d'),
                 ((), (), 'both 0-d'), ((0, 3), (1, 3), 'empty')]


def elementwise():
    for op in ('add', 'sub', 'mul', 'div', 'maximum', 'minimum'):
        for a, b, note in BINARY_SHAPES:
            case(op, [rand(*a), rand(*b, low=0.5, high=2) if op == 'div' else rand(*b)], None, note)
    for op in ('add', 'sub', 'mul', 'div'):
        case(op, [rand(2, 3)], ['$0', 2.5], 'number')
        case(op, [ints(5), ints(5, low=1)], None, 'int32')
        case(op, [ints(4), rand(4, low=0.5)], None, 'int32 with float')
    case('add', [rand(2, 3), rand(3)], ['$0', '$1', {'alpha': 0.5}], 'alpha')
    case('sub', [rand(2, 3), rand(3)], ['$0', '$1', {'alpha': -2}], 'alpha')
    case('add', [ints(4)], ['$0', 3], 'int32 and a whole number')
    case('add', [bits(4), ints(4)], None, 'bool with int32')
    case('mul', [bits(6), rand(6)], None, 'bool with float')
    case('mul', [vals([INF, -INF, NAN, 0, INF]), vals([2, 2, 2, INF, 0])], None, 'infinity and NaN')
    case('add', [vals([INF, -INF, NAN, INF]), vals([1, 1, 1, -INF])], None, 'infinity and NaN')
    case('sub', [vals([INF, 3, NAN]), vals([INF, -INF, 0])], None, 'infinity and NaN')
    case('div', [vals([1, -1, 0, INF, 5]), vals([0, 0, 0, 2, INF])], None, 'by zero and infinity')
    case('div', [vals([7, -7, 7, -7, 6]), vals([2, 2, -2, -2, 3])], ['$0', '$1', {'roundingMode': 'floor'}], 'floor')
    case('div', [vals([7, -7, 7, -7, 6]), vals([2, 2, -2, -2, 3])], ['$0', '$1', {'roundingMode': 'trunc'}], 'trunc')
    case('div', [ivals([7, -7, 7, -7]), ivals([2, 2, -2, -2])], ['$0', '$1', {'roundingMode': 'floor'}], 'floor, int32')
    whole = ivals([16777217, 2147483647, -2147483647, 2147483647, -2147483648, 5, -5, 0, 2147483646])
    by = ivals([1, 3, 3, -3, 7, 2147483647, 2147483647, -5, -2147483648])
    # Where a / b rounds up to a whole number, trunc in float32 is not that in float64
    near, near_by = vals([1, -1, 1, 6, -6, 3, 1e-3]), vals([0.1, 0.1, -0.1, 0.2, 0.2, 0.3, 1e-4])
    case('div', [near, near_by], ['$0', '$1', {'roundingMode': 'floor'}], 'floor, next to whole numbers')
    tops = vals([7.5, -7.5, 0.5, -0.5, 0, 0, INF, -INF, INF, 5, -5, 5, NAN, 1, 3e38, -3e38, 1e30, 1, -1, 0, INF])
    divisors = vals([2, 2, 3, 3, 2, -2, 1, 1, -2, INF, INF, -INF, 1, NAN, 3, 0.7, -7, 0, 0, 0, 0])
    for mode in ('floor', 'trunc'):
        case('div', [whole, by], ['$0', '$1', {'roundingMode': mode}], f'{mode}, past 24 bits')
        case('div', [ints(20, low=-30, high=30)], ['$0', 7, {'roundingMode': mode}], f'{mode}, int32 by a number')
        case('div', [tops, divisors], ['$0', '$1', {'roundingMode': mode}], f'{mode}, remainders, signs, zeros, infinities, NaN')
        case('div', [rand(60, low=-50, high=50), rand(60)], ['$0', '$1', {'roundingMode': mode}], f'{mode}, broad')
        case('div', [rand(2, 1, 3, low=-9, high=9), rand(4, 1)], ['$0', '$1', {'roundingMode': mode}], f'{mode}, broadcast')
        case('div', [rand(9, low=-9, high=9)], ['$0', 0.1, {'roundingMode': mode}], f'{mode}, by a number')
    for op in ('maximum', 'minimum'):
        case(op, [vals([1, 2, -1, 0]), vals([1, -2, -1, 0])], None, 'ties')
        case(op, [vals([NAN, 1, NAN, INF, -INF]), vals([1, NAN, NAN, 2, 2])], None, 'NaN and infinity')
        case(op, [ints(5), ints(5)], None, 'int32')

    extremes = vals([-INF, -1e30, -800, -90, -20, -1, -1e-6, 0, 1e-6, 1, 20, 80, 800, 1e30, INF, NAN])
    positive = vals([0, 1e-30, 1e-6, 0.5, 1, 2, 1e6, 1e30, INF, NAN])
    for op in ('neg', 'abs', 'exp', 'tanh', 'sigmoid', 'relu', 'gelu', 'erf', 'erfc'):
        case(op, [rand(2, 3, low=-3, high=3)])
        case(op, [rand()], None, '0-d')
        case(op, [rand(0, 2)], None, 'empty')
        case(op, [extremes[1:] if op == 'gelu' else extremes], None, 'extremes', grad=op != 'gelu')  # gelu(-inf) is 0 · inf
        if op in ('tanh', 'sigmoid', 'gelu', 'erf', 'erfc', 'exp'):
            case(op, [vals(np.linspace(-6, 6, 49))], None, 'a fine grid')
    case('gelu', [vals([-1e4, -40, -12, -8, 0, 8, 12, 40, 1e4, NAN])], None, 'far out')
    case('gelu', [vals(np.linspace(-6, 6, 49))], ['$0', {'approximate': 'tanh'}], 'tanh form')
    case('gelu', [vals([-1e4, -40, -12, -8, 0, 8, 12, 40, 1e4, NAN])], ['$0', {'approximate': 'tanh'}], 'tanh form, far out')
    case('neg', [ints(4, low=-5)], None, 'int32')
    case('abs', [ints(4, low=-5)], None, 'int32')
    case('abs', [vals([-2, 0, 3])], None, 'kink')
    case('relu', [vals([-1, 0, 1, NAN])], None, 'kink and NaN')
    for op in ('sign', 'expm1', 'reciprocal', 'square', 'sin', 'cos', 'floor', 'ceil', 'round', 'trunc'):
        case(op, [rand(2, 3, low=-3, high=3)])
        case(op, [rand(0, 2)], None, 'empty')
        case(op, [vals([-INF, -1.5, -0.5, -1e-6, 0, 1e-6, 0.5, 1.5, 2.5, 30, INF, NAN])], None, 'special values')
    case('log1p', [rand(2, 3, low=-0.9, high=3)])
    case('log1p', [vals([-1, -1e-6, 0, 1e-6, 1e-20, 1e20, INF, NAN])], None, 'special values')
    for op in ('isnan', 'isinf', 'isfinite', 'logicalNot'):
        case(op, [nograd(vals([-INF, -1, 0, 1e-30, 1e30, INF, NAN]))])
        case(op, [nograd(ivals([0, 1, -2]))], None, 'int32')
    for op in ('logicalAnd', 'logicalOr', 'logicalXor'):
        case(op, [bvals([[True, True], [False, False]]), bvals([True, False])], None, 'bool, broadcast')
        case(op, [nograd(vals([0, 2, NAN, 0])), ivals([1, 0, 5, 0])], None, 'numbers')
    for op in ('log', 'sqrt', 'rsqrt'):
        case(op, [rand(2, 3, low=0.1, high=4)])
        case(op, [rand(low=0.5)], None, '0-d')
        case(op, [rand(0)], None, 'empty')
        case(op, [positive], None, 'extremes', grad=op != 'rsqrt')
        case(op, [vals([-1, -INF])], None, 'negative', grad=False)
    case('log', [vals([1 - 2 ** -20, 1, 1 + 2 ** -20, 0.9, 1.1])], None, 'near one')

    for e, note in ((2, 'square'), (3, 'cube'), (0.5, 'root'), (-1, 'reciprocal'), (0, 'zero'), (1, 'one'), (2.5, 'fraction'), (-2, 'minus two')):
        case('pow', [rand(2, 3, low=0.2, high=3)], ['$0', e], note)
    case('pow', [vals([-2, -1, -0.5, 0, 2])], ['$0', 2], 'square of negatives')
    case('pow', [vals([-8, -1, -0.5, 0, 2])], ['$0', 3], 'cube of negatives')
    case('pow', [vals([-2, -1, 4])], ['$0', 0.5], 'root of negatives', grad=False)
    case('pow', [vals([-2, -0.5, 4])], ['$0', -3], 'negative whole exponent')
    case('pow', [rand(2, 3, low=0.2, high=3), rand(3)], None, 'tensor exponent')
    case('pow', [vals([0, 0, 0, 2, -2, 1]), vals([0, 1, 2, 0, 2, 5])], None, 'tensor exponent at zero', grad=False)
    case('pow', [vals([0, 0, 0, 2, 1]), vals([1, 2, 3, 0, 5])], None, 'gradients at zero base')
    case('pow', [rand(2, 3)], [2, '$0'], 'number base')
    case('pow', [ivals([3, -3, 2, 1, -1, -1, 0, 2, 7]), ivals([19, 19, 30, 5, -3, -4, 0, -1, 11])], None, 'int32')
    case('pow', [ivals([3, -3, 2, 0])], ['$0', 19], 'int32 to a number')
    case('pow', [vals([INF, -INF, NAN, 0, 1, 0.5]), vals([2, 3, 0, -1, INF, INF])], None, 'infinity and NaN', grad=False)

    for args, note in (([-1, 1], 'both'), ([{'min': 0}], 'min'), ([{'max': 0.5}], 'max'), ([{'min': -0.5, 'max': 0.5}], 'options')):
        case('clamp', [rand(3, 4)], ['$0', *args], note)
    case('clamp', [vals([-2, -1, 0, 1, 2, NAN, INF, -INF])], ['$0', -1, 1], 'bounds, NaN, infinity')
    case('clamp', [ints(6)], ['$0', 2, 6], 'int32')

    case('where', [bits(2, 3), rand(2, 3), rand(2, 3)])
    case('where', [bits(3), rand(2, 1), rand(2, 3)], None, 'broadcast')
    case('where', [bvals([True, False]), vals([1, NAN]), vals([NAN, 2])], None, 'NaN in the branch not taken')
    case('where', [bits(2, 3), rand(2, 3)], ['$0', '$1', 0.0], 'number')
    case('where', [bits(4), ints(4), ints(4)], None, 'int32')
    case('where', [bvals(True), vals(1.5), vals(2.5)], None, '0-d')

    for op in ('eq', 'ne', 'lt', 'le', 'gt', 'ge'):
        case(op, [vals([1, 2, 3, NAN, INF, -INF, NAN, 0]), vals([1, 3, 2, 1, INF, INF, NAN, -0.0])], None, 'values, NaN, infinity', grad=False)
        case(op, [nograd(rand(2, 1)), nograd(rand(3))], None, 'broadcast')
        case(op, [nograd(rand(2, 3))], ['$0', 0.25], 'number')
        case(op, [ints(6, high=3), ints(6, high=3)], None, 'int32')

    case('cast', [ints(2, 3, low=-5)], ['$0', '$float'], 'int32 to float')
    case('cast', [bits(4)], ['$0', '$float'], 'bool to float')
    case('cast', [vals([-2.7, -0.5, 0, 0.5, 2.7, 1e6])], ['$0', 'int32'], 'float to int32', grad=False)
    case('cast', [vals([0, -0.0, 1e-30, 2, NAN, INF])], ['$0', 'bool'], 'float to bool', grad=False)
    case('cast', [ivals([0, 1, -3])], ['$0', 'bool'], 'int32 to bool')
    case('cast', [bits(4)], ['$0', 'int32'], 'bool to int32')
    case('cast', [rand(5)], ['$0', 'float32'], 'float to float32')
    halves = [0, 1, -1, 1 / 3, 2049, 2051, 65504, 65519, 65520, 1e6, -1e6, 6e-8, 2 ** -14, 2 ** -15 * 1.0009765625, 2 ** -25, 1.5 * 2 ** -25, INF, -INF, NAN]
    case('cast', [vals(halves)], ['$0', 'float16'], 'float to float16', grad=False)


def reductions():
    for op in ('sum', 'mean', 'max', 'min', 'var', 'amax', 'amin'):
        case(op, [rand(3, 4)], None, 'all')
    for op in ('sum', 'mean', 'var', 'amax', 'amin'):
        case(op, [rand(2, 3, 4)], ['$0', 1], 'dim')
        case(op, [rand(2, 3, 4)], ['$0', -1, {'keepdim': True}], 'last dim kept')
        case(op, [rand(2, 3, 4)], ['$0', [0, 2]], 'two dims')
        case(op, [rand(2, 3, 4)], ['$0', {'dim': [0, -1], 'keepdim': True}], 'options')
    for op in ('sum', 'mean'):
        case(op, [rand()], None, '0-d')
        case(op, [rand(0)], None, 'empty')
        case(op, [rand(0, 3)], ['$0', 0], 'over an empty dim')
        case(op, [rand(0, 3)], ['$0', 1], 'of an empty tensor')
        case(op, [rand(17, 33)], ['$0', 0], 'longer')
        case(op, [rand(1000)], None, 'a thousand')
        case(op, [vals([[1, INF], [NAN, 2], [-INF, INF]])], ['$0', 1], 'infinity and NaN')
    case('sum', [ints(3, 4)], ['$0', 0], 'int32')
    case('sum', [bits(3, 4)], ['$0', 1], 'counts bools')
    case('var', [rand(3, 4)], ['$0', 1, {'correction': 0}], 'population')
    case('var', [rand(3, 4)], ['$0', {'correction': 0}], 'population, all')
    case('var', [rand(5)], ['$0', 0, {'correction': 2}], 'correction 2')
    case('var', [rand(1)], ['$0', 0], 'one element', grad=False)
    case('var', [Lazy(lambda: vals(100 + rng.uniform(-1, 1, (2, 8))))], ['$0', 1], 'far from zero')
    for op in ('max', 'min'):
        case(op, [distinct(2, 3, 4)], ['$0', 1], 'dim')
        case(op, [distinct(3, 4)], ['$0', -1, {'keepdim': True}], 'last dim kept')
        case(op, [distinct(3, 4)], ['$0', {'dim': 0}], 'options')
        case(op, [vals([[1, 3, 3, 0], [-1, -1, -1, -1], [0, 2, 1, 2]])], ['$0', 1], 'ties with dim: one index')
        case(op, [vals([3, 1, 3, 1, 2])], None, 'ties without dim: shared')
        case(op, [vals([[1, NAN, 3], [INF, 2, -INF]])], ['$0', 1], 'NaN and infinity with dim')
        case(op, [vals([1, NAN, 3])], None, 'NaN')
        case(op, [vals([-INF, -INF])] if op == 'max' else [vals([INF, INF])], None, 'infinities')
        case(op, [rand()], None, '0-d')
        case(op, [ints(3, 4)], None, 'int32')
        case(op, [rand(0, 3)], ['$0', 1], 'of an empty tensor')
    for op in ('amax', 'amin'):
        case(op, [vals([[1, 3, 3, 0], [-1, -1, -1, -1]])], ['$0', 1], 'ties are shared')
    case('std', [rand(3, 4)], None, 'all')
    case('std', [rand(2, 3, 4)], ['$0', [0, -1], {'keepdim': True}], 'two dims kept')
    case('std', [rand(3, 4)], ['$0', 1, {'correction': 0}], 'population')
    for op in ('all', 'any'):
        case(op, [bits(2, 5)], None, 'all')
        case(op, [bits(4, 2)], ['$0', 1], 'dim')
        case(op, [bits(4, 2)], ['$0', 0, {'keepdim': True}], 'kept')
        case(op, [nograd(vals([[0, 0], [0, NAN], [1, 2]]))], ['$0', 1], 'numbers')
        case(op, [torch.zeros(0, dtype=torch.bool)], None, 'empty')
    for op in ('argmax', 'argmin'):
        case(op, [nograd(distinct(3, 4))], None, 'all')
        case(op, [nograd(distinct(2, 3, 4))], ['$0', 1], 'dim')
        case(op, [nograd(distinct(2, 3, 4))], ['$0', -1, {'keepdim': True}], 'last dim kept')
        case(op, [nograd(vals([[1, 3, 3, 0], [-1, -1, -1, -1]]))], ['$0', 1], 'ties: the first')
        case(op, [nograd(vals([[1, NAN, 3, NAN], [INF, 2, -INF, INF]]))], ['$0', 1], 'NaN and infinity')
        case(op, [ints(12)], None, 'int32')
        case(op, [nograd(rand())], None, '0-d')
        case(op, [nograd(distinct(700))], None, 'longer')


def views():
    for shape, size, note in (((2, 6), [3, 4], ''), ((2, 3, 4), [2, -1], 'inferred'), ((4,), [1, 4, 1], 'ones'), ((1, 1), [], 'to 0-d'),
                              ((), [1], 'from 0-d'), ((0, 3), [3, 0], 'empty')):
        case('reshape', [rand(*shape)], ['$0', size], note)
    case('transpose', [rand(2, 3)], ['$0', 0, 1])
    case('transpose', [rand(2, 3, 4)], ['$0', -1, 0], 'negative dims')
    case('permute', [rand(2, 3, 4)], ['$0', [2, 0, 1]])
    case('permute', [rand(2, 3, 4)], ['$0', [-1, 0, -2]], 'negative dims')
    case('permute', [rand()], ['$0', []], '0-d')
    case('expand', [rand(3, 1)], ['$0', [3, 4]])
    case('expand', [rand(1, 3)], ['$0', [2, -1, 3]], 'a new axis and minus one')
    case('expand', [rand()], ['$0', [2, 2]], '0-d')
    case('expand', [rand(1, 3)], ['$0', [0, 3]], 'to empty')
    case('narrow', [rand(4, 3)], ['$0', 0, 1, 2])
    case('narrow', [rand(4, 3)], ['$0', -1, -2, 1], 'negative dim and start')
    case('narrow', [rand(4, 3)], ['$0', 0, 2, 0], 'length zero')
    case('select', [rand(4, 3)], ['$0', 0, 2])
    case('select', [rand(2, 4, 3)], ['$0', -2, -1], 'negative')
    case('squeeze', [rand(1, 3, 1)], ['$0'], 'all')
    case('squeeze', [rand(1, 3, 1)], ['$0', -1], 'one')
    case('squeeze', [rand(1, 3, 1)], ['$0', 1], 'nothing to squeeze')
    case('unsqueeze', [rand(2, 3)], ['$0', 1])
    case('unsqueeze', [rand(2, 3)], ['$0', -1], 'last')
    case('unsqueeze', [rand()], ['$0', 0], '0-d')
    case('flatten', [rand(2, 3, 4)], ['$0'], 'all')
    case('flatten', [rand(2, 3, 4)], ['$0', 1], 'from 1')
    case('flatten', [rand(2, 3, 4)], ['$0', 0, 1], 'the first two')
    case('flatten', [rand()], ['$0'], '0-d')
    case('unflatten', [rand(2, 6)], ['$0', 1, [2, 3]])
    case('movedim', [rand(2, 3, 4)], ['$0', 0, -1])
    case('t', [rand(2, 3)], ['$0'])
    case('mT', [rand(2, 3, 4)], ['$0'])
    case('repeat', [rand(2, 3)], ['$0', [2, 2]])
    case('repeat', [rand(3)], ['$0', [2, 1, 3]], 'new axes')
    case('repeat', [rand(3)], ['$0', [0]], 'to empty')
    case('expandAs', [rand(3, 1), nograd(rand(2, 3, 4))], ['$0', '$1'])
    case('broadcastTo', [rand(3)], ['$0', [2, 3]])
    case('split', [rand(5, 2)], ['$0', 2], 'ragged')
    case('split', [rand(2, 5)], ['$0', [1, 4], 1], 'sizes')
    case('chunk', [rand(5, 2)], ['$0', 3, 0])
    case('unbind', [rand(3, 2)], ['$0', 1])
    case('flip', [rand(2, 3)], ['$0', [0]])
    case('flip', [rand(2, 3, 2)], ['$0', [-1, 0]], 'two dims')
    case('flip', [rand(0, 3)], ['$0', [0]], 'empty')
    case('pad', [rand(2, 3)], ['$0', [1, 2]], 'last dim')
    case('pad', [rand(2, 3)], ['$0', [1, 0, 2, 1], {'value': 3.5}], 'two dims, value')
    case('pad', [rand(3, 4)], ['$0', [-1, 2]], 'negative crops')
    case('pad', [ints(2, 2)], ['$0', [1, 1], {'value': 7}], 'int32')
    for op in ('tril', 'triu'):
        case(op, [rand(3, 4)])
        case(op, [rand(2, 3, 3)], ['$0', {'diagonal': -1}], 'below')
        case(op, [rand(4, 3)], ['$0', {'diagonal': 1}], 'above')
    case('cat', [rand(2, 3), rand(1, 3)], [['$0', '$1']], 'first dim')
    case('cat', [rand(2, 1), rand(2, 3), rand(2, 2)], [['$0', '$1', '$2'], 1], 'three, dim 1')
    case('cat', [rand(2, 1), rand(2, 3)], [['$0', '$1'], {'dim': -1}], 'options')
    case('cat', [rand(2, 3), rand(0, 3)], [['$0', '$1']], 'with an empty one')
    case('cat', [ints(2), ints(3)], [['$0', '$1'], 0], 'int32')
    case('cat', [rand(2, 2) for _ in range(12)], [[f'${i}' for i in range(12)], 0], 'twelve')
    case('cat', [rand(3)], [['$0', '$0'], 0], 'one tensor twice')
    case('stack', [rand(2, 3), rand(2, 3)], [['$0', '$1']], 'first dim')
    case('stack', [rand(2, 3), rand(2, 3), rand(2, 3)], [['$0', '$1', '$2'], -1], 'last dim')
    case('stack', [rand(), rand()], [['$0', '$1'], {'dim': 0}], '0-d')

    def at(shape, *items, note=None, **more):
        shown = ', '.join('null' if i is None else 'idx' if isinstance(i, str) and i.startswith('$') else str(i) for i in items)
        case('at', [rand(*shape), *more.get('index', [])], ['$0', *items], note or shown)
    at((4, 3), 1)
    at((4, 3), -1, 0)
    at((4, 3), '1:3')
    at((4, 3), ':', 1)
    at((5, 4), '::2', '1:')
    at((5, 4), '-3:-1')
    at((5,), '1:100')
    at((5,), '4:2')
    at((2, 3, 4), '...', 0)
    at((2, 3, 4), 0, '...', '::2')
    at((2, 3), None)
    at((4, 3), '1:3', None, '...', '::2')
    at((3, 3, 5), '1:3', None, '...', '::2', 0)
    at((2, 2), '...')
    at((4, 3), [0, 2, 2])
    at((4, 3), ':', [2, 0])
    at((4, 3), [-1, 0])
    at((4, 3), '$1', index=[ivals([3, 0, 3, 1])])
    at((4, 3), '$1', index=[ivals([[0, 1], [1, 3]])], note='idx of two axes')
    at((4, 3), '$1', index=[ivals(2)], note='idx of no axes')
    at((4, 3), '$1', '$2', index=[ivals([0, 3, 0]), ivals([2, 1, 2])])
    at((4, 3), '$1', '$2', index=[ivals([[0], [3]]), ivals([2, 1])], note='idx, idx, broadcast')
    at((2, 4, 3), ':', '$1', '$2', index=[ivals([0, 3]), ivals([2, 1])])
    at((2, 4, 3), '$1', ':', '$2', index=[ivals([0, 1]), ivals([2, 1])])
    at((2, 4, 3), '$1', '1:3', index=[ivals([1, 0, 1])])
    at((4, 3), '$1', index=[ivals([])], note='an empty idx')


def contractions():
    for a, b, note in (((3,), (3,), 'vectors'), ((2, 3), (3,), 'matrix, vector'), ((3,), (3, 4), 'vector, matrix'), ((2, 3), (3, 4), 'matrices'),
                       ((2, 3, 4), (2, 4, 5), 'batch'), ((2, 3, 4), (4, 5), 'batch, matrix'), ((3, 4), (2, 4, 5), 'matrix, batch'),
                       ((2, 1, 3, 4), (5, 4, 2), 'broadcast batch'), ((2, 3, 4), (4,), 'batch, vector'), ((4,), (2, 4, 3), 'vector, batch'),
                       ((1, 1), (1, 1), 'one by one'), ((17, 33), (33, 19), 'ragged'), ((2, 0), (0, 3), 'nothing to sum'), ((0, 3), (3, 2), 'no rows'),
                       ((0, 2, 3), (3, 2), 'no batch'), ((65, 5), (5, 70), 'more than one tile')):
        case('matmul', [rand(*a), rand(*b)], None, note)
    case('matmul', [vals([[1, INF], [NAN, 1]]), vals([[1, 0], [2, 1]])], None, 'infinity and NaN')
    case('mm', [rand(2, 3), rand(3, 4)])
    case('bmm', [rand(2, 3, 4), rand(2, 4, 2)])
    case('dot', [rand(5), rand(5)])
    case('linear', [rand(4, 3), rand(5, 3), rand(5)])
    case('linear', [rand(4, 3), rand(5, 3)], None, 'no bias')
    case('linear', [rand(3), rand(5, 3), rand(5)], None, 'vector')
    case('linear', [rand(2, 4, 3), rand(5, 3), rand(5)], None, 'batch')
    case('linear', [rand(0, 3), rand(2, 3), rand(2)], None, 'empty batch')


def softmaxes():
    for op in ('softmax', 'logSoftmax', 'logsumexp'):
        case(op, [rand(2, 5)], ['$0', 1])
        case(op, [rand(2, 3, 4)], ['$0', -2], 'middle dim')
        case(op, [rand(3, 4)], ['$0', {'dim': 0}], 'options')
        case(op, [vals([[1000, 999, -1000], [-1000, -1001, -999], [88, 89, 90]])], ['$0', 1], 'large')
        case(op, [vals([[0, -INF, 1], [-INF, -INF, 2]])], ['$0', 1], 'minus infinity')
        case(op, [vals([[-INF, -INF], [INF, 0], [NAN, 0]])], ['$0', 1], 'rows without a value', grad=False)
        case(op, [rand()], ['$0', 0], '0-d')
        case(op, [rand(0, 3)], ['$0', 1], 'empty')
        case(op, [rand(2, 270)], ['$0', 1], 'long rows')
    case('logsumexp', [rand(2, 3, 4)], ['$0', [0, 2], {'keepdim': True}], 'two dims kept')

    logits, labels = rand(5, 4), ints(5, high=4)
    case('crossEntropy', [logits, labels])
    for reduction in ('sum', 'none'):
        case('crossEntropy', [logits, labels], ['$0', '$1', {'reduction': reduction}], reduction)
        case('nllLoss', [logits, labels], ['$0', '$1', {'reduction': reduction}], reduction)
    case('nllLoss', [logits, labels])
    for op in ('crossEntropy', 'nllLoss'):
        case(op, [rand(4), ivals(2)], None, 'one example')
        case(op, [rand(2, 4, 3), ints(2, 3, high=4)], None, 'more axes')
        case(op, [logits, ivals([0, -100, 3, -100, 1])], None, 'ignored labels')
        case(op, [logits, ivals([0, 2, 3, 2, 1])], ['$0', '$1', {'ignoreIndex': 2}], 'ignoreIndex')
        case(op, [logits, ivals([2, 2, 2, 2, 2])], ['$0', '$1', {'ignoreIndex': 2}], 'all ignored', grad=False)
        case(op, [logits, ivals([0, 2, 3, 2, 1])], ['$0', '$1', {'ignoreIndex': 2, 'reduction': 'none'}], 'ignoreIndex, none')
        for reduction in ('mean', 'sum', 'none'):
            case(op, [logits, labels, nograd(rand(4, low=0.2))], ['$0', '$1', {'weight': '$2', 'reduction': reduction}], f'weight, {reduction}')
        case(op, [logits, ivals([0, 2, 3, 2, 1]), nograd(rand(4, low=0.2))], ['$0', '$1', {'weight': '$2', 'ignoreIndex': 2}], 'weight and ignoreIndex')
    for reduction in ('mean', 'sum', 'none'):
        case('crossEntropy', [logits, labels], ['$0', '$1', {'labelSmoothing': 0.125, 'reduction': reduction}], f'labelSmoothing, {reduction}')
    case('crossEntropy', [logits, ivals([0, 2, 3, 2, 1])], ['$0', '$1', {'labelSmoothing': 0.125, 'ignoreIndex': 2}], 'labelSmoothing and ignoreIndex')
    case('crossEntropy', [logits, labels, nograd(rand(4, low=0.2))], ['$0', '$1', {'weight': '$2', 'labelSmoothing': 0.125}], 'labelSmoothing and weight')
    case('crossEntropy', [vals([[1000, 0, -1000], [0, 1000, -1000]]), ivals([0, 2])], None, 'large')
    shares = Lazy(lambda: vals(rng.dirichlet(np.ones(4), 5)))
    case('crossEntropy', [logits, nograd(shares)], None, 'probabilities')
    case('crossEntropy', [logits, shares], ['$0', '$1', {'reduction': 'sum'}], 'probabilities with a gradient')
    case('crossEntropy', [logits, nograd(shares)], ['$0', '$1', {'labelSmoothing': 0.25}], 'probabilities, labelSmoothing')
    for reduction in ('mean', 'sum', 'none'):
        case('mseLoss', [rand(3, 2), rand(3, 2)], ['$0', '$1', {'reduction': reduction}], reduction)
    case('mseLoss', [rand(3, 2), rand(3, 2)])
    case('mseLoss', [rand(0, 2), rand(0, 2)], None, 'empty')


def normalizations():
    statistics = lambda c: [nograd(rand(c)), nograd(rand(c, low=0.5))]
    affine = {'weight': '$3', 'bias': '$4'}
    for shape, note in (((5, 3), '[N, C]'), ((4, 3, 5), '[N, C, L]'), ((2, 3, 4, 5), '[N, C, H, W]'), ((2, 2, 3, 2, 2), 'three inner dims')):
        c = shape[1]
        x = [rand(*shape), *statistics(c)]
        case('batchNorm', [*x, rand(c), rand(c)], ['$0', '$1', '$2', {**affine, 'training': True}], f'training, {note}', changes=(1, 2))
        case('batchNorm', [*x, rand(c), rand(c)], ['$0', '$1', '$2', affine], f'evaluation, {note}')
        case('batchNorm', x, ['$0', '$1', '$2', {'training': True}], f'training, not affine, {note}', changes=(1, 2))
        case('batchNorm', x, ['$0', '$1', '$2'], f'evaluation, not affine, {note}')
    x = [rand(2, 3, 4), *statistics(3)]
    case('batchNorm', x, ['$0', '$1', '$2', {'training': True, 'momentum': 0.75, 'eps': 0.125}], 'momentum and eps', changes=(1, 2))
    case('batchNorm', x, ['$0', '$1', '$2', {'training': True, 'momentum': 1}], 'momentum 1', changes=(1, 2))
    case('batchNorm', x[:1], ['$0', None, None, {'training': True}], 'nothing follows')
    case('batchNorm', [rand(4, 2), rand(2), rand(2)], ['$0', None, None, {'weight': '$1', 'bias': '$2', 'training': True}], 'nothing follows, affine')
    case('batchNorm', [rand(4, 2), rand(2)], ['$0', None, None, {'weight': '$1', 'training': True}], 'a weight alone')
    case('batchNorm', [rand(1, 3, 2, 2), *statistics(3)], ['$0', '$1', '$2', {'training': True}], 'one example', changes=(1, 2))
    case('batchNorm', [vals([[2, 1], [2, 3]]), *statistics(2)], ['$0', '$1', '$2', {'training': True}], 'a channel of equal values', changes=(1, 2))
    case('batchNorm', [vals([[1, 1, NAN], [INF, 2, 3], [0, 2, 1]]), *statistics(3)], ['$0', '$1', '$2', {'training': True}], 'infinity and NaN', changes=(1, 2))
    for training in (True, False):
        case('batchNorm', [rand(0, 3, 2), *statistics(3), rand(3), rand(3)], ['$0', '$1', '$2', {**affine, 'training': training}],
             f'no examples, {"training" if training else "evaluation"}', changes=(1, 2))


def indexing():
    case('gather', [rand(3, 4), ivals([[0, 1], [2, 2], [3, 0]])], ['$0', 1, '$1'])
    case('gather', [rand(3, 4), ivals([[0, 1, 2, 0], [2, 2, 2, 2]])], ['$0', 0, '$1'], 'repeated')
    case('gather', [rand(3, 4), ivals([[3], [0]])], ['$0', -1, '$1'], 'fewer rows')
    case('gather', [rand(2, 3, 4), ints(2, 3, 1, high=4)], ['$0', 2, '$1'], 'three axes')
    case('gather', [rand(3, 4), torch.zeros(3, 0, dtype=torch.int64)], ['$0', 1, '$1'], 'empty index')
    case('gather', [ints(5), ints(3, high=5)], ['$0', 0, '$1'], 'int32')
    case('indexSelect', [rand(4, 3), ivals([2, 0, 2])], ['$0', 0, '$1'], 'repeated')
    case('indexSelect', [rand(4, 3), ivals([1])], ['$0', -1, '$1'], 'negative dim')
    case('indexSelect', [rand(2, 4, 3), ivals([3, 1])], ['$0', 1, '$1'], 'middle')
    case('indexSelect', [rand(4, 3), ivals([])], ['$0', 0, '$1'], 'empty index')
    case('embedding', [ivals([1, 3, 1]), rand(5, 2)], None, 'repeated')
    case('embedding', [ivals([[0, 4], [2, 2]]), rand(5, 3)], None, 'two axes')
    case('embedding', [ivals(3), rand(5, 3)], None, '0-d index')
    case('embedding', [ivals([1, 0, 1, 2]), rand(4, 2)], ['$0', '$1', {'paddingIdx': 1}], 'paddingIdx has no gradient')
    case('embedding', [ints(40, high=4), rand(4, 3)], None, 'many repeats')
    case('oneHot', [ivals([0, 2, 1])], ['$0', {'numClasses': 4}])
    case('oneHot', [ivals([[0, 1], [1, 1]])], ['$0', {'numClasses': 2}], 'two axes')
    case('oneHot', [ivals(1)], ['$0', {'numClasses': 3}], '0-d')


# ---------------------------------------------------------------- optimizers

STEPS = 5


def optimizer_paths():
    """Five steps of a 3-5-2 tanh network on mean squared error; parameters after every step."""
    reseed('optimizers')
    draw = lambda *shape: rand(*shape, low=-1, high=1).make()
    x, y = draw(4, 3), draw(4, 2)
    start = [draw(5, 3), draw(5), draw(2, 5), draw(2)]
    rows = []

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
        rows.append(row)

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
    return {'x': put(x), 'y': put(y), 'start': [put(p) for p in start], 'paths': rows}


# ---------------------------------------------------------------- layers

def camel(name):
    return re.sub(r'_([a-z])', lambda m: m.group(1).upper(), name)


def modules():
    """Layers with a given state, run on some inputs in training or evaluation; what comes out, all gradients, the state afterwards, and the printed text."""
    rows = []

    def module(kind, args, runs, note=''):
        name = f'{kind}: {note}' if note else kind
        reseed(f'module {name}')
        options = args[-1] if isinstance(args[-1], dict) else {}
        value = lambda a: tuple(a) if isinstance(a, list) else a
        positional = [value(a) for a in (args[:-1] if options else args)]
        layer = getattr(torch.nn, kind)(*positional, **{snake(k): value(v) for k, v in options.items()}).double()
        state = layer.state_dict()
        for key in state:
            state[key] = torch.tensor(3) if key == 'num_batches_tracked' else rand(*state[key].shape, low=0.5 if key == 'running_var' else -1, high=1.5).make()
        layer.load_state_dict(state)
        # PyTorch's text, with the options' names and constants as they are written here
        text = re.sub(r'\w+(?==)', lambda m: camel(m.group(0)), str(layer)).replace('True', 'true').replace('False', 'false').replace('None', 'null')
        row = {'name': name, 'module': kind, 'args': args, 'text': text, 'state': {k: put(v) for k, v in state.items()}, 'runs': []}
        for mode, shape in runs:
            layer.train(mode == 'train')
            layer.zero_grad()
            x = rand(*shape).make().requires_grad_()
            y = layer(x)
            seed = rand(*y.shape, low=-1, high=1).make()
            y.backward(seed)
            row['runs'].append({'mode': mode, 'input': put(x), 'output': put(y), 'gradOutput': put(seed), 'gradInput': put(x.grad),
                                'grads': {k: put(p.grad) for k, p in layer.named_parameters()}})
        row['after'] = {k: put(v) for k, v in layer.state_dict().items()}
        rows.append(row)

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
    module('MaxPool2d', [2], image)
    module('MaxPool2d', [[3, 2], {'stride': [1, 2], 'padding': 1, 'dilation': [2, 1], 'ceilMode': True}], image, 'all options')
    module('AvgPool2d', [2], image)
    module('AvgPool2d', [[3, 2], {'stride': 2, 'padding': 1, 'ceilMode': True, 'countIncludePad': False}], image, 'all options')
    module('AvgPool2d', [3, {'divisorOverride': 5}], image, 'divisorOverride')
    return rows


# ---------------------------------------------------------------- printed text

def printed():
    rows = []

    def text(note, t, **extra):
        dtype = {torch.float32: 'float32', torch.float64: 'float64', torch.float16: 'float16', torch.int64: 'int32', torch.bool: 'bool', torch.uint8: 'uint8',
                 torch.int8: 'int8'}[t.dtype]
        rows.append({'name': note, **store.put(t, 'float' if dtype == 'float64' else dtype), 'dtype': dtype, 'text': str(t), **extra})

    def f32(data):
        return torch.tensor(data, dtype=torch.float32)

    reseed('printed')
    noise = lambda *shape: torch.tensor(rng.standard_normal(shape).astype(np.float32))
    text('one float', f32([1.5]))
    text('whole numbers', f32([1, 2, 3]))
    text('whole numbers with a negative', f32([[1, -20], [300, 4]]))
    text('large whole numbers', f32([1e7, 2.0]))
    text('whole numbers past 1e8', f32([1e9, 1.0]))
    text('whole numbers of widely different size', f32([10000, 1, 123456]))
    text('floats', f32([0.1, 0.25, -3.14159]))
    text('a matrix', noise(3, 4))
    text('three axes', noise(2, 2, 3))
    text('four axes', noise(2, 1, 2, 2))
    text('mixed magnitude', f32([1e-5, 1.0, 1000.0]))
    text('mixed magnitude, matrix', f32([[1e-3, 250.5], [-1e5, 0.5]]))
    text('ratio exactly 1000', f32([0.5, 500]))
    text('ratio above 1000', f32([0.5, 501]))
    text('small', f32([1e-6, 2e-6]))
    text('just below 1e-4', f32([9.9e-5, 1e-4]))
    text('1e-4', f32([1e-4, 5e-4]))
    text('large fraction', f32([123456.789, 200000.5]))
    text('past 1e8', f32([1.5e8, 2.5]))
    text('exponent of three digits', torch.tensor([1e-200, 1e200], dtype=F64))
    text('rounds up a digit', f32([0.99996, 9.99996]))
    text('half cases', f32([0.00005, 0.00015, 0.125, 2.5]))
    text('zeros', torch.zeros(2, 2))
    text('negative zero', f32([-0.0, 0.0]))
    text('negative zero among fractions', f32([-0.0, 0.5]))
    text('NaN', f32([NAN, 1.0]))
    text('NaN among fractions', f32([NAN, 1.25]))
    text('infinities', f32([INF, -INF, 1.0]))
    text('infinities among fractions', f32([INF, -INF, 0.5]))
    text('nothing finite', f32([NAN, INF]))
    text('infinity with scientific', f32([INF, 1e-9, 3.0]))
    text('0-d float', f32(3.14159))
    text('0-d whole', f32(2))
    text('0-d small', f32(1e-7))
    text('0-d large', f32(1e10))
    text('0-d NaN', f32(NAN))
    text('0-d int', ivals(7))
    text('0-d bool', bvals(True))
    text('empty', torch.zeros(0))
    text('empty matrix', torch.zeros(0, 3))
    text('empty, other axis', torch.zeros(2, 0))
    text('empty ints', torch.zeros(0, dtype=torch.int64))
    text('empty bools', torch.zeros(0, dtype=torch.bool))
    text('ints', ivals([1, 2, 3]))
    text('ints of different width', ivals([[1, -200], [30, 4]]))
    text('ints, three axes', torch.arange(8).reshape(2, 2, 2))
    text('bools', bvals([True, False]))
    text('bool matrix', bvals([[True, False], [False, False]]))
    text('uint8', torch.tensor([1, 200], dtype=torch.uint8))
    text('int8', torch.tensor([-1, 100], dtype=torch.int8))
    text('float64', torch.tensor([1.5, 2.25], dtype=F64))
    text('0-d float64', torch.tensor(0.1, dtype=F64))
    text('float64 with a gradient', torch.tensor([1.5], dtype=F64, requires_grad=True), requiresGrad=True)
    text('float16', torch.tensor([1.5, 0.1], dtype=torch.float16))
    text('a line that wraps', torch.arange(30, dtype=torch.float32))
    text('ints that wrap', torch.arange(40))
    text('fractions that wrap', noise(20))
    text('a matrix that wraps', noise(2, 15))
    text('999 elements are not summarised', torch.arange(999))
    text('1000 elements are not summarised', torch.arange(1000))
    text('1001 elements are', torch.arange(1001))
    text('long floats', torch.arange(1200, dtype=torch.float32) / 8)
    text('summary: width comes from what is shown', f32([0.5] * 600 + [1e9] + [0.25] * 600))
    text('summarised matrix', noise(40, 30))
    text('summarised rows only', noise(300, 4))
    text('summarised columns only', noise(5, 300))
    text('summarised, three axes', noise(11, 10, 10))
    text('six per axis are shown whole', noise(6, 6, 30))
    text('summarised bools', torch.arange(1100) % 3 == 0)
    text('leaf with a gradient', noise(2, 2).requires_grad_(), requiresGrad=True)
    text('0-d leaf with a gradient', f32(1.5).requires_grad_(), requiresGrad=True)
    text('long leaf with a gradient', torch.linspace(0, 1, 16).requires_grad_(), requiresGrad=True)
    text('empty leaf with a gradient', torch.zeros(0).requires_grad_(), requiresGrad=True)
    return rows


def write():
    for family in (creation, elementwise, reductions, views, contractions, spatial, softmaxes, normalizations, indexing):
        family()
    optimizers, layers, texts = optimizer_paths(), modules(), printed()
    line = lambda row: json.dumps(row, separators=(',', ':'), ensure_ascii=False, allow_nan=False)
    rows = lambda items: '[\n' + ',\n'.join(line(i) for i in items) + '\n]'
    paths = optimizers.pop('paths')
    head = json.dumps({'torch': torch.__version__, 'generator': 'test/golden/generate.py'})[1:-1]
    (HERE / 'index.json').write_text(
        '{' + head + ',\n"cases":' + rows(cases) + ',\n"optimizers":{' + line(optimizers)[1:-1] + ',"paths":' + rows(paths) + '},\n"modules":' + rows(layers) + ',\n"texts":' + rows(texts) + '}\n')
    (HERE / 'data.bin').write_bytes(bytes(store.blob))
    print(f'{len(cases)} cases of {len({c["op"] for c in cases})} ops, {len(paths)} optimizer paths, {len(layers)} layers, {len(texts)} texts, '
          f'{(HERE / "index.json").stat().st_size} + {len(store.blob)} bytes', file=sys.stderr)


if __name__ == '__main__':
    write()
