/**
 * @file The everyday uses by memory: what is live after step 60 is what was live after step 10, with nothing disposed of. Results of up to 16 KiB move to
 * the host; arenas stay where they are.
 *
 * Large values that a user detaches and drops are another matter: nobody says that they are dropped. They go when the collector finds them, and past
 * a budget it is asked; those tests ask it themselves.
 */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { init, memory, nn, noGrad, optim, randn, resetPeakMemory, synchronize, type Tensor, tidy, zeros } from '../../src/index.ts'
import { cleanSlate, collect, expectNoGrowth } from '../support/collect.ts'
import { batches, device, F, mlp } from './support.ts'

const COLLECTED = { collected: true }
const WIDTH = 32
const WIDE = 768 // a weight of 6 · 768 float32 is 18 KiB: it stays on the device when it is detached

// A device that is still being opened would hold back the first steps
beforeAll(() => init({ device }))
beforeEach(cleanSlate)

/** Live bytes and buffers after step 60 must not be more than after step 10. */
async function expectFlat(step: (i: number) => unknown, options: { collected?: boolean } = {}): Promise<void> {
  const seen: { liveBytes: number; buffers: number }[] = []
  for (let i = 1; i <= 60; i++) {
    await step(i)
    if (i === 10 || i === 60) {
      await synchronize()
      if (options.collected) await collect()
      const { liveBytes, buffers } = memory(device)
      seen.push({ liveBytes, buffers })
    }
  }
  expect(seen[0]?.liveBytes).toBeGreaterThan(0)
  const [early, late] = seen as [(typeof seen)[0], (typeof seen)[0]]
  expectNoGrowth(late, early)
}

/** A training step on a batch of its own. */
function trainer(width = WIDTH): {
  step: (i: number, before?: (out: Tensor, loss: Tensor) => void) => { out: Tensor; loss: Tensor }
  model: nn.Sequential
} {
  const { model, optimizer } = mlp(1, width)
  const step = (i: number, before?: (out: Tensor, loss: Tensor) => void): { out: Tensor; loss: Tensor } => {
    const { x, y } = batches(4, i)
    optimizer.zeroGrad()
    const out = model.forward(x)
    const loss = F.mseLoss(out, y)
    loss.backward()
    before?.(out, loss)
    optimizer.step()
    return { out, loss }
  }
  return { step, model }
}

it('what a step was to give up at its end, and does not read, goes before the step takes memory', async () => {
  const width = 512 // one weight of 1 MiB
  const layer = new nn.Linear(width, width, { bias: false, device })
  const optimizer = new optim.AdamW(layer.parameters(), { lr: 1e-3 })
  const x = randn([4, width], { device })
  let before: Tensor | undefined
  let peak = 0
  for (let step = 0; step < 8; step++) {
    await synchronize()
    resetPeakMemory(device)
    optimizer.zeroGrad()
    const out = layer.forward(x)
    out.square().mean().backward()
    optimizer.step()
    await synchronize()
    peak = memory(device).peakBytes
    // (of the parameters before the step)
    before = out
    expect((await before.data()).every(Number.isFinite)).toBe(true)
  }
  // The parameters, what AdamW remembers twice, their next values and their gradients; not the gradients and the parameters of the step before
  expect(peak / (4 * width * width)).toBeLessThan(5.5)
})

