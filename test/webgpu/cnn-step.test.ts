/** @file A training step of convolutional networks: how many kernels it is, that nothing is made once it is steady, and that it computes what PyTorch does. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { cnnStep } from '../../benchmarks/peers/tapegrad.ts'
import { ADAM, CHECKED_STEPS, CNN, cnnData } from '../../benchmarks/tasks.ts'
import { type DeviceName, init, manualSeed, nn, optim, type Tensor, tensor } from '../../src/index.ts'
import { steadyStep } from '../support/steady.ts'

const F = nn.functional

/** Where a kernel may bind only 8 buffers (what WebGPU promises), some become two. */
let roomy = false

beforeAll(async () => {
  const { limits } = await init({ device: 'webgpu' })
  roomy = (limits?.maxStorageBuffersPerShaderStage ?? 8) >= 16
})

it("a training step of the benchmark's CNN follows PyTorch's losses, is at most 40 dispatches in one submit, and makes nothing once it is steady", {
  timeout: 120_000,
}, async () => {
  const file = new URL('../../benchmarks/reference.json', import.meta.url)
  const want = (JSON.parse(readFileSync(file, 'utf8')) as { cnn: { float64: number[] } }).cnn.float64
  expect(want).toHaveLength(CHECKED_STEPS)
  const { step } = cnnStep(cnnData())
  for (const loss of want) expect(Math.abs((await step()) - loss)).toBeLessThan(2e-5)
  const { dispatches, submits } = await steadyStep('webgpu', step)
  expect(submits).toBe(1)
  expect(dispatches).toBeLessThanOrEqual(40)
})

/** The same with batch normalization after each convolution, of any size. */
function normalized({
  size,
  batch,
  channels: [c1, c2],
  device,
  dtype = 'float32',
}: {
  readonly size: number
  readonly batch: number
  readonly channels: readonly [number, number]
  readonly device: DeviceName
  readonly dtype?: 'float32' | 'float64'
}) {
  const at = { device, dtype }
  const block = (from: number, to: number): nn.Module[] => [
    new nn.Conv2d(from, to, 3, { padding: 1, bias: false, ...at }),
    new nn.BatchNorm2d(to, at),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
  ]
  const model = new nn.Sequential(...block(1, c1), ...block(c1, c2), new nn.Flatten(), new nn.Linear(c2 * (size / 4) ** 2, CNN.classes, at))
  const optimizer = new optim.Adam(model.parameters(), { lr: ADAM.lr })
  const x = tensor(
    Float32Array.from({ length: batch * size * size }, (_, i) => Math.sin(i * 0.37) + Math.cos(i * i * 0.11)),
    { shape: [batch, 1, size, size], ...at },
  )
  const y = tensor(
    Int32Array.from({ length: batch }, (_, i) => i % CNN.classes),
    { device },
  )
  const step = (): Promise<number> => {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x) as Tensor, y)
    loss.backward()
    optimizer.step()
    return loss.item()
  }
  return { model, step }
}

describe('with batch normalization after each convolution', () => {
  it('it is at most 40 dispatches in one submit where kernels may bind 16 buffers, and makes nothing once it is steady', {
    timeout: 120_000,
  }, async () => {
    manualSeed(0)
    const { step } = normalized({ size: CNN.size, batch: CNN.batch, channels: [16, 32], device: 'webgpu' })
    const { dispatches, submits } = await steadyStep('webgpu', step)
    expect(submits).toBe(1)
    expect(dispatches).toBeLessThanOrEqual(roomy ? 40 : 55)
  })

  it('it follows the CPU device in double precision, in losses, parameters and statistics', { timeout: 120_000 }, async () => {
    manualSeed(0)
    const sizes = { size: 8, batch: 4, channels: [2, 3] } as const
    const here = normalized({ ...sizes, device: 'webgpu' })
    const exact = normalized({ ...sizes, device: 'cpu', dtype: 'float64' })
    exact.model.loadStateDict(here.model.stateDict())
    for (let i = 0; i < 4; i++) expect(Math.abs((await here.step()) - (await exact.step()))).toBeLessThan(2e-5)
    const want = exact.model.stateDict()
    for (const [key, value] of Object.entries(here.model.stateDict())) {
      const [got, right] = [await value.data(), await (want[key] as Tensor).data()]
      const worst = Math.max(...Array.from(got, (v, i) => Math.abs(Number(v) - Number(right[i]))))
      expect(worst, key).toBeLessThan(1e-4)
    }
  })
})
