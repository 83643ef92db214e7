import { beforeAll, describe, expect, it } from 'vitest'
import { data, init, manualSeed, nn, ones, optim, stack, type Tensor, tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { steadyStep } from '../support/steady.ts'

beforeAll(async () => {
  await init({ device: 'webgpu' })
})

/** The MLP of the benchmark: 784-256-10, ReLU, batches of 64, Adam. */
function mlp(): { step: (batch?: number) => Tensor } {
  manualSeed(0)
  const model = new nn.Sequential(new nn.Linear(784, 256), new nn.ReLU(), new nn.Linear(256, 10))
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
  let call = 0
  const step = (batch = 64): Tensor => {
    call++
    const x = tensor(
      Float32Array.from({ length: batch * 784 }, (_, i) => Math.sin(i * 0.37 + call)),
      { shape: [batch, 784] },
    )
    const y = tensor(
      Int32Array.from({ length: batch }, (_, i) => i % 10),
      { shape: [batch] },
    )
    optimizer.zeroGrad()
    const loss = nn.functional.crossEntropy(model.forward(x), y)
    loss.backward()
    optimizer.step()
    return loss
  }
  return { step }
}

describe('a training step', () => {
  it('is at most 16 dispatches in one submit, and makes no pipeline, bind group or buffer once it is steady', async () => {
    const { step } = mlp()
    const { dispatches, submits } = await steadyStep('webgpu', () => step().item())
    expect(dispatches).toBeLessThanOrEqual(16)
    expect(submits).toBe(1)
  })

  it('compiles no elementwise or row kernel anew for another batch size', async () => {
    const { step } = mlp()
    for (let i = 0; i < 4; i++) await step(64).item()
    const before = deviceCounters('webgpu').pipelines
    await step(48).item()
    // A tile of a matrix product may be chosen by its sizes; nothing else may.
    expect(deviceCounters('webgpu').pipelines - before).toBeLessThanOrEqual(5)
  })

  it('gives the same losses twice for one seed', async () => {
    const run = async (): Promise<number[]> => {
      const { step } = mlp()
      const losses: number[] = []
      for (let i = 0; i < 5; i++) losses.push(await step().item())
      return losses
    }
    expect(await run()).toEqual(await run())
  })

  it('trains from a loader that shuffles, and the loss falls', async () => {
    manualSeed(1)
    const n = 256
    const xs = tensor(
      Float32Array.from({ length: n * 8 }, (_, i) => Math.cos(i * 1.7)),
      { shape: [n, 8] },
    )
    const ys = tensor(
      Int32Array.from({ length: n }, (_, i) => (Math.cos(i * 8 * 1.7) > 0 ? 1 : 0)),
      { shape: [n] },
    )
    const model = new nn.Sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 2))
    const optimizer = new optim.AdamW(model.parameters(), { lr: 0.02 })
    const loader = new data.DataLoader(new data.TensorDataset(xs, ys), { batchSize: 32, shuffle: true, seed: 3 })
    const epochs: number[] = []
    for (let epoch = 0; epoch < 6; epoch++) {
      let last = 0
      for await (const [x, y] of loader) {
        optimizer.zeroGrad()
        const loss = nn.functional.crossEntropy(model.forward(x as Tensor), y as Tensor)
        loss.backward()
        optimizer.step()
        last = await loss.item()
      }
      epochs.push(last)
    }
    expect(epochs.at(-1)).toBeLessThan((epochs[0] as number) * 0.7)
  })
})

it('the gradient of a stack of 20 tensors', async () => {
  const xs = Array.from({ length: 20 }, () => ones([2], { requiresGrad: true }))
  stack(xs).sum().backward()
  const { grad } = xs[19] as Tensor
  expect(await grad?.data()).toEqual(Float32Array.of(1, 1))
})
