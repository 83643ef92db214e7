/** @file The device goes away at the worst moments: everything that waits is answered, and a resumed run goes on, bit for bit. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WEBGPU_PLACE } from '../../src/device/index.ts'
import {
  DeviceLostError,
  init,
  manualSeed,
  memory,
  nn,
  ones,
  optim,
  synchronize,
  type Tensor,
  type TypedArray,
  tensor,
  zeros,
} from '../../src/index.ts'
import { cleanSlate } from '../support/collect.ts'
import { compiled } from '../support/compiled.ts'
import { destroyDevice } from '../support/destroy.ts'

const F = nn.functional
const LIMIT = 20_000

interface Saved {
  readonly model: Record<string, TypedArray>
  readonly slots: Record<number, Record<string, number | TypedArray>>
}

interface Run {
  readonly model: nn.Sequential
  step(i: number): Tensor
  save(): Promise<Saved>
}

/** A network larger than what moves to the host by itself (64 × 128 weights: 32 KiB). */
function start(saved?: Saved): Run {
  manualSeed(3)
  const model = new nn.Sequential(new nn.Linear(64, 128), new nn.Tanh(), new nn.Linear(128, 10))
  const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-3 })
  if (saved) {
    const shapes = model.stateDict()
    model.loadStateDict(
      Object.fromEntries(Object.entries(saved.model).map(([k, v]) => [k, tensor(v, { shape: (shapes[k] as Tensor).shape })])),
    )
    const order = [...model.parameters()]
    const state = Object.entries(saved.slots).map(([i, slots]) => {
      const { shape } = order[Number(i)] as Tensor
      return [i, Object.fromEntries(Object.entries(slots).map(([k, v]) => [k, typeof v === 'number' ? v : tensor(v, { shape })]))]
    })
    optimizer.loadStateDict({ ...optimizer.stateDict(), state: Object.fromEntries(state) })
  }
  return {
    model,
    step(i) {
      const x = tensor(
        Float32Array.from({ length: 32 * 64 }, (_, k) => Math.sin(k * 0.37 + i)),
        { shape: [32, 64] },
      )
      const y = tensor(Int32Array.from({ length: 32 }, (_, k) => (k + i) % 10))
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), y)
      loss.backward()
      optimizer.step()
      return loss
    },
    async save() {
      const values: Record<string, TypedArray> = {}
      for (const [k, v] of Object.entries(model.stateDict())) values[k] = await v.data()
      const slots: Record<number, Record<string, number | TypedArray>> = {}
      for (const [i, entry] of Object.entries(optimizer.stateDict().state)) {
        const own: Record<string, number | TypedArray> = {}
        for (const [k, v] of Object.entries(entry)) own[k] = typeof v === 'number' ? v : await v.data()
        slots[Number(i)] = own
      }
      return { model: values, slots }
    },
  }
}

/** The loss after four steps, two of them before the state was saved. */
async function uninterrupted(): Promise<{ losses: number[]; end: Saved }> {
  const run = start()
  const losses: number[] = []
  for (let i = 0; i < 4; i++) losses.push(await run.step(i).item())
  return { losses, end: await run.save() }
}

const rejections: unknown[] = []
const note = (e: unknown): unknown => rejections.push(e)

beforeEach(async () => {
  process.on('unhandledRejection', note)
  await init({ device: 'webgpu' })
})
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 20))
  process.off('unhandledRejection', note)
  expect(rejections.splice(0)).toEqual([])
})

async function lossOf(promise: Promise<unknown>): Promise<DeviceLostError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(DeviceLostError)
  return error as DeviceLostError
}

describe('a device that is lost in a training', { timeout: LIMIT }, () => {
  const moments: Record<string, (run: Run) => Promise<unknown>> = {
    async 'before a step'(run) {
      await destroyDevice()
      return run.step(2).item()
    },
    async 'unnoticed before a step'(run) {
      void destroyDevice()
      return run.step(2).item()
    },
    async 'with work in flight'(run) {
      const losses = [2, 3, 4].map((i) => run.step(i))
      void destroyDevice()
      return (losses[2] as Tensor).item()
    },
    async 'while a loss is awaited'(run) {
      const read = run.step(2).item()
      void destroyDevice()
      return read
    },
    async 'while a large value is awaited'(run) {
      const read = ones([1200, 1200]).mul(2).data()
      void destroyDevice()
      await lossOf(read)
      return run.step(2).item()
    },
    async 'while memory is waited for'(run) {
      const read = ones([2500, 2000]).mul(2).data()
      run.step(2)
      void destroyDevice()
      return read
    },
    async 'while synchronize is awaited'(run) {
      run.step(2)
      const all = synchronize()
      void destroyDevice()
      return all
    },
    async 'while a pipeline compiles'(run) {
      await synchronize()
      const fresh = run.model
        .forward(ones([7, 64]))
        .exp()
        .sum()
      const read = fresh.item()
      void destroyDevice()
      return read
    },
    async 'and nothing is read but synchronize is asked'() {
      await destroyDevice()
      return synchronize()
    },
  }

  it.each(Object.keys(moments))('%s: DeviceLostError, and the saved state trains on, bit for bit', async (name) => {
    const expected = await uninterrupted()
    const run = start()
    const losses = [await run.step(0).item(), await run.step(1).item()]
    const saved = await run.save()
    await lossOf((moments[name] as (run: Run) => Promise<unknown>)(run))
    // what only the lost device had says so, with its shape, every time; what was read stays
    const weight = run.model.parameters()[0] as Tensor
    for (let i = 0; i < 2; i++) expect((await lossOf(weight.add(1).data())).message).toContain('[128, 64] float32')
    expect(losses).toEqual(expected.losses.slice(0, 2))

    const resumed = start(saved)
    for (const i of [2, 3]) losses.push(await resumed.step(i).item())
    expect(losses).toEqual(expected.losses)
    expect(await resumed.save()).toEqual(expected.end)
  })
})

