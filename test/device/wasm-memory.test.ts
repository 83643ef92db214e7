/** @file The 4 GiB of a WebAssembly memory: what does not fit is refused by name, what was there is as it was, and training goes on. */
import { afterAll, describe, expect, it } from 'vitest'
import { arange, full, init, manualSeed, memory, nn, optim, synchronize, type Tensor } from '../../src/index.ts'
import { cleanSlate } from '../support/collect.ts'

const GIB = 2 ** 30
const at = { device: 'cpu' } as const

function trainer(): (rows: number) => Promise<number> {
  manualSeed(5)
  const model = new nn.Sequential(new nn.Linear(16, 32, at), new nn.ReLU(), new nn.Linear(32, 1, at))
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 })
  return async (rows) => {
    optimizer.zeroGrad()
    const loss = model
      .forward(randn([rows, 16], at))
      .square()
      .mean()
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

describe('past 4 GiB', () => {
  const held: Tensor[] = []
  afterAll(() => {
    for (const tensor of held) tensor.dispose()
  })

  it('is an OutOfMemoryError that names op and bytes, with nothing corrupted', { timeout: 120_000 }, async () => {
    expect((await init(at)).adapter).toContain('WebAssembly')
    await cleanSlate()
    const usual = trainer()
    const expected = [await usual(8), await usual(8), await usual(8)]
    const step = trainer()
    const losses = [await step(8)]
    const make = async (i: number): Promise<Tensor> => {
      const tensor = full([GIB / 4], i, at)
      held.push(tensor)
      // What is written in place is stored
      tensor.add_(1)
      await synchronize()
      expect(await tensor.at(GIB / 4 - 1).item()).toBe(i + 1)
      return tensor
    }
    for (let i = 0; i < 3; i++) await make(i)
    await synchronize()
    const before = memory('cpu')
    await expect(make(3)).rejects.toThrow(/^add: the device has no room for 1073741824 bytes/)
    await expect(step(2 ** 23)).rejects.toThrow(/the device has no room for \d+ bytes/)
    await synchronize()
    expect(memory('cpu').liveBytes).toBeLessThanOrEqual(before.liveBytes)
    losses.push(await step(8), await step(8))
    for (const [i, tensor] of held.slice(0, 3).entries())
      for (const place of [0, 12345, GIB / 8, GIB / 4 - 2]) expect(await tensor.at(place).item()).toBe(i + 1)
    // The step that found no memory did not happen
    expect(losses).toEqual(expected)
    // What was given up makes room
    held.pop()?.dispose()
    held.pop()?.dispose()
    await make(2)
  })
})
