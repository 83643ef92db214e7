"""What the golden files are made with: inputs, PyTorch's call for tapegrad's, and the file of a family.

A case is written once, as tapegrad's own call: the op's camelCase name and its arguments, where "$0", "$1", … stand for the inputs, and
"$float", "$device", "$nan", "$inf", "$-inf" for what their names say. PyTorch's call is derived from it by the naming rule (snake_case, the
trailing options object becomes keyword arguments), so that each case also tests the rule. Where JavaScript forces a difference, TORCH below
says how PyTorch spells it.

Float inputs are exact in float32 although everything is computed in float64, so that a float32 device starts from the very same numbers.
Every case draws from a generator that is seeded by its name: adding one changes one line of its family's file, and no other file.

The dtype "float" means the float type under test (float64 on cpu, float32 on webgpu). Numbers have the digits that tell them from their
neighbours in float64, or in float32 where that is the dtype; those that JSON cannot hold are strings: "NaN", "Infinity", "-Infinity".
"""
import json
import math
import re
import zlib

import numpy as np
import torch
import torch.nn.functional as F

NAN, INF = float('nan'), float('inf')
F64 = torch.float64


# ---------------------------------------------------------------- values in JSON

NAMES = {torch.float64: 'float', torch.float32: 'float32', torch.float16: 'float16', torch.bfloat16: 'bfloat16', torch.int64: 'int32', torch.int32: 'int32', torch.bool: 'bool'}


def plain(x):
    """A tensor, a list or a number as JSON can hold it."""
    if isinstance(x, torch.Tensor):
        return plain(x.tolist())
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, float) and not math.isfinite(x):
        return 'NaN' if math.isnan(x) else 'Infinity' if x > 0 else '-Infinity'
    return x


def put(tensor, dtype=None):
    """A tensor as a row of JSON keeps it."""
    flat = tensor.detach().contiguous().reshape(-1)
    if flat.dtype in (torch.float32, torch.float16, torch.bfloat16):
        # The digits of float32: in Python's float64 they would be twice as many
        values = [float(str(v)) for v in flat.float().numpy()]
    else:
        values = (flat.int() if flat.dtype == torch.bool else flat).tolist()
    return {'dtype': dtype or NAMES[tensor.dtype], 'shape': list(tensor.shape), 'values': plain(values)}


def write(path, fields):
    """Lists have one row a line, so that a diff of the file is one of rows."""
    line = lambda value: json.dumps(value, separators=(',', ':'), ensure_ascii=False, allow_nan=False)
    rows = lambda items: '[\n' + ',\n'.join(line(i) for i in items) + '\n]'
    fields = {'torch': torch.__version__, **fields}
    text = ',\n'.join(line(key) + ':' + (rows(value) if isinstance(value, list) else line(value)) for key, value in fields.items())
    path.write_text('{' + text + '}\n')


# ---------------------------------------------------------------- inputs

def generator(name):
    return np.random.RandomState(zlib.crc32(name.encode()))


class Drawn:
    """An input that is drawn when its case is built, from the case's own generator of random numbers."""

    def __init__(self, make):
        self.make = make


def rand(*shape, low=-2.0, high=2.0):
    return Drawn(lambda rng: torch.tensor(rng.uniform(low, high, shape).astype(np.float32).astype(np.float64)).reshape(shape))


def ints(*shape, low=0, high=10):
    return Drawn(lambda rng: torch.tensor(rng.randint(low, high, shape), dtype=torch.int64).reshape(shape))


