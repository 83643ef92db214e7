/**
 * @file When an iteration ends, and what can be read until then: loops with several optimizers, and with updates that are written by hand. By value against
 * the same program that reads everything in every turn; by memory with nothing collected.
 */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { init, manualSeed, memory, nn, noGrad, optim, randn, StaleTensorError, type Tensor, tensor, zeros } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { cleanSlate } from '../support/collect.ts'
import '../support/matchers.ts'
import { device, values } from './support.ts'

const HERE = { device } as const
const LR = 0.05
const ROUNDED = { rtol: 1e-4, atol: 1e-5 }

// A device that is still being opened would hold back the first steps
beforeAll(() => init({ device }))
beforeEach(cleanSlate)

const gradOf = (w: Tensor): Tensor => w.grad as Tensor
const leaf = (x: Tensor): Tensor => x.detach().requiresGrad_()

/** A net of two layers and a fixed task. A weight of 16 · 512 float32 is 32 KiB: it stays on the device. */
function task(seed = 1, width = 512) {
  manualSeed(seed)
  const weights = [leaf(randn([16, width], HERE).mul(0.1)), leaf(randn([width, 1], HERE).mul(0.1))] as const
  const [w1, w2] = weights
  const batch = (i: number): Tensor =>
    tensor(
      Float32Array.from({ length: 8 * 16 }, (_, k) => Math.sin(k + 0.7 * i)),
      { shape: [8, 16], ...HERE },
    )
  const out = (i: number): Tensor => batch(i).matmul(w1).tanh().matmul(w2)
  const loss = (i: number): Tensor => out(i).sub(0.5).square().mean()
  return { weights, w1, w2, out, loss }
}

type Task = ReturnType<typeof task>

/** A turn of a loop: `read` is called where the twin reads. Other tensors that it carries are in `carried`. */
interface Loop {
  readonly turn: (i: number, read: (x: Tensor) => Promise<void>) => Promise<Tensor>
  readonly carried: readonly Tensor[]
}

const clear = ({ weights }: Task): void => {
  for (const w of weights) w.grad = null
}

const LOOPS: Readonly<Record<string, (t: Task) => Loop>> = {
  'an update by hand': (t) => ({
    async turn(i, read) {
      const loss = t.loss(i)
      await read(loss)
      loss.backward()
      await read(gradOf(t.w1))
      noGrad(() => {
        for (const w of t.weights) w.sub_(gradOf(w).mul(LR))
      })
      clear(t)
      return loss
    },
    carried: [],
  }),
  'an update and a projection of the same leaf': (t) => ({
    async turn(i, read) {
      const loss = t.loss(i)
      loss.backward()
      await read(loss)
      for (const w of t.weights)
        noGrad(() => {
          w.sub_(gradOf(w).mul(LR))
          w.div_(w.square().sum().sqrt())
        })
      clear(t)
      return loss
    },
    carried: [],
  }),
  'momentum by hand': (t) => {
    const buffers = t.weights.map((w) => zeros(w.shape, HERE))
    return {
      async turn(i, read) {
        const loss = t.loss(i)
        loss.backward()
        noGrad(() => {
          t.weights.forEach((w, k) => {
            const v = buffers[k] as Tensor
            v.mul_(0.9).add_(gradOf(w))
            w.sub_(v.mul(LR))
          })
        })
        clear(t)
        await read(loss)
        return loss
      },
      carried: buffers,
    }
  },
  'a moving average by hand beside an optimizer': (t) => {
    const average = zeros([16, 512], HERE)
    const optimizer = new optim.SGD(t.weights, { lr: LR })
    return {
      async turn(i, read) {
        optimizer.zeroGrad()
        const loss = t.loss(i)
        loss.backward()
        optimizer.step()
        noGrad(() => average.mul_(0.9).add_(t.w1, { alpha: 0.1 }))
        await read(loss)
        return loss
      },
      carried: [average],
    }
  },
  'a moving average by hand beside updates by hand': (t) => {
    const average = zeros([16, 512], HERE)
    return {
      async turn(i, read) {
        const loss = t.loss(i)
        loss.backward()
        noGrad(() => {
          for (const w of t.weights) w.sub_(gradOf(w).mul(LR))
          average.mul_(0.9).add_(t.w1, { alpha: 0.1 })
        })
        clear(t)
        await read(average)
        return loss
      },
      carried: [average],
    }
  },
  'weights that are clamped after each step': (t) => {
    const optimizer = new optim.SGD(t.weights, { lr: LR })
    return {
      async turn(i, read) {
        optimizer.zeroGrad()
        const loss = t.loss(i)
        loss.backward()
        optimizer.step()
        noGrad(() => {
          for (const w of t.weights) w.clamp_(-0.1, 0.1)
        })
        await read(loss)
        return loss
      },
      carried: [],
    }
  },
  'gradients of three batches, and an update by hand': (t) => ({
    async turn(i, read) {
      const losses = [0, 1, 2].map((k) => t.loss(3 * i + k).div(3))
      for (const loss of losses) {
        loss.backward()
        await read(loss)
      }
      noGrad(() => {
        for (const w of t.weights) w.sub_(gradOf(w).mul(LR))
      })
      clear(t)
      return losses[2] as Tensor
    },
    carried: [],
  }),
  'two nets in turn, by hand': (t) => {
    const other = task(2)
    return {
      async turn(i, read) {
        const made = other.out(i)
        const loss = t.loss(i).add(made.detach().mean().square())
        loss.backward()
        noGrad(() => t.w1.sub_(gradOf(t.w1).mul(LR)))
        clear(t)
        await read(loss)
        made.mul(t.out(i)).mean().backward()
        noGrad(() => other.w1.sub_(gradOf(other.w1).mul(LR)))
        clear(t)
        clear(other)
        return loss
      },
      carried: [other.w1],
    }
  },
  'one leaf that is updated in every third turn': (t) => ({
    async turn(i, read) {
      const loss = t.loss(i)
      loss.backward()
      noGrad(() => {
        t.w2.sub_(gradOf(t.w2).mul(LR))
        if (i % 3 === 0) t.w1.sub_(gradOf(t.w1).mul(LR))
      })
      clear(t)
      await read(loss)
      return loss
    },
    carried: [],
  }),
  'a functional inner update, and an outer one by an optimizer': (t) => {
    const optimizer = new optim.SGD(t.weights, { lr: LR })
    return {
      async turn(i, read) {
        optimizer.zeroGrad()
        const inner = t.w1.mul(2).sub(t.w1.square())
        const x = inner.sub(inner.square().mul(0.1))
        const loss = x.square().mean().add(t.loss(i))
        loss.backward()
        await read(loss)
        optimizer.step()
        return loss
      },
      carried: [],
    }
  },
}

