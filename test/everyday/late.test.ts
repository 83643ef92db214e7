/**
 * @file Errors of what was recorded come when it is computed, and name the function that was called all the same: whatever it is made of, and whoever computes
 * it. What cannot be compiled belongs to the tensors that need that kernel, and to no others.
 */
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import * as tg from '../../src/index.ts'
import { CompilationError, init, memory, nn, OutOfMemoryError, optim, synchronize, type Tensor, tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { breakKernels } from '../support/broken.ts'
import { cleanSlate } from '../support/collect.ts'
import { device } from '../support/device.ts'

const F = nn.functional
const MIB = 2 ** 20
const HERE = { device } as const

beforeAll(() => init(HERE))
afterEach(() => {
  vi.restoreAllMocks()
})

const failureOf = (work: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(work)
    .then(
      () => undefined,
      (e: unknown) => e,
    )

describe('too little memory', () => {
  /** What each makes is larger than the limit allows. */
  const cases: Readonly<Record<string, () => Tensor>> = {
    rand: () => tg.rand([2048, 1024], HERE),
    randn: () => tg.randn([2048, 1024], HERE),
    randLike: () => tg.randLike(tg.zeros([2048, 1024], HERE)),
    dropout: () => F.dropout(tg.ones([2048, 1024], HERE), 0.5),
    add: () => tg.ones([2048, 1024], HERE).add(tg.arange(1024, HERE)),
    softmax: () => tg.ones([2048, 1024], HERE).softmax(1),
    gelu: () => F.gelu(tg.ones([2048, 1024], HERE)),
    matmul: () => tg.ones([2048, 8], HERE).matmul(tg.ones([8, 1024], HERE)),
    linear: () => F.linear(tg.ones([2048, 8], HERE), tg.ones([1024, 8], HERE), tg.ones([1024], HERE)),
    conv2d: () => F.conv2d(tg.ones([1, 1, 256, 256], HERE), tg.ones([32, 1, 3, 3], HERE)),
    cat: () => tg.cat([tg.rand([1024, 1024], HERE), tg.rand([1024, 1024], HERE)]),
    eye: () => tg.eye(2048, 1024, HERE),
    tril: () => tg.ones([2048, 1024], HERE).tril(),
  }

  it.each(Object.keys(cases))('names %s', { timeout: 60_000 }, async (name) => {
    await cleanSlate()
    await init({ memoryLimit: memory(device).liveBytes + MIB })
    const result = (cases[name] as () => Tensor)()
    const error = await failureOf(() => result.data())
    await init({ memoryLimit: Number.POSITIVE_INFINITY })
    expect(error).toBeInstanceOf(OutOfMemoryError)
    expect((error as OutOfMemoryError).op).toBe(name)
    expect((error as OutOfMemoryError).message).toMatch(new RegExp(`^${name}: `))
  })

  it('names the function of this call, where another has recorded the same', { timeout: 60_000 }, async () => {
    await cleanSlate()
    const like = tg.zeros([2048, 1024], HERE)
    await tg.rand([2048, 1024], HERE).data()
    await cleanSlate()
    await init({ memoryLimit: memory(device).liveBytes + MIB })
    const error = await failureOf(() => tg.randLike(like).data())
    await init({ memoryLimit: Number.POSITIVE_INFINITY })
    expect(error).toBeInstanceOf(OutOfMemoryError)
    expect((error as OutOfMemoryError).op).toBe('randLike')
  })

  it('names the optimizer, and the op whose gradient it was', { timeout: 60_000 }, async () => {
    await cleanSlate()
    const w = new nn.Parameter(tg.zeros([512, 512], HERE))
    const optimizer = new optim.Adam([w], { lr: 0.1 })
    w.square().sum().backward()
    await synchronize()
    await cleanSlate()
    await init({ memoryLimit: memory(device).liveBytes + MIB / 2 })
    const step = await failureOf(async () => {
      optimizer.step()
      await synchronize()
    })
    const x = tg.ones([8, 1024], { ...HERE, requiresGrad: true })
    tg.ones([1024, 8], HERE).matmul(x).exp().exp().sum().backward()
    const gradient = await failureOf(() => (x.grad as Tensor).data())
    await init({ memoryLimit: Number.POSITIVE_INFINITY })
    expect((step as OutOfMemoryError).op).toBe('Adam.step')
    expect((gradient as OutOfMemoryError).op).toMatch(/^(matmul|backward of (exp|matmul))$/)
  })
})

describe('a kernel that cannot be compiled', () => {
  const trained = (): { w: nn.Parameter; step: () => void } => {
    const w = new nn.Parameter(tensor([1, 2], HERE))
    const optimizer = new optim.SGD([w], { lr: 0.5 })
    return {
      w,
      step: () => {
        optimizer.zeroGrad()
        w.square().sum().backward()
        optimizer.step()
      },
    }
  }

  it('fails the tensors that need it, with the name of their function, each time they are read', { timeout: 60_000 }, async () => {
    breakKernels(device, /erf/)
    const bad = F.gelu(tensor([1, 2, 3], HERE))
    for (let i = 0; i < 2; i++) {
      const error = await failureOf(() => bad.data())
      expect(error).toBeInstanceOf(CompilationError)
      expect((error as CompilationError).op).toBe('gelu')
      expect((error as CompilationError).cause).toBeInstanceOf(Error)
    }
    const made = await failureOf(() => bad.mul(2).add(1).data())
    expect(made).toBeInstanceOf(CompilationError)
  })

  it('leaves others alone: what is read beside it, and every step of an optimizer', { timeout: 60_000 }, async () => {
    breakKernels(device, /erf/)
    const { w, step } = trained()
    const bad: Tensor[] = []
    let total = tensor(0, HERE)
    for (let i = 0; i < 4; i++) {
      const x = tensor([1, 2, 3 + i], HERE)
      const loss = F.gelu(x).sum()
      bad.push(loss)
      total = total.add(loss.detach())
      const fine = tensor([1, 2, 3, 4], HERE).mul(10).add(i) // (another shape: no kernel has both)
      step()
      expect(await fine.toArray()).toEqual([10 + i, 20 + i, 30 + i, 40 + i])
    }
    expect(await w.toArray()).toEqual([0, 0])
    for (const t of [...bad, total]) expect(await failureOf(() => t.item())).toBeInstanceOf(CompilationError)
    expect(await tensor([1, 2], HERE).add(1).toArray()).toEqual([2, 3])
  })

  it('is told by who waits for everything', { timeout: 60_000 }, async () => {
    await failureOf(() => synchronize())
    breakKernels(device, /erf/)
    const bad = F.gelu(tensor([5, 6, 7, 8], HERE))
    expect(await failureOf(() => synchronize())).toBeInstanceOf(CompilationError)
    expect(await failureOf(() => bad.data())).toBeInstanceOf(CompilationError)
    await synchronize()
    expect(deviceCounters(device).dispatches).toBeGreaterThan(0)
  })
})
