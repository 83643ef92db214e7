/** @file A training loop that awaits nothing but its results leaves the event loop its turns. */
import { beforeAll, expect, it } from 'vitest'
import { init } from '../../src/index.ts'
import { batches, device, F, mlp } from './support.ts'

beforeAll(() => init({ device }))

it('timers run while a loop awaits every loss', async () => {
  const { model, optimizer } = mlp(1, 8)
  const { x, y } = batches(4, 1)
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const end = performance.now() + 10_000
  while (ticks < 3 && performance.now() < end) {
    optimizer.zeroGrad()
    const loss = F.mseLoss(model.forward(x), y)
    loss.backward()
    optimizer.step()
    await loss.item()
  }
  clearInterval(timer)
  expect(ticks).toBeGreaterThanOrEqual(3)
})
