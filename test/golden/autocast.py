"""The dtype of each op's result under autocast, by op and by what it is given: `float32`, or `lower` for autocast's own.

PyTorch 1.13 has autocast on cpu, in bfloat16, but its lists there are not those of a GPU: `torch` says what it gave, and `result` what the lists of
https://pytorch.org/docs/stable/amp.html say for the ops on them; of the others PyTorch's answer is the result.
"""
import importlib
from pathlib import Path

import torch

import harness
from harness import cases_of, torch_call

BF16 = torch.bfloat16
KINDS = {torch.float32: 'float32', BF16: 'lower'}

# As the documentation has them for CUDA ops, of the ops whose names are here; crossEntropy is made of two.
LOWER = '''matmul mv addmm addmv addr addbmm baddbmm einsum chainMatmul multiDot matrixPower
           linear prelu conv1d conv2d conv3d convTranspose1d convTranspose2d convTranspose3d convTbc'''.split()
FLOAT32 = '''acos asin cosh tan sinh erfinv log10 log2 exp expm1 log log1p reciprocal rsqrt pow square logsumexp softmax logSoftmax cumsum cumprod sum
             prod norm frobeniusNorm vectorNorm matrixNorm renorm
             mseLoss nllLoss crossEntropy ctcLoss softplus softmin'''.split()
FLOAT32 += 'layerNorm groupNorm l1Loss smoothL1Loss huberLoss klDiv poissonNllLoss gaussianNllLoss binaryCrossEntropyWithLogits'.split()
FLOAT32 += 'cdist pdist dist hingeEmbeddingLoss marginRankingLoss cosineEmbeddingLoss tripletMarginLoss tripletMarginWithDistanceLoss multiMarginLoss'.split()
FLOAT32 += 'interpolate upsample upsampleNearest upsampleBilinear multilabelMarginLoss multilabelSoftMarginLoss softMarginLoss cosineSimilarity'.split()
# On the list of PyTorch's cpu alone: computed in what they are given
NONE = '''trace quantile nanquantile
              maxPool1d maxPool2d maxPool3d maxPool1dWithIndices maxPool2dWithIndices maxPool3dWithIndices avgPool1d avgPool2d avgPool3d unfold fold
              adaptiveAvgPool1d adaptiveAvgPool2d adaptiveAvgPool3d adaptiveMaxPool1d adaptiveMaxPool2d adaptiveMaxPool3d
              adaptiveMaxPool1dWithIndices adaptiveMaxPool2dWithIndices adaptiveMaxPool3dWithIndices'''.split()
NONE += ['embeddingBag']
NONE += 'maxUnpool1d maxUnpool2d maxUnpool3d pixelShuffle pixelUnshuffle channelShuffle'.split()
# Of the dtype of the first, whatever the others are
FIRST = 'fractionalMaxPool2d fractionalMaxPool3d fractionalMaxPool2dWithIndices fractionalMaxPool3dWithIndices'.split()
WIDEST = 'addcdiv addcmul atan2 cross dot vdot inner tensordot bilinear cat stack scatterAdd'.split()
WIDEST += 'gridSample indexPut'.split()
# Whose tensors must be of one dtype; PyTorch's cpu has it on its list
ONE_DTYPE = ['indexCopy']
LOWER += ['scaledDotProductAttention']
# Refused under autocast
REFUSED = ['binaryCrossEntropy']


def first_cases():
    """One row for each op: the first that has a float input and does not say a dtype."""
    found = {}
    for path in sorted((Path(__file__).parent / 'ops').glob('*.py')):
        for row in cases_of(importlib.import_module(f'ops.{path.stem}')):
            says = any('$float' in str(a) or 'dtype' in str(a) for a in row['args'])
            if row['op'] not in found and not says and any(i['dtype'] == 'float' for i in row['inputs']):
                found[row['op']] = row
    return found


def build(span, dtype):
    if span['dtype'] == 'float':
        return torch.tensor([float(v) for v in span['values']], dtype=dtype).reshape(span['shape'])
    return torch.tensor(span['values'], dtype={'int32': torch.int64, 'bool': torch.bool}[span['dtype']]).reshape(span['shape'])


def given_to(row):
    """What the float inputs are: all of one dtype, or the first lower than the others."""
    floats = sum(i['dtype'] == 'float' for i in row['inputs'])
    yield 'float32', [torch.float32] * floats
    yield 'lower', [BF16] * floats
    if floats > 1:
        yield 'mixed', [BF16] + [torch.float32] * (floats - 1)


def in_torch(row, dtypes):
    """What autocast on cpu gives; None where it refuses, as some ops do that have no bfloat16 there."""
    kinds = iter(dtypes)
    inputs = [build(i, next(kinds) if i['dtype'] == 'float' else None) for i in row['inputs']]
    try:
        with torch.autocast('cpu', dtype=BF16):
            result = torch_call(row['op'], row['args'], inputs)
    except (RuntimeError, IndexError):
        return None
    return KINDS.get((result[0] if isinstance(result, (tuple, list)) else result).dtype, 'other')


def by_lists(op, given):
    if op == 'floatPower':
        return 'float32'  # where PyTorch has float64
    if op in NONE:
        return 'lower' if given == 'lower' else 'float32'
    if op in ONE_DTYPE:
        return given
    if op in FIRST:
        return 'float32' if given == 'float32' else 'lower'
    if op in LOWER:
        return 'lower'
    if op in FLOAT32:
        return 'float32'
    if op in WIDEST:
        return 'lower' if given == 'lower' else 'float32'
    return None


def gpu_list():
    """The ops of which PyTorch has a kernel for autocast on GPUs, by their names here."""
    found = set()
    for schema in torch._C._jit_get_all_schemas():
        namespace, name = schema.name.split('::')
        full = schema.name + ('.' + schema.overload_name if schema.overload_name else '')
        try:
            if namespace == 'aten' and torch._C._dispatch_has_kernel_for_dispatch_key(full, 'AutocastCUDA'):
                found.add(harness.camel(name))
        except RuntimeError:
            pass  # one of TorchScript alone
    return sorted(found)


def rows():
    found = []
    for op, row in sorted(first_cases().items()):
        for given, dtypes in given_to(row):
            got = in_torch(row, dtypes)
            found.append({'op': op, 'case': row['name'], 'given': given, 'torch': got, 'result': None if op in REFUSED or (op in ONE_DTYPE and given == 'mixed') else by_lists(op, given) or got})
    return {'gpu': gpu_list(), 'results': found}
