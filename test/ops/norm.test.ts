import { describe, expect, it } from 'vitest'
import { manualSeed, nn, noGrad, ones, randn, type Tensor, tensor, zeros } from '../../src/index.ts'
import { gradcheck, gradgradcheck } from '../../src/testing/index.ts'
import '../support/matchers.ts'
import { device, hasDoubles, ROUNDED, wide } from '../support/device.ts'

const F = nn.functional
const double = { device, dtype: wide } as const

describe('batchNorm', () => {
  it('does channels of many values in two levels, and has the values and gradients of one', async () => {
    manualSeed(0)
    const shape = [3, 2, 40, 40] // 4,800 values per channel
    const x = randn(shape, double).mul(3).add(5).detach().requiresGrad_()
    const [mean, variance] = [zeros([2], double), ones([2], double)]
    const weight = tensor([0.5, -2], { ...double, requiresGrad: true })
    const bias = tensor([1, 0], { ...double, requiresGrad: true })
    const y = F.batchNorm(x, mean, variance, { weight, bias, training: true })
    const spread = (t: Tensor): Tensor => t.reshape(1, 2, 1, 1)
    const dims = [0, 2, 3]
    const center = x.mean(dims, { keepdim: true })
    const by = x.var(dims, { correction: 0, keepdim: true }).add(1e-5).rsqrt()
    const want = x.sub(center).mul(by).mul(spread(weight)).add(spread(bias))
    await expect(y).toBeCloseToTensor(want, ROUNDED)
    await expect(mean).toBeCloseToTensor(x.mean(dims).mul(0.1), ROUNDED)
    await expect(variance).toBeCloseToTensor(x.var(dims).mul(0.1).add(0.9), ROUNDED)

    const g = randn(shape, double)
    y.backward(g)
    const got = [x, weight, bias].map((t) => t.grad as Tensor)
    for (const t of [x, weight, bias]) t.grad = null
    want.backward(g)
    for (const [i, t] of [x, weight, bias].entries())
      await expect(got[i] as Tensor).toBeCloseToTensor(t.grad as Tensor, hasDoubles ? ROUNDED : { rtol: 1e-4, atol: 1e-3 })
  })

  it.runIf(hasDoubles)('has first and second gradients that differences confirm, also in two levels', async () => {
    manualSeed(1)
    const leaf = (...shape: number[]): Tensor => randn(shape, double).requiresGrad_()
    const train = (x: Tensor, weight: Tensor, bias: Tensor): Tensor => F.batchNorm(x, null, null, { weight, bias, training: true })
    for (const shape of [
      [2, 2, 48, 44],
      [3, 2, 2, 3],
      [4, 3],
    ]) {
      const c = shape[1] as number
      expect(await gradcheck(train, [leaf(...shape), leaf(c), leaf(c)], { fastMode: true })).toBe(true)
      expect(await gradgradcheck(train, [leaf(...shape), leaf(c), leaf(c)], { fastMode: true })).toBe(true)
    }
  })

  it('changes the running statistics that it was given, in place, also under noGrad, and in training alone', async () => {
    const x = tensor(
      [
        [1, 2],
        [3, 6],
      ],
      { device },
    )
    const [mean, variance] = [zeros([2], { device }), ones([2], { device })]
    noGrad(() => F.batchNorm(x, mean, variance, { training: true, momentum: 0.5 }))
    await expect(mean).toBeCloseToTensor([1, 2])
    await expect(variance).toBeCloseToTensor([1.5, 4.5])
    F.batchNorm(x, mean, variance, { training: true, momentum: tensor(0.25, { device }) })
    await expect(mean).toBeCloseToTensor([1.25, 2.5])
    F.batchNorm(x, mean, variance)
    await expect(mean).toBeCloseToTensor([1.25, 2.5])
    expect(mean.requiresGrad).toBe(false)
    const rows = zeros([2, 2], { device })
    F.batchNorm(x, rows.select(0, 0), variance, { training: true, momentum: 0.5 })
    await expect(rows).toBeCloseToTensor([
      [1, 2],
      [0, 0],
    ])
  })

  it('computes float16 in float32, with statistics and weights of either', async () => {
    manualSeed(2)
    const x = randn([8, 3, 4], { device }).mul(20).half()
    const [mean, variance] = [zeros([3], { device }), ones([3], { device, dtype: 'float16' })]
    const y = F.batchNorm(x, mean, variance, { weight: ones([3], { device }), training: true })
    expect(y.dtype).toBe('float16')
    expect([mean.dtype, variance.dtype]).toEqual(['float32', 'float16'])
    await expect(y.float()).toBeCloseToTensor(F.batchNorm(x.float(), null, null, { training: true }), { rtol: 1e-3, atol: 1e-3 })
    await expect(mean).toBeCloseToTensor(x.float().mean([0, 2]).mul(0.1), { rtol: 1e-6, atol: 1e-6 })
  })

  it('says what does not fit', () => {
    const x = zeros([4, 3, 2], { device })
    const [mean, variance] = [zeros([3], { device }), ones([3], { device })]
    const run =
      (...args: Parameters<typeof F.batchNorm>): (() => Tensor) =>
      () =>
        F.batchNorm(...args)
    expect(run(zeros([3], { device }), mean, variance)).toThrow('batchNorm: x must be [N, C, …], got [3]')
    expect(run(x, zeros([4], { device }), variance)).toThrow(
      'batchNorm: runningMean must be [3], one for each channel of x [4, 3, 2], got [4]',
    )
    expect(run(x, mean, variance, { weight: zeros([3, 1], { device }) })).toThrow(
      'weight must be [3], one for each channel of x [4, 3, 2], got [3, 1]',
    )
    expect(run(x, mean, variance, { bias: zeros([3], { device, dtype: 'float16' }) })).toThrow('bias is float16, x is float32')
    expect(run(x, null, null)).toThrow('batchNorm: runningMean is null: outside training both are needed')
    expect(run(x, mean, null)).toThrow('batchNorm: runningVar is null: outside training both are needed')
    expect(run(zeros([1, 3, 1], { device }), mean, variance, { training: true })).toThrow(
      'batchNorm: expected more than 1 value per channel when training, got x [1, 3, 1]',
    )
    expect(run(x, mean, variance, { eps: -1 })).toThrow('batchNorm: eps must be a number ≥ 0, got -1')
    expect(run(x, mean, variance, { momentum: zeros([3], { device }) })).toThrow(
      'batchNorm: momentum must be a number or a 0-d Tensor, got [3]',
    )
    expect(run(x.int(), mean, variance)).toThrow('batchNorm: x must be of a float dtype, got int32')
    expect(run(x, mean, variance, { train: true } as object)).toThrow("batchNorm: unknown option 'train'")
  })
})
