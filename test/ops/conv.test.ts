/** @file Convolution and pooling with random shapes and options against plain loops, and how users put them to use. */
import { describe, expect, it } from 'vitest'
import { grad, manualSeed, nn, optim, randn, type Tensor } from '../../src/index.ts'
import { gradcheck, gradgradcheck } from '../../src/testing/index.ts'
import { checkAvgPool, checkConv, checkMaxPool, type WindowSetting } from '../support/check-windows.ts'
import { checkUses } from '../support/conv-uses.ts'
import '../support/matchers.ts'

const F = nn.functional
const CPU: WindowSetting = { device: 'cpu', dtype: 'float64', error: 1e-9 }

describe('in plain loops, forward and backward', () => {
  const seeds = (first: number, n: number): number[] => Array.from({ length: n }, (_, i) => first + i)
  it('conv2d of any size, stride, padding, dilation and groups', async () => {
    for (const seed of seeds(1, 80)) await checkConv(seed, CPU)
  })
  it('maxPool2d, also of values that tie', async () => {
    for (const seed of seeds(1000, 60)) await checkMaxPool(seed, CPU)
  })
  it('avgPool2d in all its ways to count', async () => {
    for (const seed of seeds(2000, 60)) await checkAvgPool(seed, CPU)
  })
})

describe('as users put them to use', () => {
  for (const [name, check] of Object.entries(checkUses)) it(name, () => check({ device: 'cpu', dtype: 'float64', error: 1e-9 }))
})

describe('second gradients', () => {
  const at = { device: 'cpu', dtype: 'float64' } as const
  const leaf = (...shape: number[]): Tensor => randn(shape, at).detach().requiresGrad_()

  it('of conv2d, pooling and activations in one function agree with differences', async () => {
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
