"""Cases of src/ops/shuffle.ts."""
from harness import case, ints, rand


def cases():
    case('pixelShuffle', [rand(2, 8, 2, 3)], ['$0', 2])
    case('pixelShuffle', [rand(9, 2, 1)], ['$0', 3], 'no batch')
    case('pixelShuffle', [ints(2, 1, 4, 2, 2)], ['$0', 2], 'more dims, integers')
    case('pixelShuffle', [rand(0, 4, 2, 2)], ['$0', 2], 'empty batch', grad=False)
    case('pixelUnshuffle', [rand(2, 2, 4, 6)], ['$0', 2])
    case('pixelUnshuffle', [rand(1, 3, 6)], ['$0', 3], 'no batch')
    case('pixelUnshuffle', [ints(2, 1, 1, 4, 4)], ['$0', 2], 'more dims, integers')
    case('channelShuffle', [rand(1, 6, 2, 2)], ['$0', 3], grad=False)  # PyTorch 1.13 has no gradient of it
    case('channelShuffle', [rand(2, 4, 3)], ['$0', 2], 'one axis', grad=False)
    case('channelShuffle', [ints(2, 4, 1, 2, 2)], ['$0', 4], 'three axes, integers')
