/** @file Convolution and pooling with random shapes and options against plain loops, and how users put them to use. */
import { describe, expect, it } from 'vitest'
import { grad, manualSeed, nn, optim, randn, type Tensor, tensor } from '../../src/index.ts'
import { gradcheck, gradgradcheck } from '../../src/testing/index.ts'
import { checkAvgPool, checkConv, checkMaxPool, type WindowSetting } from '../support/check-windows.ts'
import { checkUses } from '../support/conv-uses.ts'
import { device, hasDoubles, wide } from '../support/device.ts'
import '../support/matchers.ts'

const F = nn.functional
/** On cpu in both floats. On webgpu a few: every shape compiles kernels of its own. */
const SETTINGS: readonly WindowSetting[] = hasDoubles
  ? [
      { device, dtype: 'float64', error: 1e-9 },
      { device, dtype: 'float32', error: 2e-5 },
    ]
  : [{ device, dtype: 'float32', error: 2e-5 }]

describe.each(SETTINGS)('in $dtype as plain loops, forward and backward', (setting) => {
  const seeds = (first: number, n: number, few: readonly number[]): readonly number[] =>
    hasDoubles ? Array.from({ length: n }, (_, i) => first + i) : few
  it('conv2d of any size, stride, padding, dilation and groups', { timeout: 60_000 }, async () => {
    for (const seed of seeds(1, 80, [3, 7, 9, 11, 13, 19])) await checkConv(seed, setting)
  })
  it('maxPool2d, also of values that tie', { timeout: 60_000 }, async () => {
    for (const seed of seeds(1000, 60, [1003, 1004, 1011, 1022])) await checkMaxPool(seed, setting)
  })
  it('avgPool2d in all its ways to count', { timeout: 60_000 }, async () => {
    for (const seed of seeds(2000, 60, [2001, 2004, 2013, 2017])) await checkAvgPool(seed, setting)
  })
})

describe.each(SETTINGS)('in $dtype as users put them to use', (setting) => {
  for (const [name, check] of Object.entries(checkUses)) it(name, { timeout: 60_000 }, () => check(setting))
})

describe('halves', () => {
  /** Values that halves hold. */
  const halves = (shape: number[], seed: number): Float32Array =>
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.round(Math.sin(i * 1.7 + seed) * 16) / 16)

  it('are convolved and pooled, and give halves, as float32 does up to their rounding', async () => {
    const run = async (dtype: 'float16' | 'float32'): Promise<(readonly [string, ArrayLike<number>])[]> => {
      const leaf = (shape: number[], seed: number): Tensor => tensor(halves(shape, seed), { shape, dtype, device, requiresGrad: true })
      const [x, w, b] = [leaf([2, 4, 7, 6], 1), leaf([6, 2, 3, 3], 2), leaf([6], 3)]
      const y = F.conv2d(x, w, b, { padding: 1, stride: [2, 1], groups: 2 })
      const z = F.avgPool2d(F.maxPool2d(F.relu(y), 2, { padding: 1 }), 2)
      expect([y.dtype, z.dtype]).toEqual([dtype, dtype])
      z.sum().backward()
      const all = { y, z, x: x.grad as Tensor, w: w.grad as Tensor, b: b.grad as Tensor }
      for (const t of Object.values(all)) expect(t.dtype).toBe(dtype)
      return Promise.all(Object.entries(all).map(async ([name, t]) => [name, (await t.data()) as Float32Array] as const))
    }
    const [got, want] = [await run('float16'), await run('float32')]
    for (const [i, [name, values]] of want.entries()) {
      const half = got[i]?.[1] as ArrayLike<number>
      for (let k = 0; k < values.length; k++)
        expect(Math.abs((half[k] as number) - (values[k] as number)), `${name}[${k}]`).toBeLessThan(
          0.01 * (1 + Math.abs(values[k] as number)),
        )
    }
  })
})

describe('second gradients', () => {
  const at = { device, dtype: wide } as const
  const leaf = (...shape: number[]): Tensor => randn(shape, at).detach().requiresGrad_()

  it.runIf(hasDoubles)('of conv2d, pooling and activations in one function agree with differences', async () => {
    manualSeed(3)
    const f = (x: Tensor, w: Tensor, b: Tensor): Tensor =>
      F.avgPool2d(F.conv2d(F.maxPool2d(x, 2, { stride: 1 }), w, b, { padding: 1, stride: 2, groups: 2 }).tanh(), 2, { stride: 1 })
    const inputs = [leaf(1, 2, 5, 6), leaf(2, 1, 3, 2), leaf(2)]
    expect(await gradcheck(f, inputs)).toBe(true)
    expect(await gradgradcheck(f, inputs)).toBe(true)
  })

  it('train: the penalty on the gradient of a critic falls', async () => {
    manualSeed(4)
    const critic = new nn.Sequential(
      new nn.Conv2d(1, 3, 3, { stride: 2, padding: 1, ...at }),
      new nn.Tanh(),
      new nn.Flatten(),
      new nn.Linear(27, 1, at),
    )
    const optimizer = new optim.Adam(critic.parameters(), { lr: 0.05 })
    const x = leaf(4, 1, 6, 6)
    const penalties: number[] = []
    for (let i = 0; i < 12; i++) {
      optimizer.zeroGrad()
      const [g] = grad(critic.forward(x).sum(), [x], { createGraph: true }) as [Tensor]
      const penalty = g.square().sum([1, 2, 3]).sqrt().sub(1).square().mean()
      penalty.backward()
      optimizer.step()
      penalties.push(await penalty.item())
    }
    expect(penalties.at(-1)).toBeLessThan((penalties[0] as number) / 5)
  })
})
