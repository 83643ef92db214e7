"""torch.nn.utils.clip_grad_norm_ in every norm."""
import torch

from harness import INF, NAN, plain

GRADS = [[[3.0, -4.0], [0.5]], [[0.0, 0.0], [0.0]], [[1e-3, 2e-3, -1e-3]], [[3e4, -4e4], [6e4, 1.0]], [[1.0, NAN], [2.0]], [[1.0, -INF], [2.0]]]


def clip(grads, norm_type, max_norm):
    params = [torch.zeros(len(g), dtype=torch.float64) for g in grads]
    for p, g in zip(params, grads):
        p.grad = torch.tensor(g, dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm, norm_type)
    return {'grads': plain(grads), 'normType': plain(norm_type), 'maxNorm': max_norm, 'norm': plain(norm), 'clipped': [plain(p.grad) for p in params]}


def rows():
    return {'clips': [clip(grads, norm_type, max_norm) for grads in GRADS for norm_type in [2, 1, 0.5, 1.5, 3, INF] for max_norm in [1, 0, 1e6]]}