const nothing = async (): Promise<void> => {}

describe.each(Object.entries(LOOPS))('%s', (_, make) => {
  it('has the values of the same loop that reads everything in every turn', async () => {
    const [plain, reading] = [task(), task()]
    const [a, b] = [make(plain), make(reading)]
    const read = async (x: Tensor): Promise<void> => {
      await values(x)
      for (const each of [...reading.weights, ...b.carried]) await values(each)
    }
    const losses: Tensor[] = []
    const wanted: number[] = []
    for (let i = 0; i < 6; i++) {
      losses.push(await a.turn(i, nothing))
      wanted.push(await (await b.turn(i, read)).item())
    }
    for (const [i, loss] of losses.entries()) await expect(loss).toBeCloseToTensor(wanted[i] as number, ROUNDED)
    const [got, want] = [
      [...plain.weights, ...a.carried],
      [...reading.weights, ...b.carried],
    ]
    for (const [k, x] of want.entries()) await expect(got[k] as Tensor).toBeCloseToTensor(x.detach(), ROUNDED)
  })

  it('runs while it is recorded, the same in every turn, and its memory is flat with nothing read and nothing collected', async () => {
    const loop = make(task())
    const seen: Record<'live' | 'buffers' | 'dispatches', number>[] = []
    for (let i = 0; i < 31; i++) {
      await loop.turn(i, nothing)
      const { liveBytes: live, buffers } = memory(device)
      seen.push({ live, buffers, dispatches: deviceCounters(device).dispatches })
    }
    const [early, middle, late] = [seen[12], seen[21], seen[30]] as [(typeof seen)[0], (typeof seen)[0], (typeof seen)[0]]
    expect(middle.dispatches).toBeGreaterThan(early.dispatches)
    expect(late.dispatches - middle.dispatches).toBe(middle.dispatches - early.dispatches)
    expect(late.live).toBeLessThanOrEqual(early.live)
    expect(late.buffers).toBeLessThanOrEqual(early.buffers)
  })
})

