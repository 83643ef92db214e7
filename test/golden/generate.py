#!/usr/bin/python3
"""Golden values, gradients, optimizer paths and printed text from PyTorch, for test/golden.test.ts and others: one JSON file beside each family.

    apt-get install -y --no-install-recommends python3-torch      # Debian 12: PyTorch 1.13
    /usr/bin/python3 test/golden/generate.py                      # all families
    /usr/bin/python3 test/golden/generate.py pool norm            # these

A family of ops is a module in ops/, called as its file in src/ops, with its cases in `cases()`. The other modules give in `rows()` what their
file holds. A family's file depends on nothing but its module and harness.py.
"""
import importlib
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import harness

HERE = Path(__file__).parent
OPS = {path.stem: path for path in sorted(HERE.glob('ops/*.py'))}
OTHERS = {name: HERE / f'{name}.py' for name in ('autocast', 'clips', 'distributions', 'incomplete-gamma', 'layers', 'names', 'optimizers', 'scaler', 'texts', 'views')}


def generate(name):
    if name in OPS:
        fields = {'cases': harness.cases_of(importlib.import_module(f'ops.{name}'))}
    else:
        fields = importlib.import_module(name).rows()
    path = {**OPS, **OTHERS}[name].with_suffix('.json')
    harness.write(path, fields)
    counts = ', '.join(f'{len(value)} {key}' for key, value in fields.items() if isinstance(value, list))
    print(f'{name}: {counts}, {path.stat().st_size} bytes', file=sys.stderr)


if __name__ == '__main__':
    names = sys.argv[1:] or [*OPS, *OTHERS]
    unknown = [name for name in names if name not in OPS and name not in OTHERS]
    if unknown:
        sys.exit(f'no family {", ".join(unknown)}: there are {", ".join([*OPS, *OTHERS])}')
    for name in names:
        generate(name)
