import { beforeEach, describe, expect, it } from 'vitest'
import { StaleTensorError } from '../../src/base/index.ts'
import { CPU_PLACE } from '../../src/device/index.ts'
import * as g from '../../src/graph/index.ts'
import * as runtime from '../../src/runtime/index.ts'

const leaf = (values: number[], shape = [values.length]): g.Node => g.leaf(Float32Array.from(values), shape, 'float32', CPU_PLACE)
const read = async (node: g.Node): Promise<number[]> => [...(await runtime.readNode(node))]
const number = (v: number): g.Node => g.scalar(v, 'float32')
const add = (a: g.Node | number, b: g.Node | number): g.Node => g.binary('add', a, b)
const mul = (a: g.Node | number, b: g.Node | number): g.Node => g.binary('mul', a, b)
const big = (v: number): g.Node => g.leaf(new Float32Array(8192).fill(v), [8192], 'float32', CPU_PLACE)
const dispatches = (): number => runtime.deviceCounters('cpu').dispatches
const live = (): number => runtime.memoryStats('cpu').liveBytes

beforeEach(async () => {
  runtime.closeStep()
  runtime.closeStep()
  await runtime.synchronize()
})

describe('reading', () => {
  it('computes nothing before somebody looks', async () => {
    const before = dispatches()
    const y = add(leaf([1, 2, 3]), 1)
    expect(dispatches()).toBe(before)
    expect(await read(y)).toEqual([2, 3, 4])
    expect(dispatches()).toBe(before + 1)
  })

  it('gives literals, numbers, positions and empty tensors without a device', async () => {
    const before = dispatches()
    expect(await read(g.scalar(2.5, 'float32', CPU_PLACE))).toEqual([2.5])
    expect(await read(g.iota(3, CPU_PLACE))).toEqual([0, 1, 2])
    expect(await read(add(leaf([]), 1))).toEqual([])
    expect(dispatches()).toBe(before)
  })

  it('reads a reshaped value without a kernel', async () => {
    const x = leaf([1, 2, 3, 4])
    const before = dispatches()
    expect(await read(g.reshape(x, [2, 2]))).toEqual([1, 2, 3, 4])
    expect(dispatches()).toBe(before)
  })

  it('takes numbers as data: another number is the same plan', async () => {
    const run = async (v: number): Promise<number[]> => read(mul(leaf([1, 2]), number(v)))
    await run(2)
    const { pipelines } = runtime.deviceCounters('cpu')
    expect(await run(5)).toEqual([5, 10])
    expect(runtime.deviceCounters('cpu').pipelines).toBe(pipelines)
  })
})

describe('a step', () => {
  /** Parameters as an optimizer keeps them: one arena, replaced in every step. */
  function parameters(): { value: g.Node; step: (gradient: g.Node, keepPrevious?: boolean) => void } {
    const start = g.pack([big(1)])
    g.keep(start)
    const p = {
      value: start,
      step(gradient: g.Node, keepPrevious = true): void {
        const next = add(p.value, mul(gradient, number(-0.5)))
        g.keep(next)
        runtime.retire(p.value, { keepPrevious })
        p.value = next
        runtime.closeStep()
      },
    }
    return p
  }

  it('stores what nothing consumed, and what was consumed can still be read once', async () => {
    const p = parameters()
    const y = mul(p.value, number(3))
    const loss = g.reduce('sum', y, [0])
    g.keep(loss)
    p.step(y)
    expect(await read(loss)).toEqual([3 * 8192])
    expect((await read(y)).slice(0, 2)).toEqual([3, 3])
    expect((await read(p.value)).slice(0, 2)).toEqual([-0.5, -0.5])
  })

  it('refuses an interior value of a step long closed, and says what to do', async () => {
    const p = parameters()
    const y = mul(p.value, number(3))
    p.step(y)
    p.step(p.value)
    await expect(runtime.readNode(y)).rejects.toThrow(StaleTensorError)
    await expect(runtime.readNode(y)).rejects.toThrow(/detach\(\) or \.clone\(\)/)
  })

  it('keeps an alias of the parameters after they have been replaced twice', async () => {
    const p = parameters()
    const before = g.alias(p.value)
    p.step(p.value)
    p.step(p.value)
    p.step(p.value)
    expect((await read(before)).slice(0, 2)).toEqual([1, 1])
  })

  it('gives up the old version at once where keepPrevious is false', async () => {
    const p = parameters()
    const y = mul(p.value, number(3))
    p.step(y, false)
    await expect(runtime.readNode(y)).rejects.toThrow(StaleTensorError)
  })

  it('holds memory flat over steps without any dispose', async () => {
    const p = parameters()
    const losses: g.Node[] = []
    const step = (): void => {
      const y = mul(p.value, big(0.1))
      const loss = g.reduce('sum', y, [0])
      g.keep(loss)
      losses.push(loss)
      p.step(y)
    }
    for (let i = 0; i < 5; i++) step()
    const after5 = live()
    for (let i = 0; i < 50; i++) step()
    expect(live()).toBeLessThanOrEqual(after5)
    expect(await read(losses[0] as g.Node)).toHaveLength(1)
  })

  it('learns to store an interior value that later steps read in another run', async () => {
    const p = parameters()
    const stored: boolean[] = []
    for (let i = 0; i < 4; i++) {
      const hidden = g.unary('exp', mul(p.value, big(0.01)))
      await read(g.reduce('sum', hidden, [0]))
      stored.push(hidden.storage !== undefined)
      p.step(mul(hidden, number(0.001)))
    }
    // The first step also packs the arena: another structure, of which the second knows what was read of it.
    expect(stored).toEqual([false, true, true, true])
    const after = live()
    for (let i = 0; i < 10; i++) {
      const hidden = g.unary('exp', mul(p.value, big(0.01)))
      await read(g.reduce('sum', hidden, [0]))
      p.step(mul(hidden, number(0.001)))
    }
    expect(live()).toBeLessThanOrEqual(after)
  })
})
