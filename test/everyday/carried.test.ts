/** @file State that is carried from step to step without an optimizer's help: buffers, running averages, old policies, hand-written updates. */
import { beforeEach, describe, expect, it } from 'vitest'
import { manualSeed, memory, nn, noGrad, ones, optim, type Tensor, tensor, zeros } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { cleanSlate, collect, expectNoGrowth } from '../support/collect.ts'
import { device } from '../support/device.ts'

const HERE = { device } as const

beforeEach(cleanSlate)

const input = (step: number, rows = 4, columns = 4): Tensor =>
  tensor(
    Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + step * 0.7)),
    { shape: [rows, columns], ...HERE },
  )

describe('a buffer that is updated in place and used in the same step', () => {
  class Centered extends nn.Module {
    readonly fc = new nn.Linear(4, 4, HERE)
    readonly mean = new nn.Buffer(zeros([4], HERE))
    forward(x: Tensor): Tensor {
      const h = this.fc.forward(x)
      noGrad(() => this.mean.mul_(0.9).add_(h.mean(0), { alpha: 0.1 }))
      return h.sub(this.mean)
    }
  }

  it('has the running average of all steps, step after step', async () => {
    manualSeed(0)
    const model = new Centered()
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.05 })
    const want = new Float64Array(4)
    for (let i = 0; i < 10; i++) {
      const h = await noGrad(() => model.fc.forward(input(i))).data()
      for (let j = 0; j < 4; j++) {
        const mean = ((h[j] as number) + (h[4 + j] as number) + (h[8 + j] as number) + (h[12 + j] as number)) / 4
        want[j] = (want[j] as number) * 0.9 + 0.1 * mean
      }
      optimizer.zeroGrad()
      const loss = model.forward(input(i)).square().sum()
      loss.backward()
      optimizer.step()
      await loss.item()
    }
    const got = await model.mean.data()
    for (let j = 0; j < 4; j++) expect(got[j]).toBeCloseTo(want[j] as number, 5)
  })

  it('settles into one plan and flat memory', async () => {
    manualSeed(0)
    const model = new Centered()
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.05 })
    const step = async (i: number): Promise<void> => {
      optimizer.zeroGrad()
      const loss = model.forward(input(i)).square().sum()
      loss.backward()
      optimizer.step()
      await loss.item()
    }
    for (let i = 0; i < 10; i++) await step(i)
    // What was dropped before goes now, not between the two counts
    await collect()
    const before = { pipelines: deviceCounters(device).pipelines, live: memory(device).liveBytes }
    for (let i = 10; i < 40; i++) await step(i)
    await collect()
    expectNoGrowth({ pipelines: deviceCounters(device).pipelines, live: memory(device).liveBytes }, before)
  })
})

describe('an update written by hand, without an optimizer', () => {
  it('makes no new kernel once it is steady', async () => {
    const n = 100
    let w = ones([n, n], HERE).mul(0.01)
    let v: Tensor = zeros([n, n], HERE)
    const x = input(1, 8, n)
    const pipelines: number[] = []
    for (let i = 0; i < 60; i++) {
      w = w.detach().requiresGrad_()
      const loss = x.matmul(w).square().mean()
      loss.backward()
      const grad = w.grad as Tensor
      noGrad(() => {
        v = v.mul(0.9).add(grad)
        w = w.sub(v.mul(0.01))
      })
      await loss.item()
      pipelines.push(deviceCounters(device).pipelines)
    }
    expect(pipelines[59]).toBe(pipelines[20])
  })

  it('in place under noGrad gives the old weights back without the garbage collector', async () => {
    const w = ones([100, 100], HERE).mul(0.01).detach().requiresGrad_()
    const x = input(1, 8, 100)
    const live: number[] = []
    for (let i = 0; i < 80; i++) {
      const loss = x.matmul(w).square().mean()
      loss.backward()
      noGrad(() => w.sub_((w.grad as Tensor).mul(0.01)))
      w.grad = null
      await loss.item()
      live.push(memory(device).liveBytes)
    }
    // Less is no leak: what was dropped earlier may go meanwhile
    expect(live[79]).toBeLessThanOrEqual(live[40] as number)
  })
})

describe('what was computed under noGrad in an earlier step', () => {
  it('is a constant for many later steps (old log-probabilities, a replay buffer)', async () => {
    manualSeed(3)
    const model = new nn.Linear(4, 3, HERE)
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 })
    const x = input(2)
    for (let round = 0; round < 3; round++) {
      const wanted = await noGrad(() => model.forward(x).logSoftmax(1)).data()
      const old = noGrad(() => model.forward(x).logSoftmax(1))
      for (let i = 0; i < 5; i++) {
        optimizer.zeroGrad()
        const ratio = model.forward(x).logSoftmax(1).sub(old).exp()
        ratio.square().mean().backward()
        optimizer.step()
      }
      const got = await old.data()
      for (let i = 0; i < got.length; i++) expect(got[i]).toBeCloseTo(wanted[i] as number, 5)
    }
  })
})

describe('dispose()', () => {
  it('of an operand leaves what was recorded from it', async () => {
    const x = tensor([1, 2], HERE).mul(2)
    await x.data()
    const y = x.add(1)
    x.dispose()
    expect([...(await y.data())]).toEqual([3, 5])
  })
})

describe('a result that cannot be computed', () => {
  it('stands in nobody else’s way', async () => {
    manualSeed(4)
    const model = new nn.Linear(4, 2, HERE)
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 })
    let stale: Tensor | undefined
    for (let i = 0; i < 5; i++) {
      optimizer.zeroGrad()
      const out = model.forward(input(i))
      if (i === 1) stale = out
      out.square().sum().backward()
      optimizer.step()
    }
    const broken = (stale as Tensor).mul(2) // recorded, and never to be had
    expect((await tensor([1], HERE).add(1).data())[0]).toBe(2)
    await expect(broken.data()).rejects.toThrow(/a \[4, 2\] float32 tensor can no longer be computed/)
    model.forward(input(1)).square().sum().backward()
    optimizer.step()
    expect((await model.weight.data()).every(Number.isFinite)).toBe(true)
  })
})
