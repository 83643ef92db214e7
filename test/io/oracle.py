"""Reads and writes safetensors with json and torch alone: an opinion from outside on what src/io writes and reads.

oracle.py read FILE         prints, as JSON, each tensor's dtype, shape and values (as the hex of its bytes), and the metadata
oracle.py write FILE        writes tensors of every dtype that PyTorch has, and prints what they are
"""
import json
import struct
import sys
from array import array

import torch

DTYPES = {
    'F64': torch.float64, 'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16, 'I64': torch.int64, 'I32': torch.int32,
    'I16': torch.int16, 'I8': torch.int8, 'U8': torch.uint8, 'BOOL': torch.bool,
}


def raw(t):
    return bytes(t.contiguous().reshape(-1).view(torch.uint8).tolist()) if t.numel() else b''


def read(path):
    with open(path, 'rb') as f:
        content = f.read()
    (length,) = struct.unpack('<Q', content[:8])
    assert length % 8 == 0 and content[8:9] == b'{'
    header = json.loads(content[8:8 + length].decode('utf-8'))
    metadata = header.pop('__metadata__', None)
    data = bytearray(content[8 + length:])
    tensors, covered = {}, 0
    for name, entry in sorted(header.items(), key=lambda e: e[1]['data_offsets']):
        begin, end = entry['data_offsets']
        assert begin == covered, name
        covered = end
        piece, dtype = data[begin:end], entry['dtype']
        if dtype == 'U32':  # which older torch does not have
            t = torch.tensor(array('I', piece).tolist(), dtype=torch.int64)
        else:
            t = torch.frombuffer(piece or bytearray(8), dtype=DTYPES[dtype])[: len(piece) or 0]
        t = t.reshape(entry['shape'])
        # sums by torch's own reading of the values: bytes alone would say nothing of what they mean
        tensors[name] = {'dtype': 'torch.uint32' if dtype == 'U32' else str(t.dtype), 'shape': list(t.shape), 'bytes': piece.hex(),
                         'sum': float(t.double().sum())}
    assert covered == len(data)
    json.dump({'metadata': metadata, 'tensors': tensors}, sys.stdout)


def write(path):
    g = torch.Generator().manual_seed(1)
    x = torch.randn(3, 4, generator=g, dtype=torch.float64) * 10
    whole = {'I64': torch.int64, 'I32': torch.int32, 'I16': torch.int16, 'I8': torch.int8}
    tensors = {
        'net.weight': x.float(), 'double': x, 'half': x.half(), 'brain': x.bfloat16(), 'positive': x.abs().to(torch.uint8), 'yes': x > 0,
        'scalar': torch.tensor(2.5), 'empty': torch.zeros(0, 3), **{f'whole.{name}': x.to(dtype) for name, dtype in whole.items()},
    }
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name, t in tensors.items():
        header[name] = {'dtype': names[t.dtype], 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw(t))]}
        data += raw(t)
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + data)
    json.dump({name: {'shape': list(t.shape), 'values': t.double().reshape(-1).tolist()} for name, t in tensors.items()}, sys.stdout)


if sys.argv[1] == 'read':
    read(sys.argv[2])
elif sys.argv[1] == 'write':
    write(sys.argv[2])
