#!/usr/bin/python3
"""What PyTorch answers where a few numbers say it all, for tests that make their cases themselves: scalars.json.

    apt-get install -y --no-install-recommends python3-torch      # Debian 12: PyTorch 1.13
    /usr/bin/python3 test/golden/scalars.py                       # rewrites scalars.json

Numbers that JSON cannot hold are strings: "NaN", "Infinity", "-Infinity".
"""
import json
import math
from pathlib import Path

import torch

NAN, INF = float('nan'), float('inf')


def plain(x):
    """A tensor, a list or a number as JSON can hold it."""
    if isinstance(x, torch.Tensor):
        return plain(x.tolist())
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, float) and not math.isfinite(x):
        return 'NaN' if math.isnan(x) else 'Infinity' if x > 0 else '-Infinity'
    return x


# ---------------------------------------------------------------- clip_grad_norm_

def clips():
    lists = [[[3.0, -4.0], [0.5]], [[0.0, 0.0], [0.0]], [[1e-3, 2e-3, -1e-3]], [[3e4, -4e4], [6e4, 1.0]], [[1.0, NAN], [2.0]], [[1.0, -INF], [2.0]]]
    for grads in lists:
        for norm_type in [2, 1, 0.5, 1.5, 3, INF]:
            for max_norm in [1, 0, 1e6]:
                params = [torch.zeros(len(g), dtype=torch.float64) for g in grads]
                for p, g in zip(params, grads):
                    p.grad = torch.tensor(g, dtype=torch.float64)
                norm = torch.nn.utils.clip_grad_norm_(params, max_norm, norm_type)
                yield {'grads': plain(grads), 'normType': plain(norm_type), 'maxNorm': max_norm, 'norm': plain(norm), 'clipped': [plain(p.grad) for p in params]}


out = {'torch': torch.__version__, 'clips': list(clips())}
lines = [f'{json.dumps(k)}: ' + ('[\n' + ',\n'.join(json.dumps(v) for v in value) + '\n]' if isinstance(value, list) else json.dumps(value)) for k, value in out.items()]
(Path(__file__).parent / 'scalars.json').write_text('{\n' + ',\n'.join(lines) + '\n}\n')
