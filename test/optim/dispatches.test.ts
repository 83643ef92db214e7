import { describe, expect, it } from 'vitest'
import { add, nn, ones, optim, synchronize, type Tensor, tensor } from '../../src/index.ts'
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

describe('what a routine gives as a gradient', () => {
  /** Two tables, whose gradients are scattered, with something in front of them in the arena: the dispatches of a step, and the values after it. */
  async function tables(rows: number): Promise<{ dispatches: number; values: number[][] }> {
    const bias = new nn.Parameter(ones([5], { device }))
    const params = [bias, ...[3, 7].map((features) => new nn.Parameter(ones([rows, features], { device })))]
    const optimizer = new optim.SGD(params, { lr: 0.5 })
    const index = tensor(
      Array.from({ length: rows }, (_, i) => i % 2),
      { dtype: 'int32', device },
    )
    let dispatches = 0
    for (let step = 0; step < 3; step++) {
      const before = deviceCounters(device).dispatches
      optimizer.zeroGrad()
      const looked = params.slice(1).map((table) => nn.functional.embedding(index, table).sum())
      add(add(looked[0] as Tensor, looked[1] as Tensor), bias.sum()).backward()
      optimizer.step()
      await synchronize()
      dispatches = deviceCounters(device).dispatches - before
    }
    return { dispatches, values: await Promise.all(params.map(async (p) => [...(await p.data())])) }
  }

  it('is written where it lies in the arena', async () => {
    const rows = 300
    const { dispatches, values } = await tables(rows)
    const table = (features: number): number[] => Array.from({ length: rows * features }, (_, i) => (i < 2 * features ? 1 - 225 : 1))
    expect(values).toEqual([new Array(5).fill(1 - 1.5), table(3), table(7)])
    // Two more where the gradients of both tables are copied
    expect(dispatches).toBeLessThanOrEqual(device === 'cpu' ? 10 : 17)
  })
})
