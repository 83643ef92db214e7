/** @file Checkpointing: the same bits as without, in less memory, and nothing done twice that shows. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  amp,
  checkpoint,
  checkpointSequential,
  Generator,
  grad,
  manualSeed,
  memory,
  nn,
  noGrad,
  optim,
  rand,
  randn,
  resetPeakMemory,
  setDefaultDevice,
  synchronize,
  type Tensor,
  tensor,
  useDeterministicAlgorithms,
  where,
} from '../../src/index.ts'
import { device } from '../support/device.ts'

const F = nn.functional

beforeAll(() => {
  setDefaultDevice(device)
  useDeterministicAlgorithms(true) // no BLAS, whose sums depend on the shape that a program has them in
})

/** x + f(layer norm of x), with attention and a wide layer in f, and dropout. */
class Block extends nn.Module {
  readonly qkv: nn.Linear
  readonly out: nn.Linear
  readonly up: nn.Linear
  readonly down: nn.Linear
  readonly drop = new nn.Dropout(0.2)

  constructor(width: number) {
    super()
    this.qkv = new nn.Linear(width, 3 * width)
    this.out = new nn.Linear(width, width)
    this.up = new nn.Linear(width, 4 * width)
    this.down = new nn.Linear(4 * width, width)
  }

  normed(x: Tensor): Tensor {
    const away = x.sub(x.mean(-1, { keepdim: true }))
    return away.mul(away.square().mean(-1, { keepdim: true }).add(1e-5).rsqrt())
  }

  forward(x: Tensor): Tensor {
    const [q, k, v] = this.qkv.forward(this.normed(x)).chunk(3, -1)
    const weights = q.matmul(k.transpose(-2, -1)).div(4).softmax(-1)
    const y = x.add(this.drop.forward(this.out.forward(weights.matmul(v))))
    return y.add(this.drop.forward(this.down.forward(F.gelu(this.up.forward(this.normed(y))))))
  }
}

class Net extends nn.Module {
  readonly blocks: nn.ModuleList<Block>

  constructor(depth: number, width: number) {
    super()
    this.blocks = new nn.ModuleList(Array.from({ length: depth }, () => new Block(width)))
  }

  forward(x: Tensor, step: (block: Block, h: Tensor) => Tensor): Tensor {
    let h = x
    for (const block of this.blocks) h = step(block, h)
    return h
  }
}

type Step = (block: Block, h: Tensor) => Tensor
const plain: Step = (block, h) => block.forward(h)
const checkpointed: Step = (block, h) => checkpoint((x: Tensor) => block.forward(x), h)

/** Losses and gradients of three steps, as bits, and where the generator stands afterwards. */
async function trained(step: Step): Promise<unknown> {
  const stream = manualSeed(5)
  const net = new Net(3, 16)
  const optimizer = new optim.AdamW(net.parameters(), { lr: 0.01 })
  const x = randn([4, 8, 16], { requiresGrad: true })
  const found: unknown[] = []
  for (let i = 0; i < 3; i++) {
    optimizer.zeroGrad()
    x.grad = null
    const loss = net.forward(x, step).square().mean()
    loss.backward()
    const grads = [x, ...net.parameters()].map((p) => (p.grad as Tensor).data())
    found.push(await loss.item(), ...(await Promise.all(grads)))
    optimizer.step()
  }
  return [found, stream.getState().calls]
}

describe('checkpointed training', () => {
  it('has the losses, gradients and random numbers of plain training, to the bit', async () => {
    const expected = await trained(plain)
    expect(await trained(checkpointed)).toEqual(expected)
  })

  it('has them when calls are nested, and when several blocks are one call', async () => {
    const expected = await trained(plain)
    expect(
      await trained((block, h) =>
        checkpoint(
          (x: Tensor) =>
            checkpointed(
              block,
              checkpoint((y: Tensor) => y.mul(1), x),
            ),
          h,
        ),
      ),
    ).toEqual(expected)
    const halves: Step = (block, h) => checkpoint((x: Tensor) => checkpoint((y: Tensor) => block.forward(y), x), h)
    expect(await trained(halves)).toEqual(expected)
  })

  it('has them under autocast, also where backward runs outside of it', async () => {
    const cast =
      (step: Step): Step =>
      (block, h) =>
        amp.autocast(() => step(block, h))
    const expected = await trained(cast(plain))
    expect(expected).not.toEqual(await trained(plain))
    expect(await trained(cast(checkpointed))).toEqual(expected)
  })

  it('has them where each step is one program', async () => {
    const run = async (step: Step): Promise<number[]> => {
      manualSeed(6)
      const net = new Net(3, 16)
      const optimizer = new optim.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 })
      const x = randn([4, 8, 16])
      const losses: number[] = []
      for (let i = 0; i < 10; i++) {
        optimizer.zeroGrad()
        const loss = net.forward(x, step).square().mean()
        loss.backward()
        optimizer.step()
        losses.push(await loss.item())
      }
      return losses
    }
    const expected = await run(plain)
    expect(await run(checkpointed)).toEqual(expected)
    expect(new Set(expected).size).toBe(10)
  })
})

