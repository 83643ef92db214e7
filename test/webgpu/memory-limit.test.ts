/** @file Memory runs out: the error says for what, the step did not happen, and a smaller one trains on as if nothing had been. */
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { dtypeInfo } from '../../src/base/index.ts'
import { WasmHeap } from '../../src/device/cpu/wasm/memory/heap.ts'
import {
  arange,
  type DeviceName,
  init,
  manualSeed,
  memory,
  nn,
  noGrad,
  OutOfMemoryError,
  ones,
  optim,
  synchronize,
  type Tensor,
  type TypedArray,
  tensor,
  zeros,
} from '../../src/index.ts'
import { cleanSlate } from '../support/collect.ts'
import { gpuDevice } from '../support/destroy.ts'

const F = nn.functional
const MIB = 2 ** 20
const LIMIT = 30_000

async function failure(work: () => unknown): Promise<OutOfMemoryError> {
  let error: unknown
  try {
    await work()
  } catch (e) {
    error = e
  }
  expect(error).toBeInstanceOf(OutOfMemoryError)
  return error as OutOfMemoryError
}

type Kind = 'AdamW' | 'SGD'
interface Run {
  readonly model: nn.Sequential
  step(i: number, batch?: number): Tensor
  values(): Promise<TypedArray[]>
}

function start(device: DeviceName, kind: Kind = 'AdamW', keepPrevious = true): Run {
  manualSeed(3)
  const model = new nn.Sequential(new nn.Linear(64, 128), new nn.Tanh(), new nn.Linear(128, 10)).to(device)
  const params = model.parameters()
  const optimizer =
    kind === 'AdamW' ? new optim.AdamW(params, { lr: 3e-3, keepPrevious }) : new optim.SGD(params, { lr: 0.1, momentum: 0.9, keepPrevious })
  return {
    model,
    step(i, batch = 32) {
      // a huge batch is made on the device: the host has only one row of it
      const row = tensor(
        Float32Array.from({ length: 32 * 64 }, (_, k) => Math.sin(k * 0.37 + i)),
        { shape: [32, 64], device },
      )
      const x = batch === 32 ? row : row.repeat([batch / 32, 1])
      const y = tensor(
        Int32Array.from({ length: 32 }, (_, k) => (k + i) % 10),
        { device },
      )
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), batch === 32 ? y : y.repeat([batch / 32]))
      loss.backward()
      optimizer.step()
      return loss
    },
    async values() {
      return Promise.all(model.parameters().map((p) => p.data()))
    },
  }
}

/** Losses of the given steps and the parameters after them. */
async function train(run: Run, steps: readonly number[]): Promise<number[]> {
  const losses: number[] = []
  for (const i of steps) losses.push(await run.step(i).item())
  return losses
}

const held = async (device: DeviceName) => {
  await cleanSlate()
  await synchronize()
  const { liveBytes, buffers } = memory(device)
  return { liveBytes, buffers }
}

afterEach(async () => {
  vi.restoreAllMocks()
  await init({ memoryLimit: Number.POSITIVE_INFINITY })
})

