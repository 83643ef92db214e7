"""The public names of PyTorch, for docs/coverage.md (scripts/coverage.ts)."""
import types

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.optim import lr_scheduler

MODULES = {'torch': torch, 'Tensor': torch.Tensor, 'functional': F, 'nn': nn, 'init': nn.init, 'utils': nn.utils, 'optim': optim, 'lrScheduler': lr_scheduler}


def public(home):
    """Names without an underscore in front that hold no module."""
    held = ((name, getattr(home, name, None)) for name in dir(home) if not name.startswith('_'))
    return [f'{name} class' if isinstance(value, type) else name for name, value in held if not isinstance(value, types.ModuleType)]


def rows():
    return {module: public(home) for module, home in MODULES.items()}
