"""Cases of src/ops/at.ts."""
from harness import case, ivals, rand


def cases():
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
