/**
 * @file What people do every day in PyTorch without a thought, by value: each use against the same arithmetic in plain numbers, or against the same
 * training done in another way that must come to the same.
 */
import { describe, expect, it } from 'vitest'
import { manualSeed, nn, noGrad, optim, StaleTensorError, stack, type Tensor, tensor, zeros } from '../../src/index.ts'
import '../support/matchers.ts'
import { ROUNDED, wide } from '../support/device.ts'
import { batches, device, F, mlp, regression, values } from './support.ts'

describe('losses that are kept', () => {
  it('have the value of their own step when they are read at the end', async () => {
    const [kept, read] = [regression(), regression()]
    const losses: Tensor[] = []
    const wanted: number[] = []
    for (let step = 0; step < 8; step++) {
      losses.push(kept.step())
      wanted.push(await read.step().item())
    }
    const got = await Promise.all(losses.map((l) => l.item()))
    expect(got).toEqual(wanted)
    expect(new Set(got).size).toBe(8)
  })

  it('can be stacked and averaged after the steps', async () => {
    const { step } = regression()
    const losses = Array.from({ length: 5 }, () => step())
    const single = await Promise.all(losses.map((l) => l.item()))
    const mean = await stack(losses).mean().item()
    expect(mean).toBeCloseTo(single.reduce((a, b) => a + b) / 5, 6)
  })

  it('can be read twice, and as text', async () => {
    const { step } = regression()
    const loss = step()
    step()
    step()
    expect(await loss.item()).toBe(await loss.item())
    expect(await loss.toText()).toMatch(/^tensor\(\d+\.\d+/)
  })
})

describe('a running sum over steps', () => {
  it('adds up what was added, with detach and without a read in between', async () => {
    const [summed, single] = [regression(), regression()]
    let total: Tensor = zeros([], { device })
    let wanted = 0
    for (let step = 0; step < 12; step++) {
      total = total.add(summed.step().detach())
      wanted += await single.step().item()
    }
    expect(await total.item()).toBeCloseTo(wanted, 4)
  })

  it('holds a moving average of the parameters', async () => {
    const { step, w } = regression()
    let average = w.detach()
    let wanted = await values(w)
    for (let i = 0; i < 6; i++) {
      step()
      average = average.mul(0.9).add(w.detach().mul(0.1))
      const now = await values(w)
      wanted = wanted.map((a, k) => 0.9 * a + 0.1 * (now[k] as number))
    }
    await expect(average).toBeCloseToTensor(
      wanted.map((v) => [v]),
      { rtol: 1e-5, atol: 1e-6 },
    )
  })

  it('holds a moving average that is updated in place', async () => {
    const { step, w } = regression()
    const average = new nn.Buffer(w)
    let wanted = await values(w)
    for (let i = 0; i < 6; i++) {
      step()
      noGrad(() => average.mul_(0.9).add_(w.mul(0.1)))
      const now = await values(w)
      wanted = wanted.map((a, k) => 0.9 * a + 0.1 * (now[k] as number))
    }
    await expect(average).toBeCloseToTensor(
      wanted.map((v) => [v]),
      { rtol: 1e-5, atol: 1e-6 },
    )
  })
})

describe('gradient accumulation', () => {
  it('over several backwards is the gradient of the sum', async () => {
    const x = tensor([1, 2, 3], { device, requiresGrad: true })
    for (const factor of [1, 10, 100]) x.square().mul(factor).sum().backward()
    await expect(x.grad as Tensor).toBeCloseToTensor([222, 444, 666])
  })

  it('over small batches trains as one large batch does', async () => {
    const [whole, parts] = [mlp(3), mlp(3)]
    for (let step = 0; step < 4; step++) {
      const { x, y } = batches(12, step)
      whole.optimizer.zeroGrad()
      F.mseLoss(whole.model.forward(x), y).backward()
      whole.optimizer.step()
      parts.optimizer.zeroGrad()
      for (let k = 0; k < 3; k++) {
        const rows = `${4 * k}:${4 * k + 4}`
        F.mseLoss(parts.model.forward(x.at(rows)), y.at(rows))
          .div(3)
          .backward()
      }
      parts.optimizer.step()
    }
    const [a, b] = [whole.model.parameters(), parts.model.parameters()]
    for (const [i, p] of a.entries()) await expect(b[i] as Tensor).toBeCloseToTensor(p, { rtol: 1e-4, atol: 1e-6 })
  })

  it('without zeroGrad goes on across steps', async () => {
    const w = new nn.Parameter(tensor([1], { device }))
    const optimizer = new optim.SGD([w], { lr: 0.1 })
    // the gradient of 2 w is 2 in each step: sums 2, 4, 6, 8
    for (let step = 0; step < 4; step++) {
      w.mul(2).sum().backward()
      optimizer.step()
    }
    await expect(w.grad as Tensor).toBeCloseToTensor([8])
    await expect(w).toBeCloseToTensor([1 - 0.1 * (2 + 4 + 6 + 8)])
  })
})

describe('truncated back-propagation through time', () => {
  /** h ← tanh(w h + x), in plain numbers: values and, within each window, the derivative by w. */
  function reference(inputs: readonly number[], window: number, lr: number): { w: number; h: number } {
    let [w, h] = [0.5, 0]
    for (let from = 0; from < inputs.length; from += window) {
      let dh = 0
      for (const x of inputs.slice(from, from + window)) {
        const next = Math.tanh(w * h + x)
        dh = (1 - next * next) * (h + w * dh)
        h = next
      }
      // the loss of a window is its last state, squared
      w -= lr * 2 * h * dh
    }
    return { w, h }
  }

  it('carries the detached state over steps and gradients within windows only', async () => {
    const inputs = Array.from({ length: 24 }, (_, i) => Math.sin(i))
    const w = new nn.Parameter(tensor([0.5], { device, dtype: wide }))
    const optimizer = new optim.SGD([w], { lr: 0.1 })
    let h = zeros([1], { device, dtype: wide })
    for (let from = 0; from < inputs.length; from += 4) {
      h = h.detach()
      for (const x of inputs.slice(from, from + 4)) h = w.mul(h).add(x).tanh()
      optimizer.zeroGrad()
      h.square().sum().backward()
      optimizer.step()
    }
    const wanted = reference(inputs, 4, 0.1)
    await expect(w).toBeCloseToTensor([wanted.w], ROUNDED)
    await expect(h).toBeCloseToTensor([wanted.h], ROUNDED)
  })
})

describe('two optimizers on one graph', () => {
  /** Generator G(z) = a z, critic D(x) = c x; D wants D(real) − D(fake) large, G wants D(fake) large. In plain numbers. */
  function reference(steps: number, lr: number): { a: number; c: number } {
    let [a, c] = [0.5, 1]
    for (let k = 0; k < steps; k++) {
      const [z, real] = [1 + (k % 3), 2]
      // critic: minimize c a z − c real + c²/2 over c, with the fake detached
      c -= lr * (a * z - real + c)
      // generator: minimize −c a z + a²/2 over a, with the new critic
      a -= lr * (-c * z + a)
    }
    return { a, c }
  }

  it('takes turns as in a GAN, each changing only its own parameters', async () => {
    const a = new nn.Parameter(tensor(0.5, { device, dtype: wide }))
    const c = new nn.Parameter(tensor(1, { device, dtype: wide }))
    const [forA, forC] = [new optim.SGD([a], { lr: 0.05 }), new optim.SGD([c], { lr: 0.05 })]
    for (let k = 0; k < 10; k++) {
      const fake = a.mul(1 + (k % 3))
      forC.zeroGrad()
      c.mul(fake.detach()).sub(c.mul(2)).add(c.square().mul(0.5)).backward()
      forC.step()
      forA.zeroGrad()
      a.square().mul(0.5).sub(c.mul(fake)).backward()
      forA.step()
    }
    const wanted = reference(10, 0.05)
    await expect(a).toBeCloseToTensor(wanted.a, ROUNDED)
    await expect(c).toBeCloseToTensor(wanted.c, ROUNDED)
  })

  it('can share parameters: the second starts from what the first left', async () => {
    const w = new nn.Parameter(tensor([1, 2], { device }))
    const [one, two] = [new optim.SGD([w], { lr: 0.1 }), new optim.SGD([w], { lr: 0.01 })]
    for (const optimizer of [one, two, one, two]) {
      optimizer.zeroGrad()
      w.square().sum().backward()
      optimizer.step()
    }
    const factor = (0.8 * 0.98) ** 2
    await expect(w).toBeCloseToTensor([factor, 2 * factor], { rtol: 1e-5, atol: 1e-6 })
  })
})

describe('frozen layers', () => {
  it('do not change while the others learn, and learn again when they are thawed', async () => {
    const { model, optimizer } = mlp(5)
    const [first, last] = [model.at(0), model.at(2)]
    const { x, y } = batches(8, 0)
    const step = (): void => {
      optimizer.zeroGrad()
      F.mseLoss(model.forward(x), y).backward()
      optimizer.step()
    }
    const weights = async (m: nn.Module): Promise<number[]> => values((m as nn.Linear).weight)
    const start = { first: await weights(first), last: await weights(last) }
    first.requiresGrad_(false)
    for (let i = 0; i < 3; i++) step()
    expect(await weights(first)).toEqual(start.first)
    expect(await weights(last)).not.toEqual(start.last)
    first.requiresGrad_(true)
    step()
    expect(await weights(first)).not.toEqual(start.first)
  })

  it('train as a model that has them as constants', async () => {
    const [frozen, plain] = [mlp(6), mlp(6)]
    frozen.model.at(0).requiresGrad_(false)
    const optimizer = new optim.Adam(plain.model.at(2).parameters(), { lr: 0.02 })
    const other = new optim.Adam(frozen.model.parameters(), { lr: 0.02 })
    for (let i = 0; i < 3; i++) {
      const { x, y } = batches(8, i)
      for (const [m, o] of [
        [plain.model, optimizer],
        [frozen.model, other],
      ] as const) {
        m.zeroGrad()
        F.mseLoss(m.forward(x), y).backward()
        o.step()
      }
    }
    await expect((frozen.model.at(2) as nn.Linear).weight).toBeCloseToTensor((plain.model.at(2) as nn.Linear).weight)
  })
})

describe('logits read after the step', () => {
  it('are those that the loss saw, of the parameters before the step', async () => {
    const [late, early] = [mlp(7), mlp(7)]
    for (let i = 0; i < 4; i++) {
      const { x, y } = batches(8, i)
      const run = ({ model, optimizer }: ReturnType<typeof mlp>, between?: (t: Tensor) => void): Tensor => {
        optimizer.zeroGrad()
        const out = model.forward(x)
        F.mseLoss(out, y).backward()
        between?.(out)
        optimizer.step()
        return out
      }
      let before: Promise<number[]> | undefined
      run(early, (out) => {
        before = values(out)
      })
      const wanted = await before
      expect(await values(run(late))).toEqual(wanted)
    }
  })

  it('of a step before the last are stale, and the error says what to do', async () => {
    const { model, optimizer } = mlp(8)
    const { x, y } = batches(9, 0)
    const outputs: Tensor[] = []
    for (let i = 0; i < 4; i++) {
      optimizer.zeroGrad()
      // (an op that nothing else here ends with: an output like those that were read late is stored)
      const out = model.forward(x).sin()
      outputs.push(out)
      F.mseLoss(out, y).backward()
      optimizer.step()
    }
    // Before the first step the parameters were host data, which stays: what was made from them can always be computed.
    const read = (outputs[1] as Tensor).data()
    await expect(read).rejects.toThrow(StaleTensorError)
    await expect((outputs[1] as Tensor).data()).rejects.toThrow(/detach\(\)|clone\(\)/)
  })

  it('stay readable at any time once they are detached or cloned in their step', async () => {
    const { model, optimizer } = mlp(9)
    const { x, y } = batches(8, 0)
    const kept: Tensor[] = []
    const wanted: number[][] = []
    for (let i = 0; i < 5; i++) {
      optimizer.zeroGrad()
      const out = model.forward(x)
      kept.push(i % 2 === 0 ? out.detach() : out.clone())
      wanted.push(await values(noGrad(() => model.forward(x))))
      F.mseLoss(out, y).backward()
      optimizer.step()
    }
    for (const [i, t] of kept.entries()) await expect(t.reshape([-1])).toBeCloseToTensor(wanted[i] as number[])
  })

  it('of the step are stale at once where the optimizer keeps no previous parameters', async () => {
    manualSeed(1)
    const model = new nn.Linear(3, 2, { device })
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, keepPrevious: false })
    let out = model.forward(tensor([[1, 2, 3]], { device }))
    for (let i = 0; i < 2; i++) {
      out = model.forward(tensor([[1, 2, 3]], { device }))
      out.square().sum().backward()
      optimizer.step()
    }
    await expect(out.mul(1).data()).rejects.toThrow(StaleTensorError)
    expect((await model.weight.data()).every(Number.isFinite)).toBe(true)
  })
})

