/** @file What the tape saved and was changed since, and gradients of functions of one's own on a device that is not the default. */
import { beforeAll, describe, expect, it } from 'vitest'
import { autograd, nn, noGrad, ones, optim, setDefaultDevice, type Tensor, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

const other = device === 'cpu' ? 'webgpu' : 'cpu'
const F = nn.functional

beforeAll(() => setDefaultDevice(device))

describe('a parameter that was changed between two backwards', () => {
  const changed = (loss: (w: Tensor) => Tensor): (() => void) => {
    const w = new nn.Parameter(ones([2, 2]))
    const x = ones([2, 2], { requiresGrad: true })
    const optimizer = new optim.SGD([w], { lr: 0.1 })
    const l = loss(w).mul(x).sum()
    l.backward(undefined, { retainGraph: true })
    optimizer.step()
    return () => l.backward()
  }

  it('is noticed where it was saved itself', () => {
    expect(changed((w) => w.square())).toThrow(/changed in place: it is at version 1, version 0 was saved/)
  })

  it('is noticed where a view of it was saved', () => {
    const x = ones([2, 2], { requiresGrad: true })
    expect(changed((w) => F.linear(x, w))).toThrow(/input b of matmul.*changed in place/)
    expect(changed((w) => w.reshape(4).square().reshape(2, 2))).toThrow(/changed in place/)
    expect(changed((w) => w.mT.t().square())).toThrow(/changed in place/)
    expect(changed((w) => w.select(0, 1).square())).toThrow(/changed in place/)
  })

  it('is not where a clone was saved, or a view made after the change', () => {
    expect(changed((w) => w.clone().reshape(4).square().reshape(2, 2))).not.toThrow()
    const w = ones([2], { requiresGrad: true })
    const early = w.reshape(2, 1)
    noGrad(() => w.add_(1))
    expect(early.version).toBe(1)
    expect(() => w.reshape(2, 1).square().sum().backward()).not.toThrow()
  })
})

describe('autograd.Function', () => {
  class Two extends autograd.Function {
    static forward(ctx: autograd.FunctionContext, x: Tensor): [Tensor, Tensor] {
      ctx.saveForBackward(x)
      return [x.mul(2), x.mul(3)]
    }
    static backward(_ctx: autograd.FunctionContext, a: Tensor, b: Tensor): Tensor {
      expect([a.device, b.device]).toEqual([device, device])
      return a.mul(2).add(b.mul(3))
    }
  }

  it('gets zeros on the device of an output that nobody used', async () => {
    setDefaultDevice(other)
    try {
      const x = tensor([1, 2], { device, requiresGrad: true })
      Two.apply(x)[0].sum().backward()
      expect(await x.grad?.toArray()).toEqual([2, 2])
    } finally {
      setDefaultDevice(device)
    }
  })
})