describe('results of an iteration', () => {
  it('are readable in a GAN after the step of the other optimizer', async () => {
    const run = async (late: boolean): Promise<number[][]> => {
      manualSeed(3)
      const [generator, judge] = [new nn.Linear(4, 4, HERE), new nn.Linear(4, 1, HERE)]
      const forJudge = new optim.Adam(judge.parameters(), { lr: 0.02 })
      const forGenerator = new optim.Adam(generator.parameters(), { lr: 0.02 })
      const seen: number[][] = []
      for (let i = 0; i < 5; i++) {
        const fake = generator.forward(randn([8, 4], HERE))
        forJudge.zeroGrad()
        const logits = judge.forward(randn([8, 4], HERE))
        judge.forward(fake.detach()).sigmoid().mean().sub(logits.sigmoid().mean()).backward()
        if (!late) seen.push(await values(logits))
        forJudge.step()
        forGenerator.zeroGrad()
        judge.forward(fake).sigmoid().mean().neg().backward()
        forGenerator.step()
        if (late) seen.push(await values(logits))
      }
      return seen
    }
    const [late, early] = [await run(true), await run(false)]
    for (const [i, logits] of early.entries()) await expect(tensor(late[i] as number[], HERE)).toBeCloseToTensor(logits, ROUNDED)
  })

  it.each([
    ['a step', (w: Tensor) => new optim.SGD([w], { lr: LR })],
    ['an update by hand', (w: Tensor) => ({ step: () => void noGrad(() => w.sub_(gradOf(w).mul(LR))) })],
  ] as const)('are readable until the iteration after has ended with %s', async (_, make) => {
    const w = leaf(zeros([5000], HERE).add(1))
    const optimizer = make(w)
    const outputs: Tensor[] = []
    const wanted: number[] = []
    let value = 1
    const turn = (): void => {
      wanted.push(2 * value + 1)
      value -= (LR * 4 * (2 * value + 1)) / 5000
      const out = w.mul(2).add(1)
      outputs.push(out)
      w.grad = null
      out.square().mean().backward()
      optimizer.step()
    }
    for (let i = 0; i < 6; i++) turn()
    await expect((outputs[5] as Tensor).at('0:2')).toBeCloseToTensor([wanted[5], wanted[5]] as number[], ROUNDED)
    turn()
    await expect((outputs[4] as Tensor).data()).rejects.toThrow(StaleTensorError)
    await expect((outputs[6] as Tensor).at('0:2')).toBeCloseToTensor([wanted[6], wanted[6]] as number[], ROUNDED)
  })

  it('of the batches whose gradients are summed are all of one iteration', async () => {
    const t = task()
    const outputs: Tensor[] = []
    const wanted: number[][] = []
    for (let i = 0; i < 4; i++) {
      for (let k = 0; k < 3; k++) {
        const out = t.out(3 * i + k)
        outputs.push(out)
        wanted.push(await values(noGrad(() => t.out(3 * i + k))))
        out.square().mean().backward()
      }
      noGrad(() => {
        for (const w of t.weights) w.sub_(gradOf(w).mul(LR))
      })
      clear(t)
    }
    for (let k = 9; k < 12; k++) await expect((outputs[k] as Tensor).reshape([-1])).toBeCloseToTensor(wanted[k] as number[], ROUNDED)
  })
})

describe('an error of what is computed later', () => {
  /** Whether the stack names this function, with the frames that the engine keeps by default. */
  async function userFunction(work: () => unknown): Promise<void> {
    await work()
  }

  it.each([
    ['data', (x: Tensor) => x.data()],
    ['toArray', (x: Tensor) => x.toArray()],
    ['item', (x: Tensor) => x.at(0).item()],
    ['toText', (x: Tensor) => x.toText()],
  ] as const)('has the line of the user who called %s, and the function that made the tensor', async (name, read) => {
    const w = leaf(randn([5000], HERE).mul(1))
    let kept: Tensor | undefined
    for (let i = 0; i < 4; i++) {
      const out = w.exp()
      if (i === 1) kept = out
      w.grad = null
      out.mean().backward()
      noGrad(() => w.sub_(gradOf(w)))
    }
    const error = await userFunction(() => read(kept as Tensor)).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(StaleTensorError)
    expect((error as StaleTensorError).stack).toContain('userFunction')
    expect((error as StaleTensorError).op).toBe(name === 'item' ? 'at' : 'exp')
  })

  it('has the line of the user who steps', async () => {
    const w = leaf(zeros([16], HERE))
    const optimizer = new optim.SGD([w], { lr: LR })
    await init({ device, memoryLimit: memory(device).liveBytes + 2 ** 20 })
    try {
      const large = randn([2 ** 16, 16], HERE).matmul(w.reshape([16, 1]))
      large.square().mean().backward()
      const error = await userFunction(() => optimizer.step()).catch((e: unknown) => e)
      expect((error as Error).stack).toContain('userFunction')
    } finally {
      await init({ device, memoryLimit: Number.POSITIVE_INFINITY })
    }
  })
})

describe('an update by hand that cannot be computed', () => {
  it('did not happen: the leaf is as before it, and goes on', async () => {
    const w = leaf(zeros([16], HERE))
    const turn = (rows: number): void => {
      const x = randn([rows, 16], HERE)
      const loss = x
        .matmul(w.reshape([16, 1]))
        .sub(1)
        .square()
        .mean()
      loss.backward()
      noGrad(() => w.sub_(gradOf(w).mul(LR)))
      w.grad = null
    }
    for (let i = 0; i < 4; i++) turn(8)
    const before = await values(w)
    await init({ device, memoryLimit: memory(device).liveBytes + 2 ** 20 })
    try {
      turn(2 ** 16) // recorded
      expect(() => turn(8)).toThrow(/OutOfMemory|memory/)
      expect(await values(w)).toEqual(before)
    } finally {
      await init({ device, memoryLimit: Number.POSITIVE_INFINITY })
    }
    turn(8)
    expect(await values(w)).not.toEqual(before)
  })
})
