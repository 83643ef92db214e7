/** @file Modes, hooks, retained gradients, detach and functions of one's own. */
import { beforeAll, describe, expect, it } from 'vitest'
import { autograd, enableGrad, inferenceMode, isGradEnabled, noGrad, setDefaultDevice, type Tensor, tensor } from '../../src/index.ts'
import { device, wide } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const leaf = (values: number | number[]): Tensor => tensor(values, { requiresGrad: true, dtype: wide })
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

describe('modes', () => {
  it('noGrad records nothing, and enableGrad records inside it', () => {
    const x = leaf([1])
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false)
    expect(inferenceMode(() => x.mul(2)).requiresGrad).toBe(false)
    expect(noGrad(() => enableGrad(() => x.mul(2))).requiresGrad).toBe(true)
    expect(isGradEnabled()).toBe(true)
  })

  it('noGrad ends where its callback throws', () => {
    expect(() =>
      noGrad(() => {
        throw new Error('inside')
      }),
    ).toThrow('inside')
    expect(isGradEnabled()).toBe(true)
  })

  it('an async callback keeps its mode over awaits, and what runs meanwhile keeps its own', async () => {
    const seen: boolean[] = []
    const inside = noGrad(async () => {
      await pause()
      seen.push(isGradEnabled())
      await pause()
      return isGradEnabled()
    })
    expect(isGradEnabled()).toBe(true)
    await pause()
    expect(isGradEnabled()).toBe(true)
    expect(await inside).toBe(false)
    expect(seen).toEqual([false])
    expect(isGradEnabled()).toBe(true)
  })
})

describe('hooks and retained gradients', () => {
  it('a hook sees the complete gradient of an interior tensor and may replace it', async () => {
    const x = leaf([1, 2])
    const y = x.mul(2)
    const seen: Tensor[] = []
    y.registerHook((g) => {
      seen.push(g)
      return g.mul(10)
    })
    y.add(y).sum().backward()
    expect(await seen[0]?.toArray()).toEqual([2, 2])
    expect(await x.grad?.toArray()).toEqual([40, 40])
  })

  it('a hook on a leaf runs once for each backward, until it is removed', async () => {
    const x = leaf([1])
    let calls = 0
    const handle = x.registerHook(() => {
      calls++
    })
    x.mul(x).sum().backward()
    handle.remove()
    x.sum().backward()
    expect(calls).toBe(1)
    expect(await x.grad?.toArray()).toEqual([3])
  })

  it('an async hook is refused', () => {
    const x = leaf([1])
    x.registerHook((async () => undefined) as unknown as () => undefined)
    expect(() => x.sum().backward()).toThrow(/a promise, which comes too late/)
  })

  it('retainGrad keeps the gradient of an interior tensor', async () => {
    const x = leaf([1, 2])
    const y = x.mul(2)
    expect(y.grad).toBe(null)
    y.retainGrad()
    y.mul(y).sum().backward()
    expect(await y.grad?.toArray()).toEqual([4, 8])
  })
})

describe('detach and clone', () => {
  it('detach stops the gradient, clone passes it', async () => {
    const x = leaf([2])
    x.detach().mul(x).sum().backward()
    expect(await x.grad?.toArray()).toEqual([2])
    const y = leaf([2])
    y.clone().mul(3).sum().backward()
    expect(await y.grad?.toArray()).toEqual([3])
  })

  it('a clone is not changed with its original', async () => {
    const x = tensor([1, 2])
    const y = x.clone()
    x.add_(1)
    expect(await y.toArray()).toEqual([1, 2])
    y.mul_(10)
    expect(await x.toArray()).toEqual([2, 3])
    x.dispose()
    expect(await y.toArray()).toEqual([10, 20])
  })
})

class Cube extends autograd.Function {
  static forward(ctx: autograd.FunctionContext, x: Tensor, factor: number): Tensor {
    ctx.saveForBackward(x)
    ctx.extra.factor = factor
    return x.pow(3).mul(factor)
  }
  static backward(ctx: autograd.FunctionContext, g: Tensor): [Tensor, null] {
    const [x] = ctx.savedTensors as [Tensor]
    return [g.mul(x.square()).mul(3 * (ctx.extra.factor as number)), null]
  }
}

class SumAndDifference extends autograd.Function {
  static forward(_: autograd.FunctionContext, a: Tensor, b: Tensor): [Tensor, Tensor] {
    return [a.add(b), a.sub(b)]
  }
  static backward(_: autograd.FunctionContext, s: Tensor, d: Tensor): [Tensor, Tensor] {
    return [s.add(d), s.sub(d)]
  }
}

describe('autograd.Function', () => {
  it('puts its backward on the tape, and is differentiable twice', async () => {
    const x = leaf([1, 2])
    const y = Cube.apply(x, 2)
    expect(y.toString()).toContain('gradFn=Cube')
    const [g] = autograd.grad(y.sum(), x, { createGraph: true })
    expect(await g?.toArray()).toEqual([6, 24])
    const [h] = autograd.grad((g as Tensor).sum(), x)
    expect(await h?.toArray()).toEqual([12, 24])
  })

  it('may have several results, of which some are not used', async () => {
    const a = leaf([1])
    const b = leaf([2])
    const [, difference] = SumAndDifference.apply(a, b)
    difference.mul(5).sum().backward()
    expect(await a.grad?.toArray()).toEqual([5])
    expect(await b.grad?.toArray()).toEqual([-5])
  })

  it('notices that a saved tensor was changed', () => {
    const x = leaf([1, 2])
    const h = x.mul(1)
    const y = Cube.apply(h, 1)
    h.add_(1)
    expect(() => y.sum().backward()).toThrow(/saved tensor 0 of Cube.*changed in place/)
  })

  it('names the class when backward answers too few gradients', () => {
    class Wrong extends autograd.Function {
      static forward(_: autograd.FunctionContext, a: Tensor, b: Tensor): Tensor {
        return a.add(b)
      }
      static backward(_: autograd.FunctionContext, g: Tensor): Tensor {
        return g
      }
    }
    const y = Wrong.apply(leaf([1]), leaf([2]))
    expect(() => y.sum().backward()).toThrow(/Wrong: backward returned 1 gradient for 2 arguments/)
  })
})
