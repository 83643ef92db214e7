import { beforeEach, describe, expect, it } from 'vitest'
import {
  manualSeed,
  memory,
  nn,
  noGrad,
  optim,
  parseState,
  randn,
  serializeState,
  synchronize,
  type Tensor,
  tensor,
} from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import '../support/matchers.ts'
import { cleanSlate, collect, expectNoGrowth } from '../support/collect.ts'
import { device, hasDoubles, wide } from '../support/device.ts'

const values = async (t: Tensor | null): Promise<number[]> => Array.from(await (t as Tensor).data(), Number)

describe('BatchNorm2d', () => {
  it('begins as the normalization alone: weight 1, bias 0, running mean 0 and variance 1', async () => {
    const layer = new nn.BatchNorm2d(2, { device, dtype: wide })
    expect([await values(layer.weight), await values(layer.bias)]).toEqual([
      [1, 1],
      [0, 0],
    ])
    expect([await values(layer.runningMean), await values(layer.runningVar)]).toEqual([
      [0, 0],
      [1, 1],
    ])
    expect(await (layer.numBatchesTracked as Tensor).item()).toBe(0)
    expect(layer.parameters().map((p) => [p.dtype, p.requiresGrad])).toEqual([
      [wide, true],
      [wide, true],
    ])
    manualSeed(0)
    const y = layer.forward(randn([16, 2, 5, 5], { device, dtype: wide }).mul(3).add(7))
    await expect(y.mean([0, 2, 3])).toBeCloseToTensor([0, 0], { atol: hasDoubles ? 1e-12 : 1e-6 })
    await expect(y.var([0, 2, 3], { correction: 0 })).toBeCloseToTensor([1, 1], { rtol: 1e-5 })
  })

  it('has the keys of PyTorch, and goes on from a loaded state', async () => {
    manualSeed(1)
    const batches = Array.from({ length: 4 }, () => randn([4, 2, 3, 3], { device }).add(1).detach())
    const layer = (): nn.BatchNorm2d => new nn.BatchNorm2d(2, { device, momentum: null })
    const all = layer()
    for (const x of batches) all.forward(x)
    const first = layer()
    for (const x of batches.slice(0, 2)) first.forward(x)
    const state = first.stateDict()
    expect(Object.keys(state)).toEqual(['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'])
    const second = layer()
    second.forward(batches[3] as Tensor)
    second.loadStateDict(state)
    expect(await (second.numBatchesTracked as Tensor).item()).toBe(2)
    for (const x of batches.slice(2)) second.forward(x)
    expect(await values(second.numBatchesTracked)).toEqual([4])
    await expect(second.runningMean as Tensor).toBeCloseToTensor(all.runningMean as Tensor)
    await expect(second.runningVar as Tensor).toBeCloseToTensor(all.runningVar as Tensor)
    // the state that was taken is a value: what came later has not changed it
    expect(await values(state.num_batches_tracked as Tensor)).toEqual([2])
    second.resetRunningStats()
    expect([await values(second.runningMean), await values(second.runningVar), await values(second.numBatchesTracked)]).toEqual([
      [0, 0],
      [1, 1],
      [0],
    ])
    second.forward(batches[0] as Tensor)
    expect(await values(second.numBatchesTracked)).toEqual([1])
  })

  it('goes through a file with its count', async () => {
    const layer = new nn.BatchNorm2d(2, { device })
    for (let i = 0; i < 3; i++) layer.forward(randn([2, 2, 2, 2], { device }))
    const other = new nn.BatchNorm2d(2, { device })
    other.loadStateDict(parseState<nn.StateDict>(await serializeState(layer.stateDict())))
    expect(await values(other.numBatchesTracked)).toEqual([3])
    await expect(other.runningVar as Tensor).toBeCloseToTensor(layer.runningVar as Tensor, { rtol: 0, atol: 0 })
  })

  it('uses the running statistics after eval() and changes nothing there, also for a single value', async () => {
    const layer = new nn.BatchNorm2d(1, { device })
    const x = tensor([[[[1, 3]]], [[[5, 7]]]], { device })
    layer.forward(x)
    layer.eval()
    const before = await values(layer.runningMean)
    const one = tensor([[[[2]]]], { device })
    const [mean, variance] = [0.1 * 4, 0.9 + 0.1 * (20 / 3)]
    await expect(layer.forward(one)).toBeCloseToTensor([[[[(2 - mean) / Math.sqrt(variance + 1e-5)]]]])
    expect(await values(layer.runningMean)).toEqual(before)
    expect(await values(layer.numBatchesTracked)).toEqual([1])
    expect(() => layer.train().forward(one)).toThrow('expected more than 1 value per channel when training, got x [1, 1, 1, 1]')
  })

  it('has no parameters, or no buffers, when told so', async () => {
    const plain = new nn.BatchNorm2d(3, { device, affine: false, trackRunningStats: false })
    expect([plain.weight, plain.bias, plain.runningMean, plain.runningVar, plain.numBatchesTracked]).toEqual([null, null, null, null, null])
    expect(plain.stateDict()).toEqual({})
    plain.resetRunningStats()
    const x = randn([4, 3, 2, 2], { device })
    await expect(plain.eval().forward(x)).toBeCloseToTensor(plain.train().forward(x))
  })

  it('says which shape it wants', () => {
    const layer = new nn.BatchNorm2d(3, { device })
    expect(() => layer.forward(randn([4, 3], { device }))).toThrow('BatchNorm2d: x must be [N, C, H, W], got [4, 3]')
    expect(() => layer.forward(randn([4, 2, 5, 5], { device }))).toThrow(
      'BatchNorm2d: x [4, 2, 5, 5] has 2 channels (dim 1), the layer was made for 3',
    )
    expect(() => new nn.BatchNorm1d(3).forward(randn([1, 3, 2, 2]))).toThrow('BatchNorm1d: x must be [N, C] or [N, C, L], got [1, 3, 2, 2]')
    expect(() => new nn.BatchNorm2d(2.5)).toThrow('BatchNorm2d: numFeatures must be a whole number ≥ 0, got 2.5')
    expect(() => new nn.BatchNorm2d(2, { momentum: Number.NaN })).toThrow('BatchNorm2d: momentum must be a finite number, or null, got NaN')
    expect(() => new nn.BatchNorm1d(2, { track: true } as object)).toThrow("BatchNorm1d: unknown option 'track'")
  })

  it('moves and converts with its module, all but the count', async () => {
    const layer = new nn.BatchNorm1d(2, { device })
    layer.forward(randn([4, 2], { device }))
    const dtype = hasDoubles ? 'float64' : 'float16'
    layer.to(dtype)
    expect([layer.weight?.dtype, layer.runningMean?.dtype, layer.numBatchesTracked?.dtype]).toEqual([dtype, dtype, 'int32'])
    layer.forward(randn([4, 2], { device, dtype }))
    expect(await values(layer.numBatchesTracked)).toEqual([2])
  })
})

