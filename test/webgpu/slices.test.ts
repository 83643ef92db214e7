/**
 * @file Programs of very many dispatches are handed over in slices, each when the one before the last is done: what they compute, what waits behind them, and
 * what goes wrong in them is as if they were handed over at once.
 */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { openDevices } from '../../src/device/index.ts'
import type { GpuComputeDevice } from '../../src/device/webgpu/device.ts'
import { IndexError, init, memory, noGrad, ones, type Tensor, tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { cleanSlate } from '../support/collect.ts'
import '../support/matchers.ts'

const device = 'webgpu'
const SLICE = 4

let gpu: GpuComputeDevice
let before: number

beforeAll(async () => {
  await init({ device })
  gpu = openDevices().find(({ name }) => name === device) as GpuComputeDevice
  before = gpu.bindGroups.slice
})
beforeEach(async () => {
  await cleanSlate()
  gpu.bindGroups.slice = SLICE
})
afterEach(() => {
  gpu.bindGroups.slice = before
})

/** n products, one after the other, each of which doubles. */
function chain(n: number, x: Tensor): Tensor {
  const w = tensor([2, 0, 0, 2], { shape: [2, 2], device })
  let y = x
  for (let i = 0; i < n; i++) y = y.matmul(w)
  return y
}
const start = (): Tensor => tensor([1, 2], { shape: [1, 2], device })

it('the result is that of all slices, each a submit of its own', async () => {
  await chain(20, start()).data() // (the kernels are there)
  const { submits, dispatches } = deviceCounters(device)
  await expect(chain(21, start())).toBeCloseToTensor([[2 ** 21, 2 ** 22]])
  const after = deviceCounters(device)
  expect(after.dispatches - dispatches).toBeGreaterThanOrEqual(21)
  expect(after.submits - submits).toBeGreaterThanOrEqual(Math.ceil(21 / SLICE))
})

it('what is asked for meanwhile comes behind it, in order', async () => {
  const w = tensor([1, 1], { shape: [1, 2], device })
  const y = chain(30, w)
  const first = y.sum()
  const asked = first.item()
  noGrad(() => w.mul_(3))
  const [changed, long, again] = [w.data(), chain(10, w).data(), y.data()]
  expect(await asked).toBe(2 ** 31)
  expect([...(await changed)]).toEqual([3, 3])
  expect([...(await long)]).toEqual([3 * 2 ** 10, 3 * 2 ** 10])
  expect([...(await again)]).toEqual([2 ** 30, 2 ** 30])
})

it('a loop that never yields is computed in the end', async () => {
  const losses = Array.from({ length: 12 }, (_, i) =>
    chain(9 + i, start())
      .sum()
      .item(),
  )
  expect(await Promise.all(losses)).toEqual(losses.map((_, i) => 3 * 2 ** (9 + i)))
})

it('a wrong index in the first slice is that of the result', async () => {
  const picked = start()
    .reshape([2])
    .indexSelect(0, tensor(Int32Array.of(0, 7), { device }).mul(1))
  await expect(chain(20, picked.reshape([1, 2])).data()).rejects.toThrow(IndexError)
  await expect(chain(20, start())).toBeCloseToTensor([[2 ** 20, 2 ** 21]])
})

it('memory is given back behind the last slice', async () => {
  const x = ones([256, 256], { device })
  const eye = ones([256, 256], { device }).mul(1 / 256)
  const run = async (n: number): Promise<void> => {
    let y: Tensor = x
    for (let i = 0; i < n; i++) y = y.matmul(eye)
    expect(await y.mean().item()).toBeCloseTo(1, 3)
  }
  for (let i = 0; i < 4; i++) await run(12 + i)
  const { buffers } = memory(device)
  for (let i = 0; i < 4; i++) await run(16 + i)
  expect(memory(device).buffers).toBeLessThanOrEqual(buffers)
})