def distinct(*shape):
    """Whole numbers without ties, shuffled."""
    n = int(np.prod(shape))
    return Drawn(lambda rng: torch.tensor(rng.permutation(n) - n // 2, dtype=F64).reshape(shape))


def bits(*shape):
    return Drawn(lambda rng: torch.tensor(rng.randint(0, 2, shape), dtype=torch.bool).reshape(shape))


def vals(data, shape=None):
    t = torch.tensor(data, dtype=torch.float32).to(F64)
    return t.reshape(shape) if shape is not None else t


def ivals(data):
    return torch.tensor(data, dtype=torch.int64)


def bvals(data):
    return torch.tensor(data, dtype=torch.bool)


class NoGrad:
    def __init__(self, source):
        self.source = source


BINARY_SHAPES = [((2, 3), (2, 3), 'same shape'), ((2, 3), (3,), 'row'), ((2, 1, 3), (4, 1), 'both broadcast'), ((), (2, 2), '0-d'),
                 ((), (), 'both 0-d'), ((0, 3), (1, 3), 'empty')]


def nograd(source):
    return NoGrad(source)


# ---------------------------------------------------------------- from tapegrad's call to PyTorch's

def snake(name):
    return re.sub(r'(?<=[a-z0-9])([A-Z])', lambda m: '_' + m.group(1).lower(), name)


def camel(name):
    return re.sub(r'_([a-z])', lambda m: m.group(1).upper(), name)


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


DTYPES = {'float32': torch.float32, 'float16': torch.float16, 'bfloat16': torch.bfloat16, 'int32': torch.int64, 'bool': torch.bool}

# What the naming rule does not reach: a function of the inputs and tapegrad's raw arguments.
TORCH = {
    'at': lambda inputs, args: inputs[0][tuple(index_item(a, inputs) for a in args[1:])],
    'var': lambda inputs, args: spread(torch.var, inputs[0], *args[1:]),
    'std': lambda inputs, args: spread(torch.std, inputs[0], *args[1:]),
    'varMean': lambda inputs, args: spread(torch.var_mean, inputs[0], *args[1:]),
    'stdMean': lambda inputs, args: spread(torch.std_mean, inputs[0], *args[1:]),
    'mT': lambda inputs, args: inputs[0].mT,
    'cast': lambda inputs, args: inputs[0].to(F64 if args[1] == '$float' else DTYPES[args[1]]),
    'neg': lambda inputs, args: -inputs[0],
    # (the gradient of PyTorch's own has 1/6 in float32)
    'hardsigmoid': lambda inputs, args: F.relu6(inputs[0] + 3) / 6,
    'rmsNorm': lambda inputs, args: rms_norm(inputs, *args[1:]),
    'ctcLoss': lambda inputs, args: ctc_loss(*torch_value(args[:4], inputs), *args[4:]),
    'scaledDotProductAttention': lambda inputs, args: attention(inputs, args),
    'vander': lambda inputs, args: vander(inputs[0], *args[1:]),
    'maxout': lambda inputs, args: maxout(inputs[0], *args[1:]),
    'unfoldDim': lambda inputs, args: inputs[0].unfold(*args[1:]),
    **{f'atleast{n}d': lambda inputs, args, n=n: getattr(torch, f'atleast_{n}d')(*torch_value(args, inputs)) for n in (1, 2, 3)},
}


def rms_norm(inputs, shape, options=None):
    """torch.nn.functional.rms_norm, which PyTorch 1.13 has not yet."""
    options = options or {}
    x = inputs[0]
    dims = list(range(x.ndim - len(shape), x.ndim))
    y = x * torch.rsqrt((x * x).mean(dims, keepdim=True) + options['eps'])
    return y * inputs[int(options['weight'][1:])] if 'weight' in options else y


def ctc_loss(logs, targets, times, counts, options=None):
    """torch.nn.functional.ctc_loss, whose gradient is that of log probabilities in front of log_softmax (it has their exp added): without that."""
    options = {snake(k): v for k, v in (options or {}).items()}
    reduction = options.pop('reduction', 'mean')
    whole = lambda x: torch.as_tensor(x)
    losses = F.ctc_loss(logs, targets, whole(times), whole(counts), reduction='none', **options)
    batched = logs if logs.ndim == 3 else logs[:, None]
    there = (torch.arange(logs.shape[0])[:, None] < whole(times).reshape(-1)) & (losses.detach().reshape(-1) != INF)
    if options.get('zero_infinity'):
        plain = F.ctc_loss(logs.detach(), targets, whole(times), whole(counts), reduction='none', blank=options.get('blank', 0))
        there = there & (plain != INF)
    added = (batched.exp().sum(2) * there).sum(0).reshape(losses.shape)
    losses = losses - added + added.detach()
    if reduction == 'none':
        return losses
    return losses.sum() if reduction == 'sum' else (losses / whole(counts).clamp(min=1)).mean()


def attention(inputs, args):
    """torch.nn.functional.scaled_dot_product_attention, which PyTorch 1.13 has not yet: its documentation's own definition, and zeros for what sees nothing."""
    q, k, v = inputs[:3]
    options = args[3] if len(args) > 3 else {}
    if options.get('enableGqa'):
        k, v = (x.repeat_interleave(q.shape[-3] // x.shape[-3], -3) for x in (k, v))
    scores = q @ k.transpose(-1, -2) * (options.get('scale') or q.shape[-1] ** -0.5)
    if options.get('isCausal'):
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).tril().logical_not(), -INF)
    if 'attnMask' in options:
        mask = inputs[int(options['attnMask'][1:])]
        scores = scores.masked_fill(mask.logical_not(), -INF) if mask.dtype == torch.bool else scores + mask
    blind = (scores == -INF).all(-1, keepdim=True)
    return scores.masked_fill(blind, 0).softmax(-1).masked_fill(blind, 0) @ v


def maxout(x, groups, dim=1):
    """I. Goodfellow et al., arXiv:1302.4389: PyTorch has none."""
    dim = (dim['dim'] if isinstance(dim, dict) else dim) % x.ndim
    return x.unflatten(dim, [x.shape[dim] // groups, groups]).max(dim + 1).values


def vander(x, N=None, increasing=False):
    """torch.vander, which changes what its own gradient reads."""
    options = N if isinstance(N, dict) else {'N': N, 'increasing': increasing}
    n = options.get('N') if options.get('N') is not None else len(x)
    powers = (x.long() if x.dtype == torch.bool else x)[:, None] ** torch.arange(n)
    powers = powers if options.get('increasing', False) else powers.flip(1)
    assert torch.allclose(powers.detach(), torch.vander(x.detach(), **options), equal_nan=True)
    return powers


def spread(of, x, *rest):
    options = rest[-1] if rest and isinstance(rest[-1], dict) else {}
    dim = rest[0] if rest and not isinstance(rest[0], dict) else options.get('dim')
    dim = list(range(x.ndim)) if dim is None else dim
    return of(x, dim, correction=options.get('correction', 1), keepdim=options.get('keepdim', False))



def torch_value(a, inputs):
    if isinstance(a, list):
        return [torch_value(v, inputs) for v in a]
    if not isinstance(a, str) or not a.startswith('$'):
        return DTYPES.get(a, a) if isinstance(a, str) else a
    named = {'$float': F64, '$device': 'cpu', '$nan': NAN, '$inf': INF, '$-inf': -INF}
    return named[a] if a in named else inputs[int(a[1:])]


# Options that PyTorch spells otherwise.
KEYWORDS = {'randomSamples': '_random_samples'}


def torch_call(op, args, inputs):
    if op in TORCH:
        return TORCH[op](inputs, args)
    name = snake(op)
    options = args[-1] if args and isinstance(args[-1], dict) else {}
    positional = [torch_value(a, inputs) for a in (args[:-1] if options else args)]
    keyword = {KEYWORDS.get(k, snake(k)): torch_value(v, inputs) for k, v in options.items()}
    # nn.functional first: where the root has the same name, its arguments may have another order (embedding)
    for home in (F, torch, torch.special, torch.linalg, torch.Tensor):
        if hasattr(home, name):
            return getattr(home, name)(*positional, **keyword)
    raise LookupError(op)


# Where the method's name or argument order is not the function's; None: PyTorch has no such method.
METHODS = {'var': 'var', 'std': 'std', 'mT': None, 'unfold': None, 'cast': 'to', 'where': 'where', 'at': 'at', 'max': 'max', 'min': 'min'}
FREE = {'at': None, 'cast': None, 'var': 'variance'}
METHODS = {'var': 'var', 'std': 'std', 'mT': None, 'cast': 'to', 'where': 'where', 'at': 'at', 'max': 'max', 'min': 'min', 'unfoldDim': 'unfold'}
FREE = {'unfoldDim': None, 'viewAs': None, 'reshapeAs': None, 'sumToSize': None, 'newZeros': None, 'newOnes': None, 'newFull': None, 'newTensor': None, 'at': None, 'cast': None, 'var': 'variance'}


def method_of(op, args):
    if not args or args[0] != '$0':
        return None
    if op in METHODS:
        return METHODS[op]
    return op if hasattr(torch.Tensor, snake(op)) else None

# ---------------------------------------------------------------- building cases

rows = {}


def cases_of(family):
    """The rows of one family's cases."""
    rows.clear()
    family.cases()
    return list(rows.values())


def flattened(result):
    return [t for part in result for t in flattened(part)] if isinstance(result, (tuple, list)) else [result]


def case(op, inputs, args=None, note='', grad=True, changes=()):
    """`args` defaults to all inputs in order; `changes` names the inputs that the call changes in place."""
    args = [f'${i}' for i in range(len(inputs))] if args is None else args
    name = f'{op}: {note}' if note else op
    if name in rows:
        raise ValueError(f'two cases are called {name!r}: note what makes them differ')
    rng = generator(name)
    tensors, wants = [], []
    for source in inputs:
        fixed = isinstance(source, NoGrad)
        source = source.source if fixed else source
        tensor = source.make(rng) if isinstance(source, Drawn) else source.clone()
        wants.append(grad and not fixed and tensor.dtype == F64)
        tensors.append(tensor.requires_grad_(wants[-1]))
    before = [dict(put(t), **({'requiresGrad': True} if w else {})) for t, w in zip(tensors, wants)]
    result = torch_call(op, args, tensors)
    outputs = flattened(result)
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
    rows[name] = row
