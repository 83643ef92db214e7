/** @file Kernels of one step serve the next, whatever has moved in memory, and those of some lengths serve others. */
import { afterAll, expect, it } from 'vitest'
import { init, nn, optim, stack, type Tensor, tensor, zeros } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { policy } from '../../src/runtime/plans.ts'

await init({ device: 'webgpu' })
const made = (): number => deviceCounters('webgpu').pipelines

const { waitFor } = policy
afterAll(() => {
  policy.waitFor = waitFor
})

it('another number of tensors that are stacked needs no other kernels', { timeout: 120_000 }, async () => {
  /** Σ iᵏ over rows that each lie somewhere else in their tensors, and the gradient of one of them. */
  const run = async (n: number): Promise<void> => {
    const rows = Array.from({ length: n }, (_, i) =>
      tensor(
        [
          [0, 0],
          [i, 1],
          [2, i],
        ],
        { requiresGrad: true },
      ),
    )
    const sum = stack(rows.map((row, i) => row.select(0, i % 3)))
      .mul(2)
      .sum()
    sum.backward()
    let wanted = 0
    for (let i = 0; i < n; i++) wanted += 2 * ([0, i + 1, i + 2][i % 3] as number)
    expect(await sum.item()).toBe(wanted)
    expect(await ((rows.at(-1) as Tensor).grad as Tensor).sum().item()).toBe(4)
  }
  // (as many runs of eight, and as many left, as those that follow)
  for (const n of [17, 26, 43, 44, 61, 27, 45, 18]) await run(n)
  const before = made()
  for (const n of [19, 25, 42, 59, 41, 58]) await run(n)
  expect(made() - before).toBe(0)
})

it('parameters that the optimizer has brought together are read by the kernels of the first step', { timeout: 120_000 }, async () => {
  policy.waitFor = () => 8
  const cell = new nn.Linear(12, 12)
  const out = new nn.Linear(12, 3)
  const optimizer = new optim.Adam([...cell.parameters(), ...out.parameters()], { lr: 0.01 })
  const step = async (): Promise<number> => {
    const before = made()
    optimizer.zeroGrad()
    let h: Tensor = zeros([4, 12]).add(0.5)
    for (let t = 0; t < 6; t++) h = cell.forward(h).tanh().mul(h.sigmoid())
    const loss = out.forward(h).square().mean()
    loss.backward()
    optimizer.step()
    await loss.item()
    return made() - before
  }
  const first = await step()
  expect(first).toBeGreaterThan(8)
  expect(await step()).toBeLessThanOrEqual(1)
  expect(await step()).toBe(0)
})