/** The peak of one step, in bytes beyond what was there before, once the first steps have been. */
async function peakOf(step: Step, steps: number): Promise<number> {
  manualSeed(7)
  const net = new Net(6, 32)
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 })
  const x = randn([16, 32, 32])
  let before = 0
  for (let i = 0; i < steps; i++) {
    await synchronize()
    resetPeakMemory(device)
    before = memory(device).liveBytes
    optimizer.zeroGrad()
    net.forward(x, step).square().mean().backward()
    optimizer.step()
  }
  await synchronize()
  return memory(device).peakBytes - before
}

describe('the memory of a checkpointed step', () => {
  it('is less than half, planned in parts and as a whole', async () => {
    for (const steps of [3, 14]) {
      const without = await peakOf(plain, steps)
      const within = await peakOf(checkpointed, steps)
      expect(within / without).toBeLessThan(0.45)
    }
  })

  it('falls where branches have constant gradients, so that nothing else orders them', async () => {
    const branches = Array.from({ length: 6 }, () => new Block(32))
    const x = randn([16, 32, 32])
    const peak = async (step: Step): Promise<number> => {
      await synchronize()
      resetPeakMemory(device)
      const before = memory(device).liveBytes
      branches
        .map((block) => step(block, x).sum())
        .reduce((a, b) => a.add(b))
        .backward()
      await synchronize()
      for (const block of branches) block.zeroGrad()
      return memory(device).peakBytes - before
    }
    const without = await peak(plain)
    expect((await peak(checkpointed)) / without).toBeLessThan(0.6)
  })
})

