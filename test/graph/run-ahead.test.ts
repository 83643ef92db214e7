/** @file Backward over a tape that is longer than what may wait to be computed: the graph is cut in both directions. */
import { expect, it } from 'vitest'
import { init, tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { MOST_WAITING } from '../../src/tensor/index.ts'

it('a long chain has its value and its gradient, and runs in parts', async () => {
  await init({ device: 'cpu' })
  const bounds = { ...MOST_WAITING }
  Object.assign(MOST_WAITING, { plain: 100, tape: 300 })
  try {
    const before = deviceCounters('cpu').submits
    const a = tensor(0.999, { device: 'cpu', dtype: 'float64', requiresGrad: true })
    let x = tensor([0.3, 0.7], { device: 'cpu', dtype: 'float64' })
    let [y, dy] = [
      [0.3, 0.7],
      [0, 0],
    ]
    for (let i = 0; i < 400; i++) {
      x = x.mul(a).sin().add(0.001)
      dy = dy.map((d, k) => Math.cos((y[k] as number) * 0.999) * ((y[k] as number) + 0.999 * d))
      y = y.map((v) => Math.sin(v * 0.999) + 0.001)
    }
    const sum = x.sum()
    const forward = deviceCounters('cpu').submits
    expect(forward).toBeGreaterThanOrEqual(before + 3)
    sum.backward()
    expect(deviceCounters('cpu').submits).toBeGreaterThanOrEqual(forward + 3)
    expect(await sum.item()).toBeCloseTo((y[0] as number) + (y[1] as number), 10)
    expect(await a.grad?.item()).toBeCloseTo((dy[0] as number) + (dy[1] as number), 8)
  } finally {
    Object.assign(MOST_WAITING, bounds)
  }
})
