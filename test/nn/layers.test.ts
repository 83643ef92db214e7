import { describe, expect, it } from 'vitest'
import { Generator, manualSeed, nn, ones, randn, type Tensor, tensor, zeros } from '../../src/index.ts'
import '../support/matchers.ts'
import { device, hasDoubles } from '../support/device.ts'

const F = nn.functional
const values = async (t: Tensor): Promise<number[]> => Array.from(await t.data(), Number)

describe('Linear', () => {
  it('is x · weightᵀ + bias over any leading dims', async () => {
    const layer = new nn.Linear(3, 2, { device })
    const x = randn([4, 5, 3], { device })
    expect(layer.forward(x)).toHaveShape([4, 5, 2])
    await expect(layer.forward(x)).toBeCloseToTensor(x.matmul(layer.weight.t()).add(layer.bias as Tensor))
    const plain = new nn.Linear(3, 2, { device, bias: false })
    expect(plain.bias).toBeNull()
    await expect(plain.forward(x)).toBeCloseToTensor(x.matmul(plain.weight.t()))
  })

  it('begins uniform in ±1/√inFeatures, the same under the same seed', async () => {
    manualSeed(3)
    const layer = new nn.Linear(100, 50, { device })
    manualSeed(3)
    const again = new nn.Linear(100, 50, { device })
    const other = new nn.Linear(100, 50, { device, generator: new Generator(4) })
    const weights = await values(layer.weight)
    expect(Math.max(...weights)).toBeLessThanOrEqual(0.1)
    expect(Math.max(...weights)).toBeGreaterThan(0.099)
    expect(Math.min(...weights)).toBeLessThan(-0.099)
    expect(Math.abs(weights.reduce((a, b) => a + b) / weights.length)).toBeLessThan(0.005)
    expect(Math.max(...(await values(layer.bias as Tensor)).map(Math.abs))).toBeLessThanOrEqual(0.1)
    expect(await values(again.weight)).toEqual(weights)
    expect(await values(other.weight)).not.toEqual(weights)
  })

  it('learns in its own dtype', () => {
    const dtype = hasDoubles ? 'float64' : 'float16'
    const layer = new nn.Linear(2, 2, { dtype, device })
    layer
      .forward(ones([1, 2], { dtype, device }))
      .sum()
      .backward()
    expect(layer.weight.grad?.dtype).toBe(dtype)
    expect(() => new nn.Linear(2.5, 2)).toThrow('Linear: inFeatures must be a whole number ≥ 0, got 2.5')
  })
})

describe('activations, Flatten, Sequential', () => {
  it('compute what their functions do', async () => {
    const x = tensor([[-2, -0.5, 0, 0.5, 2]], { device })
    await expect(new nn.ReLU().forward(x)).toBeCloseToTensor(F.relu(x))
    await expect(new nn.Tanh().forward(x)).toBeCloseToTensor(F.tanh(x))
    await expect(new nn.Sigmoid().forward(x)).toBeCloseToTensor(F.sigmoid(x))
    await expect(new nn.GELU().forward(x)).toBeCloseToTensor(F.gelu(x))
    await expect(new nn.GELU({ approximate: 'tanh' }).forward(x)).toBeCloseToTensor(F.gelu(x, { approximate: 'tanh' }))
    expect(() => new nn.GELU({ approximate: 'fast' as 'tanh' })).toThrow("GELU: approximate must be 'none' or 'tanh', got 'fast'")
    expect(new nn.Flatten().forward(zeros([2, 3, 4]))).toHaveShape([2, 12])
    expect(new nn.Flatten(0, 1).forward(zeros([2, 3, 4]))).toHaveShape([6, 4])
  })

  it('go one after the other in a Sequential, which can be indexed and gone through', () => {
    const model = new nn.Sequential(new nn.Linear(4, 3, { device }), new nn.ReLU(), new nn.Linear(3, 2, { device }))
    expect(model.forward(zeros([5, 4], { device }))).toHaveShape([5, 2])
    expect(model.length).toBe(3)
    expect(model.at(-1)).toBe([...model][2])
    expect(model.at(1)).toBeInstanceOf(nn.ReLU)
    expect(() => new nn.Sequential(F.relu as unknown as nn.Module)).toThrow('Sequential: place 0 is no Module')
  })
})

describe('Dropout', () => {
  it('drops the share p in training, scales the rest, and does nothing in eval', async () => {
    manualSeed(0)
    const layer = new nn.Dropout(0.25)
    const x = ones([10_000], { device })
    const out = await values(layer.forward(x))
    const dropped = out.filter((v) => v === 0).length
    expect(dropped).toBeGreaterThan(2300)
    expect(dropped).toBeLessThan(2700)
    expect(out.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-6)).toBe(true)
    layer.eval()
    await expect(layer.forward(x)).toBeCloseToTensor(x)
    expect(() => new nn.Dropout(1.5)).toThrow('Dropout: p must be a number from 0 to 1, got 1.5')
  })

  it('takes another mask each time, and the same ones under the same generator', async () => {
    const mask = async (layer: nn.Dropout): Promise<number[]> => values(layer.forward(ones([64], { device })))
    const [a, b] = [new nn.Dropout(0.5, { generator: new Generator(7) }), new nn.Dropout(0.5, { generator: new Generator(7) })]
    const first = await mask(a)
    expect(await mask(b)).toEqual(first)
    expect(await mask(a)).not.toEqual(first)
  })

  it('lets gradient through where it let values through', async () => {
    manualSeed(1)
    const x = ones([50], { device, requiresGrad: true })
    const y = new nn.Dropout(0.5).forward(x)
    y.sum().backward()
    await expect(x.grad as Tensor).toBeCloseToTensor(y.detach())
  })
})

