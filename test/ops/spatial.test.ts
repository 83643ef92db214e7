/** @file Convolution, pooling and resizing over one to three axes: properties with random geometry, and what errors say. */
import { beforeAll, describe, expect, it } from 'vitest'
import { arange, manualSeed, nn, ones, setDefaultDevice, type Tensor, tensor, zeros } from '../../src/index.ts'
import { device, hasDoubles, wide } from '../support/device.ts'
import { Dice } from '../support/windows.ts'

const F = nn.functional
beforeAll(() => setDefaultDevice(device))

type Conv = (x: Tensor, w: Tensor, options: object) => Tensor
const CONVS = [F.conv1d, F.conv2d, F.conv3d] as readonly Conv[]
const TRANSPOSED = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d] as readonly Conv[]
const total = (shape: readonly number[]): number => shape.reduce((n, s) => n * s, 1)
const drawn = (dice: Dice, shape: readonly number[]): Tensor => tensor(dice.values(total(shape)), { shape, dtype: wide, device })

/** Sizes, strides and the like of a convolution that fits, for each axis. */
function geometry(dice: Dice, rank: number) {
  const axes = Array.from({ length: rank }, () => {
    const [kernel, stride, dilation, padding] = [dice.pick([1, 2, 3]), dice.pick([1, 2, 3]), dice.pick([1, 2]), dice.pick([0, 1, 2])]
    const out = dice.pick([1, 2, 3])
    const longer = dice.below(stride)
    // what a transposed convolution gives for `out`
    const size = (out - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + longer
    return { kernel, stride, dilation, padding, out, longer, size }
  })
  return axes.every((a) => a.size > 0) ? axes : undefined
}

describe('convolutions over one to three axes', () => {
  const seeds = Array.from({ length: hasDoubles ? 40 : 4 }, (_, i) => i + 1)
  it.each([1, 2, 3])('of %i: the transposed one is the adjoint, whatever the geometry', { timeout: 60_000 }, async (rank) => {
    for (const seed of seeds) {
      const dice = new Dice(seed * 10 + rank)
      const axes = geometry(dice, rank)
      if (!axes) continue
      const groups = dice.pick([1, 2])
      const [inner, outer] = dice.two([1, 2])
      const each = (key: 'kernel' | 'stride' | 'dilation' | 'padding' | 'out' | 'longer' | 'size'): number[] => axes.map((a) => a[key])
      const options = { stride: each('stride'), dilation: each('dilation'), padding: each('padding'), groups }
      const x = drawn(dice, [2, groups * inner, ...each('size')])
      const w = drawn(dice, [groups * outer, inner, ...each('kernel')])
      const y = drawn(dice, [2, groups * outer, ...each('out')])
      const there = (CONVS[rank - 1] as Conv)(x, w, options)
      const back = (TRANSPOSED[rank - 1] as Conv)(y, w, { ...options, outputPadding: each('longer') })
      expect([there.shape, back.shape], `seed ${seed}`).toEqual([y.shape, x.shape])
      const [a, b] = await Promise.all([there.mul(y).sum().item(), back.mul(x).sum().item()])
      expect(Math.abs(a - b), `seed ${seed}`).toBeLessThan(hasDoubles ? 1e-9 : 1e-3)
    }
  })

  it('of one axis are those of two with a height of 1', async () => {
    const dice = new Dice(5)
    const [x, w] = [drawn(dice, [2, 4, 9]), drawn(dice, [6, 2, 3])]
    const options = { stride: 2, padding: 2, dilation: 2, groups: 2 }
    const flat = { ...options, stride: [1, 2], padding: [0, 2], dilation: [1, 2] } as const
    const one = await F.conv1d(x, w, options).data()
    expect(await F.conv2d(x.unsqueeze(2), w.unsqueeze(2), flat).data()).toEqual(one)
  })

  it('of elements that are far apart and windows of one keep nothing of their stride or dilation', async () => {
    const x = ones([1, 1, 2]).requiresGrad_()
    F.conv1d(x, ones([1, 1, 1]), { stride: 2 ** 30, dilation: 2 ** 30 })
      .sum()
      .backward()
    expect(await x.grad?.toArray()).toEqual([[[1, 0]]])
    expect(F.convTranspose1d(ones([1, 1, 1]), ones([1, 1, 1]), { stride: 2 ** 30, dilation: 2 ** 30 }).shape).toEqual([1, 1, 1])
  })
})

describe('pooling and resizing', () => {
  it('maxUnpool gives what was pooled its place again, and each of several at one place the gradient', async () => {
    const x = tensor([[[1, 5, 2, 4]]])
    const { values, indices } = F.maxPool1d(x, 2, { returnIndices: true })
    expect(await F.maxUnpool1d(values, indices, 2).toArray()).toEqual([[[0, 5, 0, 4]]])
    const twice = tensor([[[3, 3]]]).requiresGrad_()
    F.maxUnpool1d(twice, tensor([[[1, 1]]], { dtype: 'int32' }), 2)
      .sum()
      .backward()
    expect(await twice.grad?.toArray()).toEqual([[[1, 1]]])
  })

  it('maxUnpool finds positions out of range that only the device has', async () => {
    const positions = tensor([[[1, 3]]], { dtype: 'int32' }).add(tensor([[[0, 1]]], { dtype: 'int32' }))
    await expect(F.maxUnpool1d(ones([1, 1, 2]), positions, 2).data()).rejects.toThrow(
      /^maxUnpool1d: index 4 is out of range for an axis of size 4/,
    )
  })

  it('fractional pooling takes numbers from the generator, the same for the same seed', async () => {
    const x = arange(400).float().reshape(1, 1, 20, 20)
    const draw = async (): Promise<unknown> => {
      manualSeed(7)
      return (F.fractionalMaxPool2d(x, 2, { outputRatio: 0.6 }) as Tensor).toArray()
    }
    const first = await draw()
    expect(await draw()).toEqual(first)
    expect(await (F.fractionalMaxPool2d(x, 2, { outputRatio: 0.6 }) as Tensor).toArray()).not.toEqual(first)
  })

  it('the gradient of resizing is its adjoint, in every mode', async () => {
    const dice = new Dice(11)
    const modes = ['nearest', 'nearest-exact', 'area', 'bilinear', 'bicubic'] as const
    for (const mode of modes)
      for (const size of [
        [3, 8],
        [7, 2],
        [5, 5],
      ] as const) {
        const [x, y] = [drawn(dice, [1, 2, 5, 4]).requiresGrad_(), drawn(dice, [1, 2, ...size])]
        const there = F.interpolate(x, { size, mode })
        there.backward(y)
        // (linear in x, so <f(x), y> = <x, f*(y)>)
        const [a, b] = await Promise.all([
          there.mul(y).sum().item(),
          x
            .mul(x.grad as Tensor)
            .sum()
            .item(),
        ])
        expect(Math.abs(a - b), `${mode} to ${size}`).toBeLessThan(1e-4)
      }
  })

  it('sampling at the places of an unchanged map changes nothing', async () => {
    const x = drawn(new Dice(3), [2, 3, 4, 5]).float()
    const theta = tensor([
      [1, 0, 0],
      [0, 1, 0],
    ]).expand(2, 2, 3)
    for (const alignCorners of [true, false]) {
      const got = await F.gridSample(x, F.affineGrid(theta, x.shape, { alignCorners }), { alignCorners }).data()
      const want = await x.data()
      for (let i = 0; i < want.length; i++) expect(Math.abs(Number(got[i]) - Number(want[i]))).toBeLessThan(1e-5)
    }
  })
})

describe('errors', () => {
  const line = (): Tensor => zeros([1, 2, 6])
  const image = (): Tensor => zeros([1, 2, 4, 4])
  const int = (): Tensor => zeros([1, 2, 6], { dtype: 'int32' })
  const cases: readonly [string, () => unknown, string][] = [
    [
      'no batch nor channels',
      () => F.conv1d(zeros([6]), zeros([1, 1, 3])),
      'conv1d: x must be [batch, channels, length] or [channels, length], got [6]. For one channel: x.unsqueeze(0)',
    ],
    [
      'a weight of other dims',
      () => F.conv3d(zeros([1, 1, 3, 3, 3]), zeros([1, 1, 3, 3])),
      'conv3d: weight must be [out, in / groups, depth, height, width], got [1, 1, 3, 3]',
    ],
    [
      'channels last',
      () => F.conv1d(zeros([1, 6, 2]), zeros([3, 2, 3])),
      'conv1d: channels differ: x is [1, 6, 2] (channels 6), weight is [3, 2, 3] (2). Channels come before length: x.permute(0, 2, 1)',
    ],
    [
      'a window that is too large',
      () => F.conv1d(line(), zeros([3, 2, 7])),
      'conv1d: the window is larger than the input: it spans [7], x is [1, 2, 6] with [6] after padding. Pad it, or take a smaller window',
    ],
    ['integers', () => F.conv1d(int(), zeros([3, 2, 3])), 'conv1d: x must be of a float dtype, got int32. Convert with .float()'],
    [
      'same with a stride',
      () => F.conv1d(line(), zeros([3, 2, 3]), { padding: 'same', stride: 2 }),
      "conv1d: padding 'same' needs stride 1, got [2]: give the padding as a number",
    ],
    [
      'channels of a transposed one',
      () => F.convTranspose1d(line(), zeros([3, 2, 3])),
      'convTranspose1d: channels differ: x is [1, 2, 6] (channels 2), weight is [3, 2, 3] (3)',
    ],
    [
      'groups of a transposed one',
      () => F.convTranspose1d(zeros([1, 3, 6]), zeros([3, 2, 3]), { groups: 2 }),
      'convTranspose1d: weight [3, 2, 3] has 3 inputs, which do not divide into 2 groups',
    ],
    [
      'bias of a transposed one',
      () => F.convTranspose1d(line(), zeros([2, 2, 3]), zeros([3]), { groups: 2 }),
      'convTranspose1d: bias must be [4] for weight [2, 2, 3], got [3]',
    ],
    [
      'outputPadding past the stride',
      () => F.convTranspose1d(line(), zeros([2, 2, 3]), { stride: 2, outputPadding: 2 }),
      'convTranspose1d: outputPadding must be below the stride or the dilation: it is [2], the stride [2], the dilation [1]',
    ],
    [
      'a transposed one of which nothing is left',
      () => F.convTranspose1d(zeros([1, 2, 1]), zeros([2, 2, 1]), { padding: 1 }),
      'convTranspose1d: nothing is left: the output would be [-1] long for x [1, 2, 1]',
    ],
    [
      'convTbc of other channels',
      () => F.convTbc(zeros([5, 1, 2]), zeros([3, 3, 4]), zeros([4])),
      'convTbc: channels differ: x is [5, 1, 2] (channels 2), weight is [3, 3, 4] (3)',
    ],
    [
      'padding beyond half of the window',
      () => F.maxPool1d(line(), 3, { padding: 2 }),
      'maxPool1d: padding must be at most half of the kernel size: padding is [2], the kernel [3]',
    ],
    [
      'a size for each of other axes',
      () => F.avgPool3d(zeros([1, 1, 4, 4, 4]), [2, 2] as never),
      'avgPool3d: kernelSize must be a whole number ≥ 1, or three of them [depth, height, width], got [2, 2]',
    ],
    [
      'an axis without elements',
      () => F.adaptiveAvgPool1d(zeros([1, 2, 0]), 2),
      'adaptiveAvgPool1d: there is nothing to pool: x is [1, 2, 0]',
    ],
    [
      'columns that are not those of windows',
      () => F.fold(zeros([1, 8, 8]), 4, 2),
      'fold: x must be [batch, channels · 4, 9] for windows [2, 2] of an image [4, 4], got [1, 8, 8]',
    ],
    ['resizing to nothing', () => F.interpolate(line(), {}), 'interpolate: size or scaleFactor must be given'],
    [
      'resizing by size and factor',
      () => F.interpolate(line(), { size: 3, scaleFactor: 2 }),
      'interpolate: size and scaleFactor exclude each other: give one',
    ],
    [
      'a mode for other axes',
      () => F.interpolate(line(), { size: 3, mode: 'bilinear' }),
      "interpolate: mode 'bilinear' takes x [batch, channels, height, width], got [1, 2, 6]",
    ],
    [
      'corners of a mode without',
      () => F.interpolate(line(), { size: 3, alignCorners: true }),
      "interpolate: alignCorners goes with the modes 'linear', 'bilinear', 'bicubic', 'trilinear', not with 'nearest'",
    ],
    [
      'antialias of a mode without',
      () => F.interpolate(line(), { size: 3, mode: 'linear', antialias: true }),
      "interpolate: antialias goes with the modes 'bilinear' and 'bicubic', not with 'linear'",
    ],
    [
      'sizes of other axes',
      () => F.interpolate(image(), { size: [3] }),
      'interpolate: size must have 2 elements, one for each axis of x, got [3]',
    ],
    [
      'a grid for another batch',
      () => F.gridSample(image(), zeros([2, 3, 3, 2])),
      'gridSample: grid must be [1, height, width, 2] for x [1, 2, 4, 4], got [2, 3, 3, 2]',
    ],
    [
      'cubics of volumes',
      () => F.gridSample(zeros([1, 1, 2, 2, 2]), zeros([1, 2, 2, 2, 3]), { mode: 'bicubic' }),
      "gridSample: mode 'bicubic' takes x [batch, channels, height, width], got [1, 1, 2, 2, 2]",
    ],
    [
      'a map for other axes',
      () => F.affineGrid(zeros([1, 3, 4]), [1, 1, 4, 4]),
      'affineGrid: theta must be [1, 2, 3] for size [1, 1, 4, 4], got [1, 3, 4]',
    ],
    [
      'channels that do not divide',
      () => F.pixelShuffle(zeros([1, 6, 2, 2]), 2),
      'pixelShuffle: x [1, 6, 2, 2] has 6 channels, which do not divide by 2² = 4',
    ],
    [
      'a height that does not divide',
      () => F.pixelUnshuffle(zeros([1, 1, 3, 4]), 2),
      'pixelUnshuffle: x [1, 1, 3, 4] is 3 high and 4 wide, which do not divide by 2',
    ],
    [
      'channels of no groups',
      () => F.channelShuffle(zeros([1, 3, 2]), 2),
      'channelShuffle: channels must be divisible by groups, got 3 and 2',
    ],
    [
      'positions of another shape',
      () => F.maxUnpool1d(ones([1, 2, 3]), zeros([1, 2, 2], { dtype: 'int32' }), 2),
      'maxUnpool1d: indices must have the shape of x [1, 2, 3], got [1, 2, 2]',
    ],
    ['float positions', () => F.maxUnpool1d(ones([1, 2, 3]), zeros([1, 2, 3]), 2), 'maxUnpool1d: indices must be integers, got float32'],
    [
      'an output size that no pooling had',
      () => F.maxUnpool1d(ones([1, 2, 3]), zeros([1, 2, 3], { dtype: 'int32' }), 2, { outputSize: [8] }),
      'maxUnpool1d: outputSize [8] must differ by less than the stride [2] from [6], each size by itself',
    ],
    [
      'fractional pooling without a size',
      () => F.fractionalMaxPool2d(image(), 2),
      'fractionalMaxPool2d: outputSize or outputRatio must be given',
    ],
    [
      'fractional windows that do not fit',
      () => F.fractionalMaxPool2d(image(), 2, { outputSize: 4 }),
      'fractionalMaxPool2d: an output [4, 4] of windows [2, 2] does not fit an input [4, 4]: output + window − 1 is at most the input, and the output at least 1',
    ],
  ]
  it.each(cases)('%s', (_, call, message) => {
    expect(call).toThrow(message)
    let said = ''
    try {
      call()
    } catch (error) {
      said = (error as Error).message
    }
    expect(said).toBe(message)
  })
})
