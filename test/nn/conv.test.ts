import { describe, expect, it } from 'vitest'
import { Generator, manualSeed, nn, optim, randn, type Tensor, zeros } from '../../src/index.ts'
import '../support/matchers.ts'
import { device } from '../support/device.ts'

const F = nn.functional
const largest = async (t: Tensor): Promise<number> => Math.max(...Array.from(await t.data(), (v) => Math.abs(Number(v))))

describe('Conv2d', () => {
  it('is conv2d with its weight, bias and options, also without a batch', async () => {
    manualSeed(0)
    const layer = new nn.Conv2d(4, 6, [3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2, device })
    expect(layer.weight).toHaveShape([6, 2, 3, 2])
    expect(layer.bias as Tensor).toHaveShape([6])
    const x = randn([2, 4, 7, 8], { device })
    const y = layer.forward(x)
    expect(y).toHaveShape([2, 6, 4, 6])
    await expect(y).toBeCloseToTensor(
      F.conv2d(x, layer.weight, layer.bias, { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 }),
    )
    await expect(layer.forward(x.select(0, 1))).toBeCloseToTensor(y.select(0, 1))
    expect(new nn.Conv2d(4, 6, 3, { padding: 'same', device }).forward(x)).toHaveShape([2, 6, 7, 8])
  })

  it('begins uniform in ±1/√fanIn, where groups have a share of the channels, the same under the same seed', async () => {
    const make = (options: object): nn.Conv2d => new nn.Conv2d(16, 32, 5, { device, generator: new Generator(3), ...options })
    for (const [groups, fanIn] of [[1, 400] as const, [4, 100] as const]) {
      const { weight, bias } = make({ groups })
      const bound = 1 / Math.sqrt(fanIn)
      expect(await largest(weight)).toBeLessThanOrEqual(bound)
      expect(await largest(weight)).toBeGreaterThan(0.99 * bound)
      expect(await largest(bias as Tensor)).toBeLessThanOrEqual(bound)
      expect(await largest(bias as Tensor)).toBeGreaterThan(0.8 * bound)
    }
    await expect(make({}).weight).toBeCloseToTensor(make({}).weight, { rtol: 0, atol: 0 })
    expect(make({ bias: false }).bias).toBeNull()
    expect(make({ dtype: 'float16' }).weight.dtype).toBe('float16')
  })

  it('says what does not fit, at the constructor where it can', () => {
    const make =
      (...args: ConstructorParameters<typeof nn.Conv2d>): (() => nn.Conv2d) =>
      () =>
        new nn.Conv2d(...args)
    expect(make(3, 4, 3, { groups: 2 })).toThrow('Conv2d: inChannels must be divisible by groups, got 3 and 2')
    expect(make(4, 3, 3, { groups: 2 })).toThrow('Conv2d: outChannels must be divisible by groups, got 3 and 2')
    expect(make(4, 4, 3, { groups: 0 })).toThrow('Conv2d: groups must be a whole number ≥ 1, got 0')
    expect(make(3, 4, 0)).toThrow('Conv2d: kernelSize must be a whole number ≥ 1, or two of them [height, width], got 0')
    expect(make(3, 4, 3, { stride: [1, 0] })).toThrow(
      'Conv2d: stride must be a whole number ≥ 1, or two of them [height, width], got [1, 0]',
    )
    expect(make(3, 4, 3, { padding: 'full' as 'same' })).toThrow(
      "Conv2d: padding must be a whole number ≥ 0, or two of them [height, width], or 'same' or 'valid', got 'full'",
    )
    expect(make(3, 4, 3, { padding: 'same', stride: 2 })).toThrow("Conv2d: padding 'same' needs stride 1, got [2, 2]")
    expect(make(3, 4, 3, { paddingMode: 'constant' as 'zeros' })).toThrow(
      "Conv2d: paddingMode must be 'zeros', 'reflect', 'replicate' or 'circular', got 'constant'",
    )
    expect(make(3, 4, 3, { strides: 2 } as object)).toThrow("Conv2d: unknown option 'strides'. Did you mean 'stride'?")
    const mirrored = new nn.Conv2d(3, 4, 3, { padding: 4, paddingMode: 'reflect', device })
    expect(() => mirrored.forward(zeros([2, 3, 4, 8], { device }))).toThrow("pad: in mode 'reflect' padding must be less than the size")
    const layer = new nn.Conv2d(3, 4, 3, { device })
    expect(() => layer.forward(zeros([2, 4, 8, 8], { device }))).toThrow(
      'Conv2d: x [2, 4, 8, 8] has 4 channels (dim 1), the layer was made for 3',
    )
    expect(() => layer.forward(zeros([2, 3], { device }))).toThrow(
      'x must be [batch, channels, height, width] or [channels, height, width], got [2, 3]',
    )
    expect(() => layer.forward(zeros([2, 3, 2, 2], { device }))).toThrow('the window is larger than the input')
  })
})

