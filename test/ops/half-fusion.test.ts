/** @file The result of each op of halves is a half, whatever it is fused with: reading what is in between changes no bit of what follows, or of its gradients. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'
import { ENGINES, type Library, loadLibrary } from '../support/engines.ts'
import { HALVES, type Half } from '../support/halves.ts'
import { noise } from '../webgpu/kernels.ts'

const SHAPE = [13, 37]

/** Bits of a long chain's results and gradients. @param each is called with what is in between */
async function chain(tg: Library, dtype: Half, each: (x: Tensor) => Promise<unknown>): Promise<Record<string, number[]>> {
  const leaf = (shape: readonly number[], seed: number): Tensor => {
    const values = noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    )
    return tg.tensor(values, { shape: [...shape], dtype, device, requiresGrad: true })
  }
  const [x, y, row] = [leaf(SHAPE, 1), leaf(SHAPE, 2), leaf([37], 3)]
  const made: Tensor[] = []
  const step = async (t: Tensor): Promise<Tensor> => {
    made.push(t)
    await each(t)
    return t
  }
  const a = await step(x.mul(y))
  const b = await step(a.add(row))
  const c = await step(b.sigmoid())
  const d = await step(c.div(y.abs().add(1)))
  const e = await step(d.mul(a).sub(b).tanh())
  const f = await step(e.exp().mul(3).add(d.pow(3)))
  const g = await step(tg.nn.functional.softmax(f, 1).mul(b).sub(x.div(3)))
  const h = await step(g.mul(g).sqrt().add(a.mul(0.1)))
  h.backward(leaf(SHAPE, 4).detach())
  const results = { h, ...Object.fromEntries(made.map((t, i) => [`result ${i}`, t])) }
  const all: Record<string, Tensor> = { ...results, x: x.grad as Tensor, y: y.grad as Tensor, row: row.grad as Tensor }
  const bits = await Promise.all(Object.values(all).map((t) => t.data({ raw: true })))
  return Object.fromEntries(Object.keys(all).map((name, i) => [name, Array.from(bits[i] as ArrayLike<number>)]))
}

describe.each(ENGINES)('on $name', (engine) => {
  let tg: Library
  beforeAll(async () => {
    tg = await loadLibrary(engine)
  })
  it.each(HALVES)('%s', async (dtype) => {
    const whole = await chain(tg, dtype, async () => {})
    const apart = await chain(tg, dtype, (x) => x.data())
    for (const [name, bits] of Object.entries(whole)) expect(apart[name], name).toEqual(bits)
  })
})
