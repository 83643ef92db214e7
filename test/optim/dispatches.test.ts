import { describe, expect, it } from 'vitest'
import { nn, ones, optim, synchronize, type Tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { device } from '../support/device.ts'

/** Twenty parameters of many sizes, with given gradients: what a step runs is the optimizer's alone. */
async function dispatchesOfAStep(make: (params: nn.Parameter[]) => { step(): void }): Promise<number> {
  const params = Array.from({ length: 20 }, (_, i) => new nn.Parameter(ones([i + 1, 3], { device })))
  const optimizer = make(params)
  let count = 0
  for (let step = 0; step < 4; step++) {
    const grads = params.map((p) => ones(p.shape, { device }).mul(step + 1) as Tensor)
    params.forEach((p, i) => {
      p.grad = grads[i] as Tensor
    })
    await synchronize()
    const before = deviceCounters(device).dispatches
    optimizer.step()
    await synchronize()
    count = deviceCounters(device).dispatches - before
  }
  return count
}

describe('a step over twenty parameters', () => {
  it.each([
    ['SGD', (p: nn.Parameter[]) => new optim.SGD(p, { lr: 0.1 })],
    ['SGD with momentum', (p: nn.Parameter[]) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true })],
    ['Adam', (p: nn.Parameter[]) => new optim.Adam(p)],
    ['AdamW with amsgrad', (p: nn.Parameter[]) => new optim.AdamW(p, { amsgrad: true })],
    ['Adam without the previous parameters', (p: nn.Parameter[]) => new optim.Adam(p, { keepPrevious: false })],
  ])('of %s is at most four dispatches beside what brings the gradients together', async (_, make) => {
    // Each of the twenty stored gradients is copied into the arena; in a training step the kernel that makes one writes it there.
    expect(await dispatchesOfAStep(make)).toBeLessThanOrEqual(20 + 4)
  })
})