describe('Embedding', () => {
  it('takes rows, of any shape of indices', async () => {
    const layer = new nn.Embedding(5, 3, { device })
    const index = tensor(
      [
        [0, 4],
        [2, 2],
      ],
      { dtype: 'int32', device },
    )
    expect(layer.forward(index)).toHaveShape([2, 2, 3])
    await expect(layer.forward(index).at(1, 0)).toBeCloseToTensor(layer.weight.at(2))
    expect(() => layer.forward(tensor([5], { dtype: 'int32', device }))).toThrow(/embedding: index 5 is out of range for size 5/)
    expect(() => layer.forward(tensor([1], { device }))).toThrow("{ dtype: 'int32' }")
  })

  it('sums the gradient of repeated rows, and gives the padding row none', async () => {
    const layer = new nn.Embedding(4, 2, { paddingIdx: 1, device })
    await expect(layer.weight.at(1)).toBeCloseToTensor([0, 0])
    layer
      .forward(tensor([0, 1, 3, 3], { dtype: 'int32', device }))
      .sum()
      .backward()
    await expect(layer.weight.grad as Tensor).toBeCloseToTensor([
      [1, 1],
      [0, 0],
      [0, 0],
      [2, 2],
    ])
    expect(() => new nn.Embedding(4, 2, { paddingIdx: 4 })).toThrow('Embedding: paddingIdx 4 is out of range for 4 rows')
  })
})

describe('losses as modules', () => {
  it('compute what their functions do', async () => {
    const x = randn([4, 3], { device })
    const y = tensor([0, 1, 2, 1], { dtype: 'int32', device })
    await expect(new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(x, y)).toBeCloseToTensor(
      F.crossEntropy(x, y, { labelSmoothing: 0.1 }),
    )
    await expect(new nn.MSELoss({ reduction: 'sum' }).forward(x, x.mul(2))).toBeCloseToTensor(x.square().sum())
  })
})

describe('init', () => {
  const bound = async (t: Tensor): Promise<number> => Math.max(...(await values(t)).map(Math.abs))
  const deviation = async (t: Tensor): Promise<number> => {
    const v = await values(t)
    return Math.sqrt(v.reduce((s, x) => s + x * x, 0) / v.length)
  }

  it('fills in place by the laws of Glorot and He', async () => {
    manualSeed(0)
    const w = zeros([80, 120], { device })
    expect(nn.init.xavierUniform_(w)).toBe(w)
    const xavier = Math.sqrt(6 / 200)
    expect(await bound(w)).toBeLessThanOrEqual(xavier)
    expect(await bound(w)).toBeGreaterThan(0.99 * xavier)
    expect(await bound(nn.init.kaimingUniform_(w, { nonlinearity: 'relu' }))).toBeCloseTo(Math.sqrt(6 / 120), 2)
    expect(await bound(nn.init.kaimingUniform_(w, { mode: 'fanOut', nonlinearity: 'relu' }))).toBeCloseTo(Math.sqrt(6 / 80), 2)
    expect(await deviation(nn.init.kaimingNormal_(w, { nonlinearity: 'relu' }))).toBeCloseTo(Math.sqrt(2 / 120), 2)
    expect(await deviation(nn.init.xavierNormal_(w, { gain: 2 }))).toBeCloseTo(2 * Math.sqrt(2 / 200), 1)
    expect(await deviation(nn.init.normal_(w, { std: 0.02 }))).toBeCloseTo(0.02, 3)
  })

  it('fills with constants and ranges, also parameters', async () => {
    const p = new nn.Parameter(zeros([2, 2], { device }))
    await expect(nn.init.ones_(p)).toBeCloseToTensor([
      [1, 1],
      [1, 1],
    ])
    await expect(nn.init.constant_(p, 0.25)).toBeCloseToTensor([
      [0.25, 0.25],
      [0.25, 0.25],
    ])
    await expect(nn.init.zeros_(p)).toBeCloseToTensor([
      [0, 0],
      [0, 0],
    ])
    const u = await values(nn.init.uniform_(zeros([1000], { device }), { a: 2, b: 3 }))
    expect(Math.min(...u)).toBeGreaterThanOrEqual(2)
    expect(Math.max(...u)).toBeLessThan(3)
    expect(p.requiresGrad).toBe(true)
  })

  it('knows the gains, and refuses what it cannot count', () => {
    expect(nn.init.calculateGain('tanh')).toBeCloseTo(5 / 3)
    expect(nn.init.calculateGain('leakyRelu', 0.2)).toBeCloseTo(Math.sqrt(2 / 1.04))
    expect(() => nn.init.calculateGain('other' as 'tanh')).toThrow("calculateGain: nonlinearity must be 'linear', 'conv1d'")
    expect(() => nn.init.xavierUniform_(zeros([3]))).toThrow('xavierUniform_: a weight of at least 2 dims [out, in, …] is wanted, got [3]')
    expect(() => nn.init.kaimingUniform_(zeros([3, 3]), { mode: 'fanBoth' as 'fanIn' })).toThrow(
      "mode must be 'fanIn' or 'fanOut', got 'fanBoth'",
    )
  })
})
