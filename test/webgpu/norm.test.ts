/** @file Batch normalization on a device: how many kernels it is, what float32 keeps of it, and that nothing grows over many steps. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { init, manualSeed, memory, nn, ones, optim, randn, synchronize, type Tensor, tensor, tidy, zeros } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { cleanSlate, expectNoGrowth } from '../support/collect.ts'

const F = nn.functional
const STEPS = Number(process.env.TAPEGRAD_LEAK_STEPS ?? 2000)

/** Whether a kernel may bind as many buffers as these want; where only 8 are allowed (what WebGPU promises), some kernels become two. */
let roomy = false

beforeAll(async () => {
  const { limits } = await init({ device: 'webgpu' })
  roomy = (limits?.maxStorageBuffersPerShaderStage ?? 8) >= 16
})

/** How many kernels `fn` is, once it is steady. */
async function dispatches(fn: () => unknown): Promise<number> {
  const settle = async (): Promise<void> => {
    tidy(fn)
    await synchronize()
  }
  for (let i = 0; i < 3; i++) await settle()
  const before = deviceCounters('webgpu')
  await settle()
  const after = deviceCounters('webgpu')
  expect(after.pipelines).toBe(before.pipelines)
  return after.dispatches - before.dispatches
}

describe('the kernels of batchNorm with ReLU', () => {
  const parts = async (shape: number[]): Promise<{ train: () => Tensor; both: () => Tensor; evaluate: () => Tensor }> => {
    const c = shape[1] as number
    const leaf = (...size: number[]): Tensor => randn(size).detach().requiresGrad_()
    const [x, weight, bias] = [leaf(...shape), leaf(c), leaf(c)]
    const g = randn(shape).detach()
    const [mean, variance] = [zeros([c]), ones([c])]
    await x.data()
    await g.data()
    const train = (): Tensor => F.relu(F.batchNorm(x, mean, variance, { weight, bias, training: true })).detach()
    const both = (): Tensor => {
      for (const t of [x, weight, bias]) t.grad = null
      const y = F.relu(F.batchNorm(x, mean, variance, { weight, bias, training: true }))
      y.backward(g)
      return y.detach()
    }
    return { train, both, evaluate: () => F.relu(F.batchNorm(x, mean, variance, { weight, bias })).detach() }
  }

  it('are one where channels are short, and three forward where they are long: examples, channels, elements', async () => {
    const short = await parts([8, 32, 8, 8])
    expect(await dispatches(short.train)).toBeLessThanOrEqual(roomy ? 1 : 3)
    const long = await parts([32, 16, 16, 16])
    expect(await dispatches(long.train)).toBeLessThanOrEqual(roomy ? 3 : 5)
    expect(await dispatches(long.evaluate)).toBeLessThanOrEqual(2)
  })

  it('are at most three more for the gradient, and one for each gradient that is stored by itself', async () => {
    const long = await parts([32, 16, 16, 16])
    expect(await dispatches(long.both)).toBeLessThanOrEqual(roomy ? 3 + 3 + 2 : 12)
  })
})

describe('float32', () => {
  it('keeps its digits where the mean is far from 0', async () => {
    const [n, far] = [4096 * 2, 1e4]
    for (const shape of [
      [n / 2, 2],
      [8, 2, 32, 16],
    ]) {
      const values = Float32Array.from({ length: n }, (_, i) => far + Math.sin(i * 12.9898) * 1.5)
      const g = Float32Array.from({ length: n }, (_, i) => Math.cos(i * 7.233))
      const x = tensor(values, { shape, requiresGrad: true })
      const [mean, variance] = [zeros([2]), ones([2])]
      const y = F.batchNorm(x, mean, variance, { training: true, momentum: 1 })
      y.backward(tensor(g, { shape }))
      const want = tensor(Float64Array.from(values), { shape, dtype: 'float64', device: 'cpu', requiresGrad: true })
      const [wantMean, wantVariance] = [zeros([2], { dtype: 'float64', device: 'cpu' }), ones([2], { dtype: 'float64', device: 'cpu' })]
      const exact = F.batchNorm(want, wantMean, wantVariance, { training: true, momentum: 1 })
      exact.backward(tensor(Float64Array.from(g), { shape, dtype: 'float64', device: 'cpu' }))
      const worst = async (a: Tensor, b: Tensor): Promise<number> => {
        const [got, right] = [await a.data(), await b.data()]
        return Math.max(...Array.from(got, (v, i) => Math.abs(Number(v) - Number(right[i]))))
      }
      expect(await worst(y, exact)).toBeLessThan(1e-5)
      expect(await worst(x.grad as Tensor, want.grad as Tensor)).toBeLessThan(1e-5)
      expect(await worst(mean, wantMean)).toBeLessThan(1e-7 * far)
      expect(await worst(variance, wantVariance)).toBeLessThan(1e-5)
    }
  })
})

describe(`${STEPS} steps with running statistics`, () => {
  beforeEach(cleanSlate)

  it('hold what they held after step 50, and end with the right count', { timeout: 300_000 }, async () => {
    manualSeed(0)
    const layer = new nn.BatchNorm1d(16)
    const model = new nn.Sequential(new nn.Linear(8, 16), layer, new nn.ReLU(), new nn.Linear(16, 1))
    const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
    const held = async (): Promise<{ bytes: number; buffers: number; pipelines: number }> => {
      await synchronize()
      const { liveBytes, buffers } = memory('webgpu')
      return { bytes: liveBytes, buffers, pipelines: deviceCounters('webgpu').pipelines }
    }
    let early: Awaited<ReturnType<typeof held>> | undefined
    for (let i = 1; i <= STEPS; i++) {
      const x = tensor(
        Float32Array.from({ length: 64 }, (_, k) => Math.sin(k * 0.37 + i)),
        { shape: [8, 8] },
      )
      optimizer.zeroGrad()
      const loss = model.forward(x).square().mean()
      loss.backward()
      optimizer.step()
      if (i % 10 === 0) expect(Number.isFinite(await loss.item())).toBe(true)
      if (i === 50) early = await held()
    }
    expectNoGrowth(await held(), early as Awaited<ReturnType<typeof held>>)
    expect(await (layer.numBatchesTracked as Tensor).item()).toBe(STEPS)
  })
})
