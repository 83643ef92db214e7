"""Cases of src/ops/interpolate.ts."""
from harness import INF, case, rand, vals


def cases():
    for x, options, note in (
        ((1, 2, 5), {'size': 8}, 'longer'),
        ((1, 2, 7), {'size': [3]}, 'shorter'),
        ((2, 2, 4), {'scaleFactor': 2}, 'twice'),
        ((1, 2, 3, 4), {'scaleFactor': [2, 3]}, 'each axis its own'),
        ((1, 2, 6, 6), {'scaleFactor': 0.5}, 'half'),
        ((1, 1, 5, 4), {'scaleFactor': 1.6}, 'a fraction'),
        ((1, 1, 5, 4), {'scaleFactor': 1.6, 'recomputeScaleFactor': True}, 'a fraction, recomputed'),
        ((1, 1, 2, 3, 4), {'size': [3, 2, 6]}, 'three axes'),
        ((0, 2, 3), {'size': 5}, 'empty batch'),
        ((1, 2, 4), {'size': 4}, 'as it is'),
    ):
        case('interpolate', [rand(*x)], ['$0', options], f'nearest, {note}')
        case('interpolate', [rand(*x)], ['$0', {**options, 'mode': 'nearest-exact'}], f'nearest-exact, {note}')
        case('interpolate', [rand(*x)], ['$0', {**options, 'mode': 'area'}], f'area, {note}')
        mode = {3: 'linear', 4: 'bilinear', 5: 'trilinear'}[len(x)]
        case('interpolate', [rand(*x)], ['$0', {**options, 'mode': mode}], f'{mode}, {note}')
        case('interpolate', [rand(*x)], ['$0', {**options, 'mode': mode, 'alignCorners': True}], f'{mode}, aligned, {note}')
        if len(x) == 4:
            case('interpolate', [rand(*x)], ['$0', {**options, 'mode': 'bicubic'}], f'bicubic, {note}')
            case('interpolate', [rand(*x)], ['$0', {**options, 'mode': 'bicubic', 'alignCorners': True}], f'bicubic, aligned, {note}')
    for x, options, note in (
        ((1, 2, 8, 7), {'size': [3, 4]}, 'smaller'),
        ((1, 1, 9, 3), {'size': [4, 7]}, 'smaller and larger'),
        ((1, 1, 8, 6), {'scaleFactor': 0.4}, 'a fraction'),
        ((1, 1, 5, 5), {'size': 1}, 'one'),
    ):
        for mode in ('bilinear', 'bicubic'):
            for aligned in (False, True):
                case('interpolate', [rand(*x)], ['$0', {**options, 'mode': mode, 'antialias': True, 'alignCorners': aligned}], f'{mode}, antialias, {note}{", aligned" if aligned else ""}')
    case('interpolate', [vals([1, INF, 2, 3], (1, 1, 4))], ['$0', {'scaleFactor': 2}], 'nearest, infinity')
    case('interpolate', [rand(1, 1, 1)], ['$0', {'size': 3, 'mode': 'linear', 'alignCorners': True}], 'linear, aligned, from one')
    case('interpolate', [rand(1, 1, 5)], ['$0', {'size': 1, 'mode': 'linear', 'alignCorners': True}], 'linear, aligned, to one')
    case('upsample', [rand(1, 2, 3, 2)], ['$0', {'scaleFactor': 2}])
    case('upsample', [rand(1, 2, 3)], ['$0', {'size': 5, 'mode': 'linear', 'alignCorners': False}], 'linear')
    case('upsample', [rand(1, 1, 2, 2, 2)], ['$0', {'size': [3, 3, 3], 'mode': 'trilinear'}], 'trilinear')
    case('upsampleNearest', [rand(1, 2, 3, 2)], ['$0', {'scaleFactor': 2}])
    case('upsampleNearest', [rand(1, 2, 3)], ['$0', {'size': 7}], 'size')
    case('upsampleNearest', [rand(1, 1, 2, 3, 2)], ['$0', {'size': [4, 4, 3]}], 'three axes')
    case('upsampleBilinear', [rand(1, 2, 3, 2)], ['$0', {'scaleFactor': 2}])
    case('upsampleBilinear', [rand(1, 1, 4, 3)], ['$0', {'size': [7, 2]}], 'size')
    case('upsampleBilinear', [rand(1, 1, 2, 2)], ['$0', {'size': 5}], 'one number')