describe('evaluation under noGrad', () => {
  it('between training steps does not disturb them', async () => {
    const [plain, watched] = [mlp(10), mlp(10)]
    const test = batches(16, 99)
    const scores: number[] = []
    for (let i = 0; i < 5; i++) {
      for (const { model, optimizer } of [plain, watched]) {
        const { x, y } = batches(8, i)
        optimizer.zeroGrad()
        F.mseLoss(model.forward(x), y).backward()
        optimizer.step()
      }
      const score = await noGrad(async () => F.mseLoss(watched.model.forward(test.x), test.y).item())
      scores.push(score)
    }
    const [a, b] = [plain.model.parameters(), watched.model.parameters()]
    for (const [i, p] of a.entries()) await expect(b[i] as Tensor).toBeCloseToTensor(p, { rtol: 0, atol: 0 })
    expect(new Set(scores).size).toBe(5)
    expect(await F.mseLoss(plain.model.forward(test.x), test.y).item()).toBe(scores[4])
  })

  it('makes results that do not require grad', async () => {
    const { model } = mlp(11)
    const { x } = batches(4, 0)
    const out = await noGrad(async () => {
      await Promise.resolve()
      return model.forward(x)
    })
    expect(out.requiresGrad).toBe(false)
    expect(model.forward(x).requiresGrad).toBe(true)
  })
})
