/** @file Errors of activations, normalizations, losses and attention by their text, and what is tested by property: drawn slopes, what sees nothing. */
import { beforeAll, describe, expect, it } from 'vitest'
import { arange, nn, ones, randn, setDefaultDevice, tensor, zeros } from '../../src/index.ts'
import { device } from '../support/device.ts'

const F = nn.functional
beforeAll(() => setDefaultDevice(device))

describe('errors name the argument, the shapes and what fits', () => {
  const x = ones([2, 3])
  const cases: readonly [string, () => unknown][] = [
    ['glu: the size along dim 1 must be even, got x [2, 3]', () => F.glu(x)],
    ['maxout: groups 2 must divide the size along dim 1 of x [2, 3]', () => F.maxout(x, 2)],
    ['prelu: weight must be [3] for the channels (dim 1) of x [2, 3], or [1], got [2]', () => F.prelu(x, ones([2]))],
    ['celu: alpha must not be 0: x is divided by it', () => F.celu(x, 0)],
    ['hardtanh: minVal must be at most maxVal, got 2 and 1', () => F.hardtanh(x, 2)],
    ['rrelu: lower must be at most upper, got 1 and 0.5', () => F.rrelu(x, 1, 0.5)],
    ['softshrink: lambd must be a number ≥ 0', () => F.softshrink(x, -1)],
    ['layerNorm: x must end in normalizedShape [2], got x [2, 3]', () => F.layerNorm(x, [2])],
    ['layerNorm: weight must be [3] for x [2, 3], got [2]', () => F.layerNorm(x, [3], { weight: ones([2]) })],
    ['groupNorm: numGroups 2 must divide the 3 channels (dim 1) of x [2, 3]', () => F.groupNorm(x, 2)],
    ['instanceNorm: more than 1 element per channel is wanted, got x [2, 3]: one has no variance', () => F.instanceNorm(x)],
    ['l1Loss: shapes differ: input is [2, 3], target is [3]. Reshape one, or expand it to broadcast', () => F.l1Loss(x, ones([3]))],
    ['huberLoss: delta must be above 0, got 0', () => F.huberLoss(x, x, { delta: 0 })],
    ['binaryCrossEntropy: input holds probabilities, from 0 to 1; one is 2', () => F.binaryCrossEntropy(tensor([2]), tensor([1]))],
    ['gaussianNllLoss: variance must be [2, 3] as input, or without the last size, got [3]', () => F.gaussianNllLoss(x, x, ones([3]))],
    [
      'multiMarginLoss: index 3 is out of range for size 3 (expected 0 to 2)',
      () => F.multiMarginLoss(x, tensor([0, 3], { dtype: 'int32' })),
    ],
    ['multilabelMarginLoss: index -2 is out of range', () => F.multilabelMarginLoss(ones([2]), tensor([-2, 0], { dtype: 'int32' }))],
    ['scaledDotProductAttention: the last sizes of query and key differ', () => F.scaledDotProductAttention(x, ones([2, 4]), x)],
    [
      'scaledDotProductAttention: attnMask [3, 2, 2] does not broadcast to the scores [2, 2]',
      () => F.scaledDotProductAttention(x, x, x, { attnMask: ones([3, 2, 2]) }),
    ],
  ]
  it.each(cases)('%s', (text, call) => {
    expect(call).toThrow(text)
  })
})

it('rrelu draws a slope for each element in training', async () => {
  const y = await F.rrelu(ones([1000]).neg(), 0.25, 0.75, { training: true }).data()
  const slopes = Array.from(y, (v) => -Number(v))
  expect(Math.min(...slopes)).toBeGreaterThanOrEqual(0.25)
  expect(Math.max(...slopes)).toBeLessThan(0.75)
  expect(new Set(slopes).size).toBeGreaterThan(900)
  expect(slopes.reduce((a, b) => a + b, 0) / 1000).toBeCloseTo(0.5, 1)
})

it('softshrink of NaN is NaN', async () => {
  expect(await F.softshrink(tensor([Number.NaN, 2])).toArray()).toEqual([Number.NaN, 1.5])
})

it('layerNorm of values far from 0 is that of their distances', async () => {
  const near = F.layerNorm(arange(8).float(), [8])
  const far = F.layerNorm(
    arange(8)
      .float()
      .add(2 ** 20),
    [8],
  )
  expect(await far.toArray()).toEqual(await near.toArray())
})

it('a query that sees nothing gives 0, and no gradient', async () => {
  const q = randn([2, 4]).requiresGrad_()
  const k = randn([3, 4]).requiresGrad_()
  const y = F.scaledDotProductAttention(q, k, ones([3, 2]), { attnMask: zeros([2, 3]).gt(0) })
  y.sum().backward()
  for (const t of [y, q.grad, k.grad]) expect([...((await t?.data()) ?? [Number.NaN])].every((v) => v === 0)).toBe(true)
})