describe('checkpoint', () => {
  it('gives what fn gives, of any structure, and gradients through all of it', async () => {
    const x = tensor([1, 2], { requiresGrad: true })
    const w = tensor([3, 4], { requiresGrad: true })
    const fn = (list: readonly Tensor[], o: { b: Tensor }, n: number) => {
      const [a] = list as readonly [Tensor]
      return { product: a.mul(o.b).mul(w), rest: [a.exp(), n] as const }
    }
    const { product, rest } = checkpoint(fn, [x], { b: x }, 7)
    expect(rest[1]).toBe(7)
    product.sum().add(rest[0].sum()).backward()
    const [first, second] = await (x.grad as Tensor).data()
    expect(first).toBeCloseTo(6 + Math.exp(1), 4)
    expect(second).toBeCloseTo(16 + Math.exp(2), 4)
    expect(await w.grad?.toArray()).toEqual([1, 4])
  })

  it('is fn alone under noGrad, and where nothing requires grad', () => {
    let calls = 0
    const fn = (x: Tensor): Tensor => {
      calls++
      return x.exp().mul(x)
    }
    const x = tensor([1], { requiresGrad: true })
    expect(noGrad(() => checkpoint(fn, x)).requiresGrad).toBe(false)
    expect(checkpoint(fn, x.detach()).requiresGrad).toBe(false)
    expect(calls).toBe(2)
    const y = checkpoint(fn, x)
    expect(calls).toBe(3)
    y.backward()
    expect(calls).toBe(4)
  })

  it('runs fn once more for each backward that reads what it saved', async () => {
    let calls = 0
    const x = tensor([2], { requiresGrad: true })
    const y = checkpoint((h: Tensor) => {
      calls++
      return h.exp().mul(h).exp()
    }, x)
    y.backward(undefined, { retainGraph: true })
    const once = (await x.grad?.data())?.[0] as number
    y.backward()
    expect(calls).toBe(3)
    expect((await x.grad?.data())?.[0]).toBeCloseTo(2 * once, -1)
    expect(() => y.backward()).toThrow(/walked before/)
  })

  it('has gradients of gradients', async () => {
    const x = tensor([0.5, -1], { requiresGrad: true })
    const f = (h: Tensor): Tensor => h.sin().mul(h.exp())
    const second = async (y: Tensor): Promise<unknown> => {
      const [g] = grad(y.sum(), [x], { createGraph: true })
      return (grad(g.square().sum(), [x])[0] as Tensor).data()
    }
    expect(await second(checkpoint(f, x))).toEqual(await second(f(x)))
  })

  it('may take gradients inside by grad, and not by backward, which would accumulate them twice', async () => {
    const x = tensor([0.5, -1], { requiresGrad: true })
    const w = tensor([2, 3], { requiresGrad: true })
    const penalty = (h: Tensor): Tensor => {
      const [g] = grad(h.sin().mul(w).sum(), [h], { createGraph: true })
      return g.square().mul(h).sum()
    }
    const gradients = async (y: Tensor): Promise<unknown> => Promise.all(grad(y, [x, w]).map((g) => g.data()))
    expect(await gradients(checkpoint(penalty, x))).toEqual(await gradients(penalty(x)))
    const trains = (h: Tensor): Tensor => {
      h.mul(w).sum().backward()
      return h.exp()
    }
    expect(() => checkpoint(trains, x)).toThrow('backward: inside a function given to checkpoint, which runs it again, gradients would be accumulated twice. Use grad(), or call backward() outside') // biome-ignore format: one text
    expect(w.grad).toBe(null)
    trains(x)
    expect(w.grad).not.toBe(null)
  })

  it('draws from a generator once, whichever it is', async () => {
    const own = new Generator(3)
    const x = tensor([1, 2, 3], { requiresGrad: true })
    const y = checkpoint((h: Tensor) => h.mul(rand([3], { generator: own })).square(), x)
    const next = own.getState()
    y.sum().backward()
    expect(own.getState()).toEqual(next)
    const noise = await rand([3], { generator: new Generator(3) }).data()
    const want = Array.from(noise, (r, i) => 2 * (i + 1) * r * r)
    for (const [i, g] of [...(await (x.grad as Tensor).data())].entries()) expect(g).toBeCloseTo(want[i] as number, 5)
  })

  it('changes in place once: running statistics, and tensors of ones own', async () => {
    const step = async (run: (norm: nn.BatchNorm1d, x: Tensor) => Tensor): Promise<unknown> => {
      manualSeed(1)
      const norm = new nn.BatchNorm1d(3)
      const x = randn([8, 3], { requiresGrad: true })
      for (let i = 0; i < 3; i++) run(norm, x).square().sum().backward()
      const { running_mean, running_var, num_batches_tracked } = norm.stateDict() as Record<string, Tensor>
      return Promise.all([running_mean, running_var, num_batches_tracked, x.grad].map((t) => (t as Tensor).toArray()))
    }
    const f = (norm: nn.BatchNorm1d) => (x: Tensor) => norm.forward(x).exp()
    expect(await step((norm, x) => checkpoint(f(norm), x))).toEqual(await step((norm, x) => f(norm)(x)))

    const count = tensor([0])
    const x = tensor([2], { requiresGrad: true })
    const y = checkpoint((h: Tensor) => {
      noGrad(() => count.add_(1))
      return h.exp().mul(count)
    }, x)
    noGrad(() => count.add_(10))
    y.backward()
    expect(await count.item()).toBe(11)
    expect(await (x.grad as Tensor).item()).toBeCloseTo(Math.exp(2), 4)
  })

  it('reads tensors from outside as they were', async () => {
    const x = tensor([2], { requiresGrad: true })
    const scale = tensor([3])
    const y = checkpoint((h: Tensor) => h.exp().mul(scale).square(), x)
    scale.fill_(100)
    y.backward()
    expect(await (x.grad as Tensor).item()).toBeCloseTo(2 * 9 * Math.exp(4), 1)
    expect(await scale.item()).toBe(100)
  })

  it('reads a tensor from outside as it was where its op saves another one', async () => {
    const x = tensor([2], { requiresGrad: true })
    const other = tensor([3])
    const y = checkpoint((h: Tensor) => where(h.gt(5), h, other).mul(h), x)
    noGrad(() => other.add_(100))
    y.backward()
    expect(await (x.grad as Tensor).item()).toBe(3)
  })

  it('leaves a generator where it stands that fn seeds and draws nothing of', async () => {
    const x = tensor([2], { requiresGrad: true })
    const y = checkpoint((h: Tensor) => {
      manualSeed(7)
      return h.exp()
    }, x)
    const before = await rand([4]).data()
    y.backward()
    expect(await rand([4]).data()).not.toEqual(before)
  })

  it('says when fn does something else the second time, and when it is async', () => {
    const x = tensor([1], { requiresGrad: true })
    let more = false
    const y = checkpoint((h: Tensor) => (more ? h.exp().exp().exp() : h.exp().exp()), x)
    more = true
    expect(() => y.backward()).toThrow(/checkpoint: fn saved 2 tensors for backward when it was called, 3 when it was run again/)
    let n = 2
    const z = checkpoint((h: Tensor) => h.expand([n]).exp().sum(), x)
    n = 3
    expect(() => z.backward()).toThrow(/a \[2\] float32 tensor when it was called, a \[3\] float32 tensor when it was run again/)
    expect(() => checkpoint(async (h: Tensor) => h, x)).toThrow(/checkpoint: fn returned a promise/)
  })
})

describe('checkpointSequential', () => {
  it('checkpoints all segments but the last', async () => {
    const x = tensor([[0.1, -0.2]], { requiresGrad: true })
    const calls = [0, 0, 0, 0, 0]
    const steps = calls.map((_, i) => (h: Tensor) => {
      calls[i] = (calls[i] as number) + 1
      return h.mul(1 + i).tanh()
    })
    checkpointSequential(steps, 2, x).sum().backward()
    expect(calls).toEqual([2, 2, 1, 1, 1])
    const got = await x.grad?.data()
    const other = x.detach()
    other.requiresGrad = true
    steps
      .reduce((h, step) => step(h), other)
      .sum()
      .backward()
    expect(got).toEqual(await other.grad?.data())
    const net = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU(), new nn.Linear(3, 1))
    expect(checkpointSequential(net, 3, x).shape).toEqual([1, 1])
    expect(() => checkpointSequential(net, 4, x)).toThrow(/segments must be from 1 to 3, as many as there are modules, got 4/)
  })
})
