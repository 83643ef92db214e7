/** @file Tensors that move between cpu and webgpu inside one graph, and those of both that must not meet. */
import { beforeAll, describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import {
  allclose,
  autograd,
  backward,
  type DeviceName,
  data,
  equal,
  grad,
  init,
  manualSeed,
  memory,
  nn,
  noGrad,
  ones,
  optim,
  randn,
  synchronize,
  type Tensor,
  tensor,
  where,
  zeros,
} from '../../src/index.ts'
import { cleanSlate, expectNoGrowth } from '../support/collect.ts'
import '../support/matchers.ts'

const F = nn.functional
const A = { device: 'cpu' } as const
const B = { device: 'webgpu' } as const

beforeAll(() => init(B))

/** One half on each device, or both on one. */
class Halves extends nn.Module {
  readonly first: nn.Linear
  readonly second: nn.Linear
  readonly #places: readonly [DeviceName, DeviceName]

  constructor(...places: [DeviceName, DeviceName]) {
    super()
    manualSeed(5)
    this.first = new nn.Linear(6, 16, A).to(places[0])
    this.second = new nn.Linear(16, 3, A).to(places[1])
    this.#places = places
  }

  forward(x: Tensor): Tensor {
    const h = F.relu(this.first.forward(x.to(this.#places[0])))
    // there and back once more, for what the first half has to do with the answer
    const skip = h.at('...', '0:3').to(this.#places[1])
    return this.second.forward(h.to(this.#places[1])).add(skip).to(this.#places[0])
  }
}

async function train(
  model: nn.Module & { forward(x: Tensor): Tensor },
  steps: number,
): Promise<{ losses: number[]; values: Float32Array[] }> {
  manualSeed(6)
  const x = randn([12, 6], A)
  const y = x.at('...', '0:3').mul(2).detach()
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 })
  const losses: Tensor[] = []
  for (let i = 0; i < steps; i++) {
    optimizer.zeroGrad()
    const loss = F.mseLoss(model.forward(x).cpu(), y)
    loss.backward()
    optimizer.step()
    losses.push(loss)
  }
  const values = await Promise.all(model.parameters().map(async (p) => (await p.data()) as Float32Array))
  return { losses: await Promise.all(losses.map((l) => l.item())), values }
}

describe('a model of two halves on two devices', () => {
  it('learns what it learns on one, either way round', async () => {
    const want = await train(new Halves('cpu', 'cpu'), 10)
    expect(want.losses.at(-1)).toBeLessThan((want.losses[0] as number) / 1.5)
    for (const places of [
      ['cpu', 'webgpu'],
      ['webgpu', 'cpu'],
      ['webgpu', 'webgpu'],
    ] as const) {
      const model = new Halves(places[0], places[1])
      const got = await train(model, 10)
      await expect(tensor(got.losses, A)).toBeCloseToTensor(want.losses, { rtol: 1e-4, atol: 1e-5 })
      for (const [i, values] of got.values.entries())
        await expect(tensor(values, A)).toBeCloseToTensor(want.values[i] as Float32Array, { rtol: 1e-3, atol: 1e-4 })
      expect([model.first.weight.device, model.second.weight.device]).toEqual([...places])
      expect([model.first.weight.grad?.device, model.second.weight.grad?.device]).toEqual([...places])
    }
  })

  it('moves with its optimizer in the middle of a training, and goes on', async () => {
    const steps = async (moved: boolean): Promise<number[]> => {
      manualSeed(8)
      const model = new nn.Linear(4, 1, A)
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 })
      const x = randn([8, 4], A)
      const losses: number[] = []
      for (let i = 0; i < 9; i++) {
        if (moved && i === 3) expect(model.to('webgpu')).toBe(model)
        if (moved && i === 6) model.to('cpu')
        optimizer.zeroGrad()
        const loss = model
          .forward(x.to(model.weight.device as DeviceName))
          .square()
          .mean()
        loss.backward()
        optimizer.step()
        losses.push(await loss.item())
      }
      return losses
    }
    const [got, want] = [await steps(true), await steps(false)]
    await expect(tensor(got, A)).toBeCloseToTensor(want, { rtol: 1e-4, atol: 1e-6 })
  })

  it('keeps memory flat on both', async () => {
    await cleanSlate()
    const model = new Halves('cpu', 'webgpu')
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 })
    const x = randn([512, 6], A)
    const live: { cpu: number; webgpu: number }[] = []
    for (let i = 1; i <= 40; i++) {
      optimizer.zeroGrad()
      const loss = model.forward(x).square().mean()
      loss.backward()
      optimizer.step()
      if (i % 15 !== 10) continue
      await synchronize()
      live.push({ cpu: memory('cpu').liveBytes, webgpu: memory('webgpu').liveBytes })
    }
    const [, early, late] = live as [(typeof live)[0], (typeof live)[0], (typeof live)[0]]
    expectNoGrowth(late, early)
  })
})

describe('a move', () => {
  it('gives the same values, there and back, in every dtype that both have', async () => {
    for (const dtype of ['float32', 'float16', 'bfloat16', 'int32', 'uint32', 'int8', 'uint8', 'bool'] as const) {
      const x = tensor([0, 1, 2, 3, 1, 0], { ...A, dtype })
      const there = x.to('webgpu')
      expect([there.device, there.dtype]).toEqual(['webgpu', dtype])
      expect(await there.cpu().toArray()).toEqual(await x.toArray())
      expect(x.to('cpu')).toBe(x)
    }
    await expect(zeros([0, 3], A).to('webgpu')).toBeCloseToTensor(zeros([0, 3], B))
    expect(await tensor([Number.NaN, -0, Number.POSITIVE_INFINITY, 1e-40], A).to('webgpu').cpu().toArray()).toEqual([
      Number.NaN,
      -0,
      Number.POSITIVE_INFINITY,
      Math.fround(1e-40),
    ])
    expect(() => zeros([2], { dtype: 'float64' }).to('webgpu')).toThrow(
      "webgpu has no float64. Convert first: x.to('float32').to('webgpu')",
    )
  })

  it('is an op: a leaf stays where it is and has its gradient there, what was moved is no leaf', async () => {
    const x = tensor([1, 2, 3], { ...A, requiresGrad: true })
    const there = x.to('webgpu')
    expect([x.isLeaf, there.isLeaf, there.requiresGrad, there.gradFn?.name]).toEqual([true, false, true, 'ToDevice'])
    there.retainGrad()
    const back = there.square().cpu()
    back
      .mul(tensor([1, 10, 100], A))
      .sum()
      .backward()
    expect([x.grad?.device, there.grad?.device]).toEqual(['cpu', 'webgpu'])
    expect(await x.grad?.toArray()).toEqual([2, 40, 600])
    expect(await there.grad?.toArray()).toEqual([2, 40, 600])
    expect(noGrad(() => x.to('webgpu')).requiresGrad).toBe(false)
    const leaf = x.detach().to('webgpu').requiresGrad_()
    leaf.cpu().sum().backward()
    expect([leaf.isLeaf, leaf.grad?.device]).toEqual([true, 'webgpu'])
  })

  it('has gradients of any order, and both paths of a leaf that is used on both devices', async () => {
    const x = tensor([1, 2], { ...A, requiresGrad: true })
    const y = x.pow(3).sum().add(x.to('webgpu').pow(2).cpu().sum())
    const [g] = grad(y, x, { createGraph: true })
    expect(await (g as Tensor).toArray()).toEqual([5, 16]) // 3x² + 2x
    const [gg] = grad((g as Tensor).to('webgpu').sum(), x)
    expect(await (gg as Tensor).toArray()).toEqual([8, 14]) // 6x + 2
    expect(gg?.device).toBe('cpu')
  })

  it('of an expression runs what is before it on its own device, in one go with what is beside it', async () => {
    const x = randn([64, 64], A)
    const w = randn([64, 64], B)
    const y = x.matmul(x).tanh().to('webgpu').matmul(w).cpu().sum(1)
    const want = x.matmul(x).tanh().matmul(w.cpu()).sum(1)
    await expect(y).toBeCloseToTensor(want, { rtol: 1e-3, atol: 1e-3 })
  })

  it('works for results of a step that has ended', async () => {
    const w = new nn.Parameter(ones([3], A))
    const optimizer = new optim.SGD([w], { lr: 0.5 })
    const seen: Tensor[] = []
    for (let i = 0; i < 3; i++) {
      optimizer.zeroGrad()
      const loss = w.to('webgpu').square().sum()
      loss.backward()
      optimizer.step()
      seen.push(loss.to('cpu'))
    }
    expect(await Promise.all(seen.map((l) => l.item()))).toEqual([3, 0, 0])
  })

  it('copy_, fill_, loadStateDict and load of an optimizer bring values to where the handle is', async () => {
    const x = zeros([2, 2], A)
    expect(x.copy_(tensor([1, 2], B)).device).toBe('cpu')
    expect(await x.toArray()).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(x.fill_(tensor(7, B)).device).toBe('cpu')
    expect(await x.sum().item()).toBe(28)
    const [here, there] = [new nn.Linear(2, 2, A), new nn.Linear(2, 2, B)]
    here.loadStateDict(there.stateDict())
    expect(here.weight.device).toBe('cpu')
    expect(await here.weight.toArray()).toEqual(await there.weight.toArray())
    const batches: Tensor[] = []
    for await (const [x] of new data.DataLoader(new data.TensorDataset(tensor([1, 2, 3], B)), { batchSize: 2 })) batches.push(x as Tensor)
    expect(batches.map((b) => b.device)).toEqual(['webgpu', 'webgpu'])
  })
})

describe('tensors of two devices', () => {
  const a = ones([2, 3], A)
  const b = ones([2, 3], B)
  const [ia, ib] = [zeros([2], { ...A, dtype: 'int32' }), zeros([2], { ...B, dtype: 'int32' })]
  const leaf = (): Tensor => ones([2, 3], { ...A, requiresGrad: true })
  const [image, kernel] = [ones([1, 2, 6, 6], A), ones([4, 2, 3, 3], B)]

  /** Throws at the call; the message names the op, the roles and shapes, both devices and what to do. */
  const meetings: Readonly<Record<string, () => unknown>> = {
    add: () => a.add(b),
    pow: () => a.pow(b),
    lt: () => a.lt(b),
    maximum: () => tg.maximum(a, b),
    clamp: () => a.clamp({ max: b }),
    where: () => where(b.gt(0), a, 0),
    cat: () => tg.cat([a, a, b]),
    stack: () => tg.stack([a, b]),
    matmul: () => a.matmul(b.t()),
    bmm: () => tg.bmm(ones([1, 2, 2], A), ones([1, 2, 2], B)),
    dot: () => ones([2], A).dot(ones([2], B)),
    linear: () => F.linear(a, b),
    conv2d: () => F.conv2d(image, kernel),
    gather: () => a.gather(1, zeros([2, 1], { ...B, dtype: 'int32' })),
    indexSelect: () => a.indexSelect(0, ib),
    at: () => a.at(ib),
    embedding: () => F.embedding(ib, a),
    maskedSelect: () => tg.maskedSelect(a, b.gt(0)),
    add_: () => zeros([2, 3], A).add_(b),
    clamp_: () => zeros([2, 3], A).clamp_(b),
    mseLoss: () => F.mseLoss(a, b),
    crossEntropy: () => F.crossEntropy(a, ib),
    nllLoss: () => F.nllLoss(a, ia, { weight: ones([3], B) }),
    batchNorm: () => F.batchNorm(a, zeros([3], B), ones([3], B), { training: true }),
    'batchNorm, ': () => F.batchNorm(a, zeros([3], A), ones([3], A), { training: true, momentum: zeros([], B) }),
    allclose: () => allclose(a, b),
    equal: () => equal(a, b),
    backward: () => leaf().mul(2).backward(b),
    'backward, ': () => backward([leaf().mul(2)], [b]),
    grad: () => {
      const x = leaf()
      return grad(x.mul(2), [x], { gradOutputs: b })
    },
    registerHook: () => {
      const x = leaf()
      const y = x.mul(2)
      y.registerHook((g) => g.to('webgpu'))
      y.sum().backward()
    },
    step: () => {
      const p = new nn.Parameter(a)
      p.grad = b
      new optim.SGD([p]).step()
    },
    Twice: () => {
      class Twice extends autograd.Function {
        static forward(_: autograd.FunctionContext, x: Tensor): Tensor {
          return x.mul(2)
        }
        static backward(_: autograd.FunctionContext, g: Tensor): Tensor {
          return g.mul(2).to('webgpu')
        }
      }
      Twice.apply(leaf()).sum().backward()
    },
  }

  it.each(Object.entries(meetings))('in %s are an error that names both', async (title, call) => {
    const message = await Promise.resolve()
      .then(call)
      .then(
        () => 'nothing',
        (e: Error) => `${e.name}: ${e.message}`,
      )
    const op = title.replace(', ', '')
    expect(message).toMatch(
      new RegExp(`^DeviceError: ${op}: .*on cpu, .*on webgpu.*\\.to\\('cpu'\\)|^DeviceError: ${op}: .*on webgpu, .*on cpu`),
    )
    expect(message).toMatch(/Move (one|it) with \.to\('(cpu|webgpu)'\)/)
  })

  it('in a layer are named with its path', () => {
    const model = new nn.Sequential(new nn.Linear(3, 2, A))
    expect(() => model.forward(b)).toThrow('0: linear: x [2, 3] is on webgpu, weight [2, 3] is on cpu')
  })

  it('in one optimizer are updated each on its own', async () => {
    const [p, q] = [new nn.Parameter(ones([2], A)), new nn.Parameter(ones([2], B))]
    const optimizer = new optim.Adam([p, q], { lr: 0.1 })
    p.sum().backward()
    q.sum().backward()
    optimizer.step()
    await expect(p).toBeCloseToTensor(q.cpu(), { rtol: 1e-6 })
    await expect(p).toBeCloseToTensor([0.9, 0.9], { rtol: 1e-5 })
  })
})