describe('one buffer past what the adapter binds', { timeout: LIMIT }, () => {
  beforeAll(async () => {
    await init({ device: 'webgpu' })
  })
  beforeEach(cleanSlate)
  /** Rows of 128 floats that are more than one buffer. */
  const huge = (): number => 32 * Math.ceil((gpuDevice().traits.maxBindingBytes + 1) / (32 * 128 * 4))

  it.each([
    ['AdamW', 0, true],
    ['AdamW', 2, true],
    ['AdamW', 2, false],
    ['SGD', 2, true],
  ] as const)(
    '%s after %i steps (keepPrevious: %s): the step did not happen, and training goes on bit for bit',
    async (kind, before, keep) => {
      const plain = start('webgpu', kind, keep)
      const expected = await train(plain, [0, 1, 2, 3, 4])
      const end = await plain.values()

      const run = start('webgpu', kind, keep)
      const losses = await train(
        run,
        Array.from({ length: before }, (_, i) => i),
      )
      const error = await failure(() => run.step(99, huge()).item())
      expect(error.bytes).toBeGreaterThan(gpuDevice().traits.maxBindingBytes)
      expect(error.message).toMatch(
        /^\w[\w+]*: a buffer of \d+ bytes \(\d+\.\d [MG]iB\) is needed, and one buffer of this device holds \d+ bytes \(\d+\.\d [MG]iB\)\. A smaller batch, /,
      )
      for (let i = before; i < 5; i++) losses.push(await run.step(i).item())
      expect(losses).toEqual(expected)
      expect(await run.values()).toEqual(end)
    },
  )

  it('parameters and what was saved before stay readable right after it, and memory is what it was', async () => {
    const run = start('webgpu')
    await train(run, [0, 1, 2])
    const saved = run.model.stateDict()
    const before = await run.values()
    await Promise.all(Object.values(saved).map((t) => t.data())) // they live on the host from now on
    const early = await held('webgpu')
    await failure(() => run.step(99, huge()).item())
    expect(await run.values()).toEqual(before)
    expect(await Promise.all(Object.values(saved).map((t) => t.data()))).toEqual(before)
    await failure(() => run.step(98, huge()).item())
    expect((await held('webgpu')).liveBytes).toBeLessThanOrEqual(early.liveBytes) // without the gradients
    await train(run, [3])
    expect(await held('webgpu')).toEqual(early)
  })

  it('other results that waited for the same step are computed', async () => {
    const run = start('webgpu')
    await train(run, [0])
    const other = ones([300, 300], { device: 'webgpu' }).mul(3).detach()
    await failure(() => run.step(99, huge()))
    expect((await other.data())[7]).toBe(3)
  })

  it('a value that is too large is refused when it is read, names the op, and stands in nobody’s way', async () => {
    const x = ones([huge(), 128], { device: 'webgpu' }).exp()
    const { op, bytes, message } = await failure(() => x.data())
    expect([op, bytes]).toEqual(['exp', huge() * 128 * 4])
    expect(message).toMatch(/^exp: a buffer of/)
    expect(await x.sum().item()).toBeGreaterThan(0) // no buffer needed
  })
})

describe.each(['webgpu', 'cpu'] as const)('a limit for all memory of device %s', (device) => {
  beforeAll(async () => {
    await init({ device })
  })
  beforeEach(cleanSlate)

  it('a step past it did not happen, and smaller ones go on bit for bit', { timeout: LIMIT }, async () => {
    const expected = await train(start(device), [0, 1, 2, 3])
    const run = start(device)
    const losses = await train(run, [0, 1])
    const early = await held(device)
    await init({ memoryLimit: memory(device).liveBytes + MIB })
    for (let i = 0; i < 2; i++) {
      const error = await failure(() => run.step(99, 8192).item())
      expect(error.message).toMatch(
        /^\w[\w+]*: \d+ bytes \(.*\) more are needed; [\d.]+ KiB are in use, and memoryLimit is [\d.]+ MiB\. A smaller batch, .*; results that are no longer wanted can be disposed of$/,
      )
      expect(error.bytes).toBeGreaterThan(MIB)
    }
    expect((await held(device)).liveBytes).toBeLessThanOrEqual(early.liveBytes)
    losses.push(...(await train(run, [2, 3])))
    expect(await held(device)).toEqual(early)
    expect(losses).toEqual(expected)
  })

  it('many results that are held are too much, those that were dropped or disposed of are not', { timeout: LIMIT }, async () => {
    await init({ memoryLimit: 16 * MIB })
    const make = (i: number): Tensor => zeros([512, 512], { device }).add(i)
    for (let i = 0; i < 64; i++) {
      make(i)
      await synchronize()
    }
    await cleanSlate()
    const list: Tensor[] = []
    const error = await failure(async () => {
      for (let i = 0; i < 64; i++) {
        list.push(make(i))
        await synchronize()
      }
    })
    expect(list.length).toBeGreaterThan(10)
    expect(error.op).toMatch(/^add/)
    list[0]?.dispose()
    list[1]?.dispose()
    expect(await make(7).sum().item()).toBe(7 * 512 * 512)
    expect(memory(device).liveBytes).toBeLessThanOrEqual(16 * MIB)
    for (const x of list) x.dispose()
  })

  it('waiting buffers count, and go first', { timeout: LIMIT }, async () => {
    await init({ memoryLimit: 8 * MIB })
    for (const side of [256, 512, 640, 768, 896, 1024, 300, 512])
      expect(await ones([side, side], { device }).mul(2).detach().sum().item()).toBe(2 * side * side)
    const { liveBytes, pooledBytes } = memory(device)
    // WebAssembly memory never shrinks: what is free in it is nobody's, and no other use could have it
    expect(liveBytes + (device === 'cpu' ? 0 : pooledBytes)).toBeLessThanOrEqual(8 * MIB)
  })

  it('is checked', async () => {
    await expect(init({ memoryLimit: -1 })).rejects.toThrow('init: memoryLimit must be a number of bytes above 0, got -1')
  })
})