describe('after a loss', { timeout: LIMIT }, () => {
  it('it is told once where nothing that is asked for was lost', async () => {
    await destroyDevice()
    const x = tensor([1, 2])
    expect((await lossOf(x.add(1).data())).message).toMatch(/webgpu: the device was lost \(.+\)\. Tensors whose values were on it are gone/)
    expect(await x.add(1).data()).toEqual(Float32Array.of(2, 3))
    await synchronize()
  })

  it('values on the host remain: data, small results that were read, and large ones', async () => {
    const leaf = tensor(Float32Array.from({ length: 10_000 }, (_, i) => i))
    for (let i = 0; i < 6; i++) await leaf.add(i).sum().item() // the device has a copy by now
    const small = tensor([3]).mul(2)
    const large = leaf.mul(3)
    const unread = leaf.mul(5).detach()
    await Promise.all([small.data(), large.data(), synchronize()])
    await destroyDevice()
    await lossOf(synchronize())
    expect(await small.add(1).data()).toEqual(Float32Array.of(7))
    expect((await large.add(1).data())[5]).toBe(16)
    expect((await leaf.add(1).data())[9999]).toBe(10_000)
    const { message, cause } = await lossOf(unread.add(1).data())
    expect(message).toBe(
      'add: a [10000] float32 tensor cannot be computed: it needs a [10000] float32 tensor whose values were on a device that was lost. ' +
        'New tensors work, on a fresh device; make the model anew, load its last saved state, and go on',
    )
    expect(cause).toBeInstanceOf(DeviceLostError)
    expect((await lossOf(unread.data())).message).toMatch(/^mul: a \[10000\] float32 tensor is gone: its values were on/)
    unread.dispose()
    await synchronize()
  })

  it('a small result that never came to the host is lost, and so is what was made from it', async () => {
    const small = tensor([3]).mul(2).detach()
    const made = small.add(1)
    const done = synchronize()
    void destroyDevice()
    await Promise.allSettled([done])
    await lossOf(made.data())
    await lossOf(small.mul(2).data())
  })

  it('memory of the fresh device is counted anew, and old buffers do not come into it', async () => {
    await cleanSlate()
    const held = zeros([300, 300]).add(1).detach()
    await synchronize()
    expect(memory('webgpu').liveBytes).toBeGreaterThan(0)
    await destroyDevice()
    await lossOf(synchronize())
    expect(memory('webgpu')).toEqual({ liveBytes: 0, peakBytes: 0, pooledBytes: 0, buffers: 0 })
    const fresh = zeros([300, 300]).add(2).detach()
    await synchronize()
    const { liveBytes, pooledBytes } = memory('webgpu')
    held.dispose()
    expect(memory('webgpu')).toMatchObject({ liveBytes, pooledBytes })
    expect((await fresh.data())[0]).toBe(2)
  })

  it('it can be lost again', async () => {
    for (let i = 0; i < 3; i++) {
      const x = tensor([i]).add(1)
      expect(await x.item()).toBe(i + 1)
      const old = WEBGPU_PLACE.device
      await destroyDevice()
      await lossOf(synchronize())
      await init({ device: 'webgpu' })
      expect(WEBGPU_PLACE.device).not.toBe(old)
    }
  })
})

describe('a program whose device is lost', async () => {
  const script = await compiled(new URL('losing.ts', import.meta.url))
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const run = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8', timeout: 50_000 })

  it('exits by itself, with the error printed once where nobody waited for it', { timeout: 60_000 }, () => {
    const { status, stderr, signal } = run('unread')
    expect(signal).toBeNull()
    expect(stderr.match(/DeviceLostError/g)).toHaveLength(1)
    expect(stderr).toContain('Uncaught by any promise: DeviceLostError: webgpu: the device was lost')
    expect(status).toBe(1)
  })

  it('exits by itself and well where it was told', { timeout: 60_000 }, () => {
    const { status, stdout, stderr, signal } = run('told')
    expect({ status, signal, stderr: stderr.match(/Error.*/g) }).toEqual({ status: 0, signal: null, stderr: null })
    expect(stdout).toContain('told: DeviceLostError')
    expect(stdout).toContain('after: 3')
  })
})