describe('memory is flat', () => {
  it('while losses are kept', async () => {
    const { step } = trainer()
    const losses: Tensor[] = []
    await expectFlat((i) => losses.push(step(i).loss))
    expect(losses.length).toBe(60)
    expect((await Promise.all(losses.map((l) => l.item()))).every(Number.isFinite)).toBe(true)
  })

  it('while a running sum goes over the steps', async () => {
    const { step } = trainer()
    let total: Tensor = zeros([], { device })
    await expectFlat((i) => {
      total = total.add(step(i).loss.detach())
    })
    expect(await total.item()).toBeGreaterThan(0)
  })

  it('while a moving average of the parameters is kept beside them', async () => {
    const { step, model } = trainer(WIDE)
    const averages = model.parameters().map((p) => new nn.Buffer(p))
    await expectFlat((i) => {
      step(i)
      noGrad(() => {
        for (const [k, p] of model.parameters().entries()) averages[k]?.mul_(0.9).add_(p.mul(0.1))
      })
    }, COLLECTED)
  })

  it('while gradients are summed over several backwards', async () => {
    const { model, optimizer } = mlp(2, WIDTH)
    await expectFlat((i) => {
      optimizer.zeroGrad()
      for (let k = 0; k < 3; k++) {
        const { x, y } = batches(4, 3 * i + k)
        F.mseLoss(model.forward(x), y).div(3).backward()
      }
      optimizer.step()
    })
  })

  it('while gradients are never set to zero', async () => {
    const { model, optimizer } = mlp(2, WIDTH)
    await expectFlat((i) => {
      const { x, y } = batches(4, i)
      F.mseLoss(model.forward(x), y).backward()
      optimizer.step()
    })
  })

  it.each([
    ['small', 8, {}],
    ['large', 520, COLLECTED], // 16.25 KiB: stays on the device
  ] as const)('while a %s detached state goes from window to window', async (_, rows, options) => {
    const cell = new nn.Linear(8, 8, { device })
    const optimizer = new optim.SGD(cell.parameters(), { lr: 0.01, momentum: 0.9 })
    let h = zeros([rows, 8], { device })
    await expectFlat(() => {
      h = h.detach()
      for (let t = 0; t < 3; t++)
        h = cell
          .forward(h)
          .add(randn([rows, 8], { device }))
          .tanh()
      optimizer.zeroGrad()
      h.square().mean().backward()
      optimizer.step()
    }, options)
    expect((await h.data()).every((v) => Math.abs(v) <= 1)).toBe(true)
  })

  it('while two optimizers take turns on one graph', async () => {
    const generator = mlp(3, WIDTH)
    const judge = new nn.Sequential(new nn.Linear(2, 64, { device }), new nn.ReLU(), new nn.Linear(64, 1, { device }))
    const forJudge = new optim.Adam(judge.parameters(), { lr: 1e-3 })
    await expectFlat((i) => {
      const { x, y } = batches(4, i)
      const fake = generator.model.forward(x)
      forJudge.zeroGrad()
      judge.forward(fake.detach()).mean().sub(judge.forward(y).mean()).backward()
      forJudge.step()
      generator.optimizer.zeroGrad()
      judge.forward(fake).mean().neg().backward()
      generator.optimizer.step()
    })
  })

  it('while a layer is frozen', async () => {
    const { step, model } = trainer()
    model.at(0).requiresGrad_(false)
    await expectFlat((i) => step(i))
  })

  it('while logits are read after the step', async () => {
    const { step } = trainer()
    await expectFlat(async (i) => (await step(i).out.data()).length)
  })

  it('while results that were read are changed in place, and no step closes', async () => {
    // (what is given up goes some tasks later)
    const x = randn([100, 100], { device })
    const read = async (): Promise<void> => {
      const y = x.mul(2)
      await y.sum().item()
      await y.mean().item()
      noGrad(() => y.add_(1))
      await y.sum().item()
    }
    const seen: { liveBytes: number; buffers: number }[] = []
    for (let i = 1; i <= 60; i++) {
      await read()
      if (i === 20 || i === 60) {
        await collect()
        const { liveBytes, buffers } = memory(device)
        seen.push({ liveBytes, buffers })
      }
    }
    const [early, late] = seen as [(typeof seen)[0], (typeof seen)[0]]
    expectNoGrowth(late, early)
  })

  it('while large detached results are made and dropped', async () => {
    const { step, model } = trainer(WIDE)
    await expectFlat(async (i) => {
      step(i)
      const state = model.stateDict()
      if (i % 20 === 0) await state['0.weight']?.data()
    }, COLLECTED)
  })

  it('while a model is evaluated under noGrad, with and without training beside it', async () => {
    const { model } = trainer(WIDE)
    await expectFlat((i) => noGrad(async () => F.mseLoss(model.forward(batches(4, i).x), batches(4, i).y).item()))
    const { step, model: trained } = trainer()
    await expectFlat(async (i) => {
      step(i)
      await noGrad(async () => trained.forward(batches(4, i).x).argmax(1).data())
    })
  })

  it('while parameters are clipped in place after each step', async () => {
    const { step, model } = trainer()
    await expectFlat((i) => {
      step(i)
      noGrad(() => {
        for (const p of model.parameters()) p.clamp_(-0.1, 0.1)
      })
    })
  })

  it('while models and optimizers come and go', async () => {
    await expectFlat(async () => {
      await tidy(async () => (await trainer(64).step(0).loss.item()) > 0)
    }, COLLECTED)
  })

  it('a value is not stored because a small one like it was read after its run', async () => {
    const outer = (rows: number, columns: number): Tensor =>
      randn([rows, 1], { device })
        .mul(randn([1, columns], { device }))
        .exp()
    const small = outer(4, 3)
    await small.narrow(0, 0, 2).sum().item()
    await small.data()
    const large = outer(3001, 4001)
    resetPeakMemory(device)
    await large.narrow(0, 0, 2).sum().item()
    expect(memory(device).peakBytes).toBeLessThan(3001 * 4001)
  })
})