describe('a training with BatchNorm', () => {
  beforeEach(cleanSlate)

  it('settles into one plan and flat memory, with the count right after many steps', async () => {
    manualSeed(3)
    const model = new nn.Sequential(
      new nn.Linear(4, 8, { device }),
      new nn.BatchNorm1d(8, { device }),
      new nn.ReLU(),
      new nn.Linear(8, 1, { device }),
    )
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 })
    const x = randn([16, 4], { device }).detach()
    const step = async (): Promise<number> => {
      optimizer.zeroGrad()
      const loss = model
        .forward(x)
        .sub(x.sum(1, { keepdim: true }))
        .square()
        .mean()
      loss.backward()
      optimizer.step()
      return loss.item()
    }
    const losses: number[] = []
    for (let i = 0; i < 20; i++) losses.push(await step())
    // What was dropped before goes now, not between the two counts
    await collect()
    const before = { pipelines: deviceCounters(device).pipelines, live: memory(device).liveBytes }
    for (let i = 20; i < 120; i++) losses.push(await step())
    await collect()
    expectNoGrowth({ pipelines: deviceCounters(device).pipelines, live: memory(device).liveBytes }, before)
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 4)
    expect(await values((model.at(1) as nn.BatchNorm1d).numBatchesTracked)).toEqual([120])
  })

  it('runs without an optimizer and without a read in flat memory too', async () => {
    const layer = new nn.BatchNorm1d(64, { device })
    const x = randn([8, 64], { device }).detach()
    const live: number[] = []
    for (let i = 0; i < 80; i++) {
      noGrad(() => layer.forward(x))
      await synchronize()
      live.push(memory(device).liveBytes)
    }
    // Less is no leak: what was dropped earlier may go meanwhile
    expect(live[79]).toBeLessThanOrEqual(live[40] as number)
  })
})
