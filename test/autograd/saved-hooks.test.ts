/** @file Hooks on what ops save for backward, and what a function of one's own says of its results. */
import { beforeAll, describe, expect, it } from 'vitest'
import { autograd, checkpoint, grad, noGrad, setDefaultDevice, type Tensor, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

const { savedTensorsHooks } = autograd.graph
const same = (x: Tensor): Tensor => x

beforeAll(() => setDefaultDevice(device))

describe('savedTensorsHooks', () => {
  const x = (): Tensor => tensor([1, 2, 3], { requiresGrad: true })

  it('packs each tensor that is saved, and gives rules what unpack makes of it', async () => {
    const leaf = x()
    const packed: number[] = []
    const y = savedTensorsHooks(
      (t) => {
        packed.push(t.numel())
        expect(t.requiresGrad).toBe(false)
        return { kept: t.mul(10) }
      },
      ({ kept }) => kept,
      () => leaf.square().sum(),
    )
    expect(packed).toEqual([3])
    y.backward()
    expect(await leaf.grad?.toArray()).toEqual([20, 40, 60])
  })

  it('counts from the inside out, and only around the callback', async () => {
    const order: string[] = []
    const named =
      (name: string) =>
      (t: Tensor): Tensor => {
        order.push(name)
        return t
      }
    const leaf = x()
    const y = savedTensorsHooks(named('outer'), same, () => savedTensorsHooks(named('inner'), same, () => leaf.square()).square())
    y.square().sum().backward()
    expect(order).toEqual(['inner', 'outer'])
    noGrad(() => savedTensorsHooks(named('none'), same, () => leaf.square()))
    expect(order.length).toBe(2)
  })

  it('follows an async callback', async () => {
    let packs = 0
    const count = (t: Tensor): Tensor => {
      packs++
      return t
    }
    const leaf = x()
    const work = savedTensorsHooks(count, same, async () => {
      await Promise.resolve()
      return leaf.square()
    })
    const plain = leaf.square()
    expect(packs).toBe(0)
    const y = await work
    expect(packs).toBe(1)
    y.add(plain).sum().backward()
    expect(await leaf.grad?.toArray()).toEqual([4, 8, 12])
  })

  it('keeps places on the tape, for gradients of gradients', async () => {
    const leaf = x()
    const y = savedTensorsHooks(same, same, () => leaf.pow(3).sum())
    const [g] = grad(y, [leaf], { createGraph: true })
    const [h] = grad(g.sum(), [leaf])
    expect(await h.toArray()).toEqual([6, 12, 18])
  })

  it('moves what is saved to another dtype and back', async () => {
    const leaf = x()
    const halves = (t: Tensor): Tensor => t.to('float16')
    const y = savedTensorsHooks(
      halves,
      (t) => t.to('float32'),
      () => leaf.exp().sum(),
    )
    y.backward()
    const got = await (leaf.grad as Tensor).data()
    for (const [i, g] of got.entries()) expect(Math.abs(g / Math.exp(i + 1) - 1)).toBeLessThan(1e-3)
    expect(got[0]).not.toBe(Math.fround(Math.exp(1)))
  })

  it('sees what a checkpoint is given, and what a function of ones own saves', async () => {
    const seen: string[] = []
    const see = (t: Tensor): Tensor => {
      seen.push(`${t.shape}`)
      return t
    }
    const leaf = x()
    const y = savedTensorsHooks(see, same, () => checkpoint((h: Tensor) => h.exp().mul(h), leaf))
    y.sum().backward()
    expect(seen).toEqual(['3'])
    class Cube extends autograd.Function {
      static forward(ctx: autograd.FunctionContext, a: Tensor): Tensor {
        ctx.saveForBackward(a)
        return a.pow(3)
      }
      static backward(ctx: autograd.FunctionContext, g: Tensor): Tensor {
        const [a] = ctx.savedTensors as [Tensor]
        return g.mul(a.square()).mul(3)
      }
    }
    leaf.grad = null
    savedTensorsHooks(
      (t) => t.mul(2),
      same,
      () => Cube.apply(leaf),
    )
      .sum()
      .backward()
    expect(await (leaf.grad as unknown as Tensor).toArray()).toEqual([12, 48, 108])
  })

  it('refuses what does not fit', () => {
    const leaf = x()
    const wrong = savedTensorsHooks(
      same,
      (t) => t.sum(),
      () => leaf.square().sum(),
    )
    expect(() => wrong.backward()).toThrow(/savedTensorsHooks: unpack returned a \[\] float32 tensor, for one that was \[3\] float32/)
    const none = savedTensorsHooks(
      same,
      () => undefined as unknown as Tensor,
      () => leaf.square().sum(),
    )
    expect(() => none.backward()).toThrow(/savedTensorsHooks: what unpack returns/)
  })
})

describe('autograd.Function', () => {
  it('has results without a gradient, and null where nothing flowed', async () => {
    const given: unknown[] = []
    class Split extends autograd.Function {
      static forward(ctx: autograd.FunctionContext, x: Tensor): [Tensor, Tensor, Tensor] {
        const sign = x.sign()
        ctx.markNonDifferentiable(sign)
        ctx.setMaterializeGrads(false)
        return [x.mul(2), x.mul(3), sign]
      }
      static backward(_: autograd.FunctionContext, a: Tensor | null, b: Tensor | null, c: Tensor | null): Tensor | null {
        given.push(a, b, c)
        return a?.mul(2) ?? null
      }
    }
    const x = tensor([1, -2], { requiresGrad: true })
    const [double, triple, sign] = Split.apply(x)
    expect([double, triple, sign].map((t) => t.requiresGrad)).toEqual([true, true, false])
    double.sum().backward()
    expect(given.map((g) => g !== null)).toEqual([true, false, false])
    expect(await x.grad?.toArray()).toEqual([2, 2])
  })
})
