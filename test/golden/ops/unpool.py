"""Cases of src/ops/unpool.ts."""
from harness import case, ivals, rand


def cases():
    case('maxUnpool1d', [rand(1, 2, 3), ivals([[[1, 2, 5], [0, 3, 4]]])], ['$0', '$1', 2])
    case('maxUnpool1d', [rand(2, 3), ivals([[0, 2, 6], [1, 4, 5]])], ['$0', '$1', 2, {'outputSize': [7]}], 'no batch, outputSize')
    case('maxUnpool1d', [rand(1, 1, 3), ivals([[[0, 2, 4]]])], ['$0', '$1', 3, {'stride': 2, 'padding': 1}], 'stride and padding')
    case('maxUnpool2d', [rand(1, 2, 2, 2), ivals([[[[0, 3], [9, 14]], [[5, 2], [12, 11]]]])], ['$0', '$1', 2])
    case('maxUnpool2d', [rand(1, 2, 2), ivals([[[1, 4], [10, 12]]])], ['$0', '$1', [2, 2], {'stride': [2, 2], 'outputSize': [5, 4]}], 'no batch, outputSize')
    case('maxUnpool2d', [rand(1, 1, 2, 1), ivals([[[[2], [7]]]])], ['$0', '$1', [2, 3], {'outputSize': [1, 1, 5, 3]}], 'outputSize with batch and channels')
    case('maxUnpool3d', [rand(1, 1, 1, 2, 2), ivals([[[[[0, 19], [9, 30]]]]])], ['$0', '$1', 2])
    case('maxUnpool3d', [rand(2, 1, 1, 2), ivals([[[[0, 6]]], [[[3, 5]]]])], ['$0', '$1', [2, 2, 1], {'stride': [2, 2, 2]}], 'no batch, stride')
    case('maxUnpool3d', [rand(1, 1, 1, 1, 1), ivals([[[[[2]]]]])], ['$0', '$1', [1, 2, 2], {'stride': [2, 2, 2], 'outputSize': [1, 2, 2]}], 'one')