describe('pairs', () => {
  it('are read at the call: an array that is changed later changes no layer and no gradient', async () => {
    const pair: [number, number] = [2, 2]
    const options = { stride: pair, padding: pair }
    const layers = [
      new nn.Conv2d(3, 4, [5, 5], { ...options, device }),
      new nn.MaxPool2d([5, 5], options),
      new nn.AvgPool2d([5, 5], options),
    ]
    const x = randn([1, 3, 9, 9], { device }).requiresGrad_()
    const w = randn([4, 3, 5, 5], { device })
    const gradient = async (change: () => void): Promise<Tensor> => {
      x.grad = null
      const y = F.avgPool2d(F.maxPool2d(F.conv2d(x, w, null, options), [5, 5], options), [3, 3], { stride: pair, padding: 1 })
      change()
      y.square().sum().backward()
      return (x.grad as unknown as Tensor).clone()
    }
    const wanted = await gradient(() => {})
    await expect(await gradient(() => pair.fill(1))).toBeCloseToTensor(wanted, { rtol: 0, atol: 0 })
    for (const layer of layers) expect((layer as nn.AvgPool2d).forward(x)).toHaveShape([1, layer instanceof nn.Conv2d ? 4 : 3, 5, 5])
  })
})

describe('MaxPool2d and AvgPool2d', () => {
  it('compute what their functions do, with the kernel size as the stride', async () => {
    manualSeed(1)
    const x = randn([2, 3, 7, 8], { device })
    await expect(new nn.MaxPool2d(2).forward(x)).toBeCloseToTensor(F.maxPool2d(x, 2))
    await expect(new nn.MaxPool2d([3, 2], { stride: 1, padding: 1, dilation: [2, 1] }).forward(x)).toBeCloseToTensor(
      F.maxPool2d(x, [3, 2], { stride: 1, padding: 1, dilation: [2, 1] }),
    )
    const { values, indices } = new nn.MaxPool2d(2, { returnIndices: true, ceilMode: true }).forward(x)
    expect([values.shape, indices.shape]).toEqual([
      [2, 3, 4, 4],
      [2, 3, 4, 4],
    ])
    await expect(values.flatten(2)).toBeCloseToTensor(x.flatten(2).gather(2, indices.flatten(2)))
    await expect(new nn.AvgPool2d(3, { padding: 1, countIncludePad: false }).forward(x)).toBeCloseToTensor(
      F.avgPool2d(x, 3, { padding: 1, countIncludePad: false }),
    )
    await expect(new nn.AvgPool2d(2, { divisorOverride: 3, stride: [1, 2] }).forward(x)).toBeCloseToTensor(
      F.avgPool2d(x, 2, { divisorOverride: 3, stride: [1, 2] }),
    )
  })

  it('say what does not fit', () => {
    expect(() => new nn.MaxPool2d(0)).toThrow('MaxPool2d: kernelSize must be a whole number ≥ 1, or two of them [height, width], got 0')
    expect(() => new nn.MaxPool2d(2, { stride: 0 })).toThrow('MaxPool2d: stride must be a whole number ≥ 1')
    expect(() => new nn.AvgPool2d(2, { padding: -1 })).toThrow('AvgPool2d: padding must be a whole number ≥ 0')
    expect(() => new nn.AvgPool2d(2, { dilation: 2 } as object)).toThrow("AvgPool2d: unknown option 'dilation'")
    expect(() => new nn.Sequential(new nn.MaxPool2d(4)).forward(zeros([1, 1, 3, 3], { device }))).toThrow(
      '0: maxPool2d: the window is larger',
    )
  })
})

describe('a network of convolutions', () => {
  it('learns, and its state goes into another by the keys of PyTorch', async () => {
    manualSeed(2)
    const make = (): nn.Sequential =>
      new nn.Sequential(
        new nn.Conv2d(1, 4, 3, { padding: 1, bias: false, device }),
        new nn.BatchNorm2d(4, { device }),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(4 * 3 * 3, 2, { device }),
      )
    const model = make()
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 })
    const x = randn([16, 1, 6, 6], { device }).detach()
    const target = x.sum([1, 2, 3]).gt(0).int().detach()
    const losses: number[] = []
    for (let i = 0; i < 25; i++) {
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), target)
      loss.backward()
      optimizer.step()
      losses.push(await loss.item())
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 4)
    const state = model.stateDict()
    expect(Object.keys(state)).toEqual([
      '0.weight',
      '1.weight',
      '1.bias',
      '1.running_mean',
      '1.running_var',
      '1.num_batches_tracked',
      '5.weight',
      '5.bias',
    ])
    const other = make()
    other.loadStateDict(state)
    await expect(other.eval().forward(x)).toBeCloseToTensor(model.eval().forward(x))
  })
})