describe('a GPU that has no more room', { timeout: LIMIT }, () => {
  beforeAll(async () => {
    await init({ device: 'webgpu' })
  })
  beforeEach(cleanSlate)

  /** From now on there is no room for new buffers larger than `bytes`: they are invalid, and the error scope says why. `times`: at most so often. */
  function exhaust(bytes: number, times = Number.POSITIVE_INFINITY): { asked: number } {
    const { gpu } = gpuDevice()
    const create = gpu.createBuffer.bind(gpu)
    const pop = gpu.popErrorScope.bind(gpu)
    const count = { asked: 0 }
    class GPUOutOfMemoryError {
      readonly message = 'Error creating VkBuffer: VK_ERROR_OUT_OF_DEVICE_MEMORY'
    }
    let refused = false
    vi.spyOn(gpu, 'createBuffer').mockImplementation((wanted) => {
      if (wanted.size <= bytes || ++count.asked > times) return create(wanted)
      refused = true
      gpu.pushErrorScope('validation')
      const invalid = create({ ...wanted, size: gpu.limits.maxBufferSize + 4 })
      void pop()
      return invalid
    })
    vi.spyOn(gpu, 'popErrorScope').mockImplementation(() => {
      const error = refused ? new GPUOutOfMemoryError() : undefined
      refused = false
      return error ? pop().then(() => error as GPUError) : pop()
    })
    return count
  }

  it('the step did not happen, and a smaller one goes on bit for bit', async () => {
    const expected = await train(start('webgpu'), [0, 1, 2, 3])
    const run = start('webgpu')
    const losses = await train(run, [0, 1])
    const early = await held('webgpu')
    const { asked } = exhaust(2 * MIB)
    expect(asked).toBe(0)
    const error = await failure(() => run.step(99, 2 ** 15).item())
    expect(error.message).toMatch(
      /^\w[\w+]*: the device has no room for \d+ bytes \([\d.]+ MiB\) more; tensors hold [\d.]+ [KM]iB\. A smaller batch/,
    )
    vi.restoreAllMocks()
    expect((await held('webgpu')).liveBytes).toBeLessThanOrEqual(early.liveBytes)
    losses.push(...(await train(run, [2, 3])))
    expect(await held('webgpu')).toEqual(early)
    expect(losses).toEqual(expected)
  })

  it('nobody awaits in between: the steps recorded after it did not happen either, and the error comes once', async () => {
    const plain = start('webgpu')
    const expected = await train(plain, [0, 1, 4])
    const run = start('webgpu')
    const losses = await train(run, [0, 1])
    exhaust(2 * MIB)
    run.step(99, 2 ** 15)
    run.step(2)
    run.step(3)
    await failure(() => synchronize())
    vi.restoreAllMocks()
    await synchronize()
    losses.push(await run.step(4).item())
    expect(losses).toEqual(expected)
    expect(await run.values()).toEqual(await plain.values())
  })

  it('is asked again when waiting buffers are gone and the work in flight is done', async () => {
    const run = start('webgpu')
    await train(run, [0, 1])
    const count = exhaust(2 * MIB, 1)
    expect(await run.step(2, 2 ** 15).item()).toBeGreaterThan(0)
    expect(count.asked).toBeGreaterThan(1)
  })

  it('small amounts are not waited for: what is made of them fails, by name, and nothing else', async () => {
    const other = ones([300, 300], { device: 'webgpu' }).mul(5).detach()
    await synchronize()
    exhaust(2 ** 18)
    const x = ones([700, 700], { device: 'webgpu' }).mul(3).detach()
    const y = x.add(1).detach()
    await failure(() => y.data())
    expect((await failure(() => x.data())).op).toMatch(/^mul/)
    await failure(() => y.mul(2).sum().item())
    expect(await other.add(1).sum().item()).toBe(6 * 300 * 300)
    vi.restoreAllMocks()
    await synchronize()
    expect(await ones([700, 700], { device: 'webgpu' }).mul(3).detach().sum().item()).toBe(3 * 700 * 700)
  })

  it('reading needs room as well', async () => {
    const x = ones([2000, 2000], { device: 'webgpu' }).mul(3).detach()
    await synchronize()
    exhaust(MIB, 1)
    expect((await x.data())[5]).toBe(3)
    const z = ones([2000, 2001], { device: 'webgpu' }).mul(3).detach()
    await synchronize()
    vi.restoreAllMocks()
    exhaust(MIB)
    expect((await failure(() => z.data())).message).toMatch(/^data: the device has no room for 16008000 bytes \(15.3 MiB\) more/)
    vi.restoreAllMocks()
    expect((await z.data())[5]).toBe(3)
  })
})

