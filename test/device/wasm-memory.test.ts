/** @file The 4 GiB of a WebAssembly memory: what does not fit is refused by name, what was there is as it was, and training goes on. */
import { afterAll, describe, expect, it } from 'vitest'
import { arange, full, init, manualSeed, memory, nn, OutOfMemoryError, optim, synchronize, type Tensor } from '../../src/index.ts'
import { cleanSlate, collect } from '../support/collect.ts'

const GIB = 2 ** 30
const at = { device: 'cpu' } as const

function trainer(): (rows: number) => Promise<number> {
  manualSeed(5)
  const model = new nn.Sequential(new nn.Linear(16, 32, at), new nn.ReLU(), new nn.Linear(32, 1, at))
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 })
  return async (rows) => {
    optimizer.zeroGrad()
    const loss = model
      .forward(
        arange(rows * 16, { dtype: 'float32', ...at })
          .sin()
          .reshape([rows, 16]),
      )
      .square()
      .mean()
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

/** What is thrown, without a promise that anybody keeps. */
async function failure(of: () => Promise<unknown>): Promise<string> {
  try {
    await of()
  } catch (e) {
    if (e instanceof OutOfMemoryError) return e.message
    throw e
  }
  throw new Error('nothing was thrown')
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
    const losses = [await step(8), await step(8)]
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
    expect(await failure(() => make(3))).toMatch(/^add_: the device has no room for 1073741824 bytes .* of its 4\.0 GiB/)
    expect(await failure(() => step(2 ** 23))).toMatch(/the device has no room for \d+ bytes .* of its 4\.0 GiB/)
    losses.push(await step(8))
    // Gradients that could not be computed held the batch until then
    await collect()
    expect(memory('cpu').liveBytes).toBeLessThanOrEqual(before.liveBytes)
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