describe('a host that has no more room', () => {
  it('the CPU device says for what, nothing is half done, and training goes on', { timeout: LIMIT }, async () => {
    await init({ device: 'cpu' })
    await cleanSlate()
    const expected = await train(start('cpu'), [0, 1, 2])
    const run = start('cpu')
    const losses = await train(run, [0, 1])
    const early = await held('cpu')
    const real = WasmHeap.prototype.take
    vi.spyOn(WasmHeap.prototype, 'take').mockImplementation(function (this: WasmHeap, dtype, length) {
      if (length * dtypeInfo[dtype].bytes > 400_000) throw new RangeError('the memory cannot grow')
      return real.call(this, dtype, length)
    })
    const error = await failure(() => run.step(99, 1024))
    expect(error.message).toMatch(/^\w[\w+]*: the device has no room for 524288 bytes \(512.0 KiB\) more/)
    expect((await held('cpu')).liveBytes).toBeLessThanOrEqual(early.liveBytes)
    vi.restoreAllMocks()
    losses.push(...(await train(run, [2])))
    expect(await held('cpu')).toEqual(early)
    expect(losses).toEqual(expected)
  })
})

describe.each(['webgpu', 'cpu'] as const)('values that were replaced in place on device %s', (device) => {
  beforeAll(async () => {
    await init({ device })
  })
  beforeEach(cleanSlate)
  const rows = 40_000 // × 64 floats: 10 MiB
  const limit = (): Promise<unknown> => init({ memoryLimit: memory(device).liveBytes + 4 * MIB })

  it('keep their old value where the new one is too large to compute: a training written by hand goes on', { timeout: LIMIT }, async () => {
    const w = ones([64, 64], { device })
    const step = async (n: number): Promise<number> => {
      const h = ones([n, 64], { device }).matmul(w).relu()
      const loss = h.matmul(w).mean()
      noGrad(() => w.sub_(h.mean(0).matmul(w).mul(1e-4)))
      return loss.item()
    }
    await step(8)
    const before = await w.data()
    await limit()
    await failure(() => step(rows))
    expect(await w.data()).toEqual(before)
    const after = await step(8)
    await init({ memoryLimit: Number.POSITIVE_INFINITY })
    const again = ones([64, 64], { device })
    noGrad(() => again.copy_(tensor(before, { shape: [64, 64], device })))
    expect(after).toBe(await ones([8, 64], { device }).matmul(again).relu().matmul(again).mean().item())
  })

  it('are as before a step that did not happen: the statistics of batch normalization', { timeout: LIMIT }, async () => {
    const run = (failing: boolean) => async (): Promise<unknown[]> => {
      manualSeed(1)
      const model = new nn.Sequential(new nn.Linear(8, 64), new nn.BatchNorm1d(64), new nn.Linear(64, 1)).to(device)
      const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-2 })
      const step = (n: number): Tensor => {
        const x = ones([n, 8], { device }).mul(tensor([1, 2, 3, 4, 5, 6, 7, 8], { device }))
        optimizer.zeroGrad()
        const loss = model
          .forward(x.mul(arange(n, { device }).reshape([n, 1])))
          .square()
          .mean()
        loss.backward()
        optimizer.step()
        return loss
      }
      const losses = [await step(16).item()]
      if (failing) {
        await limit()
        await failure(() => step(rows).item())
        await init({ memoryLimit: Number.POSITIVE_INFINITY })
      }
      for (const n of [16, 24]) losses.push(await step(n).item())
      return [losses, ...(await Promise.all(Object.values(model.stateDict()).map((t) => t.data())))]
    }
    await run(false)() // what comes for the first time is planned in parts, where a driver may fuse other products with sums
    expect(await run(true)()).toEqual(await run(false)())
  })
})
